package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/fleet"
	"wardroom/bot/timeline"
)

const (
	// clonesEvery is how often nodes are looked at, and clonesFresh how old what is looked
	// at may be: together well under the minute within which a clone is told.
	clonesEvery = 30 * time.Second
	clonesFresh = 10 * time.Second
	// goneRounds is how often a clone is not seen before its alert resolves: a node that
	// restarts is away for a moment.
	goneRounds = 2
	// flapFor is how long after two machines took turns under one name that counts.
	flapFor = 10 * time.Minute
	// mostBoots is how many boots of a node are remembered.
	mostBoots = 32
)

// CloneSource is the source of the alerts about clones, CloneAlert their name.
const (
	CloneSource = "wardroom"
	CloneAlert  = "NodeCloned"
)

const clonePrefix = "node-clone/"

// Recorder is what of [alert.Intake] the clones need.
type Recorder interface {
	Record(ctx context.Context, alerts []alert.Alert, found string) (alert.Result, error)
}

// Clones looks every half minute whether a node of the cluster is a clone of another:
// nodes that share a machine-id, a systemUUID, a providerID, a boot id or a hostname,
// or two machines that take turns under one name. That is what took a whole cluster
// down on 2024-04-10. It fires an alert, with severity page, which goes the way of any
// other, and resolves it when the clone is gone. A cluster that cannot be read neither
// fires nor resolves.
type Clones struct {
	store   timeline.Store
	cluster Cluster
	intake  Recorder
	log     *slog.Logger
	*rounds

	looking sync.Mutex // guards what follows
	boots   map[string][]string
	flapped map[string]time.Time // nodes whose machine changed back
	gone    map[string]int       // by fingerprint: rounds without it
	blind   bool
}

// NewClones makes the service; Run runs it.
func NewClones(store timeline.Store, cluster Cluster, intake Recorder, clock timeline.Clock, turns Turns, log *slog.Logger) *Clones {
	return &Clones{store: store, cluster: cluster, intake: intake, log: log, rounds: newRounds(clock, turns, clonesEvery),
		boots: map[string][]string{}, flapped: map[string]time.Time{}, gone: map[string]int{}}
}

// Run looks until ctx ends, and returns nil then. What cannot be read or recorded is
// logged once and tried again. It is called once.
func (c *Clones) Run(ctx context.Context) error { return c.run(ctx, c.Look) }

// Look looks once. Run does it; it may be repeated.
func (c *Clones) Look(ctx context.Context) {
	c.looking.Lock()
	defer c.looking.Unlock()
	err := c.look(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil && !c.blind {
		c.log.WarnContext(ctx, "whether a node is a clone cannot be told: it is looked at again", slog.Any("error", err))
	}
	c.blind = err != nil
}

func (c *Clones) look(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, lookTimeout)
	s, err := c.cluster.Snapshot(within, clonesFresh)
	cancel()
	if err != nil || s == nil || slices.Contains(s.Missing, "nodes") {
		return err
	}
	fires := c.now(s)
	known, err := c.firing(ctx)
	if err != nil {
		return err
	}
	var said []alert.Alert
	for _, print := range slices.Sorted(maps.Keys(fires)) {
		delete(c.gone, print)
		if _, told := known[print]; !told {
			said = append(said, fires[print])
		}
	}
	for _, print := range slices.Sorted(maps.Keys(known)) {
		if _, still := fires[print]; still {
			continue
		}
		if c.gone[print]++; c.gone[print] >= goneRounds {
			delete(c.gone, print)
			over := known[print].Alert
			over.Status, over.EndsAt = alert.Resolved, c.rounds.clock.Now()
			said = append(said, over)
		}
	}
	_, err = c.intake.Record(ctx, said, "found among the cluster's nodes")
	return err
}

// firing are the alerts about clones that fire by what is recorded, also by an earlier
// process, by their fingerprint.
func (c *Clones) firing(ctx context.Context) (map[string]alert.Current, error) {
	known := map[string]alert.Current{}
	err := c.store.View(ctx, func(v timeline.View) error {
		all, err := alert.Table.Select(v, timeline.Query{Where: []timeline.Where{{Column: "source", Value: CloneSource}, {Column: "status", Value: string(alert.Firing)}}})
		for _, a := range all {
			if strings.HasPrefix(a.Fingerprint, clonePrefix) {
				known[a.Fingerprint] = a
			}
		}
		return err
	})
	return known, err
}

// now are the alerts that a snapshot makes fire, by their fingerprint.
func (c *Clones) now(s *fleet.Snapshot) map[string]alert.Alert {
	fires := map[string]alert.Alert{}
	add := func(kind string, flaw fleet.Flaw, suspect string) {
		sum := sha256.Sum256([]byte(kind + "\n" + strings.Join(flaw.Nodes, "\n")))
		print := clonePrefix + hex.EncodeToString(sum[:8])
		fires[print] = alert.Alert{Source: CloneSource, Fingerprint: print, Status: alert.Firing,
			Labels:      map[string]string{"alertname": CloneAlert, "severity": "page", "node": suspect},
			Annotations: map[string]string{"summary": flaw.Sentence, "description": flaw.Hint}}
	}
	for _, flaw := range fleet.Clones(s.Nodes) {
		newest := newestOf(s, flaw.Nodes)
		if newest.Created.IsZero() {
			add("shared", flaw, newest.Name)
			continue
		}
		flaw.Sentence += fmt.Sprintf("; %s joined last, at %s", newest.Name, newest.Created.UTC().Format("15:04 UTC"))
		add("shared", flaw, newest.Name)
	}
	c.remember(s)
	for _, name := range slices.Sorted(maps.Keys(c.flapped)) {
		add("turns", fleet.Flaw{Kind: fleet.FlawClone, Nodes: []string{name},
			Sentence: fmt.Sprintf("two machines take turns as node %s: one is a clone of the other", name),
			Hint:     "turn the clone off now and delete it; make new nodes from the pool or the image, never from a node"}, name)
	}
	return fires
}

// newestOf is the node that joined last of those named.
func newestOf(s *fleet.Snapshot, names []string) (newest fleet.Node) {
	for _, n := range s.Nodes {
		if slices.Contains(names, n.Name) && (newest.Name == "" || n.Created.After(newest.Created)) {
			newest = n
		}
	}
	return newest
}

// remember notes the boots of each node. A boot id never comes back: where one does,
// another machine had the name meanwhile.
func (c *Clones) remember(s *fleet.Snapshot) {
	now := c.rounds.clock.Now()
	there := map[string]bool{}
	for _, n := range s.Nodes {
		there[n.Name] = true
		boots, id := c.boots[n.Name], n.Identity.BootID
		i := slices.Index(boots, id)
		if id == "" || i >= 0 && i == len(boots)-1 {
			continue
		}
		if i >= 0 {
			c.flapped[n.Name] = now
			boots = slices.Delete(boots, i, i+1)
		}
		boots = append(boots, id)
		c.boots[n.Name] = boots[max(0, len(boots)-mostBoots):]
	}
	maps.DeleteFunc(c.boots, func(name string, _ []string) bool { return !there[name] })
	maps.DeleteFunc(c.flapped, func(name string, at time.Time) bool { return !there[name] || now.Sub(at) > flapFor })
}
