package timeline

import (
	"fmt"
	"strings"
	"time"
)

// Kinds are the kinds that this package records itself.
var Kinds = []KindSpec{
	KindOf[Opened](Detail),
	KindOf[HeadsRecorded](Detail),
	KindOf[Erasure](Key),
	KindOf[TimerFired](Detail),
	KindOf[Delivered](Detail),
	KindOf[DeliveryFailed](Key),
}

// Opened is the log's record that a timeline exists.
type Opened struct {
	Opened ID `json:"opened"`
}

func (*Opened) Kind() Kind     { return "timeline.opened" }
func (o *Opened) Text() string { return fmt.Sprintf("Timeline %s opened", o.Opened) }

// HeadsRecorded notes in the log how far each timeline had come, so that a
// timeline whose tail was cut no longer fits.
type HeadsRecorded struct {
	Heads []Head `json:"heads"`
}

func (*HeadsRecorded) Kind() Kind { return "timeline.heads" }
func (h *HeadsRecorded) Text() string {
	parts := make([]string, len(h.Heads))
	for i, head := range h.Heads {
		parts[i] = fmt.Sprintf("%s#%d %s", head.Timeline, head.Seq, head.Hash.Short())
	}
	return "Heads: " + strings.Join(parts, ", ")
}

// Erasure deletes the payloads that its entry's Effects.Erase names. The entries
// themselves, their times and their place in the chain stay.
type Erasure struct {
	Refs   []Ref  `json:"refs"`
	Reason string `json:"reason"`
	// Unreached lists copies that are out of reach, as "a message that was exported".
	Unreached []string `json:"unreached,omitempty"`
}

func (*Erasure) Kind() Kind { return "erased" }
func (e *Erasure) Text() string {
	refs := make([]string, len(e.Refs))
	for i, r := range e.Refs {
		refs[i] = r.String()
	}
	text := fmt.Sprintf("Erased %s: %s", strings.Join(refs, ", "), e.Reason)
	if len(e.Unreached) > 0 {
		text += "; out of reach: " + strings.Join(e.Unreached, ", ")
	}
	return text
}

// TimerFired records that a timer was due. What follows from it has this entry
// as its cause.
type TimerFired struct {
	Key  string    `json:"key"`
	What string    `json:"what"`
	Due  time.Time `json:"due"`
}

func (*TimerFired) Kind() Kind     { return "timer.fired" }
func (t *TimerFired) Text() string { return fmt.Sprintf("Timer %s was due", t.Key) }

// Delivered records what a follower made outside for an entry, so that it is
// found again instead of made twice.
type Delivered struct {
	Follower string `json:"follower"`
	Of       Ref    `json:"of"`            // the entry, or the last of those folded into one post
	External string `json:"external"`      // the outside system's id
	URL      string `json:"url,omitempty"` // where a person sees it
}

func (*Delivered) Kind() Kind { return "delivery.done" }
func (d *Delivered) Text() string {
	return fmt.Sprintf("%s delivered %s as %s", d.Follower, d.Of, d.External)
}

// DeliveryFailed records that an entry will never reach an outside system.
type DeliveryFailed struct {
	Follower string `json:"follower"`
	Of       Ref    `json:"of"`
	Reason   string `json:"reason"`
}

func (*DeliveryFailed) Kind() Kind { return "delivery.failed" }
func (d *DeliveryFailed) Text() string {
	return fmt.Sprintf("%s could not deliver %s: %s", d.Follower, d.Of, d.Reason)
}

// IsDelivery reports whether k is a follower's own record, which no follower follows.
func (k Kind) IsDelivery() bool { return strings.HasPrefix(string(k), "delivery.") }
