package suggest

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"wardroom/bot/fleet"
)

// Resolution is what one alert is about, as far as that can be told.
type Resolution struct {
	// Target is nil when nothing is named, or when what is named is refused.
	Target *Target `json:"target"`
	// Refused says what was not taken for the target, and why.
	Refused []Refusal `json:"refused,omitempty"`
}

// Target is an object that the cluster has.
type Target struct {
	Kind   Kind         `json:"kind"`
	Object fleet.Object `json:"object"`           // of a volume: its claim, or the volume where it has none
	Volume string       `json:"volume,omitempty"` // the PersistentVolume; "" when the claim is bound to none
	Label  string       `json:"label,omitempty"`  // that named it; "" when the rule names the object itself
	State  string       `json:"state"`            // how the cluster has it now: "not Ready", "1 of 2 Ready"
}

// String is "node lke13311-16405-5fafd1b46dcf".
func (t Target) String() string { return string(t.Kind) + " " + t.Object.String() }

// Why says how it is known, for people: "label node; the cluster has it, not Ready".
func (t Target) Why() string {
	by := "the rule names it"
	if t.Label != "" {
		by = "label " + t.Label
	}
	return by + "; the cluster has it, " + t.State
}

// Refusal is something that an alert says and that was not taken for its target.
// Value is outside text.
type Refusal struct {
	Label string `json:"label,omitempty"` // "" when no label is at fault
	Value string `json:"value,omitempty"`
	Why   string `json:"why"` // a clause: "names the node that the exporter runs on, not the sick one"
}

// Resolve tells what an alert with these labels is about. A nil snapshot is a
// cluster that cannot be read: then nothing is proven, and nothing named.
func Resolve(labels map[string]string, rules Rules, s *fleet.Snapshot) Resolution {
	var out Resolution
	i := slices.IndexFunc(rules.List, func(r Rule) bool { return r.Match.Match(labels) })
	if i < 0 {
		out.Refused = elsewhere(labels, "")
		return out
	}
	rule := rules.List[i]
	if rule.Kind == Nothing {
		return out
	}
	name, value, why := rules.named(rule, labels)
	if value == "" && rule.Object == "" {
		out.Refused = append(elsewhere(labels, ""), Refusal{Why: "it has no label " + strings.Join(rule.Labels, ", nor ")})
		return out
	}
	if !rule.Own {
		out.Refused = elsewhere(labels, name)
	}
	if why == "" {
		space := ""
		if _, space = valueOf(labels, rule.Namespace); rule.Object != "" {
			space, value = split(rule.Object)
		}
		var target Target
		if target, why = find(s, rule.Kind, name, space, value); why == "" {
			target.Label = name
			out.Target = &target
			return out
		}
	}
	out.Refused = append(out.Refused, Refusal{Label: name, Value: cmp.Or(rule.Object, value), Why: why})
	return out
}

// named is the first of the rule's labels that the alert has; why refuses it.
func (r Rules) named(rule Rule, labels map[string]string) (name, value, why string) {
	for _, l := range rule.Labels {
		if name, value = valueOf(labels, l); value == "" {
			continue
		}
		return name, value, r.trapped(rule, name, value, labels)
	}
	return "", "", ""
}

// elsewhere are the labels that look as if they named the sick node and do not.
func elsewhere(labels map[string]string, taken string) (all []Refusal) {
	for _, name := range []string{"kubernetes_node", "kubernetes_node_name"} {
		if v := labels[name]; v != "" && name != taken {
			all = append(all, Refusal{Label: name, Value: v, Why: whereabouts[name]})
		}
	}
	return all
}

func split(object string) (namespace, name string) {
	if namespace, name, spaced := strings.Cut(object, "/"); spaced {
		return namespace, name
	}
	return "", object
}

// find looks for what is named in the cluster; why says that it cannot be the target.
func find(s *fleet.Snapshot, kind Kind, label, namespace, name string) (t Target, why string) {
	if s == nil {
		return t, "cannot be checked: the cluster cannot be read"
	}
	switch kind {
	case Node:
		return findNode(s, label, name)
	case Volume:
		return findVolume(s, label, namespace, name)
	case Pod:
		return findPod(s, namespace, name)
	}
	return findWorkload(s, label, namespace, name)
}

// absent tells what is not there from what could not be read.
func absent(s *fleet.Snapshot, what string, resources ...string) string {
	for _, r := range resources {
		if slices.Contains(s.Missing, r) {
			return "cannot be checked: the cluster's " + r + " could not be read"
		}
	}
	return "is no " + what + " of the cluster"
}

func findNode(s *fleet.Snapshot, label, name string) (Target, string) {
	if label == "instance" { // node-exporter's is a name, or a name with a port
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
	}
	i := slices.IndexFunc(s.Nodes, func(n fleet.Node) bool { return n.Name == name })
	if i < 0 {
		return Target{}, absent(s, "node", "nodes")
	}
	return Target{Kind: Node, Object: fleet.Object{Kind: "Node", Name: name}, State: nodeState(s.Nodes[i])}, ""
}

func nodeState(n fleet.Node) string {
	state := "readiness UNKNOWN"
	switch n.Ready {
	case fleet.True:
		state = "Ready"
	case fleet.False:
		state = "NOT Ready"
	}
	if n.Unschedulable {
		state += ", cordoned"
	}
	return strings.Join(append([]string{state}, n.Pressure...), ", ")
}

// kinds are the kinds of workloads that a label speaks of; any for other labels.
var kinds = map[string]string{"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}

func findWorkload(s *fleet.Snapshot, label, namespace, name string) (Target, string) {
	kind := kinds[strings.TrimPrefix(label, "exported_")]
	var found []fleet.Workload
	for _, w := range s.Workloads {
		if w.Name == name && (namespace == "" || w.Namespace == namespace) && (kind == "" || w.Kind == kind) {
			found = append(found, w)
		}
	}
	switch len(found) {
	case 0:
		return Target{}, absent(s, "workload", "deployments", "statefulsets", "daemonsets", "replicasets")
	case 1:
		return Target{Kind: Workload, Object: found[0].Object, State: fmt.Sprintf("%d of %d Ready", found[0].Ready, found[0].Replicas)}, ""
	}
	return Target{}, fmt.Sprintf("is the name of %d workloads of the cluster", len(found))
}

func findPod(s *fleet.Snapshot, namespace, name string) (Target, string) {
	var found []fleet.Pod
	for _, p := range s.Pods {
		if p.Name == name && (namespace == "" || p.Namespace == namespace) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return Target{}, absent(s, "pod", "pods")
	case 1:
		return Target{Kind: Pod, Object: found[0].Object, State: podState(found[0])}, ""
	}
	return Target{}, fmt.Sprintf("is the name of %d pods of the cluster", len(found))
}

func podState(p fleet.Pod) string {
	if p.Ready {
		return "Ready"
	}
	state := "not Ready"
	if p.Reason != "" {
		state += " (" + p.Reason + ")"
	}
	return state
}

func findVolume(s *fleet.Snapshot, label, namespace, name string) (Target, string) {
	if strings.TrimPrefix(label, "exported_") == "persistentvolume" || label == "" && namespace == "" {
		i := slices.IndexFunc(s.Volumes, func(v fleet.Volume) bool { return v.Name == name })
		if i < 0 {
			return Target{}, absent(s, "volume", "persistentvolumes")
		}
		object := s.Volumes[i].Claim
		if object.Name == "" {
			object = fleet.Object{Kind: "PersistentVolume", Name: name}
		}
		return Target{Kind: Volume, Object: object, Volume: name, State: volumeState(s, name)}, ""
	}
	if namespace == "" {
		return Target{}, "is a claim whose namespace the alert does not say"
	}
	i := slices.IndexFunc(s.Claims, func(c fleet.Claim) bool { return c.Namespace == namespace && c.Name == name })
	if i < 0 {
		return Target{}, absent(s, "claim", "persistentvolumeclaims")
	}
	claim := s.Claims[i]
	return Target{Kind: Volume, Object: claim.Object, Volume: claim.Volume, State: volumeState(s, claim.Volume)}, ""
}

func volumeState(s *fleet.Snapshot, volume string) string {
	if volume == "" {
		return "bound to no volume"
	}
	if slices.Contains(s.Missing, "volumeattachments") {
		return "attached UNKNOWN where"
	}
	for _, a := range s.Attachments {
		if a.Volume == volume && a.Attached && !a.Deleting {
			return "attached to " + a.Node
		}
	}
	return "attached to no node"
}
