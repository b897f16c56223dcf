package repair_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// pin adds a DaemonSet that is meant for one node alone, as an ingress controller by its
// nodeSelector.
func (w *world) pin(name, node string) {
	o := object("DaemonSet", name)
	w.pinned = map[string]string{name: node}
	w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: o, Replicas: 1, Ready: 1, Updated: 1, Current: 1})
	w.s.Pods = append(w.s.Pods, fleet.Pod{Object: object("Pod", name+"-"+node), Node: node, Owner: o, Phase: "Running", Ready: true, Daemon: true})
}

// A DaemonSet that is meant for the other node of two never comes to this one: no repair
// waits for that, and what it had taken down is up again.
func TestADaemonSetOfOtherNodesIsNotWaitedFor(t *testing.T) {
	for _, name := range []string{repair.NodeReboot, repair.NodeRecycle} {
		for _, hung := range []bool{false, true} {
			w := newWorld()
			w.pin("ingress-nginx", well)
			if hung {
				w.hang()
			}
			p := w.plan(t, name, "node", sick)
			if _, why := w.carry(t, p); why != "" {
				t.Errorf("%s, hung %t: %s", name, hung, why)
			}
			w.pass(time.Minute)
			for _, wl := range w.s.Workloads {
				if wl.Replicas == 0 {
					t.Errorf("%s, hung %t: %s is at 0", name, hung, wl.Name)
				}
			}
			if w.nodeOf(sick).Unschedulable {
				t.Errorf("%s, hung %t: the node is cordoned", name, hung)
			}
		}
	}
}

// What does belong on the node is waited for, also on a machine that has just joined
// under a new name and has no pod of it yet.
func TestADaemonSetOfTheNodeIsWaitedFor(t *testing.T) {
	const renewed = "lke13311-16405-0a1b2c3d4e5f"
	calico := object("DaemonSet", "calico-node")
	pod := func(node string, change func(*fleet.Pod)) fleet.Pod {
		p := fleet.Pod{Object: object("Pod", "calico-node-"+node), Node: node, Owner: calico, Phase: "Running", Ready: true, Daemon: true}
		if change != nil {
			change(&p)
		}
		return p
	}
	told := func(meant, placed int) []fleet.Workload {
		return []fleet.Workload{{Object: calico, Replicas: meant, Current: placed, Ready: placed, Generation: 1, Observed: 1}}
	}
	tests := map[string]struct {
		says    []fleet.Workload
		here    []fleet.Pod
		joined  time.Duration // how long ago
		learned map[string]string
		so      bool
	}{
		"it is Ready there":                               {told(2, 2), []fleet.Pod{pod(renewed, nil)}, time.Hour, nil, true},
		"it is meant for the other one alone":             {told(1, 1), nil, time.Hour, nil, true},
		"it is meant for this one, too":                   {told(2, 1), nil, time.Hour, nil, false},
		"this one has just joined and is not counted":     {told(1, 1), nil, 59 * time.Second, nil, false},
		"this one would be counted by now":                {told(1, 1), nil, time.Minute, nil, true},
		"its pod has no node yet":                         {told(2, 2), []fleet.Pod{pod("", nil)}, time.Hour, nil, false},
		"its pod is there and not Ready":                  {told(2, 2), []fleet.Pod{pod(renewed, func(p *fleet.Pod) { p.Ready = false })}, time.Hour, nil, false},
		"its pod goes, and another one will come":         {told(2, 2), []fleet.Pod{pod(renewed, func(p *fleet.Pod) { p.Terminating = night })}, time.Hour, nil, false},
		"it does not tell for how many nodes it is":       {nil, nil, time.Hour, nil, false},
		"it has not taken in what was changed of it":      {[]fleet.Workload{{Object: calico, Replicas: 1, Current: 1, Generation: 2, Observed: 1}}, nil, time.Hour, nil, false},
		"it lacked pods before the run, as the run noted": {told(2, 1), nil, time.Hour, map[string]string{"lacked DaemonSet/default/calico-node": "1"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			p := w.plan(t, repair.NodeRecycle, "node", sick)
			w.s.Pods = append(tt.here, pod(well, nil))
			w.s.Workloads = tt.says
			n := w.nodeOf(sick)
			n.Name, n.Created = renewed, w.clock.Now().Add(-tt.joined)
			learned := map[string]string{"node": renewed, "provider_id": n.Identity.ProviderID}
			for k, v := range tt.learned {
				learned[k] = v
			}
			i := slices.IndexFunc(p.Steps, func(s remediation.PlannedStep) bool { return s.Name == "daemonsets-ready" })
			step, _ := w.remediation(t, p.Remediation).Step("daemonsets-ready")
			seen, err := step.Observe(t.Context(), remediation.State{Plan: p, Args: p.Steps[i].Args, Learned: learned, Now: w.clock.Now()})
			if err != nil || seen.So != tt.so || !tt.so && !strings.Contains(seen.Progress, "calico-node") {
				t.Errorf("%+v, %v", seen, err)
			}
		})
	}
}
