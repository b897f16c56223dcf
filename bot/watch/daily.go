package watch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/robfig/cron/v3"

	"wardroom/bot/timeline"
)

const (
	// startDelay leaves the start to alerts that wait.
	startDelay = 20 * time.Second
	// recheck is how soon what failed is tried again, so that the log does not say
	// for a day that something is broken which has healed.
	recheck = time.Hour
)

// Daily tries checks shortly after the start and then every day; what failed, as
// often as every hour. It records in the log when a check begins to fail and when
// it works again, once each, also across restarts.
type Daily struct {
	checks   []Check
	store    timeline.Store
	clock    timeline.Clock
	schedule cron.Schedule
	observe  func(name string, ok bool)
	log      *slog.Logger
}

// NewDaily makes the service; Run runs it. observe, which may be nil, is told
// after each try whether the check did not fail: a warning is ok. It fails when
// two checks share a name.
func NewDaily(checks []Check, store timeline.Store, clock timeline.Clock, observe func(name string, ok bool), log *slog.Logger) (*Daily, error) {
	names := map[string]bool{}
	for _, c := range checks {
		if c.Name == "" || names[c.Name] {
			return nil, fmt.Errorf("watch: two checks are named %q, or one has no name", c.Name)
		}
		names[c.Name] = true
	}
	if observe == nil {
		observe = func(string, bool) {}
	}
	return &Daily{checks: checks, store: store, clock: clock, schedule: cron.Every(24 * time.Hour), observe: observe, log: log}, nil
}

// Run tries until ctx ends; it then returns nil. What cannot be recorded is
// logged and found again by the next try.
func (d *Daily) Run(ctx context.Context) error {
	next := d.clock.Now().Add(startDelay)
	all := next // when all are due again
	due := d.checks
	for d.wait(ctx, next) {
		results, err := d.try(ctx, due)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			d.log.ErrorContext(ctx, "what the checks found cannot be recorded", slog.Any("error", err))
		}
		now := d.clock.Now()
		if !now.Before(all) {
			all = d.schedule.Next(now)
		}
		due, next = d.again(results, now, all)
	}
	return nil
}

// again returns what to try next, and when: what failed within the hour, else
// everything when its time has come.
func (d *Daily) again(results []Result, now, all time.Time) ([]Check, time.Time) {
	soon := now.Add(recheck)
	if !soon.Before(all) {
		return d.checks, all
	}
	failed := map[string]bool{}
	for _, r := range results {
		failed[r.Name] = r.Level == Failed
	}
	var due []Check
	for _, c := range d.checks {
		if failed[c.Name] {
			due = append(due, c)
		}
	}
	if len(due) == 0 {
		return d.checks, all
	}
	return due, soon
}

// wait returns false when ctx ended first.
func (d *Daily) wait(ctx context.Context, until time.Time) bool {
	tick, stop := d.clock.At(until)
	defer stop()
	select {
	case <-tick:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// Once tries every check now and records what has changed. It may be repeated,
// and called beside Run.
func (d *Daily) Once(ctx context.Context) ([]Result, error) { return d.try(ctx, d.checks) }

func (d *Daily) try(ctx context.Context, checks []Check) ([]Result, error) {
	results := Run(ctx, checks)
	if err := ctx.Err(); err != nil {
		return results, err // what was broken off says nothing of what was tried
	}
	for _, r := range results {
		d.observe(r.Name, r.Level != Failed)
	}
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) { return changes(v, results) })
	for _, e := range entries {
		d.tell(ctx, e)
	}
	return results, err
}

func (d *Daily) tell(ctx context.Context, e timeline.Entry) {
	switch p := e.Payload.(type) {
	case *Failing:
		d.log.WarnContext(ctx, "a check is not well", slog.String("check", p.Check), slog.String("level", string(p.Level)),
			slog.String("why", p.Sentence), slog.String("hint", p.Hint))
	case *Working:
		d.log.InfoContext(ctx, "a check is well again", slog.String("check", p.Check))
	}
}

// changes are the entries for what is not as the log has it.
func changes(v timeline.View, results []Result) (timeline.Decision, error) {
	var decision timeline.Decision
	for _, r := range results {
		known, held, err := told(v, r.Name)
		if err != nil {
			return decision, err
		}
		if r.Level == known.level {
			continue
		}
		d := timeline.Draft{Timeline: timeline.Log, Cause: known.entry}
		if held {
			d.Effects.Release = []string{claim(r.Name)}
		}
		if r.Level == OK {
			d.Payload = &Working{Check: r.Name, Sentence: r.Sentence, Since: known.since}
		} else {
			d.Payload = &Failing{Check: r.Name, Level: r.Level, Sentence: r.Sentence, Hint: r.Hint}
			d.Effects.Take = []string{claim(r.Name)}
		}
		decision.Entries = append(decision.Entries, d)
	}
	return decision, nil
}

// known is what the log says of a check.
type known struct {
	level Level
	entry timeline.Ref // that says so; zero when the check is well
	since time.Time
}

func told(v timeline.View, check string) (known, bool, error) {
	ref, held, err := v.Claim(claim(check))
	if err != nil || !held {
		return known{level: OK}, false, err
	}
	e, err := v.Entry(ref)
	if err != nil {
		return known{}, true, err
	}
	k := known{level: Failed, entry: ref, since: e.RecordedAt}
	if p, ok := e.Payload.(*Failing); ok { // else it was erased
		k.level = p.Level
	}
	return k, true, nil
}
