package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"

	"wardroom/e2e/internal/process"
)

// object is one of the cluster's.
type object interface {
	metav1.Object
	runtime.Object
}

// copyOf is an object with another name and a uid of its own.
func copyOf[T object](c *crowd, from T, name string) T {
	o := from.DeepCopyObject().(T)
	c.made++
	o.SetName(name)
	o.SetUID(types.UID(fmt.Sprintf("%08x-0000-4000-8000-00000000c0de", c.made)))
	o.SetResourceVersion("")
	return o
}

// molds are objects that others are made like.
type molds struct {
	node       *corev1.Node
	csiNode    *storagev1.CSINode
	daemons    []*corev1.Pod
	web, held  service // without and with a volume
	claim      *corev1.PersistentVolumeClaim
	volume     *corev1.PersistentVolume
	attachment *storagev1.VolumeAttachment
}

// takeMolds finds them among what testdata/world.yaml has made.
func (r *rig) takeMolds() (m molds) {
	r.Helper()
	ctx, get := process.Soon(r.T), metav1.GetOptions{}
	var err error
	must := func() {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
	}
	on := r.nodeOf("redis")
	m.node, err = r.CoreV1().Nodes().Get(ctx, on, get)
	must()
	m.csiNode, err = r.StorageV1().CSINodes().Get(ctx, on, get)
	must()
	for _, p := range r.pods("") {
		if p.Spec.NodeName == on && p.OwnerReferences[0].Kind == "DaemonSet" {
			m.daemons = append(m.daemons, &p)
		}
	}
	m.web, m.held = r.serviceLike("site"), r.serviceLike("redis")
	m.web.budget, err = r.PolicyV1().PodDisruptionBudgets("default").Get(ctx, "site", get)
	must()
	m.claim, err = r.CoreV1().PersistentVolumeClaims("default").Get(ctx, "redis", get)
	must()
	m.volume, err = r.CoreV1().PersistentVolumes().Get(ctx, m.claim.Spec.VolumeName, get)
	must()
	list, err := r.StorageV1().VolumeAttachments().List(ctx, metav1.ListOptions{})
	must()
	i := slices.IndexFunc(list.Items, func(a storagev1.VolumeAttachment) bool {
		return *a.Spec.Source.PersistentVolumeName == m.volume.Name
	})
	if i < 0 {
		r.Fatal("the volume of redis is attached to no node")
	}
	m.attachment = &list.Items[i]
	return m
}

func (r *rig) serviceLike(app string) (s service) {
	r.Helper()
	var err error
	if s.deployment, err = r.AppsV1().Deployments("default").Get(process.Soon(r.T), app, metav1.GetOptions{}); err != nil {
		r.Fatal(err)
	}
	s.pod = &r.pods(app)[0]
	if s.set, err = r.AppsV1().ReplicaSets("default").Get(process.Soon(r.T), s.pod.OwnerReferences[0].Name, metav1.GetOptions{}); err != nil {
		r.Fatal(err)
	}
	return s
}

// perWrite is how many objects etcd takes in one transaction, at most 128.
const perWrite = 60

// intoEtcd writes objects where the API server keeps them, through etcd's own gateway.
// It reads JSON as well as what it writes itself.
// https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
func (r *rig) intoEtcd(all []object) {
	r.Helper()
	type put struct {
		Key   []byte `json:"key"`
		Value []byte `json:"value"`
	}
	type operation struct {
		Put put `json:"request_put"`
	}
	for some := range slices.Chunk(all, perWrite) {
		var ask struct {
			Success []operation `json:"success"`
		}
		for _, o := range some {
			kinds, _, err := scheme.Scheme.ObjectKinds(o)
			if err != nil {
				r.Fatal(err)
			}
			o.GetObjectKind().SetGroupVersionKind(kinds[0])
			text, err := json.Marshal(o)
			if err != nil {
				r.Fatal(err)
			}
			ask.Success = append(ask.Success, operation{put{[]byte(etcdKey(o)), text}})
		}
		body, err := json.Marshal(ask)
		if err != nil {
			r.Fatal(err)
		}
		res, err := http.Post(r.etcd+"/v3/kv/txn", "application/json", bytes.NewReader(body))
		if err != nil {
			r.Fatal(err)
		}
		said, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(said), `"succeeded":true`) {
			r.Fatalf("etcd: %s %v %s", res.Status, err, said)
		}
	}
}

// etcdKey is where the API server keeps an object.
func etcdKey(o object) string {
	place := strings.ToLower(o.GetObjectKind().GroupVersionKind().Kind) + "s"
	if place == "nodes" {
		place = "minions"
	}
	if o.GetNamespace() != "" {
		place += "/" + o.GetNamespace()
	}
	return "/registry/" + place + "/" + o.GetName()
}
