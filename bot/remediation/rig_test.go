package remediation_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// world is what the scripted repair acts on. It outlives the engines that are killed.
type world struct {
	mu       sync.Mutex
	cordoned bool
	machine  int       // the one in the slot
	ready    time.Time // when the new machine is Ready
	accepted int       // recycles that were accepted
	calls    []string  // every Do
	boot     string    // of the machine in the plan
	volumes  []string
	steps    int // extra steps in the plan
	others   int // other Ready nodes
	tier     remediation.Tier
	busy     bool

	rename  string           // the recycle step's name in this build
	version int              // of the remediation
	lose    string           // the recycle's answer is lost: "arrived", "before"
	foreign bool             // somebody else recycles when ours is lost
	fault   map[string]error // a step's Do fails with this, once
	panics  string           // a step that panics
	slow    time.Duration    // until the new machine is Ready
	down    bool             // nothing can be read

	blindNodes bool // how the other nodes are cannot be read
	before     func(step string)
	after      func(step string)
	dead       atomic.Bool // the process
	clock      timeline.Clock
	visible    time.Time     // when the new machine is seen
	worse      string        // what the look at the end finds, and asks about
	blind      time.Duration // until it is, from the request on
	gone       bool          // the node: nobody will uncordon it
	more       int           // how often the cordon has to be asked for again after it was accepted
}

func newWorld(clock timeline.Clock) *world {
	return &world{machine: 1, boot: "boot-1", volumes: []string{"pvc-bb1d06139b334c1f"}, others: 3, version: 1, rename: "recycle",
		slow: 4 * time.Minute, clock: clock, fault: map[string]error{}, tier: remediation.Destructive}
}

// scripted is a repair of five steps: cordon, recycle, wait for Ready, uncordon.
type scripted struct {
	*world
	name string
	kind string
	on   string
}

func (s scripted) Spec() remediation.Spec {
	return remediation.Spec{Name: s.name, Version: s.version, Summary: "Put a new machine in a node's place", Tier: remediation.Destructive}
}

const node = "lke13311-16405-5fafd1b46dcf"

func (s scripted) Plan(_ context.Context, params map[string]string) (remediation.Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return remediation.Plan{}, problem.New(problem.Unavailable, "the cluster does not answer")
	}
	p := remediation.Plan{
		Remediation: s.name, Version: s.version, Params: params, Tier: s.tier, At: s.clock.Now(),
		Target:   remediation.Target{Kind: s.kind, Name: s.on, Slot: "16405-5fafd1b46dcf"},
		Material: map[string]string{"backup": "fresh"},
		Undo:     "A recycled machine does not come back; the node is put back to work by the last step",
		Facts:    []string{"Ready since 2021-07-10 08:00 UTC"},
	}
	for _, v := range s.volumes {
		p.Blast.Volumes = append(p.Blast.Volumes, fleet.Held{Volume: v})
	}
	step := func(name, words, command string) {
		p.Steps = append(p.Steps, remediation.PlannedStep{Name: name, Words: words, Commands: []string{command}, Args: map[string]string{"node": s.on}})
	}
	if s.kind == "volume" {
		p.Blast.Volumes = nil
		step("detach", "Detach the volume", "linode-cli volumes detach 12345")
		return p, nil
	}
	p.Target.Identity = fleet.Identity{ProviderID: fmt.Sprintf("linode://%d", s.machine), BootID: s.boot, MachineID: "0123456789abcdef0123456789abcdef", Instance: s.machine}
	p.Blast.Workloads = []fleet.Hit{{Workload: fleet.Workload{Object: fleet.Object{Kind: "Deployment", Namespace: "default", Name: "redis"}, Replicas: 1, UsedBy: []string{"default/bot"}}, Pods: 1, Single: true}}
	step("cordon", "Cordon "+s.on, "kubectl cordon "+s.on)
	step(s.rename, "Recycle "+s.on, "linode-cli lke node-recycle 13311 16405-5fafd1b46dcf")
	step("ready", "Wait until the new machine is Ready", "kubectl get node -w")
	step("uncordon", "Uncordon "+s.on, "kubectl uncordon "+s.on)
	if s.worse != "" {
		step("not-worse", "Check that nothing is worse", "kubectl get pods")
	}
	for range s.steps {
		step("ready", "Look once more", "kubectl get node")
	}
	return p, nil
}

// do is what every Do goes through.
func (s scripted) do(name string, act func() error) func(context.Context, remediation.State) (map[string]string, error) {
	return func(context.Context, remediation.State) (map[string]string, error) {
		if s.before != nil {
			s.before(name)
		}
		if s.dead.Load() {
			return nil, context.Canceled // the process is gone before the request was sent
		}
		s.mu.Lock()
		if s.panics == name {
			s.mu.Unlock()
			panic("index out of range")
		}
		s.calls = append(s.calls, name)
		err := s.fault[name]
		delete(s.fault, name)
		if err == nil {
			err = act()
		}
		s.mu.Unlock()
		if s.after != nil {
			s.after(name)
		}
		return map[string]string{name: "asked"}, err
	}
}

func (s scripted) seen(so func() bool) func(context.Context, remediation.State) (remediation.Seen, error) {
	return func(context.Context, remediation.State) (remediation.Seen, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.down {
			return remediation.Seen{}, problem.New(problem.Unavailable, "the cluster does not answer")
		}
		return remediation.Seen{So: so(), Progress: "it is at it"}, nil
	}
}

var errLost = errors.New("connection reset by peer")

func (s scripted) Step(name string) (remediation.Step, bool) {
	switch name {
	case "cordon":
		seen := s.seen(func() bool { return s.cordoned && s.more == 0 })
		return remediation.Step{Repeatable: true,
			Observe: func(ctx context.Context, st remediation.State) (remediation.Seen, error) {
				is, err := seen(ctx, st)
				is.Again = s.cordoned && s.more > 0
				return is, err
			},
			Do: func(ctx context.Context, st remediation.State) (map[string]string, error) {
				learned, err := s.do(name, func() error { s.cordoned = true; return nil })(ctx, st)
				if len(s.calls) > 1 {
					s.more, learned = s.more-1, nil
				}
				return learned, err
			}}, true
	case s.rename:
		return remediation.Step{Destructive: true, Late: 8 * time.Minute,
			Observe: s.seen(func() bool { return s.machine != 1 && !s.foreign && !s.clock.Now().Before(s.visible) }),
			Prove: func(_ context.Context, st remediation.State) error {
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.machine != st.Plan.Target.Identity.Instance {
					return problem.New(problem.Conflict, "another machine is in the slot")
				}
				return nil
			},
			Do: s.do("recycle", s.recycle),
			Reconcile: func(_ context.Context, st remediation.State) (remediation.Verdict, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				switch {
				case s.foreign:
					return remediation.Foreign, nil
				case s.accepted > 0:
					return remediation.Arrived, nil
				case st.Now.Sub(st.Started) >= 2*time.Minute:
					return remediation.Absent, nil
				}
				return remediation.Unsure, nil
			}}, true
	case "ready":
		return remediation.Step{Late: 25 * time.Minute, Observe: s.seen(func() bool { return s.machine != 1 && !s.clock.Now().Before(s.ready) })}, true
	case "not-worse":
		return remediation.Step{Repeatable: true, Observe: func(_ context.Context, st remediation.State) (remediation.Seen, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.worse == "mended" || st.Learned["accepted"] == s.worse {
				return remediation.Seen{So: true}, nil
			}
			return remediation.Seen{Ask: "worse than before: " + s.worse, Anyway: map[string]string{"accepted": s.worse}}, nil
		}}, true
	case "uncordon":
		seen := s.seen(func() bool { return !s.cordoned })
		return remediation.Step{Repeatable: true, Restores: true, Observe: func(ctx context.Context, st remediation.State) (remediation.Seen, error) {
			if s.gone {
				return remediation.Seen{Failed: "the node is gone"}, nil
			}
			return seen(ctx, st)
		},
			Do: s.do(name, func() error { s.cordoned = false; return nil })}, true
	case "detach":
		return remediation.Step{Repeatable: true, Observe: s.seen(func() bool { return s.calledOnce("detach") }),
			Do: s.do(name, func() error { return nil })}, true
	}
	return remediation.Step{}, false
}

func (w *world) calledOnce(name string) bool {
	for _, c := range w.calls {
		if c == name {
			return true
		}
	}
	return false
}

// recycle accepts once for each machine; w.mu is held.
func (w *world) recycle() error {
	lose := w.lose
	w.lose = ""
	if lose == "before" {
		if w.foreign {
			w.machine = 99
		}
		return &fleet.Maybe{Err: errLost}
	}
	w.accepted++
	w.machine++
	w.ready, w.visible = w.clock.Now().Add(w.slow), w.clock.Now().Add(w.blind)
	if lose == "arrived" {
		return &fleet.Maybe{Err: errLost}
	}
	return nil
}

// cluster tells the governor of the other nodes.
type cluster struct {
	fleet.Cluster
	*world
}

func (c cluster) Snapshot(context.Context, time.Duration) (*fleet.Snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down || c.blindNodes {
		return nil, problem.New(problem.Unavailable, "the cluster does not answer")
	}
	s := &fleet.Snapshot{At: c.clock.Now(), Nodes: []fleet.Node{{Name: node, Ready: fleet.Unknown}}}
	for i := range 3 {
		ready := fleet.True
		if i >= c.others {
			ready = fleet.False
		}
		s.Nodes = append(s.Nodes, fleet.Node{Name: fmt.Sprint("other-", i), Ready: ready})
	}
	return s, nil
}

// bench is a Wardroom with the scripted repair: open, run, kill, open again.
type bench struct {
	testing.TB
	dir   string
	clock *scenario.Clock
	world *world

	store  *storage.DB
	desk   *remediation.Desk
	engine *remediation.Engine
	rt     *timeline.Runtime
	cancel context.CancelFunc
	done   sync.WaitGroup

	wrap   func(timeline.Store) timeline.Store // for what the desk and the engine record
	owned  func() error                        // what the engine asks before it changes anything
	policy remediation.Policy
	rota   remediation.Rota
	people []people.Person
}

func newBench(t testing.TB) *bench {
	clock := scenario.NewClock(night)
	b := &bench{TB: t, dir: t.TempDir(), clock: clock, world: newWorld(clock), policy: remediation.DefaultPolicy(), people: []people.Person{
		{Name: "joe", Roles: []people.Role{people.Responder}}, {Name: "chris", Roles: []people.Role{people.Responder}}, {Name: "viv", Roles: []people.Role{people.Viewer}}}}
	t.Cleanup(func() { b.close() })
	return b
}

// open starts Wardroom; the engine runs.
func (b *bench) open() *bench {
	b.Helper()
	codec, err := timeline.NewCodec(remediation.Kinds, incident.Kinds, alert.Kinds)
	b.must(err)
	quiet := slog.New(slog.DiscardHandler)
	b.store, err = storage.OpenSQLite(context.Background(), filepath.Join(b.dir, "wardroom.db"), storage.Options{Codec: codec, Clock: b.clock, Log: quiet,
		Folds: []timeline.Fold{alert.Fold, incident.Fold, remediation.FreezeFold, remediation.RunFold}})
	b.must(err)
	dir, err := people.NewDirectory(b.people)
	b.must(err)
	repairs := []remediation.Remediation{
		scripted{b.world, "recycle-node", "node", node},
		scripted{b.world, "remount-volume", "volume", "pvc-bb1d06139b334c1f"},
		scripted{b.world, "reboot-node", "node", "other-0"},
	}
	var store timeline.Store = b.store
	if b.wrap != nil {
		store = b.wrap(store)
	}
	b.desk, err = remediation.NewDesk(remediation.Settings{Store: store, Clock: b.clock, Remediations: repairs, Policy: b.policy, People: dir, Rota: b.rota,
		Cluster: cluster{world: b.world}, Busy: b.world.busyEvents})
	b.must(err)
	b.rt = timeline.NewRuntime(b.store, b.clock, quiet)
	seat := b.rt.NewSeat()
	b.engine = remediation.NewEngine(b.desk, seat, quiet)
	b.engine.Owned = b.owned
	for what, h := range remediation.Handlers() {
		b.must(b.rt.Handle(what, h))
	}
	seat.Wait(b.engine.NextDue)
	return b
}

func (w *world) busyEvents(context.Context, remediation.Target) ([]fleet.CloudEvent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.busy {
		return nil, nil
	}
	return []fleet.CloudEvent{{Action: "lassie_reboot", Status: "started", Created: night}}, nil
}

func (b *bench) run() *bench {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	b.done.Go(func() { b.rt.Run(ctx) })
	<-b.rt.Begun()
	b.done.Go(func() { b.engine.Run(ctx) })
	<-b.engine.Begun()
	return b
}

// declare opens INC-1.
func (b *bench) declare(severity alert.Severity) timeline.ID {
	b.Helper()
	b.append(timeline.Draft{Timeline: timeline.Incident(1), Actor: joe, Payload: &incident.Declared{Title: "Nodes fail", Severity: severity, StartedAt: night}})
	return timeline.Incident(1)
}

func (b *bench) append(drafts ...timeline.Draft) {
	b.Helper()
	_, err := b.store.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: drafts}, nil
	})
	b.must(err)
}

// stop ends the process in an orderly way; close also closes the database.
func (b *bench) stop() {
	if b.cancel != nil {
		b.cancel()
		b.done.Wait()
		b.cancel = nil
	}
}

func (b *bench) close() {
	b.stop()
	if b.store != nil {
		b.store.Close()
		b.store = nil
	}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// who is a person of the bench; "stranger" is linked to nobody.
func (b *bench) who(name string) remediation.Who {
	for _, p := range b.people {
		if p.Name == name {
			return remediation.Who{Person: &p, Actor: p.Actor()}
		}
	}
	return remediation.Who{Actor: people.Actor{Kind: people.KindUnknown, Name: name}}
}

// ask plans and asks for a repair in INC-1.
func (b *bench) ask(name string) remediation.Run {
	b.Helper()
	r, err := b.tryAsk("joe", name)
	b.must(err)
	return r
}

func (b *bench) tryAsk(who, name string) (remediation.Run, error) {
	p, err := b.desk.Plan(context.Background(), timeline.Incident(1), name, nil)
	if err != nil {
		return remediation.Run{}, err
	}
	return b.desk.Request(context.Background(), b.who(who), timeline.Incident(1), p)
}

func (b *bench) approve(who string, r remediation.Run) error {
	_, err := b.desk.Approve(context.Background(), b.who(who), r.ID, remediation.Consent{Hash: remediation.ShortHash(r.Hash), Typed: "6DCF"})
	return err
}

func (b *bench) settle() {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.rt.Settle(ctx); err != nil {
		b.Fatalf("nothing settles: %v", err)
	}
}

// pass lets time go by, waking everybody on the way.
func (b *bench) pass(d time.Duration) {
	b.Helper()
	end := b.clock.Now().Add(d)
	b.settle()
	for {
		next, waits := b.clock.Next()
		if !waits || next.After(end) {
			break
		}
		b.clock.MoveTo(next)
		b.settle()
	}
	b.clock.MoveTo(end)
	b.settle()
}

func (b *bench) get(id remediation.RunID) remediation.Run {
	b.Helper()
	r, err := b.desk.Get(context.Background(), id)
	b.must(err)
	return r
}

// entries are those of INC-1.
func (b *bench) entries() (list []timeline.Entry) {
	b.Helper()
	b.must(b.store.View(context.Background(), func(v timeline.View) (err error) {
		list, err = v.Entries(timeline.Incident(1), 0, 500)
		return err
	}))
	return list
}

// told are the texts of INC-1's entries from the nth on.
func (b *bench) told(skip int) (text string) {
	for _, e := range b.entries()[skip:] {
		if e.Kind == "timer.fired" {
			continue
		}
		text += fmt.Sprintf("%s %-8s %-15s %s\n", e.OccurredAt.Format("15:04:05"), e.Actor.Display(), e.Kind, e.Payload.Text())
	}
	return text
}

// sound checks that folding everything anew gives the same state.
func (b *bench) sound() {
	b.Helper()
	report, err := b.store.Verify(context.Background(), storage.VerifyOptions{Rebuild: true})
	b.must(err)
	if !report.OK() {
		b.Errorf("%+v", report)
	}
}
