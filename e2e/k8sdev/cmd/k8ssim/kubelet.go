package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/record"
)

const (
	volumesReady = "k8sdev.e2e/volumes-ready" // annotation of a pod that the Stage pod-ready waits for
	alive        = "type=kwok"                // the label of nodes whose kubelet lives
	// mountWithin is how long a mount may take before an event tells of it; two minutes
	// elsewhere.
	mountWithin = 3 * time.Second
)

// kubelet is the volume manager of all kubelets.
type kubelet struct {
	cluster  kubernetes.Interface
	cloud    *linode
	nodes    corelisters.NodeLister
	pods     corelisters.PodLister
	claims   corelisters.PersistentVolumeClaimLister
	volumes  corelisters.PersistentVolumeLister
	drivers  storagelisters.CSINodeLister
	events   record.EventBroadcaster
	waitFrom map[types.UID]time.Time // since when a pod waits, or was last warned of
}

// runKubeletVolumes does what kwok leaves out: the driver's CSINode,
// node.status.volumesInUse, waiting for attachments and for the device before a pod
// starts, and FailedMount events.
func runKubeletVolumes(ctx context.Context, cluster kubernetes.Interface, cloud *linode) error {
	f := informers.NewSharedInformerFactory(cluster, 0)
	k := &kubelet{cluster: cluster, cloud: cloud, events: record.NewBroadcaster(), waitFrom: map[types.UID]time.Time{}}
	k.nodes, k.pods = f.Core().V1().Nodes().Lister(), f.Core().V1().Pods().Lister()
	k.claims, k.volumes = f.Core().V1().PersistentVolumeClaims().Lister(), f.Core().V1().PersistentVolumes().Lister()
	k.drivers = f.Storage().V1().CSINodes().Lister()
	f.Start(ctx.Done())
	f.WaitForCacheSync(ctx.Done())
	k.events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: cluster.CoreV1().Events("")})
	defer k.events.Shutdown()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		if err := k.sync(ctx); err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			fmt.Fprintln(os.Stderr, "kubelet-volumes:", err) // it looks again
		}
	}
}

func (k *kubelet) sync(ctx context.Context) error {
	living, err := labels.Parse(alive)
	if err != nil {
		return err
	}
	nodes, err := k.nodes.List(living)
	if err != nil {
		return err
	}
	pods, err := k.pods.List(labels.Everything())
	if err != nil {
		return err
	}
	on := map[string][]*corev1.Pod{} // by node
	for _, p := range pods {
		if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			on[p.Spec.NodeName] = append(on[p.Spec.NodeName], p)
		}
	}
	for _, n := range nodes {
		if err := k.registerDriver(ctx, n); err != nil {
			return err
		}
		inUse := []corev1.UniqueVolumeName{}
		for _, p := range on[n.Name] {
			used, err := k.pod(ctx, n, p)
			if err != nil {
				return err
			}
			inUse = append(inUse, used...)
		}
		if err := k.report(ctx, n, inUse); err != nil {
			return err
		}
	}
	return nil
}

// registerDriver makes the CSINode of a node, which names the driver and what the
// driver calls the node. One that a node of the same name has left is replaced.
func (k *kubelet) registerDriver(ctx context.Context, n *corev1.Node) error {
	api := k.cluster.StorageV1().CSINodes()
	have, err := k.drivers.Get(n.Name)
	switch {
	case apierrors.IsNotFound(err):
		_, err = api.Create(ctx, &storagev1.CSINode{
			ObjectMeta: metav1.ObjectMeta{Name: n.Name, OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.Name, UID: n.UID}}},
			Spec: storagev1.CSINodeSpec{Drivers: []storagev1.CSINodeDriver{{Name: driver, NodeID: strings.TrimPrefix(n.Spec.ProviderID, "linode://"),
				TopologyKeys: []string{"topology.linode.com/region"}, Allocatable: &storagev1.VolumeNodeResources{Count: new(int32(7))}}}},
		}, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) { // made by the last look
			return nil
		}
		return err
	case err != nil || len(have.OwnerReferences) == 1 && have.OwnerReferences[0].UID == n.UID:
		return err
	}
	return api.Delete(ctx, n.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &have.UID}})
}

// pod returns the volumes of a pod, and lets it start when they are there.
func (k *kubelet) pod(ctx context.Context, n *corev1.Node, p *corev1.Pod) (used []corev1.UniqueVolumeName, err error) {
	var names []string
	missing := ""
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		names = append(names, v.Name)
		pv := k.bound(p.Namespace, v.PersistentVolumeClaim.ClaimName)
		if pv == nil {
			missing = "not bound"
			continue
		}
		unique := corev1.UniqueVolumeName("kubernetes.io/csi/" + pv.Spec.CSI.Driver + "^" + pv.Spec.CSI.VolumeHandle)
		used = append(used, unique)
		switch {
		case !slices.ContainsFunc(n.Status.VolumesAttached, func(a corev1.AttachedVolume) bool { return a.Name == unique }):
			missing = "not attached"
		case p.Annotations[volumesReady] == "" && !k.seen(ctx, n, pv):
			missing = fmt.Sprintf("MountVolume.MountDevice failed for volume %q : rpc error: code = Internal desc = device path not found for %s", pv.Name, pv.Spec.CSI.VolumeHandle)
		}
	}
	switch {
	case len(names) == 0 || p.Annotations[volumesReady] != "" || p.DeletionTimestamp != nil:
		return used, nil
	case missing != "":
		k.warn(n, p, names, missing)
		return used, nil
	}
	change, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": p.UID, "annotations": map[string]string{volumesReady: "true"}}})
	if err == nil {
		_, err = k.cluster.CoreV1().Pods(p.Namespace).Patch(ctx, p.Name, types.MergePatchType, change, metav1.PatchOptions{})
	}
	return used, err
}

// bound is the volume of a claim, or nil.
func (k *kubelet) bound(namespace, claim string) *corev1.PersistentVolume {
	c, err := k.claims.PersistentVolumeClaims(namespace).Get(claim)
	if err != nil || c.Spec.VolumeName == "" {
		return nil
	}
	v, err := k.volumes.Get(c.Spec.VolumeName)
	if err != nil || v.Spec.CSI == nil {
		return nil
	}
	return v
}

// seen reports whether the machine has the device, which Linode saying "attached"
// does not mean.
func (k *kubelet) seen(ctx context.Context, n *corev1.Node, pv *corev1.PersistentVolume) bool {
	id, err := volumeID(pv.Spec.CSI.VolumeHandle)
	if err != nil {
		return false
	}
	v, err := k.cloud.volume(ctx, id)
	return err == nil && v.Ready && v.Linode != nil && strconv.Itoa(*v.Linode) == strings.TrimPrefix(n.Spec.ProviderID, "linode://")
}

// warn tells of a mount that takes long, as kubelet does.
func (k *kubelet) warn(n *corev1.Node, p *corev1.Pod, names []string, why string) {
	since, waits := k.waitFrom[p.UID]
	if waits && time.Since(since) < mountWithin {
		return
	}
	k.waitFrom[p.UID] = time.Now()
	if !waits {
		return
	}
	if !strings.HasPrefix(why, "MountVolume") {
		why = fmt.Sprintf("Unable to attach or mount volumes: unmounted volumes=%v, unattached volumes=%v, failed to process volumes=[]: timed out waiting for the condition", names, names)
	}
	k.events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: n.Name}).Event(p, corev1.EventTypeWarning, "FailedMount", why)
}

// report writes which volumes a node uses: the attach-detach controller takes none
// away that is in use.
func (k *kubelet) report(ctx context.Context, n *corev1.Node, inUse []corev1.UniqueVolumeName) error {
	slices.Sort(inUse)
	inUse = slices.Compact(inUse)
	have := slices.Clone(n.Status.VolumesInUse)
	slices.Sort(have)
	if slices.Equal(have, inUse) {
		return nil
	}
	change, err := json.Marshal(map[string]any{"status": map[string]any{"volumesInUse": inUse}})
	if err == nil {
		_, err = k.cluster.CoreV1().Nodes().Patch(ctx, n.Name, types.MergePatchType, change, metav1.PatchOptions{}, "status")
	}
	return err
}
