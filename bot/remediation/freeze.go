// Package remediation holds the rules under which repairs are made: who may, and
// when they must not.
package remediation

import (
	"fmt"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// FreezeSet begins a freeze: nothing disruptive starts until it is lifted. When
// it ends by itself is in the timer that its entry sets.
type FreezeSet struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until,omitzero"` // zero: until somebody lifts it
}

func (*FreezeSet) Kind() timeline.Kind { return kindSet }
func (f *FreezeSet) Text() string {
	if f.Until.IsZero() {
		return "Repairs frozen: " + f.Reason
	}
	return fmt.Sprintf("Repairs frozen until %s: %s", f.Until.UTC().Format("2006-01-02 15:04 UTC"), f.Reason)
}

// FreezeLifted ends it. The bot lifts a freeze whose time is over.
type FreezeLifted struct {
	Reason  string `json:"reason,omitempty"`
	Expired bool   `json:"expired,omitempty"`
}

func (*FreezeLifted) Kind() timeline.Kind { return kindLifted }
func (f *FreezeLifted) Text() string {
	switch {
	case f.Expired:
		return "Freeze over: its time has come"
	case f.Reason != "":
		return "Freeze lifted: " + f.Reason
	}
	return "Freeze lifted"
}

// Freeze is one freeze, in force or past. An erased one keeps its times.
type Freeze struct {
	Ref    timeline.Ref `json:"entry"` // the entry that began it
	Reason string       `json:"reason"`
	By     people.Actor `json:"by"`
	At     time.Time    `json:"at"`
	Until  time.Time    `json:"until,omitzero"` // zero: until somebody lifts it
	Active bool         `json:"active"`

	LiftedBy people.Actor `json:"lifted_by,omitzero"`
	LiftedAt time.Time    `json:"lifted_at,omitzero"`
}

// Freezes holds every freeze under the entry that began it. At most one is active.
var Freezes = timeline.Table[Freeze]{
	Schema: timeline.Schema{Name: "freezes", Columns: []string{"is_active"}},
	Row:    func(f Freeze) (string, []any) { return f.Ref.String(), []any{f.Active} },
}

// FreezeFold keeps the table of freezes.
var FreezeFold = timeline.Fold{Name: "freezes", Tables: []timeline.Schema{Freezes.Schema}, Apply: applyFreeze}

const (
	kindSet    = timeline.Kind("freeze.set")
	kindLifted = timeline.Kind("freeze.lifted")
	// erasedReason stands where the reason was taken from an erased entry.
	erasedReason = "[erased]"
	// freezeKey is the one timer: at most one freeze is active.
	freezeKey = "freeze/until"
)

// FreezeTimer is the What of the timer that ends a freeze; [FreezeOver] handles it.
const FreezeTimer = "freeze.over"

// applyFreeze goes by the kind where it can, which an erased entry keeps.
func applyFreeze(w timeline.Writer, e timeline.Entry) error {
	switch e.Kind {
	case kindSet:
		return beginFreeze(w, e)
	case kindLifted:
		return endFreeze(w, e)
	}
	if _, erasure := e.Payload.(*timeline.Erasure); !erasure {
		return nil
	}
	for _, ref := range e.Effects.Erase {
		f, known, err := Freezes.Get(w, ref.String())
		if err != nil {
			return err
		}
		if known {
			f.Reason = erasedReason
			if err := Freezes.Put(w, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// beginFreeze reads the end from the timer, which is there when the payload is erased.
func beginFreeze(w timeline.Writer, e timeline.Entry) error {
	if err := endFreeze(w, e); err != nil {
		return err
	}
	f := Freeze{Ref: e.Ref, Reason: erasedReason, By: e.Actor, At: e.OccurredAt, Active: true}
	if p, ok := e.Payload.(*FreezeSet); ok {
		f.Reason = p.Reason
	}
	for _, t := range e.Effects.Set {
		if t.Key == freezeKey {
			f.Until = t.Due
		}
	}
	return Freezes.Put(w, f)
}

func endFreeze(w timeline.Writer, e timeline.Entry) error {
	f, frozen, err := Frozen(w)
	if err != nil || !frozen {
		return err
	}
	f.Active, f.LiftedBy, f.LiftedAt = false, e.Actor, e.OccurredAt
	return Freezes.Put(w, f)
}

// Frozen returns the freeze in force, and whether there is one. A freeze whose
// time is over is in force until the entry that lifts it: never the other way round.
func Frozen(r timeline.Reader) (Freeze, bool, error) {
	active, err := Freezes.Select(r, timeline.Query{Where: []timeline.Where{{Column: "is_active", Value: true}}, Limit: 1})
	if err != nil || len(active) == 0 {
		return Freeze{}, false, err
	}
	return active[0], true, nil
}

// SetFreeze decides a freeze for actor, in answer to cause. until may be zero.
// While another is in force it must end no earlier than that one, else a Conflict
// problem comes back: to cut a freeze short is to lift it.
func SetFreeze(v timeline.View, actor people.Actor, cause timeline.Ref, reason string, until time.Time) (timeline.Decision, error) {
	if !until.IsZero() && !until.After(v.Now()) {
		return timeline.Decision{}, problem.New(problem.Invalid, "the end of the freeze is over")
	}
	old, frozen, err := Frozen(v)
	if err != nil {
		return timeline.Decision{}, err
	}
	if frozen && !until.IsZero() && (old.Until.IsZero() || until.Before(old.Until)) {
		return timeline.Decision{}, problem.New(problem.Conflict, "repairs are frozen already, and for longer: %s", old.Reason).
			WithHint("a lead may lift that freeze with /freeze off")
	}
	until = timeline.Stamp(until)
	d := timeline.Draft{Timeline: timeline.Log, Actor: actor, Cause: cause, Payload: &FreezeSet{Reason: reason, Until: until}}
	if until.IsZero() {
		d.Effects.Clear = []string{freezeKey}
	} else {
		d.Effects.Set = []timeline.Timer{{Key: freezeKey, Due: until, Timeline: timeline.Log, What: FreezeTimer}}
	}
	return timeline.Decision{Entries: []timeline.Draft{d}}, nil
}

// LiftFreeze decides the end of the freeze in force; a Conflict problem comes
// back when there is none.
func LiftFreeze(v timeline.View, actor people.Actor, cause timeline.Ref, reason string) (timeline.Decision, error) {
	_, frozen, err := Frozen(v)
	if err != nil {
		return timeline.Decision{}, err
	}
	if !frozen {
		return timeline.Decision{}, problem.New(problem.Conflict, "nothing is frozen")
	}
	return timeline.Decision{Entries: []timeline.Draft{{
		Timeline: timeline.Log, Actor: actor, Cause: cause, Payload: &FreezeLifted{Reason: reason},
		Effects: timeline.Effects{Clear: []string{freezeKey}},
	}}}, nil
}

// FreezeOver is the [timeline.Handler] of FreezeTimer.
func FreezeOver(v timeline.View, _ timeline.Timer) (timeline.Decision, error) {
	_, frozen, err := Frozen(v)
	if err != nil || !frozen {
		return timeline.Decision{}, err
	}
	return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &FreezeLifted{Expired: true}}}}, nil
}
