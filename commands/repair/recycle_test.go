package repair_test

import (
	"fmt"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// asked is the state of a run that has proven its target and then asked for a step,
// of which the answer was lost.
func (w *world) asked(t *testing.T, name, step string) (remediation.Step, remediation.State) {
	t.Helper()
	p := w.plan(t, name, "node", sick)
	s := remediation.State{Plan: p, Learned: map[string]string{"event": fmt.Sprint(100 + len(w.events)), "instances": "28312345,28312346"}, Now: w.clock.Now()}
	got, known := w.remediation(t, name).Step(step)
	for _, planned := range p.Steps {
		if planned.Name == step {
			s.Args = planned.Args
		}
	}
	if !known || s.Args == nil {
		t.Fatalf("no step %s", step)
	}
	s.Started = w.clock.Now()
	return got, s
}

var cluster = fleet.Entity{Type: "lkecluster", ID: "13311"}

// What became of a recycle whose answer was lost is read out of the cloud: that
// nothing is there proves something only after a while, and with the old machine
// still in its slot.
func TestLostAnswerOfRecycle(t *testing.T) {
	noise := fleet.Entity{Type: "linode", ID: "1"}
	tests := map[string]struct {
		after time.Duration
		meets func(*world, *remediation.State)
		want  remediation.Verdict
	}{
		"arrived: the event is there, the old machine too": {10 * time.Second, func(w *world, _ *remediation.State) { w.event("lke_node_recycle", "notification", cluster) }, remediation.Arrived},
		"arrived: another machine is in the slot":          {10 * time.Second, func(w *world, _ *remediation.State) { w.slots[0].Instance = 28400007 }, remediation.Arrived},
		"arrived: the slot is empty":                       {10 * time.Second, func(w *world, _ *remediation.State) { w.slots[0].Instance = 0 }, remediation.Arrived},
		"arrived: the old machine is being deleted": {10 * time.Second, func(w *world, _ *remediation.State) {
			w.event("linode_delete", "started", fleet.Entity{Type: "linode", ID: "28312345"})
		}, remediation.Arrived},
		"unsure: nothing yet": {time.Minute, nil, remediation.Unsure},
		"unsure: nothing after the settle time, but the feed may be behind": {3 * time.Minute, nil, remediation.Unsure},
		"unsure: later events, but before the settle time":                  {time.Minute, func(w *world, _ *remediation.State) { w.event("linode_boot", "finished", noise) }, remediation.Unsure},
		"unsure: the event after it came too soon to prove that the feed is on": {3 * time.Minute, func(w *world, s *remediation.State) {
			w.event("linode_boot", "finished", noise)
			w.events[len(w.events)-1].Created = s.Started.Add(time.Minute)
		}, remediation.Unsure},
		"absent: later events are there, ours is not":            {3 * time.Minute, func(w *world, _ *remediation.State) { w.event("linode_boot", "finished", noise) }, remediation.Absent},
		"absent: the feed stays empty for twice the settle time": {4 * time.Minute, nil, remediation.Absent},
		"foreign: somebody had recycled it before we asked": {10 * time.Second, func(w *world, s *remediation.State) {
			w.event("lke_node_recycle", "notification", cluster)
			w.events[len(w.events)-1].Created = s.Started.Add(-90 * time.Second)
		}, remediation.Foreign},
		"absent: a recycle of long before the target was proven is not ours": {4 * time.Minute, func(w *world, s *remediation.State) {
			w.event("lke_node_recycle", "notification", cluster)
			s.Learned["event"] = "101"
		}, remediation.Absent},
		"absent: the target was proven by hand, and an old recycle is in the feed": {4 * time.Minute, func(w *world, s *remediation.State) {
			w.event("lke_node_recycle", "notification", cluster)
			w.events[0].Created, s.Learned = s.Started.Add(-time.Hour), nil
		}, remediation.Absent},
		"absent: it was the delete of another machine": {4 * time.Minute, func(w *world, _ *remediation.State) { w.event("linode_delete", "finished", noise) }, remediation.Absent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			step, s := w.asked(t, repair.NodeRecycle, "recycle")
			w.clock.MoveTo(w.clock.Now().Add(tt.after))
			s.Now = w.clock.Now()
			if tt.meets != nil {
				tt.meets(w, &s)
			}
			if got, err := step.Reconcile(t.Context(), s); err != nil || got != tt.want {
				t.Errorf("verdict %d, %v; want %d", got, err, tt.want)
			}
			for _, what := range []string{"slots", "events"} {
				w.fail[what] = problem.New(problem.Unavailable, "503")
				if got, err := step.Reconcile(t.Context(), s); tt.want != remediation.Foreign && got != remediation.Unsure && (got != remediation.Arrived || what != "slots") {
					t.Errorf("while %s cannot be read: verdict %d, %v", what, got, err)
				}
				delete(w.fail, what)
			}
		})
	}
}

// A reboot of weeks ago is not the one that was asked for.
func TestLostAnswerOfReboot(t *testing.T) {
	w := newWorld()
	w.event("linode_reboot", "finished", fleet.Entity{Type: "linode", ID: "28312345"})
	step, s := w.asked(t, repair.NodeReboot, "reboot-instance")
	s.Learned = nil // the target was proven by hand
	w.events[0].Created = s.Started.Add(-time.Hour)
	if got, err := step.Reconcile(t.Context(), s); err != nil || got != remediation.Unsure {
		t.Errorf("verdict %d, %v", got, err)
	}
	w.nodeOf(sick).Identity.BootID = "boot-28312345-again"
	if got, err := step.Reconcile(t.Context(), s); err != nil || got != remediation.Arrived {
		t.Errorf("verdict %d, %v", got, err)
	}
}

// The replacement is known by its identity: not by its name, which stays, and not by
// being new, which the machine of an autoscaler is, too.
func TestReplacementIsKnownByIdentity(t *testing.T) {
	w := newWorld()
	step, s := w.asked(t, repair.NodeRecycle, "replacement-known")
	seen := func() remediation.Seen {
		got, err := step.Observe(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if seen().So {
		t.Error("the old machine is still in the slot")
	}
	w.slots[0].Instance = 0
	w.node("lke13311-16405-aaaaaaaaaaaa", 28400009, "16405-aaaaaaaaaaaa", 16405)
	if seen().So {
		t.Error("the slot is empty, and another machine of its pool was taken for its own")
	}
	w.slots[0].Instance = 28400010
	if seen().So {
		t.Error("the node of that name is still the old machine")
	}
	w.nodeOf(sick).Identity = fleet.Identity{ProviderID: "linode://28400010", BootID: "boot-new", MachineID: "m", Instance: 28400010}
	if got := seen(); !got.So || got.Learned["instance"] != "28400010" || got.Learned["node"] != sick {
		t.Errorf("%+v", got)
	}
	w.slots = w.slots[1:] // the slot was replaced as well
	if got := seen(); !got.So || got.Learned["instance"] != "28400009" {
		t.Errorf("%+v", got)
	}
}

// The run names a volume that hangs at the deleted machine, and says what comes next.
func TestVolumeLeftAtTheDeletedMachineIsNamed(t *testing.T) {
	w := newWorld()
	step, s := w.asked(t, repair.NodeRecycle, "volumes-usable")
	delete(w.inst, 28312345)
	n := w.nodeOf(sick)
	n.Identity = fleet.Identity{ProviderID: "linode://28400010", BootID: "boot-new", MachineID: "m", Instance: 28400010}
	w.inst[28400010] = &fleet.Instance{ID: 28400010, Label: sick, Status: "running", Cluster: 13311}
	w.volumes[6001].Instance = 28400010
	for i := range w.s.Attachments {
		w.s.Attachments[i].Attached = w.s.Attachments[i].Volume == pgPV
	}
	w.kubelets()
	if seen, err := step.Observe(t.Context(), s); err != nil || seen.So || seen.Failed != "" {
		t.Errorf("too early: %+v, %v", seen, err)
	}
	s.Now = s.Started.Add(2 * time.Minute)
	seen, err := step.Observe(t.Context(), s)
	want := redisPV + " held elsewhere (B): instance 28312345 has it, not 28400010, which needs it. Next: /volume remount"
	if err != nil || seen.Failed != want {
		t.Errorf("%q, %v\nwant %q", seen.Failed, err, want)
	}
	p := w.plan(t, repair.VolumeRemount, "volume", redisPV)
	if p.Tier != remediation.Routine || len(against(p, remediation.Hard))+len(against(p, remediation.Soft)) > 0 {
		t.Errorf("detaching from a deleted machine is %s: %+v", p.Tier, p.Findings)
	}
	if _, why := w.carry(t, p); why != "" {
		t.Error(why)
	}
}
