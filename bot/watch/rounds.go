package watch

import (
	"context"
	"sync"
	"time"

	"wardroom/bot/timeline"
)

// rounds do something at a fixed interval, in turn with followers. Its exported
// methods may be called from many goroutines.
type rounds struct {
	clock timeline.Clock
	turns Turns
	every time.Duration
	begun chan struct{}

	mu      sync.Mutex
	running bool
	busy    bool
	next    time.Time
}

func newRounds(clock timeline.Clock, turns Turns, every time.Duration) *rounds {
	return &rounds{clock: clock, turns: turns, every: every, begun: make(chan struct{})}
}

// Begun is closed once Run has begun: whoever moves the clock waits for it first.
func (r *rounds) Begun() <-chan struct{} { return r.begun }

// NextDue is when the next round is due, and whether it will be: for
// [timeline.Runtime.AddWait].
func (r *rounds) NextDue() (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.running {
		return time.Time{}, false
	}
	if r.busy {
		return time.Time{}, true
	}
	return r.next, true
}

// run makes rounds until ctx ends, and returns nil then. It is called once.
func (r *rounds) run(ctx context.Context, round func(context.Context)) error {
	r.mu.Lock()
	r.running, r.busy = true, true
	r.mu.Unlock()
	close(r.begun)
	defer func() {
		r.mu.Lock()
		r.running = false
		r.mu.Unlock()
		r.turns.Touch()
	}()
	for ctx.Err() == nil {
		release := r.turns.Turn(ctx)
		next := r.clock.Now().Add(r.every)
		round(ctx)
		release()
		r.rest(ctx, next)
	}
	return nil
}

func (r *rounds) rest(ctx context.Context, next time.Time) {
	alarm, stop := r.clock.At(next)
	defer stop()
	r.mu.Lock()
	r.busy, r.next = false, next
	r.mu.Unlock()
	r.turns.Touch()
	select {
	case <-ctx.Done():
	case <-alarm:
	}
	r.mu.Lock()
	r.busy = true
	r.mu.Unlock()
}
