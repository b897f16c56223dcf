package alert

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"
)

// maxRules bounds a rules file, in bytes.
const maxRules = 16 << 20

// RuleVerdict is what an alerting rule's alerts would lead to.
type RuleVerdict struct {
	Alert    string        `json:"alert"`
	Group    string        `json:"group,omitempty"`
	Line     int           `json:"line"`
	For      time.Duration `json:"for"`      // how long the condition holds before the alert fires
	Severity string        `json:"severity"` // the label, as written
	Route    Route         `json:"-"`
	// Unsure names labels that the route looks at and that only the alert itself
	// will know: they are templates, or the expression brings them.
	Unsure []string `json:"unsure,omitempty"`
}

// RulesReport says what the alerts of a Prometheus rules file would lead to.
type RulesReport struct {
	Rules     []RuleVerdict
	Recording int // rules that record series and alert nobody
}

// Count returns how many rules lead to the action.
func (r RulesReport) Count(a Action) int {
	n := 0
	for _, v := range r.Rules {
		if v.Route.Action == a {
			n++
		}
	}
	return n
}

// Summary is "52 alerting rules: 44 would open incidents (40 SEV2, 4 SEV3), 8 would notify, 0 would be ignored".
func (r RulesReport) Summary() string {
	bySeverity := map[Severity]int{}
	for _, v := range r.Rules {
		if v.Route.Action == Open {
			bySeverity[v.Route.Severity]++
		}
	}
	var parts []string
	for _, s := range []Severity{SEV1, SEV2, SEV3, SEV4} {
		if bySeverity[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", bySeverity[s], s))
		}
	}
	opens := fmt.Sprintf("%d would open incidents", r.Count(Open))
	if len(parts) > 0 {
		opens += " (" + strings.Join(parts, ", ") + ")"
	}
	return fmt.Sprintf("%d alerting rules: %s, %d would notify, %d would be ignored", len(r.Rules), opens, r.Count(Notify), r.Count(Ignore))
}

// RuleFor returns how long each alert's condition holds before it fires: the
// incident really began that much earlier. Where rules share a name and differ,
// the longest counts.
func (r RulesReport) RuleFor() map[string]time.Duration {
	out := make(map[string]time.Duration, len(r.Rules))
	for _, v := range r.Rules {
		out[v.Alert] = max(out[v.Alert], v.For)
	}
	return out
}

type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
	Spec   struct {
		Groups []ruleGroup `yaml:"groups"`
	} `yaml:"spec"`
}

type ruleGroup struct {
	Name  string      `yaml:"name"`
	Rules []yaml.Node `yaml:"rules"`
}

type rule struct {
	Alert  string            `yaml:"alert"`
	Record string            `yaml:"record"`
	Expr   string            `yaml:"expr"`
	For    string            `yaml:"for"`
	Labels map[string]string `yaml:"labels"`
}

// CheckRules reads a Prometheus rules file, or a Kubernetes PrometheusRule, of
// any number of documents, and says what each alert would lead to. Fields that
// it does not know are passed over; it returns all errors at once, with lines.
// https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
func CheckRules(r io.Reader, routes Routes) (RulesReport, error) {
	var report RulesReport
	raw, err := io.ReadAll(io.LimitReader(r, maxRules+1))
	if err != nil {
		return report, fmt.Errorf("read rules: %w", err)
	}
	if len(raw) > maxRules {
		return report, fmt.Errorf("rules: the file has more than %d MiB", maxRules>>20)
	}
	var files []ruleFile
	if err := yaml.Load(raw, &files, yaml.WithAllDocuments()); err != nil {
		return report, fmt.Errorf("rules: %w", err)
	}
	var errs []error
	groups := 0
	for _, file := range files {
		for _, group := range slices.Concat(file.Groups, file.Spec.Groups) {
			groups++
			for i := range group.Rules {
				if err := report.add(group, &group.Rules[i], routes); err != nil {
					errs = append(errs, fmt.Errorf("line %d: %w", group.Rules[i].Line, err))
				}
			}
		}
	}
	if groups == 0 && len(bytes.TrimSpace(raw)) > 0 {
		errs = append(errs, errors.New("rules: there are no groups in it: is it a rules file?"))
	}
	slices.SortStableFunc(report.Rules, func(a, b RuleVerdict) int {
		return cmp.Or(cmp.Compare(rank(a.Route), rank(b.Route)), cmp.Compare(a.Alert, b.Alert))
	})
	return report, errors.Join(errs...)
}

func rank(r Route) int {
	switch r.Action {
	case Open:
		return int(r.Severity)
	case Notify:
		return int(SEV4) + 1
	}
	return int(SEV4) + 2
}

func (r *RulesReport) add(group ruleGroup, node *yaml.Node, routes Routes) error {
	var one rule
	if err := node.Decode(&one); err != nil {
		return fmt.Errorf("rule in group %q: %w", group.Name, err)
	}
	if one.Record != "" && one.Alert == "" {
		r.Recording++
		return nil
	}
	switch {
	case one.Alert == "":
		return fmt.Errorf("a rule in group %q has neither alert nor record", group.Name)
	case strings.TrimSpace(one.Expr) == "":
		return fmt.Errorf("the rule %q has no expr", one.Alert)
	}
	var hold model.Duration
	if one.For != "" {
		var err error
		if hold, err = model.ParseDuration(one.For); err != nil {
			return fmt.Errorf("the rule %q: for: %w", one.Alert, err)
		}
	}
	labels := map[string]string{"alertname": one.Alert}
	for name, value := range one.Labels {
		labels[name] = value
	}
	v := RuleVerdict{Alert: one.Alert, Group: group.Name, Line: node.Line, For: time.Duration(hold), Severity: one.Labels["severity"]}
	v.Route = routes.For(Alert{Labels: labels})
	for _, route := range routes {
		for _, name := range route.Match.names() {
			value, set := labels[name]
			if (!set && name != "severity" || strings.Contains(value, "{{")) && !slices.Contains(v.Unsure, name) {
				v.Unsure = append(v.Unsure, name)
			}
		}
		if route.Matches(Alert{Labels: labels}) {
			break
		}
	}
	r.Rules = append(r.Rules, v)
	return nil
}
