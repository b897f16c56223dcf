package suggest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// whereabouts are labels that Prometheus adds for the place it scraped, with what
// they say. For kube-state-metrics, which tells of the whole cluster, that place is
// some other node: a button made from it would recycle a healthy machine.
// https://prometheus.io/docs/concepts/jobs_instances/ and the relabelling of
// https://github.com/prometheus/prometheus/blob/main/documentation/examples/prometheus-kubernetes.yml
var whereabouts = map[string]string{
	"kubernetes_node":      "names the node that the exporter runs on, not the sick one",
	"kubernetes_node_name": "names the node that the exporter runs on, not the sick one",
	"kubernetes_pod_name":  "names the exporter's pod, not the sick one",
	"kubernetes_pod":       "names the exporter's pod, not the sick one",
	"kubernetes_namespace": "names the exporter's namespace, not that of what is sick",
	"instance":             "names what was scraped, not what is sick",
}

// scraped are labels that may name who measured: their values decide.
var scraped = []string{"service", "job", "container", "app", "kubernetes_name"}

// trapped returns why the value of a label does not name the target; "" when it may.
func (r Rules) trapped(rule Rule, name, value string, labels map[string]string) string {
	if why, is := whereabouts[name]; is {
		switch {
		case !rule.Own:
			return why
		case wholeCluster(labels):
			return why + ": kube-state-metrics tells of the whole cluster from one place"
		case rule.Kind == Node && labels["node"] != "" && labels["node"] != value:
			return fmt.Sprintf("%s: label node says %s", why, labels["node"])
		}
		return ""
	}
	if slices.Contains(scraped, name) && r.exporter(value) {
		return "names who measured it, not what is sick"
	}
	if name == "pod" && !rule.Own && r.exporter(value) {
		for _, by := range scraped {
			if labels[by] != "" && strings.HasPrefix(value, labels[by]+"-") {
				return "names the exporter's pod, not the sick one"
			}
		}
	}
	return ""
}

// exporter reports whether a value says who measured, under whichever label.
func (r Rules) exporter(value string) bool {
	for _, patterns := range r.Exporters {
		for _, p := range patterns {
			if ok, err := path.Match(p, value); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// wholeCluster reports whether kube-state-metrics sent it.
func wholeCluster(labels map[string]string) bool {
	for _, name := range append([]string{"pod", "kubernetes_pod_name"}, scraped...) {
		if strings.Contains(labels[name], "kube-state-metrics") {
			return true
		}
	}
	return false
}

// valueOf is what the alert says under a label. Where the metric and the place it
// was scraped from both had the label, Prometheus kept the metric's own as exported_.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config (honor_labels)
func valueOf(labels map[string]string, name string) (under, value string) {
	if v := labels["exported_"+name]; v != "" {
		return "exported_" + name, v
	}
	return name, labels[name]
}
