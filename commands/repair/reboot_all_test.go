package repair_test

import (
	"slices"
	"strings"
	"testing"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// turns are the nodes of a plan, as they are restarted.
func turns(p remediation.Plan) (nodes []string) {
	for _, s := range p.Steps {
		if s.Name == "reboot-instance" || s.Name == "reboot-talos" {
			nodes = append(nodes, s.Args["node"])
		}
	}
	return nodes
}

func TestNodesAreRestartedInTurn(t *testing.T) {
	control := []string{"control-1", "control-2", "control-3"}
	tests := map[string]struct {
		order, own string
		want       []string
	}{
		"workers, then the control plane":       {"", "", slices.Concat([]string{sick, well}, control)},
		"where Wardroom runs comes last":        {"", sick, slices.Concat([]string{well}, control, []string{sick})},
		"a control-plane node where it runs":    {"", "control-1", []string{sick, well, "control-2", "control-3", "control-1"}},
		"named ones first":                      {"control-3, " + well, "", []string{"control-3", well, sick, "control-1", "control-2"}},
		"also the one where Wardroom runs":      {sick, sick, slices.Concat([]string{sick, well}, control)},
		"a list that ends with a comma is fine": {well + ",", "", slices.Concat([]string{well, sick}, control)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.onTalos()
			w.blast.Own = tt.own
			p := w.plan(t, repair.NodeRebootAll, "order", tt.order)
			if got := turns(p); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
			if says := strings.Join(p.Facts, "\n"); !strings.Contains(says, "In turn: "+strings.Join(tt.want, ", ")) || (tt.own != "") != strings.Contains(says, "Wardroom itself runs on") {
				t.Errorf("the plan does not say so:\n%s", says)
			}
			for _, n := range tt.want {
				if !slices.Contains(p.Holds, "node/"+n) {
					t.Errorf("%s is not held", n)
				}
			}
		})
	}
	for name, order := range map[string]string{"one that there is not": "nobody", "one twice": well + "," + well} {
		w := newWorld()
		if _, err := w.remediation(t, repair.NodeRebootAll).Plan(t.Context(), map[string]string{"order": order}); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatStandsAgainstRestartingAllNodes(t *testing.T) {
	member := func(name string, healthy bool) fleet.EtcdMember {
		return fleet.EtcdMember{Name: name, Healthy: healthy}
	}
	onTalos := func(then func(*world)) func(*world) { return func(w *world) { w.onTalos(); then(w) } }
	etcd := func(members ...fleet.EtcdMember) func(*world) {
		return onTalos(func(w *world) { w.etcd = members })
	}
	tests := map[string]struct {
		before   func(*world)
		code     string
		strength remediation.Strength // "": it is not found
		says     string
	}{
		"nothing, on Linode":             {func(*world) {}, repair.EtcdUnknown, "", "The control plane is managed"},
		"nothing, on Talos":              {(*world).onTalos, repair.EtcdQuorum, "", "etcd: 3 members, all of them healthy"},
		"nobody who could restart it":    {func(w *world) { w.nodeOf(sick).Identity.ProviderID = "aws:///i-0"; w.nodeOf(sick).System = "Ubuntu" }, repair.ProviderUnknown, remediation.Hard, `its machine is aws:///i-0, its system "Ubuntu"`},
		"its kubelet is silent":          {(*world).hang, repair.NodeSilent, remediation.Hard, "may still be writing"},
		"its kubelet is silent, Talos":   {onTalos((*world).hang), repair.NodeNotReady, remediation.Warning, "is not Ready"},
		"another node at its address":    {onTalos(func(w *world) { w.nodeOf(sick).Address = "10.0.0.2" }), repair.IdentityUnproven, remediation.Hard, "at 10.0.0.2 is"},
		"its machine does not answer":    {onTalos(func(w *world) { w.talos["10.0.0.1"] = "down" }), repair.IdentityUnproven, remediation.Hard, "does not answer at 10.0.0.1"},
		"no way to Talos":                {onTalos(func(w *world) { w.fail["talos"] = problem.New(problem.Unavailable, "no talosctl") }), repair.IdentityUnproven, remediation.Hard, "no talosctl"},
		"etcd cannot be asked":           {onTalos(func(w *world) { w.fail["etcd"] = problem.New(problem.Unavailable, "no talosctl") }), repair.EtcdUnknown, remediation.Hard, "no talosctl"},
		"etcd lacks a member of three":   {etcd(member("control-1", true), member("control-2", true), member("control-3", false)), repair.EtcdQuorum, remediation.Hard, "not healthy: control-3"},
		"the sick one of three is first": {etcd(member("control-1", false), member("control-2", true), member("control-3", true)), repair.EtcdQuorum, "", "not healthy: control-1"},
		"a learner does not vote":        {etcd(member("control-1", true), member("control-2", true), member("control-3", false), fleet.EtcdMember{Name: "control-4", Healthy: true, Learner: true}), repair.EtcdQuorum, remediation.Hard, "needs 2"},
		"one member alone":               {etcd(member("control-1", true)), repair.EtcdQuorum, remediation.Soft, "the control plane is down"},
		"two members":                    {etcd(member("control-1", true), member("control-2", true)), repair.EtcdQuorum, remediation.Soft, "the control plane is down"},
		"two members, one sick":          {etcd(member("control-1", true), member("control-2", false)), repair.EtcdQuorum, remediation.Hard, "needs 2"},
		"members of unknown names":       {etcd(member("a", true), member("b", true), member("c", false)), repair.EtcdQuorum, remediation.Hard, "needs 2"},
		"Wardroom itself runs there":     {func(w *world) { w.blast.Own = sick }, repair.OwnNode, remediation.Warning, "the run goes on"},
		"a machine is deleted":           {func(w *world) { delete(w.inst, 28312346) }, repair.IdentityUnproven, remediation.Hard, "is deleted"},
		"cordoned before stays cordoned": {func(w *world) { w.nodeOf(sick).Unschedulable = true }, repair.AlreadySo, "", "is cordoned, and stays so"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			tt.before(w)
			p := w.plan(t, repair.NodeRebootAll)
			var got remediation.Strength
			says := strings.Join(p.Facts, "\n")
			for _, f := range p.Findings {
				if says += "\n" + f.Sentence + " " + f.Hint; f.Code == tt.code {
					got = f.Strength
				}
			}
			if got != tt.strength || !strings.Contains(says, tt.says) {
				t.Errorf("%s is %q, want %q, with %q:\n%s", tt.code, got, tt.strength, tt.says, says)
			}
			if p.Tier != remediation.Destructive {
				t.Errorf("it is %s", p.Tier)
			}
		})
	}
}

// at is the index of the first step of a name from one on.
func at(t *testing.T, p remediation.Plan, from int, name string) int {
	t.Helper()
	for i := from; i < len(p.Steps); i++ {
		if p.Steps[i].Name == name {
			return i
		}
	}
	t.Fatalf("no step %s from %d on", name, from)
	return 0
}

func TestTheNextNodeWaitsUntilNothingIsWorse(t *testing.T) {
	w := newWorld()
	p := w.plan(t, repair.NodeRebootAll)
	first, second := at(t, p, 0, "not-worse"), 0
	second = at(t, p, first+1, "not-worse")
	c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
	for i := range first {
		if why := c.one(i); why != "" {
			t.Fatalf("%s: %s", p.Steps[i].Name, why)
		}
	}
	w.stuck["ready site"] = true
	w.pass(0)
	began := w.clock.Now()
	const want = "asks: worse than before the run: deployment default/site: 0 Ready, 2 before"
	if why := c.one(first); why != want || w.clock.Now().Sub(began).Minutes() < 10 {
		t.Errorf("after %s it %q, want %q", w.clock.Now().Sub(began), why, want)
	}
	if n := w.accepted["reboot"]; n != 1 {
		t.Errorf("%d nodes were restarted", n)
	}
	c.anyway = true
	if why := c.one(first); why != "" {
		t.Errorf("it does not go on anyway: %s", why)
	}
	c.anyway = false
	for i := first + 1; i <= second; i++ {
		if why := c.one(i); why != "" {
			t.Errorf("%s: %s; a person has accepted that already", p.Steps[i].Name, why)
		}
	}
	w.stuck["ready bot"] = true
	w.pass(0)
	if why := c.one(second); !strings.HasPrefix(why, "asks: ") || strings.Contains(why, "site") || !strings.Contains(why, "default/bot") {
		t.Errorf("of what is worse still it says %q", why)
	}
}

// What was not Ready before the run holds nothing up, and what somebody has scaled
// down or deleted meanwhile is not worse.
func TestOnlyWhatWasReadyIsMissed(t *testing.T) {
	for name, meanwhile := range map[string]func(*world){
		"it was not Ready before": func(*world) {},
		"somebody has scaled it":  func(w *world) { w.scaled("site", 1) },
		"somebody has deleted it": func(w *world) { w.s.Workloads = slices.Delete(w.s.Workloads, 3, 4) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if name == "it was not Ready before" {
				w.stuck["ready bot"] = true
				w.pass(0)
			}
			p := w.plan(t, repair.NodeRebootAll)
			c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
			if why := c.one(0); why != "" {
				t.Fatal(why)
			}
			meanwhile(w)
			w.pass(0)
			if why := c.one(at(t, p, 0, "not-worse")); why != "" {
				t.Error(why)
			}
		})
	}
}

func TestAControlPlaneNodeWaitsForTheQuorum(t *testing.T) {
	w := newWorld()
	w.onTalos()
	p := w.plan(t, repair.NodeRebootAll)
	c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1, anyway: true}
	second := at(t, p, at(t, p, 0, "etcd-quorum")+1, "etcd-quorum")
	w.etcd = []fleet.EtcdMember{{Name: "control-1", Why: "no leader"}, {Name: "control-2", Healthy: true}, {Name: "control-3", Healthy: true}}
	const want = "asks: without control-2 etcd would have 1 of 3 members, and needs 2; not healthy: control-1 (no leader)"
	if why := c.one(second); why != want {
		t.Errorf("it %q, want %q: nobody may go on anyway", why, want)
	}
	w.etcd = nil
	if why := c.one(second); why != "" {
		t.Errorf("once it is back: %s", why)
	}
}

// etcd is counted by its own pods where it is not Talos that runs it.
func TestEtcdIsCountedByItsPods(t *testing.T) {
	w := newWorld()
	w.onTalos()
	for i := range w.s.Nodes {
		if n := &w.s.Nodes[i]; n.ControlPlane {
			n.System = "Ubuntu 24.04"
			w.s.Pods = append(w.s.Pods, fleet.Pod{Object: fleet.Object{Kind: "Pod", Namespace: "kube-system", Name: "etcd-" + n.Name}, Node: n.Name, Mirror: true,
				Phase: "Running", Ready: n.Name != "control-2", Labels: map[string]string{"component": "etcd", "tier": "control-plane"}})
		}
	}
	p := w.plan(t, repair.NodeRebootAll)
	if len(p.Against(remediation.Hard)) == 0 || !slices.ContainsFunc(p.Findings, func(f remediation.Finding) bool {
		return f.Code == repair.EtcdQuorum && strings.Contains(f.Sentence, "control-2")
	}) {
		t.Errorf("%+v", p.Findings)
	}
}

// A run that ends in the middle leaves one node to uncordon: what somebody has
// cordoned meanwhile is theirs.
func TestWhatARunLeavesInTheMiddle(t *testing.T) {
	w := newWorld()
	p := w.plan(t, repair.NodeRebootAll)
	c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
	for i := range at(t, p, 0, "node-restarted") {
		if why := c.one(i); why != "" {
			t.Fatal(why)
		}
	}
	w.nodeOf(well).Unschedulable = true
	c.putBack(at(t, p, 0, "node-restarted"))
	if w.nodeOf(sick).Unschedulable || !w.nodeOf(well).Unschedulable {
		t.Errorf("%s cordoned: %t, %s cordoned: %t", sick, w.nodeOf(sick).Unschedulable, well, w.nodeOf(well).Unschedulable)
	}
}

func TestAMachineThatRunsTalosIsRestartedThroughTalos(t *testing.T) {
	w := newWorld()
	w.onTalos()
	p := w.plan(t, repair.NodeReboot, "node", "control-1")
	if at, why := w.carry(t, p); why != "" {
		t.Fatalf("step %d: %s", at+1, why)
	}
	if w.accepted["reboot talos"] != 1 || w.accepted["reboot"] != 0 || w.nodeOf("control-1").Identity.BootID != "boot-c1-again" {
		t.Errorf("%v, boot %s", w.accepted, w.nodeOf("control-1").Identity.BootID)
	}
	if p.Target.ProvenBy != "talos" || p.Tier != remediation.Disruptive {
		t.Errorf("proven by %q, %s (%s), unknown %v", p.Target.ProvenBy, p.Tier, p.TierWhy, p.Blast.Unknown)
	}
	w.hang()
	p = w.plan(t, repair.NodeReboot, "node", sick)
	for _, s := range p.Steps {
		if s.Name == "evict-pods" || s.Name == "shutdown-instance" {
			t.Errorf("its kubelet is silent: %s", s.Words)
		}
	}
	if at, why := w.carry(t, p); why != "" {
		t.Errorf("step %d: %s", at+1, why)
	}
}
