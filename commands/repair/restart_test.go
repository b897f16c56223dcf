package repair_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/bot/watch"
	"wardroom/commands/repair"
)

func system(kind, name string) fleet.Object {
	return fleet.Object{Kind: kind, Namespace: "kube-system", Name: name}
}

// core gives the cluster the services that every pod needs.
func (w *world) core() {
	for _, o := range []fleet.Object{system("DaemonSet", "calico-node"), system("Deployment", "calico-kube-controllers"), system("Deployment", "coredns"),
		system("DaemonSet", "csi-linode-node"), system("StatefulSet", "csi-linode-controller"), system("DaemonSet", "kube-proxy")} {
		n := 1
		if o.Kind == "DaemonSet" {
			n = len(w.s.Nodes)
		}
		w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: o, Replicas: n, Ready: n, Updated: n, Current: n})
	}
	for range 2 {
		w.controllers()
	}
}

// probes are those of deploy/kubernetes/probe.
var probes = fleet.Object{Kind: "DaemonSet", Namespace: "wardroom", Name: repair.ProbeName}

// probed gives the cluster its core and a probe on every node.
func (w *world) probed() {
	w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: probes, Replicas: len(w.s.Nodes), Ready: len(w.s.Nodes), Labels: map[string]string{repair.ProbeLabel: repair.ProbeName}})
	w.core()
}

// outage is the night of seed 003: the core is there, site and what depends on it are
// not back, and no pod tells why.
func (w *world) outage() {
	w.core()
	w.stuck["ready site"], w.stuck["ready bot"] = true, true
	w.s.Workloads[2].UsedBy = []string{"default/site"}
	w.pass(time.Minute)
}

// notBack is what the baseline says.
func (w *world) notBack(context.Context, timeline.ID) (c watch.Comparison, err error) {
	c.Before, c.At = night.Add(-time.Hour), w.clock.Now()
	for _, wl := range w.s.Workloads {
		if wl.Ready < wl.Replicas || wl.Replicas == 0 {
			c.Lost = append(c.Lost, watch.Lost{Kind: wl.Kind, Name: wl.String(), Ready: wl.Ready, Wanted: wl.Replicas, Was: 1, Since: night})
		}
	}
	return c, w.read("baseline")
}

// daemons gives every node its pod.
func (w *world) daemons(o fleet.Object) {
	for _, n := range w.s.Nodes {
		if on := w.pinned[o.Name]; on != "" && on != n.Name {
			continue
		}
		if !slices.ContainsFunc(w.s.Pods, func(p fleet.Pod) bool { return p.Owner == o && p.Node == n.Name }) {
			w.uid++
			w.s.Pods = append(w.s.Pods, fleet.Pod{Object: fleet.Object{Kind: "Pod", Namespace: o.Namespace, Name: o.Name + "-" + n.Name}, Owner: o, Node: n.Name, Phase: "Pending", Daemon: true})
		}
	}
}

// rollouts replace one pod of an older template after another, and count.
func (w *world) rollouts() {
	for i := range w.s.Workloads {
		wl := &w.s.Workloads[i]
		if wl.Generation == 0 {
			wl.Generation, wl.Observed = 1, 1
		}
		if w.stuck["unobserved"] {
			continue
		}
		wl.Observed, wl.Ready, wl.Updated, wl.Current = wl.Generation, 0, 0, 0
		var goes *fleet.Pod
		whole := true
		for k := range w.s.Pods {
			p := &w.s.Pods[k]
			if p.Owner != wl.Object || !p.Terminating.IsZero() {
				continue
			}
			wl.Current++
			if p.Ready {
				wl.Ready++
			}
			if !w.old[p.Object] {
				wl.Updated++
				whole = whole && p.Ready
			} else if goes == nil && w.answers(p.Node) {
				goes = p
			}
		}
		if goes != nil && whole {
			delete(w.old, goes.Object)
			goes.Terminating = w.clock.Now()
		}
	}
}

func (w *world) answers(node string) bool {
	n := w.nodeOf(node)
	return n == nil || n.Ready == fleet.True
}

func restarts(w *world) (all []string) {
	for _, c := range w.calls {
		if name, is := strings.CutPrefix(c, "restart "); is {
			all = append(all, name)
		}
	}
	return all
}

// Seed 003: each of the core is stable before the next one, then what is not back is
// restarted, what others depend on first.
func TestTheCoreIsRestartedOneByOne(t *testing.T) {
	w := newWorld()
	w.outage()
	p := w.plan(t, repair.RestartCore, "incident", "INC-1")
	golden(t, "restart-core", text(p))
	if _, why := w.carry(t, p); why != "" {
		t.Fatalf("%s\n%s", why, strings.Join(w.calls, "\n"))
	}
	want := []string{"kube-system/calico-node", "kube-system/calico-kube-controllers", "kube-system/coredns", "kube-system/csi-linode-node",
		"kube-system/csi-linode-controller", "kube-system/kube-proxy", "default/bot", "default/site"}
	if got := restarts(w); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	w.whole(t, true)
}

// What comes back by itself once the core is stable is left alone.
func TestWhatIsBackIsNotRestarted(t *testing.T) {
	w := newWorld()
	w.outage()
	p := w.plan(t, repair.RestartCore, "incident", "INC-1")
	delete(w.stuck, "ready site")
	delete(w.stuck, "ready bot")
	if _, why := w.carry(t, p); why != "" {
		t.Fatal(why)
	}
	if got := restarts(w); len(got) != 6 {
		t.Errorf("%q", got)
	}
}

func TestCorePlans(t *testing.T) {
	tests := map[string]struct {
		repair string
		params []string
		before func(*world)
		code   string // of a finding
		says   string // among the facts
		not    string // restarted
	}{
		"without an incident":          {repair.RestartCore, nil, func(*world) {}, repair.NotBackUnknown, "", "default/site"},
		"the baseline cannot be read":  {repair.RestartCore, []string{"incident", "INC-1"}, func(w *world) { w.fail["baseline"] = problem.New(problem.Unavailable, "no") }, repair.NotBackUnknown, "", "default/site"},
		"scaled to 0 is not restarted": {repair.RestartCore, []string{"incident", "INC-1"}, func(w *world) { w.s.Workloads[1].Replicas = 0 }, "", "Not back, and not to be mended by a restart: default/redis", "default/redis"},
		"no kube-proxy, as with eBPF": {repair.RestartCore, []string{"incident", "INC-1"}, func(w *world) {
			w.s.Workloads = slices.DeleteFunc(w.s.Workloads, func(o fleet.Workload) bool { return o.Name == "kube-proxy" })
		}, "", "There is no kube-proxy to restart", "kube-system/kube-proxy"},
		"somebody's own coredns": {repair.RestartCoreDNS, nil, func(w *world) { w.s.Workloads[3].Name = "coredns" }, "", "", "default/coredns"},
		"a node does not answer": {repair.RestartCSI, nil, func(w *world) { w.hang() }, repair.NodeNotReady, "", "-"},
		"OnDelete":               {repair.RestartCSI, nil, func(w *world) { w.s.Workloads[7].Manual = "OnDelete" }, repair.RolloutManual, "", "-"},
		"paused":                 {repair.WorkloadRestart, []string{"workload", "site"}, func(w *world) { w.s.Workloads[3].Manual = "paused" }, repair.RolloutManual, "", "-"},
		"an operator's":          {repair.WorkloadRestart, []string{"workload", "site"}, operated(3), repair.OperatorMayUndo, "", "-"},
		"no probe there":         {repair.RestartCoreDNS, nil, func(*world) {}, "", "Not verified is that DNS resolves and that pods on other nodes answer: there is no wardroom-probe, which deploy/kubernetes/probe adds", "-"},
		"no probe on a node": {repair.RestartCalico, nil, func(w *world) {
			w.probed()
			w.s.Pods = slices.DeleteFunc(w.s.Pods, func(p fleet.Pod) bool { return p.Owner == probes && p.Node == well })
		}, "", "Not verified, no wardroom-probe runs there: DNS and network of " + well, "-"},
		"daemonsets unread": {repair.RestartCoreDNS, nil, func(w *world) { w.s.Missing = []string{"daemonsets"} }, "", "Not verified is that DNS resolves and that pods on other nodes answer: the cluster's daemonsets cannot be read", "-"},
		"local data":        {repair.WorkloadRestart, []string{"workload", "redis"}, func(w *world) { w.s.Pods[1].LocalData = true }, repair.LocalDataLost, "", "-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.outage()
			tt.before(w)
			p := w.plan(t, tt.repair, tt.params...)
			if tt.code != "" && !slices.ContainsFunc(p.Findings, func(f remediation.Finding) bool { return f.Code == tt.code }) {
				t.Errorf("no %s: %+v", tt.code, p.Findings)
			}
			if tt.says != "" && !strings.Contains(strings.Join(p.Facts, "\n"), tt.says) {
				t.Errorf("no %q: %q", tt.says, p.Facts)
			}
			for _, s := range p.Steps {
				if s.Args["namespace"]+"/"+s.Args["name"] == tt.not {
					t.Errorf("step %s", s.Words)
				}
			}
		})
	}
}

func TestRestartTiers(t *testing.T) {
	for name, tt := range map[string]struct {
		repair, workload string
		want             remediation.Tier
	}{
		"what is whole":      {repair.WorkloadRestart, "redis", remediation.Disruptive},
		"what is not whole":  {repair.WorkloadRestart, "site", remediation.Routine},
		"a part of the core": {repair.RestartCalico, "", remediation.Routine},
		"all of it":          {repair.RestartCore, "", remediation.Routine},
	} {
		w := newWorld()
		w.outage()
		if p := w.plan(t, tt.repair, "workload", tt.workload); p.Tier != tt.want {
			t.Errorf("%s: %s (%s)", name, p.Tier, p.TierWhy)
		}
	}
}

func TestRestartIsRefused(t *testing.T) {
	w := newWorld()
	for name, tt := range map[string]struct {
		repair, workload string
		code             problem.Code
	}{
		"no such part":     {repair.RestartCalico, "", problem.NotFound},
		"no core at all":   {repair.RestartCore, "", problem.NotFound},
		"no such workload": {repair.WorkloadRestart, "nosuch", problem.NotFound},
		"not restartable":  {repair.WorkloadRestart, "once", problem.Unsupported},
	} {
		w.s.Workloads = append(w.s.Workloads[:4:4], fleet.Workload{Object: object("Job", "once")})
		if _, err := w.remediation(t, tt.repair).Plan(t.Context(), map[string]string{"workload": tt.workload}); !problem.Is(err, tt.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.s.Missing = []string{"daemonsets"}
	if _, err := w.remediation(t, repair.RestartCalico).Plan(t.Context(), nil); !problem.Is(err, problem.Unavailable) {
		t.Errorf("what cannot be read is absent: %v", err)
	}
}

// A rollout is over when the cluster has taken it in, every pod is of the new template
// and Ready, and no old one is left; pods on nodes that do not answer are not waited for.
func TestARolloutIsFollowedToItsEnd(t *testing.T) {
	tests := map[string]struct {
		change func(*fleet.Workload)
		hung   bool
		want   string // progress; "" it is over
	}{
		"over":                          {func(*fleet.Workload) {}, false, ""},
		"not taken in":                  {func(w *fleet.Workload) { w.Generation = 9 }, false, "kube-system/csi-linode-node: the cluster has not taken it in yet"},
		"one is old":                    {func(w *fleet.Workload) { w.Updated = 1 }, false, "kube-system/csi-linode-node: 1 of 2 replaced, 2 Ready"},
		"one is not Ready":              {func(w *fleet.Workload) { w.Ready = 1 }, false, "kube-system/csi-linode-node: 2 of 2 replaced, 1 Ready"},
		"one is old, its node is lost":  {func(w *fleet.Workload) { w.Updated, w.Ready = 1, 1 }, true, ""},
		"two are old, one node is lost": {func(w *fleet.Workload) { w.Updated, w.Ready = 0, 1 }, true, "kube-system/csi-linode-node: 0 of 1 replaced, 1 Ready"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.core()
			if tt.hung {
				w.hang()
			}
			tt.change(&w.s.Workloads[7])
			step, _ := w.remediation(t, repair.RestartCSI).Step("rolled-out")
			seen, err := step.Observe(t.Context(), remediation.State{Args: map[string]string{"kind": "DaemonSet", "namespace": "kube-system", "name": "csi-linode-node"}})
			if err != nil || seen.So != (tt.want == "") || seen.Progress != tt.want {
				t.Errorf("%+v %v", seen, err)
			}
		})
	}
}

// A driver counts as restarted once every node that answers has registered it.
func TestEveryNodeRegistersTheDriver(t *testing.T) {
	w := newWorld()
	w.core()
	p := w.plan(t, repair.RestartCSI)
	i := slices.IndexFunc(p.Steps, func(s remediation.PlannedStep) bool { return s.Name == "csi-registered-everywhere" })
	if i < 0 || p.Steps[i].Args["drivers"] != driver {
		t.Fatalf("%+v", p.Steps)
	}
	step, _ := w.remediation(t, repair.RestartCSI).Step("csi-registered-everywhere")
	look := func() remediation.Seen {
		seen, err := step.Observe(t.Context(), remediation.State{Args: p.Steps[i].Args})
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	if !look().So {
		t.Error("all have")
	}
	w.nodeOf(sick).Drivers = nil
	if seen := look(); seen.So || seen.Progress != sick+" lacks "+driver {
		t.Errorf("%+v", seen)
	}
	w.hang()
	if !look().So {
		t.Error("a node that does not answer cannot register")
	}
}
