package kubernetes

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"wardroom/bot/fleet"
)

// defaultContainer names the container that kubectl takes where none is named.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-default-container
const defaultContainer = "kubectl.kubernetes.io/default-container"

func podRecord(p *corev1.Pod) *record {
	return newRecord(&p.ObjectMeta, "Pod", func(o fleet.Object) any {
		out := fleet.Pod{Object: o, Node: intern(p.Spec.NodeName), Phase: intern(string(p.Status.Phase)),
			Created: utc(p.CreationTimestamp), Since: utc(p.CreationTimestamp), Labels: kept(p.Labels), Requests: requests(&p.Spec)}
		out.BearsCordon = slices.ContainsFunc(p.Spec.Tolerations, bearsCordon)
		for _, c := range p.Spec.Containers {
			out.Containers = append(out.Containers, intern(c.Name))
		}
		if i := slices.Index(out.Containers, p.Annotations[defaultContainer]); i > 0 {
			out.Containers[0], out.Containers[i] = out.Containers[i], out.Containers[0]
		}
		_, out.Mirror = p.Annotations[corev1.MirrorPodAnnotationKey]
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady {
				out.Ready = c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
				if !c.LastTransitionTime.IsZero() {
					out.Since = utc(c.LastTransitionTime)
				}
			}
		}
		if p.DeletionTimestamp != nil {
			// It is when the pod is to be gone; people ask since when it goes.
			out.Terminating = utc(*p.DeletionTimestamp)
			if p.DeletionGracePeriodSeconds != nil {
				out.Terminating = out.Terminating.Add(-time.Duration(*p.DeletionGracePeriodSeconds) * time.Second)
			}
		}
		if !out.Ready {
			out.Reason = intern(cut(reason(p), 60))
		}
		for _, v := range p.Spec.Volumes {
			switch {
			case v.PersistentVolumeClaim != nil:
				out.Claims = append(out.Claims, v.PersistentVolumeClaim.ClaimName)
			case v.Ephemeral != nil:
				out.Claims = append(out.Claims, p.Name+"-"+v.Name)
			case v.EmptyDir != nil && v.EmptyDir.Medium != corev1.StorageMediumMemory,
				v.HostPath != nil && written(&p.Spec, v.Name):
				out.LocalData = true
			}
		}
		return out
	})
}

// bearsCordon reports whether a toleration is one of the taint that a cordon stands for.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-unschedulable
func bearsCordon(t corev1.Toleration) bool {
	switch {
	case t.Effect != "" && t.Effect != corev1.TaintEffectNoSchedule:
		return false
	case t.Operator == corev1.TolerationOpExists:
		return t.Key == "" || t.Key == corev1.TaintNodeUnschedulable
	}
	return (t.Operator == "" || t.Operator == corev1.TolerationOpEqual) && t.Key == corev1.TaintNodeUnschedulable && t.Value == ""
}

// written reports whether a container may write to a volume.
func written(s *corev1.PodSpec, volume string) bool {
	for _, containers := range [][]corev1.Container{s.InitContainers, s.Containers} {
		for _, c := range containers {
			for _, m := range c.VolumeMounts {
				if m.Name == volume && !m.ReadOnly {
					return true
				}
			}
		}
	}
	return false
}

// reason is why a pod is not Ready, the most telling word first.
func reason(p *corev1.Pod) string {
	for _, statuses := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, s := range statuses {
			if w := s.State.Waiting; w != nil && w.Reason != "" && w.Reason != "PodInitializing" {
				return w.Reason
			}
			if t := s.State.Terminated; t != nil && t.Reason != "" && t.ExitCode != 0 {
				return t.Reason
			}
		}
	}
	if p.Status.Reason != "" {
		return p.Status.Reason
	}
	for _, c := range p.Status.Conditions {
		if c.Status == corev1.ConditionFalse && c.Reason != "" && (c.Type == corev1.PodScheduled || c.Type == corev1.PodReady) {
			return c.Reason
		}
	}
	return ""
}

// requests is what the scheduler counts: the containers' sum, or the largest of the
// init containers beside those that keep running, and the overhead.
// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
func requests(s *corev1.PodSpec) fleet.Resources {
	var running, starting fleet.Resources
	for _, c := range s.InitContainers {
		r := amounts(c.Resources.Requests)
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			running = plus(running, r)
			starting = most(starting, running)
			continue
		}
		starting = most(starting, plus(running, r))
	}
	for _, c := range s.Containers {
		running = plus(running, amounts(c.Resources.Requests))
	}
	out := plus(most(running, starting), amounts(s.Overhead))
	out.Pods = 1
	return out
}

func amounts(l corev1.ResourceList) fleet.Resources {
	return fleet.Resources{MilliCPU: l.Cpu().MilliValue(), Memory: l.Memory().Value()}
}

func plus(a, b fleet.Resources) fleet.Resources {
	return fleet.Resources{MilliCPU: a.MilliCPU + b.MilliCPU, Memory: a.Memory + b.Memory}
}

func most(a, b fleet.Resources) fleet.Resources {
	return fleet.Resources{MilliCPU: max(a.MilliCPU, b.MilliCPU), Memory: max(a.Memory, b.Memory)}
}
