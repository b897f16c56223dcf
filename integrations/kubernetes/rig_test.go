package kubernetes_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/scenario"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
)

const (
	nodeA, nodeB, nodeC = "lke13311-16405-5fafd1b46dcf", "lke13311-16405-5fafd1b4a1b2", "lke13311-16405-5fafd1b4c3d4"
	pvRedis             = "pvc-bb1d06139b334c1f"
)

// start is when every rig's clock begins.
var start = time.Date(2021, 7, 11, 0, 50, 0, 0, time.UTC)

// rig is the adapter, talking to a simulated cluster of three nodes: redis with its
// volume and a bot that needs it on the first, three sites behind a budget.
type rig struct {
	*testing.T
	sim     *kubetest.Server
	cloud   *kubetest.Plain
	cluster *kubernetes.Cluster
	clock   *scenario.Clock
	observe string // the kubeconfig that reads
}

func newRig(t *testing.T, change ...func(*kubetest.Options, *kubernetes.Options)) *rig {
	t.Helper()
	clock := scenario.NewClock(start)
	cloud := kubetest.NewPlain()
	so := kubetest.Options{Now: clock.Now, Cloud: cloud}
	o := kubernetes.Options{Clock: clock, Settings: kubernetes.Settings{Timeout: 5 * time.Second, ArgoNamespace: "argocd"}}
	dir := t.TempDir()
	o.Observe.Kubeconfig, o.Act.Kubeconfig = filepath.Join(dir, "observe"), filepath.Join(dir, "act")
	for _, f := range change {
		f(&so, &o)
	}
	sim, err := kubetest.New(so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	r := &rig{t, sim, cloud, kubernetes.New(o), clock, o.Observe.Kubeconfig}
	r.must(sim.WriteKubeconfig(o.Observe.Kubeconfig, kubetest.ObserveToken))
	if o.Act.Kubeconfig != "" {
		r.must(sim.WriteKubeconfig(o.Act.Kubeconfig, kubetest.ActToken))
	}
	for i, name := range []string{nodeA, nodeB, nodeC} {
		sim.AddNode(kubetest.Node{Name: name, Linode: 28412345 + i})
	}
	one, three, two := int32(1), int32(3), 2
	sim.AddWorkload(kubetest.Workload{Name: "default/redis", Replicas: &one, Node: nodeA, Volume: pvRedis, Disk: 55501, UsedBy: []string{"default/bot"}})
	sim.AddWorkload(kubetest.Workload{Name: "default/bot", Replicas: &one, Node: nodeA})
	sim.AddWorkload(kubetest.Workload{Name: "default/site", Replicas: &three, Available: &two})
	sim.Forget()
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) ctx() context.Context { return r.Context() }

// pass moves the clock from one thing that is due to the next.
func (r *rig) pass(d time.Duration) {
	for end := r.clock.Now().Add(d); ; {
		next, any := r.sim.Next()
		if !any || next.After(end) {
			r.clock.MoveTo(end)
			r.sim.Advance()
			return
		}
		r.clock.MoveTo(next)
		r.sim.Advance()
	}
}

func (r *rig) snapshot() *fleet.Snapshot {
	r.Helper()
	s, err := r.cluster.Snapshot(r.ctx(), 0)
	r.must(err)
	return s
}

func (r *rig) node(name string) fleet.Node {
	r.Helper()
	for _, n := range r.snapshot().Nodes {
		if n.Name == name {
			return n
		}
	}
	r.Fatalf("no node %s", name)
	return fleet.Node{}
}

func (r *rig) workload(name string) fleet.Workload {
	r.Helper()
	for _, w := range r.snapshot().Workloads {
		if w.String() == name {
			return w
		}
	}
	r.Fatalf("no workload %s", name)
	return fleet.Workload{}
}

// pods of a workload, those that end too.
func (r *rig) pods(workload string) (out []fleet.Pod) {
	r.Helper()
	for _, p := range r.snapshot().Pods {
		if p.Owner.String() == workload {
			out = append(out, p)
		}
	}
	return out
}
