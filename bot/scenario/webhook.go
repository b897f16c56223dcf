package scenario

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"
)

// body is the webhook as Alertmanager sends it, version 4: one group with one
// alert. Source of the fields: the Alertmanager documentation, "webhook_config".
func (w *Webhook) body() ([]byte, error) {
	endsAt := "0001-01-01T00:00:00Z"
	if !w.endsAt.IsZero() {
		endsAt = w.endsAt.UTC().Format(time.RFC3339)
	}
	annotations := w.Annotations
	if annotations == nil {
		annotations = map[string]string{}
	}
	group := map[string]string{}
	if name, ok := w.Labels["alertname"]; ok {
		group["alertname"] = name
	}
	return json.Marshal(map[string]any{
		"version": "4", "groupKey": fmt.Sprintf("{}:{alertname=%q}", group["alertname"]), "truncatedAlerts": 0,
		"status": w.Status, "receiver": "wardroom", "externalURL": "http://alertmanager.example",
		"groupLabels": group, "commonLabels": w.Labels, "commonAnnotations": annotations,
		"alerts": []any{map[string]any{
			"status": w.Status, "labels": w.Labels, "annotations": annotations, "fingerprint": fingerprint(w.Labels),
			"startsAt": w.startsAt.UTC().Format(time.RFC3339), "endsAt": endsAt, "generatorURL": "",
		}},
	})
}

// fingerprint is computed as Prometheus does: FNV-1a over the sorted labels.
func fingerprint(labels map[string]string) string {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		for _, s := range []string{name, labels[name]} {
			h.Write([]byte(s))
			h.Write([]byte{255})
		}
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// sender is the configured name that the alert comes in under.
func (g *Generic) sender() string {
	if g.Source != "" {
		return g.Source
	}
	return "generic"
}

func (g *Generic) body() ([]byte, error) {
	id := g.Fingerprint
	if id == "" {
		id = strings.ToLower(strings.Join(strings.Fields(g.Title), "-"))
	}
	return json.Marshal(map[string]any{
		"status": g.Status, "title": g.Title, "fingerprint": id, "labels": g.Labels,
		"starts_at": g.startsAt.UTC().Format(time.RFC3339),
	})
}
