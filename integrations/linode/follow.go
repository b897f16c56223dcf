package linode

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
)

const (
	// busyEvery and idleEvery are how often events are read, with and without an open
	// incident.
	busyEvery = 15 * time.Second
	idleEvery = time.Minute
	// leadUp is how long before an incident's start events belong to it: the cause comes
	// before the alert.
	leadUp = 15 * time.Minute
	// keep is how long an event that goes on is read again.
	keep = 24 * time.Hour
	// maxRecorded bounds what one incident records.
	maxRecorded = 400
	// scratchPrefix is followed by the incident; its doc holds what was recorded.
	scratchPrefix = "linode/events/"
)

// Watcher follows the account's events and records those that concern this
// cluster's machines and volumes in the open incidents, each event and status once,
// across restarts: what Linode did, and what somebody did there by hand. Make it
// with [Linode.NewWatcher] and run it as a service.
type Watcher struct {
	// Names gives the cluster's volumes by Linode's number, as "pvc-bb1d06139b334c1f";
	// may be nil, and its error means that they are not known now.
	Names func(context.Context) (map[int]string, error)
	// Concerns narrows down which events an incident records; nil: all that are this
	// cluster's and not from long before it.
	Concerns func(r timeline.Reader, id timeline.ID, e fleet.CloudEvent) bool
	rounds

	cloud *Linode
	store timeline.Store
	log   *slog.Logger

	from     int64
	recent   map[int64]fleet.CloudEvent
	machines map[int]bool // of the cluster, also those that are no more
	volumes  map[int]string
	pools    map[int]bool
	own      string // the user whose token Wardroom holds; "" while not known
	failing  bool
}

// NewWatcher makes a watcher of this cluster's events.
func (l *Linode) NewWatcher(store timeline.Store, log *slog.Logger) *Watcher {
	return &Watcher{rounds: newRounds(l.clock), cloud: l, store: store, log: log, recent: map[int64]fleet.CloudEvent{},
		machines: map[int]bool{}, volumes: map[int]string{}, pools: map[int]bool{}}
}

// Run follows until ctx ends, and returns nil then. While Linode does not answer it
// tries on; what happened meanwhile is recorded with its own time later.
func (w *Watcher) Run(ctx context.Context) error { return w.run(ctx, w.look) }

// look reads and records once, and returns when to look again.
func (w *Watcher) look(ctx context.Context) time.Time {
	open, err := w.open(ctx)
	every := idleEvery
	if len(open) > 0 || err != nil {
		every = busyEvery
	}
	if err == nil {
		if err = w.read(ctx); err == nil {
			for _, i := range open {
				if err = w.record(ctx, i); err != nil {
					break
				}
			}
		}
	}
	if failing := err != nil && ctx.Err() == nil; failing != w.failing {
		w.failing = failing
		if failing {
			w.log.Warn("Linode's events cannot be followed", slog.Any("error", err))
		} else {
			w.log.Info("Linode's events are followed again")
		}
	}
	now := w.clock.Now()
	if at := later(err); at.After(now.Add(every)) {
		return at
	}
	return now.Add(every)
}

// open are the incidents that people work on.
func (w *Watcher) open(ctx context.Context) (open []incident.Incident, err error) {
	err = w.store.View(ctx, func(v timeline.View) error {
		all, err := incident.Open(v)
		for _, i := range all {
			if i.Status != incident.Parked {
				open = append(open, i)
			}
		}
		return err
	})
	return open, err
}

// read takes in the events since the last time, and those that were not over.
func (w *Watcher) read(ctx context.Context) error {
	events, err := w.cloud.Events(ctx, w.from)
	if err != nil {
		return err
	}
	if err := w.learn(ctx, events); err != nil {
		return err
	}
	now := w.clock.Now()
	for _, e := range events {
		w.recent[e.ID] = e
		w.from = max(w.from, e.ID)
	}
	for id, e := range w.recent {
		old := now.Sub(e.Created) > keep
		if old {
			delete(w.recent, id)
		} else if !e.Over() {
			w.from = min(w.from, id)
		}
	}
	return nil
}

// learn finds out which machines, volumes and pools are this cluster's, where an
// event is about one that is not known.
func (w *Watcher) learn(ctx context.Context, events []fleet.CloudEvent) error {
	if w.own == "" {
		w.own = w.cloud.User(ctx)
	}
	if len(w.machines) > 0 && !w.strange(events) {
		return nil
	}
	slots, err := w.cloud.Slots(ctx)
	if err != nil {
		return err
	}
	for _, s := range slots {
		w.pools[s.Pool] = true
		if s.Instance != 0 {
			w.machines[s.Instance] = true
		}
	}
	volumes, err := w.cloud.Volumes(ctx)
	if err != nil {
		return err
	}
	for _, v := range volumes {
		if w.machines[v.Instance] {
			w.volumes[v.ID] = cmp.Or(w.volumes[v.ID], v.Label)
		}
	}
	if w.Names == nil {
		return nil
	}
	names, err := w.Names(ctx)
	if err != nil {
		w.log.Debug("the cluster's volumes are not known now", slog.Any("error", err))
		return nil
	}
	for id, name := range names {
		w.volumes[id] = name
	}
	return nil
}

// strange reports whether an event is about a machine or volume that was not met yet.
func (w *Watcher) strange(events []fleet.CloudEvent) bool {
	for _, e := range events {
		if _, met := w.recent[e.ID]; met {
			continue
		}
		id, _ := strconv.Atoi(e.Entity.ID)
		if e.Entity.Type == "linode" && !w.machines[id] || e.Entity.Type == "volume" && w.volumes[id] == "" {
			return true
		}
	}
	return false
}

// ours reports whether an event is about this cluster.
func (w *Watcher) ours(e fleet.CloudEvent) bool {
	for _, about := range []fleet.Entity{e.Entity, e.Second} {
		id, err := strconv.Atoi(about.ID)
		if err != nil {
			continue
		}
		switch about.Type {
		case "linode":
			// The name tells of a machine that was gone before it was met.
			if w.machines[id] || strings.HasPrefix(about.Label, fmt.Sprintf("lke%d-", w.cloud.cluster)) {
				return true
			}
		case "volume":
			if w.volumes[id] != "" {
				return true
			}
		case "lkecluster":
			if id == w.cloud.cluster {
				return true
			}
		case "lkenodepool", "lke_node_pool":
			if w.pools[id] {
				return true
			}
		}
	}
	return false
}

// recorded is what an incident has of the events: the last status of each.
type recorded map[int64]string

func readRecorded(v timeline.View, id timeline.ID) (recorded, error) {
	docs, err := v.Scratch(scratchPrefix + string(id))
	if err != nil {
		return nil, err
	}
	done := recorded{}
	if doc := docs[scratchPrefix+string(id)]; doc != nil {
		if err := json.Unmarshal(doc, &done); err != nil {
			return nil, fmt.Errorf("linode: what %s has recorded: %w", id, err)
		}
	}
	return done, nil
}
