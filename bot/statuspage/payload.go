package statuspage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// Kinds are the kinds that this package owns.
var Kinds = []timeline.KindSpec{
	timeline.KindOf[Posted](timeline.Key),
	timeline.KindOf[Backdated](timeline.Key),
	timeline.KindOf[ComponentSet](timeline.Key),
	timeline.KindOf[ComponentsDeclared](timeline.Detail),
}

// Posted tells the public something. The first one of an incident creates its notice.
// One whose entry supersedes another is that update once more, with the text put
// right: nothing but the text counts, and subscribers are not told again.
type Posted struct {
	Title string    `json:"title,omitempty"` // set on the first update, and where it changes
	State State     `json:"state"`           //
	Body  string    `json:"text"`            // plain text; each page escapes it
	At    time.Time `json:"at,omitzero"`     // the time that is shown; zero: when it was recorded
	First bool      `json:"first,omitempty"` // it creates the notice
	Quiet bool      `json:"quiet,omitempty"` // subscribers are spared
	// Components come to these levels with it, by name.
	Components map[string]Level `json:"components,omitempty"`
}

func (*Posted) Kind() timeline.Kind { return "status.posted" }

// CorrectionText is what a room says when this is a correction: said like a new
// update, it would seem to be one.
func (p *Posted) CorrectionText() string { return "Status page, text corrected: " + p.Body }

func (p *Posted) Text() string {
	what := "Status page: " + string(p.State)
	if p.First {
		what = "Status incident created, " + string(p.State)
	}
	text := what + ": " + p.Body
	if len(p.Components) > 0 {
		parts := make([]string, 0, len(p.Components))
		for _, name := range slices.Sorted(maps.Keys(p.Components)) {
			parts = append(parts, name+" "+p.Components[name].words())
		}
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

// Backdated moves the public start of an incident's notice. A person confirmed it.
type Backdated struct {
	StartedAt time.Time      `json:"started_at"`
	From      time.Time      `json:"from"`               // the public start until then
	Why       string         `json:"why"`                // the evidence, in words
	Evidence  []timeline.Ref `json:"evidence,omitempty"` // the entries that speak for it
	// BeforeEvidence says that nothing recorded reaches back so far.
	BeforeEvidence bool `json:"before_evidence,omitempty"`
	// InText lists the pages that cannot backdate: there the start stands in the text.
	InText []string `json:"in_text,omitempty"`
}

func (*Backdated) Kind() timeline.Kind { return "status.backdated" }
func (b *Backdated) Text() string {
	text := "Status incident backdated to " + clockUTC(b.StartedAt)
	if b.Why != "" {
		text += ": " + b.Why
	}
	if len(b.InText) > 0 {
		text += fmt.Sprintf(" (%s cannot backdate: the start stands in the text)", strings.Join(b.InText, ", "))
	}
	return text
}

// ComponentSet brings one component to a level. It stands in an incident's
// timeline, or in the log when it belongs to none.
type ComponentSet struct {
	Component string `json:"component"`
	Level     Level  `json:"level"`
	From      Level  `json:"from,omitempty"`
}

func (*ComponentSet) Kind() timeline.Kind { return "status.component" }
func (c *ComponentSet) Text() string {
	return fmt.Sprintf("Status page: %s is %s", c.Component, c.Level.words())
}

// ComponentsDeclared stands in the log: from now on the service has these
// components, in this order. A component keeps its level and history by its name.
type ComponentsDeclared struct {
	Components []Declaration `json:"components"`
}

// Declaration of a component, as the configuration holds it.
type Declaration struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Group       string `json:"group,omitempty"`
}

func (*ComponentsDeclared) Kind() timeline.Kind { return "status.components" }
func (d *ComponentsDeclared) Text() string {
	names := make([]string, len(d.Components))
	for i, c := range d.Components {
		names[i] = c.Name
	}
	return "Components of the status page: " + strings.Join(names, ", ")
}

func (l Level) words() string { return strings.ReplaceAll(string(l), "_", " ") }

// clockUTC is a time as entries write it.
func clockUTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
