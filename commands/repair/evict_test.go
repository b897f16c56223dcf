package repair_test

import (
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// Whoever opens a node again that is being emptied ends the run: pods would come there
// for ever, and a repair does not act against a person.
func TestUncordonedMeanwhile(t *testing.T) {
	for _, name := range []string{repair.NodeDrain, repair.NodeReboot, repair.NodeRecycle} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			p := w.plan(t, name, "node", sick)
			c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
			for i, s := range p.Steps {
				if s.Name == "evict-pods" {
					w.nodeOf(sick).Unschedulable = false
					if why := c.one(i); why != "failed: somebody has uncordoned "+sick+" meanwhile: pods come there again" {
						t.Errorf("%q", why)
					}
					if n := w.accepted["evict"]; n != 0 {
						t.Errorf("%d pods were evicted", n)
					}
					return
				}
				if why := c.one(i); why != "" {
					t.Fatal(why)
				}
			}
			t.Fatal("it evicts nothing")
		})
	}
}

// typha adds what tolerates every taint, as calico-typha does: its pod comes to the
// sick node again however often it is evicted.
func (w *world) typha() {
	w.workload("calico-typha", 1, sick, "", 0)
	w.s.Pods[len(w.s.Pods)-1].BearsCordon = true
	w.tolerant = map[string]string{"calico-typha": sick}
}

// A pod that comes to a cordoned node again is evicted once and holds nothing up, as
// kubectl drain waits for none but those that it evicted.
func TestAPodThatBearsTheCordonHoldsNothingUp(t *testing.T) {
	for _, name := range []string{repair.NodeDrain, repair.NodeReboot, repair.NodeRecycle, repair.NodeRebootAll} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.typha()
			p := w.plan(t, name, "node", sick)
			if _, why := w.carry(t, p); why != "" {
				t.Error(why)
			}
			if n := count(w.calls, "evict default/calico-typha"); n != 1 {
				t.Errorf("it was evicted %d times: %q", n, w.calls)
			}
			w.restored(t, "at the end", name)
		})
	}
}

// evicting is the step on a node of its own pods, begun a minute ago and asked for.
func evicting(t *testing.T, pods ...fleet.Pod) (*world, remediation.Step, remediation.State) {
	t.Helper()
	w := newWorld()
	p := w.plan(t, repair.NodeDrain, "node", sick)
	w.s.Pods = pods
	w.nodeOf(sick).Unschedulable = true
	step, known := w.remediation(t, repair.NodeDrain).Step("evict-pods")
	if !known {
		t.Fatal("there is no such step")
	}
	return w, step, remediation.State{Plan: p, Args: map[string]string{"node": sick}, Started: night.Add(time.Second / 2), Now: night.Add(time.Minute)}
}

func TestWhoHoldsUpAnEviction(t *testing.T) {
	pod := func(change func(*fleet.Pod)) fleet.Pod {
		p := fleet.Pod{Object: object("Pod", "it"), Node: sick, Owner: object("Deployment", "it"), Phase: "Running", Ready: true, Created: night.Add(-time.Hour)}
		change(&p)
		return p
	}
	other := pod(func(p *fleet.Pod) { p.Name = "other"; p.Terminating = night })
	fresh, volume := night.Add(30*time.Second), []string{"it-data"}
	tests := map[string]struct {
		pods  []fleet.Pod
		want  string // "so", "waits", "again", "asks"
		evict bool   // it is asked for
	}{
		"it goes":                                                    {[]fleet.Pod{pod(func(p *fleet.Pod) { p.Terminating = night })}, "waits", false},
		"it was not seen before":                                     {[]fleet.Pod{pod(func(*fleet.Pod) {})}, "again", true},
		"it is new and was let in":                                   {[]fleet.Pod{pod(func(p *fleet.Pod) { p.Created = fresh })}, "again", true},
		"it is new, with a volume":                                   {[]fleet.Pod{pod(func(p *fleet.Pod) { p.Created, p.Claims = fresh, volume })}, "again", true},
		"it bears it and was there":                                  {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon = true })}, "again", true},
		"it bears it and came again":                                 {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon, p.Created = true, fresh })}, "so", false},
		"it bears it and came again at once":                         {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon, p.Created = true, night })}, "so", false},
		"it bears it and came just before":                           {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon, p.Created = true, night.Add(-time.Second) })}, "again", true},
		"it bears it, came again and goes":                           {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon, p.Created, p.Terminating = true, fresh, fresh })}, "so", false},
		"it bears it and was there, with a volume":                   {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon, p.Claims = true, volume })}, "again", true},
		"it bears it and came again, with a volume":                  {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon, p.Created, p.Claims = true, fresh, volume })}, "asks", false},
		"it bears it, came again and goes, with a volume":            {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon, p.Created, p.Terminating, p.Claims = true, fresh, fresh, volume })}, "waits", false},
		"it bears it and came again, with a volume, while others go": {[]fleet.Pod{other, pod(func(p *fleet.Pod) { p.BearsCordon, p.Created, p.Claims = true, fresh, volume })}, "waits", false},
		"it bears it and came again to another node":                 {[]fleet.Pod{pod(func(p *fleet.Pod) { p.BearsCordon, p.Created, p.Claims, p.Node = true, fresh, volume, well })}, "so", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, step, s := evicting(t, tt.pods...)
			seen, err := step.Observe(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			got := "waits"
			switch {
			case seen.So:
				got = "so"
			case seen.Ask != "":
				got = "asks"
			case seen.Again:
				got = "again"
			}
			if got != tt.want || got == "asks" && !strings.Contains(seen.Ask, "default/it came to "+sick+" again") {
				t.Errorf("%s, want %s: %+v", got, tt.want, seen)
			}
			if _, err := step.Do(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if n := w.accepted["evict"]; (n == 1) != tt.evict {
				t.Errorf("%d evictions, want %t", n, tt.evict)
			}
		})
	}
}

// A pod that was bound before the cordon, and is seen only after the others were asked
// to go, is evicted as they were.
func TestAPodThatIsSeenLateIsEvicted(t *testing.T) {
	for _, name := range []string{repair.NodeDrain, repair.NodeReboot, repair.NodeRecycle} {
		w := newWorld()
		w.late = []fleet.Pod{{Object: object("Pod", "late"), Node: sick, Owner: object("Job", "once"), Phase: "Running", Ready: true, Created: night}}
		p := w.plan(t, name, "node", sick)
		if _, why := w.carry(t, p); why != "" {
			t.Errorf("%s: %s", name, why)
		}
		if n := count(w.calls, "evict default/late"); n != 1 {
			t.Errorf("%s: it was evicted %d times: %q", name, n, w.calls)
		}
	}
}
