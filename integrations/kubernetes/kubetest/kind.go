package kubetest

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// object is anything that the API server keeps.
type object interface {
	runtime.Object
	metav1.Object
}

// kind is a kind of object that is served.
type kind struct {
	schema.GroupVersionKind
	resource   string
	namespaced bool
	subs       []string // subresources that can be written
	empty      func() object
}

func (k kind) path() string { return k.Group + "/" + k.Version + "/" + k.resource }

// role is how roles name the resource: "applications.argoproj.io" for what is not
// Kubernetes' own.
func (k kind) role() string {
	if k.custom() {
		return k.resource + "." + k.Group
	}
	return k.resource
}

func (k kind) custom() bool {
	_, is := k.empty().(*unstructured.Unstructured)
	return is
}

func typed[T any, P interface {
	*T
	object
}]() object {
	return P(new(T))
}

func custom() object { return &unstructured.Unstructured{Object: map[string]any{}} }

func newKinds() map[string]kind {
	list := []kind{
		{schema.GroupVersionKind{Version: "v1", Kind: "Node"}, "nodes", false, []string{"status"}, typed[corev1.Node]},
		{schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, "pods", true, []string{"status", "eviction"}, typed[corev1.Pod]},
		{schema.GroupVersionKind{Version: "v1", Kind: "Event"}, "events", true, nil, typed[corev1.Event]},
		{schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolume"}, "persistentvolumes", false, nil, typed[corev1.PersistentVolume]},
		{schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"}, "persistentvolumeclaims", true, nil, typed[corev1.PersistentVolumeClaim]},
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, "deployments", true, []string{"scale"}, typed[appsv1.Deployment]},
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "StatefulSet"}, "statefulsets", true, []string{"scale"}, typed[appsv1.StatefulSet]},
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSet"}, "replicasets", true, []string{"scale"}, typed[appsv1.ReplicaSet]},
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"}, "daemonsets", true, nil, typed[appsv1.DaemonSet]},
		{schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}, "jobs", true, nil, typed[batchv1.Job]},
		{schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "CronJob"}, "cronjobs", true, nil, typed[batchv1.CronJob]},
		{schema.GroupVersionKind{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}, "poddisruptionbudgets", true, nil, typed[policyv1.PodDisruptionBudget]},
		{schema.GroupVersionKind{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}, "horizontalpodautoscalers", true, nil, typed[autoscalingv2.HorizontalPodAutoscaler]},
		{schema.GroupVersionKind{Group: "storage.k8s.io", Version: "v1", Kind: "VolumeAttachment"}, "volumeattachments", false, nil, typed[storagev1.VolumeAttachment]},
		{schema.GroupVersionKind{Group: "storage.k8s.io", Version: "v1", Kind: "CSINode"}, "csinodes", false, nil, typed[storagev1.CSINode]},
		{schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application"}, "applications", true, nil, custom},
		{schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"}, "kustomizations", true, nil, custom},
		{schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"}, "helmreleases", true, nil, custom},
	}
	out := map[string]kind{}
	for _, k := range list {
		out[k.path()] = k
	}
	return out
}
