package incident

import (
	"context"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Correction is what a later entry says in place of an earlier one.
type Correction struct {
	Text string    // what a note says, or why an incident began then; "" keeps it
	At   time.Time // when it happened; zero keeps it
}

// Correct records an entry that supersedes another one: a note, when the
// incident began, when it was acknowledged or had a status. Was is what stood
// there until now. When the named entry was corrected before, the newest
// correction is what is corrected. Nothing is recorded when nothing differs.
func (d *Desk) Correct(ctx context.Context, who Who, ref timeline.Ref, c Correction) (was, now timeline.Entry, err error) {
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		if err := checkPast(v.Now(), c.At); err != nil {
			return timeline.Decision{}, err
		}
		was, err = Newest(v, ref)
		if err != nil {
			return timeline.Decision{}, err
		}
		draft, err := corrected(v, was, c)
		if err != nil || draft.Payload == nil {
			return timeline.Decision{}, err
		}
		draft.Timeline, draft.Actor, draft.Cause, draft.Supersedes = was.Timeline, who.Actor, who.Cause, was.Ref
		draft.Effects.Take = []string{CorrectionClaim(was.Ref)}
		return timeline.Decision{Entries: []timeline.Draft{draft}}, nil
	})
	if err != nil {
		return timeline.Entry{}, timeline.Entry{}, err
	}
	if len(entries) == 0 {
		return was, was, nil
	}
	return was, entries[0], nil
}

// CorrectionClaim is the claim that every correction takes of the entry that it
// supersedes, so that each entry has one successor and the newest is found without
// a search.
func CorrectionClaim(r timeline.Ref) string { return "corrected/" + r.String() }

// CorrectedBy returns the entry that corrects ref, if there is one.
func CorrectedBy(v timeline.View, ref timeline.Ref) (timeline.Ref, bool, error) {
	return v.Claim(CorrectionClaim(ref))
}

// Newest follows the corrections of an entry to the last one; without any it is the
// entry itself.
func Newest(v timeline.View, ref timeline.Ref) (timeline.Entry, error) {
	for {
		by, done, err := CorrectedBy(v, ref)
		if err != nil {
			return timeline.Entry{}, err
		}
		if !done {
			return v.Entry(ref)
		}
		ref = by
	}
}

// corrected returns a draft without a payload when nothing differs.
func corrected(v timeline.View, was timeline.Entry, c Correction) (timeline.Draft, error) {
	at := timeline.Stamp(c.At)
	if at.IsZero() {
		at = was.OccurredAt
	}
	draft := timeline.Draft{OccurredAt: at}
	switch p := was.Payload.(type) {
	case *Noted:
		next := *p
		if c.Text != "" {
			body, err := checkNote(c.Text)
			if err != nil {
				return draft, err
			}
			next.Body = body
		}
		if next != *p || !at.Equal(was.OccurredAt) {
			draft.Payload = &next
		}
		return draft, nil
	case *StartClaimed:
		return correctedStart(v, was, p, c)
	case *StatusChanged, *Acknowledged:
		return correctedTime(v, was, c, draft)
	case *timeline.Erased:
		return draft, problem.New(problem.Conflict, "%s was erased", was.Ref)
	}
	if was.Kind == "status.posted" {
		return draft, problem.New(problem.Invalid, "%s is what the public reads, which has a command of its own", was.Ref).
			WithHint("`/status correct update:%s`", was.Ref)
	}
	return draft, problem.New(problem.Invalid, "%s cannot be corrected: only notes, starts and the times of a status can", was.Ref).
		WithHint("add a note that says what was different")
}

func correctedStart(v timeline.View, was timeline.Entry, p *StartClaimed, c Correction) (timeline.Draft, error) {
	draft := timeline.Draft{}
	why, err := checkReason(c.Text)
	if err != nil {
		return draft, err
	}
	next := *p
	if why != "" {
		next.Why = why
	}
	if !c.At.IsZero() {
		i, err := Get(v, was.Timeline)
		if err != nil {
			return draft, err
		}
		if err := checkStart(v.Now(), i, c.At); err != nil {
			return draft, err
		}
		next.StartedAt = timeline.Stamp(c.At)
	}
	if next.Why != p.Why || !next.StartedAt.Equal(p.StartedAt) {
		draft.Payload = &next
	}
	return draft, nil
}

func correctedTime(v timeline.View, was timeline.Entry, c Correction, draft timeline.Draft) (timeline.Draft, error) {
	if c.Text != "" {
		return draft, problem.New(problem.Invalid, "only the time of %s can be corrected", was.Ref).WithHint("at:01:50")
	}
	i, err := Get(v, was.Timeline)
	if err != nil {
		return draft, err
	}
	if err := checkStatusTime(v.Now(), i, c.At); err != nil {
		return draft, err
	}
	if !draft.OccurredAt.Equal(was.OccurredAt) {
		draft.Payload = was.Payload
	}
	return draft, nil
}
