package kubernetes

import (
	"cmp"
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// resource is a kind of object that plans are made from.
type resource struct {
	name    string // as roles call it: "poddisruptionbudgets"
	group   string
	example runtime.Object
	list    func(context.Context, kubernetes.Interface, metav1.ListOptions) (runtime.Object, error)
	watch   func(context.Context, kubernetes.Interface, metav1.ListOptions) (watch.Interface, error)
	record  func(any) (*record, bool)
}

// lister is what every typed client has.
type lister[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

func resourceOf[T any, L runtime.Object, P interface {
	*T
	runtime.Object
}](name, group string, record func(P) *record, of func(kubernetes.Interface) lister[L]) resource {
	return resource{name: name, group: group, example: P(new(T)),
		list: func(ctx context.Context, c kubernetes.Interface, o metav1.ListOptions) (runtime.Object, error) {
			return of(c).List(ctx, o)
		},
		watch: func(ctx context.Context, c kubernetes.Interface, o metav1.ListOptions) (watch.Interface, error) {
			return of(c).Watch(ctx, o)
		},
		record: recorder(record),
	}
}

// resources are all that are read. The order is that in which people are told
// what is missing.
func resources() []resource {
	type client = kubernetes.Interface
	return []resource{
		resourceOf[corev1.Node]("nodes", "", nodeRecord, func(c client) lister[*corev1.NodeList] { return c.CoreV1().Nodes() }),
		resourceOf[corev1.Pod]("pods", "", podRecord, func(c client) lister[*corev1.PodList] { return c.CoreV1().Pods("") }),
		resourceOf[appsv1.Deployment]("deployments", "apps", deploymentRecord, func(c client) lister[*appsv1.DeploymentList] { return c.AppsV1().Deployments("") }),
		resourceOf[appsv1.StatefulSet]("statefulsets", "apps", statefulSetRecord, func(c client) lister[*appsv1.StatefulSetList] { return c.AppsV1().StatefulSets("") }),
		resourceOf[appsv1.DaemonSet]("daemonsets", "apps", daemonSetRecord, func(c client) lister[*appsv1.DaemonSetList] { return c.AppsV1().DaemonSets("") }),
		resourceOf[appsv1.ReplicaSet]("replicasets", "apps", replicaSetRecord, func(c client) lister[*appsv1.ReplicaSetList] { return c.AppsV1().ReplicaSets("") }),
		resourceOf[batchv1.Job]("jobs", "batch", jobRecord, func(c client) lister[*batchv1.JobList] { return c.BatchV1().Jobs("") }),
		resourceOf[batchv1.CronJob]("cronjobs", "batch", cronJobRecord, func(c client) lister[*batchv1.CronJobList] { return c.BatchV1().CronJobs("") }),
		resourceOf[corev1.PersistentVolume]("persistentvolumes", "", volumeRecord, func(c client) lister[*corev1.PersistentVolumeList] { return c.CoreV1().PersistentVolumes() }),
		resourceOf[corev1.PersistentVolumeClaim]("persistentvolumeclaims", "", claimRecord, func(c client) lister[*corev1.PersistentVolumeClaimList] { return c.CoreV1().PersistentVolumeClaims("") }),
		resourceOf[storagev1.VolumeAttachment]("volumeattachments", "storage.k8s.io", attachmentRecord, func(c client) lister[*storagev1.VolumeAttachmentList] { return c.StorageV1().VolumeAttachments() }),
		resourceOf[storagev1.CSINode]("csinodes", "storage.k8s.io", csiNodeRecord, func(c client) lister[*storagev1.CSINodeList] { return c.StorageV1().CSINodes() }),
		resourceOf[policyv1.PodDisruptionBudget]("poddisruptionbudgets", "policy", budgetRecord, func(c client) lister[*policyv1.PodDisruptionBudgetList] { return c.PolicyV1().PodDisruptionBudgets("") }),
		resourceOf[autoscalingv2.HorizontalPodAutoscaler]("horizontalpodautoscalers", "autoscaling", scalerRecord, func(c client) lister[*autoscalingv2.HorizontalPodAutoscalerList] {
			return c.AutoscalingV2().HorizontalPodAutoscalers("")
		}),
	}
}

// recorder lets a record pass that was made before: caches hand some over twice.
func recorder[P any](make func(P) *record) func(any) (*record, bool) {
	return func(o any) (*record, bool) {
		switch o := o.(type) {
		case *record:
			return o, true
		case P:
			return make(o), true
		}
		return nil, false
	}
}

// pageSize is how many objects one answer holds, as kubectl asks for.
const pageSize = 500

// maxPages bounds a list that a broken server never ends.
const maxPages = 1000

// readAll lists a resource page by page, each request with its own timeout, and
// keeps of every page only the records. version is that of the first page.
func (c *shared) readAll(ctx context.Context, r resource) (out []*record, version string, err error) {
	o := metav1.ListOptions{Limit: pageSize}
	for range maxPages {
		var next string
		err := c.read(ctx, asked{"list", r.name, ""}, func(ctx context.Context, with *clients) error {
			l, err := r.list(ctx, with.typed, o)
			if err != nil {
				return err
			}
			m, err := meta.ListAccessor(l)
			if err != nil {
				return err
			}
			next, version = m.GetContinue(), cmp.Or(version, m.GetResourceVersion())
			return meta.EachListItem(l, func(item runtime.Object) error {
				if made, ok := r.record(item); ok {
					out = append(out, made)
				}
				return nil
			})
		})
		if err != nil {
			return nil, "", err
		}
		if next == "" {
			return out, version, nil
		}
		o.Continue = next
	}
	return nil, "", fmt.Errorf("kubernetes: the list of %s has no end", r.name)
}

// everything is one list of records for each resource, by its name; one that could
// not be read is missing.
type everything map[string][]*record

// of are the values of one resource.
func of[T any](e everything, name string) []T {
	out := make([]T, 0, len(e[name]))
	for _, r := range e[name] {
		if v, ok := r.Value.(T); ok {
			out = append(out, v)
		}
	}
	return out
}
