// Package suggest answers what an alert is about, and what may be looked at or
// planned because of it. Rules say which label names a node, a workload, a volume
// or a pod; what they name counts only when the cluster has it. Texts of alerts are
// never read, and a label that says where an exporter runs is never taken for what
// is sick. A suggestion opens a view or a plan; it never acts.
package suggest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"wardroom/bot/alert"
)

// Kind of what an alert is about.
type Kind string

const (
	Node     Kind = "node"
	Workload Kind = "workload"
	Volume   Kind = "volume" // named by its claim, or by the PersistentVolume itself
	Pod      Kind = "pod"
	Nothing  Kind = "nothing" // nothing that stands in the cluster: no later rule is asked
)

// Rule says what the alerts that it matches are about.
type Rule struct {
	Match alert.Matchers
	Kind  Kind
	// Labels name it; the first that the alert has is taken. Empty exactly where
	// Object is set, or where Kind is Nothing.
	Labels []string
	// Namespace is the label that names its namespace. An alert without that label
	// names a workload or a pod only when no other namespace has one of that name.
	Namespace string
	Object    string // what it is about whatever the labels say: "default/redis"
	// Own says that the exporter measures what it runs on or in, as node-exporter
	// does. Only then may a label that says where the exporter runs name the target.
	Own bool
}

// Rules are tried in order; the first that matches decides, also when what it names
// is refused. The zero Rules know of nothing.
type Rules struct {
	List []Rule
	// Exporters are values that say who measured and not what is broken, as patterns
	// of path.Match, by label: those of incident.Rules.
	Exporters map[string][]string
}

// RuleText is a rule as it is written in the configuration.
type RuleText struct {
	Match     string   // Alertmanager's matcher syntax; empty matches all
	Kind      string   // node, workload, volume, pod or nothing
	Labels    []string // which name it
	Namespace string   // the label of its namespace; empty: namespace
	Object    string   // instead of Labels
	Own       bool
}

// defaultRules know the alerts of https://github.com/prometheus-operator/kube-prometheus
// (its runbooks: https://runbooks.prometheus-operator.dev) and of
// https://github.com/python-discord/infra (kubernetes/namespaces/monitoring/alerts),
// whose newer names have a slash. docs/guide/repairs.md lists them.
//
// The order matters. What names its subject comes before what merely has a label:
// kube-state-metrics' alerts on nodes also carry the pod and the namespace of
// kube-state-metrics, those of containers also the node.
var defaultRules = []RuleText{
	// A database that has run out of connections says nothing of the node it stands on.
	{Match: `alertname=~"(?i:postgres|pg|redis).*"`, Kind: "workload", Labels: []string{"statefulset", "deployment", "service"}},
	{Match: `alertname=~"kubernetes/node-.+|KubernetesNode.+|KubeNode.+|KubeletTooManyPods|KubeletPodStartUpLatencyHigh|KubeletPlegDurationHigh"`, Kind: "node", Labels: []string{"node"}},
	{Match: `alertname=~"kubernetes/pod-.+|KubernetesPod.+|KubePod.+|KubeContainer.+|ContainerOOMEvent|HighCPUThrottling|CPUThrottlingHigh"`, Kind: "pod", Labels: []string{"pod"}},
	{Match: `persistentvolumeclaim!=""`, Kind: "volume", Labels: []string{"persistentvolumeclaim"}},
	{Match: `persistentvolume!=""`, Kind: "volume", Labels: []string{"persistentvolume"}},
	{Match: `deployment!=""`, Kind: "workload", Labels: []string{"deployment"}},
	{Match: `statefulset!=""`, Kind: "workload", Labels: []string{"statefulset"}},
	{Match: `daemonset!=""`, Kind: "workload", Labels: []string{"daemonset"}},
	// node-exporter runs on every node and measures the one that it runs on:
	// HighNodeCPU is summed by kubernetes_node and has no other label;
	// kube-prometheus writes the node's name into instance.
	{Match: `alertname=~"HighNodeCPU|NodeHighMemoryUsage"`, Kind: "node", Labels: []string{"kubernetes_node"}, Own: true},
	{Match: `job=~".*node-exporter.*"`, Kind: "node", Labels: []string{"node", "kubernetes_node", "instance"}, Own: true},
	{Match: `pod!=""`, Kind: "pod", Labels: []string{"pod"}},
	{Match: `node!=""`, Kind: "node", Labels: []string{"node"}},
}

// DefaultRules are what Wardroom knows by itself: the rules of kube-prometheus and
// of Python Discord's cluster, and labels that name their object everywhere.
func DefaultRules() []Rule {
	rules, err := ParseRules(defaultRules)
	if err != nil {
		return nil // a test holds that they parse
	}
	return rules
}

// ParseRules reads rules; it returns all errors at once, as [*RuleError].
func ParseRules(texts []RuleText) ([]Rule, error) {
	rules := make([]Rule, 0, len(texts))
	var errs []error
	for i, text := range texts {
		rule, err := ParseRule(text)
		if err != nil {
			errs = append(errs, &RuleError{Index: i, Err: err})
		}
		rules = append(rules, rule)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return rules, nil
}

// RuleError is what is wrong with one rule.
type RuleError struct {
	Index int // from 0
	Err   error
}

func (e *RuleError) Error() string { return fmt.Sprintf("rule %d: %v", e.Index+1, e.Err) }
func (e *RuleError) Unwrap() error { return e.Err }

// label is what Prometheus allows: https://prometheus.io/docs/concepts/data_model/
var label = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// ParseRule reads one rule; it returns all errors at once.
func ParseRule(t RuleText) (Rule, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	match, err := alert.ParseMatchers(t.Match)
	if err != nil {
		errs = append(errs, err)
	}
	r := Rule{Match: match, Kind: Kind(strings.TrimSpace(t.Kind)), Labels: slices.Clone(t.Labels), Namespace: t.Namespace, Object: t.Object, Own: t.Own}
	if r.Namespace == "" {
		r.Namespace = "namespace"
	}
	switch r.Kind {
	case Node, Workload, Volume, Pod:
		if (len(r.Labels) == 0) == (r.Object == "") {
			wrong("a %s is named either by label or by object", r.Kind)
		}
	case Nothing:
		if len(r.Labels) > 0 || r.Object != "" {
			wrong("nothing has neither label nor object")
		}
	default:
		wrong("kind %q: want node, workload, volume, pod or nothing", t.Kind)
	}
	for _, name := range append(slices.Clone(r.Labels), r.Namespace) {
		if !label.MatchString(name) {
			wrong("%q is not the name of a label", name)
		} else if why, is := whereabouts[name]; is && !r.Own {
			wrong("label %s %s; say own: true when these exporters measure what they run on or in, as node-exporter does", name, why)
		}
	}
	if err := objectForm(r); err != nil {
		errs = append(errs, err)
	}
	return r, errors.Join(errs...)
}

// objectForm holds the object to how its kind is named.
func objectForm(r Rule) error {
	namespace, name, spaced := strings.Cut(r.Object, "/")
	switch {
	case r.Object == "":
		return nil
	case r.Kind == Node && spaced:
		return fmt.Errorf("object %q: a node has no namespace", r.Object)
	case (r.Kind == Workload || r.Kind == Pod) && (namespace == "" || name == ""):
		return fmt.Errorf("object %q: want its namespace and name, as default/redis", r.Object)
	}
	return nil
}

// String is "{alertname="redis/down"} → workload".
func (r Rule) String() string { return r.Match.String() + " → " + string(r.Kind) }
