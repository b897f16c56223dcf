package e2e

import (
	"fmt"
	"testing"
)

// A node with a stateful pod is replaced: the pod moves with its volume, and comes
// back before the run says that it is done.
func TestRecycleOfANodeWithAStatefulPod(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.incident("A machine is broken")
	node := r.nodeOf("redis")
	old := r.linodeOf(node)
	run := r.approved("node", "recycle", node).finishes()
	r.whole()
	if now := r.linodeOf(node); now.ID == old.ID {
		t.Errorf("%s is still machine %d", node, old.ID)
	}
	r.askedOnly(fmt.Sprintf("POST /lke/clusters/13311/nodes/%s/recycle", r.cloud.SlotOf(node)))
	r.bot.Tells(run.Incident, "node-recycle of "+node, "approved", "RECYCLE", "done in")
}

// Linode may give the machine that comes another name: the node is found by what it is.
func TestRecycleUnderAnotherName(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{rename: true})
	r.incident("A machine is broken")
	node := r.nodeOf("redis")
	slot := r.cloud.SlotOf(node)
	run := r.approved("node", "recycle", node).finishes()
	r.whole()
	for _, m := range r.cloud.Machines() {
		if m.Name == node {
			t.Errorf("machine %d is still called %s", m.ID, node)
		}
	}
	r.askedOnly(fmt.Sprintf("POST /lke/clusters/13311/nodes/%s/recycle", slot))
	r.bot.Tells(run.Incident, "node-recycle of "+node, "approved", "RECYCLE", "done in")
}
