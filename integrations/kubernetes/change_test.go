package kubernetes_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
)

// wrote are the requests since the last Forget that changed something, as
// "patch nodes lke1".
func (r *rig) wrote() (out []string) {
	for _, w := range r.sim.Writes() {
		out = append(out, strings.TrimSpace(w.Verb+" "+w.Resource+" "+w.Object))
	}
	return out
}

func (r *rig) wantWrites(want ...string) {
	r.Helper()
	if got := r.wrote(); !slices.Equal(got, want) {
		r.Errorf("it wrote %q, want %q", got, want)
	}
	r.sim.Forget()
}

func (r *rig) wantCode(err error, code problem.Code) {
	r.Helper()
	if !problem.Is(err, code) {
		r.Errorf("want %s, got %v", code, err)
	}
}

func (r *rig) simNode(name string) kubetest.NodeState {
	for _, n := range r.sim.Nodes() {
		if n.Name == name {
			return n
		}
	}
	return kubetest.NodeState{}
}

func TestCordonIsOneWriteAndRepeatingItNone(t *testing.T) {
	r := newRig(t)
	id := r.node(nodeA).Identity
	r.must(r.cluster.Cordon(r.ctx(), nodeA, id, true))
	r.wantWrites("patch nodes " + nodeA)
	r.must(r.cluster.Cordon(r.ctx(), nodeA, id, true))
	r.wantWrites()
	if !r.node(nodeA).Unschedulable {
		t.Error("the node is not cordoned")
	}
	r.must(r.cluster.Cordon(r.ctx(), nodeA, id, false))
	r.wantWrites("patch nodes " + nodeA)
	if r.node(nodeA).Unschedulable {
		t.Error("the node is still cordoned")
	}
}

func TestTaintKeepsTheOthers(t *testing.T) {
	r := newRig(t)
	r.must(r.sim.Taint(nodeA, "team", "games", "NoSchedule"))
	id := r.node(nodeA).Identity
	for range 2 {
		r.must(r.cluster.Taint(r.ctx(), nodeA, id, fleet.OutOfService, true))
	}
	r.wantWrites("patch nodes " + nodeA)
	if got := r.simNode(nodeA).Taints; !slices.Equal(got, []string{"team:NoSchedule", fleet.OutOfService.Key + ":NoExecute"}) {
		t.Errorf("taints %q", got)
	}
	for range 2 {
		r.must(r.cluster.Taint(r.ctx(), nodeA, id, fleet.OutOfService, false))
	}
	r.wantWrites("patch nodes " + nodeA)
	if got := r.simNode(nodeA).Taints; !slices.Equal(got, []string{"team:NoSchedule"}) {
		t.Errorf("taints %q", got)
	}
}

// A name is no identity: whatever of it has changed, nothing is written.
func TestNodesAreNotTouchedUnderAnotherIdentity(t *testing.T) {
	for what, change := range map[string]func(*fleet.Identity){
		"another machine": func(i *fleet.Identity) { i.ProviderID = "linode://1" },
		"another boot":    func(i *fleet.Identity) { i.BootID = "before" },
		"another system":  func(i *fleet.Identity) { i.MachineID = "before" },
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t)
			id := r.node(nodeA).Identity
			change(&id)
			r.wantCode(r.cluster.Cordon(r.ctx(), nodeA, id, true), problem.Conflict)
			r.wantCode(r.cluster.Taint(r.ctx(), nodeA, id, fleet.OutOfService, true), problem.Conflict)
			r.wantWrites()
		})
	}
	r := newRig(t)
	r.wantCode(r.cluster.Cordon(r.ctx(), "lke1-2-3", fleet.Identity{}, true), problem.NotFound)
}

// A kubelet writes to its Node all the time: a lost race is tried again, a node that
// is replaced in between is left alone.
func TestCordonRacesWithOthers(t *testing.T) {
	r := newRig(t)
	id := r.node(nodeA).Identity
	r.sim.Fault(kubetest.Fault{Verb: "patch", Resource: "nodes", Status: 409, Times: 2})
	r.must(r.cluster.Cordon(r.ctx(), nodeA, id, true))
	if !r.simNode(nodeA).Unschedulable {
		t.Error("the node is not cordoned")
	}
	r.sim.Fault(kubetest.Fault{Verb: "patch", Resource: "nodes", Status: 409})
	r.wantCode(r.cluster.Cordon(r.ctx(), nodeA, id, false), problem.Conflict)
}

func TestEvictionHeedsBudgets(t *testing.T) {
	r := newRig(t)
	sites := r.pods("default/site")
	r.sim.Forget()
	r.must(r.cluster.Evict(r.ctx(), sites[0].Object))
	r.wantWrites("create pods/eviction " + sites[0].String())
	// The first is on its way out: the budget of two out of three is used up.
	err := r.cluster.Evict(r.ctx(), sites[1].Object)
	r.wantCode(err, problem.Conflict)
	if err == nil || !strings.Contains(err.Error(), "disruption budget") {
		t.Errorf("it does not say why: %v", err)
	}
	r.wantWrites("create pods/eviction " + sites[1].String()) // asked once, no waiting loop
	r.must(r.cluster.Evict(r.ctx(), sites[0].Object))
	r.wantWrites() // it goes already
	r.pass(time.Minute)
	r.must(r.cluster.Evict(r.ctx(), sites[1].Object))
	r.pass(time.Minute)
	if w := r.workload("default/site"); w.Ready != 3 {
		t.Errorf("%d of 3 are Ready", w.Ready)
	}
}

// Waiting does not help there: the API server answers 500 until somebody takes one of
// the budgets away, whatever they allow. That is no cluster that does not answer.
func TestEvictionOfAPodUnderTwoBudgetsIsNeverTriedAgain(t *testing.T) {
	r := newRig(t)
	second := `{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"namespace":"default","name":"everything","generation":1},"spec":{"minAvailable":0,"selector":%s}}`
	r.must(r.sim.Apply(fmt.Appendf(nil, second, `{}`)))
	r.must(r.sim.Settle(r.ctx()))
	site := r.pods("default/site")[0]
	for _, c := range []fleet.Cluster{r.cluster, r.cluster.DryRun()} {
		err := c.Evict(r.ctx(), site.Object)
		r.wantCode(err, problem.Unsupported)
		if p, ok := errors.AsType[*problem.Error](err); !ok || p.Hint == "" || p.Message != site.String()+" cannot be evicted while more than one disruption budget covers it: leave one of default/everything, default/site" {
			t.Errorf("%v", err)
		}
	}
	if w := r.cluster.Working(); !w.OK {
		t.Errorf("the cluster answers, and it says %+v", w)
	}
	r.sim.Deny(kubetest.ObserveToken, "list poddisruptionbudgets")
	err := r.cluster.Evict(r.ctx(), site.Object)
	r.wantCode(err, problem.Unsupported)
	if err == nil || !strings.Contains(err.Error(), site.String()+" cannot be evicted: more than one disruption budget covers it: leave one of them") {
		t.Errorf("budgets that may not be read: %v", err)
	}
	if after := r.pods("default/site"); len(after) != 3 {
		t.Errorf("%d pods", len(after))
	}
	r.must(r.sim.Apply(fmt.Appendf(nil, second, `{"matchLabels":{"app":"nothing"}}`)))
	r.must(r.cluster.Evict(r.ctx(), site.Object))
}

// Budgets guard what answers, and what is not Ready only where too little answers.
func TestEvictionOfAPodThatIsNotReady(t *testing.T) {
	r := newRig(t)
	r.sim.Break("default/site", "CrashLoopBackOff")
	r.pass(time.Minute)
	sites := r.pods("default/site")
	if sites[0].Ready {
		t.Fatalf("it is Ready: %+v", sites[0])
	}
	r.wantCode(r.cluster.Evict(r.ctx(), sites[0].Object), problem.Conflict) // none of two that ought to be there
	r.must(r.sim.Apply([]byte(`{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"namespace":"default","name":"site","generation":2},"spec":{"minAvailable":2,"unhealthyPodEvictionPolicy":"AlwaysAllow","selector":{"matchLabels":{"app":"site"}}}}`)))
	r.must(r.cluster.Evict(r.ctx(), sites[0].Object))
}

func TestEvictionMeetsOnlyThePodThatWasMeant(t *testing.T) {
	r := newRig(t)
	r.must(r.sim.Apply([]byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"default","name":"bare"},"spec":{"nodeName":"` + nodeB + `","containers":[{"name":"main","image":"x"}]}}`)))
	r.must(r.sim.Apply([]byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"kube-system","name":"static","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"` + nodeB + `","containers":[{"name":"main","image":"x"}]}}`)))
	r.wantCode(r.cluster.Evict(r.ctx(), fleet.Object{Kind: "Pod", Namespace: "default", Name: "bare", UID: "another"}), problem.Conflict)
	r.wantCode(r.cluster.Evict(r.ctx(), fleet.Object{Kind: "Pod", Namespace: "default", Name: "nobody"}), problem.NotFound)
	r.wantCode(r.cluster.Evict(r.ctx(), fleet.Object{Kind: "Pod", Namespace: "kube-system", Name: "static"}), problem.Unsupported)
	r.wantWrites()
	r.must(r.cluster.Evict(r.ctx(), fleet.Object{Kind: "Pod", Namespace: "default", Name: "bare"}))
	r.wantWrites("create pods/eviction default/bare")
}

func TestDeletePod(t *testing.T) {
	r := newRig(t)
	redis := r.pods("default/redis")[0]
	r.cloud.SetMachine(kubetest.Machine{ID: 28412345, Name: nodeA, Boot: 1}) // off
	r.pass(time.Minute)
	other := redis.Object
	other.UID = "another"
	r.wantCode(r.cluster.DeletePod(r.ctx(), other, true), problem.Conflict)
	r.must(r.cluster.DeletePod(r.ctx(), redis.Object, false))
	r.pass(5 * time.Minute)
	if p := r.pods("default/redis"); !slices.ContainsFunc(p, func(p fleet.Pod) bool { return p.UID == redis.UID && !p.Terminating.IsZero() }) {
		t.Fatalf("nobody runs the pod's node, and it is not stuck: %+v", p)
	}
	r.must(r.cluster.DeletePod(r.ctx(), redis.Object, true))
	r.pass(time.Second)
	if p := r.pods("default/redis"); len(p) != 1 || p[0].UID == redis.UID {
		t.Errorf("pods %v", p)
	}
	r.wantCode(r.cluster.DeletePod(r.ctx(), redis.Object, true), problem.NotFound)
}

func TestScaleIsSeenAndMeetsOnlyTheWorkloadThatWasMeant(t *testing.T) {
	r := newRig(t)
	w := r.workload("default/redis")
	r.sim.Forget()
	for range 2 {
		r.must(r.cluster.Scale(r.ctx(), w.Object, 0))
	}
	r.wantWrites("patch deployments/scale default/redis", "patch deployments/scale default/redis")
	r.pass(time.Minute)
	if now := r.workload("default/redis"); now.Replicas != 0 || now.Ready != 0 || now.Observed != now.Generation || now.Generation == w.Generation {
		t.Errorf("redis %+v", now)
	}
	if s := r.snapshot(); len(s.Attachments) != 0 {
		t.Errorf("attachments %+v", s.Attachments)
	}
	other := w.Object
	other.UID = "another"
	r.wantCode(r.cluster.Scale(r.ctx(), other, 1), problem.Conflict)
	r.wantCode(r.cluster.Scale(r.ctx(), w.Object, -1), problem.Invalid)
	r.wantCode(r.cluster.Scale(r.ctx(), fleet.Object{Kind: "DaemonSet", Namespace: "default", Name: "x"}, 1), problem.Unsupported)
	r.wantCode(r.cluster.Scale(r.ctx(), fleet.Object{Kind: "StatefulSet", Namespace: "default", Name: "x"}, 1), problem.NotFound)
	r.must(r.cluster.Scale(r.ctx(), w.Object, 1))
	r.pass(time.Minute)
	if now := r.workload("default/redis"); now.Ready != 1 {
		t.Errorf("redis %+v", now)
	}
}

func TestRestartBeginsOneRollout(t *testing.T) {
	r := newRig(t)
	before := r.pods("default/bot")[0]
	at := r.clock.Now()
	for range 2 {
		r.must(r.cluster.Restart(r.ctx(), r.workload("default/bot").Object, at))
	}
	r.pass(time.Minute)
	after := r.pods("default/bot")
	if w := r.workload("default/bot"); len(after) != 1 || after[0].UID == before.UID || w.Generation != 2 || w.Updated != 1 || w.Ready != 1 {
		t.Errorf("bot %+v, pods %v", w, after)
	}
}

func TestPauseAndResumeWhatWouldUndo(t *testing.T) {
	for _, c := range []struct {
		name  string
		with  kubetest.Workload
		write string // each way; "": none is needed
	}{
		{"Argo CD", kubetest.Workload{Argo: "core"}, "patch applications.argoproj.io argocd/core"},
		{"Flux", kubetest.Workload{Flux: "core"}, "patch kustomizations.kustomize.toolkit.fluxcd.io flux-system/core"},
		{"HorizontalPodAutoscaler", kubetest.Workload{Autoscaled: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			c.with.Name = "default/kept"
			r.sim.AddWorkload(c.with)
			w := r.workload("default/kept")
			if len(w.Keepers) != 1 || w.Keepers[0].How != c.name || !w.Keepers[0].Pause {
				t.Fatalf("keepers %+v", w.Keepers)
			}
			if c.write == "" {
				_, err := r.cluster.Pause(r.ctx(), w.Keepers[0], true, "")
				r.must(err)
				r.wantWrites()
				return
			}
			r.must(r.cluster.Scale(r.ctx(), w.Object, 0))
			r.pass(2 * time.Minute)
			if now := r.workload("default/kept"); now.Replicas != 1 {
				t.Fatalf("%s did not undo the scaling: %+v", c.name, now)
			}
			r.sim.Forget()
			was, err := r.cluster.Pause(r.ctx(), w.Keepers[0], true, "")
			r.must(err)
			again, err := r.cluster.Pause(r.ctx(), w.Keepers[0], true, "") // its answer was lost
			r.must(err)
			if again != was {
				t.Errorf("asked again it learned %q, at first %q", again, was)
			}
			r.wantWrites(c.write)
			r.must(r.cluster.Scale(r.ctx(), w.Object, 0))
			r.pass(5 * time.Minute)
			if now := r.workload("default/kept"); now.Replicas != 0 {
				t.Errorf("%s is not paused: %+v", c.name, now)
			}
			r.sim.Forget()
			_, err = r.cluster.Pause(r.ctx(), w.Keepers[0], false, was)
			r.must(err)
			r.wantWrites(c.write)
			r.pass(2 * time.Minute)
			if now := r.workload("default/kept"); now.Replicas != 1 {
				t.Errorf("%s is still paused: %+v", c.name, now)
			}
		})
	}
}

func TestOperatorsAreNotPaused(t *testing.T) {
	r := newRig(t)
	r.sim.AddWorkload(kubetest.Workload{Name: "default/db", Kind: "StatefulSet", OwnerKind: "acid.zalan.do/v1 postgresql", OwnerName: "db"})
	w := r.workload("default/db")
	if len(w.Keepers) != 1 || w.Keepers[0].How != "operator" {
		t.Fatalf("keepers %+v", w.Keepers)
	}
	_, err := r.cluster.Pause(r.ctx(), w.Keepers[0], true, "")
	r.wantCode(err, problem.Unsupported)
	r.wantWrites()
}

func TestEventsAreTheNewestFirst(t *testing.T) {
	r := newRig(t)
	pod := r.pods("default/redis")[0]
	r.must(r.sim.Emit("pods", pod.String(), "Warning", "FailedMount", "first"))
	r.pass(time.Minute)
	r.must(r.sim.Emit("pods", pod.String(), "Warning", "FailedMount", strings.Repeat("long ", 1000)))
	r.pass(time.Minute)
	r.must(r.sim.Emit("pods", pod.String(), "Warning", "FailedMount", "first")) // counted up
	got, err := r.cluster.Events(r.ctx(), pod.Object, 2)
	r.must(err)
	if len(got) != 2 || got[0].Message != "first" || got[0].Count != 2 || !got[0].At.Equal(start.Add(2*time.Minute)) || got[0].About.Name != pod.Name {
		t.Fatalf("events %+v", got)
	}
	if len(got[1].Message) > 1100 {
		t.Errorf("a message of %d bytes was kept", len(got[1].Message))
	}
	node, err := r.cluster.Events(r.ctx(), fleet.Object{Kind: "Node", Name: nodeA, UID: "as the cluster has it"}, 10)
	r.must(err)
	if len(node) != 1 || node[0].Reason != "RegisteredNode" {
		t.Errorf("events of the node %+v", node)
	}
}

func TestBackupsHaveTheirAge(t *testing.T) {
	r := newRig(t)
	last := start.Add(-26 * time.Hour)
	r.sim.AddBackup(kubetest.Backup{Name: "default/postgres-backup", LastSuccess: last})
	r.sim.AddBackup(kubetest.Backup{Name: "default/dumps"}) // neither named nor marked as one
	got := r.snapshot().Backups
	if len(got) != 1 || got[0].Name != "postgres-backup" || !got[0].LastSuccess.Equal(last) {
		t.Errorf("backups %+v", got)
	}
}

// every change that the port has, made once.
func every(r *rig, c fleet.Cluster) {
	r.Helper()
	id := r.node(nodeA).Identity
	redis, kept := r.workload("default/redis"), r.workload("default/kept")
	pod := r.pods("default/site")[0].Object
	_, err := c.Pause(r.ctx(), kept.Keepers[0], true, "")
	for what, err := range map[string]error{
		"cordon": c.Cordon(r.ctx(), nodeA, id, true), "taint": c.Taint(r.ctx(), nodeA, id, fleet.OutOfService, true),
		"evict": c.Evict(r.ctx(), pod), "delete": c.DeletePod(r.ctx(), r.pods("default/bot")[0].Object, true),
		"scale": c.Scale(r.ctx(), redis.Object, 0), "pause": err, "restart": c.Restart(r.ctx(), redis.Object, start),
	} {
		if err != nil {
			r.Errorf("%s: %v", what, err)
		}
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	r := newRig(t)
	r.sim.AddWorkload(kubetest.Workload{Name: "default/kept", Flux: "core"})
	before := string(r.sim.Dump(true))
	r.sim.Forget()
	every(r, r.cluster.DryRun())
	if after := string(r.sim.Dump(true)); after != before {
		t.Error("the cluster is not what it was")
	}
	r.wantWrites()
	every(r, r.cluster) // the same, for real: the test can fail
	if after := string(r.sim.Dump(true)); after == before || len(r.wrote()) != 7 {
		t.Errorf("for real it wrote only %q", r.wrote())
	}
}

func TestWithoutACredentialForChangesNothingIsAsked(t *testing.T) {
	r := newRig(t, func(_ *kubetest.Options, o *kubernetes.Options) { o.Act = kubernetes.Credential{} })
	err := r.cluster.Scale(r.ctx(), r.workload("default/redis").Object, 0)
	r.wantCode(err, problem.Forbidden)
	r.wantWrites()
	if r.cluster.CanChange() || r.cluster.Working().Means == "" {
		t.Error("it does not say that it can only look")
	}
}
