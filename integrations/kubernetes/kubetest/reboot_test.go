package kubetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/scenario"
	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
	"wardroom/integrations/talos"
	"wardroom/integrations/talos/talostest"
)

// boots are the boot ids of all nodes, which must be Ready and open for pods.
func (n *night) boots() map[string]string {
	n.Helper()
	all := map[string]string{}
	for _, s := range n.sim.Nodes() {
		if all[s.Name] = s.BootID; !s.Ready || s.Unschedulable {
			n.Errorf("%+v", s)
		}
	}
	return all
}

func TestEveryNodeOnLinodeIsRestartedInTurn(t *testing.T) {
	n := newNight(t)
	n.sim.AddWorkload(kubetest.Workload{Name: "default/bot", Node: nodeB})
	before := n.boots()
	r, p := n.plan(repair.NodeRebootAll, nil)
	if stuck := n.carry(r, p); stuck != "" {
		t.Fatalf("%s\n%s", stuck, strings.Join(n.events(), "\n"))
	}
	for name, boot := range n.boots() {
		if boot == before[name] {
			t.Errorf("%s was not restarted", name)
		}
	}
	if d := n.disk(); d.Stuck || !n.redis().Ready {
		t.Errorf("redis %+v, its volume %+v", n.redis(), d)
	}
}

// newMetal is a cluster of two workers and three control-plane nodes that run Talos,
// with a talosctl that is a program of its own.
func newMetal(t *testing.T) (*night, *talostest.Server) {
	t.Helper()
	n := &night{T: t, clock: scenario.NewClock(time.Date(2024, 4, 10, 16, 40, 0, 0, time.UTC))}
	var err error
	n.cloud, err = linodetest.New(linodetest.Options{Now: n.clock.Now}) // whoever has the machines
	n.must(err)
	t.Cleanup(n.cloud.Close)
	n.sim, err = kubetest.New(kubetest.Options{Now: n.clock.Now, Cloud: kubetest.OnLinode(n.cloud)})
	n.must(err)
	t.Cleanup(n.sim.Close)
	machines := map[string]int{}
	ctl, err := talostest.New(talostest.Options{
		Restart: func(node string) error {
			return n.cloud.Act("talos", linodetest.Act{Do: "reboot", Linode: machines[node]})
		},
		Up: func(node string) bool {
			return slices.ContainsFunc(n.cloud.Machines(), func(m linodetest.Machine) bool { return m.Name == node && m.Running })
		},
	})
	n.must(err)
	t.Cleanup(ctl.Close)
	for i, name := range []string{"worker-1", "worker-2", "control-1", "control-2", "control-3"} {
		machines[name] = 101 + i
		control, address := strings.HasPrefix(name, "control"), fmt.Sprintf("10.0.0.%d", i+1)
		n.sim.AddNode(kubetest.Node{Name: name, Linode: 101 + i, Talos: "v1.13.2", Address: address, ControlPlane: control})
		ctl.Add(talostest.Machine{Address: address, Node: name, Control: control})
	}
	two := int32(2)
	n.sim.AddWorkload(kubetest.Workload{Name: "default/mastodon", Replicas: &two})
	n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/kube-flannel", Kind: "DaemonSet"})
	// integrations/talos runs the program itself, which takes a moment each time.
	n.talos = talos.New(talos.Options{Clock: n.clock, Timeout: time.Minute, Run: ctl.Run})
	return n, ctl
}

// The end of 2024-04-10: every node in turn, the control plane last, by talosctl.
func TestEveryNodeThatRunsTalosIsRestartedInTurn(t *testing.T) {
	n, ctl := newMetal(t)
	before := n.boots()
	r, p := n.plan(repair.NodeRebootAll, nil)
	if stuck := n.carry(r, p); stuck != "" {
		t.Fatalf("%s\n%s", stuck, strings.Join(n.events(), "\n"))
	}
	for name, boot := range n.boots() {
		if boot == before[name] {
			t.Errorf("%s was not restarted", name)
		}
		if !n.tellsOf("NodeNotReady", name) {
			t.Errorf("%s was never NotReady", name)
		}
	}
	if got, want := ctl.Reboots(), []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"}; !slices.Equal(got, want) {
		t.Errorf("restarted %v, want %v", got, want)
	}
}

func (n *night) tellsOf(reason, node string) bool {
	return slices.ContainsFunc(n.sim.Events(), func(e kubetest.EventState) bool { return e.Reason == reason && strings.Contains(e.About, node) })
}

// A member of etcd falls sick after the plan was made: no other one's node is touched.
func TestTheControlPlaneIsNotTouchedWithoutItsQuorum(t *testing.T) {
	n, ctl := newMetal(t)
	r, p := n.plan(repair.NodeRebootAll, map[string]string{"order": "control-1"})
	ctl.Sicken("control-3", "alarm: NOSPACE")
	if stuck := n.carry(r, p); !strings.HasPrefix(stuck, "etcd-quorum: without control-1 etcd would have 1 of 3 members") || !strings.Contains(stuck, "NOSPACE") {
		t.Errorf("it is stuck at %q", stuck)
	}
	if got := ctl.Reboots(); len(got) > 0 {
		t.Errorf("restarted %v", got)
	}
}
