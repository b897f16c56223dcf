package timeline

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"wardroom/bot/problem"
)

// step does the next piece of a worker's work in one timeline.
type step interface {
	// run returns more when it should be called again at once, or a time before
	// which it should not be.
	run(ctx context.Context, id ID, retry bool) (more bool, notBefore time.Time, err error)
}

// worker is one follower's goroutine. Timelines fail apart: one that has to be
// tried again later does not hold up the others.
type worker struct {
	name    string
	follows func(ID) bool   // nil for the timers
	wants   func(Kind) bool // nil: every kind
	exact   bool            // the stored cursor counts: it never moves alone
	step    step
	runtime *Runtime
	log     *slog.Logger
	wake    chan struct{}

	// Owned by the worker's goroutine.
	fresh   map[ID]bool // loaded at the start: an earlier process may have tried
	owed    map[ID]bool // read past, or asked for, and not yet shown: for a mirror
	pending map[ID]*attempt

	// Under runtime.mu.
	cursors map[ID]int64
	dirty   map[ID]bool
	again   bool        // what failed is to be tried again now
	stale   map[ID]bool // shown, and no longer as it is: for a mirror
	idle    bool
	until   time.Time // when it wakes by itself; zero: only when something is recorded
}

// attempt is a timeline with something to do.
type attempt struct {
	failures  int
	notBefore time.Time
}

// Waits between attempts: they double from the first to the longest.
const (
	firstRetry   = time.Second
	longestRetry = 5 * time.Minute
)

func (a *attempt) failed(now time.Time) time.Duration {
	wait := longestRetry
	if a.failures < 9 {
		wait = min(firstRetry<<a.failures, longestRetry)
	}
	a.failures++
	a.notBefore = now.Add(wait)
	return wait
}

// load finds what was recorded since the stored cursors.
func (w *worker) load(ctx context.Context) error {
	if w.follows == nil {
		w.pending[Log] = &attempt{}
		return nil
	}
	return w.runtime.store.View(ctx, func(v View) error {
		cursors, err := v.Cursors(w.name)
		if err != nil {
			return err
		}
		heads, err := v.Heads()
		if err != nil {
			return err
		}
		for _, h := range heads {
			if w.follows(h.Timeline) && h.Seq > max(cursors[h.Timeline], w.cursor(h.Timeline)) {
				w.pending[h.Timeline] = &attempt{}
				w.fresh[h.Timeline] = true
			}
		}
		for id, seq := range cursors {
			w.advance(id, seq)
		}
		return nil
	})
}

func (w *worker) advance(id ID, seq int64) {
	w.runtime.mu.Lock()
	defer w.runtime.mu.Unlock()
	w.cursors[id] = max(w.cursors[id], seq)
}

func (w *worker) cursor(id ID) int64 {
	w.runtime.mu.Lock()
	defer w.runtime.mu.Unlock()
	return w.cursors[id]
}

// note marks timelines that have grown beyond the cursor. Where nothing of it
// concerns the follower, and nothing before it is left to do, the cursor moves
// along. The timers look again when one was set or cleared. The caller holds
// runtime.mu.
func (w *worker) note(c Commit) {
	if w.follows == nil {
		if c.Timers {
			w.dirty[Log] = true
			w.stir()
		}
		return
	}
	grown := false
	for _, g := range c.Gained {
		id := g.Timeline
		switch {
		case !w.follows(id) || g.Last <= w.cursors[id]:
			continue
		case !w.exact && g.First == w.cursors[id]+1 && !w.dirty[id] && !slices.ContainsFunc(g.Kinds, w.concerns):
			w.cursors[id] = g.Last
			continue
		}
		w.dirty[id] = true
		grown = true
	}
	if !grown {
		return
	}
	w.stir()
}

func (w *worker) concerns(k Kind) bool {
	return !k.IsDelivery() && (w.wants == nil || w.wants(k))
}

func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		w.collect()
		now := w.runtime.clock.Now()
		next := w.next(now)
		if next == "" {
			w.rest(ctx)
			continue
		}
		w.runtime.takeTurn(ctx, w)
		w.attempt(ctx, next, w.pending[next])
		w.runtime.endTurn(w)
	}
}

// stir wakes the worker. The caller holds runtime.mu.
func (w *worker) stir() {
	w.idle = false
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// collect moves what has grown to pending. A timeline that failed keeps its time
// of the next try; any other is looked at now.
func (w *worker) collect() {
	w.runtime.mu.Lock()
	defer w.runtime.mu.Unlock()
	if w.again {
		for _, a := range w.pending {
			// What fails now is a beginning, not the end of a long row.
			a.failures, a.notBefore = min(a.failures, 1), time.Time{}
		}
		w.again = false
	}
	for id := range w.stale {
		w.owed[id] = true
		w.dirty[id] = true
	}
	clear(w.stale)
	for id := range w.dirty {
		if a := w.pending[id]; a == nil || a.failures == 0 {
			w.pending[id] = &attempt{}
		}
	}
	clear(w.dirty)
}

// next is the timeline to work on: the log first, then incidents by number.
func (w *worker) next(now time.Time) ID {
	due := slices.Collect(maps.Keys(w.pending))
	due = slices.DeleteFunc(due, func(id ID) bool { return w.pending[id].notBefore.After(now) })
	if len(due) == 0 {
		return ""
	}
	return slices.MinFunc(due, func(a, b ID) int { return a.Number() - b.Number() })
}

func (w *worker) attempt(ctx context.Context, id ID, a *attempt) {
	retry := a.failures > 0 || w.fresh[id]
	more, notBefore, err := w.step.run(ctx, id, retry)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		wait := a.failed(w.runtime.clock.Now())
		w.log.Warn("cannot follow for now", slog.String("timeline", string(id)), slog.Duration("again_in", wait), slog.Any("error", err))
	case !notBefore.IsZero():
		a.failures, a.notBefore = 0, notBefore
	case more:
		a.failures = 0
	default:
		delete(w.pending, id)
		delete(w.fresh, id)
	}
}

// rest sleeps until something is recorded or a wait is over.
func (w *worker) rest(ctx context.Context) {
	r := w.runtime
	var until time.Time
	for _, a := range w.pending {
		if until.IsZero() || a.notBefore.Before(until) {
			until = a.notBefore
		}
	}
	r.mu.Lock()
	if len(w.dirty) > 0 || len(w.stale) > 0 || w.again {
		r.mu.Unlock()
		return
	}
	// Whoever moves the clock once all is settled asks it what is waited for. So the
	// alarm is set before anybody sees the worker rest, and a call that it has long
	// answered does not wake it again.
	select {
	case <-w.wake:
	default:
	}
	var alarm <-chan time.Time
	if !until.IsZero() {
		c, stop := r.clock.At(until)
		defer stop()
		alarm = c
	}
	w.idle, w.until = true, until
	r.changed.Broadcast()
	r.mu.Unlock()

	select {
	case <-ctx.Done():
	case <-w.wake:
	case <-alarm:
	}
	r.mu.Lock()
	w.idle = false
	r.mu.Unlock()
}

// read returns the entries of a timeline after a cursor, deliveries left out, and
// the place of the last one read.
func (w *worker) read(ctx context.Context, id ID, after int64, limit int) (entries []Entry, last int64, full bool, err error) {
	last = after
	err = w.runtime.store.View(ctx, func(v View) error {
		all, err := v.Entries(id, after, limit)
		if err != nil || len(all) == 0 {
			return err
		}
		full = len(all) == limit
		last = all[len(all)-1].Seq
		entries = slices.DeleteFunc(all, func(e Entry) bool { return e.Kind.IsDelivery() })
		return nil
	})
	return entries, last, full, err
}

// final reports whether trying again cannot help.
func final(err error) bool {
	switch problem.CodeOf(err) {
	case problem.Invalid, problem.Forbidden, problem.NotFound, problem.Unsupported:
		return true
	}
	return false
}
