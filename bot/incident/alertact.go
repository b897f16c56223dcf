package incident

import (
	"context"
	"fmt"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// AlertAcknowledged says that the actor knows of an alert. It stands in the
// incident that the alert belongs to, else in the log.
type AlertAcknowledged struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

func (*AlertAcknowledged) Kind() timeline.Kind { return "alert.acknowledged" }
func (a *AlertAcknowledged) Text() string      { return fmt.Sprintf("Alert %s acknowledged", a.Name) }

// AlertSilenced says that an alert shall not be heard for a while.
type AlertSilenced struct {
	Key    string    `json:"key"`
	Name   string    `json:"name"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

func (*AlertSilenced) Kind() timeline.Kind { return "alert.silenced" }
func (a *AlertSilenced) Text() string {
	return because(fmt.Sprintf("Alert %s silenced until %s", a.Name, clock(a.Until)), a.Reason)
}

// SilencePlaced says that the alert's source took the silence over.
type SilencePlaced struct {
	Key string `json:"key"`
	At  string `json:"at"` // the outside system
	ID  string `json:"id"` // its id for the silence
}

func (*SilencePlaced) Kind() timeline.Kind { return "alert.silence_placed" }
func (s *SilencePlaced) Text() string      { return fmt.Sprintf("%s holds silence %s", s.At, s.ID) }

// AcknowledgeAlert says that the actor knows of an alert, and acknowledges the
// incident that it belongs to when nobody has. For one episode of the alert the
// first to say so counts: by is the entry, and already that it is an earlier one.
func (d *Desk) AcknowledgeAlert(ctx context.Context, who Who, key string) (by timeline.Entry, already bool, err error) {
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		row, known, err := alert.Table.Get(v, key)
		if err != nil || !known {
			return timeline.Decision{}, orUnknown(err, key)
		}
		claim := fmt.Sprintf("alert-acknowledged/%s/%d", key, row.StartsAt.UnixMicro())
		first, held, err := v.Claim(claim)
		if err != nil {
			return timeline.Decision{}, err
		}
		if held {
			already = true
			by, err = v.Entry(first)
			return timeline.Decision{}, err
		}
		already = false
		home, i, err := homeOf(v, row)
		if err != nil {
			return timeline.Decision{}, err
		}
		draft := who.draft(home, &AlertAcknowledged{Key: key, Name: oneLine(row.Name())})
		draft.Effects.Take = []string{claim}
		drafts := []timeline.Draft{draft}
		if i.Number > 0 && i.NeedsAck() {
			drafts = append(drafts, timeline.Draft{Timeline: home, Payload: &Acknowledged{}, Actor: who.Actor, CausedByPrevious: true})
		}
		return timeline.Decision{Entries: drafts}, nil
	})
	if err == nil && len(entries) > 0 {
		by = entries[0]
	}
	return by, already, err
}

// SilenceAlert records that an alert shall not be heard until a time in the
// future, at most 30 days ahead. Telling its source is the caller's: see SilenceIsPlaced.
func (d *Desk) SilenceAlert(ctx context.Context, who Who, key string, until time.Time, reason string) (timeline.Entry, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return timeline.Entry{}, err
	}
	if reason == "" {
		return timeline.Entry{}, problem.New(problem.Invalid, "say why it is silenced").WithHint("reason:\"known, fixed on Monday\"")
	}
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		if !until.After(v.Now()) || until.Sub(v.Now()) > 30*24*time.Hour {
			return timeline.Decision{}, problem.New(problem.Invalid, "a silence ends in the future, at most 30 days ahead")
		}
		row, known, err := alert.Table.Get(v, key)
		if err != nil || !known {
			return timeline.Decision{}, orUnknown(err, key)
		}
		home, _, err := homeOf(v, row)
		p := &AlertSilenced{Key: key, Name: oneLine(row.Name()), Until: timeline.Stamp(until), Reason: reason}
		return timeline.Decision{Entries: []timeline.Draft{who.draft(home, p)}}, err
	})
	if err != nil {
		return timeline.Entry{}, err
	}
	return entries[0], nil
}

// SilenceIsPlaced records that an outside system took a silence over.
func (d *Desk) SilenceIsPlaced(ctx context.Context, silenced timeline.Entry, placed SilencePlaced) error {
	_, err := d.store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: silenced.Timeline, Payload: &placed, Cause: silenced.Ref}}}, nil
	})
	return err
}

// homeOf is the timeline for what is said of an alert, with the incident if it is one's.
func homeOf(v timeline.View, row alert.Current) (timeline.ID, Incident, error) {
	if row.Incident == "" {
		return timeline.Log, Incident{}, nil
	}
	i, err := Get(v, row.Incident)
	return row.Incident, i, err
}

func orUnknown(err error, key string) error {
	if err != nil {
		return err
	}
	return problem.New(problem.NotFound, "there is no alert %s", key).WithHint("`/alert list` shows what fires")
}
