package kubernetes

import (
	"fmt"
	"strings"

	"wardroom/bot/fleet"
)

// How keepers are called.
const (
	byAutoscaler = "HorizontalPodAutoscaler"
	byArgo       = "Argo CD"
	byFlux       = "Flux"
	byOperator   = "operator"
)

// The marks that delivery tools leave on what they keep.
// https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
// https://fluxcd.io/flux/faq/#how-can-i-safely-move-flux-resources-from-one-dir-to-another
const (
	argoTracking  = "argocd.argoproj.io/tracking-id"
	argoInstance  = "argocd.argoproj.io/instance"
	plainInstance = "app.kubernetes.io/instance" // Argo CD's default label, and everybody's
	fluxKustomize = "kustomize.toolkit.fluxcd.io/"
	fluxHelm      = "helm.toolkit.fluxcd.io/"
)

// operatorOf is the keeper of an object whose controller is not built in.
func operatorOf(o owner) []fleet.Keeper {
	if o.Kind == "" || o.builtIn() || o.Group == "" && o.Kind == "Node" {
		return nil
	}
	return []fleet.Keeper{{How: byOperator, Object: o.Object,
		Why: fmt.Sprintf("it is owned by the %s %s (%s)", o.Kind, o.Object, o.Group)}}
}

// autoscalers are the keepers that scale a workload.
func autoscalers(w workload, scalers []*record) (out []fleet.Keeper) {
	for _, r := range scalers {
		s, ok := r.Value.(scaler)
		if !ok || s.target.Kind != w.Kind || s.target.Name != w.Name || s.target.Namespace != w.Namespace || s.target.Group != w.group {
			continue
		}
		// With its target at 0 replicas an autoscaler stands still until somebody
		// scales it up: nothing has to be written for that.
		// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#implicit-maintenance-mode-deactivation
		k := fleet.Keeper{How: byAutoscaler, Object: s.Object, Pause: true,
			Why: "its scaleTargetRef names it; it stands still while replicas are 0"}
		if by := operatorOf(r.Owner); by != nil { // as KEDA, which also scales up from 0
			out = append(out, by...)
			continue
		}
		out = append(out, k)
	}
	return out
}

// delivered are the delivery tools that a workload's marks name.
func delivered(w workload, argo applications) (out []fleet.Keeper) {
	for prefix, kind := range map[string]string{fluxKustomize: "Kustomization", fluxHelm: "HelmRelease"} {
		if name := w.Labels[prefix+"name"]; name != "" {
			in := w.Labels[prefix+"namespace"]
			if in == "" {
				in = w.Namespace
			}
			out = append(out, fleet.Keeper{How: byFlux, Pause: true, Why: "its label " + prefix + "name",
				Object: fleet.Object{Kind: kind, Namespace: in, Name: name}})
		}
	}
	if k, ok := argo.keeper(w); ok {
		out = append(out, k)
	}
	return out
}

// trackedBy is the name of the Application that a workload's marks name, and
// whether the mark is Argo CD's beyond doubt.
func trackedBy(w workload) (name, mark string, certain bool) {
	// "guestbook:apps/Deployment:default/guestbook-ui"; an Application of another
	// namespace than Argo CD's own stands there as "namespace_name".
	if id, _, ok := strings.Cut(w.Annotations[argoTracking], ":"); ok && id != "" {
		return id, "annotation " + argoTracking, true
	}
	if id := w.Labels[argoInstance]; id != "" {
		return id, "label " + argoInstance, true
	}
	return w.Labels[plainInstance], "label " + plainInstance, false
}
