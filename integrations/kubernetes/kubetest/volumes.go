package kubetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// volumesOf are the PersistentVolumes of a pod.
func (s *Server) volumesOf(p *corev1.Pod) (out []*corev1.PersistentVolume) {
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		c, ok := s.store.get(s.store.byResource("persistentvolumeclaims"), p.Namespace, v.PersistentVolumeClaim.ClaimName).(*corev1.PersistentVolumeClaim)
		if !ok {
			continue
		}
		if pv, ok := s.store.get(s.store.byResource("persistentvolumes"), "", c.Spec.VolumeName).(*corev1.PersistentVolume); ok && pv.Spec.CSI != nil {
			out = append(out, pv)
		}
	}
	return out
}

// diskOf is the cloud's number of a volume, and its label there.
func diskOf(pv *corev1.PersistentVolume) (int, string) {
	number, label, _ := strings.Cut(pv.Spec.CSI.VolumeHandle, "-")
	id, err := strconv.Atoi(number)
	if err != nil {
		return 0, label
	}
	return id, label
}

func attachmentName(pv, node string) string { return "csi-" + shortHash(pv+Driver+node, 64) }

func (s *Server) volumeLife(pv, node string) *volumeLife {
	key := pv + "/" + node
	if s.life.volumes[key] == nil {
		s.life.volumes[key] = &volumeLife{}
	}
	return s.life.volumes[key]
}

// attachments are Kubernetes' attach/detach controller and Linode's attacher.
// https://github.com/linode/linode-blockstorage-csi-driver
func (s *Server) attachments() {
	used := map[string]bool{} // volume/node: a pod is there, even one that ends
	for _, p := range s.pods() {
		for _, pv := range s.volumesOf(p) {
			if p.Spec.NodeName != "" {
				used[pv.Name+"/"+p.Spec.NodeName] = true
			}
		}
	}
	for _, o := range s.store.list(s.store.byResource("volumeattachments"), "") {
		va := o.(*storagev1.VolumeAttachment)
		pv, node := *va.Spec.Source.PersistentVolumeName, va.Spec.NodeName
		if !used[pv+"/"+node] && va.DeletionTimestamp == nil {
			s.release(va, s.volumeLife(pv, node))
		} else if used[pv+"/"+node] {
			s.volumeLife(pv, node).idle = time.Time{}
		}
	}
	for _, p := range s.pods() {
		if p.Spec.NodeName == "" || p.DeletionTimestamp != nil {
			continue
		}
		for _, pv := range s.volumesOf(p) {
			s.want(p, pv)
		}
	}
	for _, o := range s.store.list(s.store.byResource("volumeattachments"), "") {
		s.attacher(o.(*storagev1.VolumeAttachment))
	}
}

// release lets a volume go that no pod uses on the node: at once when it is not
// mounted there, or the kubelet unmounts it; otherwise when the node is out of
// service, or after the six minutes.
func (s *Server) release(va *storagev1.VolumeAttachment, v *volumeLife) {
	if v.idle.IsZero() {
		v.idle = s.now()
	}
	l, _, alive := s.alive(va.Spec.NodeName)
	if alive || l != nil && l.boot != v.boot && l.running {
		v.mounted = false // it unmounts it, or was booted since
	}
	n, there := s.store.get(s.store.byResource("nodes"), "", va.Spec.NodeName).(*corev1.Node)
	out := there && tainted(n, outOfService) != nil
	if v.mounted && !out && !s.due(v.idle.Add(s.opt.Timing.ForceDetach)) {
		return
	}
	s.edit("volumeattachments", va, func(o object) {
		at := s.stamp()
		o.SetDeletionTimestamp(&at)
	})
	v.asked = time.Time{}
}

// want makes the VolumeAttachment of a pod's volume.
func (s *Server) want(p *corev1.Pod, pv *corev1.PersistentVolume) {
	k := s.store.byResource("volumeattachments")
	if s.store.get(k, "", attachmentName(pv.Name, p.Spec.NodeName)) != nil {
		return
	}
	for _, o := range s.store.list(k, "") {
		if other := o.(*storagev1.VolumeAttachment); *other.Spec.Source.PersistentVolumeName == pv.Name {
			s.trouble(p, "FailedAttachVolume", fmt.Sprintf("Multi-Attach error for volume %q Volume is already exclusively attached to one node and can't be attached to another", pv.Name))
			return
		}
	}
	if !s.registered(p.Spec.NodeName) {
		s.trouble(p, "FailedAttachVolume", fmt.Sprintf("AttachVolume.Attach failed for volume %q : CSINode %s does not contain driver %s", pv.Name, p.Spec.NodeName, Driver))
		return
	}
	name := pv.Name
	*s.volumeLife(pv.Name, p.Spec.NodeName) = volumeLife{}
	s.put(k, &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: attachmentName(pv.Name, p.Spec.NodeName), Finalizers: []string{"external-attacher/linodebs-csi-linode-com"},
		Annotations: map[string]string{"csi.alpha.kubernetes.io/node-id": s.machineIDOf(p.Spec.NodeName)}},
		Spec: storagev1.VolumeAttachmentSpec{Attacher: Driver, NodeName: p.Spec.NodeName, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &name}}})
}

func (s *Server) machineIDOf(node string) string {
	n, ok := s.store.get(s.store.byResource("nodes"), "", node).(*corev1.Node)
	if !ok {
		return ""
	}
	return strings.TrimPrefix(n.Spec.ProviderID, "linode://")
}

// driverNode is the machine that the driver has registered on a node; 0: none.
func (s *Server) driverNode(node string) int {
	c, ok := s.store.get(s.store.byResource("csinodes"), "", node).(*storagev1.CSINode)
	if !ok || len(c.Spec.Drivers) == 0 {
		return 0
	}
	id, err := strconv.Atoi(c.Spec.Drivers[0].NodeID)
	if err != nil {
		return 0
	}
	return id
}

// pollEvery is how often an unfinished act is looked at. A cloud that tells is looked
// at less often: it may not tell what came to nothing.
func (s *Server) pollEvery() time.Duration {
	if _, tells := s.opt.Cloud.(Notifier); tells {
		return 15 * s.opt.Timing.Poll
	}
	return s.opt.Timing.Poll
}

// attacher is Linode's volume driver behind Kubernetes' external-attacher.
//
// It takes a volume that the cloud says to be attached to the right machine for
// attached, whether the machine has it or not. To detach, it is told the machine that
// is registered under the node's name now: one that has taken over the name of the
// machine which holds the volume makes the driver find the volume "attached to a
// different node" and let the VolumeAttachment go, with the volume where it was.
// https://github.com/kubernetes-csi/external-attacher: GetNodeIDFromCSINode, and the
// annotation csi.alpha.kubernetes.io/node-id only where there is none.
func (s *Server) attacher(va *storagev1.VolumeAttachment) {
	pv, ok := s.store.get(s.store.byResource("persistentvolumes"), "", *va.Spec.Source.PersistentVolumeName).(*corev1.PersistentVolume)
	machine, err := strconv.Atoi(va.Annotations["csi.alpha.kubernetes.io/node-id"])
	if !ok || err != nil || !s.life.cloud.ok {
		return
	}
	if on := s.driverNode(va.Spec.NodeName); on != 0 && va.DeletionTimestamp != nil {
		machine = on
	}
	id, _ := diskOf(pv)
	disk, v := s.life.cloud.disks[id], s.volumeLife(pv.Name, va.Spec.NodeName)
	poll := func() { s.due(s.now().Add(s.pollEvery())) }
	ask := func(do error) bool { // a refusal is asked about again sooner than what only takes its time
		if v.asked = s.now(); do != nil {
			v.asked = v.asked.Add(5*s.opt.Timing.Poll - s.opt.Timing.Driver)
			s.due(v.asked.Add(s.opt.Timing.Driver))
		}
		s.dirty = true
		return do == nil
	}
	switch {
	case va.DeletionTimestamp != nil && disk.Machine != machine:
		s.drop("volumeattachments", va)
		delete(s.life.volumes, pv.Name+"/"+va.Spec.NodeName)
	case va.DeletionTimestamp != nil:
		poll()
		if v.asked.IsZero() || s.due(v.asked.Add(s.opt.Timing.Driver)) {
			if err := s.opt.Cloud.Detach(id); !ask(err) {
				s.failed(va, func(e *storagev1.VolumeError, st *storagev1.VolumeAttachmentStatus) { st.DetachError = e }, "rpc error: code = Internal desc = "+err.Error())
			}
		}
	case va.Status.Attached:
	case disk.Machine == machine:
		v.since = s.now()
		s.edit("volumeattachments", va, func(o object) {
			st := &o.(*storagev1.VolumeAttachment).Status
			st.Attached, st.AttachError = true, nil
		})
	case s.life.cloud.machines[machine].ID == 0:
		s.failed(va, attachError, fmt.Sprintf("rpc error: code = NotFound desc = linode instance %d not found", machine))
	case disk.Machine != 0:
		s.failed(va, attachError, fmt.Sprintf("rpc error: code = FailedPrecondition desc = volume %d is already attached to linode %d", id, disk.Machine))
		poll()
	default:
		poll()
		if v.asked.IsZero() || s.due(v.asked.Add(s.opt.Timing.Driver)) {
			if err := s.opt.Cloud.Attach(id, machine); !ask(err) {
				s.failed(va, attachError, "rpc error: code = Internal desc = "+err.Error())
			}
		}
	}
}

func attachError(e *storagev1.VolumeError, st *storagev1.VolumeAttachmentStatus) { st.AttachError = e }

// failed writes the driver's error down, and tells it with the pods that wait.
func (s *Server) failed(va *storagev1.VolumeAttachment, where func(*storagev1.VolumeError, *storagev1.VolumeAttachmentStatus), message string) {
	s.edit("volumeattachments", va, func(o object) {
		st := &o.(*storagev1.VolumeAttachment).Status
		var now storagev1.VolumeAttachmentStatus
		where(&storagev1.VolumeError{Message: message}, &now)
		if st.AttachError != nil && now.AttachError != nil && st.AttachError.Message == message || st.DetachError != nil && now.DetachError != nil && st.DetachError.Message == message {
			return
		}
		where(&storagev1.VolumeError{Time: s.stamp(), Message: message}, st)
	})
	for _, p := range s.podsOn(va.Spec.NodeName) {
		if p.DeletionTimestamp == nil && slices.ContainsFunc(s.volumesOf(p), func(pv *corev1.PersistentVolume) bool { return pv.Name == *va.Spec.Source.PersistentVolumeName }) {
			s.trouble(p, "FailedAttachVolume", fmt.Sprintf("AttachVolume.Attach failed for volume %q : %s", *va.Spec.Source.PersistentVolumeName, message))
		}
	}
}

// mount is the kubelet's: it finds each volume's device, or tells that there is none.
func (s *Server) mount(p *corev1.Pod, l *machine) bool {
	for _, pv := range s.volumesOf(p) {
		va, ok := s.store.get(s.store.byResource("volumeattachments"), "", attachmentName(pv.Name, p.Spec.NodeName)).(*storagev1.VolumeAttachment)
		if !ok || !va.Status.Attached || va.DeletionTimestamp != nil {
			return false
		}
		if !s.registered(p.Spec.NodeName) {
			s.trouble(p, "FailedMount", fmt.Sprintf("MountVolume.MountDevice failed for volume %q : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name %s not found in the list of registered CSI drivers", pv.Name, Driver))
			return false
		}
		id, label := diskOf(pv)
		machine, err := strconv.Atoi(s.machineIDOf(p.Spec.NodeName))
		if disk := s.life.cloud.disks[id]; err != nil || disk.Machine != machine || !disk.Usable {
			if !s.due(s.volumeLife(pv.Name, p.Spec.NodeName).since.Add(s.opt.Timing.Device)) {
				return false // devices take some seconds to appear
			}
			s.trouble(p, "FailedMount", fmt.Sprintf("MountVolume.MountDevice failed for volume %q : rpc error: code = Internal desc = Unable to find device path out of attempted paths: [/dev/disk/by-id/linode-%s /dev/disk/by-id/scsi-0Linode_Volume_%s]", pv.Name, label, label))
			return false
		}
		v := s.volumeLife(pv.Name, p.Spec.NodeName)
		v.mounted, v.boot, v.machine = true, l.boot, machine
	}
	return true
}
