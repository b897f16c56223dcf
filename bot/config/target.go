package config

import (
	"errors"
	"strings"

	"wardroom/bot/suggest"
)

// FileTarget is one of targets.
type FileTarget struct {
	Pos
	Match     Text   `yaml:"match" form:"matchers" example:"alertname=\"redis/down\"" help:"Alertmanager's matcher syntax, as in routes. Left out: every alert."`
	Kind      Text   `yaml:"kind" form:"node, workload, volume, pod or nothing" example:"workload" help:"What it is about. nothing: no object of the cluster; Wardroom's own rules are not asked then either."`
	Label     []Text `yaml:"label" form:"label or list" example:"[statefulset, service]" help:"The labels that name it; the first that the alert has is taken. Of a volume: its claim, or persistentvolume."`
	Namespace Text   `yaml:"namespace" form:"label" example:"namespace" help:"The label that names its namespace. Left out: namespace."`
	Object    Text   `yaml:"object" alt:"label" example:"default/redis" help:"What it is about whatever its labels say, by namespace and name."`
	Own       Text   `yaml:"own" form:"true or false" example:"false" help:"The exporter measures what it runs on or in, as node-exporter does. Only then may a label that says where the exporter runs (kubernetes_node, kubernetes_pod_name, kubernetes_namespace, instance) name the target; from kube-state-metrics it never does."`
}

// targets are the team's rules, then those that Wardroom knows by itself.
func (d *decoder) targets(list []FileTarget, exporters map[string][]string) suggest.Rules {
	texts := make([]suggest.RuleText, len(list))
	for i, f := range list {
		t := suggest.RuleText{Match: f.Match.Value, Kind: f.Kind.Value, Namespace: f.Namespace.Value, Object: d.line(f.Object), Own: d.flag(f.Own)}
		for _, l := range f.Label {
			t.Labels = append(t.Labels, l.Value)
		}
		texts[i] = t
	}
	rules, err := suggest.ParseRules(texts)
	for _, e := range each(err) {
		if wrong, ok := errors.AsType[*suggest.RuleError](e); ok {
			d.fail(list[wrong.Index].Pos, "%s", strings.ReplaceAll(wrong.Err.Error(), "\n", "; "))
		} else {
			d.fail(Pos{Path: "targets"}, "%v", e)
		}
	}
	for i, before := range rules {
		if len(before.Match) == 0 && i+1 < len(rules) {
			d.fail(list[i+1].Pos, "is never reached: %s matches every alert before it", list[i].Path)
			break
		}
	}
	return suggest.Rules{List: append(rules, suggest.DefaultRules()...), Exporters: exporters}
}
