package commands

import (
	"context"
	"fmt"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// freezeStore is what the freeze needs of a store.
type freezeStore interface {
	timeline.Door
	View(context.Context, func(timeline.View) error) error
}

// Freeze is `/freeze`: while a freeze is in force nothing disruptive starts, and
// what runs stops between two steps; only what restores may go on.
func Freeze(store freezeStore) []command.Command {
	f := freeze{store}
	return []command.Command{{
		Path:        "freeze on",
		Summary:     "Let nothing disruptive start until the freeze is lifted",
		Description: "While a freeze is in force no repair starts, and one that runs stops between two steps. Steps that restore (scale back, uncordon) may still run. A freeze that is in force can be prolonged, not shortened: for that a lead lifts it.",
		Examples:    []string{"/freeze on reason:the database is being restored", "/freeze on reason:release until:09:00"},
		Access:      people.Responder,
		Records:     true,
		Options: []command.Option{
			{Name: "reason", Help: "Why nothing may be touched", Type: command.String, Required: true, Positional: true},
			{Name: "until", Help: "When it ends by itself: 09:00, in 2h; left out: when a lead lifts it", Type: command.Time, Future: true, Complete: completeFreeze},
		},
		Form:   freezeForm(),
		Handle: f.on,
	}, {
		Path:     "freeze off",
		Summary:  "Lift the freeze",
		Examples: []string{"/freeze off", "/freeze off reason:the restore is done"},
		Access:   people.Lead,
		Records:  true,
		Options: []command.Option{
			{Name: "reason", Help: "Why repairs may be made again", Type: command.String, Positional: true},
		},
		Handle: f.off,
	}, {
		Path:     "freeze show",
		Summary:  "Say whether repairs are frozen, since when and why",
		Examples: []string{"/freeze show"},
		Access:   people.Viewer,
		Handle:   f.show,
	}}
}

type freeze struct{ store freezeStore }

func (f freeze) on(ctx context.Context, r command.Request) (command.Reply, error) {
	reason, until := r.String("reason"), r.Time("until")
	_, err := f.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		return remediation.SetFreeze(v, r.Actor(), r.Cause, reason, until)
	})
	if err != nil {
		return command.Reply{}, err
	}
	return f.show(ctx, r)
}

func (f freeze) off(ctx context.Context, r command.Request) (command.Reply, error) {
	_, err := f.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		return remediation.LiftFreeze(v, r.Actor(), r.Cause, r.String("reason"))
	})
	if err != nil {
		return command.Reply{}, err
	}
	return f.show(ctx, r)
}

// freezeData is what --json prints.
type freezeData struct {
	Frozen bool                `json:"frozen"`
	Freeze *remediation.Freeze `json:"freeze,omitempty"`
}

func (f freeze) show(ctx context.Context, r command.Request) (command.Reply, error) {
	var data freezeData
	err := f.store.View(ctx, func(v timeline.View) error {
		now, frozen, err := remediation.Frozen(v)
		if frozen {
			data = freezeData{true, &now}
		}
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	if !data.Frozen {
		return command.Reply{Text: "Nothing is frozen: repairs may be made.", Data: data}, nil
	}
	now := data.Freeze
	end := "until a lead lifts it"
	if !now.Until.IsZero() {
		end = "until " + r.FormatTime(now.Until)
	}
	return command.Reply{
		Text: fmt.Sprintf("**Repairs are frozen** %s: %s\nSince %s, by %s.", end,
			command.Escape(now.Reason), r.FormatTime(now.At), command.Escape(now.By.Display())),
		Data:    data,
		Actions: []command.Action{{Label: "Lift the freeze", Ask: command.Ask{Path: "freeze off"}, Style: command.Danger}},
	}, nil
}

// freezeForm is filled with what the team is at: the one incident that is open.
func freezeForm() *command.Form {
	return &command.Form{
		Title: "Let nothing disruptive start", Submit: "Freeze", Fields: []string{"reason", "until"},
		Prefill: func(v timeline.View, _ command.Request) (map[string]string, error) {
			open, err := incident.Open(v)
			if err != nil || len(open) != 1 {
				return nil, err
			}
			return map[string]string{"reason": fmt.Sprintf("%s is being worked on", open[0].ID)}, nil
		},
	}
}

func completeFreeze(_ context.Context, _ timeline.View, typed string) []string {
	return beginning([]string{"in 1h", "in 4h", "in 12h", "tomorrow 09:00"}, typed)
}
