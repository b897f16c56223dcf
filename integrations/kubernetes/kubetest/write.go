package kubetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// carryOut does everything but watches, with the state locked.
func (s *Server) carryOut(c *call) any {
	if c.verb == "list" {
		return s.list(c)
	}
	o := s.store.get(c.kind, c.namespace, c.name)
	if o == nil && !(c.verb == "create" && c.name == "") {
		return refusal(http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", c.kind.resource, c.name))
	}
	switch {
	case c.sub == "eviction" && c.verb == "create":
		return s.evict(c, o.(*corev1.Pod))
	case c.sub == "log":
		return s.log(c, o.(*corev1.Pod))
	case c.sub == "scale":
		return s.scale(c, o)
	case c.verb == "get":
		return o
	case c.verb == "create" && c.name == "":
		return s.create(c)
	case c.verb == "update":
		return s.replace(c, o, c.body)
	case c.verb == "patch":
		patched, refused := patch(o, c.r.Header.Get("Content-Type"), c.body)
		if refused != nil {
			return refused
		}
		return s.replace(c, o, patched)
	case c.verb == "delete":
		return s.delete(c, o)
	}
	return refusal(http.StatusMethodNotAllowed, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}

func (s *Server) create(c *call) any {
	o := c.kind.empty()
	if err := json.Unmarshal(c.body, o); err != nil {
		return refusal(http.StatusBadRequest, "BadRequest", err.Error())
	}
	if c.kind.namespaced && o.GetNamespace() == "" {
		o.SetNamespace(c.namespace)
	}
	if o.GetName() == "" || s.store.get(c.kind, o.GetNamespace(), o.GetName()) != nil {
		return refusal(http.StatusConflict, "AlreadyExists", c.kind.resource+" \""+o.GetName()+"\" already exists")
	}
	if c.dryRun {
		return o
	}
	return s.put(c.kind, o)
}

// replace stores what an object shall become, under its preconditions.
func (s *Server) replace(c *call, o object, body []byte) any {
	next := c.kind.empty()
	if err := json.Unmarshal(body, next); err != nil {
		return refusal(http.StatusUnprocessableEntity, "Invalid", err.Error())
	}
	if uid := next.GetUID(); uid != "" && uid != o.GetUID() {
		return refusal(http.StatusConflict, "Conflict", fmt.Sprintf("Precondition failed: UID in precondition: %s, UID in object meta: %s", uid, o.GetUID()))
	}
	if v := next.GetResourceVersion(); v != "" && v != o.GetResourceVersion() {
		return refusal(http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
	}
	if next.GetName() != o.GetName() || next.GetNamespace() != o.GetNamespace() {
		return refusal(http.StatusBadRequest, "BadRequest", "the name of the object does not match the name on the URL")
	}
	next.SetUID(o.GetUID())
	next.SetResourceVersion(o.GetResourceVersion())
	next.SetCreationTimestamp(o.GetCreationTimestamp())
	next.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersionKind)
	if same(next, o) {
		return o
	}
	regenerate(o, next)
	if c.dryRun {
		return next
	}
	return s.put(c.kind, next)
}

// regenerate counts a workload's generation up when what is wanted of it changed.
func regenerate(was, is object) {
	type wanted struct {
		replicas *int32
		template corev1.PodTemplateSpec
	}
	of := func(o object) (w wanted) {
		switch o := o.(type) {
		case *appsv1.Deployment:
			w = wanted{o.Spec.Replicas, o.Spec.Template}
		case *appsv1.StatefulSet:
			w = wanted{o.Spec.Replicas, o.Spec.Template}
		case *appsv1.ReplicaSet:
			w = wanted{o.Spec.Replicas, o.Spec.Template}
		case *appsv1.DaemonSet:
			w = wanted{nil, o.Spec.Template}
		}
		return w
	}
	a, errA := json.Marshal(of(was).template)
	b, errB := json.Marshal(of(is).template)
	if count(of(was).replicas) != count(of(is).replicas) || errA == nil && errB == nil && string(a) != string(b) {
		is.SetGeneration(was.GetGeneration() + 1)
	}
}

func count(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}

// replicas points at what the scale subresource sets.
func replicas(o object) **int32 {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Replicas
	case *appsv1.StatefulSet:
		return &o.Spec.Replicas
	case *appsv1.ReplicaSet:
		return &o.Spec.Replicas
	}
	return nil
}

// scale serves the scale subresource.
func (s *Server) scale(c *call, o object) any {
	next := o.DeepCopyObject().(object)
	at := replicas(next)
	if at == nil {
		return refusal(http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	}
	shown := func(o object, n int) *autoscalingv1.Scale {
		return &autoscalingv1.Scale{TypeMeta: metav1.TypeMeta{APIVersion: "autoscaling/v1", Kind: "Scale"},
			ObjectMeta: metav1.ObjectMeta{Name: o.GetName(), Namespace: o.GetNamespace(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion()},
			Spec:       autoscalingv1.ScaleSpec{Replicas: int32(n)}}
	}
	if c.verb == "get" {
		return shown(o, count(*at))
	}
	body := c.body
	if c.verb == "patch" {
		var refused *metav1.Status
		if body, refused = patch(shown(o, count(*at)), c.r.Header.Get("Content-Type"), c.body); refused != nil {
			return refused
		}
	}
	var want autoscalingv1.Scale
	if err := json.Unmarshal(body, &want); err != nil {
		return refusal(http.StatusBadRequest, "BadRequest", err.Error())
	}
	switch {
	case want.Spec.Replicas < 0:
		return refusal(http.StatusUnprocessableEntity, "Invalid", "spec.replicas: Invalid value: must be greater than or equal to 0")
	case want.UID != "" && want.UID != o.GetUID():
		return refusal(http.StatusConflict, "Conflict", "Precondition failed: UID in precondition: "+string(want.UID)+", UID in object meta: "+string(o.GetUID()))
	case want.ResourceVersion != "" && want.ResourceVersion != o.GetResourceVersion():
		return refusal(http.StatusConflict, "Conflict", "the object has been modified")
	}
	n := want.Spec.Replicas
	*at = &n
	if !same(next, o) && !c.dryRun {
		regenerate(o, next)
		next = s.put(c.kind, next)
	}
	return shown(next, int(n))
}

// delete deletes at once what is no pod; a pod is asked to end.
func (s *Server) delete(c *call, o object) any {
	var options metav1.DeleteOptions
	if len(c.body) > 0 {
		if err := json.Unmarshal(c.body, &options); err != nil {
			return refusal(http.StatusBadRequest, "BadRequest", err.Error())
		}
	}
	if refused := guarded(o, options.Preconditions); refused != nil {
		return refused
	}
	if g := c.r.URL.Query().Get("gracePeriodSeconds"); g != "" {
		if n, err := strconv.ParseInt(g, 10, 64); err == nil {
			options.GracePeriodSeconds = &n
		}
	}
	if c.dryRun {
		return o
	}
	if p, is := o.(*corev1.Pod); is {
		s.end(p, options.GracePeriodSeconds)
		return o
	}
	s.store.remove(c.kind, o)
	s.dirty = true
	ok := success()
	ok.Code = http.StatusOK
	return ok
}

func guarded(o object, p *metav1.Preconditions) *metav1.Status {
	if p != nil && p.UID != nil && *p.UID != o.GetUID() {
		return refusal(http.StatusConflict, "Conflict", fmt.Sprintf("Precondition failed: UID in precondition: %s, UID in object meta: %s", *p.UID, o.GetUID()))
	}
	if p != nil && p.ResourceVersion != nil && *p.ResourceVersion != o.GetResourceVersion() {
		return refusal(http.StatusConflict, "Conflict", "Precondition failed: ResourceVersion")
	}
	return nil
}

// end asks a pod to end, as a deletion does: its kubelet removes it, unless nobody
// runs it or it is forced.
func (s *Server) end(p *corev1.Pod, grace *int64) {
	if grace == nil {
		if grace = p.Spec.TerminationGracePeriodSeconds; grace == nil {
			usual := int64(30)
			grace = &usual
		}
	}
	if *grace == 0 || p.Spec.NodeName == "" {
		s.store.remove(s.store.byResource("pods"), p)
		s.dirty = true
		return
	}
	if p.DeletionTimestamp != nil {
		return
	}
	s.life.pod(p.UID).ended = s.now()
	s.edit("pods", p, func(o object) {
		at := metav1.NewTime(s.stamp().Add(time.Duration(*grace) * time.Second))
		o.SetDeletionTimestamp(&at)
		o.SetDeletionGracePeriodSeconds(grace)
	})
}

// put stores an object and lets the controllers see it.
func (s *Server) put(k kind, o object) object {
	s.dirty = true
	return s.store.put(k, o, s.stamp())
}

// edit changes a stored object, if the change changes anything.
func (s *Server) edit(resource string, o object, change func(object)) object {
	k := s.store.byResource(resource)
	now := s.store.get(k, o.GetNamespace(), o.GetName())
	if now == nil || now.GetUID() != o.GetUID() {
		return nil // it was removed meanwhile
	}
	next := now.DeepCopyObject().(object)
	change(next)
	if same(next, now) {
		return now
	}
	return s.put(k, next)
}
