// Package fleet knows what is operated on: nodes, volumes, workloads, and what
// the systems that hold them report.
package fleet

import (
	"strings"

	"wardroom/bot/timeline"
)

// Kinds are the kinds that this package owns.
var Kinds = []timeline.KindSpec{timeline.KindOf[Observed](timeline.Key), timeline.KindOf[Routine](timeline.Detail)}

// Observed is what an outside system reported by itself: a cloud's event, a
// cluster's event. The entry's actor is the provider.
type Observed struct {
	What    string `json:"what"`              // "volume_attach", "FailedMount"
	Status  string `json:"status,omitempty"`  // "failed"; empty where the system has none
	Object  string `json:"object,omitempty"`  // "volume pvc-bb1d06139b334c1f", "pod/default/redis-0"
	Message string `json:"message,omitempty"` // the system's own words
}

func (*Observed) Kind() timeline.Kind { return "fleet.observed" }

// Routine is an Observed that is as it should be: a step on the way of what was
// asked for. It stands in the full timeline alone.
type Routine struct{ Observed }

func (*Routine) Kind() timeline.Kind { return "fleet.routine" }

func (o *Observed) Text() string {
	text := strings.Join(strings.Fields(o.What+" "+o.Status), " ")
	if o.Object != "" {
		text += " (" + o.Object + ")"
	}
	if o.Message != "" {
		text += ": " + o.Message
	}
	return text
}
