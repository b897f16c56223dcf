package linode

import (
	"context"
	"sync"
	"time"

	"wardroom/bot/timeline"
)

// Turns lets a service record beside followers; a [timeline.Seat] does.
type Turns interface {
	Turn(ctx context.Context) (release func())
	Touch()
}

// rounds let a service look again and again, each time when it said so.
type rounds struct {
	// Turns is told when it has looked, and lets it look beside followers that act in
	// turn; nil: it looks whenever it is time.
	Turns Turns

	clock timeline.Clock
	mu    sync.Mutex
	next  time.Time
}

func newRounds(clock timeline.Clock) rounds {
	return rounds{clock: clock, next: clock.Now()}
}

// NextDue is when it looks again; a time that has come means that it is looking.
func (r *rounds) NextDue() (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next, true
}

// run looks until ctx ends, and returns nil then.
func (r *rounds) run(ctx context.Context, look func(context.Context) time.Time) error {
	for ctx.Err() == nil {
		release := func() {}
		if r.Turns != nil {
			release = r.Turns.Turn(ctx)
		}
		at := look(ctx)
		release()
		c, stop := r.clock.At(at)
		r.mu.Lock()
		r.next = at
		r.mu.Unlock()
		if r.Turns != nil {
			r.Turns.Touch()
		}
		select {
		case <-ctx.Done():
		case <-c:
		}
		stop()
	}
	return nil
}
