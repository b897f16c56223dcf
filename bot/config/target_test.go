package config

import (
	"strings"
	"testing"

	"wardroom/bot/suggest"
)

// TestTargetsOfTheTeamComeFirst: what is written adds to what Wardroom knows, and
// heeds the team's own word for exporters.
func TestTargetsOfTheTeamComeFirst(t *testing.T) {
	known := len(suggest.DefaultRules())
	if c := Default(); len(c.Targets.List) != known || len(c.Targets.Exporters["service"]) == 0 {
		t.Errorf("defaults: %+v", c.Targets)
	}
	c, err := Parse("wardroom.yaml", "", []byte(`
correlation: {exporters: {service: ["*-probe"]}}
targets:
  - {match: 'alertname="redis/down"', kind: workload, object: default/redis}
  - {match: 'job="sidecar"', kind: pod, label: [pod, kubernetes_pod_name], namespace: kubernetes_namespace, own: true}
  - {match: 'team="mail"', kind: nothing}
`))
	if err != nil {
		t.Fatal(err)
	}
	list := c.Targets.List
	if len(list) != known+3 || list[0].Object != "default/redis" || list[0].Kind != suggest.Workload || list[2].Kind != suggest.Nothing {
		t.Fatalf("%+v", list)
	}
	if r := list[1]; !r.Own || r.Namespace != "kubernetes_namespace" || strings.Join(r.Labels, " ") != "pod kubernetes_pod_name" {
		t.Errorf("%+v", r)
	}
	if got := c.Targets.Exporters["service"]; len(got) != 1 || got[0] != "*-probe" {
		t.Errorf("exporters %v", got)
	}
}

func TestTargetThatHidesOthersIsAMistake(t *testing.T) {
	_, err := Parse("wardroom.yaml", "", []byte("targets:\n  - {kind: nothing}\n  - {match: 'a=\"b\"', kind: node, label: node}\n"))
	if err == nil || !strings.Contains(err.Error(), "is never reached: targets[0] matches every alert before it") {
		t.Error(err)
	}
}
