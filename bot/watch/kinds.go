package watch

import (
	"fmt"
	"time"

	"wardroom/bot/timeline"
)

// Kinds are what this package records: of checks in the log, of what is back after a
// repair in the incident.
var Kinds = []timeline.KindSpec{
	timeline.KindOf[Failing](timeline.Key),
	timeline.KindOf[Working](timeline.Key),
	timeline.KindOf[NotBack](timeline.Key),
	timeline.KindOf[AllBack](timeline.Key),
	timeline.KindOf[BackUnknown](timeline.Key),
}

// Failing tells that a check began to fail or to warn, or went from one to the
// other. Its entry holds the claim "check/NAME" until the check works again.
type Failing struct {
	Check    string `json:"check"`
	Level    Level  `json:"level"` // Warning or Failed
	Sentence string `json:"sentence"`
	Hint     string `json:"hint,omitempty"`
}

func (*Failing) Kind() timeline.Kind { return "check.failing" }
func (f *Failing) Text() string {
	verb := "fails"
	if f.Level == Warning {
		verb = "warns"
	}
	text := fmt.Sprintf("The check %q %s: %s", f.Check, verb, f.Sentence)
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	return text
}

// Working tells that a check works again. Its cause is the entry of the failure.
type Working struct {
	Check    string    `json:"check"`
	Sentence string    `json:"sentence,omitempty"`
	Since    time.Time `json:"since,omitzero"` // when it was found failing, or warning
}

func (*Working) Kind() timeline.Kind { return "check.working" }
func (w *Working) Text() string {
	text := fmt.Sprintf("The check %q is well again", w.Check)
	if w.Sentence != "" {
		text += ": " + w.Sentence
	}
	return text
}

// claim is held by the entry that last told of a check that is not well, so that
// what is known survives a restart.
func claim(check string) string { return "check/" + check }
