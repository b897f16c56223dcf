package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"wardroom/bot/remediation"
	"wardroom/e2e/internal/process"
)

func (r *rig) replicas(deployment string) (wants, has int32) {
	r.Helper()
	d, err := r.AppsV1().Deployments("default").Get(process.Soon(r.T), deployment, metav1.GetOptions{})
	if err != nil {
		r.Fatal(err)
	}
	return *d.Spec.Replicas, d.Status.Replicas
}

// A workload is taken down, and put back to what it was from the record, also after a
// restart of Wardroom.
func TestScaleAndRestore(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.incident("The site is flooded")
	down := r.approved("scale", "set", "default/site", "--replicas", "0").finishes()
	if wants, has := r.replicas("site"); wants != 0 || has != 0 {
		t.Errorf("site wants %d and has %d", wants, has)
	}
	r.bot.Child.End(t)
	r.bot.Serve()
	r.bot.confirmed("scale", "restore", "default/site")
	r.whole()
	r.askedOnly()
	r.bot.Tells(down.Incident, "workload-scale of default/site", "approved", "done in", "workload-restore of default/site", "done in")
}

// Something keeps scaling a workload up, as an Argo CD does that nobody has told of. The
// run does not wait for ever: it says so and ends before the machine is touched. Where
// it was quick enough to empty the node, the pod is elsewhere, and that is as good.
func TestAnOwnerThatScalesBackUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.incident("A machine is broken")
	node := r.nodeOf("redis")
	machine := r.linodeOf(node)
	stop := r.selfHeals("redis", 1)
	defer stop()
	run := r.bot.ends(r.approved("node", "reboot", node).run)
	stop()
	switch run.Status {
	case remediation.Failed:
		if !strings.Contains(run.Why, "default/redis is at 1 again") {
			t.Errorf("it failed: %s", run.Why)
		}
		r.askedOnly()
		r.bot.confirmed("run", "undo", string(run.ID))
	case remediation.Done:
		r.askedOnly(fmt.Sprintf("POST /linode/instances/%d/reboot", machine.ID))
	default:
		t.Errorf("it is %s: %s", run.Status, run.Why)
	}
	r.whole()
	r.bot.Tells(run.Incident, "node-reboot of "+node, "approved", string(run.Status))
}

// selfHeals keeps a deployment at some replicas until stop is called.
func (r *rig) selfHeals(deployment string, replicas int32) (stop func()) {
	ctx, cancel := context.WithCancel(r.Context())
	var done sync.WaitGroup
	done.Go(func() {
		look := time.NewTicker(500 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
			d, err := r.AppsV1().Deployments("default").Get(ctx, deployment, metav1.GetOptions{})
			if err != nil || *d.Spec.Replicas == replicas {
				continue
			}
			patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
			if _, err := r.AppsV1().Deployments("default").Patch(ctx, deployment, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil && ctx.Err() == nil {
				r.Logf("scaling %s back: %v", deployment, err)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}
