package kubetest

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// tally counts pods as workloads do.
type tally struct{ all, ready, updated int32 }

func tallyOf(pods []*corev1.Pod, hash string) (t tally) {
	for _, p := range pods {
		if p.DeletionTimestamp != nil {
			continue
		}
		t.all++
		if ready(p) {
			t.ready++
		}
		if p.Labels[hashLabel] == hash {
			t.updated++
		}
	}
	return t
}

// statuses are what workloads and budgets tell of themselves.
func (s *Server) statuses() {
	for _, o := range s.store.list(s.store.byResource("replicasets"), "") {
		t := tallyOf(s.podsOf(o), o.GetLabels()[hashLabel])
		s.edit("replicasets", o, func(o object) {
			st := &o.(*appsv1.ReplicaSet).Status
			st.Replicas, st.ReadyReplicas, st.AvailableReplicas, st.FullyLabeledReplicas, st.ObservedGeneration = t.all, t.ready, t.ready, t.updated, o.GetGeneration()
		})
	}
	for _, o := range s.store.list(s.store.byResource("deployments"), "") {
		var pods []*corev1.Pod
		for _, rs := range s.store.list(s.store.byResource("replicasets"), o.GetNamespace()) {
			if ownedBy(rs, o) {
				pods = append(pods, s.podsOf(rs)...)
			}
		}
		t := tallyOf(pods, templateHash(&o.(*appsv1.Deployment).Spec.Template))
		s.edit("deployments", o, func(o object) {
			st := &o.(*appsv1.Deployment).Status
			st.Replicas, st.ReadyReplicas, st.AvailableReplicas, st.UpdatedReplicas, st.ObservedGeneration = t.all, t.ready, t.ready, t.updated, o.GetGeneration()
		})
	}
	for _, o := range s.store.list(s.store.byResource("statefulsets"), "") {
		t := tallyOf(s.podsOf(o), templateHash(&o.(*appsv1.StatefulSet).Spec.Template))
		s.edit("statefulsets", o, func(o object) {
			st := &o.(*appsv1.StatefulSet).Status
			st.Replicas, st.ReadyReplicas, st.AvailableReplicas, st.UpdatedReplicas, st.ObservedGeneration = t.all, t.ready, t.ready, t.updated, o.GetGeneration()
		})
	}
	for _, o := range s.store.list(s.store.byResource("daemonsets"), "") {
		t := tallyOf(s.podsOf(o), templateHash(&o.(*appsv1.DaemonSet).Spec.Template))
		nodes := int32(len(s.meantFor(o.(*appsv1.DaemonSet))))
		s.edit("daemonsets", o, func(o object) {
			st := &o.(*appsv1.DaemonSet).Status
			st.DesiredNumberScheduled, st.CurrentNumberScheduled, st.NumberReady, st.NumberAvailable = nodes, t.all, t.ready, t.ready
			st.UpdatedNumberScheduled, st.ObservedGeneration = t.updated, o.GetGeneration()
		})
	}
	for _, o := range s.store.list(s.store.byResource("poddisruptionbudgets"), "") {
		s.budget(o.(*policyv1.PodDisruptionBudget))
	}
}

func covers(b *policyv1.PodDisruptionBudget, p *corev1.Pod) bool {
	sel, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	return err == nil && p.Namespace == b.Namespace && sel.Matches(labels.Set(p.Labels))
}

// budget counts the pods that a budget covers: simpler than the real one, which asks
// their controllers how many there ought to be.
func (s *Server) budget(b *policyv1.PodDisruptionBudget) {
	var all, healthy int
	for _, p := range s.pods() {
		if !covers(b, p) {
			continue
		}
		all++
		if ready(p) && p.DeletionTimestamp == nil {
			healthy++
		}
	}
	needed := all
	scaled := func(v *intstr.IntOrString) int {
		n, err := intstr.GetScaledValueFromIntOrPercent(v, all, true)
		if err != nil {
			return all
		}
		return n
	}
	switch {
	case b.Spec.MinAvailable != nil:
		needed = scaled(b.Spec.MinAvailable)
	case b.Spec.MaxUnavailable != nil:
		needed = max(0, all-scaled(b.Spec.MaxUnavailable))
	}
	s.edit("poddisruptionbudgets", b, func(o object) {
		st := &o.(*policyv1.PodDisruptionBudget).Status
		st.ExpectedPods, st.CurrentHealthy, st.DesiredHealthy, st.DisruptionsAllowed = int32(all), int32(healthy), int32(needed), int32(max(0, healthy-needed))
		st.ObservedGeneration = o.GetGeneration()
	})
}
