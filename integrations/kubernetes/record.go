package kubernetes

import (
	"strconv"
	"strings"
	"time"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"wardroom/bot/fleet"
)

// record is what is kept of one object of the cluster: what plans need of it, and
// no more, so that ten thousand pods stay small. It is made when the object
// arrives, and never changed.
type record struct {
	metav1.ObjectMeta // name, namespace, resourceVersion, uid: what caches need

	// Owner is the object's controller; zero when it has none.
	Owner owner
	// Value is a fleet.Pod, a fleet.Node, … or one of the types below.
	Value any
}

// owner is a controller as an object names it.
type owner struct {
	fleet.Object
	Group string
}

// csiNode is what a CSINode says of its node.
type csiNode struct{ drivers []string }

// budget is a PodDisruptionBudget before its pods are known.
type budget struct {
	fleet.Budget
	selector labels.Selector // nil: it covers none
}

// scaler is a HorizontalPodAutoscaler.
type scaler struct {
	fleet.Object
	target owner
}

// workload is one with the marks of who keeps it.
type workload struct {
	fleet.Workload
	group string
}

func newRecord(m *metav1.ObjectMeta, kind string, value func(fleet.Object) any) *record {
	r := &record{ObjectMeta: metav1.ObjectMeta{Name: m.Name, Namespace: intern(m.Namespace), ResourceVersion: m.ResourceVersion, UID: m.UID}}
	for _, o := range m.OwnerReferences {
		if o.Controller != nil && *o.Controller {
			group, _, grouped := strings.Cut(o.APIVersion, "/")
			if !grouped {
				group = ""
			}
			r.Owner = owner{fleet.Object{Kind: intern(o.Kind), Namespace: r.Namespace, Name: intern(o.Name), UID: intern(string(o.UID))}, intern(group)}
		}
	}
	r.Value = value(fleet.Object{Kind: kind, Namespace: r.Namespace, Name: r.Name, UID: string(r.UID)})
	return r
}

// intern keeps one copy of text that many objects share.
func intern(s string) string {
	if s == "" {
		return ""
	}
	return unique.Make(s).Value()
}

// kept returns labels or annotations with shared text; those that only hold a copy
// of the object, or are long, are left out.
func kept(m map[string]string) map[string]string {
	const longest = 256
	out := make(map[string]string, len(m))
	for k, v := range m {
		if len(v) <= longest {
			out[intern(k)] = intern(v)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// driver of Linode's block storage. Its volumes' handles begin with Linode's number:
// https://github.com/linode/linode-blockstorage-csi-driver
const driver = "linodebs.csi.linode.com"

// cloudID reads Linode's number of a volume out of its handle, "12345-pvcbb1d06139b334c1f".
func cloudID(by, handle string) int {
	if by != driver {
		return 0
	}
	number, _, ok := strings.Cut(handle, "-")
	return positive(number, ok)
}

// instanceOf reads Linode's number of a machine out of a node's provider id.
// https://github.com/linode/linode-cloud-controller-manager
func instanceOf(providerID string) int {
	number, ok := strings.CutPrefix(providerID, "linode://")
	return positive(number, ok)
}

func positive(number string, ok bool) int {
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 {
		return 0
	}
	return n
}

func utc(t metav1.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
