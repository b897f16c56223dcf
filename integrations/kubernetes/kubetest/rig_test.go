package kubetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

const (
	nodeA, nodeB = "lke13311-16405-5fafd1b46dcf", "lke13311-20304-5ffa4d11faab"
	slotA        = "16405-5fafd1b46dcf"
	lateA, lateB = 28412345, 28412346
	pvRedis      = "pvc-bb1d06139b334c1f"
	volRedis     = 55501
)

// night is a cluster that stands on a simulated Linode, on one clock: redis with
// its volume on the first of two nodes, the volume driver's DaemonSet on both.
type night struct {
	*testing.T
	clock *scenario.Clock
	cloud *linodetest.Server
	sim   *kubetest.Server
	past  []remediation.Run       // that are on record
	talos fleet.Talos             // nil: none of the machines runs it
	steps []remediation.StepState // of the plan that was carried out last
}

func newNight(t *testing.T) *night {
	t.Helper()
	return newNightWith(t, linodetest.Options{})
}

func newNightWith(t *testing.T, o linodetest.Options) *night {
	t.Helper()
	clock := scenario.NewClock(time.Date(2021, 7, 11, 0, 25, 0, 0, time.UTC))
	o.Now = clock.Now
	cloud, err := linodetest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	sim, err := kubetest.New(kubetest.Options{Now: clock.Now, Cloud: kubetest.OnLinode(cloud)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	n := &night{T: t, clock: clock, cloud: cloud, sim: sim}
	sim.AddNode(kubetest.Node{Name: nodeA, Linode: lateA})
	sim.AddNode(kubetest.Node{Name: nodeB, Linode: lateB})
	sim.AddWorkload(kubetest.Workload{Name: "kube-system/csi-linode-node", Kind: "DaemonSet"})
	one := int32(1)
	sim.AddWorkload(kubetest.Workload{Name: "default/redis", Kind: "StatefulSet", Replicas: &one, Node: nodeA, Volume: pvRedis, Disk: volRedis, UsedBy: []string{"default/bot"}})
	return n
}

// until moves the clock from one thing that is due to the next until ok, and fails
// the test when that takes longer than within.
func (n *night) until(what string, within time.Duration, ok func() bool) {
	n.Helper()
	began := n.clock.Now()
	for end := began.Add(within); !ok(); {
		next, any := n.sim.Next()
		if !any || next.After(end) {
			n.Fatalf("%s: not within %s; pods %v, volume %+v, events:\n%s", what, within, n.pods(), n.disk(), strings.Join(n.events(), "\n"))
		}
		n.clock.MoveTo(next)
		if err := n.sim.Settle(n.Context()); err != nil {
			n.Fatal(err)
		}
	}
	n.Logf("%s after %s", what, n.clock.Now().Sub(began))
}

// pass lets time pass.
func (n *night) pass(d time.Duration) {
	n.Helper()
	end := n.clock.Now().Add(d)
	for next, any := n.sim.Next(); any && !next.After(end); next, any = n.sim.Next() {
		n.clock.MoveTo(next)
		if err := n.sim.Settle(n.Context()); err != nil {
			n.Fatal(err)
		}
	}
	n.clock.MoveTo(end)
	if err := n.sim.Settle(n.Context()); err != nil {
		n.Fatal(err)
	}
}

func (n *night) disk() linodetest.Disk {
	for _, d := range n.cloud.Disks() {
		if d.ID == volRedis {
			return d
		}
	}
	n.Fatal("the volume is gone")
	return linodetest.Disk{}
}

func (n *night) act(do linodetest.Act) {
	n.Helper()
	if err := n.cloud.Act("chris", do); err != nil {
		n.Fatal(err)
	}
}

func (n *night) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

// pods are all pods of the namespace default, as "redis-0 on lke…: Ready".
func (n *night) pods() (out []string) {
	for _, p := range n.sim.Pods() {
		if strings.HasPrefix(p.Name, "default/") {
			out = append(out, fmt.Sprint(p))
		}
	}
	return out
}

func (n *night) redis() kubetest.PodState {
	for _, p := range n.sim.Pods() {
		if p.Name == "default/redis-0" {
			return p
		}
	}
	return kubetest.PodState{}
}

func (n *night) node(name string) kubetest.NodeState {
	for _, s := range n.sim.Nodes() {
		if s.Name == name {
			return s
		}
	}
	return kubetest.NodeState{}
}

// events are those of the namespace default, in order.
func (n *night) events() (out []string) {
	for _, e := range n.sim.Events() {
		out = append(out, e.At.Format("15:04:05")+" "+e.About+" "+e.Reason+": "+e.Message)
	}
	return out
}

func (n *night) tells(reason, text string) bool {
	for _, e := range n.sim.Events() {
		if e.Reason == reason && strings.Contains(e.Message, text) {
			return true
		}
	}
	return false
}
