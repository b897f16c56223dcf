package kubetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// NodeState is a Node as it is now.
type NodeState struct {
	Name          string   `json:"name"`
	UID           string   `json:"uid"`
	ProviderID    string   `json:"provider_id"`
	BootID        string   `json:"boot_id"`
	Ready         bool     `json:"ready"`
	Unschedulable bool     `json:"unschedulable,omitempty"`
	Taints        []string `json:"taints,omitempty"` // "node.kubernetes.io/out-of-service:NoExecute"
	Drivers       []string `json:"drivers,omitempty"`
}

// PodState is a Pod as it is now.
type PodState struct {
	Name        string `json:"name"` // "default/redis-0"
	UID         string `json:"uid"`
	Node        string `json:"node,omitempty"`
	Ready       bool   `json:"ready,omitempty"`
	Terminating bool   `json:"terminating,omitempty"`
	Severed     bool   `json:"severed,omitempty"` // it reaches no pod of another node, see [Server.Sever]
	Reason      string `json:"reason,omitempty"`  // why its container does not run: "ContainerCreating"
}

func (p PodState) String() string {
	state := "not Ready"
	switch {
	case p.Terminating:
		state = "Terminating"
	case p.Ready:
		state = "Ready"
	case p.Reason != "":
		state = p.Reason
	}
	return p.Name + " on " + cmp.Or(p.Node, "no node") + ": " + state
}

// AttachmentState is a VolumeAttachment as it is now.
type AttachmentState struct {
	Volume   string `json:"volume"`
	Node     string `json:"node"`
	Attached bool   `json:"attached,omitempty"`
	Deleting bool   `json:"deleting,omitempty"`
	Error    string `json:"error,omitempty"`
}

// EventState is an Event.
type EventState struct {
	At      time.Time `json:"at"`    // the last time
	About   string    `json:"about"` // "Pod default/redis-0"
	Type    string    `json:"type"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int       `json:"count"`
}

// Nodes are all Nodes, by name.
func (s *Server) Nodes() (out []NodeState) {
	s.read(func() {
		for _, o := range s.store.list(s.store.byResource("nodes"), "") {
			n := o.(*corev1.Node)
			state := NodeState{Name: n.Name, UID: string(n.UID), ProviderID: n.Spec.ProviderID, BootID: n.Status.NodeInfo.BootID, Ready: isReady(n), Unschedulable: n.Spec.Unschedulable}
			for _, t := range n.Spec.Taints {
				state.Taints = append(state.Taints, t.Key+":"+string(t.Effect))
			}
			if c, ok := s.store.get(s.store.byResource("csinodes"), "", n.Name).(*storagev1.CSINode); ok {
				for _, d := range c.Spec.Drivers {
					state.Drivers = append(state.Drivers, d.Name)
				}
			}
			out = append(out, state)
		}
	})
	return out
}

// Pods are all Pods, by namespace and name.
func (s *Server) Pods() (out []PodState) {
	s.read(func() {
		for _, p := range s.pods() {
			state := PodState{Name: p.Namespace + "/" + p.Name, UID: string(p.UID), Node: p.Spec.NodeName, Ready: ready(p), Terminating: p.DeletionTimestamp != nil, Severed: s.isSevered(p.Spec.NodeName)}
			for _, c := range p.Status.ContainerStatuses {
				if c.State.Waiting != nil {
					state.Reason = c.State.Waiting.Reason
				}
			}
			out = append(out, state)
		}
	})
	return out
}

// Attachments are all VolumeAttachments, by name.
func (s *Server) Attachments() (out []AttachmentState) {
	s.read(func() {
		for _, o := range s.store.list(s.store.byResource("volumeattachments"), "") {
			a := o.(*storagev1.VolumeAttachment)
			state := AttachmentState{Volume: *a.Spec.Source.PersistentVolumeName, Node: a.Spec.NodeName, Attached: a.Status.Attached, Deleting: a.DeletionTimestamp != nil}
			if e := cmp.Or(a.Status.DetachError, a.Status.AttachError); e != nil {
				state.Error = e.Message
			}
			out = append(out, state)
		}
	})
	return out
}

// Events are all Events, the oldest first.
func (s *Server) Events() (out []EventState) {
	s.read(func() {
		for _, o := range s.store.list(s.store.byResource("events"), "") {
			e := o.(*corev1.Event)
			about := strings.TrimPrefix(e.InvolvedObject.Namespace+"/"+e.InvolvedObject.Name, "/")
			out = append(out, EventState{e.LastTimestamp.UTC(), e.InvolvedObject.Kind + " " + about, e.Type, e.Reason, e.Message, int(e.Count)})
		}
	})
	slices.SortStableFunc(out, func(a, b EventState) int { return a.At.Compare(b.At) })
	return out
}

// PodsOf are the names of the pods of a workload that are not on their way out, as
// "default/redis-x", in order.
func (s *Server) PodsOf(workload string) (out []string) {
	namespace, name, _ := strings.Cut(workload, "/")
	s.read(func() {
		for _, p := range s.pods() {
			if p.Namespace == namespace && p.Labels["app"] == name && p.DeletionTimestamp == nil {
				out = append(out, p.Namespace+"/"+p.Name)
			}
		}
	})
	return out
}

// Dump is all objects as JSON, in a fixed order: two that are the same mean that
// nothing has changed. It says nothing of requests. Events are left out unless they
// are asked for: clusters tell the same trouble again and again by themselves.
func (s *Server) Dump(events bool) (out []byte) {
	s.read(func() {
		all := map[string][]object{}
		for _, path := range s.store.paths() {
			if list := s.store.list(s.store.kinds[path], ""); len(list) > 0 && (events || s.store.kinds[path].resource != "events") {
				all[path] = list
			}
		}
		raw, err := json.MarshalIndent(all, "", " ")
		if err != nil {
			raw = []byte(err.Error())
		}
		out = raw
	})
	return out
}

// The rest is what a person does with kubectl. It is not in the log of requests.

// Cordon makes a node unschedulable, or schedulable again.
func (s *Server) Cordon(node string, on bool) error {
	return s.change("nodes", node, func(o object) { o.(*corev1.Node).Spec.Unschedulable = on })
}

// Taint adds a taint to a node; with no effect it takes off those of the key.
func (s *Server) Taint(node, key, value, effect string) error {
	return s.change("nodes", node, func(o object) {
		n := o.(*corev1.Node)
		n.Spec.Taints = slices.DeleteFunc(slices.Clone(n.Spec.Taints), func(t corev1.Taint) bool {
			return t.Key == key && (effect == "" || string(t.Effect) == effect)
		})
		if effect != "" {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
		}
		if len(n.Spec.Taints) == 0 {
			n.Spec.Taints = nil
		}
	})
}

// Scale sets the replicas of "deployments", "statefulsets" or "replicasets".
func (s *Server) Scale(resource, name string, n int) error {
	return s.change(resource, name, func(o object) {
		if at := replicas(o); at != nil {
			want := int32(n)
			*at = &want
			o.SetGeneration(o.GetGeneration() + 1)
		}
	})
}

// Delete deletes an object; a pod is asked to end, or with force is gone.
func (s *Server) Delete(resource, name string, force bool) error {
	return s.with(resource, name, func(o object) {
		if p, is := o.(*corev1.Pod); is {
			var grace *int64
			if force {
				grace = new(int64)
			}
			s.end(p, grace)
			return
		}
		s.drop(resource, o)
	})
}

func (s *Server) change(resource, name string, f func(object)) error {
	return s.with(resource, name, func(o object) { s.edit(resource, o, f) })
}

// with runs f with an object that is there.
func (s *Server) with(resource, name string, f func(object)) error {
	namespace, short, namespaced := strings.Cut(name, "/")
	if !namespaced {
		namespace, short = "", name
	}
	found := false
	s.do(func() {
		if o := s.store.get(s.store.byResource(resource), namespace, short); o != nil {
			found = true
			f(o)
		}
	})
	if !found {
		return fmt.Errorf("simulated cluster: no %s %s", resource, name)
	}
	return nil
}
