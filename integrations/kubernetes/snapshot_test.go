package kubernetes_test

import (
	"testing"
	"time"

	"wardroom/bot/fleet"
)

func TestSnapshotIsWhatPlansNeed(t *testing.T) {
	r := newRig(t)
	s := r.snapshot()
	if len(s.Missing) != 0 || !s.At.Equal(start) || len(s.Nodes) != 3 {
		t.Fatalf("missing %v, at %v, %d nodes", s.Missing, s.At, len(s.Nodes))
	}
	n := r.node(nodeA)
	if n.Ready != fleet.True || !n.Identity.Proven() || n.Identity.Instance != 28412345 || len(n.Drivers) != 1 {
		t.Errorf("node %+v", n)
	}
	redis := r.workload("default/redis")
	if redis.Replicas != 1 || redis.Ready != 1 || !redis.Scalable || len(redis.UsedBy) != 1 || redis.UsedBy[0] != "default/bot" {
		t.Errorf("redis %+v", redis)
	}
	pods := r.pods("default/redis")
	if len(pods) != 1 || pods[0].Node != nodeA || !pods[0].Ready || len(pods[0].Claims) != 1 {
		t.Errorf("pods of redis %+v", pods)
	}
	if len(s.Volumes) != 1 || s.Volumes[0].CloudID != 55501 || !s.Volumes[0].Exclusive() {
		t.Errorf("volumes %+v", s.Volumes)
	}
	if len(s.Attachments) != 1 || s.Attachments[0].Node != nodeA || !s.Attachments[0].Attached {
		t.Errorf("attachments %+v", s.Attachments)
	}
	if len(s.Budgets) != 1 || s.Budgets[0].Allowed != 1 || len(s.Budgets[0].Covers) != 3 {
		t.Errorf("budgets %+v", s.Budgets)
	}
}

// A snapshot that is young enough is not enough after a change of our own; it is
// better than none while the cluster is down.
func TestSnapshotShowsOurOwnChanges(t *testing.T) {
	r := newRig(t)
	scaled := func() bool {
		t.Helper()
		s, err := r.cluster.Snapshot(r.ctx(), time.Hour)
		r.must(err)
		for _, w := range s.Workloads {
			if w.String() == "default/redis" {
				return w.Replicas == 0
			}
		}
		t.Fatal("no redis")
		return false
	}
	redis := r.workload("default/redis").Object
	r.must(r.cluster.DryRun().Scale(r.ctx(), redis, 0))
	r.sim.Forget()
	if scaled() || len(r.sim.Requests()) != 0 {
		t.Errorf("after a dry run it is scaled, or %d requests were sent", len(r.sim.Requests()))
	}
	r.must(r.cluster.Scale(r.ctx(), redis, 0))
	if !scaled() {
		t.Error("it does not show that it was scaled")
	}
	r.must(r.cluster.Scale(r.ctx(), redis, 1))
	r.sim.Down(true)
	if !scaled() {
		t.Error("it shows what it cannot know")
	}
	r.sim.Down(false)
	if scaled() {
		t.Error("it does not show that it was scaled back")
	}
}

// A ReplicaSet that no Deployment owns stays a workload while it has no pods: a repair
// that has scaled it to 0 scales it back.
func TestAReplicaSetOfItsOwnIsScaledToNoneAndBack(t *testing.T) {
	r := newRig(t)
	r.must(r.sim.Apply([]byte(`{"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "default", "name": "alone"}, "spec": {"replicas": 1,
		"selector": {"matchLabels": {"app": "alone"}}, "template": {"metadata": {"labels": {"app": "alone"}}, "spec": {"containers": [{"name": "main", "image": "example.org/alone:1"}]}}}}`)))
	r.pass(time.Minute)
	for _, want := range []int{0, 1} {
		r.must(r.cluster.Scale(r.ctx(), r.workload("default/alone").Object, want))
		r.pass(time.Minute)
		if w, pods := r.workload("default/alone"), r.pods("default/alone"); w.Kind != "ReplicaSet" || w.Replicas != want || w.Ready != want || len(pods) != want {
			t.Errorf("%d are wanted of %+v, its pods are %+v", want, w, pods)
		}
	}
}

// A pod may come to a cordoned node when it tolerates the taint that a cordon stands
// for, in whichever way that is written.
func TestWhichPodsBearACordon(t *testing.T) {
	r := newRig(t)
	tests := map[string]struct {
		toleration string
		bears      bool
	}{
		"every":      {`{"operator": "Exists"}`, true},
		"noschedule": {`{"operator": "Exists", "effect": "NoSchedule"}`, true},
		"by-key":     {`{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}`, true},
		"by-value":   {`{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}`, true},
		"equal":      {`{"key": "node.kubernetes.io/unschedulable", "operator": "Equal", "value": ""}`, true},
		"noexecute":  {`{"operator": "Exists", "effect": "NoExecute"}`, false},
		"another":    {`{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}`, false},
		"a-value":    {`{"key": "node.kubernetes.io/unschedulable", "value": "yes"}`, false},
		"no-key":     {`{"effect": "NoSchedule"}`, false},
		"compared":   {`{"key": "node.kubernetes.io/unschedulable", "operator": "Gt", "value": "0"}`, false},
	}
	for name, tt := range tests {
		r.must(r.sim.Apply([]byte(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "default", "name": "` + name + `"},
			"spec": {"nodeName": "` + nodeA + `", "containers": [{"name": "main"}], "tolerations": [` + tt.toleration + `]}}`)))
	}
	found := 0
	for _, p := range r.snapshot().Pods {
		tt, is := tests[p.Name]
		if !is {
			continue
		}
		if found++; p.BearsCordon != tt.bears || !p.Created.Equal(start) {
			t.Errorf("%s: bears it %t, made at %v", tt.toleration, p.BearsCordon, p.Created)
		}
	}
	if found != len(tests) {
		t.Errorf("%d of %d pods", found, len(tests))
	}
}
