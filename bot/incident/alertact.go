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
		claim := ackClaim(row)
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
		draft := who.draft(home, p)
		// Held by the newest: that is how it is found again.
		draft.Effects.Release, draft.Effects.Take = []string{silenceClaim(key)}, []string{silenceClaim(key)}
		return timeline.Decision{Entries: []timeline.Draft{draft}}, err
	})
	if err != nil {
		return timeline.Entry{}, err
	}
	return entries[0], nil
}

// ackClaim is held by the first acknowledgement of an alert's episode, silenceClaim by the
// newest silence of an alert.
func ackClaim(row alert.Current) string {
	return fmt.Sprintf("alert-acknowledged/%s/%d", row.Key(), row.StartsAt.UnixMicro())
}
func silenceClaim(key string) string { return "alert-silenced/" + key }

// Quiet is what people have said of an alert that fires. Each is nil where nobody has.
type Quiet struct {
	Acknowledged *timeline.Entry // who knows of this episode
	Silenced     *timeline.Entry // until when it is not to be heard, an [AlertSilenced]; not one that is over
}

// QuietOf looks up what was said of an alert. What was erased is not known any more.
func QuietOf(v timeline.View, row alert.Current) (q Quiet, err error) {
	held := func(claim string) (*timeline.Entry, error) {
		ref, is, err := v.Claim(claim)
		if err != nil || !is {
			return nil, err
		}
		e, err := v.Entry(ref)
		return &e, err
	}
	if q.Acknowledged, err = held(ackClaim(row)); err != nil {
		return q, err
	}
	e, err := held(silenceClaim(row.Key()))
	if err != nil || e == nil {
		return q, err
	}
	if p, is := e.Payload.(*AlertSilenced); is && p.Until.After(v.Now()) {
		q.Silenced = e
	}
	return q, nil
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
