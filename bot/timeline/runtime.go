package timeline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Runtime runs the followers and the timers of one store. Add everything, then
// Run once.
type Runtime struct {
	store Store
	clock Clock
	log   *slog.Logger

	handlers map[string]Handler

	mu      sync.Mutex
	changed *sync.Cond // an idle state may have changed
	workers []*worker
	seats   []*Seat
	inline  []func(View, []Entry) (Decision, error)
	order   *order // nil: the followers work side by side

	begun chan struct{} // closed once Run misses nothing any more
}

// NewRuntime makes a runtime without followers.
func NewRuntime(store Store, clock Clock, log *slog.Logger) *Runtime {
	r := &Runtime{store: store, clock: clock, log: log, handlers: map[string]Handler{}, begun: make(chan struct{})}
	r.changed = sync.NewCond(&r.mu)
	r.workers = append(r.workers, r.newWorker("timers", nil, &timerStep{r}))
	return r
}

// AddDecider adds a follower of the timelines that follows accepts. The name is
// what its cursors are stored under: it must stay the same across versions.
func (r *Runtime) AddDecider(name string, follows func(ID) bool, d Decider) {
	r.add(name, follows, func(w *worker) step {
		w.exact = true
		return &deciderStep{w, d}
	})
}

// AddLogDecider adds a decider that follows the log alone, inside the commits
// themselves where the store can; see AddDecider and [LogFollowed].
func (r *Runtime) AddLogDecider(name string, d Decider) {
	r.add(name, func(id ID) bool { return id == Log }, func(w *worker) step {
		w.exact = true
		s := &deciderStep{w, d}
		r.inline = append(r.inline, s.inline)
		return s
	})
}

// AddPoster adds a poster; see AddDecider.
func (r *Runtime) AddPoster(name string, follows func(ID) bool, p Poster) {
	r.add(name, follows, func(w *worker) step {
		if choosy, is := p.(Choosy); is {
			w.wants = choosy.Wants
		}
		return &posterStep{worker: w, poster: p}
	})
}

// AddMirror adds a mirror that shows each timeline at most once per every; see AddDecider.
func (r *Runtime) AddMirror(name string, follows func(ID) bool, every time.Duration, m Mirror) {
	r.add(name, follows, func(w *worker) step {
		return &mirrorStep{worker: w, mirror: m, every: every, shown: map[ID]time.Time{}}
	})
}

// Handle registers what decides when a timer with this What is due.
func (r *Runtime) Handle(what string, h Handler) error {
	if _, twice := r.handlers[what]; twice {
		return fmt.Errorf("timeline: two handlers for timers %q", what)
	}
	r.handlers[what] = h
	return nil
}

// AddWait makes Settle also wait while due reports a time that has come: for
// work that lives outside the runtime but waits on the same clock.
func (r *Runtime) AddWait(due func() (time.Time, bool)) { r.NewSeat().Wait(due) }

func (r *Runtime) add(name string, follows func(ID) bool, stepOf func(*worker) step) {
	w := r.newWorker(name, follows, nil)
	w.step = stepOf(w)
	r.workers = append(r.workers, w)
}

func (r *Runtime) newWorker(name string, follows func(ID) bool, s step) *worker {
	return &worker{
		name: name, follows: follows, step: s, runtime: r,
		wake: make(chan struct{}, 1), dirty: map[ID]bool{}, cursors: map[ID]int64{}, fresh: map[ID]bool{}, owed: map[ID]bool{}, stale: map[ID]bool{},
		pending: map[ID]*attempt{}, log: r.log.With(slog.String("follower", name)),
	}
}

// Run follows until ctx ends, and returns nil then. What was begun is finished
// or, where it waits, given up: it is picked up from the cursors at the next start.
func (r *Runtime) Run(ctx context.Context) error {
	for _, w := range r.workers {
		if err := w.load(ctx); err != nil {
			return fmt.Errorf("follower %s: %w", w.name, err)
		}
	}
	r.store.OnCommit(r.committed)
	if store, can := r.store.(LogFollowed); can {
		for _, decide := range r.inline {
			store.FollowLog(decide)
		}
	}
	// What was committed between load and OnCommit is found by looking once more.
	for _, w := range r.workers {
		if err := w.load(ctx); err != nil {
			return fmt.Errorf("follower %s: %w", w.name, err)
		}
	}
	close(r.begun)
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range r.workers {
		group.Go(func() error { w.run(ctx); return nil })
	}
	return group.Wait()
}

// Begun is closed once Run has read how far the followers are: what is recorded
// from then on is new to them, and nobody has to look whether an earlier process
// has told it already.
func (r *Runtime) Begun() <-chan struct{} { return r.begun }

func (r *Runtime) committed(c Commit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		for _, cursor := range c.Cursors {
			if cursor.Follower == w.name {
				w.cursors[cursor.Timeline] = max(w.cursors[cursor.Timeline], cursor.Seq)
			}
		}
		w.note(c)
	}
}

// Settle waits until every follower has seen all that is recorded and no timer
// is due. A follower that waits on the clock, to try again or to show no more
// often than it may, counts as settled.
func (r *Runtime) Settle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.settled() {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.changed.Wait()
	}
	return nil
}

func (r *Runtime) settled() bool {
	now := r.clock.Now()
	for _, w := range r.workers {
		if !w.rests(now) {
			return false
		}
	}
	for _, s := range r.seats {
		if s.busy(now) {
			return false
		}
	}
	return true
}

// Touch makes Settle look again; whoever used AddWait calls it when done.
func (r *Runtime) Touch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed.Broadcast()
}

// Lag is by how many entries each follower is behind what is recorded.
func (r *Runtime) Lag(ctx context.Context) (map[string]int64, error) {
	var heads []Head
	err := r.store.View(ctx, func(v View) (err error) {
		heads, err = v.Heads()
		return err
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	lag := map[string]int64{}
	for _, w := range r.workers {
		if w.follows == nil {
			continue
		}
		lag[w.name] = 0
		for _, h := range heads {
			if w.follows(h.Timeline) {
				lag[w.name] += max(0, h.Seq-w.cursors[h.Timeline])
			}
		}
	}
	return lag, nil
}
