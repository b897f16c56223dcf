package e2e

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// Every node is rebooted, one after another: each is the same machine in a new boot, no
// two are away together, and what was Ready is so again.
func TestEveryNodeIsRebootedInTurn(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.incident("Nodes are Ready, and pods do not reach each other")
	boots := map[int]int{}
	for _, m := range r.cloud.Machines() {
		boots[m.ID] = m.Boots
	}
	history := r.watched()
	run := r.approved("node", "reboot-all").finishes()
	r.whole()
	for _, m := range r.cloud.Machines() {
		if was, same := boots[m.ID]; !same || m.Boots != was+1 {
			t.Errorf("%s is machine %d after %d boots; they were %v", m.Name, m.ID, m.Boots, boots)
		}
	}
	order := history.inTurn(r)
	if want := []string{nodeA, nodeB, nodeC}; !slices.Equal(slices.Compact(order), want) {
		t.Errorf("the nodes were away in the order %v and should be in %v", order, want)
	}
	var asked []string
	for _, id := range slices.Sorted(maps.Keys(boots)) {
		asked = append(asked, fmt.Sprintf("POST /linode/instances/%d/reboot", id))
	}
	r.askedOnly(asked...)
	r.bot.Tells(run.Incident, "node-reboot-all of every node", "approved", nodeA, nodeB, nodeC, "done in")
}
