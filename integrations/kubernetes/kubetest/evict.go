package kubetest

import (
	"encoding/json"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// evict is a deletion that heeds disruption budgets.
func (s *Server) evict(c *call, p *corev1.Pod) any {
	var e policyv1.Eviction
	if err := json.Unmarshal(c.body, &e); err != nil {
		return refusal(http.StatusBadRequest, "BadRequest", err.Error())
	}
	if e.DeleteOptions == nil {
		e.DeleteOptions = &metav1.DeleteOptions{}
	}
	if refused := guarded(p, e.DeleteOptions.Preconditions); refused != nil {
		return refused
	}
	if refused := s.forbidden(p); refused != nil {
		return refused
	}
	if !c.dryRun {
		s.end(p, e.DeleteOptions.GracePeriodSeconds)
	}
	return success()
}

// forbidden is why budgets forbid the eviction of a pod now, nil when they do not. As
// the API server has it:
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/registry/core/pod/storage/eviction.go
func (s *Server) forbidden(p *corev1.Pod) *metav1.Status {
	switch p.Status.Phase {
	case corev1.PodPending, corev1.PodSucceeded, corev1.PodFailed:
		return nil
	}
	if p.DeletionTimestamp != nil {
		return nil
	}
	var over []*policyv1.PodDisruptionBudget
	for _, o := range s.store.list(s.store.byResource("poddisruptionbudgets"), p.Namespace) {
		if b := o.(*policyv1.PodDisruptionBudget); covers(b, p) {
			over = append(over, b)
		}
	}
	switch {
	case len(over) == 0:
		return nil
	case len(over) > 1: // it gives no reason, and no cause
		return &metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: http.StatusInternalServerError,
			Message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."}
	}
	b := over[0]
	if !ready(p) {
		policy := b.Spec.UnhealthyPodEvictionPolicy
		if policy != nil && *policy == policyv1.AlwaysAllow || b.Status.CurrentHealthy >= b.Status.DesiredHealthy && b.Status.DesiredHealthy > 0 {
			return nil
		}
	}
	why := ""
	switch {
	case b.Status.ObservedGeneration < b.Generation:
		why = fmt.Sprintf("The disruption budget %s is still being processed by the server.", b.Name)
	case b.Status.DisruptionsAllowed > 0:
		return nil
	case b.Status.CurrentHealthy <= b.Status.DesiredHealthy:
		why = fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently", b.Name, b.Status.DesiredHealthy, b.Status.CurrentHealthy)
	default:
		why = fmt.Sprintf("The disruption budget %s does not allow evicting pods currently", b.Name)
	}
	no := refusal(http.StatusTooManyRequests, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
	no.Details = &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: policyv1.DisruptionBudgetCause, Message: why}}}
	return no
}
