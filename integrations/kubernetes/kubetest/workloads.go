package kubetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func shortHash(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:n]
}

func templateHash(t *corev1.PodTemplateSpec) string {
	text, err := json.Marshal(t)
	if err != nil {
		return "0"
	}
	return shortHash(string(text), 10)
}

func controlled(o object, gvk schema.GroupVersionKind) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Name: o.GetName(), UID: o.GetUID(), Controller: &yes, BlockOwnerDeletion: &yes}}
}

func ownedBy(o, owner object) bool {
	c := metav1.GetControllerOf(o)
	return c != nil && c.UID == owner.GetUID()
}

// podsOf are the pods of a controller.
func (s *Server) podsOf(owner object) (out []*corev1.Pod) {
	for _, p := range s.pods() {
		if p.Namespace == owner.GetNamespace() && ownedBy(p, owner) {
			out = append(out, p)
		}
	}
	return out
}

const hashLabel = "pod-template-hash"

// makePod makes a pod of a template; name "" gives it one of its own.
func (s *Server) makePod(owner object, t *corev1.PodTemplateSpec, name, hash string, change func(*corev1.Pod)) {
	if name == "" {
		s.life.names++
		name = owner.GetName() + "-" + shortHash(owner.GetName()+strconv.Itoa(s.life.names), 5)
	}
	p := &corev1.Pod{ObjectMeta: *t.ObjectMeta.DeepCopy(), Spec: *t.Spec.DeepCopy(), Status: corev1.PodStatus{Phase: corev1.PodPending}}
	p.Name, p.Namespace, p.OwnerReferences = name, owner.GetNamespace(), controlled(owner, owner.GetObjectKind().GroupVersionKind())
	p.Labels = maps.Clone(p.Labels)
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels[hashLabel] = hash
	if change != nil {
		change(p)
	}
	s.put(s.store.byResource("pods"), p)
}

// workloads are the controllers that make pods.
func (s *Server) workloads() {
	for _, o := range s.store.list(s.store.byResource("deployments"), "") {
		s.deployment(o.(*appsv1.Deployment))
	}
	for _, o := range s.store.list(s.store.byResource("replicasets"), "") {
		s.replicaSet(o.(*appsv1.ReplicaSet))
	}
	for _, o := range s.store.list(s.store.byResource("statefulsets"), "") {
		s.statefulSet(o.(*appsv1.StatefulSet))
	}
	for _, o := range s.store.list(s.store.byResource("daemonsets"), "") {
		s.daemonSet(o.(*appsv1.DaemonSet))
	}
}

// deployment keeps one ReplicaSet for each template: simpler than the real one, the
// old one is scaled down at once when the new one is Ready, or, with the strategy
// Recreate, before the new one is made.
func (s *Server) deployment(d *appsv1.Deployment) {
	hash := templateHash(&d.Spec.Template)
	var newest *appsv1.ReplicaSet
	var old []*appsv1.ReplicaSet
	for _, o := range s.store.list(s.store.byResource("replicasets"), d.Namespace) {
		rs := o.(*appsv1.ReplicaSet)
		switch {
		case !ownedBy(rs, d):
		case rs.Labels[hashLabel] == hash:
			newest = rs
		default:
			old = append(old, rs)
		}
	}
	want := int32(count(d.Spec.Replicas))
	lingering := false
	for _, rs := range old {
		if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
			s.setReplicas("replicasets", rs, 0)
			lingering = lingering || len(s.podsOf(rs)) > 0
		} else if newest != nil && newest.Status.ReadyReplicas >= want {
			s.setReplicas("replicasets", rs, 0)
		}
	}
	switch {
	case lingering:
	case newest == nil:
		labels := maps.Clone(d.Spec.Template.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		labels[hashLabel] = hash
		n := want
		s.put(s.store.byResource("replicasets"), &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Name: d.Name + "-" + hash, Namespace: d.Namespace, Labels: labels, OwnerReferences: controlled(d, d.GroupVersionKind()), Generation: 1},
			Spec:       appsv1.ReplicaSetSpec{Replicas: &n, Selector: d.Spec.Selector, Template: d.Spec.Template}})
	default:
		s.setReplicas("replicasets", newest, want)
	}
}

func (s *Server) setReplicas(resource string, o object, n int32) {
	s.edit(resource, o, func(o object) {
		at := replicas(o)
		if count(*at) != int(n) {
			*at = &n
			o.SetGeneration(o.GetGeneration() + 1)
		}
	})
}

func (s *Server) replicaSet(rs *appsv1.ReplicaSet) {
	var live []*corev1.Pod
	for _, p := range s.podsOf(rs) {
		if p.DeletionTimestamp == nil {
			live = append(live, p)
		}
	}
	want := count(rs.Spec.Replicas)
	for range want - len(live) {
		s.makePod(rs, &rs.Spec.Template, "", rs.Labels[hashLabel], nil)
	}
	if len(live) > want { // those that run are kept
		slices.SortStableFunc(live, func(a, b *corev1.Pod) int {
			if ready(a) != ready(b) {
				if ready(a) {
					return -1
				}
				return 1
			}
			return strings.Compare(a.Name, b.Name)
		})
		for _, p := range live[want:] {
			s.end(p, nil)
		}
	}
}

func (s *Server) statefulSet(set *appsv1.StatefulSet) {
	hash := templateHash(&set.Spec.Template)
	byName := map[string]*corev1.Pod{}
	for _, p := range s.podsOf(set) {
		byName[p.Name] = p
	}
	want := count(set.Spec.Replicas)
	allReady := true
	for i := range want {
		name := set.Name + "-" + strconv.Itoa(i)
		p := byName[name]
		delete(byName, name)
		if p == nil {
			s.makePod(set, &set.Spec.Template, name, hash, func(p *corev1.Pod) { s.claimsOf(set, p) })
			allReady = false
			break
		}
		if p.DeletionTimestamp != nil || !ready(p) {
			allReady = false
			break // one after another
		}
	}
	if last := slices.Max(append(slices.Collect(maps.Keys(byName)), "")); last != "" && allReady {
		s.end(byName[last], nil)
	} else if last != "" && want == 0 {
		s.end(byName[last], nil)
	}
	if !allReady || len(byName) > 0 {
		return
	}
	for i := want - 1; i >= 0; i-- { // a rollout, the highest first
		p, ok := s.store.get(s.store.byResource("pods"), set.Namespace, set.Name+"-"+strconv.Itoa(i)).(*corev1.Pod)
		if ok && p.Labels[hashLabel] != hash {
			s.end(p, nil)
			return
		}
	}
}

// claimsOf gives a pod the volumes of its set's claim templates.
func (s *Server) claimsOf(set *appsv1.StatefulSet, p *corev1.Pod) {
	for _, t := range set.Spec.VolumeClaimTemplates {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: t.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: t.Name + "-" + p.Name}}})
	}
}

func (s *Server) daemonSet(d *appsv1.DaemonSet) {
	hash := templateHash(&d.Spec.Template)
	byNode := map[string]*corev1.Pod{}
	rolling := false
	for _, p := range s.podsOf(d) {
		byNode[p.Spec.NodeName] = p
		rolling = rolling || p.DeletionTimestamp != nil || !ready(p)
	}
	for _, n := range s.meantFor(d) {
		p := byNode[n.Name]
		switch {
		case p == nil && tainted(n, outOfService) == nil:
			s.makePod(d, &d.Spec.Template, "", hash, func(p *corev1.Pod) {
				p.Spec.NodeName = n.Name
				p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Key: unreachable, Operator: corev1.TolerationOpExists},
					corev1.Toleration{Key: notReady, Operator: corev1.TolerationOpExists})
			})
		case p != nil && p.Labels[hashLabel] != hash && p.DeletionTimestamp == nil && (!rolling || !ready(p)): // one that is not Ready costs nothing
			s.end(p, nil)
			rolling = true
		}
	}
}

// meantFor are the nodes that a DaemonSet has a pod on, by its selector.
func (s *Server) meantFor(d *appsv1.DaemonSet) (nodes []*corev1.Node) {
	for _, o := range s.store.list(s.store.byResource("nodes"), "") {
		if n := o.(*corev1.Node); selected(n, d.Spec.Template.Spec.NodeSelector) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func selected(n *corev1.Node, selector map[string]string) bool {
	for k, v := range selector {
		if n.Labels[k] != v {
			return false
		}
	}
	return true
}

// schedule gives pods a node: the one with the most room that takes them.
func (s *Server) schedule() {
	var waiting []*corev1.Pod
	used := map[string]*[3]int64{}
	all := s.pods()
	for _, p := range all {
		if p.Spec.NodeName == "" {
			waiting = append(waiting, p)
			continue
		}
		add(used, p)
	}
	if len(waiting) == 0 {
		return
	}
	for _, p := range waiting {
		best, room := s.place, int64(-1)
		if best != "" {
			room = 1 << 62
		}
		for _, o := range s.store.list(s.store.byResource("nodes"), "") {
			n := o.(*corev1.Node)
			if left := s.fits(p, n, used[n.Name]); left > room {
				best, room = n.Name, left
			}
		}
		if best == "" {
			s.edit("pods", p, func(o object) {
				p := o.(*corev1.Pod)
				if len(p.Status.Conditions) == 0 {
					p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", LastTransitionTime: s.stamp()}}
				}
			})
			s.trouble(p, "FailedScheduling", "0/"+strconv.Itoa(len(s.store.list(s.store.byResource("nodes"), "")))+" nodes are available")
			continue
		}
		bound := s.edit("pods", p, func(o object) {
			p := o.(*corev1.Pod)
			p.Spec.NodeName = best
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: s.stamp()}}
		})
		add(used, bound.(*corev1.Pod))
	}
}

func add(used map[string]*[3]int64, p *corev1.Pod) {
	if used[p.Spec.NodeName] == nil {
		used[p.Spec.NodeName] = new([3]int64)
	}
	r := asks(p)
	for i := range r {
		used[p.Spec.NodeName][i] += r[i]
	}
}

func asks(p *corev1.Pod) (r [3]int64) {
	for _, c := range p.Spec.Containers {
		r[0] += c.Resources.Requests.Cpu().MilliValue()
		r[1] += c.Resources.Requests.Memory().Value()
	}
	r[2] = 1
	return r
}

// tolerates reports whether a pod may come to a node that has a taint.
func tolerates(p *corev1.Pod, taint corev1.Taint) bool {
	return slices.ContainsFunc(p.Spec.Tolerations, func(t corev1.Toleration) bool {
		all := t.Operator == corev1.TolerationOpExists
		return (t.Effect == "" || t.Effect == taint.Effect) && (t.Key == taint.Key || t.Key == "" && all) && (all || t.Value == taint.Value)
	})
}

// fits is how much processor would be left, or -1.
func (s *Server) fits(p *corev1.Pod, n *corev1.Node, used *[3]int64) int64 {
	if !isReady(n) || n.Spec.Unschedulable && !tolerates(p, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}) {
		return -1
	}
	for _, t := range n.Spec.Taints {
		if t.Effect != corev1.TaintEffectPreferNoSchedule && !tolerates(p, t) {
			return -1
		}
	}
	if !selected(n, p.Spec.NodeSelector) {
		return -1
	}
	if used == nil {
		used = new([3]int64)
	}
	r := asks(p)
	left := [3]int64{n.Status.Allocatable.Cpu().MilliValue(), n.Status.Allocatable.Memory().Value(), n.Status.Allocatable.Pods().Value()}
	for i := range left {
		if left[i] -= used[i] + r[i]; left[i] < 0 {
			return -1
		}
	}
	return left[0]
}

// deliveries are tools that restore the replicas of what they keep, unless they are
// suspended; see Server.Keep.
func (s *Server) deliveries() {
	for _, key := range slices.Sorted(maps.Keys(s.life.wanted)) {
		kindOf, name, _ := strings.Cut(key, " ")
		namespace, name, _ := strings.Cut(name, "/")
		o := s.store.get(s.store.byResource(kindOf), namespace, name)
		if o == nil || !s.due(s.life.synced[key].Add(s.opt.Timing.Sync)) {
			continue
		}
		s.life.synced[key] = s.now()
		s.due(s.now().Add(s.opt.Timing.Sync))
		if !s.suspended(o) {
			s.setReplicas(kindOf, o, s.life.wanted[key])
		}
	}
}

func (s *Server) suspended(o object) bool {
	labels := o.GetLabels()
	for resource, prefix := range map[string]string{"kustomizations": "kustomize.toolkit.fluxcd.io/", "helmreleases": "helm.toolkit.fluxcd.io/"} {
		if u, ok := s.store.get(s.store.byResource(resource), labels[prefix+"namespace"], labels[prefix+"name"]).(*unstructured.Unstructured); ok {
			is, _, err := unstructured.NestedBool(u.Object, "spec", "suspend")
			return err == nil && is
		}
	}
	app, _, _ := strings.Cut(o.GetAnnotations()["argocd.argoproj.io/tracking-id"], ":")
	u, ok := s.store.get(s.store.byResource("applications"), "argocd", app).(*unstructured.Unstructured)
	return !ok || u.GetAnnotations()["argocd.argoproj.io/skip-reconcile"] == "true"
}
