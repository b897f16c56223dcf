package alert

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/timeline"
)

// Kinds are the kinds that this package owns.
var Kinds = []timeline.KindSpec{
	timeline.KindOf[Received](timeline.Detail),
	timeline.KindOf[Changed](timeline.Detail),
	timeline.KindOf[Joined](timeline.Key),
	timeline.KindOf[Updated](timeline.Detail),
	timeline.KindOf[Cleared](timeline.Key),
	timeline.KindOf[Restated](timeline.Detail),
}

// Received stands in the log: a source said something new of an alert.
type Received struct {
	Alert Alert  `json:"alert"`
	Value *Value `json:"value,omitempty"`
	// Found says how an alert came in that no webhook brought, as "read back from Alertmanager".
	Found string `json:"found,omitempty"`
}

func (*Received) Kind() timeline.Kind { return "alert.received" }
func (r *Received) Text() string {
	b := r.Alert.Brief()
	b.Value = r.Value
	if r.Found != "" {
		return describe(b) + " (" + r.Found + ")"
	}
	return describe(b)
}

// Changed stands in the log: the annotations of a firing alert changed. There is
// at most one a minute for each alert, always with the peak and the last value.
type Changed struct {
	Key         string            `json:"key"`
	Name        string            `json:"name"`
	Annotations map[string]string `json:"annotations,omitempty"` // as last received
	Value       *Value            `json:"value,omitempty"`
}

func (*Changed) Kind() timeline.Kind { return "alert.changed" }
func (c *Changed) Text() string {
	if c.Value == nil {
		return fmt.Sprintf("Alert %s changed", c.Name)
	}
	return fmt.Sprintf("Alert %s changed: %s", c.Name, c.Value)
}

// String is "now 40, peaked at 61".
func (v *Value) String() string {
	if v == nil {
		return ""
	}
	return "now " + Number(v.Last) + ", peaked at " + Number(v.Peak)
}

// Number is f as a person writes it.
func Number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// Joined stands in an incident's timeline: these alerts belong to it from now on.
type Joined struct {
	Alerts []Brief `json:"alerts"`        // at least one; as they were then
	Why    string  `json:"why,omitempty"` // which rule brought them here, as "same node"
	// Now counts the incident's alerts with these; nil where it was not counted.
	Now *Tally `json:"now,omitempty"`
	// Shared are values of correlation labels that the incident has not seen before.
	Shared map[string][]string `json:"shared,omitempty"`
}

// Tally counts alerts.
type Tally struct {
	Total  int `json:"total"`
	Firing int `json:"firing"`
}

func (*Joined) Kind() timeline.Kind { return "alert.joined" }
func (j *Joined) Text() string {
	if len(j.Alerts) == 1 {
		return describe(j.Alerts[0])
	}
	return fmt.Sprintf("%d alerts firing: %s", len(j.Alerts), names(j.Alerts))
}

// Updated stands in an incident's timeline: an alert's value or text changed.
type Updated struct {
	Alert Brief `json:"alert"`
}

func (*Updated) Kind() timeline.Kind { return "alert.updated" }
func (u *Updated) Text() string {
	text := "Alert " + u.Alert.Name
	if u.Alert.Value != nil {
		text += ": " + u.Alert.Value.String()
	}
	if u.Alert.Summary != "" {
		text += ": " + u.Alert.Summary
	}
	return text
}

// Cleared stands in an incident's timeline: these alerts are resolved.
type Cleared struct {
	Alerts []Brief `json:"alerts"`
	Left   int     `json:"left"` // how many of the incident's alerts still fire
}

func (*Cleared) Kind() timeline.Kind { return "alert.cleared" }
func (c *Cleared) Text() string {
	text := fmt.Sprintf("%d alerts resolved: %s", len(c.Alerts), names(c.Alerts))
	if len(c.Alerts) == 1 {
		text = describe(c.Alerts[0])
	}
	if c.Left == 0 {
		return text + "; nothing is firing any more"
	}
	return text + fmt.Sprintf("; %d still firing", c.Left)
}

// Restated stands in the log: what is still known of alerts after entries that
// told of them were erased. It replaces their rows, so that folding again
// without those entries ends in the same state.
type Restated struct {
	Alerts []Current `json:"alerts"`
}

func (*Restated) Kind() timeline.Kind { return "alert.restated" }
func (r *Restated) Text() string {
	if len(r.Alerts) == 1 {
		return fmt.Sprintf("State of alert %s noted again after an erasure", r.Alerts[0].Name())
	}
	return fmt.Sprintf("State of %d alerts noted again after an erasure", len(r.Alerts))
}

func describe(b Brief) string {
	text := fmt.Sprintf("Alert %s %s", b.Name, b.Status)
	if b.Summary != "" {
		text += ": " + b.Summary
	}
	if b.Value != nil && b.Value.Peak != b.told() {
		text += " (peaked at " + Number(b.Value.Peak) + ")"
	}
	return text
}

// told is the value that the summary has: of an alert that fires the first one, of one
// that is resolved the last.
func (b Brief) told() float64 {
	if b.Status == Resolved {
		return b.Value.Last
	}
	return b.Value.First
}

// names folds alerts of one name: "a ×3, b".
func names(alerts []Brief) string {
	count := map[string]int{}
	for _, a := range alerts {
		count[a.Name]++
	}
	parts := make([]string, 0, len(count))
	for _, n := range slices.Sorted(maps.Keys(count)) {
		if count[n] > 1 {
			n = fmt.Sprintf("%s ×%d", n, count[n])
		}
		parts = append(parts, n)
	}
	const most = 10
	if len(parts) > most {
		parts = append(parts[:most:most], fmt.Sprintf("and %d more names", len(parts)-most))
	}
	return strings.Join(parts, ", ")
}
