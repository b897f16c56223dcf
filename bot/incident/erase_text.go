package incident

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
)

// alertKeys are the alerts that a payload tells of.
func alertKeys(p timeline.Payload) []string {
	var briefs []alert.Brief
	switch p := p.(type) {
	case *alert.Received:
		return []string{p.Alert.Key()}
	case *alert.Changed:
		return []string{p.Key}
	case *alert.Updated:
		return []string{p.Alert.Key}
	case *alert.Restated:
		keys := make([]string, len(p.Alerts))
		for n, a := range p.Alerts {
			keys[n] = a.Key()
		}
		return keys
	case *alert.Joined:
		briefs = p.Alerts
	case *alert.Cleared:
		briefs = p.Alerts
	}
	keys := make([]string, len(briefs))
	for n, b := range briefs {
		keys[n] = b.Key
	}
	return keys
}

// freeTexts are the texts of an entry that others may repeat. Of alerts only
// what their source wrote freely counts: labels are names.
func freeTexts(e timeline.Entry) []string {
	switch p := e.Payload.(type) {
	case *alert.Received:
		return alertTexts(p.Alert)
	case *alert.Changed:
		return alertTexts(alert.Alert{Annotations: p.Annotations})
	case *alert.Joined, *alert.Cleared, *alert.Updated, *alert.Restated:
		return nil // found by the alerts' keys
	case *Declared:
		return worth(p.Title)
	case *StatusChanged:
		return worth(p.Reason)
	case *SeverityChanged:
		return worth(p.Reason)
	case *StartClaimed:
		return worth(p.Why)
	case *AlertAcknowledged, *SilencePlaced:
		return nil
	case *AlertSilenced:
		return worth(p.Reason)
	case *Restated:
		return nil
	case interface{ FreeTexts() []string }:
		return worth(p.FreeTexts()...) // a payload of a package above, which knows what is text
	}
	return worth(leaves(e.Body)...)
}

func alertTexts(a alert.Alert) []string {
	texts := worth(slices.Sorted(maps.Values(a.Annotations))...)
	return append(texts, worth(a.GeneratorURL)...)
}

// worth leaves out what is too short to tell a copy from a coincidence.
func worth(texts ...string) []string {
	const least = 6
	var kept []string
	for _, t := range texts {
		if t = strings.TrimSpace(t); len(t) >= least {
			kept = append(kept, t)
		}
	}
	return kept
}

// copyOf reports whether leaf holds text, or a piece of it that was cut to fit,
// with or without a name before it.
func copyOf(leaf, text string) bool {
	if strings.Contains(leaf, text) || strings.Contains(leaf, oneLine(text)) {
		return true
	}
	const piece = 20
	_, after, _ := strings.Cut(leaf, ": ")
	for _, part := range []string{leaf, after} {
		part = strings.TrimSuffix(part, "…")
		if len(part) >= piece && (strings.Contains(text, part) || strings.Contains(oneLine(text), part)) {
			return true
		}
	}
	return false
}

// leaves are the strings of a JSON document.
func leaves(body []byte) []string {
	var doc any
	if len(body) == 0 || json.Unmarshal(body, &doc) != nil {
		return nil
	}
	var found []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			found = append(found, v)
		case []any:
			for _, each := range v {
				walk(each)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(v[k])
			}
		}
	}
	walk(doc)
	return found
}

func sortedIDs(set map[timeline.ID]bool) []timeline.ID { return slices.Sorted(maps.Keys(set)) }
func sortedKeys(set map[string]bool) []string          { return slices.Sorted(maps.Keys(set)) }
