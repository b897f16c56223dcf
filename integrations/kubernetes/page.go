package kubernetes

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// page is a list of records: what client-go's caches take in place of the list
// that came from the cluster.
type page struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []*record
}

func (p *page) DeepCopyObject() runtime.Object {
	out := *p
	return &out // records are never changed
}

// GetObjectKind implements runtime.Object.
func (r *record) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object. A record is never changed.
func (r *record) DeepCopyObject() runtime.Object {
	out := *r
	return &out
}
