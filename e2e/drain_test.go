package e2e

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/e2e/internal/process"
)

// One node is rebooted, and then the other drained: the stateful pods move twice, and
// nothing is lost.
func TestRebootOfOneNodeAndDrainOfTheOther(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{repairs: "cool_down: 0s"})
	r.incident("Two nodes need care")
	one := r.nodeOf("redis")
	machine := r.linodeOf(one)
	reboot := r.approved("node", "reboot", one).finishes()
	r.whole()
	if now := r.linodeOf(one); now.ID != machine.ID || now.Boots != machine.Boots+1 {
		t.Errorf("the machine was %+v and is %+v", machine, now)
	}
	other := r.nodeOf("redis")
	if other == one {
		other = r.nodeOf("postgres")
	}
	drain := r.approved("node", "drain", other).finishes()
	for _, p := range r.pods("") {
		if p.Spec.NodeName == other && p.OwnerReferences[0].Kind != "DaemonSet" {
			t.Errorf("%s is still on %s", p.Name, other)
		}
	}
	r.bot.confirmed("node", "uncordon", other)
	r.whole()
	r.askedOnly(fmt.Sprintf("POST /linode/instances/%d/reboot", machine.ID))
	r.bot.Tells(reboot.Incident, "node-reboot of "+one, "done in", "node-drain of "+other, "done in", "node-uncordon of "+other, "done in")
	if drain.Incident != reboot.Incident {
		t.Errorf("the runs are of %s and %s", reboot.Incident, drain.Incident)
	}
}

// A budget that allows nothing holds a drain up for as long as it does. The API server
// answers 429, and no pod is deleted behind its back.
func TestADrainWaitsForABudget(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.budget(`{"spec":{"maxUnavailable":null,"minAvailable":3}}`)
	r.incident("A node makes trouble")
	node := r.pods("site")[0].Spec.NodeName
	drain := r.approved("node", "drain", node)
	held := func() bool {
		for _, p := range r.pods("site") {
			if p.Spec.NodeName == node && p.DeletionTimestamp == nil {
				return true
			}
		}
		return false
	}
	process.Await(t, "the run says that a budget holds it up", process.Journey, func() (bool, string) {
		said := r.bot.Do("run", "show", string(drain.run.ID))
		return strings.Contains(said, "budget default/site allows none now"), said
	})
	if !held() {
		t.Error("the pod was taken away although the budget allows none")
	}
	r.budget(`{"spec":{"minAvailable":1}}`)
	drain.finishes()
	if held() {
		t.Error("a pod of site is still there")
	}
	r.bot.confirmed("node", "uncordon", node)
	r.whole()
	r.askedOnly()
	r.bot.Tells(drain.run.Incident, "node-drain of "+node, "approved", "done in", "node-uncordon of "+node, "done in")
}

// budget changes that of site and waits until the cluster has taken it in.
func (r *rig) budget(patch string) {
	r.Helper()
	r.kubectl("patch", "pdb", "site", "--type=merge", "-p", patch)
	process.Await(r.T, "the budget is observed", process.Patience, func() (bool, string) {
		b, err := r.PolicyV1().PodDisruptionBudgets("default").Get(process.Soon(r.T), "site", metav1.GetOptions{})
		return err == nil && b.Status.ObservedGeneration == b.Generation, fmt.Sprint(err)
	})
}
