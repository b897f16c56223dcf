package timeline

import (
	"context"
	"time"
)

// order lets the followers act one at a time, the first added first, so that the
// same happenings leave the same entries in the same places: for rehearsals.
type order struct {
	acting *worker
	held   int
}

// InTurn makes the followers act one at a time, in the order in which they were
// added: each comes to rest before the next begins. Nothing is lost but speed. Call
// it before Run.
func (r *Runtime) InTurn() { r.order = &order{} }

// Hold keeps the followers from acting until release is called, so that what is
// recorded meanwhile stands together. It does nothing unless they act in turn.
func (r *Runtime) Hold() (release func()) {
	if r.order == nil {
		return func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order.held++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.order.held--
		r.changed.Broadcast()
	}
}

// takeTurn waits until it is w's turn, or ctx ends.
func (r *Runtime) takeTurn(ctx context.Context, w *worker) {
	if r.order == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for ctx.Err() == nil && !r.isTurn(w) {
		r.changed.Wait()
	}
	r.order.acting = w
}

func (r *Runtime) isTurn(w *worker) bool {
	if r.order.acting != nil || r.order.held > 0 {
		return false
	}
	now := r.clock.Now()
	for _, before := range r.workers {
		if before == w {
			return true
		}
		if !before.rests(now) {
			return false
		}
	}
	return true
}

func (r *Runtime) endTurn(w *worker) {
	if r.order == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.order.acting == w {
		r.order.acting = nil
	}
	r.changed.Broadcast()
}

// rests reports whether w has nothing to do before it is woken. The caller holds
// runtime.mu.
func (w *worker) rests(now time.Time) bool {
	return w.idle && (w.until.IsZero() || w.until.After(now))
}

// Seat is the place of a service that records beside the followers. Where the
// followers act in turn, services act when all of those rest, the first seat first.
type Seat struct {
	r   *Runtime
	due func() (time.Time, bool)
}

// NewSeat adds a service behind those that are there. Call it before Run.
func (r *Runtime) NewSeat() *Seat {
	s := &Seat{r: r}
	r.seats = append(r.seats, s)
	return s
}

// Wait lets Settle wait until the time that due returns has not come, if there is
// one. Whoever holds the seat calls Touch when that has changed.
func (s *Seat) Wait(due func() (time.Time, bool)) { s.due = due }

// Touch makes Settle look again.
func (s *Seat) Touch() { s.r.Touch() }

// busy reports whether the service acts or has something to do.
func (s *Seat) busy(now time.Time) bool {
	if s.due == nil {
		return false
	}
	t, waiting := s.due()
	return waiting && !t.After(now)
}

// Turn waits, where the followers act in turn, until all of them and the services
// before this one rest, and keeps them so until release is called. It does nothing
// unless they act in turn.
func (s *Seat) Turn(ctx context.Context) (release func()) {
	r := s.r
	if r.order == nil {
		return func() {}
	}
	stop := context.AfterFunc(ctx, r.Touch)
	defer stop()
	r.mu.Lock()
	for ctx.Err() == nil && !(r.allRest() && s.isFirst()) {
		r.changed.Wait()
	}
	r.order.held++
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.order.held--
		r.changed.Broadcast()
	}
}

// isFirst reports whether no service before this one has anything to do.
func (s *Seat) isFirst() bool {
	now := s.r.clock.Now()
	for _, before := range s.r.seats {
		if before == s {
			return true
		}
		if before.busy(now) {
			return false
		}
	}
	return true
}

// allRest reports whether no follower acts or has anything to do. The caller holds
// runtime.mu.
func (r *Runtime) allRest() bool {
	if r.order.acting != nil || r.order.held > 0 {
		return false
	}
	now := r.clock.Now()
	for _, w := range r.workers {
		if !w.rests(now) {
			return false
		}
	}
	return true
}
