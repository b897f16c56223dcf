package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/e2e/internal/process"
	"wardroom/integrations/linode/linodetest"
)

// dies lets the kubelet of the node with redis hang, and waits for what follows: the
// node is not Ready, its pods stay Terminating, and a new one cannot have the volume.
func (r *rig) dies() (node string) {
	r.Helper()
	node = r.nodeOf("redis")
	r.machines.hang(node)
	r.lost(node)
	process.Await(r.T, "the new pod cannot have the volume: Multi-Attach", process.Journey, func() (bool, string) {
		all := strings.Join(r.events(process.Soon(r.T), "FailedAttachVolume"), "; ")
		return strings.Contains(all, "Multi-Attach"), all
	})
	return node
}

// lost waits until the cluster has given up a node, and redis is stuck on it.
func (r *rig) lost(node string) {
	r.Helper()
	process.Await(r.T, node+" is not Ready", process.Journey, func() (bool, string) {
		n, err := r.CoreV1().Nodes().Get(process.Soon(r.T), node, metav1.GetOptions{})
		return err == nil && ready(*n) == corev1.ConditionUnknown, fmt.Sprint(err)
	})
	process.Await(r.T, "the old pod of redis stays Terminating", process.Journey, func() (bool, string) {
		return r.terminating("redis", node) != "", fmt.Sprint(r.pods("redis"))
	})
}

// terminating is a pod of a workload that is being deleted on a node.
func (r *rig) terminating(app, node string) string {
	for _, p := range r.pods(app) {
		if p.Spec.NodeName == node && p.DeletionTimestamp != nil {
			return p.Namespace + "/" + p.Name
		}
	}
	return ""
}

// A node dies: its pods hang in Terminating and hold their volumes for six minutes and
// more. A reboot turns the machine off first, and the out-of-service taint frees all.
func TestRebootOfADeadNodeFreesWhatIsStuck(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.incident("A node is not Ready")
	node := r.dies()
	machine, history := r.linodeOf(node), r.watched()
	run := r.approved("node", "reboot", node).finishes()
	r.whole()
	history.outOfService(r, node)
	if left := r.terminating("redis", node); left != "" {
		t.Errorf("%s is still there", left)
	}
	if now := r.linodeOf(node); now.ID != machine.ID || now.Boots != machine.Boots+1 {
		t.Errorf("the machine was %+v and is %+v", machine, now)
	}
	r.askedOnly(fmt.Sprintf("POST /linode/instances/%d/shutdown", machine.ID), fmt.Sprintf("POST /linode/instances/%d/boot", machine.ID))
	r.bot.Tells(run.Incident, "node-reboot of "+node, "approved", "Turn instance", "out of service", "done in")
}

// A machine is off and does not come back: its volume is freed where it is, and the
// pod runs elsewhere.
func TestRemountFromAMachineThatIsOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.incident("Redis is down")
	node := r.nodeOf("redis")
	machine := r.linodeOf(node)
	r.cloud.SetWatchdog(machine.ID, false)
	r.cloud.PowerLoss(machine.ID)
	r.lost(node)
	history := r.watched()
	run := r.approved("volume", "remount", "default/redis").finishes()
	history.outOfService(r, node)
	if on := r.nodeOf("redis"); on == "" || on == node || r.holder(redisVolume) != r.machineOf(on) {
		t.Errorf("redis runs on %q, and machine %d has its volume", on, r.holder(redisVolume))
	}
	r.askedOnly()
	r.bot.Tells(run.Incident, "volume-remount of pvc-bb1d06139b334c1f", "approved", "out of service", "done in")

	if err := r.cloud.Act("chris", linodetest.Act{Do: "boot", Linode: machine.ID}); err != nil {
		t.Fatal(err)
	}
	r.whole()
}

// A pod that is stuck on a machine that is off is taken out of the record: the volume
// follows when the cluster takes it from the node by force.
func TestForceDeleteOfAStuckPod(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{unmount: "20s"})
	r.incident("Redis is down")
	node := r.nodeOf("redis")
	machine := r.linodeOf(node)
	r.cloud.SetWatchdog(machine.ID, false)
	r.cloud.PowerLoss(machine.ID)
	r.lost(node)
	pod := r.terminating("redis", node)
	run := r.approved("pod", "force-delete", pod).finishes()
	if left := r.terminating("redis", node); left != "" {
		t.Errorf("%s is still there", left)
	}
	r.askedOnly()
	r.bot.Tells(run.Incident, "pod-force-delete of "+pod, "approved", "done in")

	if err := r.cloud.Act("chris", linodetest.Act{Do: "boot", Linode: machine.ID}); err != nil {
		t.Fatal(err)
	}
	r.whole()
}
