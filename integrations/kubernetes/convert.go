package kubernetes

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"wardroom/bot/fleet"
)

func nodeRecord(n *corev1.Node) *record {
	return newRecord(&n.ObjectMeta, "Node", func(o fleet.Object) any {
		node := fleet.Node{Name: n.Name, Ready: fleet.Unknown, Unschedulable: n.Spec.Unschedulable, Labels: kept(n.Labels),
			Created: utc(n.CreationTimestamp), Version: n.Status.NodeInfo.KubeletVersion, SystemUUID: n.Status.NodeInfo.SystemUUID,
			System:   n.Status.NodeInfo.OSImage,
			Identity: identity(n), Allocatable: fleet.Resources{MilliCPU: n.Status.Allocatable.Cpu().MilliValue(),
				Memory: n.Status.Allocatable.Memory().Value(), Pods: n.Status.Allocatable.Pods().Value()}}
		for _, role := range []string{"control-plane", "master"} {
			if _, is := n.Labels["node-role.kubernetes.io/"+role]; is {
				node.ControlPlane = true
			}
		}
		for _, t := range n.Spec.Taints {
			node.Taints = append(node.Taints, fleet.Taint{Key: t.Key, Value: t.Value, Effect: string(t.Effect)})
		}
		for _, c := range n.Status.Conditions {
			switch {
			case c.Type == corev1.NodeReady:
				node.Ready, node.ReadySince = truth(c.Status), utc(c.LastTransitionTime)
			case c.Status == corev1.ConditionTrue:
				node.Pressure = append(node.Pressure, string(c.Type))
			}
		}
		for _, a := range n.Status.Addresses {
			switch {
			case a.Type == corev1.NodeHostName:
				node.Hostname = a.Address
			case a.Type == corev1.NodeInternalIP && node.Address == "":
				node.Address = a.Address
			}
		}
		return node
	})
}

func identity(n *corev1.Node) fleet.Identity {
	return fleet.Identity{ProviderID: n.Spec.ProviderID, BootID: n.Status.NodeInfo.BootID,
		MachineID: n.Status.NodeInfo.MachineID, Instance: instanceOf(n.Spec.ProviderID)}
}

func truth(s corev1.ConditionStatus) fleet.Truth {
	switch s {
	case corev1.ConditionTrue:
		return fleet.True
	case corev1.ConditionFalse:
		return fleet.False
	}
	return fleet.Unknown
}

func workloadRecord(m *metav1.ObjectMeta, kind, group string, fill func(*fleet.Workload)) *record {
	return newRecord(m, kind, func(o fleet.Object) any {
		w := fleet.Workload{Object: o, Labels: kept(m.Labels), Annotations: kept(m.Annotations), Generation: m.Generation}
		fill(&w)
		return workload{w, group}
	})
}

// wanted is how many replicas are asked for; the API's default is one.
func wanted(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}

func deploymentRecord(d *appsv1.Deployment) *record {
	return workloadRecord(&d.ObjectMeta, "Deployment", "apps", func(w *fleet.Workload) {
		w.Replicas, w.Ready, w.Updated = wanted(d.Spec.Replicas), int(d.Status.ReadyReplicas), int(d.Status.UpdatedReplicas)
		w.Scalable, w.Observed = true, d.Status.ObservedGeneration
		w.Current, w.Restarted = int(d.Status.Replicas), restarted(&d.Spec.Template)
		if d.Spec.Paused {
			w.Manual = "paused"
		}
	})
}

// restarted is what the last rollout restart has left in a template.
func restarted(t *corev1.PodTemplateSpec) time.Time {
	at, err := time.Parse(time.RFC3339, t.Annotations[RestartedAt])
	if err != nil {
		return time.Time{} // there was none that can be told
	}
	return at.UTC()
}

func statefulSetRecord(s *appsv1.StatefulSet) *record {
	return workloadRecord(&s.ObjectMeta, "StatefulSet", "apps", func(w *fleet.Workload) {
		w.Replicas, w.Ready, w.Updated = wanted(s.Spec.Replicas), int(s.Status.ReadyReplicas), int(s.Status.UpdatedReplicas)
		w.Scalable, w.Observed = true, s.Status.ObservedGeneration
		w.Current, w.Restarted = int(s.Status.Replicas), restarted(&s.Spec.Template)
		switch u := s.Spec.UpdateStrategy; {
		case u.Type == appsv1.OnDeleteStatefulSetStrategyType:
			w.Manual = "OnDelete"
		case u.RollingUpdate != nil && u.RollingUpdate.Partition != nil && *u.RollingUpdate.Partition > 0:
			w.Manual = "partition"
		}
	})
}

func replicaSetRecord(s *appsv1.ReplicaSet) *record {
	return workloadRecord(&s.ObjectMeta, "ReplicaSet", "apps", func(w *fleet.Workload) {
		w.Replicas, w.Ready, w.Updated = wanted(s.Spec.Replicas), int(s.Status.ReadyReplicas), int(s.Status.FullyLabeledReplicas)
		w.Scalable, w.Observed = true, s.Status.ObservedGeneration
		if metav1.GetControllerOf(s) != nil {
			w.Labels, w.Annotations = nil, nil // only a link of a chain
		}
	})
}

func daemonSetRecord(d *appsv1.DaemonSet) *record {
	return workloadRecord(&d.ObjectMeta, "DaemonSet", "apps", func(w *fleet.Workload) {
		w.Replicas, w.Ready, w.Updated = int(d.Status.DesiredNumberScheduled), int(d.Status.NumberReady), int(d.Status.UpdatedNumberScheduled)
		w.Observed = d.Status.ObservedGeneration
		w.Current, w.Restarted = int(d.Status.CurrentNumberScheduled), restarted(&d.Spec.Template)
		if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
			w.Manual = "OnDelete"
		}
	})
}

func jobRecord(j *batchv1.Job) *record {
	return workloadRecord(&j.ObjectMeta, "Job", "batch", func(w *fleet.Workload) {
		w.Replicas, w.Labels, w.Annotations = wanted(j.Spec.Parallelism), nil, nil
		if j.Status.Ready != nil {
			w.Ready = int(*j.Status.Ready)
		}
		w.Observed = w.Generation
	})
}

// cronJob is one with what backups need.
type cronJob struct {
	workload
	backup fleet.Backup
}

func cronJobRecord(c *batchv1.CronJob) *record {
	r := workloadRecord(&c.ObjectMeta, "CronJob", "batch", func(w *fleet.Workload) { w.Observed = w.Generation })
	w := r.Value.(workload)
	b := fleet.Backup{Object: w.Object, Suspended: c.Spec.Suspend != nil && *c.Spec.Suspend}
	if c.Status.LastSuccessfulTime != nil {
		b.LastSuccess = utc(*c.Status.LastSuccessfulTime)
	}
	r.Value = cronJob{w, b}
	return r
}

func volumeRecord(v *corev1.PersistentVolume) *record {
	return newRecord(&v.ObjectMeta, "PersistentVolume", func(fleet.Object) any {
		out := fleet.Volume{Name: v.Name, Phase: string(v.Status.Phase)}
		if c := v.Spec.ClaimRef; c != nil {
			out.Claim = fleet.Object{Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: string(c.UID)}
		}
		if c := v.Spec.CSI; c != nil {
			out.Driver, out.Handle, out.CloudID = c.Driver, c.VolumeHandle, cloudID(c.Driver, c.VolumeHandle)
		}
		for _, m := range v.Spec.AccessModes {
			out.Modes = append(out.Modes, string(m))
		}
		return out
	})
}

func claimRecord(c *corev1.PersistentVolumeClaim) *record {
	return newRecord(&c.ObjectMeta, "PersistentVolumeClaim", func(o fleet.Object) any {
		return fleet.Claim{Object: o, Volume: c.Spec.VolumeName}
	})
}

func attachmentRecord(a *storagev1.VolumeAttachment) *record {
	return newRecord(&a.ObjectMeta, "VolumeAttachment", func(fleet.Object) any {
		out := fleet.Attachment{Name: a.Name, Node: a.Spec.NodeName, Attached: a.Status.Attached,
			Created: utc(a.CreationTimestamp), Deleting: a.DeletionTimestamp != nil}
		if a.Spec.Source.PersistentVolumeName != nil {
			out.Volume = *a.Spec.Source.PersistentVolumeName
		}
		switch {
		case a.Status.DetachError != nil:
			out.Error = cut(a.Status.DetachError.Message, 500)
		case a.Status.AttachError != nil:
			out.Error = cut(a.Status.AttachError.Message, 500)
		}
		return out
	})
}

func csiNodeRecord(n *storagev1.CSINode) *record {
	return newRecord(&n.ObjectMeta, "CSINode", func(fleet.Object) any {
		var out csiNode
		for _, d := range n.Spec.Drivers {
			out.drivers = append(out.drivers, intern(d.Name))
		}
		slices.Sort(out.drivers)
		return out
	})
}

func budgetRecord(b *policyv1.PodDisruptionBudget) *record {
	return newRecord(&b.ObjectMeta, "PodDisruptionBudget", func(o fleet.Object) any {
		out := budget{Budget: fleet.Budget{Object: o, Allowed: int(b.Status.DisruptionsAllowed)}}
		if s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector); err == nil {
			out.selector = s
		}
		return out
	})
}

func scalerRecord(h *autoscalingv2.HorizontalPodAutoscaler) *record {
	return newRecord(&h.ObjectMeta, "HorizontalPodAutoscaler", func(o fleet.Object) any {
		t := h.Spec.ScaleTargetRef
		gv, err := schema.ParseGroupVersion(t.APIVersion)
		if err != nil {
			gv = schema.GroupVersion{}
		}
		return scaler{o, owner{fleet.Object{Kind: t.Kind, Namespace: o.Namespace, Name: t.Name}, gv.Group}}
	})
}
