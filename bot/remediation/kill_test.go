package remediation_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// killer ends the process at the nth point of its journal: after a commit, before a
// request and after it. The world lives on.
type killer struct {
	*bench
	at    int
	point atomic.Int64 // people and the engine come to points at the same time
	died  chan struct{}
}

var errKilled = errors.New("killed")

func (k *killer) reached() bool {
	if k.point.Add(1) != int64(k.at) {
		return false
	}
	k.world.dead.Store(true)
	close(k.died)
	if k.cancel != nil {
		k.cancel()
	}
	return true
}

// mortal is a store that dies with its process.
type mortal struct {
	timeline.Store
	*killer
}

func (m mortal) Update(ctx context.Context, decide func(timeline.View) (timeline.Decision, error)) ([]timeline.Entry, error) {
	if m.world.dead.Load() {
		return nil, errKilled
	}
	entries, err := m.Store.Update(ctx, decide)
	if len(entries) > 0 && m.reached() {
		return nil, errKilled
	}
	return entries, err
}

// live plays the night until the run is over or the process is killed.
func (k *killer) live() (alive bool) {
	k.open().run()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	died := k.died
	go func() {
		select {
		case <-died:
			cancel()
		case <-ctx.Done():
		}
	}()
	id := remediation.RunID("INC-1/run-1")
	end := k.clock.Now().Add(20 * time.Minute)
	for !k.world.dead.Load() && k.rt.Settle(ctx) == nil {
		r, err := k.desk.Get(ctx, id)
		switch {
		case k.world.dead.Load():
			return false
		case problem.Is(err, problem.NotFound):
			_, _ = k.tryAsk("joe", "recycle-node") // it may be killed
		case err != nil:
			k.Fatal(err)
		case r.Status == remediation.Requested:
			_ = k.approve("chris", r)
		case r.Status == remediation.Asking: // it never arrived, twice: joe asks for it again
			_, _ = k.desk.Resume(ctx, k.who("joe"), id, remediation.Again, "")
		case !r.Status.Active():
			return true
		default:
			next, waits := k.clock.Next()
			if !waits || next.After(end) {
				k.Fatalf("killed at point %d it does not end: %s", k.at, k.told(0))
			}
			k.clock.MoveTo(next)
		}
	}
	return false
}

// killedAt plays it, killed once at a point, 0 for not at all, and returns how many
// points there are.
func killedAt(t *testing.T, at int, prepare func(*world)) (points int) {
	k := &killer{bench: newBench(t), at: at, died: make(chan struct{})}
	prepare(k.world)
	k.world.before = func(string) { k.reached() }
	k.world.after = func(string) { k.reached() }
	k.wrap = func(s timeline.Store) timeline.Store { return mortal{s, k} }
	k.open().declare(alert.SEV1)
	k.close()
	for !k.live() {
		if !k.world.dead.Load() {
			t.Fatalf("killed at point %d nothing settles: %s", at, k.told(0))
		}
		k.close()
		k.world.dead.Store(false)
		k.died = make(chan struct{})
	}
	where := fmt.Sprintf("killed at point %d", at)
	r := k.wants("INC-1/run-1", remediation.Done)
	if k.world.accepted != 1 || k.world.machine != 2 || k.world.cordoned {
		t.Errorf("%s: %d recycles accepted, machine %d, cordoned %t\n%s", where, k.world.accepted, k.world.machine, k.world.cordoned, k.told(0))
	}
	if len(r.Approvals) != 1 || r.Approvals[0].By.Name != "chris" {
		t.Errorf("%s: approvals %+v", where, r.Approvals)
	}
	if runs := k.runs(); len(runs) != 1 {
		t.Errorf("%s: %d runs", where, len(runs))
	}
	k.sound()
	return int(k.point.Load())
}

func (b *bench) runs() (list []remediation.Run) {
	b.Helper()
	b.must(b.store.View(context.Background(), func(v timeline.View) (err error) {
		list, err = remediation.RunsOf(v, timeline.Incident(1))
		return err
	}))
	return list
}

// The points are counted by a night in which nobody is killed: a new step is killed
// without anybody touching this test.
func TestKilledAtEveryPoint(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"every answer comes":                   func(w *world) { w.blind = time.Minute },
		"the answer is lost, it had arrived":   func(w *world) { w.blind, w.lose = time.Minute, "arrived" },
		"the answer is lost before it arrived": func(w *world) { w.blind, w.lose = time.Minute, "before" },
	} {
		t.Run(name, func(t *testing.T) {
			points := killedAt(t, 0, prepare)
			if points < 15 {
				t.Fatalf("only %d points: the test does not look", points)
			}
			for at := 1; at <= points; at++ {
				killedAt(t, at, prepare)
			}
			t.Logf("killed at %d points of the journal", points)
		})
	}
}
