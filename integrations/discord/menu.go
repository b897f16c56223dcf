package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// quoteRoute begins the custom id of the select that asks which incident a message
// belongs to; the message's id follows.
const quoteRoute = "said/"

// quoted is a message that waits for its incident.
type quoted struct {
	Message heard     `json:"message"`
	At      time.Time `json:"at"`
}

// menu records the message that "Add to timeline" was used on. The interaction
// brings the message along, text and all, also without the Message Content intent.
func (b *Bot) menu(ctx context.Context, x *exchange, data discordgo.ApplicationCommandInteractionData) {
	x.answer(ctx, manner{private: true}, func(ctx context.Context) outcome {
		if data.Name != render.MenuAdd {
			return x.trouble(problem.New(problem.NotFound, "there is no %q here any more", room.Cut(room.Plain(data.Name), 40)))
		}
		var m *discordgo.Message
		if data.Resolved != nil {
			m = data.Resolved.Messages[data.TargetID]
		}
		if m == nil {
			return x.trouble(problem.New(problem.Invalid, "Discord did not send the message along").WithHint("try again"))
		}
		h := heardOf(m)
		if h.Channel == "" {
			h.Channel = x.i.ChannelID
		}
		if x.caller.Room != "" {
			return x.record(ctx, x.caller.Room, h)
		}
		return x.whichIncident(ctx, h)
	})
}

// whichIncident records into the only open incident, or asks which is meant.
func (x *exchange) whichIncident(ctx context.Context, h heard) outcome {
	if _, may := x.bot.mayRecord(userOf(x.i).ID); !may {
		return x.record(ctx, timeline.Log, h) // which refuses, and records that
	}
	var open []command.Named
	err := x.bot.store.View(ctx, func(v timeline.View) (err error) {
		open, err = x.bot.incidents.OpenIDs(v)
		return err
	})
	switch {
	case err != nil:
		return x.trouble(x.fault(err))
	case len(open) == 0:
		return x.trouble(problem.New(problem.NotFound, "no incident is open").WithHint("open one with /incident declare, then add the message"))
	case len(open) == 1:
		return x.record(ctx, open[0].ID, h)
	}
	doc, err := json.Marshal(quoted{h, x.bot.clock.Now()})
	if err == nil {
		err = x.bot.scratch(ctx, timeline.ScratchPut{Key: quotePrefix + h.ID, Doc: doc})
	}
	if err != nil {
		return x.trouble(x.fault(err))
	}
	one := 1
	menu := discordgo.SelectMenu{MenuType: discordgo.StringSelectMenu, CustomID: quoteRoute + h.ID, Placeholder: "Which incident?", MinValues: &one, MaxValues: 1}
	for _, n := range open[:min(len(open), 25)] {
		menu.Options = append(menu.Options, discordgo.SelectMenuOption{Label: room.Cut(string(n.ID)+" "+room.Plain(n.Title), 100), Value: string(n.ID)})
	}
	return outcome{messages: []rest.Message{{
		Content: "Which incident does the message belong to?", Flags: rest.Ephemeral,
		Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{menu}}},
	}}}
}

// chosenIncident records a message into the incident that was chosen for it.
func (b *Bot) chosenIncident(ctx context.Context, x *exchange, data discordgo.MessageComponentInteractionData) {
	x.answer(ctx, manner{private: true, update: true}, func(ctx context.Context) outcome {
		o := x.recordChosen(ctx, strings.TrimPrefix(data.CustomID, quoteRoute), data.Values)
		o.update = true
		return o
	})
}

func (x *exchange) recordChosen(ctx context.Context, message string, values []string) outcome {
	if len(values) != 1 {
		return x.trouble(problem.New(problem.Invalid, "choose one incident"))
	}
	id, err := timeline.ParseID(values[0])
	if err != nil {
		return x.trouble(err)
	}
	key := quotePrefix + message
	var q quoted
	known, exists := false, false
	err = x.bot.store.View(ctx, func(v timeline.View) error {
		notes, err := v.Scratch(key)
		if err != nil {
			return err
		}
		doc, ok := notes[key]
		if known = ok; ok {
			err = json.Unmarshal(doc, &q)
		}
		if err == nil {
			exists, err = x.bot.incidents.Exists(v, id)
		}
		return err
	})
	switch {
	case err != nil:
		return x.trouble(x.fault(err))
	case !known:
		return x.trouble(problem.New(problem.NotFound, "that was asked too long ago").WithHint("use the message's menu again: Apps → %s", render.MenuAdd))
	case !exists:
		return x.trouble(problem.New(problem.NotFound, "there is no %s", id))
	}
	return x.record(ctx, id, q.Message)
}

// record puts a message into a timeline for whoever asked, behind the same stages
// as a command: the request is an entry, also when it is refused, and counts once.
func (x *exchange) record(ctx context.Context, id timeline.ID, h heard) outcome {
	cause, err := x.requested(ctx, id, h)
	if err != nil {
		return x.trouble(err)
	}
	ref, again, lost, err := x.bot.record(ctx, id, h, x.caller.Actor, cause)
	switch {
	case err != nil:
		return x.trouble(x.fault(err))
	case again:
		return x.note(fmt.Sprintf("It stands in the timeline already, as %s.", ref))
	case lost > 0:
		return x.note(fmt.Sprintf("Recorded as %s. %d of %d attachments could not be kept: the entry says why.", ref, lost, len(h.Attachments)))
	}
	return x.note(fmt.Sprintf("Recorded as %s.", ref))
}

func (x *exchange) note(text string) outcome {
	return outcome{messages: []rest.Message{{Content: text, Flags: rest.Ephemeral}}}
}

// requested records the request.
func (x *exchange) requested(ctx context.Context, id timeline.ID, h heard) (timeline.Ref, error) {
	line := render.MenuAdd + " " + x.bot.link(h.Channel, h.ID)
	claim := command.InteractionClaim(askID(x.i.ID))
	_, may := x.bot.mayRecord(userOf(x.i).ID)
	refusal := problem.New(problem.Forbidden, "only %ss put messages into the timeline", people.Responder)
	var p timeline.Payload = &command.Asked{Line: line, Via: chat}
	if !may {
		id, p = timeline.Log, &command.Refused{Line: line, Via: chat, Reason: refusal.Message}
	}
	var ref timeline.Ref
	entries, err := x.bot.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		earlier, held, err := v.Claim(claim)
		if err != nil || held {
			ref = earlier
			return timeline.Decision{}, err
		}
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Payload: p, Actor: x.caller.Actor,
			Effects: timeline.Effects{Take: []string{claim}}}}}, nil
	})
	if err != nil {
		return ref, x.fault(err)
	}
	if len(entries) > 0 {
		ref = entries[len(entries)-1].Ref
	}
	if !may {
		return ref, refusal
	}
	return ref, nil
}

// fault is what is shown of an error that nobody foresaw; the log has the rest.
func (x *exchange) fault(err error) error {
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Code != problem.Internal {
		return p
	}
	x.log.Error("an interaction failed", "error", err)
	return &command.Fault{ID: x.i.ID, Err: err}
}
