package repair_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// left are the steps from one on that restore and are not so, as an undo lists them.
func (c *carrier) left(from int) (left []remediation.PlannedStep) {
	c.Helper()
	for _, planned := range c.plan.Steps[from:] {
		step, _ := c.r.Step(planned.Name)
		if !step.Restores {
			continue
		}
		seen, err := step.Observe(c.Context(), remediation.State{Plan: c.plan, Args: planned.Args, Learned: maps.Clone(c.learned), Now: c.w.clock.Now()})
		if err != nil || !seen.So && seen.Failed == "" {
			left = append(left, planned)
		}
	}
	return left
}

// undo carries out what is left as the plan that the desk makes of it.
func (c *carrier) undo(from int) {
	c.Helper()
	p := c.plan
	p.Undoes, p.Learned, p.Steps = "INC-1/run-1", maps.Clone(c.learned), c.left(from)
	if _, why := c.w.carry(c.T, p); why != "" {
		c.Errorf("undoing: %s", why)
	}
}

// hungUpTo is a run on a node that does not answer, up to the step of that name.
func (w *world) hungUpTo(t *testing.T, name, step string) (*carrier, int) {
	t.Helper()
	w.hang()
	p := w.plan(t, name, "node", sick)
	c := &carrier{T: t, w: w, r: w.remediation(t, name), plan: p, learned: map[string]string{}, at: -1}
	for i, s := range p.Steps {
		if s.Name == step {
			return c, i
		}
		if why := c.one(i); why != "" {
			t.Fatal(s.Name, why)
		}
	}
	t.Fatalf("there is no step %s", step)
	return nil, 0
}

func names(steps []remediation.PlannedStep) (all []string) {
	for _, s := range steps {
		all = append(all, s.Name)
	}
	return all
}

const machine = 28312345

// A machine that a run has turned off is named among what it left, wherever it ends, and
// the undo turns it on before it lets pods come to its node again.
func TestAMachineThatIsLeftOffIsTurnedOnByTheUndo(t *testing.T) {
	boots := map[string]string{repair.NodeReboot: "boot-instance", repair.NodeRecycle: "boot-unless-replaced"}
	for name, boot := range boots {
		for _, step := range []string{"wait-instance-off", "scale-to", "taint-out-of-service", "detach-at-cloud", "target-proven"} {
			t.Run(name+", "+step, func(t *testing.T) {
				w := newWorld()
				w.stuck["detach"] = true
				c, at := w.hungUpTo(t, name, step)
				left := names(c.left(at))
				if i := slices.Index(left, boot); i < 0 || i > slices.Index(left, "uncordon") {
					t.Errorf("left: %q", left)
				}
				w.pass(time.Minute) // off by now
				c.undo(at)
				w.pass(time.Minute)
				if got := w.inst[machine].Status; got != "running" || w.accepted["boot"] != 1 {
					t.Errorf("the machine is %s, asked to boot %d times", got, w.accepted["boot"])
				}
				w.restored(t, "undone", name)
				if left := c.left(at); len(left) > 0 {
					t.Errorf("once more: %q", names(left))
				}
			})
		}
	}
}

func TestWhatIsLeftNamesNoMachineThatNeedsNothing(t *testing.T) {
	tests := map[string]func(*world){
		"it runs again: somebody booted it": func(w *world) { w.inst[machine].Status = "running" },
		"it is deleted":                     func(w *world) { delete(w.inst, machine) },
		"another one is in its slot":        func(w *world) { w.replace(slot); w.pass(time.Minute) },
	}
	for _, name := range []string{repair.NodeReboot, repair.NodeRecycle} {
		for what, meets := range tests {
			t.Run(name+", "+what, func(t *testing.T) {
				w := newWorld()
				c, at := w.hungUpTo(t, name, "target-proven")
				meets(w)
				for _, s := range c.left(at) {
					if s.Args["instance"] != "" {
						t.Errorf("left: %s", s.Words)
					}
				}
				c.undo(at)
				if w.accepted["boot"] != 0 {
					t.Error("it was booted")
				}
			})
		}
	}
	t.Run("the run has not come to it yet", func(t *testing.T) {
		w := newWorld()
		if c, at := w.hungUpTo(t, repair.NodeReboot, "shutdown-instance"); slices.Contains(names(c.left(at)), "boot-instance") {
			t.Error("it was never turned off")
		}
	})
}

// The undo proves the machine as every act does: another one in its place is not booted,
// and what the cloud is doing with it is waited for.
func TestTheUndoProvesTheMachineThatItTurnsOn(t *testing.T) {
	for name, boot := range map[string]string{repair.NodeReboot: "boot-instance", repair.NodeRecycle: "boot-unless-replaced"} {
		w := newWorld()
		c, at := w.hungUpTo(t, name, "target-proven")
		step, _ := c.r.Step(boot)
		i := slices.IndexFunc(c.plan.Steps[at:], func(s remediation.PlannedStep) bool { return s.Name == boot })
		s := remediation.State{Plan: c.plan, Args: c.plan.Steps[at+i].Args, Learned: c.learned, Now: w.clock.Now()}
		if err := step.Prove(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w.event("linode_boot", "started", fleet.Entity{Type: "linode", ID: "28312345"})
		if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Unavailable) {
			t.Errorf("%s: somebody boots it: %v", name, err)
		}
		w.events = nil
		w.slots[0].Instance = 28400007
		if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Conflict) {
			t.Errorf("%s: another machine is in the slot: %v", name, err)
		}
		w.slots[0].Instance = machine
		w.nodeOf(sick).Identity.ProviderID = "linode://28400007"
		if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Conflict) {
			t.Errorf("%s: another machine has the name: %v", name, err)
		}
	}
}
