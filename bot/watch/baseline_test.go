package watch_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/bot/watch"
	"wardroom/storage"
)

var update = flag.Bool("update", false, "rewrite golden files")

func at(hour, minute int) time.Time { return time.Date(2021, 7, 11, hour, minute, 0, 0, time.UTC) }

// cluster is what can be looked at; it implements [watch.Cluster].
type cluster struct {
	mu        sync.Mutex
	clock     timeline.Clock
	workloads map[string]fleet.Workload
	nodes     int // Ready ones, of three
	missing   []string
	down      bool
}

func (c *cluster) Snapshot(context.Context, time.Duration) (*fleet.Snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return nil, problem.New(problem.Unavailable, "the cluster does not answer")
	}
	s := &fleet.Snapshot{At: c.clock.Now(), Missing: c.missing}
	for _, w := range c.workloads {
		if !slices.Contains(c.missing, strings.ToLower(w.Kind)+"s") {
			s.Workloads = append(s.Workloads, w)
		}
	}
	for i := range 3 {
		ready := fleet.True
		if i >= c.nodes {
			ready = fleet.False
		}
		s.Nodes = append(s.Nodes, fleet.Node{Name: fmt.Sprint("node-", i), Ready: ready})
	}
	return s, nil
}

// set is how many of a workload are wanted and Ready from now on.
func (c *cluster) set(kind, name string, ready, wanted int, usedBy ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.workloads[name]
	w.Object = fleet.Object{Kind: kind, Namespace: "default", Name: name, UID: "uid-" + name}
	w.Ready, w.Replicas = ready, wanted
	if len(usedBy) > 0 {
		w.UsedBy = usedBy
	}
	c.workloads[name] = w
}

func (c *cluster) deploy(name string, ready, wanted int, usedBy ...string) {
	c.set("Deployment", name, ready, wanted, usedBy...)
}

type bench struct {
	testing.TB
	path    string
	clock   *scenario.Clock
	cluster *cluster
	store   *storage.DB
	watch   *watch.Baseline
	rt      *timeline.Runtime
	end     func()
}

func newBench(t testing.TB, start time.Time) *bench {
	clock := scenario.NewClock(start)
	b := &bench{TB: t, path: filepath.Join(t.TempDir(), "wardroom.db"), clock: clock, end: func() {},
		cluster: &cluster{clock: clock, workloads: map[string]fleet.Workload{}, nodes: 3}}
	b.cluster.deploy("redis", 1, 1, "default/bot")
	b.cluster.deploy("bot", 1, 1)
	b.cluster.set("StatefulSet", "postgres", 1, 1, "default/site")
	b.cluster.deploy("site", 3, 3)
	b.cluster.set("Job", "backup", 1, 1)
	t.Cleanup(func() { b.end() })
	b.open()
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// open starts a process; close ends it.
func (b *bench) open() {
	b.Helper()
	codec, err := timeline.NewCodec(watch.Kinds, remediation.Kinds, incident.Kinds, alert.Kinds)
	b.must(err)
	quiet := slog.New(slog.DiscardHandler)
	b.store, err = storage.OpenSQLite(context.Background(), b.path, storage.Options{Codec: codec, Clock: b.clock, Log: quiet,
		Folds: []timeline.Fold{alert.Fold, incident.Fold, remediation.FreezeFold, remediation.RunFold}})
	b.must(err)
	b.rt = timeline.NewRuntime(b.store, b.clock, quiet)
	seat := b.rt.NewSeat()
	b.watch = watch.NewBaseline(b.store, b.cluster, b.clock, seat, quiet)
	seat.Wait(b.watch.NextDue)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { b.rt.Run(ctx) })
	<-b.rt.Begun()
	done.Go(func() { b.watch.Run(ctx) })
	<-b.watch.Begun()
	b.end = func() {
		cancel()
		done.Wait()
		report, err := b.store.Verify(context.Background(), storage.VerifyOptions{Rebuild: true})
		if err != nil || !report.OK() {
			b.Errorf("%v %+v", err, report)
		}
		b.store.Close()
		b.end = func() {}
	}
}

func (b *bench) settle() {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	b.must(b.rt.Settle(ctx))
}

// until lets time go by.
func (b *bench) until(end time.Time) {
	b.Helper()
	for b.settle(); ; b.settle() {
		next, waits := b.clock.Next()
		if !waits || next.After(end) {
			break
		}
		b.clock.MoveTo(next)
	}
	b.clock.MoveTo(end)
	b.settle()
}

func (b *bench) append(drafts ...timeline.Draft) {
	b.Helper()
	_, err := b.store.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: drafts}, nil
	})
	b.must(err)
}

func (b *bench) declare(started time.Time) {
	b.Helper()
	b.append(timeline.Draft{Timeline: timeline.Incident(1), Actor: people.Human("joe"), Payload: &incident.Declared{Title: "Nodes fail", Severity: alert.SEV1, StartedAt: started}})
}

// begin and finish are what the engine records of a run.
func (b *bench) begin(id remediation.RunID) {
	b.about(id, &remediation.RunPlanned{Run: id}, &remediation.RunStarted{Run: id})
}

func (b *bench) finish(id remediation.RunID) { b.about(id, &remediation.RunDone{Run: id}) }

func (b *bench) about(id remediation.RunID, payloads ...timeline.Payload) {
	b.Helper()
	for _, p := range payloads {
		b.append(timeline.Draft{Timeline: timeline.Incident(1), Payload: p, Effects: timeline.Effects{Clear: []string{string(id) + "/about"}}})
	}
}

// told is what the baseline recorded in INC-1.
func (b *bench) told() (text string) {
	b.Helper()
	b.must(b.store.View(context.Background(), func(v timeline.View) error {
		list, err := v.Entries(timeline.Incident(1), 0, 500)
		for _, e := range list {
			if strings.HasPrefix(string(e.Kind), "baseline.") {
				text += fmt.Sprintf("%s %s\n", e.OccurredAt.Format("15:04"), e.Payload.Text())
			}
		}
		return err
	}))
	return text
}

func (b *bench) tells(want ...string) {
	b.Helper()
	text := ""
	if len(want) > 0 {
		text = strings.Join(want, "\n") + "\n"
	}
	if diff := cmp.Diff(text, b.told()); diff != "" {
		b.Errorf("-want +got:\n%s", diff)
	}
}

func (b *bench) notBack() watch.Comparison {
	b.Helper()
	c, err := b.watch.NotBack(context.Background(), timeline.Incident(1))
	b.must(err)
	return c
}

// TestTheNightOf20210711 is the seed's: Redis was not back, and nobody noticed before
// 06:36 that the bot was down because of it.
func TestTheNightOf20210711(t *testing.T) {
	b := newBench(t, at(0, 10))
	b.until(at(0, 32))
	b.declare(at(0, 25))
	b.until(at(0, 55))
	b.begin("INC-1/run-1")
	b.until(at(1, 1))
	for _, name := range []string{"redis", "bot"} {
		b.cluster.deploy(name, 0, 1)
	}
	b.cluster.set("StatefulSet", "postgres", 0, 1)
	b.cluster.deploy("site", 1, 3)
	b.cluster.nodes = 2
	b.until(at(1, 13))
	b.tells() // the run is under way
	b.cluster.nodes = 3
	b.cluster.deploy("bot", 1, 1) // it starts, and will fall over
	b.finish("INC-1/run-1")
	b.until(at(1, 14))
	b.cluster.deploy("bot", 0, 1)
	b.until(at(1, 30))
	b.cluster.set("StatefulSet", "postgres", 1, 1)
	b.cluster.deploy("site", 3, 3)
	b.until(at(2, 0))

	// The process is gone for a while; what was Ready before is not forgotten.
	b.end()
	b.clock.MoveTo(at(2, 30))
	b.open()
	b.until(at(6, 36))
	b.begin("INC-1/run-2") // the remount
	b.cluster.deploy("redis", 1, 1)
	b.cluster.deploy("bot", 1, 1)
	b.until(at(6, 40))
	b.finish("INC-1/run-2")
	b.until(at(8, 0))
	path := filepath.Join("testdata", "night.txt")
	if *update {
		b.must(os.MkdirAll("testdata", 0o755))
		b.must(os.WriteFile(path, []byte(b.told()), 0o600))
	}
	want, err := os.ReadFile(path)
	b.must(err)
	if diff := cmp.Diff(string(want), b.told()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if c := b.notBack(); !c.Back() {
		t.Errorf("%v", c.Sentences())
	}
}

func TestWhatIsNotBack(t *testing.T) {
	tests := map[string]struct {
		change func(*cluster)
		want   []string
	}{
		"everything is back":        {change: func(*cluster) {}},
		"it is not Ready":           {func(c *cluster) { c.deploy("redis", 0, 1) }, []string{"default/redis, not Ready since 00:31 UTC (default/bot depends on it)"}},
		"a part is Ready":           {func(c *cluster) { c.deploy("site", 2, 3) }, []string{"default/site, 2 of 3 Ready since 00:31 UTC"}},
		"somebody scaled it down":   {change: func(c *cluster) { c.deploy("site", 2, 2) }},
		"somebody scaled it up":     {change: func(c *cluster) { c.deploy("site", 3, 5) }},
		"it is still scaled to 0":   {func(c *cluster) { c.deploy("redis", 0, 0) }, []string{"default/redis, scaled to 0, was 1, since 00:31 UTC (default/bot depends on it)"}},
		"it was deleted":            {func(c *cluster) { delete(c.workloads, "bot") }, []string{"default/bot, no longer there since 00:31 UTC"}},
		"a job ended":               {change: func(c *cluster) { delete(c.workloads, "backup") }},
		"it was not Ready before":   {change: func(c *cluster) { c.deploy("broken", 0, 1) }},
		"it was made anew":          {change: func(c *cluster) { w := c.workloads["bot"]; w.UID = "new"; c.workloads["bot"] = w }},
		"a node is not Ready":       {func(c *cluster) { c.nodes = 2 }, []string{"2 of 3 nodes Ready, was 3, since 00:31 UTC"}},
		"deployments are not there": {func(c *cluster) { c.missing = []string{"deployments"} }, []string{"UNKNOWN: deployments cannot be read"}},
		"budgets are not there":     {change: func(c *cluster) { c.missing = []string{"poddisruptionbudgets"} }},
		"nothing can be read":       {func(c *cluster) { c.down = true }, []string{"UNKNOWN: the cluster cannot be read: the cluster does not answer"}},
		"those that others need come first": {func(c *cluster) { c.deploy("bot", 0, 1); c.deploy("redis", 0, 1) },
			[]string{"default/redis, not Ready since 00:31 UTC (default/bot depends on it)", "default/bot, not Ready since 00:31 UTC"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, at(0, 10))
			b.cluster.deploy("broken", 0, 1)
			b.until(at(0, 30))
			tt.change(b.cluster)
			b.until(at(0, 40))
			b.declare(at(0, 25))
			c := b.notBack()
			if diff := cmp.Diff(tt.want, c.Sentences()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if c.Back() != (tt.want == nil) || c.Before.Format("15:04") != "00:24" {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestWhatWasNotLookedAtIsUnknown(t *testing.T) {
	b := newBench(t, at(0, 30))
	b.until(at(0, 40))
	b.declare(at(0, 25))
	if c := b.notBack(); c.Back() || strings.Join(c.Sentences(), "") != "UNKNOWN: the cluster was not looked at before 00:25 UTC: what was Ready then is not known" {
		t.Errorf("%v", c.Sentences())
	}
	b.begin("INC-1/run-1")
	b.finish("INC-1/run-1")
	b.until(at(1, 40))
	b.tells("00:43 Not verified after INC-1/run-1, it is UNKNOWN what is back: the cluster was not looked at before 00:25 UTC: what was Ready then is not known")
}

func TestAClusterThatCannotBeReadIsNeverTakenForOneThatIsBack(t *testing.T) {
	b := newBench(t, at(0, 10))
	b.until(at(0, 30))
	b.declare(at(0, 25))
	b.cluster.down = true
	b.begin("INC-1/run-1")
	b.until(at(0, 50))
	b.cluster.deploy("redis", 0, 1)
	b.finish("INC-1/run-1")
	b.until(at(1, 0))
	unknown := "00:53 Not verified after INC-1/run-1, it is UNKNOWN what is back: the cluster cannot be read: the cluster does not answer"
	b.tells(unknown)
	b.cluster.down = false
	b.until(at(1, 10))
	lost := "01:03 Not back of what was Ready at 00:24 UTC: default/redis, not Ready since some time between 00:30 UTC and 01:01 UTC (default/bot depends on it)"
	b.tells(unknown, lost)
	b.cluster.down = true // what was said last stands
	b.until(at(1, 30))
	b.tells(unknown, lost)
}

func TestAHiccupIsNotTold(t *testing.T) {
	b := newBench(t, at(0, 10))
	b.until(at(0, 30))
	b.declare(at(0, 25))
	b.begin("INC-1/run-1")
	b.finish("INC-1/run-1")
	b.until(at(0, 40))
	back := "00:31 Verified after INC-1/run-1: all that was Ready at 00:24 UTC is back (5 looked at)"
	b.tells(back)
	for range 5 { // a pod falls over and is back within a minute
		b.cluster.deploy("redis", 0, 1)
		b.until(b.clock.Now().Add(time.Minute))
		b.cluster.deploy("redis", 1, 1)
		b.until(b.clock.Now().Add(time.Minute))
	}
	b.tells(back)
}

func TestAfterTheIncidentNothingIsTold(t *testing.T) {
	b := newBench(t, at(0, 10))
	b.until(at(0, 30))
	b.declare(at(0, 25))
	b.begin("INC-1/run-1")
	b.append(timeline.Draft{Timeline: timeline.Incident(1), Payload: &incident.StatusChanged{From: incident.Investigating, To: incident.Resolved}})
	b.finish("INC-1/run-1")
	b.cluster.deploy("redis", 0, 1)
	b.until(at(1, 0))
	b.tells()
}

// A cluster that never comes to rest must not fill the disk.
func TestWhatIsKeptIsBounded(t *testing.T) {
	b := newBench(t, at(0, 10))
	for i := range 700 {
		b.cluster.deploy("redis", i%2, 1)
		b.clock.MoveTo(b.clock.Now().Add(30 * time.Minute))
		b.settle()
	}
	size := 0
	b.must(b.store.View(context.Background(), func(v timeline.View) error {
		notes, err := v.Scratch("baseline/")
		for _, doc := range notes {
			size += len(doc)
		}
		return err
	}))
	if size > 60_000 {
		t.Errorf("%d bytes are kept", size)
	}
}
