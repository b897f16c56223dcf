package kubernetes

import (
	"context"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	policyclient "k8s.io/client-go/kubernetes/typed/policy/v1"
	"k8s.io/kubectl/pkg/drain"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// Evict implements [fleet.Cluster] with kubectl drain's own functions, so that it is
// the eviction that people know. Drain's loop is not used: it sleeps and asks again
// by itself, where the engine asks once and observes on its own clock. Drain names
// no uid, so a pod of a StatefulSet that was made again under its name would be hit:
// [guarded] adds it.
func (c *Cluster) Evict(ctx context.Context, pod fleet.Object) error {
	var p *corev1.Pod
	if err := c.read(ctx, asked{"get", "pods", pod.String()}, func(ctx context.Context, with *clients) (err error) {
		p, err = with.typed.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		return err
	}); err != nil {
		return err
	}
	if pod.UID != "" && string(p.UID) != pod.UID {
		return problem.New(problem.Conflict, "%s is another pod than the one that was meant: it was made again", pod)
	}
	if p.DeletionTimestamp != nil {
		return nil // it goes already
	}
	if _, static := p.Annotations[corev1.MirrorPodAnnotationKey]; static {
		return problem.New(problem.Unsupported, "%s is a static pod: its node keeps it, and it goes with it", pod)
	}
	err := c.change(ctx, asked{"create", "pods/eviction", pod.String()}, func(ctx context.Context, with *clients) error {
		helper := drain.Helper{Ctx: ctx, GracePeriodSeconds: -1, // the pod's own
			Client: guarded{with.typed, guard(fleet.Object{UID: string(p.UID)}), c.dryRun}}
		return helper.EvictPod(*p, policyv1.SchemeGroupVersion)
	})
	if problem.Is(err, problem.Unsupported) {
		return c.overlap(ctx, p, err)
	}
	return err
}

// overlap names the budgets that cover a pod, as far as they can be read: the API says
// only that they are more than one.
func (c *shared) overlap(ctx context.Context, p *corev1.Pod, err error) error {
	var names []string
	_ = c.read(ctx, asked{"list", "poddisruptionbudgets", ""}, func(ctx context.Context, with *clients) error { // it is told without names then
		list, err := with.typed.PolicyV1().PodDisruptionBudgets(p.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, b := range list.Items {
			if s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector); err == nil && s.Matches(labels.Set(p.Labels)) {
				names = append(names, b.Namespace+"/"+b.Name)
			}
		}
		return nil
	})
	if len(names) < 2 {
		return err
	}
	return problem.New(problem.Unsupported, "%s/%s cannot be evicted while more than one disruption budget covers it: leave one of %s", p.Namespace, p.Name, strings.Join(names, ", ")).
		Because(errors.Unwrap(err)).WithHint("%s", oneBudget)
}

// guarded puts preconditions and the dry run on evictions.
type guarded struct {
	kubernetes.Interface
	uid    *metav1.Preconditions
	dryRun []string
}

func (g guarded) PolicyV1() policyclient.PolicyV1Interface {
	return guardedPolicy{g.Interface.PolicyV1(), g}
}

type guardedPolicy struct {
	policyclient.PolicyV1Interface
	guarded guarded
}

func (g guardedPolicy) Evictions(namespace string) policyclient.EvictionInterface {
	return guardedEvictions{g.PolicyV1Interface.Evictions(namespace), g.guarded}
}

type guardedEvictions struct {
	policyclient.EvictionInterface
	guarded guarded
}

func (g guardedEvictions) Evict(ctx context.Context, e *policyv1.Eviction) error {
	e = e.DeepCopy()
	if e.DeleteOptions == nil {
		e.DeleteOptions = &metav1.DeleteOptions{}
	}
	e.DeleteOptions.Preconditions, e.DeleteOptions.DryRun = g.guarded.uid, g.guarded.dryRun
	return g.EvictionInterface.Evict(ctx, e)
}
