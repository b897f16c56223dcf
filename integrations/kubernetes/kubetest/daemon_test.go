package kubetest_test

import (
	"strings"
	"testing"
	"time"

	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes/kubetest"
)

// A DaemonSet that is meant for the nodes of another pool, as an ingress controller by
// its nodeSelector, is waited for on neither a restarted nor a new machine; one that is
// meant for all nodes is.
func TestOnlyTheNodesOwnDaemonSetsAreWaitedFor(t *testing.T) {
	for _, name := range []string{repair.NodeReboot, repair.NodeRecycle} {
		for _, hung := range []bool{false, true} {
			n := newNight(t)
			n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/ingress-nginx", Kind: "DaemonSet", Selector: map[string]string{"lke.linode.com/pool-id": "20304"}})
			n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/calico-node", Kind: "DaemonSet"})
			if hung {
				n.sim.Hang(nodeA)
				n.until("the node is NotReady", 2*time.Minute, func() bool { return !n.node(nodeA).Ready })
			}
			r, p := n.plan(name, map[string]string{"node": nodeA})
			if stuck := n.carry(r, p); stuck != "" {
				t.Fatalf("%s, hung %t: %s", name, hung, stuck)
			}
			on := map[string]int{}
			for _, p := range n.sim.Pods() {
				if strings.HasPrefix(p.Name, "kube-system/") && p.Ready {
					on[p.Node]++
				}
			}
			for _, node := range n.sim.Nodes() {
				want := 2 // the volume driver and the network
				if node.Name == nodeB {
					want++
				}
				if on[node.Name] != want || node.Unschedulable {
					t.Errorf("%s, hung %t: %+v has %d pods of DaemonSets", name, hung, node, on[node.Name])
				}
			}
		}
	}
}
