package watch_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/bot/watch"
	"wardroom/storage"
)

// workers are the nodes of 2024-04-10.
type workers struct {
	mu    sync.Mutex
	clock timeline.Clock
	nodes []fleet.Node
	down  bool
}

func (w *workers) Snapshot(context.Context, time.Duration) (*fleet.Snapshot, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return nil, problem.New(problem.Unavailable, "the cluster does not answer")
	}
	return &fleet.Snapshot{At: w.clock.Now(), Nodes: append([]fleet.Node(nil), w.nodes...)}, nil
}

func (w *workers) change(f func(*workers)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

func worker(name, machine, boot string) fleet.Node {
	return fleet.Node{Name: name, Ready: fleet.True, Created: time.Date(2024, 4, 10, 16, 0, 0, 0, time.UTC),
		Identity: fleet.Identity{ProviderID: "linode://" + name, MachineID: machine, BootID: boot}}
}

// lookout is a process that looks at the workers, with intake and correlation.
type lookout struct {
	testing.TB
	clock *scenario.Clock
	*workers
	path  string
	store *storage.DB
	rt    *timeline.Runtime
	end   func()
}

func newLookout(t testing.TB) *lookout {
	clock := scenario.NewClock(time.Date(2024, 4, 10, 16, 30, 0, 0, time.UTC))
	l := &lookout{TB: t, clock: clock, path: filepath.Join(t.TempDir(), "wardroom.db"),
		workers: &workers{clock: clock, nodes: []fleet.Node{worker("worker-1", "m1", "b1"), worker("worker-2", "m2", "b2")}}}
	t.Cleanup(func() { l.end() })
	l.open()
	return l
}

func (l *lookout) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lookout) open() {
	l.Helper()
	codec, err := timeline.NewCodec(incident.Kinds, alert.Kinds)
	l.must(err)
	quiet := slog.New(slog.DiscardHandler)
	l.store, err = storage.OpenSQLite(context.Background(), l.path, storage.Options{Codec: codec, Clock: l.clock, Log: quiet, Folds: []timeline.Fold{alert.Fold, incident.Fold}})
	l.must(err)
	l.rt = timeline.NewRuntime(l.store, l.clock, quiet)
	l.rt.AddLogDecider("correlation", &incident.Correlator{Routes: alert.DefaultRoutes()})
	for what, h := range incident.Handlers() {
		l.must(l.rt.Handle(what, h))
	}
	seat := l.rt.NewSeat()
	c := watch.NewClones(l.store, l.workers, alert.NewIntake(l.store, codec, l.clock, quiet, nil), l.clock, seat, quiet)
	seat.Wait(c.NextDue)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { l.rt.Run(ctx) })
	<-l.rt.Begun()
	done.Go(func() { c.Run(ctx) })
	<-c.Begun()
	l.end = func() {
		cancel()
		done.Wait()
		l.store.Close()
		l.end = func() {}
	}
}

func (l *lookout) pass(d time.Duration) {
	l.Helper()
	settle := func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		l.must(l.rt.Settle(ctx))
	}
	end := l.clock.Now().Add(d)
	for settle(); ; settle() {
		next, waits := l.clock.Next()
		if !waits || next.After(end) {
			break
		}
		l.clock.MoveTo(next)
	}
	l.clock.MoveTo(end)
	settle()
}

// tells compares what the log heard of clones and the incidents that there are.
func (l *lookout) tells(want ...string) {
	l.Helper()
	var got []string
	l.must(l.store.View(context.Background(), func(v timeline.View) error {
		list, err := v.Entries(timeline.Log, 0, 500)
		if err != nil {
			return err
		}
		for _, e := range list {
			if r, ok := e.Payload.(*alert.Received); ok {
				got = append(got, fmt.Sprintf("%s %s: %s", e.RecordedAt.Format("15:04:05"), r.Alert.Status, r.Alert.Annotations["summary"]))
			}
		}
		open, err := incident.Open(v)
		for _, i := range open {
			got = append(got, fmt.Sprintf("%s %s", i.ID, i.Severity))
		}
		return err
	}))
	if diff := cmp.Diff(want, got); diff != "" {
		l.Errorf("-want +got:\n%s", diff)
	}
}

// TestACloneIsToldWithinAMinute is 2024-04-10, 16:36: a worker was cloned and booted.
func TestACloneIsToldWithinAMinute(t *testing.T) {
	l := newLookout(t)
	l.pass(6*time.Minute + 10*time.Second)
	l.tells()
	clone := worker("worker-3", "m1", "b3")
	clone.Created = l.clock.Now()
	l.change(func(w *workers) { w.nodes = append(w.nodes, clone) })
	l.pass(time.Minute)
	first := "16:36:30 firing: worker-1 and worker-3 have one machine-id: one is a clone of the other; worker-3 joined last, at 16:36 UTC"
	l.tells(first, "INC-1 SEV2")

	// It is told once, also by the next process, and stays while nothing can be read.
	l.end()
	l.open()
	l.pass(5 * time.Minute)
	l.change(func(w *workers) { w.down = true })
	l.pass(5 * time.Minute)
	l.change(func(w *workers) { w.down = false })
	l.pass(time.Minute)
	l.tells(first, "INC-1 SEV2")

	// Gone for one look is not gone.
	l.change(func(w *workers) { w.nodes = w.nodes[:2] })
	l.pass(30 * time.Second)
	l.change(func(w *workers) { w.nodes = append(w.nodes, clone) })
	l.pass(time.Minute)
	l.tells(first, "INC-1 SEV2")
	l.change(func(w *workers) { w.nodes = w.nodes[:2] })
	l.pass(2 * time.Minute)
	var last string
	l.must(l.store.View(context.Background(), func(v timeline.View) error {
		list, err := v.Entries(timeline.Log, 0, 500)
		for _, e := range list {
			if r, ok := e.Payload.(*alert.Received); ok {
				last = string(r.Alert.Status)
			}
		}
		return err
	}))
	if last != string(alert.Resolved) {
		t.Errorf("the clone is gone, its alert %s", last)
	}
}

// TestACloneUnderTheSameNameIsTold: it takes the Node of the other, and the other takes
// it back. A reboot, or a new machine in a node's place, is none.
func TestACloneUnderTheSameNameIsTold(t *testing.T) {
	l := newLookout(t)
	boot := func(id string) {
		l.change(func(w *workers) { w.nodes[1].Identity.BootID = id })
		l.pass(time.Minute)
	}
	boot("b2")
	boot("b2-again")
	boot("b2-third")
	l.tells()
	boot("b9")
	boot("b2-third")
	l.tells("16:34:30 firing: two machines take turns as node worker-2: one is a clone of the other", "INC-1 SEV2")
	boot("b9")
	l.pass(20 * time.Minute)
	l.must(l.store.View(context.Background(), func(v timeline.View) error {
		all, err := alert.Of(v, "INC-1")
		for _, a := range all {
			if a.Status != alert.Resolved || !strings.HasPrefix(a.Key(), "wardroom/node-clone/") {
				t.Errorf("%+v", a)
			}
		}
		return err
	}))
}
