package repair_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// pond is the world's Redis: the set cache of three, of which one is the master. Its
// instances answer while their pods are Ready.
type pond struct{ *world }

// fish is one instance.
type fish struct {
	fleet.RedisInstance
	sync int // passes until its link is up
}

const cachePods = 3

// cache puts the set there, with its first instance as the master.
func (w *world) cache() {
	o := object("StatefulSet", "cache")
	w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: o, Replicas: cachePods, Ready: cachePods, Scalable: true, UsedBy: []string{"default/site"}})
	w.fish = map[string]*fish{}
	for n := range cachePods {
		pod := fmt.Sprintf("cache-%d", n)
		w.s.Pods = append(w.s.Pods, fleet.Pod{Object: object("Pod", pod), Node: []string{well, sick}[n%2], Owner: o, Phase: "Running", Ready: true})
		w.fish[pod] = &fish{RedisInstance: fleet.RedisInstance{Pod: pod, Address: pod + ".cache:6379", Role: fleet.RedisReplica, Run: "run-" + pod, History: "h1", Offset: 5000, Keys: 200,
			Master: "cache-0.cache:6379", Link: true, Priority: 100}}
	}
	w.rules("cache-0")
	w.sentinel = "cache-0"
}

// rules makes an instance the master that the others follow.
func (w *world) rules(pod string) {
	for _, f := range w.fish {
		f.Role, f.Link, f.Master = fleet.RedisReplica, true, w.fish[pod].Address
	}
	w.fish[pod].Role, w.fish[pod].Link, w.fish[pod].Master = fleet.RedisMaster, false, ""
}

// mastered has another one be the master.
func (w *world) mastered(pod string) func() {
	return func() { w.rules(pod); w.sentinel = pod }
}

// orphaned takes the last one, the master, away: its node is off.
func (w *world) orphaned() {
	w.mastered("cache-2")()
	w.stuck["ready cache-2"] = true
	w.controllers()
	for _, f := range w.fish {
		f.Link = false
	}
}

// swim lets come about what was asked of Redis.
func (w *world) swim() {
	if w.failing != "" {
		if f := w.chosen(); f != nil {
			w.mastered(f.Pod)()
		}
		w.failing = ""
	}
	for pod, f := range w.fish {
		switch there := w.ready(pod); {
		case !there:
			f.Run, f.Link, f.sync = "", false, 0
		case f.Run == "": // it has started
			w.uid++
			f.Run, f.Role, f.Link, f.sync, f.Priority = fmt.Sprintf("run-%d", w.uid), fleet.RedisReplica, false, 2, 100
		case f.sync > 0 && !w.stuck["sync"]:
			if f.sync--; f.sync == 0 {
				m := w.fish[w.sentinel]
				f.Master, f.Link, f.History, f.Offset, f.Keys = m.Address, true, m.History, m.Offset, m.Keys
			}
		}
		f.Syncing = f.sync > 0
	}
}

// chosen is whom Sentinel would choose.
func (w *world) chosen() (best *fish) {
	for n := range cachePods {
		f := w.fish[fmt.Sprintf("cache-%d", n)]
		if f.Pod == w.sentinel || !w.ready(f.Pod) || f.Priority == 0 {
			continue
		}
		if best == nil || f.Priority <= best.Priority { // of two alike it is not the one that is wanted
			best = f
		}
	}
	return best
}

func (w *world) ready(pod string) bool {
	return slices.ContainsFunc(w.s.Pods, func(p fleet.Pod) bool {
		return p.Name == pod && p.Ready && p.Terminating.IsZero() && !w.stuck["ready "+pod]
	})
}

func (p pond) Sets() []fleet.RedisSet {
	if p.fish == nil {
		return nil
	}
	return []fleet.RedisSet{{Name: "cache", Workload: object("StatefulSet", "cache"), Master: "mymaster"}}
}

func (p pond) Look(_ context.Context, _ string, pods []string) (fleet.RedisView, error) {
	if err := p.read("look"); err != nil {
		return fleet.RedisView{}, err
	}
	v := fleet.RedisView{Set: p.Sets()[0], At: p.clock.Now()}
	priorities := map[string]int{}
	for _, f := range p.fish {
		priorities[f.Run] = f.Priority
	}
	for _, pod := range pods {
		i := p.fish[pod].RedisInstance
		if !p.ready(pod) || p.mute == pod {
			i = fleet.RedisInstance{Pod: pod, Address: i.Address, Why: "connection refused", Keys: -1}
		}
		v.Instances = append(v.Instances, i)
	}
	m := p.fish[p.sentinel]
	v.Sentinels = []fleet.RedisSentinel{{Address: "sentinel:26379", Master: m.Address, Run: m.Run, Down: !p.ready(p.sentinel), Quorum: 2, Priorities: priorities}}
	if p.stuck["sentinel"] {
		v.Sentinels[0] = fleet.RedisSentinel{Address: "sentinel:26379", Why: "connection refused"}
	}
	return v, nil
}

func (p pond) Promote(_ context.Context, _, pod string) error {
	do, err := p.call("promote", pod)
	if do {
		f := p.fish[pod]
		f.Role, f.Link, f.Before, f.BeforeTo, f.History = fleet.RedisMaster, false, f.History, f.Offset, "h2"
	}
	return err
}

func (p pond) Prefer(_ context.Context, _, pod string, priority int) error {
	do, err := p.call("prefer", pod, priority)
	if do {
		p.fish[pod].Priority = priority
	}
	return err
}

func (p pond) Failover(_ context.Context, _, sentinel string) error {
	do, err := p.call("failover", sentinel)
	if do {
		p.failing = sentinel
	}
	return err
}

var _ fleet.Redis = pond{}

// collapsed has a repair of before have scaled the set to one.
func (w *world) collapsed() {
	w.cache()
	w.scaled("cache", 1)
}

func codesOf(p remediation.Plan) string {
	var all []string
	for _, f := range p.Findings {
		all = append(all, string(f.Strength)+" "+f.Code)
	}
	return strings.Join(all, ", ")
}

// What stands in the way of a collapse is said with its reason, and refuses where it
// would lose data or leave two masters.
func TestCollapseIsRefused(t *testing.T) {
	tests := map[string]struct {
		before func(*world)
		code   string // strength and code
		says   string // part of the sentence or its hint
	}{
		"two masters": {func(w *world) {
			f := w.fish["cache-2"]
			f.Role, f.Before, f.BeforeTo, f.History, f.Offset = fleet.RedisMaster, "h1", 4900, "h2", 5300
		}, "hard redis-two-masters", "cache-0 (offset 5000) and cache-2 (offset 5300) claim to be the master: they parted at offset 4900: since then cache-2 has taken in 400 bytes and cache-0 100 bytes"},
		"two masters of no one history": {func(w *world) {
			f := w.fish["cache-1"]
			f.Role, f.History, f.Offset = fleet.RedisMaster, "other", 7
		}, "hard redis-two-masters", "they share no history"},
		"the first does not answer": {func(w *world) { w.mastered("cache-1")(); w.stuck["ready cache-0"] = true },
			"hard redis-first-unfit", "cache-0, the one that would remain, cannot be told: connection refused"},
		"the first loads":                    {func(w *world) { w.fish["cache-0"].Loading = true }, "hard redis-first-unfit", "loads its data"},
		"the first is behind":                {func(w *world) { w.mastered("cache-1")(); w.fish["cache-1"].Offset += 1 << 20 }, "hard redis-first-unfit", "1024 KiB behind cache-1"},
		"the first's link is down":           {func(w *world) { w.mastered("cache-1")(); w.fish["cache-0"].Link = false }, "hard redis-first-unfit", "link to its master is down"},
		"the first may not":                  {func(w *world) { w.mastered("cache-1")(); w.fish["cache-0"].Priority = 0 }, "hard redis-first-unfit", "replica-priority is 0"},
		"no Sentinel to do it":               {func(w *world) { w.mastered("cache-1")(); w.stuck["sentinel"] = true }, "hard redis-no-referee", "FAILOVER TO"},
		"no master, another is ahead":        {func(w *world) { w.orphaned(); w.fish["cache-1"].Offset++ }, "hard redis-first-unfit", "cache-1 has 1 byte more than cache-0"},
		"no master, another history":         {func(w *world) { w.orphaned(); w.fish["cache-1"].History = "x" }, "hard redis-first-unfit", "another history"},
		"a master that only a replica hears": {func(w *world) { w.orphaned(); w.fish["cache-1"].Link = true }, "hard redis-master-unseen", "cache-1 has its link to cache-2.cache:6379 up"},
		"a master that only Sentinel hears": {func(w *world) {
			w.mastered("cache-2")()
			w.mute = "cache-2"
			for _, f := range w.fish {
				f.Link = false
			}
		}, "hard redis-master-unseen", "the Sentinel at sentinel:26379 hears cache-2"},
		"alone it takes no writes": {func(w *world) { w.fish["cache-0"].NeedsReplicas = true }, "soft redis-needs-replicas", "CONFIG SET min-replicas-to-write 0"},
		"Sentinel disagrees":       {func(w *world) { w.sentinel = "cache-1" }, "soft redis-sentinel-disagrees", "names cache-1, and cache-0 is the master"},
		"Sentinel is silent":       {func(w *world) { w.stuck["sentinel"] = true }, "warning redis-sentinel-silent", "No Sentinel answers"},
		"an autoscaler": {func(w *world) {
			w.s.Workloads[4].Keepers = []fleet.Keeper{{How: "HorizontalPodAutoscaler", Object: object("HorizontalPodAutoscaler", "cache"), Pause: true}}
		}, "soft keeper-unpausable", "minimum"},
		"alone there is no failover": {func(*world) {}, "warning redis-no-failover", "nobody to fail over to"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.cache()
			tt.before(w)
			p := w.plan(t, repair.RedisCollapse, "redis", "cache")
			i := slices.IndexFunc(p.Findings, func(f remediation.Finding) bool {
				return string(f.Strength)+" "+f.Code == tt.code && strings.Contains(f.Sentence+" "+f.Hint, tt.says)
			})
			if i < 0 {
				t.Errorf("%s\n%+v", codesOf(p), p.Findings)
			}
			if !strings.HasPrefix(tt.code, "hard") && len(against(p, remediation.Hard)) > 0 {
				t.Errorf("refused: %s", codesOf(p))
			}
		})
	}
}

func TestCollapseLeavesTheMasterWithItsData(t *testing.T) {
	tests := map[string]struct {
		before func(*world)
		tier   remediation.Tier
		calls  string // of Redis
	}{
		"the first is the master": {func(*world) {}, remediation.Disruptive, ""},
		"another one is":          {func(w *world) { w.mastered("cache-1")() }, remediation.Disruptive, "prefer cache-0 99, failover sentinel:26379, prefer cache-0 100"},
		"nobody is":               {(*world).orphaned, remediation.Destructive, "promote cache-0, failover sentinel:26379"},
		"nobody is, no Sentinel":  {func(w *world) { w.orphaned(); w.stuck["sentinel"] = true }, remediation.Destructive, "promote cache-0"},
		"one does not answer":     {func(w *world) { w.stuck["ready cache-1"] = true }, remediation.Destructive, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.cache()
			tt.before(w)
			p := w.plan(t, repair.RedisCollapse)
			if p.Tier != tt.tier || len(against(p, remediation.Hard)) > 0 {
				t.Errorf("%s (%s), %s", p.Tier, p.TierWhy, codesOf(p))
			}
			if _, why := w.carry(t, p); why != "" {
				t.Fatal(why)
			}
			var calls []string
			for _, c := range w.calls {
				if !strings.HasPrefix(c, "scale ") {
					calls = append(calls, c)
				}
			}
			if got := strings.Join(calls, ", "); got != tt.calls {
				t.Errorf("asked for %q", got)
			}
			f := w.fish["cache-0"]
			if f.Role != fleet.RedisMaster || f.Keys != 200 || f.Offset != 5000 || f.Priority != 100 || w.s.Workloads[4].Replicas != 1 {
				t.Errorf("left: %+v at %d", f, w.s.Workloads[4].Replicas)
			}
		})
	}
}

// What is lost on the way is said, not passed over.
func TestCollapseTellsLostData(t *testing.T) {
	tests := map[string]struct {
		at   string // the step before which it happens
		does func(*world)
		why  string
	}{
		"a second master, meanwhile":        {"redis-master-proven", func(w *world) { w.fish["cache-1"].Role = fleet.RedisMaster }, "redis-master-proven: failed: cache-0 (offset 5000) and cache-1 (offset 5000) claim"},
		"another master, meanwhile":         {"redis-master-proven", func(w *world) { w.mastered("cache-1")() }, "redis-master-proven: failed: cache-1 is the master by now"},
		"the one that is left goes back":    {"redis-data-is-there", func(w *world) { w.fish["cache-0"].Offset = 4000 }, "redis-data-is-there: failed: cache-0 is behind: its offset is 4000, and the set had come to 5000"},
		"the one that is left loses keys":   {"redis-data-is-there", func(w *world) { w.fish["cache-0"].Keys = 3 }, "redis-data-is-there: failed: cache-0 holds 3 keys, and the set held 200"},
		"it has restarted without its data": {"redis-data-is-there", func(w *world) { f := w.fish["cache-0"]; f.Run, f.Offset, f.Keys = "new", 0, 0 }, "redis-data-is-there: failed: cache-0 holds 0 keys, and the set held 200"},
		"it has restarted with its data":    {"redis-data-is-there", func(w *world) { f := w.fish["cache-0"]; f.Run, f.Offset = "new", 0 }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.cache()
			p := w.plan(t, repair.RedisCollapse)
			c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
			got := ""
			for i, s := range p.Steps {
				if s.Name == tt.at {
					tt.does(w)
				}
				if why := c.one(i); why != "" {
					got = s.Name + ": " + why
					break
				}
			}
			if tt.why == "" && got != "" || !strings.HasPrefix(got, tt.why) {
				t.Errorf("%q", got)
			}
		})
	}
}

// Each comes back only when the one before it is in sync, and back to what was.
func TestExpandOneByOne(t *testing.T) {
	w := newWorld()
	w.collapsed()
	w.stuck["sync"] = true
	p := w.plan(t, repair.RedisExpand)
	if p.Tier != remediation.Routine || len(p.Findings) > 0 {
		t.Errorf("%s %s", p.Tier, codesOf(p))
	}
	c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
	for i, s := range p.Steps[:2] {
		if why := c.one(i); why != "" && i == 0 {
			t.Fatalf("%s: %s", s.Name, why)
		} else if i == 1 && !strings.HasPrefix(why, "never: Wait until cache-1") {
			t.Fatalf("the next would come before this one is in sync: %q", why)
		}
	}
	if got := count(w.calls, "scale"); got != 1 || w.s.Workloads[4].Replicas != 2 {
		t.Errorf("scaled %d times, to %d", got, w.s.Workloads[4].Replicas)
	}
	// It ended half-way. What it was is still known.
	w.past = slices.Insert(w.past, 0, remediation.Run{ID: "INC-1/run-2", Status: remediation.Failed, Plan: p, EndedAt: w.clock.Now(),
		Steps: []remediation.StepState{{Mark: remediation.So, Started: w.clock.Now()}, {Mark: remediation.Begun, Started: w.clock.Now()}}})
	delete(w.stuck, "sync")
	again := w.plan(t, repair.RedisExpand)
	if _, why := w.carry(t, again); why != "" || w.s.Workloads[4].Replicas != 3 {
		t.Fatalf("%s, %d", why, w.s.Workloads[4].Replicas)
	}
	ended := remediation.Run{ID: "INC-1/run-3", Status: remediation.Done, Plan: again, EndedAt: w.clock.Now()}
	for range again.Steps {
		ended.Steps = append(ended.Steps, remediation.StepState{Mark: remediation.So, Started: w.clock.Now()})
	}
	w.past = slices.Insert(w.past, 0, ended)
	if _, err := w.remediation(t, repair.RedisExpand).Plan(t.Context(), nil); !problem.Is(err, problem.NotFound) {
		t.Errorf("it is back, and yet to be brought back: %v", err)
	}
}

// Pods that are not seen may be masters.
func TestRedisIsLeftAloneWhilePodsCannotBeRead(t *testing.T) {
	w := newWorld()
	w.collapsed()
	w.s.Missing = []string{"pods"}
	for _, name := range []string{repair.RedisCollapse, repair.RedisExpand} {
		if _, err := w.remediation(t, name).Plan(t.Context(), nil); !problem.Is(err, problem.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExpandIsRefused(t *testing.T) {
	tests := map[string]struct {
		before func(*world)
		params []string
		code   problem.Code
		hard   string
	}{
		"nothing is recorded":     {func(w *world) { w.cache() }, nil, problem.NotFound, ""},
		"recorded by nobody, but": {func(w *world) { w.cache(); w.s.Workloads[4].Replicas = 2; w.pass(time.Minute); w.pass(time.Minute) }, []string{"replicas", "3"}, "", ""},
		"a slip":                  {(*world).collapsed, []string{"replicas", "333"}, problem.Invalid, ""},
		"another set":             {(*world).collapsed, []string{"redis", "queue"}, problem.NotFound, ""},
		"no set":                  {func(*world) {}, nil, problem.NotFound, ""},
		"no master":               {func(w *world) { w.collapsed(); w.fish["cache-0"].Role = fleet.RedisReplica }, nil, "", "redis-no-master"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			tt.before(w)
			p, err := w.remediation(t, repair.RedisExpand).Plan(t.Context(), asParams(tt.params))
			if tt.code != "" && !problem.Is(err, tt.code) || tt.code == "" && err != nil {
				t.Fatalf("%v", err)
			}
			if got := strings.Join(against(p, remediation.Hard), " "); got != tt.hard {
				t.Errorf("refused by %q", got)
			}
		})
	}
}

// A newcomer that takes itself for a master ends it, once there was time to tell it
// better.
func TestExpandEndsAtASecondMaster(t *testing.T) {
	w := newWorld()
	w.collapsed()
	p := w.plan(t, repair.RedisExpand)
	c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
	if why := c.one(0); why != "" {
		t.Fatal(why)
	}
	w.pass(time.Minute)
	w.stuck["sync"] = true
	w.fish["cache-1"].Role, w.fish["cache-1"].History = fleet.RedisMaster, "other"
	if why := c.one(1); !strings.HasPrefix(why, "failed: cache-0 (offset 5000) and cache-1 (offset 5000) claim") {
		t.Error(why)
	}
}
