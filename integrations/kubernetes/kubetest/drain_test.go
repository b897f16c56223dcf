package kubetest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes/kubetest"
)

// evictions are those of the pods of a workload that were asked for.
func (n *night) evictions(workload string) (count int) {
	for _, r := range n.sim.Writes() {
		if strings.HasSuffix(r.Path, "/eviction") && strings.HasPrefix(r.Object, workload) {
			count++
		}
	}
	return count
}

// calico-typha tolerates every taint, so its pod comes to the cordoned node again: the
// scheduler sees the most room there. The node counts as empty all the same, and what
// was taken down for the repair is up again at its end.
func TestPodsThatTolerateTheCordonDoNotHoldRepairsUp(t *testing.T) {
	for _, name := range []string{repair.NodeDrain, repair.NodeReboot, repair.NodeRecycle} {
		for _, hung := range []bool{false, true} {
			if hung && name == repair.NodeDrain {
				continue // its plan says that nothing on such a node can be evicted
			}
			n := newNight(t)
			n.sim.AddWorkload(kubetest.Workload{Name: "default/site", Node: nodeB, CPU: "2"})
			n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/calico-typha", Node: nodeA, Tolerant: true})
			if hung {
				n.sim.Hang(nodeA)
				n.until("the node is NotReady", 2*time.Minute, func() bool { return !n.node(nodeA).Ready })
			}
			r, p := n.plan(name, map[string]string{"node": nodeA})
			if stuck := n.carry(r, p); stuck != "" {
				t.Fatalf("%s, hung %t: %s", name, hung, stuck)
			}
			if got, want := n.evictions("kube-system/calico-typha"), map[bool]int{false: 1, true: 0}[hung]; got != want {
				t.Errorf("%s, hung %t: its pod was evicted %d times", name, hung, got)
			}
			n.pass(time.Minute)
			if !n.redis().Ready || n.node(nodeA).Unschedulable != (name == repair.NodeDrain) {
				t.Errorf("%s, hung %t: redis %+v, node %+v", name, hung, n.redis(), n.node(nodeA))
			}
		}
	}
}

// One with a volume is not left on a machine that is to be replaced: a person has to
// take it away, and until then the run goes no further.
func TestAPodWithAVolumeThatToleratesTheCordonIsAskedAbout(t *testing.T) {
	n := newNight(t)
	n.sim.AddWorkload(kubetest.Workload{Name: "default/site", Node: nodeB, CPU: "2"})
	two := int32(2)
	n.sim.AddWorkload(kubetest.Workload{Name: "default/cache", Kind: "StatefulSet", Replicas: &two, Volume: "pvc-0a4c2f6e7d8b9a10", Disk: 55502, Node: nodeA, Tolerant: true})
	r, p := n.plan(repair.NodeDrain, map[string]string{"node": nodeA})
	stuck := n.carry(r, p)
	if !strings.HasPrefix(stuck, "evict-pods: default/cache-") || !strings.Contains(stuck, "scale its workload down first") {
		t.Errorf("it is stuck at %q", stuck)
	}
	if got := n.evictions("default/cache"); got != 2 {
		t.Errorf("its pods were evicted %d times", got)
	}
	if i := slices.IndexFunc(n.sim.Pods(), func(p kubetest.PodState) bool { return p.Node == nodeA && strings.HasPrefix(p.Name, "default/cache") }); i < 0 {
		t.Error("none of its pods is there: the test proves nothing")
	}
}
