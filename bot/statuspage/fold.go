package statuspage

import (
	"slices"

	"wardroom/bot/timeline"
)

// Fold keeps the notices and the components. It depends on no other fold.
var Fold = timeline.Fold{Name: "statuspage", Tables: []timeline.Schema{noticeSchema, Components.Schema}, Apply: apply}

func apply(w timeline.Writer, e timeline.Entry) error {
	switch p := e.Payload.(type) {
	case *Posted:
		return addAct(w, act{Posted: p}, e)
	case *Backdated:
		return addAct(w, act{Backdated: p}, e)
	case *ComponentSet:
		if err := setLevel(w, p.Component, Change{Level: p.Level, At: e.OccurredAt, Entry: e.Ref}); err != nil {
			return err
		}
		return addAct(w, act{Component: p}, e)
	case *ComponentsDeclared:
		return declare(w, p.Components)
	case *timeline.Erased:
		return addAct(w, act{}, e)
	case *timeline.Erasure:
		for _, ref := range p.Refs {
			if err := erase(w, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// addAct adds an act to its notice. Only a post makes a notice; what stands
// before the first one concerns components alone.
func addAct(w timeline.Writer, a act, e timeline.Entry) error {
	isPost := e.Kind == (*Posted)(nil).Kind()
	switch e.Kind {
	case (*Posted)(nil).Kind(), (*Backdated)(nil).Kind(), (*ComponentSet)(nil).Kind():
	default: // an erased payload of somebody else's kind
		return nil
	}
	stored, known, err := rows.Get(w, string(e.Timeline))
	if err != nil || !known && !isPost {
		return err
	}
	a.Entry, a.Of, a.Kind, a.OccurredAt, a.RecordedAt = e.Ref, e.Supersedes, e.Kind, e.OccurredAt, e.RecordedAt
	if a.Posted != nil && a.Of.IsZero() { // a correction leaves the components as they are
		for _, name := range sortedNames(a.Posted.Components) {
			if err := setLevel(w, name, Change{Level: a.Posted.Components[name], At: e.OccurredAt, Entry: e.Ref}); err != nil {
				return err
			}
		}
	}
	return putActs(w, e.Timeline, append(stored.Acts, a))
}

func putActs(w timeline.Writer, id timeline.ID, acts []act) error {
	next := row{Notice: derive(id, acts), Acts: acts}
	if err := rows.Put(w, next); err != nil {
		return err
	}
	return alignChanges(w, next.Notice)
}

// erase forgets what an entry said, so that the tables are what they would be had
// its payload never been readable.
func erase(w timeline.Writer, ref timeline.Ref) error {
	stored, known, err := rows.Get(w, string(ref.Timeline))
	if err != nil {
		return err
	}
	if err := forgetChanges(w, ref); err != nil {
		return err
	}
	if !known {
		return nil
	}
	i := slices.IndexFunc(stored.Acts, func(a act) bool { return a.Entry == ref })
	if i < 0 {
		return nil
	}
	stored.Acts[i].Posted, stored.Acts[i].Backdated, stored.Acts[i].Component = nil, nil, nil
	return putActs(w, ref.Timeline, stored.Acts)
}
