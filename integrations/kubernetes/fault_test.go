package kubernetes_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
)

// What goes wrong with a change is told for what it is, and the change is asked for
// exactly once: the engine decides about repeating.
func TestAChangeIsAskedForOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault kubetest.Fault
		want  problem.Code
		done  bool // although it failed
	}{
		{"503: unavailable", kubetest.Fault{Status: 503, RetryAfter: "1"}, problem.Unavailable, false},
		{"500: unavailable", kubetest.Fault{Status: 500}, problem.Unavailable, false},
		{"429 without a budget: unavailable", kubetest.Fault{Status: 429, RetryAfter: "1"}, problem.Unavailable, false},
		{"401: unavailable, a new kubeconfig heals it", kubetest.Fault{Status: 401}, problem.Unavailable, false},
		{"403: forbidden", kubetest.Fault{Status: 403}, problem.Forbidden, false},
		{"409: conflict", kubetest.Fault{Status: 409}, problem.Conflict, false},
		{"cut before: unavailable", kubetest.Fault{Refused: true}, problem.Unavailable, false},
		{"answer lost: unavailable, and it is done", kubetest.Fault{Lost: true}, problem.Unavailable, true},
		{"garbage: unavailable", kubetest.Fault{Garbage: true}, problem.Unavailable, false},
		{"too slow: unavailable", kubetest.Fault{Slow: 10 * time.Second}, problem.Unavailable, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(_ *kubetest.Options, o *kubernetes.Options) {
				if c.fault.Slow > 0 {
					o.Timeout = 200 * time.Millisecond
				}
			})
			redis := r.workload("default/redis")
			c.fault.Resource = "deployments/scale"
			r.sim.Fault(c.fault)
			r.sim.Forget()
			err := r.cluster.Scale(r.ctx(), redis.Object, 0)
			r.wantCode(err, c.want)
			r.wantWrites("patch deployments/scale default/redis")
			r.sim.Clear()
			if now := r.workload("default/redis"); (now.Replicas == 0) != c.done {
				t.Errorf("replicas are %d", now.Replicas)
			}
		})
	}
}

// What stands in the cluster's place and answers is told from a cluster that is silent,
// and the library's own words about it are for nobody who did not ask for them.
func TestAnAnswerOfSomethingElseIsSaidToBeThat(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, func(_ *kubetest.Options, o *kubernetes.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	r.sim.Fault(kubetest.Fault{Garbage: true})
	_, err := r.cluster.Snapshot(r.ctx(), 0)
	r.wantCode(err, problem.Unavailable)
	if err == nil || !strings.Contains(err.Error(), "gives an answer that cannot be read") {
		t.Errorf("%v", err)
	}
	if strings.Contains(log.String(), "DEBUG") {
		t.Errorf("the log has\n%s", &log)
	}
}

func TestSnapshotSaysWhatItLacks(t *testing.T) {
	r := newRig(t)
	r.sim.Deny(kubetest.ObserveToken, "list poddisruptionbudgets")
	r.sim.Deny(kubetest.ObserveToken, "list cronjobs")
	s := r.snapshot()
	if got := strings.Join(s.Missing, " "); got != "cronjobs poddisruptionbudgets" {
		t.Errorf("missing %q", got)
	}
	if len(s.Nodes) != 3 || !r.cluster.Working().OK {
		t.Errorf("%d nodes, %+v", len(s.Nodes), r.cluster.Working())
	}
}

// A snapshot is never older than asked for; the last one is there for who takes it.
func TestSnapshotsHaveAnAge(t *testing.T) {
	r := newRig(t)
	r.snapshot()
	r.sim.Down(true)
	r.clock.MoveTo(start.Add(5 * time.Minute))
	_, err := r.cluster.Snapshot(r.ctx(), 0)
	r.wantCode(err, problem.Unavailable)
	_, err = r.cluster.Snapshot(r.ctx(), 4*time.Minute)
	r.wantCode(err, problem.Unavailable)
	s, err := r.cluster.Snapshot(r.ctx(), 10*time.Minute)
	r.must(err)
	if !s.At.Equal(start) || len(s.Nodes) != 3 {
		t.Errorf("a snapshot of %s with %d nodes", s.At, len(s.Nodes))
	}
	if w := r.cluster.Working(); w.OK || !w.Since.Equal(start.Add(5*time.Minute)) || w.Why == "" || w.Means == "" {
		t.Errorf("working %+v", w)
	}
	r.sim.Down(false)
	if s := r.snapshot(); !s.At.Equal(start.Add(5 * time.Minute)) {
		t.Errorf("a snapshot of %s", s.At)
	}
	if w := r.cluster.Working(); !w.OK {
		t.Errorf("working %+v", w)
	}
}

// Without a kubeconfig, or with a bad one, it says so, and heals when a good one is
// put in its place.
func TestStartsWithoutAKubeconfig(t *testing.T) {
	for name, content := range map[string]string{"none": "", "no YAML": "\t{", "no context": "apiVersion: v1\nkind: Config\n",
		"too large": strings.Repeat("#", 1<<20+1)} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			path := filepath.Join(t.TempDir(), "kubeconfig")
			if content != "" {
				r.must(os.WriteFile(path, []byte(content), 0o600))
			}
			c := kubernetes.New(kubernetes.Options{Clock: r.clock, Settings: kubernetes.Settings{Observe: kubernetes.Credential{Kubeconfig: path}}})
			_, err := c.Snapshot(r.ctx(), time.Hour)
			r.wantCode(err, problem.Unavailable)
			if w := c.Working(); w.OK || !strings.Contains(w.Why, "kubeconfig") {
				t.Errorf("working %+v", w)
			}
			r.must(r.sim.WriteKubeconfig(path, kubetest.ObserveToken))
			if _, err := c.Snapshot(r.ctx(), time.Hour); err != nil {
				t.Errorf("with a good one: %v", err)
			}
		})
	}
}

func TestHealsWhenAnExpiredTokenIsReplaced(t *testing.T) {
	r := newRig(t)
	r.snapshot()
	r.sim.Expire(kubetest.ObserveToken, true)
	_, err := r.cluster.Snapshot(r.ctx(), 0)
	r.wantCode(err, problem.Unavailable)
	if w := r.cluster.Working(); w.OK || !strings.Contains(w.Why, "credential") {
		t.Errorf("working %+v", w)
	}
	r.must(r.sim.WriteKubeconfig(r.observe, kubetest.AdminToken))
	r.snapshot()
}

// A list that is cut in two by a compaction is an error, not half a cluster.
func TestAListIsNeverHalf(t *testing.T) {
	r := newRig(t)
	r.sim.Fault(kubetest.Fault{Verb: "list", Resource: "pods", Status: 410})
	_, err := r.cluster.Snapshot(r.ctx(), 0)
	r.wantCode(err, problem.Unavailable)
}

func TestEventsOfAClusterThatIsAway(t *testing.T) {
	r := newRig(t)
	r.sim.Down(true)
	_, err := r.cluster.Events(r.ctx(), fleet.Object{Kind: "Pod", Namespace: "default", Name: "redis"}, 5)
	r.wantCode(err, problem.Unavailable)
}
