package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// lookEvery is how often the cluster is looked at.
const lookEvery = time.Minute

// lookTimeout bounds one look, in real time.
const lookTimeout = 20 * time.Second

// Cluster is what of [fleet.Cluster] the baseline reads.
type Cluster interface {
	Snapshot(ctx context.Context, maxAge time.Duration) (*fleet.Snapshot, error)
}

// Turns lets a service record beside followers that act in turn; a [timeline.Seat]
// does.
type Turns interface {
	Turn(ctx context.Context) (release func())
	Touch()
}

// Baseline looks every minute at what of the cluster is Ready and keeps it for two
// weeks, as changes in durable notes beside the timelines. After a repair it tells
// in the incident's timeline what of the time before the incident is not back, and
// goes on looking until the incident is resolved: every change of that once, when it
// has held for two minutes. Its methods may be called from many goroutines.
type Baseline struct {
	store   timeline.Store
	cluster Cluster
	clock   timeline.Clock
	log     *slog.Logger
	*rounds

	looking sync.Mutex // one look at a time; guards history, blind and held
	history *history   // nil: not read yet
	blind   bool       // the last look failed: said once
	held    map[timeline.ID]held
}

// NewBaseline makes the service; Run runs it. Without Run it still compares with what
// an earlier process has kept.
func NewBaseline(store timeline.Store, cluster Cluster, clock timeline.Clock, turns Turns, log *slog.Logger) *Baseline {
	return &Baseline{store: store, cluster: cluster, clock: clock, rounds: newRounds(clock, turns, lookEvery), log: log, held: map[timeline.ID]held{}}
}

// Run looks until ctx ends, and returns nil then. What cannot be read or recorded is
// logged once and tried again a minute later. It is called once.
func (b *Baseline) Run(ctx context.Context) error { return b.run(ctx, b.Look) }

// Look looks once, keeps what it saw and tells what is due to be told. Run does it
// every minute; it may be repeated.
func (b *Baseline) Look(ctx context.Context) {
	b.looking.Lock()
	defer b.looking.Unlock()
	s, err := b.read(ctx)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = b.keep(ctx, s)
	}
	b.tellOnce(ctx, err)
	if b.history == nil {
		return // what was Ready cannot be read: that is logged
	}
	if err := b.verify(ctx, s, err); err != nil && ctx.Err() == nil {
		b.log.ErrorContext(ctx, "what is back after a repair cannot be recorded", slog.Any("error", err))
	}
}

// read asks for a snapshot that is no older than a look.
func (b *Baseline) read(ctx context.Context) (*fleet.Snapshot, error) {
	within, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	s, err := b.cluster.Snapshot(within, lookEvery)
	if err == nil && s == nil {
		err = errors.New("the cluster gave no snapshot")
	}
	if errLoad := b.load(ctx); errLoad != nil {
		return nil, errLoad
	}
	return s, err
}

func (b *Baseline) load(ctx context.Context) error {
	if b.history != nil {
		return nil
	}
	return b.store.View(ctx, func(v timeline.View) (err error) {
		b.history, err = loadHistory(v)
		return err
	})
}

// keep notes what a snapshot shows. What could not be stored is read anew, so that
// memory never knows more than the disk.
func (b *Baseline) keep(ctx context.Context, s *fleet.Snapshot) error {
	puts, err := b.history.note(s)
	if err != nil || len(puts) == 0 {
		return err
	}
	_, err = b.store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Scratch: puts}, nil
	})
	if err != nil {
		b.history = nil
	}
	return err
}

func (b *Baseline) tellOnce(ctx context.Context, err error) {
	switch {
	case err != nil && !b.blind:
		b.log.WarnContext(ctx, "what is Ready cannot be kept: the cluster is looked at again every minute", slog.Any("error", err))
	case err == nil && b.blind:
		b.log.InfoContext(ctx, "what is Ready is kept again")
	}
	b.blind = err != nil
}

// NotBack compares the cluster as it is now with how it was just before an incident
// began. It records nothing and may be called without Run. A cluster that cannot be
// read is no error: the comparison says that it is UNKNOWN. A NotFound problem says
// that there is no such incident.
func (b *Baseline) NotBack(ctx context.Context, id timeline.ID) (Comparison, error) {
	var i incident.Incident
	err := b.store.View(ctx, func(v timeline.View) (err error) {
		i, err = incident.Get(v, id)
		return err
	})
	if err != nil {
		return Comparison{}, err
	}
	b.looking.Lock()
	defer b.looking.Unlock()
	s, err := b.read(ctx)
	if b.history == nil {
		return Comparison{}, err
	}
	return b.compare(i.StartedAt, s, err), nil
}

// compare is honest about a cluster that could not be read.
func (b *Baseline) compare(before time.Time, s *fleet.Snapshot, err error) Comparison {
	if err == nil {
		return b.history.compare(before, s)
	}
	c := Comparison{At: b.clock.Now(), Unknown: []string{"the cluster cannot be read: " + sentence(err)}}
	c.Before, _ = b.history.before(before)
	return c
}

func sentence(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Message
	}
	return err.Error()
}
