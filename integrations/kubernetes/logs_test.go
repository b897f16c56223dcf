package kubernetes_test

import (
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/integrations/kubernetes/kubetest"
)

func TestLogs(t *testing.T) {
	r := newRig(t)
	pod := func(owner string) fleet.Pod {
		for _, p := range r.snapshot().Pods {
			if p.Owner.String() == owner {
				return p
			}
		}
		t.Fatalf("no pod of %s", owner)
		return fleet.Pod{}
	}
	redis := pod("default/redis")
	r.sim.WriteLog(redis.String(), "one\ntwo\nthree\n")
	for name, tt := range map[string]struct {
		o    fleet.LogOptions
		want string
		code problem.Code
	}{
		"all":                 {fleet.LogOptions{}, "one\ntwo\nthree\n", ""},
		"the last two":        {fleet.LogOptions{Lines: 2}, "two\nthree\n", ""},
		"so many bytes":       {fleet.LogOptions{Bytes: 5}, "one\nt", ""},
		"of one container":    {fleet.LogOptions{Container: redis.Containers[0]}, "one\ntwo\nthree\n", ""},
		"of none that it has": {fleet.LogOptions{Container: "nosuch"}, "", problem.Conflict},
		"of no restart":       {fleet.LogOptions{Previous: true}, "", problem.Conflict},
	} {
		got, err := r.cluster.Logs(r.ctx(), redis.Object, tt.o)
		if string(got) != tt.want || tt.code == "" && err != nil || tt.code != "" && !problem.Is(err, tt.code) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if _, err := r.cluster.Logs(r.ctx(), fleet.Object{Namespace: "default", Name: "nosuch"}, fleet.LogOptions{}); !problem.Is(err, problem.NotFound) {
		t.Errorf("no such pod: %v", err)
	}
	// A kubelet that does not answer says nothing of the cluster.
	r.sim.Hang(redis.Node)
	r.pass(time.Minute)
	if _, err := r.cluster.Logs(r.ctx(), redis.Object, fleet.LogOptions{}); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "does not hand out its logs") {
		t.Errorf("hung node: %v", err)
	}
	if w := r.cluster.Working(); !w.OK {
		t.Errorf("the cluster counts as down: %+v", w)
	}
	r.sim.Fault(kubetest.Fault{Resource: "pods/log", Status: 503})
	if _, err := r.cluster.Logs(r.ctx(), redis.Object, fleet.LogOptions{}); !problem.Is(err, problem.Unavailable) {
		t.Errorf("503: %v", err)
	}
}
