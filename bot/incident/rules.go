package incident

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
)

// Rules say which alerts belong to one incident.
//
// A small fleet has one outage at a time, and one dead node makes a dozen alerts
// that Alertmanager cannot group: their rules share no label. So whatever fires
// together is taken for one event, and the labels decide only when time does not:
//
//   - A wrong join costs one `/incident split`; a wrong new room costs attention
//     at night. In doubt an alert joins.
//   - Strong labels name one thing that can break: sharing one joins for as long
//     as the incident is open, and reopens one that was resolved a moment ago.
//   - Weak labels (a namespace) hold half the cluster: they join only inside the
//     window, and only they let an alert join that would not open an incident.
//   - A page long after the window, while exactly one incident is open, is a
//     likely consequence: "Python is offline", five hours after the node that
//     Redis ran on. It joins, the room says so, and nobody opens a second room.
//   - Labels that keep apart (cluster, environment) win over all but the
//     alert's own history.
//
// The first that holds decides: the very alert belongs to an open incident; a
// strong label of an open one; the very alert belonged to one just resolved; a
// weak label inside the window; the window alone; the consequence; a strong
// label of one just resolved. Otherwise the alert opens an incident.
type Rules struct {
	Window       time.Duration // after an incident's last join (or its beginning) in which time alone joins
	ReopenWithin time.Duration // after a resolution
	Consequence  time.Duration // age of the only open incident up to which a page joins it; 0: never
	SelfRecovery time.Duration // quiet time after which an untouched incident is resolved
	Strong       []string      // labels that name one thing
	Weak         []string      // labels that name a neighbourhood
	Apart        []string      // labels whose difference keeps alerts apart
	// Exporters are values, as patterns of path.Match, that say who measured and not
	// what is broken, by label. Metrics that were scraped from kube-state-metrics
	// carry its service although they tell of another.
	Exporters map[string][]string
}

// DefaultRules are what an empty configuration means.
func DefaultRules() Rules {
	return Rules{
		Window: 15 * time.Minute, ReopenWithin: 2 * time.Hour, Consequence: 12 * time.Hour, SelfRecovery: 30 * time.Minute,
		Strong: []string{"node", "persistentvolumeclaim", "service"}, Weak: []string{"namespace"},
		Apart: []string{"cluster", "environment", "env"},
		Exporters: map[string][]string{
			"service": {"*kube-state-metrics*", "*-exporter", "*-exporter-*", "kubelet", "*blackbox*", "*prometheus*"},
		},
	}
}

// Validate names the first rule that cannot be meant.
func (r Rules) Validate() error {
	for name, d := range map[string]time.Duration{"window": r.Window, "reopen_within": r.ReopenWithin, "consequence": r.Consequence, "self_recovery": r.SelfRecovery} {
		if d < 0 || d > 7*24*time.Hour {
			return fmt.Errorf("%s: %s is not between 0 and 7 days", name, d)
		}
	}
	for _, label := range r.Weak {
		if slices.Contains(r.Strong, label) {
			return fmt.Errorf("label %q is both strong and weak", label)
		}
	}
	for label, patterns := range r.Exporters {
		for _, p := range patterns {
			if _, err := path.Match(p, ""); err != nil {
				return fmt.Errorf("exporters of %s: %q is not a pattern", label, p)
			}
		}
	}
	return nil
}

// traits are the values of an alert's correlation labels.
type traits map[string]string

// maxTrait bounds what a label adds to an incident's state.
const maxTrait = 200

func (r Rules) traits(labels map[string]string) traits {
	t := traits{}
	for _, list := range [][]string{r.Strong, r.Weak, r.Apart} {
		for _, label := range list {
			v := r.value(labels, label)
			if v == "" || len(v) > maxTrait || r.exporter(label, v) {
				continue
			}
			t[label] = v
		}
	}
	// Names of claims and services are unique in their namespace alone.
	for label, v := range t {
		if ns := r.value(labels, "namespace"); ns != "" && (label == "persistentvolumeclaim" || label == "service") {
			t[label] = ns + "/" + v
		}
	}
	return t
}

// value prefers exported_x: Prometheus puts the scraped target's x in the way of
// the metric's own and renames that.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config (honor_labels)
func (r Rules) value(labels map[string]string, label string) string {
	if v := labels["exported_"+label]; v != "" {
		return v
	}
	return labels[label]
}

func (r Rules) exporter(label, value string) bool {
	return slices.ContainsFunc(r.Exporters[label], func(p string) bool {
		ok, err := path.Match(p, value)
		return ok && err == nil
	})
}

// shared returns the first of labels in which the incident has seen t's value.
func shared(i *Incident, t traits, labels []string) (label, value string) {
	for _, label := range labels {
		if v := t[label]; v != "" && slices.ContainsFunc(i.Shared[label], func(have string) bool { return sameThing(have, v) }) {
			return label, v
		}
	}
	return "", ""
}

// sameThing compares "default/redis" with "redis" by name when one of them does
// not say its namespace.
func sameThing(a, b string) bool {
	if a == b {
		return true
	}
	nsA, nameA, qualifiedA := cutLast(a)
	nsB, nameB, qualifiedB := cutLast(b)
	return nameA == nameB && (!qualifiedA || !qualifiedB || nsA == nsB)
}

func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

// apart reports whether a label says that t is of another world than i.
func apart(i *Incident, t traits, labels []string) bool {
	return slices.ContainsFunc(labels, func(label string) bool {
		v, seen := t[label], i.Shared[label]
		return v != "" && len(seen) > 0 && !slices.Contains(seen, v)
	})
}

// brief is an alert as an incident's timeline tells of it, at a bounded length.
func brief(a alert.Alert, value *alert.Value) alert.Brief {
	b := a.Brief()
	b.Name, b.Summary, b.Severity = capped(oneLine(b.Name), 200), capped(oneLine(b.Summary), MaxReason), capped(oneLine(b.Severity), 50)
	b.Value = value
	if len(b.URL) > MaxURL {
		b.URL = ""
	}
	return b
}
