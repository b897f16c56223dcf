package kubernetes

import (
	"context"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// skipReconcile makes Argo CD leave an Application alone.
// https://argo-cd.readthedocs.io/en/stable/user-guide/skip_reconcile/
const skipReconcile = "argocd.argoproj.io/skip-reconcile"

// PausedWas is the annotation that Wardroom leaves on what it paused, with how that
// was before: after a pause whose answer was lost nothing else would tell.
const PausedWas = "wardroom/paused-was"

// paused says how a kind of keeper is paused.
type paused struct {
	resource schema.GroupVersionResource
	was      func(*unstructured.Unstructured) string // as it is now
	patch    func(was string) map[string]any         // that makes it so
	on       string                                  // what paused is
}

// keepers that are paused by a write. Flux: https://fluxcd.io/flux/components/kustomize/kustomizations/#suspend
func pausable(kind string) (paused, bool) {
	suspend := paused{on: "true",
		was: func(u *unstructured.Unstructured) string {
			suspended, _, err := unstructured.NestedBool(u.Object, "spec", "suspend")
			return strconv.FormatBool(suspended && err == nil)
		},
		patch: func(was string) map[string]any {
			return map[string]any{"spec": map[string]any{"suspend": was == "true"}}
		}}
	switch kind {
	case "Kustomization":
		suspend.resource = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	case "HelmRelease":
		suspend.resource = schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"}
	case "Application":
		return paused{resource: argoApplications, on: "true",
			was: func(u *unstructured.Unstructured) string { return u.GetAnnotations()[skipReconcile] },
			patch: func(was string) map[string]any {
				var value any // null takes it off
				if was != "" {
					value = was
				}
				return map[string]any{"metadata": map[string]any{"annotations": map[string]any{skipReconcile: value}}}
			}}, true
	default:
		return paused{}, false
	}
	return suspend, true
}

// Pause implements [fleet.Cluster]. An autoscaler needs no write: it stands still
// while its target has 0 replicas. What Pause learned is how the keeper was; a
// keeper that somebody had paused before stays so when it is resumed.
func (c *Cluster) Pause(ctx context.Context, k fleet.Keeper, on bool, was string) (string, error) {
	if k.Object.Kind == byAutoscaler {
		return "", nil
	}
	how, ok := pausable(k.Object.Kind)
	if !ok || !k.Pause {
		return "", problem.New(problem.Unsupported, "Wardroom does not know how to pause %s %s", k.How, k.Object).
			WithHint("pause it by hand, or let its own resource say what you want")
	}
	name := how.resource.Resource + "." + how.resource.Group
	var u *unstructured.Unstructured
	if err := c.read(ctx, asked{"get", name, k.Object.String()}, func(ctx context.Context, with *clients) (err error) {
		u, err = with.dynamic.Resource(how.resource).Namespace(k.Object.Namespace).Get(ctx, k.Object.Name, metav1.GetOptions{})
		return err
	}); err != nil {
		return "", err
	}
	if k.Object.UID != "" && string(u.GetUID()) != k.Object.UID {
		return "", problem.New(problem.Conflict, "%s %s is not the one that was meant: it was made again", k.Object.Kind, k.Object)
	}
	now, want := how.was(u), was
	before, ours := u.GetAnnotations()[PausedWas]
	var note any // null takes it off
	if on {
		if ours && now == how.on {
			return before, nil // a pause of ours whose answer was lost
		}
		want, note = how.on, now
	} else if now == want && !ours {
		return now, nil
	}
	change := how.patch(want)
	meta, _ := change["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	notes, _ := meta["annotations"].(map[string]any)
	if notes == nil {
		notes = map[string]any{}
	}
	notes[PausedWas] = note
	meta["annotations"], meta["uid"] = notes, u.GetUID()
	change["metadata"] = meta
	patch, err := json.Marshal(change)
	if err != nil {
		return "", err
	}
	return now, c.change(ctx, asked{"patch", name, k.Object.String()}, func(ctx context.Context, with *clients) error {
		_, err := with.dynamic.Resource(how.resource).Namespace(k.Object.Namespace).Patch(ctx, k.Object.Name, types.MergePatchType, patch, metav1.PatchOptions{DryRun: c.dryRun})
		return err
	})
}
