package room

import (
	"context"
	"encoding/json"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// Standing is how a recorded message reads now, by what was recorded of it.
type Standing struct {
	Ref     timeline.Ref // the entry that recorded it
	Body    string       // as last recorded
	Deleted bool
	Erased  bool // its text was erased: nothing more is recorded of it
}

// SaidAt returns the standing of a message, and whether it was recorded at all.
func SaidAt(v timeline.View, chat, message string) (Standing, bool, error) {
	ref, held, err := v.Claim(SaidClaim(chat, message))
	if err != nil || !held {
		return Standing{}, false, err
	}
	e, err := v.Entry(ref)
	if err != nil {
		return Standing{}, false, err
	}
	s := Standing{Ref: ref}
	said, whole := e.Payload.(*Said)
	if !whole {
		s.Erased = true
		return s, true, nil
	}
	s.Body = said.Body
	later, err := v.CausedBy(ref)
	if err != nil {
		return Standing{}, false, err
	}
	for _, e := range later {
		switch p := e.Payload.(type) {
		case *SaidEdited:
			s.Body = p.Body
		case *SaidDeleted:
			s.Deleted = true
		}
	}
	return s, true, nil
}

// RecordEdit records that a recorded message reads differently now. at is when it
// was edited; zero is now. It records nothing for a message that was never
// recorded, was erased or deleted, or reads the same.
func RecordEdit(ctx context.Context, store timeline.Store, chat, message, body string, actor people.Actor, at time.Time) (recorded bool, err error) {
	body = cutSaid(body)
	return change(ctx, store, chat, message, func(v timeline.View, s Standing) (timeline.Payload, time.Time) {
		if s.Deleted || asRecorded(body) == s.Body {
			return nil, time.Time{}
		}
		return &SaidEdited{Of: s.Ref, Body: body}, notAfter(at, v.Now())
	}, actor)
}

// RecordDeletion records that a recorded message was deleted, once. Who deleted it
// a chat does not tell.
func RecordDeletion(ctx context.Context, store timeline.Store, chat, message string) (recorded bool, err error) {
	return change(ctx, store, chat, message, func(_ timeline.View, s Standing) (timeline.Payload, time.Time) {
		if s.Deleted {
			return nil, time.Time{}
		}
		return &SaidDeleted{Of: s.Ref}, time.Time{}
	}, people.Bot)
}

func change(ctx context.Context, store timeline.Store, chat, message string,
	what func(timeline.View, Standing) (timeline.Payload, time.Time), actor people.Actor) (bool, error) {
	entries, err := store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		s, recorded, err := SaidAt(v, chat, message)
		if err != nil || !recorded || s.Erased {
			return timeline.Decision{}, err
		}
		p, at := what(v, s)
		if p == nil {
			return timeline.Decision{}, nil
		}
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: s.Ref.Timeline, Payload: p, Actor: actor, OccurredAt: at, Cause: s.Ref}}}, nil
	})
	return len(entries) > 0, err
}

// asRecorded is a text as it stands in an entry: without secrets of known shape.
func asRecorded(body string) string {
	raw, err := json.Marshal(SaidEdited{Body: body})
	if err != nil {
		return body
	}
	var p SaidEdited
	if json.Unmarshal(timeline.RedactJSON(raw), &p) != nil {
		return body
	}
	return p.Body
}

// notAfter keeps another machine's clock from claiming the future.
func notAfter(t, now time.Time) time.Time {
	if t.IsZero() || !t.Before(now) {
		return time.Time{}
	}
	return timeline.Stamp(t)
}
