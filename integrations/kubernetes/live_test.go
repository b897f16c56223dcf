package kubernetes_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
)

// resources are how many watches the caches keep.
const resources = 14

// live is a rig whose caches run.
func live(t *testing.T, change ...func(*kubetest.Options, *kubernetes.Options)) *rig {
	t.Helper()
	r := newRig(t, change...)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.cluster.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	r.eventually("all watches stand", func() bool { return r.sim.Watches() == resources })
	r.eventually("the caches are full", func() bool { return r.cached() != nil })
	return r
}

// eventually asks until ok; what client-go does takes its own, real time.
func (r *rig) eventually(what string, ok func() bool) {
	r.Helper()
	look, end := time.NewTicker(5*time.Millisecond), time.NewTimer(20*time.Second)
	defer look.Stop()
	defer end.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-end.C:
			r.Fatalf("not within 20 s: %s", what)
		}
	}
}

// cached is the snapshot as the caches have it, nil while a new one had to be read.
func (r *rig) cached() *fleet.Snapshot {
	r.Helper()
	r.sim.Forget()
	s, err := r.cluster.Snapshot(r.ctx(), time.Hour)
	if err != nil {
		return nil
	}
	for _, q := range r.sim.Requests() {
		if q.Verb == "list" && q.Resource == "pods" {
			return nil
		}
	}
	return s
}

// probe lets the adapter look for a sign of life, and waits until it has.
func (r *rig) probe() {
	r.Helper()
	r.eventually("the adapter sleeps", func() bool { _, any := r.clock.Next(); return any })
	next, _ := r.clock.Next()
	r.clock.MoveTo(next)
	r.eventually("the adapter has looked", func() bool { at, any := r.clock.Next(); return any && at.After(next) })
}

func cordoned(s *fleet.Snapshot, name string) bool {
	if s == nil {
		return false
	}
	for _, n := range s.Nodes {
		if n.Name == name {
			return n.Unschedulable
		}
	}
	return false
}

func TestCachesFollowTheClusterWithoutReadingItAnew(t *testing.T) {
	r := live(t)
	r.must(r.sim.Cordon(nodeA, true))
	r.must(r.sim.Settle(r.ctx()))
	r.eventually("the cordon is seen", func() bool { return cordoned(r.cached(), nodeA) })
	if s := r.cached(); len(s.Nodes) != 3 || len(s.Pods) != 5 || len(s.Attachments) != 1 || len(s.Missing) != 0 {
		t.Errorf("%d nodes, %d pods, %d attachments, missing %v", len(s.Nodes), len(s.Pods), len(s.Attachments), s.Missing)
	}
	// A maxAge of 0 asks the cluster all the same.
	r.sim.Forget()
	r.snapshot()
	if len(r.sim.Requests()) < resources {
		t.Errorf("read anew with %d requests", len(r.sim.Requests()))
	}
}

func TestCachesHeal(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails func(*rig)
		mends func(*rig)
	}{
		{"the API server was down", func(r *rig) { r.sim.Down(true) }, func(r *rig) { r.sim.Down(false) }},
		{"the token had run out", func(r *rig) { r.sim.Expire(kubetest.ObserveToken, true); r.sim.CutWatches() },
			func(r *rig) { r.must(r.sim.WriteKubeconfig(r.observe, kubetest.AdminToken)) }},
		{"the watches are too old: 410", func(r *rig) { r.sim.Down(true) },
			func(r *rig) { r.sim.Compact(); r.sim.Down(false) }},
		{"the watches were cut", func(r *rig) { r.sim.CutWatches() }, func(*rig) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // each waits for client-go's own pauses
			r := live(t)
			c.fails(r)
			r.must(r.sim.Cordon(nodeA, true)) // nobody is told
			r.must(r.sim.Settle(r.ctx()))
			c.mends(r)
			r.eventually("all watches stand again", func() bool { return r.sim.Watches() == resources })
			r.eventually("what happened meanwhile is seen", func() bool { return cordoned(r.cached(), nodeA) })
			r.probe()
			if s, err := r.cluster.Snapshot(r.ctx(), 5*time.Second); err != nil || r.clock.Now().Sub(s.At) > 5*time.Second || !r.cluster.Working().OK {
				t.Errorf("%+v, %v", r.cluster.Working(), err)
			}
		})
	}
}

// While the cluster is away the caches keep what they have, say how old it is, and
// pass for nothing younger.
func TestCachesDoNotPassForYoung(t *testing.T) {
	r := live(t)
	r.probe()
	before := r.cached().At
	r.sim.Down(true)
	for range 6 {
		r.probe()
	}
	if _, err := r.cluster.Snapshot(r.ctx(), 30*time.Second); !problem.Is(err, problem.Unavailable) {
		t.Errorf("want unavailable, got %v", err)
	}
	s, err := r.cluster.Snapshot(r.ctx(), time.Hour)
	if err != nil || s.At.After(before.Add(10*time.Second)) || len(s.Nodes) != 3 {
		t.Errorf("%v; the snapshot is of %s, the cluster was there until %s", err, s.At, before)
	}
	if w := r.cluster.Working(); w.OK {
		t.Errorf("working %+v", w)
	}
}

// A watch that hangs while the cluster answers everything else must not let what it
// brought last pass for young: what a step decides by may hang on that one resource.
func TestAWatchThatHangsIsNotBelieved(t *testing.T) {
	r := live(t)
	r.probe()
	r.sim.MuteWatches("nodes")
	r.must(r.sim.Cordon(nodeA, true))
	r.must(r.sim.Settle(r.ctx()))
	hung := r.clock.Now()
	for r.clock.Now().Sub(hung) <= 100*time.Second {
		r.probe()
	}
	s, err := r.cluster.Snapshot(r.ctx(), 15*time.Second)
	r.must(err)
	if !cordoned(s, nodeA) {
		t.Errorf("the node was cordoned %s ago, and is not in a snapshot of %s ago", r.clock.Now().Sub(hung), r.clock.Now().Sub(s.At))
	}
	r.eventually("the watch stands anew, and the caches follow", func() bool { return r.sim.Watches() == resources && cordoned(r.cached(), nodeA) })
	r.must(r.sim.Cordon(nodeA, false))
	r.must(r.sim.Settle(r.ctx()))
	r.eventually("what comes next is seen", func() bool { s := r.cached(); return s != nil && !cordoned(s, nodeA) })
}

// Bookmarks let a watch that ended go on where it was, also one of a resource to
// which nothing has happened for so long that its last version is forgotten.
func TestBookmarksSpareLists(t *testing.T) {
	r := live(t)
	r.must(r.sim.Cordon(nodeA, true)) // the version that only the nodes' watch is told of
	r.must(r.sim.Settle(r.ctx()))
	r.eventually("the cordon is seen", func() bool { return cordoned(r.cached(), nodeA) })
	r.sim.Forget()
	r.sim.EndWatches()
	r.sim.Compact()
	r.eventually("all watches stand again", func() bool {
		began := 0
		for _, q := range r.sim.Requests() {
			if q.Verb == "watch" {
				began++
			}
		}
		return began >= resources && r.sim.Watches() == resources
	})
	for _, q := range r.sim.Requests() {
		if q.Verb == "list" && q.Resource != "nodes" { // nodes: the sign of life
			t.Errorf("%s %s", q.Method, q.Path)
		}
	}
}

// What a role may not watch is missing, and spoils nothing else.
func TestCachesLackWhatTheyMayNotWatch(t *testing.T) {
	r := live(t)
	r.sim.Deny(kubetest.ObserveToken, "list poddisruptionbudgets")
	r.sim.Deny(kubetest.ObserveToken, "watch poddisruptionbudgets")
	r.sim.CutWatches()
	r.eventually("it is missing", func() bool {
		s := r.cached()
		return s != nil && len(s.Missing) == 1 && s.Missing[0] == "poddisruptionbudgets" && len(s.Nodes) == 3
	})
}

// lines counts records by their level.
type lines struct {
	slog.Handler
	mu    sync.Mutex
	count map[slog.Level]int
}

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count[r.Level]++
	return nil
}

func (l *lines) of(level slog.Level) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count[level]
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }

// An API server that restarts is nothing that somebody must read fifteen lines about:
// client-go's own words go to Wardroom's log, for those who look for faults in it.
func TestWatchesThatEndMakeNoNoise(t *testing.T) {
	log := &lines{count: map[slog.Level]int{}}
	r := live(t, func(_ *kubetest.Options, o *kubernetes.Options) { o.Log = slog.New(log) })
	r.sim.CutWatches()
	r.eventually("client-go tells of each watch", func() bool { return log.of(slog.LevelDebug) >= 2*resources }) // and so do we
	if n := log.of(slog.LevelInfo) + log.of(slog.LevelWarn) + log.of(slog.LevelError); n != 0 {
		t.Errorf("%d lines that people see", n)
	}
}
