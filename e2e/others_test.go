package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/bot/remediation"
	"wardroom/e2e/internal/process"
	"wardroom/integrations/linode/linodetest"
)

// step waits until a run has come to a step.
func (r *rig) step(f finishing, name string) {
	r.Helper()
	process.Await(r.T, "the run comes to "+name, process.Journey, func() (bool, string) {
		now := r.bot.run(string(f.run.ID))
		if !now.Status.Active() || now.Status == remediation.Asking {
			r.Fatalf("it is %s: %s\n%s", now.Status, now.Why, r.bot.story(now))
		}
		for i, s := range now.Plan.Steps {
			if s.Name == name && i < len(now.Steps) && now.Steps[i].Mark != remediation.Pending {
				return true, ""
			}
		}
		return false, ""
	})
}

// The machine of a node is deleted by somebody else between the plan and its approval:
// nothing is asked of Linode, the room hears who it was, and the pods go elsewhere.
func TestALinodeDeletedBehindOurBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{unmount: "20s"})
	r.incident("A machine is broken")
	node := r.nodeOf("redis")
	run := r.bot.plan("node", "recycle", node)
	if err := r.cloud.Act("somebody", linodetest.Act{Do: "delete", Linode: r.linodeOf(node).ID}); err != nil {
		t.Fatal(err)
	}
	process.Await(t, "the cloud's controller deletes the node", process.Journey, func() (bool, string) {
		_, err := r.CoreV1().Nodes().Get(process.Soon(t), node, metav1.GetOptions{})
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
	r.chat.approve(run)
	if run = r.bot.ends(run); run.Status != remediation.Failed || !strings.Contains(run.Why, "the cluster has no node "+node) {
		t.Errorf("the run is %s: %s", run.Status, run.Why)
	}
	process.Await(t, "the timeline tells who deleted the machine", process.Journey, func() (bool, string) {
		all := strings.Join(r.bot.Timeline(run.Incident), "\n")
		return strings.Contains(all, "somebody"), all
	})
	process.Await(t, "the pods run elsewhere with their volumes", process.Journey, func() (bool, string) {
		on := r.nodeOf("redis")
		amiss := strings.Join(r.strayVolumes(), "; ")
		return on != "" && on != node && amiss == "", amiss
	})
	r.askedOnly()
}

// A second person uncordons with kubectl the node that is being emptied: the run does
// not act against them and ends before the machine is touched; undoing puts the rest back.
func TestAHumanUncordonsWithKubectl(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.budget(`{"spec":{"maxUnavailable":null,"minAvailable":3}}`) // so that it takes a while
	r.incident("A machine is broken")
	node := r.nodeOf("redis")
	run := r.approved("node", "recycle", node)
	r.step(run, "evict-pods")
	r.kubectl("uncordon", node)
	ended := r.bot.ends(run.run)
	if ended.Status != remediation.Failed || !strings.Contains(ended.Why, "somebody has uncordoned "+node) {
		t.Errorf("it is %s: %s\n%s", ended.Status, ended.Why, r.bot.story(ended))
	}
	r.budget(`{"spec":{"minAvailable":1}}`)
	r.bot.confirmed("run", "undo", string(ended.ID))
	r.whole()
	r.askedOnly()
	r.bot.Tells(ended.Incident, "node-recycle of "+node, "approved", "somebody has uncordoned", "undo of "+string(ended.ID), "done in")
}

// The API server is stopped for a minute while a run is under way: the run waits and
// goes on, and nothing is asked for twice.
func TestTheAPIServerIsAwayForAMinute(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.incident("A machine is broken")
	node := r.nodeOf("redis")
	run := r.approved("node", "recycle", node)
	r.step(run, "recycle")
	r.stopAPI()
	away := time.NewTimer(time.Minute)
	defer away.Stop()
	select {
	case <-away.C:
	case <-t.Context().Done():
	}
	r.startAPI()
	run.finishes()
	r.whole()
	r.askedOnly(fmt.Sprintf("POST /lke/clusters/13311/nodes/%s/recycle", r.cloud.SlotOf(node)))
	r.bot.Tells(run.run.Incident, "node-recycle of "+node, "approved", "done in")
}
