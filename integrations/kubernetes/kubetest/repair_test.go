package kubetest_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode"
	"wardroom/integrations/linode/linodetest"
)

// repairs are the product's repairs with the product's adapters, which talk to both
// simulators over HTTP.
func (n *night) repairs() []remediation.Remediation {
	n.Helper()
	cloud, err := linode.New(linode.Options{Clock: n.clock, Settings: linode.Settings{URL: n.cloud.URL(), Cluster: 13311,
		Read: config.NewSecret(linodetest.ReadToken), Act: config.NewSecret(linodetest.ActToken)}})
	n.must(err)
	dir := n.TempDir()
	o := kubernetes.Options{Clock: n.clock, Live: true, Settings: kubernetes.Settings{ArgoNamespace: "argocd",
		Observe: kubernetes.Credential{Kubeconfig: filepath.Join(dir, "observe")}, Act: kubernetes.Credential{Kubeconfig: filepath.Join(dir, "act")}}}
	n.must(n.sim.WriteKubeconfig(o.Observe.Kubeconfig, kubetest.ObserveToken))
	n.must(n.sim.WriteKubeconfig(o.Act.Kubeconfig, kubetest.ActToken))
	return repair.All(repair.Ports{Cluster: kubernetes.New(o), Cloud: cloud, Clock: n.clock, Talos: n.talos,
		Past: func(context.Context) ([]remediation.Run, error) { return n.past, nil }})
}

func (n *night) plan(name string, params map[string]string) (remediation.Remediation, remediation.Plan) {
	n.Helper()
	for _, r := range n.repairs() {
		if r.Spec().Name == name {
			p, err := r.Plan(n.Context(), params)
			n.must(err)
			for _, f := range p.Findings {
				n.Logf("%s: %s %s: %s", name, f.Strength, f.Code, f.Sentence)
			}
			return r, p
		}
	}
	n.Fatalf("no repair %s", name)
	return nil, remediation.Plan{}
}

// carry takes the steps of a plan as the engine does, without its journal. It
// returns the step that does not become so within five minutes, "" when all did.
func (n *night) carry(r remediation.Remediation, p remediation.Plan) (stuck string) {
	n.Helper()
	for _, f := range p.Findings {
		if f.Strength == remediation.Hard {
			n.Fatalf("%s is refused: %s", p.Remediation, f.Sentence)
		}
	}
	learned := maps.Clone(p.Learned)
	if learned == nil {
		learned = map[string]string{}
	}
	n.steps = nil
	for _, planned := range p.Steps {
		step, known := r.Step(planned.Name)
		if !known {
			n.Fatalf("no step %s", planned.Name)
		}
		began, asked, begun := n.clock.Now(), false, false
		for {
			state := remediation.State{Run: "INC-1/run-1", Plan: p, Args: planned.Args, Learned: maps.Clone(learned), Now: n.clock.Now()}
			if begun {
				state.Started = began
			}
			seen, err := step.Observe(n.Context(), state)
			if err != nil {
				n.Fatalf("%s: %v", planned.Name, err)
			}
			if seen.Failed != "" {
				return planned.Name + ": " + seen.Failed
			}
			if seen.Ask != "" {
				return planned.Name + ": " + seen.Ask
			}
			if seen.So {
				maps.Copy(learned, seen.Learned)
				done := remediation.StepState{Mark: remediation.So, Learned: maps.Clone(learned)}
				if begun {
					done.Started = began
				}
				n.steps = append(n.steps, done)
				break
			}
			if !begun { // the engine records the start before it asks
				begun, state.Started = true, began
			}
			if (!asked || seen.Again) && step.Do != nil {
				err := error(nil)
				if step.Prove != nil {
					err = step.Prove(n.Context(), state)
				}
				var got map[string]string
				if err == nil {
					got, err = step.Do(n.Context(), state)
				}
				if err != nil && !problem.Is(err, problem.Unavailable) { // what is so for now is asked again
					n.Fatalf("%s: %v", planned.Name, err)
				}
				maps.Copy(learned, got)
				asked = err == nil
			}
			if n.clock.Now().Sub(began) > 5*time.Minute {
				return planned.Name + ": " + seen.Progress
			}
			n.pass(5 * time.Second)
		}
		n.Logf("%s %-20s %-60s %s", n.clock.Now().Format("15:04:05"), planned.Name, planned.Words, n.clock.Now().Sub(began))
	}
	return ""
}

// The night of 2021-07-11 with the real repairs and adapters: the sick node is
// recycled, the volume is in limbo although it was freed first, the remount mends it.
func TestTheRepairsOfTheNight(t *testing.T) {
	n := newNight(t)
	n.sim.AddWorkload(kubetest.Workload{Name: "default/bot", Node: nodeB})
	n.cloud.Fault(linodetest.Fault{When: "recycle", Effect: linodetest.Limbo, Times: 1, Message: "Volume attach failed"})
	n.sim.Hang(nodeA)
	n.until("the node is NotReady", 2*time.Minute, func() bool { return !n.node(nodeA).Ready })

	r, p := n.plan(repair.NodeRecycle, map[string]string{"node": nodeA})
	if stuck := n.carry(r, p); stuck == "" {
		t.Error("the recycle did not meet the limbo")
	} else {
		t.Logf("as it must, the recycle came to %s", stuck)
	}
	if d := n.disk(); d.Linode == 0 || !d.Stuck {
		t.Fatalf("the volume is %+v", d)
	}

	r, p = n.plan(repair.VolumeRemount, map[string]string{"volume": pvRedis})
	if stuck := n.carry(r, p); stuck != "" {
		t.Errorf("the remount came to %s", stuck)
	}
	if p, d := n.redis(), n.disk(); !p.Ready || d.Stuck {
		t.Errorf("pod %v, volume %+v", p, d)
	}
	recycles := slices.DeleteFunc(n.cloud.Writes(), func(r linodetest.Request) bool { return !strings.HasSuffix(r.Path, "/recycle") })
	if len(recycles) != 1 {
		t.Errorf("%d recycles were asked for", len(recycles))
	}
}

// What every pod needs is restarted on the real adapter: each rolls out to its end
// before the next begins, with one rollout for each however often it was asked for.
func TestTheCoreRestarts(t *testing.T) {
	n := newNight(t)
	for _, name := range []string{"calico-node", "kube-proxy"} {
		n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/" + name, Kind: "DaemonSet"})
	}
	n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/coredns"})
	n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/csi-linode-controller", Kind: "StatefulSet"})
	r, p := n.plan(repair.RestartCore, nil)
	if stuck := n.carry(r, p); stuck != "" {
		t.Fatal(stuck)
	}
	var began []string
	for _, w := range n.sim.Writes() {
		if w.Verb == "patch" && !slices.Contains(began, w.Object) {
			began = append(began, w.Object)
		}
	}
	want := []string{"kube-system/calico-node", "kube-system/coredns", "kube-system/csi-linode-node", "kube-system/csi-linode-controller", "kube-system/kube-proxy"}
	if !slices.Equal(began, want) {
		t.Errorf("%q", began)
	}
	r, p = n.plan(repair.WorkloadRestart, map[string]string{"workload": "default/redis"})
	before := n.clock.Now()
	if stuck := n.carry(r, p); stuck != "" {
		t.Fatal(stuck)
	}
	if now := n.redis(); !now.Ready || n.clock.Now().Sub(before) < 10*time.Second {
		t.Errorf("its pod was not replaced: %+v", now)
	}
}

// A node without pod network is noticed by its own probe alone, and DNS that is gone by
// all; a restart of what carries them mends it, and the run says so.
func TestRestartsAreVerifiedByProbes(t *testing.T) {
	n := newNight(t)
	n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/calico-node", Kind: "DaemonSet"})
	n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/coredns"})
	n.sim.AddWorkload(kubetest.Workload{Name: "wardroom/wardroom-probe", Kind: "DaemonSet"})
	sick := func() (nodes []string) {
		for _, p := range n.sim.Pods() {
			if strings.HasPrefix(p.Name, "wardroom/") && !p.Ready {
				nodes = append(nodes, p.Node)
			}
		}
		return nodes
	}
	mended := func(name string, want ...string) {
		t.Helper()
		n.until("the probes notice", time.Minute, func() bool { return len(sick()) > 0 })
		if got := sick(); !slices.Equal(got, want) {
			t.Errorf("%q are not Ready", got)
		}
		r, p := n.plan(name, nil)
		if last := p.Steps[len(p.Steps)-1]; last.Name != "probes-ready" {
			t.Errorf("the last step is %s", last.Words)
		}
		if stuck := n.carry(r, p); stuck != "" {
			t.Error(stuck)
		}
		if got := sick(); len(got) > 0 {
			t.Errorf("after %s: %q are not Ready", name, got)
		}
	}
	n.sim.Sever(nodeB, true)
	mended(repair.RestartCalico, nodeB)

	n.sim.Break("kube-system/coredns", "CrashLoopBackOff")
	n.until("DNS is gone", time.Minute, func() bool { return len(sick()) == len(n.sim.Nodes()) })
	n.sim.Break("kube-system/coredns", "")
	n.until("DNS is back", 2*time.Minute, func() bool { return len(sick()) == 0 })

	n.sim.Sever(nodeB, true)
	n.until("the probe notices", time.Minute, func() bool { return len(sick()) > 0 })
	n.sim.Sever(nodeB, false)
	n.until("it is mended by hand", time.Minute, func() bool { return len(sick()) == 0 })
}

// A workload is scaled to 0 and put back by the record of that, though Flux would
// restore it every minute.
func TestScalingHoldsAgainstFlux(t *testing.T) {
	n := newNight(t)
	n.sim.AddWorkload(kubetest.Workload{Name: "default/bot", Flux: "core"})
	r, p := n.plan(repair.WorkloadScale, map[string]string{"workload": "default/bot", "replicas": "0"})
	if stuck := n.carry(r, p); stuck != "" {
		t.Fatal(stuck)
	}
	n.pass(10 * time.Minute)
	if _, now := n.plan(repair.WorkloadScale, map[string]string{"workload": "default/bot", "replicas": "0"}); !slices.ContainsFunc(now.Findings, func(f remediation.Finding) bool { return f.Code == repair.AlreadySo }) {
		t.Errorf("it did not stay at 0: %q", now.Facts)
	}
	n.past = []remediation.Run{{ID: "INC-1/run-1", Status: remediation.Done, Plan: p, Steps: n.steps}}
	r, p = n.plan(repair.WorkloadRestore, map[string]string{"workload": "default/bot"})
	if stuck := n.carry(r, p); stuck != "" {
		t.Fatal(stuck)
	}
	writes := n.sim.Writes()
	if last := writes[len(writes)-1]; !strings.Contains(last.Path, "kustomizations/core") || !strings.Contains(last.Body, `"suspend":false`) {
		t.Errorf("Flux was not resumed: %s %s", last.Path, last.Body)
	}
}

// Making a plan changes nothing, in neither of the two.
func TestPlansOnlyRead(t *testing.T) {
	n := newNight(t)
	n.sim.Hang(nodeA)
	n.until("the node is NotReady", 2*time.Minute, func() bool { return !n.node(nodeA).Ready })
	cluster, cloud := string(n.sim.Dump(true)), string(n.cloud.Dump())
	for name, params := range map[string]map[string]string{
		repair.NodeCordon: {"node": nodeA}, repair.NodeUncordon: {"node": nodeA}, repair.NodeDrain: {"node": nodeA}, repair.NodeReboot: {"node": nodeA}, repair.NodeRebootAll: nil,
		repair.NodeRecycle: {"node": nodeA}, repair.VolumeRemount: {"volume": pvRedis}, repair.WorkloadScale: {"workload": "default/redis", "replicas": "0"},
	} {
		if _, p := n.plan(name, params); len(p.Steps) == 0 && name != repair.NodeUncordon && name != repair.VolumeRemount {
			t.Errorf("%s has no steps", name)
		}
	}
	if string(n.sim.Dump(true)) != cluster || string(n.cloud.Dump()) != cloud {
		t.Error("a plan has changed something")
	}
	if w, c := n.sim.Writes(), n.cloud.Writes(); len(w) != 0 || len(c) != 0 {
		t.Errorf("writes %v %v", w, c)
	}
	if len(n.sim.Requests()) == 0 || len(n.cloud.Requests()) == 0 {
		t.Error("nothing was read: the test proves nothing")
	}
}
