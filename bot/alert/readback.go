package alert

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"wardroom/bot/timeline"
)

// ReadbackEvery is how often a source is asked what fires.
const ReadbackEvery = 5 * time.Minute

// pullTimeout bounds one answer of a source, in real time.
const pullTimeout = 30 * time.Second

// Readback asks a source what fires now and records what no webhook told:
// alerts that were missed, as while Wardroom was down, resolutions that were lost,
// and what a firing alert says by now: Alertmanager tells of that only when it
// repeats itself, by default after four hours.
type Readback struct {
	puller Puller
	label  string
	door   timeline.Store
	intake *Intake
	clock  timeline.Clock
	log    *slog.Logger

	mu   sync.Mutex
	last ReadbackStatus
}

// ReadbackStatus is how the last reading went.
type ReadbackStatus struct {
	At       time.Time // zero before the first
	Err      error     // why it failed, or is incomplete
	Active   int       // how many alerts fire
	Missed   int       // firing alerts that no webhook had brought
	Resolved int       // alerts that the source no longer has
}

// NewReadback makes a readback. label names the kind of system for people, as in
// "read back from Alertmanager".
func NewReadback(puller Puller, label string, door timeline.Store, intake *Intake, clock timeline.Clock, log *slog.Logger) *Readback {
	return &Readback{puller: puller, label: label, door: door, intake: intake, clock: clock,
		log: log.With(slog.String("source", puller.Name()))}
}

// Run reads back at once and then every [ReadbackEvery], until ctx ends; it then
// returns nil. A failure is logged when it begins and when it is over.
func (r *Readback) Run(ctx context.Context) error {
	for {
		before := r.Status()
		status := r.Once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		r.report(ctx, before, status)
		tick, stop := r.clock.At(r.clock.Now().Add(ReadbackEvery))
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-tick:
			stop()
		}
	}
}

func (r *Readback) report(ctx context.Context, before, now ReadbackStatus) {
	switch {
	case now.Err != nil && before.Err == nil:
		r.log.WarnContext(ctx, "cannot be read back", slog.Any("error", now.Err))
	case now.Err == nil && before.Err != nil:
		r.log.InfoContext(ctx, "can be read back again")
	}
	if now.Missed+now.Resolved > 0 {
		r.log.InfoContext(ctx, "read back", slog.Int("missed", now.Missed), slog.Int("resolved", now.Resolved))
	}
}

// Status is how the last reading went.
func (r *Readback) Status() ReadbackStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Once reads back now. It may be repeated, and called beside Run.
func (r *Readback) Once(ctx context.Context) ReadbackStatus {
	status := ReadbackStatus{At: r.clock.Now()}
	status.Active, status.Missed, status.Resolved, status.Err = r.compare(ctx, status.At)
	r.mu.Lock()
	r.last = status
	r.mu.Unlock()
	return status
}

func (r *Readback) compare(ctx context.Context, asOf time.Time) (active, missed, resolved int, err error) {
	pctx, cancel := context.WithTimeout(ctx, pullTimeout)
	pulled, pullErr := r.puller.Active(pctx)
	cancel()
	if pullErr != nil && len(pulled) == 0 {
		return 0, 0, 0, pullErr
	}
	known, err := r.firing(ctx)
	if err != nil {
		return len(pulled), 0, 0, err
	}
	how := manner{found: "read back from " + r.label, asOf: asOf}

	news, present := r.news(pulled, known, asOf)
	result, err := r.intake.record(ctx, news, how)
	if err != nil || pullErr != nil {
		return len(pulled), result.New, 0, joinPull(pullErr, err)
	}
	gone, err := r.resolve(ctx, known, present, how)
	return len(pulled), result.New, gone, err
}

func joinPull(pull, record error) error {
	if record != nil {
		return record
	}
	return fmt.Errorf("the answer is incomplete: %w", pull)
}

func (r *Readback) firing(ctx context.Context) ([]Current, error) {
	var rows []Current
	err := r.door.View(ctx, func(v timeline.View) error {
		var err error
		rows, err = Table.Select(v, timeline.Query{Where: []timeline.Where{
			{Column: "source", Value: r.puller.Name()}, {Column: "status", Value: string(Firing)}}})
		return err
	})
	return rows, err
}

// news returns what was not told of, or is said otherwise by now, and the keys of all
// that fires. What began just now is not missed: its notification waits for its group.
func (r *Readback) news(pulled []Pulled, known []Current, asOf time.Time) ([]Alert, map[string]bool) {
	told := make(map[string]*Current, len(known))
	for i := range known {
		told[known[i].Key()] = &known[i]
	}
	present := make(map[string]bool, len(pulled))
	var news []Alert
	for i := range pulled {
		a := pulled[i].Alert
		a.Source, a.Status, a.EndsAt = r.puller.Name(), Firing, time.Time{}
		present[a.Key()] = true
		switch row := told[a.Key()]; {
		case pulled[i].Muted, a.StartsAt.Add(settle).After(asOf):
		case row == nil, row.StartsAt.Equal(timeline.Stamp(a.StartsAt)) && !maps.Equal(row.Annotations, a.Annotations):
			news = append(news, a)
		}
	}
	return news, present
}

// resolve records the end of what fires here and no longer at its source.
func (r *Readback) resolve(ctx context.Context, known []Current, present map[string]bool, how manner) (int, error) {
	var batch []incoming
	for i := range known {
		row := &known[i]
		if present[row.Key()] || row.LastSeen.Add(settle).After(how.asOf) || row.StartsAt.Add(settle).After(how.asOf) {
			continue
		}
		a := row.Alert
		a.Status, a.EndsAt = Resolved, timeline.Stamp(how.asOf)
		var in incoming
		if err := r.intake.seal(&in, &Received{Alert: a, Found: how.found}); err != nil {
			return 0, err
		}
		in.expect = row.Received
		batch = append(batch, in)
	}
	result, err := r.intake.commitAll(ctx, batch, how)
	return result.New, err
}
