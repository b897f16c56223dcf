package remediation

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"wardroom/bot/timeline"
)

// Turns lets a service record beside followers that act in turn; a [timeline.Seat]
// does.
type Turns interface {
	Turn(ctx context.Context) (release func())
	Touch()
}

// Engine carries runs on: it starts what is approved, asks for each step once,
// observes until it is so, and stops and asks a person when it cannot tell. All that
// it knows is in the entries: a process that has just started, also of a newer
// version, goes on where another one stopped. It waits on the clock alone.
type Engine struct {
	desk  *Desk
	turns Turns
	log   *slog.Logger

	// Observed, when set, is called when what a step's observation tells people has
	// changed, so that a living message can be shown anew. Set it before Run.
	Observed func(RunID)
	// Owned, when set, fails while another process may carry on the same runs: then no
	// step asks for anything. It is asked right before each request. Set it before Run.
	Owned func() error

	mu      sync.Mutex
	running bool
	dirty   bool      // something was recorded that concerns a run
	busy    bool      // it acts
	next    time.Time // when it acts by itself; zero: never
	wake    chan struct{}
	seen    map[RunID]string // what observing the current step told last

	carried map[RunID]*carried // owned by Run
	begun   chan struct{}      // closed once Run has begun
}

// carried is what this process alone knows of a run.
type carried struct {
	state      string    // of the run and the freeze when it was last carried on
	looked     string    // of the run as it was last read or left by us; see stateOf
	due        time.Time // when it is looked at again; zero: when something is recorded
	step       int
	failures   int       // in a row, of asking the outside
	notArrived bool      // the current step's request was refused for now: it did not arrive
	asked      time.Time // when a request was accepted last
}

// NewEngine carries on the runs of desk. Run it as a service, and add
// [Engine.NextDue] to the runtime's waits.
func NewEngine(desk *Desk, turns Turns, log *slog.Logger) *Engine {
	return &Engine{desk: desk, turns: turns, log: log, wake: make(chan struct{}, 1), seen: map[RunID]string{}, carried: map[RunID]*carried{}, begun: make(chan struct{})}
}

// Begun is closed once Run has begun: from then on [Engine.NextDue] tells of what is
// to be done. Whoever moves the clock waits for it first.
func (e *Engine) Begun() <-chan struct{} { return e.begun }

// NextDue is when the engine acts next, and whether it will by itself: for
// [timeline.Runtime.AddWait].
func (e *Engine) NextDue() (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		return time.Time{}, false
	}
	if e.busy || e.dirty {
		return time.Time{}, true
	}
	return e.next, !e.next.IsZero()
}

// Saw is what observing the current step of a run told last: "2 of 3 pods gone". It
// is "" after a restart until the step was observed again.
func (e *Engine) Saw(id RunID) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen[id]
}

func (e *Engine) saw(id RunID, progress string) {
	e.mu.Lock()
	changed := e.seen[id] != progress
	if progress == "" {
		delete(e.seen, id)
	} else {
		e.seen[id] = progress
	}
	e.mu.Unlock()
	if changed && e.Observed != nil {
		e.Observed(id)
	}
}

// Run carries on until ctx ends and returns nil then. A step that was asked for when
// ctx ended is found in the entries by the next process. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	e.running, e.busy = true, true
	e.mu.Unlock()
	close(e.begun)
	defer func() {
		e.mu.Lock()
		e.running = false
		e.mu.Unlock()
		e.turns.Touch()
	}()
	e.desk.store.OnCommit(e.committed)
	for ctx.Err() == nil {
		release := e.turns.Turn(ctx)
		next := e.round(ctx)
		release()
		e.rest(ctx, next)
	}
	return nil
}

func (e *Engine) committed(c timeline.Commit) {
	for _, g := range c.Gained {
		for _, k := range g.Kinds {
			if concerns(string(k)) {
				e.mu.Lock()
				defer e.mu.Unlock()
				e.dirty = true
				select {
				case e.wake <- struct{}{}:
				default:
				}
				return
			}
		}
	}
}

func concerns(kind string) bool {
	return strings.HasPrefix(kind, "run.") || strings.HasPrefix(kind, "step.") || strings.HasPrefix(kind, "freeze.") || kind == "erased"
}

// round carries every run as far as it comes now, and returns when to look again.
func (e *Engine) round(ctx context.Context) (next time.Time) {
	e.mu.Lock()
	e.dirty = false
	e.mu.Unlock()
	var active []Run
	var frozen bool
	err := e.desk.store.View(ctx, func(v timeline.View) (err error) {
		if _, frozen, err = Frozen(v); err == nil {
			active, err = ActiveRuns(v)
		}
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			e.log.ErrorContext(ctx, "runs cannot be read", slog.Any("error", err))
		}
		return e.desk.clock.Now().Add(usualEvery)
	}
	now := e.desk.clock.Now()
	kept := map[RunID]*carried{}
	for _, r := range active {
		c := e.carried[r.ID]
		if c == nil {
			c = &carried{step: -1}
		}
		kept[r.ID] = c
		if c.state != fmt.Sprint(stateOf(r), frozen) || !c.due.IsZero() && !c.due.After(now) {
			c.due = e.carry(ctx, r, c)
			// Not as it is by now: what others record meanwhile has yet to be looked at.
			c.state = fmt.Sprint(c.looked, frozen)
		}
		if !c.due.IsZero() && (next.IsZero() || c.due.Before(next)) {
			next = c.due
		}
	}
	for id := range e.carried {
		if kept[id] == nil {
			e.saw(id, "")
		}
	}
	e.carried = kept
	return next
}

// stateOf changes with everything that lets the engine act on a run.
func stateOf(r Run) string {
	s := StepState{}
	if r.Step < len(r.Steps) {
		s = r.Steps[r.Step]
	}
	return fmt.Sprint(r.Status, r.Epoch, r.Step, s.Mark, s.Attempts, s.Accepted, s.Late, len(r.Locks), r.Held, r.Soft, r.Glass != nil, r.Erased)
}

// rest sleeps until something is recorded or due.
func (e *Engine) rest(ctx context.Context, next time.Time) {
	e.mu.Lock()
	if e.dirty || ctx.Err() != nil {
		e.mu.Unlock()
		return
	}
	// The alarm is set before anybody sees the engine rest: whoever moves the clock
	// once all is settled asks it what is waited for. A call that it has long answered
	// does not wake it again, and take the alarm away.
	select {
	case <-e.wake:
	default:
	}
	var alarm <-chan time.Time
	if !next.IsZero() {
		c, stop := e.desk.clock.At(next)
		defer stop()
		alarm = c
	}
	e.busy, e.next = false, next
	e.mu.Unlock()
	e.turns.Touch()
	select {
	case <-ctx.Done():
	case <-e.wake:
	case <-alarm:
	}
	e.mu.Lock()
	e.busy = true
	e.mu.Unlock()
}

// carry takes a run through as many changes as it comes to now. It returns when to
// look at it again; zero: when something is recorded.
func (e *Engine) carry(ctx context.Context, r Run, c *carried) time.Time {
	for ctx.Err() == nil {
		c.looked = stateOf(r)
		if c.step != r.Step {
			c.step, c.failures, c.notArrived = r.Step, 0, false
			e.saw(r.ID, "")
		}
		again, due, err := e.advance(ctx, r, c)
		if err != nil && ctx.Err() == nil {
			e.log.ErrorContext(ctx, "a run cannot be carried on for now", slog.String("run", string(r.ID)), slog.Any("error", err))
			e.saw(r.ID, "it cannot be carried on now: "+sentence(err))
			return e.backOff(c, usualEvery)
		}
		if !again {
			return due
		}
		if r, err = e.desk.Get(ctx, r.ID); err != nil {
			return e.desk.clock.Now().Add(usualEvery)
		}
	}
	return time.Time{}
}

// advance makes the next change to a run. again: there may be another one at once.
func (e *Engine) advance(ctx context.Context, r Run, c *carried) (again bool, due time.Time, err error) {
	switch r.Status {
	case Approved:
		return e.start(ctx, r, c)
	case Running:
		return e.step(ctx, r, c)
	case Aborting:
		return e.abort(ctx, r)
	}
	return false, time.Time{}, nil
}

// record lets entries about a run through the door, as long as it is still as it was
// when they were decided on; else nothing is recorded and it is looked at again.
func (e *Engine) record(ctx context.Context, r Run, decide func(v timeline.View, now Run) ([]timeline.Draft, error)) error {
	_, err := e.desk.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		now, err := GetRun(v, r.ID)
		if err != nil || stateOf(now) != stateOf(r) {
			return timeline.Decision{}, err
		}
		drafts, err := decide(v, now)
		return timeline.Decision{Entries: drafts}, err
	})
	return err
}

const (
	usualEvery  = 5 * time.Second // how often a step is observed that does not say
	longestWait = time.Minute     // between attempts while the outside does not answer
	callTimeout = 30 * time.Second
)

// backOff is when to try again after a failure in a row of failures.
func (e *Engine) backOff(c *carried, every time.Duration) time.Time {
	wait := min(every<<min(c.failures, 10), max(longestWait, every))
	c.failures++
	return e.desk.clock.Now().Add(wait)
}
