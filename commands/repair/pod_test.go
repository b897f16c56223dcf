package repair_test

import (
	"slices"
	"testing"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// What may still run is the worse the more it may write to; a pod whose node answers
// needs no force.
func TestForceDeleteSaysWhatMayStillRun(t *testing.T) {
	tests := map[string]struct {
		pod      string
		before   func(*world)
		code     string
		strength remediation.Strength // "": it is not found
	}{
		"its machine is off":                    {"redis-0", func(w *world) { w.hang(); w.inst[28312345].Status = "offline" }, repair.HolderMayWrite, ""},
		"its machine is deleted":                {"redis-0", func(w *world) { w.hang(); delete(w.inst, 28312345) }, repair.HolderMayWrite, ""},
		"its machine runs, it has a volume":     {"redis-0", (*world).hang, repair.HolderMayWrite, remediation.Soft},
		"its machine runs, it has none":         {"site-0", (*world).hang, repair.HolderMayWrite, remediation.Warning},
		"the cloud does not answer":             {"redis-0", func(w *world) { w.hang(); w.fail["instance"] = problem.New(problem.Unavailable, "503") }, repair.HolderMayWrite, remediation.Soft},
		"its node is gone":                      {"redis-0", func(w *world) { w.s.Nodes = w.s.Nodes[1:] }, repair.HolderMayWrite, remediation.Soft},
		"nodes cannot be read":                  {"redis-0", func(w *world) { w.s.Nodes, w.s.Missing = nil, []string{"nodes"} }, repair.HolderMayWrite, remediation.Soft},
		"its node answers":                      {"redis-0", func(*world) {}, repair.PodNodeAnswers, remediation.Soft},
		"it never had a node":                   {"site-0", func(w *world) { w.move("site-0", "") }, repair.PodNodeAnswers, ""},
		"nobody makes it again":                 {"redis-0", func(w *world) { w.s.Pods[1].Owner = fleet.Object{} }, repair.BarePodsLost, remediation.Warning},
		"what it wrote outside volumes is lost": {"redis-0", func(w *world) { w.s.Pods[1].LocalData = true }, repair.LocalDataLost, remediation.Warning},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			tt.before(w)
			p := w.plan(t, repair.PodForceDelete, "pod", "default/"+tt.pod)
			i := slices.IndexFunc(p.Findings, func(f remediation.Finding) bool { return f.Code == tt.code })
			if i < 0 && tt.strength != "" || i >= 0 && p.Findings[i].Strength != tt.strength {
				t.Errorf("%s is to be %q: %+v", tt.code, tt.strength, p.Findings)
			}
			if p.Tier != remediation.Destructive {
				t.Errorf("%s", p.Tier)
			}
		})
	}
}

func TestForceDeleteIsRefused(t *testing.T) {
	w := newWorld()
	w.s.Pods[0].Mirror = true
	other := w.s.Pods[1]
	other.Namespace = "other"
	w.s.Pods = append(w.s.Pods, other)
	r := w.remediation(t, repair.PodForceDelete)
	for pod, code := range map[string]problem.Code{"": problem.Invalid, "nosuch": problem.NotFound, "redis-0": problem.Invalid, "default/postgres-0": problem.Unsupported} {
		if _, err := r.Plan(t.Context(), map[string]string{"pod": pod}); !problem.Is(err, code) {
			t.Errorf("%q: %v", pod, err)
		}
	}
	w.s.Missing = []string{"pods"}
	if _, err := r.Plan(t.Context(), map[string]string{"pod": "nosuch"}); !problem.Is(err, problem.Unavailable) {
		t.Errorf("what cannot be read is absent: %v", err)
	}
}

// A pod that was made again under the name is another one: it is not hit.
func TestForceDeleteMeetsOnePodAlone(t *testing.T) {
	w := newWorld()
	w.s.Pods[1].UID = "first"
	p := w.plan(t, repair.PodForceDelete, "pod", "default/redis-0")
	w.s.Pods[1].UID = "second"
	step, _ := w.remediation(t, p.Remediation).Step("force-delete-pod")
	if seen, err := step.Observe(t.Context(), remediation.State{Plan: p, Args: p.Steps[0].Args}); err != nil || !seen.So {
		t.Errorf("%+v %v", seen, err)
	}
}
