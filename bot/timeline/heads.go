package timeline

import (
	"context"
	"time"
)

// The log records every timeline's head once a day, so that a tail that was cut
// off is found at the latest by the next day's record.
const (
	headsTimer = "heads/daily"
	headsWhat  = "heads"
	headsEvery = 24 * time.Hour
)

// KeepHeads records all heads daily from now on. It may be called at every start.
func (r *Runtime) KeepHeads(ctx context.Context) error {
	if err := r.Handle(headsWhat, recordHeads); err != nil {
		return err
	}
	_, err := r.store.Update(ctx, func(v View) (Decision, error) {
		if _, set, err := v.Timer(headsTimer); set || err != nil {
			return Decision{}, err
		}
		return recordHeads(v, Timer{})
	})
	return err
}

func recordHeads(v View, _ Timer) (Decision, error) {
	heads, err := v.Heads()
	if err != nil {
		return Decision{}, err
	}
	next := Timer{Key: headsTimer, Due: Stamp(v.Now().Add(headsEvery)), Timeline: Log, What: headsWhat}
	return Decision{Entries: []Draft{{Timeline: Log, Payload: &HeadsRecorded{Heads: heads}, Effects: Effects{Set: []Timer{next}}}}}, nil
}
