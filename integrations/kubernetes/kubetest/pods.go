package kubetest

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func amounts(cpu, memory string, pods int) corev1.ResourceList {
	l := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	if pods > 0 {
		l[corev1.ResourcePods] = *resource.NewQuantity(int64(pods), resource.DecimalSI)
	}
	return l
}

func (s *Server) pods() []*corev1.Pod {
	list := s.store.list(s.store.byResource("pods"), "")
	out := make([]*corev1.Pod, len(list))
	for i, o := range list {
		out[i] = o.(*corev1.Pod)
	}
	return out
}

func (s *Server) podsOn(node string) (out []*corev1.Pod) {
	for _, p := range s.pods() {
		if p.Spec.NodeName == node {
			out = append(out, p)
		}
	}
	return out
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (s *Server) unready(p *corev1.Pod, why string) {
	s.setReady(p, corev1.ConditionFalse, why, nil)
}

func (s *Server) setReady(p *corev1.Pod, is corev1.ConditionStatus, why string, more func(*corev1.Pod)) {
	s.edit("pods", p, func(o object) {
		p := o.(*corev1.Pod)
		found := false
		for i := range p.Status.Conditions {
			if c := &p.Status.Conditions[i]; c.Type == corev1.PodReady {
				found = true
				if c.Status != is {
					c.Status, c.Reason, c.LastTransitionTime = is, why, s.stamp()
				}
			}
		}
		if !found {
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: is, Reason: why, LastTransitionTime: s.stamp()})
		}
		if more != nil {
			more(p)
		}
	})
}

// waiting sets the reason why a pod's container does not run.
func waiting(p *corev1.Pod, phase corev1.PodPhase, why string) {
	p.Status.Phase = phase
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: why}}}}
	if len(p.Spec.Containers) > 0 {
		p.Status.ContainerStatuses[0].Name = p.Spec.Containers[0].Name
	}
}

// kubelets start pods and end them, where they live.
func (s *Server) kubelets() {
	for _, p := range s.pods() {
		if p.Spec.NodeName == "" {
			continue
		}
		l, _, alive := s.alive(p.Spec.NodeName)
		if !alive {
			continue
		}
		pl := s.life.pod(p.UID)
		if p.DeletionTimestamp != nil {
			if stuck := pl.jammed && pl.boot == l.boot; !stuck && s.due(pl.ended.Add(s.opt.Timing.Stop)) {
				s.drop("pods", p)
				delete(s.life.pods, p.UID)
			}
			continue
		}
		s.run(p, pl, l)
	}
}

// run starts a pod: its volumes first, then its containers.
func (s *Server) run(p *corev1.Pod, pl *podLife, l *machine) {
	if pl.boot != l.boot { // it was never started, or its node was booted since
		*pl = podLife{boot: l.boot, spoiled: pl.spoiled || pl.boot >= 0 && s.life.frail[workloadOf(p)]}
		s.setReady(p, corev1.ConditionFalse, "ContainersNotReady", func(p *corev1.Pod) { waiting(p, corev1.PodPending, "ContainerCreating") })
	}
	if !pl.mounted {
		if !s.mount(p, l) {
			return
		}
		pl.mounted, pl.at = true, s.now()
	}
	if why := s.ails(p, pl); why != "" {
		s.setReady(p, corev1.ConditionFalse, "ContainersNotReady", func(p *corev1.Pod) { waiting(p, corev1.PodRunning, why) })
		pl.at = s.now()
		return
	}
	if p.Labels["app"] == probeApp && s.suffers(p, pl) {
		return
	}
	if ready(p) || !s.due(pl.at.Add(s.opt.Timing.Start)) {
		return
	}
	s.setReady(p, corev1.ConditionTrue, "", func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodRunning
		at := s.stamp()
		p.Status.ContainerStatuses = nil
		for _, c := range p.Spec.Containers {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: c.Name, Ready: true, Image: c.Image,
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}}})
		}
	})
}

// ails is why the containers of a pod do not run, "" when they may.
func (s *Server) ails(p *corev1.Pod, pl *podLife) string {
	switch why := s.life.broken[workloadOf(p)]; {
	case why != "":
		return why
	case pl.spoiled:
		return crashing
	case ready(p):
		return ""
	}
	for _, needed := range s.life.needs[workloadOf(p)] {
		if !slices.ContainsFunc(s.pods(), func(o *corev1.Pod) bool { return workloadOf(o) == needed && ready(o) }) {
			return crashing
		}
	}
	return ""
}

// workloadOf is "default/redis".
func workloadOf(p *corev1.Pod) string { return p.Namespace + "/" + p.Labels["app"] }

// crashing is why containers do not run that end as soon as they are started.
const crashing = "CrashLoopBackOff"

// tolerance is how long a pod bears a NoExecute taint; forever reports that it does
// without end.
func tolerance(p *corev1.Pod, key string) (d time.Duration, forever bool) {
	for _, t := range p.Spec.Tolerations {
		if t.Key != "" && t.Key != key || t.Effect != "" && t.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		if t.Key == "" && t.Operator != corev1.TolerationOpExists {
			continue
		}
		if t.TolerationSeconds == nil {
			return 0, true
		}
		return time.Duration(*t.TolerationSeconds) * time.Second, false
	}
	return 0, false
}

// evictions ask pods to end that do not bear a taint of their node.
func (s *Server) evictions() {
	for _, o := range s.store.list(s.store.byResource("nodes"), "") {
		n := o.(*corev1.Node)
		for _, taint := range n.Spec.Taints {
			if taint.Effect != corev1.TaintEffectNoExecute {
				continue
			}
			for _, p := range s.podsOn(n.Name) {
				wait, forever := tolerance(p, taint.Key)
				if p.DeletionTimestamp != nil || forever || p.Annotations[corev1.MirrorPodAnnotationKey] != "" {
					continue
				}
				if taint.Key == unreachable || taint.Key == notReady {
					wait = s.opt.Timing.Evict // what every pod is given by admission
				}
				since := s.now()
				if taint.TimeAdded != nil {
					since = taint.TimeAdded.Time
				} else if wait > 0 {
					continue
				}
				if s.due(since.Add(wait)) {
					s.tell(p, "Normal", "TaintManagerEviction", "Marking for deletion Pod "+p.Namespace+"/"+p.Name)
					s.end(p, nil)
				}
			}
		}
	}
}

// collectPods removes pods that nobody else can: of a Node that was removed, and
// Terminating ones of a node that is out of service.
func (s *Server) collectPods() {
	for _, p := range s.pods() {
		if p.Spec.NodeName == "" {
			continue
		}
		n, there := s.store.get(s.store.byResource("nodes"), "", p.Spec.NodeName).(*corev1.Node)
		switch {
		case !there:
			since, seen := s.life.collect[p.UID]
			if !seen {
				since = s.now()
				s.life.collect[p.UID] = since
			}
			if s.due(since.Add(s.opt.Timing.Collect)) {
				s.drop("pods", p)
			}
		case p.DeletionTimestamp != nil && !isReady(n) && tainted(n, outOfService) != nil:
			s.drop("pods", p)
		default:
			delete(s.life.collect, p.UID)
		}
	}
}

// tell writes an event, or counts it up.
func (s *Server) tell(about object, level, reason, message string) {
	gvk := about.GetObjectKind().GroupVersionKind()
	namespace := about.GetNamespace()
	if namespace == "" {
		namespace = "default"
	}
	uid := about.GetUID()
	if gvk.Kind == "Node" {
		uid = "" // a kubelet writes the node's name there; the controllers its uid
	}
	key := fmt.Sprint(gvk.Kind, about.GetNamespace(), about.GetName(), about.GetUID(), reason, message)
	at := s.stamp()
	k := s.store.byResource("events")
	if before := s.life.events[key]; before != nil {
		next := before.DeepCopy()
		next.Count++
		next.LastTimestamp = at
		s.life.events[key] = s.put(k, next).(*corev1.Event)
		return
	}
	s.life.names++
	e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%016x", about.GetName(), s.life.names), Namespace: namespace},
		InvolvedObject: corev1.ObjectReference{Kind: gvk.Kind, APIVersion: gvk.GroupVersion().String(), Namespace: about.GetNamespace(), Name: about.GetName(), UID: uid},
		Reason:         reason, Message: message, Type: level, Count: 1, FirstTimestamp: at, LastTimestamp: at, Source: corev1.EventSource{Component: "kubetest"}}
	s.life.events[key] = s.put(k, e).(*corev1.Event)
}

// trouble tells the same warning again only after a while.
func (s *Server) trouble(about object, reason, message string) {
	key := string(about.GetUID()) + reason + message
	last, before := s.life.told[key]
	if before && !s.due(last.Add(s.opt.Timing.Retry)) {
		return
	}
	s.life.told[key] = s.now()
	s.tell(about, "Warning", reason, message)
	s.due(s.now().Add(s.opt.Timing.Retry))
}
