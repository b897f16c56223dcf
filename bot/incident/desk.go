package incident

import (
	"context"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Desk carries out what people ask of incidents. Every method checks and records
// in one step inside the door and returns the incident as it is then. Whether the
// person may ask is the caller's to check: the stages of bot/command do.
//
// Problems: NotFound when there is no such incident, Invalid for what can never
// be (a time in the future, an empty title), Conflict for what the incident's
// state does not allow now. Methods that find everything as asked for already
// record nothing and succeed, so they may be repeated; Note, Link to another
// address, and Reopen after a resolution are recorded each time.
type Desk struct {
	store timeline.Store
}

// NewDesk works on the timelines of store.
func NewDesk(store timeline.Store) *Desk { return &Desk{store: store} }

// Who asks, and the entry that recorded the request.
type Who struct {
	Actor people.Actor
	Cause timeline.Ref
}

func (w Who) draft(id timeline.ID, p timeline.Payload) timeline.Draft {
	return timeline.Draft{Timeline: id, Payload: p, Actor: w.Actor, Cause: w.Cause}
}

// Get returns an incident, or a NotFound problem.
func (d *Desk) Get(ctx context.Context, id timeline.ID) (Incident, error) {
	var i Incident
	err := d.store.View(ctx, func(v timeline.View) (err error) {
		i, err = Get(v, id)
		return err
	})
	return i, err
}

// decide returns the entries that an act leads to; it is pure.
type decide func(v timeline.View, i Incident) ([]timeline.Draft, error)

// change lets an act on one incident through the door.
func (d *Desk) change(ctx context.Context, id timeline.ID, act decide) (Incident, []timeline.Entry, error) {
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		i, err := Get(v, id)
		if err != nil {
			return timeline.Decision{}, err
		}
		drafts, err := act(v, i)
		return timeline.Decision{Entries: drafts}, err
	})
	if err != nil {
		return Incident{}, nil, err
	}
	i, err := d.Get(ctx, id)
	return i, entries, err
}

// steer is change for acts that make no sense on an incident that was merged away.
func (d *Desk) steer(ctx context.Context, id timeline.ID, act decide) (Incident, error) {
	i, _, err := d.change(ctx, id, func(v timeline.View, i Incident) ([]timeline.Draft, error) {
		if i.MergedInto != "" {
			return nil, problem.New(problem.Conflict, "%s was merged into %s", i.ID, i.MergedInto).
				WithHint("do it on %s, or take them apart with `/incident unmerge %s`", i.MergedInto, i.ID)
		}
		return act(v, i)
	})
	return i, err
}

// nextNumber is one above the highest incident there is.
func nextNumber(r timeline.Reader) (int, error) {
	last, err := Table.Select(r, timeline.Query{OrderBy: "number", Desc: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return 1, err
	}
	return last[0].Number + 1, nil
}

// headsDraft notes in the log how far every timeline has come: recorded with
// each resolution, so that a tail that is cut off afterwards is missed.
func headsDraft(v timeline.View) (timeline.Draft, error) {
	heads, err := v.Heads()
	return timeline.Draft{Timeline: timeline.Log, Payload: &timeline.HeadsRecorded{Heads: heads}, CausedByPrevious: true}, err
}

// View reads a consistent state.
func (d *Desk) View(ctx context.Context, read func(timeline.View) error) error {
	return d.store.View(ctx, read)
}
