package kubernetes

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// RestartedAt is the annotation that kubectl rollout restart writes.
const RestartedAt = "kubectl.kubernetes.io/restartedAt"

// plural of the workloads that can be scaled or restarted.
var plural = map[string]string{"Deployment": "deployments", "StatefulSet": "statefulsets", "ReplicaSet": "replicasets", "DaemonSet": "daemonsets"}

// Scale implements [fleet.Cluster].
func (c *Cluster) Scale(ctx context.Context, w fleet.Object, replicas int) error {
	if w.Kind != "Deployment" && w.Kind != "StatefulSet" && w.Kind != "ReplicaSet" {
		return problem.New(problem.Unsupported, "a %s cannot be scaled", w.Kind)
	}
	if replicas < 0 {
		return problem.New(problem.Invalid, "%s cannot have %d replicas", w, replicas)
	}
	return c.patchWorkload(ctx, w, "scale", map[string]any{"spec": map[string]any{"replicas": replicas}})
}

// Restart implements [fleet.Cluster].
func (c *Cluster) Restart(ctx context.Context, w fleet.Object, at time.Time) error {
	if w.Kind != "Deployment" && w.Kind != "StatefulSet" && w.Kind != "DaemonSet" {
		return problem.New(problem.Unsupported, "a %s cannot be restarted by a rollout", w.Kind)
	}
	return c.patchWorkload(ctx, w, "", map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{RestartedAt: at.UTC().Format(time.RFC3339)}}}}})
}

func (c *Cluster) patchWorkload(ctx context.Context, w fleet.Object, sub string, change map[string]any) error {
	if w.UID != "" { // the API refuses to put it on another object
		change["metadata"] = map[string]any{"uid": w.UID}
	}
	patch, err := json.Marshal(change)
	if err != nil {
		return err
	}
	a := asked{"patch", plural[w.Kind], w.String()}
	var subs []string
	if sub != "" {
		a.resource, subs = a.resource+"/"+sub, []string{sub}
	}
	return c.change(ctx, a, func(ctx context.Context, with *clients) (err error) {
		apps, o := with.typed.AppsV1(), metav1.PatchOptions{DryRun: c.dryRun}
		switch w.Kind {
		case "Deployment":
			_, err = apps.Deployments(w.Namespace).Patch(ctx, w.Name, types.MergePatchType, patch, o, subs...)
		case "StatefulSet":
			_, err = apps.StatefulSets(w.Namespace).Patch(ctx, w.Name, types.MergePatchType, patch, o, subs...)
		case "ReplicaSet":
			_, err = apps.ReplicaSets(w.Namespace).Patch(ctx, w.Name, types.MergePatchType, patch, o, subs...)
		case "DaemonSet":
			_, err = apps.DaemonSets(w.Namespace).Patch(ctx, w.Name, types.MergePatchType, patch, o, subs...)
		}
		return err
	})
}

// DeletePod implements [fleet.Cluster].
func (c *Cluster) DeletePod(ctx context.Context, pod fleet.Object, force bool) error {
	o := metav1.DeleteOptions{DryRun: c.dryRun, Preconditions: guard(pod)}
	if force {
		o.GracePeriodSeconds = new(int64)
	}
	return c.change(ctx, asked{"delete", "pods", pod.String()}, func(ctx context.Context, with *clients) error {
		return with.typed.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, o)
	})
}

// guard lets a deletion meet only the object with this uid.
func guard(o fleet.Object) *metav1.Preconditions {
	if o.UID == "" {
		return nil
	}
	uid := types.UID(o.UID)
	return &metav1.Preconditions{UID: &uid}
}
