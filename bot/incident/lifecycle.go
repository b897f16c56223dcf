package incident

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Declaration is what a person tells when they open an incident.
type Declaration struct {
	Title     string
	Severity  alert.Severity // zero: SEV2, what a page opens
	StartedAt time.Time      // zero: now
	Why       string         // the evidence for StartedAt
}

// Declare opens an incident without any alert.
func (d *Desk) Declare(ctx context.Context, who Who, dec Declaration) (Incident, error) {
	title, err := checkTitle(dec.Title)
	if err != nil {
		return Incident{}, err
	}
	why, err := checkReason(dec.Why)
	if err != nil {
		return Incident{}, err
	}
	if dec.Severity == 0 {
		dec.Severity = alert.SEV2
	}
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		if err := checkPast(v.Now(), dec.StartedAt); err != nil {
			return timeline.Decision{}, err
		}
		n, err := nextNumber(v)
		if err != nil {
			return timeline.Decision{}, err
		}
		p := &Declared{Title: title, Severity: dec.Severity, StartedAt: timeline.Stamp(dec.StartedAt), StartedWhy: why}
		if p.StartedAt.IsZero() {
			p.StartedAt, p.StartedWhy = timeline.Stamp(v.Now()), "declared then"
		} else if why == "" {
			p.StartedWhy = who.Actor.Display() + " says so"
		}
		return timeline.Decision{Entries: []timeline.Draft{who.draft(timeline.Incident(n), p)}}, nil
	})
	if err != nil {
		return Incident{}, err
	}
	return d.Get(ctx, entries[0].Timeline)
}

// Acknowledge says that the actor has seen it. When somebody had already,
// nothing is recorded and already is true: OnIt says who. After an alert reopened
// it, it is acknowledged anew.
func (d *Desk) Acknowledge(ctx context.Context, who Who, id timeline.ID) (i Incident, already bool, err error) {
	i, err = d.steer(ctx, id, func(_ timeline.View, i Incident) ([]timeline.Draft, error) {
		already = !i.AcknowledgedAt.IsZero() && !i.NeedsAck()
		if already {
			return nil, nil
		}
		if !i.Open() {
			return nil, over(i)
		}
		return []timeline.Draft{who.draft(id, &Acknowledged{})}, nil
	})
	return i, already, err
}

// SetSeverity regrades an incident.
func (d *Desk) SetSeverity(ctx context.Context, who Who, id timeline.ID, to alert.Severity, reason string) (Incident, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return Incident{}, err
	}
	if to < alert.SEV1 || to > alert.SEV4 {
		return Incident{}, problem.New(problem.Invalid, "there is no such severity").WithHint("SEV1 is the worst, SEV4 the least")
	}
	return d.steer(ctx, id, func(_ timeline.View, i Incident) ([]timeline.Draft, error) {
		if i.Severity == to {
			return nil, nil
		}
		return []timeline.Draft{who.draft(id, &SeverityChanged{From: i.Severity, To: to, Reason: reason})}, nil
	})
}

// next lists where SetStatus may lead to from each status. Reopening is an act
// of its own, so that nothing resolved comes back by a slip.
var next = map[Status][]Status{
	Investigating: {Identified, Monitoring, Resolved},
	Identified:    {Investigating, Monitoring, Resolved},
	Monitoring:    {Investigating, Identified, Resolved},
	Parked:        {Investigating, Identified, Monitoring, Resolved},
	Resolved:      {Closed},
	Closed:        {},
}

// SetStatus moves an incident along its life. at is when the new status was
// true, zero for now: not in the future and not before the incident began.
func (d *Desk) SetStatus(ctx context.Context, who Who, id timeline.ID, to Status, at time.Time, reason string) (Incident, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return Incident{}, err
	}
	return d.steer(ctx, id, func(v timeline.View, i Incident) ([]timeline.Draft, error) {
		if i.Status == to {
			return nil, nil
		}
		if !slices.Contains(next[i.Status], to) {
			return nil, refuse(i, to)
		}
		if err := checkStatusTime(v.Now(), i, at); err != nil {
			return nil, err
		}
		return moveDrafts(v, who, i, &StatusChanged{From: i.Status, To: to, Reason: reason}, at)
	})
}

// Resolve ends an incident, at the time when it really ended (zero: now).
// Whether alerts still fire is the caller's to ask about.
func (d *Desk) Resolve(ctx context.Context, who Who, id timeline.ID, at time.Time, reason string) (Incident, error) {
	return d.SetStatus(ctx, who, id, Resolved, at, reason)
}

// Close says that nothing is left to do for a resolved incident.
func (d *Desk) Close(ctx context.Context, who Who, id timeline.ID, reason string) (Incident, error) {
	return d.SetStatus(ctx, who, id, Closed, time.Time{}, reason)
}

// Reopen takes a resolved or closed incident up again, as investigating.
func (d *Desk) Reopen(ctx context.Context, who Who, id timeline.ID, reason string) (Incident, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return Incident{}, err
	}
	return d.steer(ctx, id, func(v timeline.View, i Incident) ([]timeline.Draft, error) {
		if i.Open() {
			return nil, problem.New(problem.Conflict, "%s is %s: there is nothing to reopen", i.ID, i.Status)
		}
		return moveDrafts(v, who, i, &StatusChanged{From: i.Status, To: Investigating, Reason: reason, Reopened: true}, time.Time{})
	})
}

// UntilAlertsResolved is the condition to park for that ends by itself.
const UntilAlertsResolved = "alerts resolved"

// Park sets an incident aside: until a time, or until a condition in words. The
// time ends it by itself, and so does the condition UntilAlertsResolved; any
// other waits for a person. Alerts that join do not, short of SEV1.
func (d *Desk) Park(ctx context.Context, who Who, id timeline.ID, until time.Time, condition string) (Incident, error) {
	condition, err := checkReason(condition)
	if err != nil {
		return Incident{}, err
	}
	if until.IsZero() == (condition == "") {
		return Incident{}, problem.New(problem.Invalid, "say until when it is parked, as a time or in words").
			WithHint("until:\"09:00\", until:\"2h\" or until:\"%s\"", UntilAlertsResolved)
	}
	return d.steer(ctx, id, func(v timeline.View, i Incident) ([]timeline.Draft, error) {
		if !i.Open() {
			return nil, over(i)
		}
		if !until.IsZero() && !until.After(v.Now()) {
			return nil, problem.New(problem.Invalid, "%s is not in the future", clock(until))
		}
		if condition == UntilAlertsResolved && i.Alerts.Firing == 0 {
			return nil, problem.New(problem.Conflict, "no alert of %s is firing", i.ID)
		}
		park := Park{Until: timeline.Stamp(until), For: condition, Before: i.Status}
		if i.Park != nil {
			park.Before = i.Park.Before
		}
		draft := who.draft(id, &ParkedUntil{Park: park})
		draft.Effects.Clear = []string{selfRecoveredKey(id)}
		if until.IsZero() {
			draft.Effects.Clear = append(draft.Effects.Clear, unparkKey(id))
		} else {
			draft.Effects.Set = []timeline.Timer{{Key: unparkKey(id), Due: park.Until, Timeline: id, What: TimerUnpark}}
		}
		return []timeline.Draft{draft}, nil
	})
}

// Unpark takes a parked incident up again where it was.
func (d *Desk) Unpark(ctx context.Context, who Who, id timeline.ID, reason string) (Incident, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return Incident{}, err
	}
	return d.steer(ctx, id, func(v timeline.View, i Incident) ([]timeline.Draft, error) {
		if i.Status != Parked {
			return nil, problem.New(problem.Conflict, "%s is not parked: it is %s", i.ID, i.Status)
		}
		return moveDrafts(v, who, i, &StatusChanged{From: Parked, To: i.Park.Before, Reason: reason}, time.Time{})
	})
}

// moveDrafts records a status, ends what waited for another one, and notes the
// heads of all timelines when it is a resolution.
func moveDrafts(v timeline.View, who Who, i Incident, p *StatusChanged, at time.Time) ([]timeline.Draft, error) {
	draft := who.draft(i.ID, p)
	draft.OccurredAt = timeline.Stamp(at)
	if i.Status == Parked {
		draft.Effects.Clear = append(draft.Effects.Clear, unparkKey(i.ID))
	}
	if i.Status == Monitoring {
		draft.Effects.Clear = append(draft.Effects.Clear, selfRecoveredKey(i.ID))
	}
	if p.To != Resolved {
		return []timeline.Draft{draft}, nil
	}
	heads, err := headsDraft(v)
	return []timeline.Draft{draft, heads}, err
}

func checkStatusTime(now time.Time, i Incident, at time.Time) error {
	if err := checkPast(now, at); err != nil {
		return err
	}
	if !at.IsZero() && at.Before(i.StartedAt) {
		return problem.New(problem.Invalid, "%s is before %s began, at %s", clock(at), i.ID, clock(i.StartedAt)).
			WithHint("say first when it began: `/incident start %s at:…`", i.ID)
	}
	return nil
}

func refuse(i Incident, to Status) error {
	switch {
	case to == Parked:
		return problem.New(problem.Invalid, "parking needs an end").WithHint("`/incident park %s until:\"09:00\"`", i.ID)
	case to == Closed:
		return problem.New(problem.Conflict, "%s is %s: only a resolved incident can be closed", i.ID, i.Status).WithHint("`/incident resolve %s` first", i.ID)
	}
	return over(i)
}

func over(i Incident) error {
	return problem.New(problem.Conflict, "%s is %s", i.ID, i.Status).WithHint("`/incident reopen %s` takes it up again", i.ID)
}

func checkTitle(s string) (string, error) {
	title := CleanTitle(s)
	if title == "" {
		return "", problem.New(problem.Invalid, "an incident needs a title").WithHint("a few words: what is broken?")
	}
	return title, nil
}

// selfEvidence is why an incident that an alert opened began when it did.
func selfEvidence(a alert.Alert) string { return fmt.Sprintf("alert %s started", oneLine(a.Name())) }

var bot = Who{Actor: people.Bot}
