package kubernetes

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// races is how often a change of a node is tried while somebody else, as its
// kubelet, changes it between our look and our patch.
const races = 4

// Cordon implements [fleet.Cluster].
func (c *Cluster) Cordon(ctx context.Context, node string, id fleet.Identity, on bool) error {
	return c.patchNode(ctx, node, id, func(n *corev1.Node) map[string]any {
		if n.Spec.Unschedulable == on {
			return nil
		}
		return map[string]any{"unschedulable": on}
	})
}

// Taint implements [fleet.Cluster]. A taint is known by its key and effect; one with
// another value is replaced.
func (c *Cluster) Taint(ctx context.Context, node string, id fleet.Identity, t fleet.Taint, on bool) error {
	return c.patchNode(ctx, node, id, func(n *corev1.Node) map[string]any {
		same := func(o corev1.Taint) bool { return o.Key == t.Key && string(o.Effect) == t.Effect }
		at := slices.IndexFunc(n.Spec.Taints, same)
		if !on && at < 0 || on && at >= 0 && n.Spec.Taints[at].Value == t.Value {
			return nil
		}
		taints := slices.DeleteFunc(slices.Clone(n.Spec.Taints), same)
		if on {
			taints = append(taints, corev1.Taint{Key: t.Key, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
		}
		return map[string]any{"taints": taints}
	})
}

// patchNode looks at a node, proves that it is the machine that is meant, and
// patches its spec under the version that it looked at: a machine that reboots or is
// replaced in between changes that. change returns nil when it is so already.
func (c *Cluster) patchNode(ctx context.Context, name string, id fleet.Identity, change func(*corev1.Node) map[string]any) error {
	var err error
	for range races {
		var n *corev1.Node
		if err = c.read(ctx, asked{"get", "nodes", name}, func(ctx context.Context, with *clients) (err error) {
			n, err = with.typed.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			return err
		}); err != nil {
			return err
		}
		if err := sameMachine(n, id); err != nil {
			return err
		}
		spec := change(n)
		if spec == nil {
			return nil
		}
		patch, err2 := json.Marshal(map[string]any{"spec": spec,
			"metadata": map[string]any{"uid": n.UID, "resourceVersion": n.ResourceVersion}})
		if err2 != nil {
			return err2
		}
		raced := false
		err = c.change(ctx, asked{"patch", "nodes", name}, func(ctx context.Context, with *clients) error {
			_, err := with.typed.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{DryRun: c.dryRun})
			raced = apierrors.IsConflict(err)
			return err
		})
		if !raced {
			return err
		}
	}
	return err
}

// sameMachine compares what of the identity is known.
func sameMachine(n *corev1.Node, id fleet.Identity) error {
	now := identity(n)
	for _, part := range []struct{ what, want, is string }{
		{"provider id", id.ProviderID, now.ProviderID},
		{"boot id", id.BootID, now.BootID},
		{"machine id", id.MachineID, now.MachineID},
	} {
		if part.want != "" && part.want != part.is {
			return problem.New(problem.Conflict, "the node %s is not the machine that was meant: its %s is %s, not %s", n.Name, part.what, cut(part.is, 80), cut(part.want, 80)).
				WithHint("it was rebooted or replaced; plan anew")
		}
	}
	return nil
}
