package kubernetes_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
)

// gate lets requests through when it is opened.
type gate struct {
	inner http.RoundTripper
	open  chan struct{}
	came  chan struct{} // receives when a request has come
	count *atomic.Int64
}

func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	g.count.Add(1)
	select {
	case g.came <- struct{}{}:
	default:
	}
	select {
	case <-g.open:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return g.inner.RoundTrip(r)
}

// newGated is a rig whose requests wait for the gate.
func newGated(t *testing.T) (*rig, gate) {
	g := gate{open: make(chan struct{}), came: make(chan struct{}, 1), count: &atomic.Int64{}}
	r := newRig(t, func(_ *kubetest.Options, o *kubernetes.Options) {
		o.Timeout = time.Minute
		o.Wrap = func(inner http.RoundTripper) http.RoundTripper { g.inner = inner; return g }
	})
	return r, g
}

// What many ask for at the same time is read once.
func TestASnapshotIsReadOnceForAllWhoAsk(t *testing.T) {
	r, g := newGated(t)
	var all sync.WaitGroup
	ask := func() {
		all.Go(func() {
			if _, err := r.cluster.Snapshot(r.ctx(), time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
	ask()
	<-g.came
	for range 8 {
		ask()
	}
	close(g.open)
	all.Wait()
	alone := newRig(t)
	alone.snapshot()
	if got, once := g.count.Load(), int64(len(alone.sim.Requests())); got != once {
		t.Errorf("%d requests, and one reading takes %d", got, once)
	}
}

// Whoever began a reading and goes away leaves the others with one of their own.
func TestAReadingThatIsGivenUpIsBegunAnew(t *testing.T) {
	r, g := newGated(t)
	hurried, leave := context.WithCancel(r.ctx())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := r.cluster.Snapshot(hurried, time.Minute); err == nil {
			t.Error("it went away and has a snapshot")
		}
	})
	<-g.came
	all.Go(func() {
		if s, err := r.cluster.Snapshot(r.ctx(), time.Minute); err != nil || len(s.Nodes) != 3 {
			t.Errorf("%v: %+v", err, s)
		}
	})
	leave()
	close(g.open)
	all.Wait()
}

// What is being read since before a change of ours is not what became of it.
func TestAReadingFromBeforeOurChangeIsNotJoined(t *testing.T) {
	r, g := newGated(t)
	var all sync.WaitGroup
	all.Go(func() { _, _ = r.cluster.Snapshot(r.ctx(), time.Minute) }) // it sees what it sees
	<-g.came
	within, leave := context.WithCancel(r.ctx())
	leave()
	_ = r.cluster.DeletePod(within, fleet.Object{Kind: "Pod", Namespace: "default", Name: "none"}, false) // its answer is lost: it may have arrived
	all.Go(func() { _, _ = r.cluster.Snapshot(r.ctx(), time.Minute) })
	const first = 5 + 1 // lists are read five at a time; the change
	for g.count.Load() <= first {
		<-g.came
	}
	close(g.open)
	all.Wait()
}
