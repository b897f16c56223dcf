package repair_test

import (
	"testing"

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
