package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// Ticket is a question to the cloud's support, for a person to read, change and
// send. It names one entity, as Linode's form wants it.
// https://techdocs.akamai.com/linode-api/reference/post-ticket
type Ticket struct {
	Summary string `json:"summary"` // at most 64 characters
	Body    string `json:"body"`    // plain text; known shapes of secrets are removed
	Volume  int    `json:"volume"`  // the entity: the cloud's number
}

const (
	maxSummary  = 62  // of 64: what is cut ends with a sign of three bytes, should somebody count them
	ticketTold  = 10  // events of each sort
	ticketWords = 400 // of one line
)

// DraftTicket writes one about a volume that is sick: what is wrong, what the three
// views say, the pods' events, what was tried (one line each, with its time), and
// what is asked for. began is when the trouble began; zero: not known.
func DraftTicket(f VolumeFacts, d Diagnosis, tried []string, began time.Time) Ticket {
	cloud := cmp.Or(f.CloudName, "the cloud")
	t := Ticket{Summary: shortened(fmt.Sprintf("Volume %s: %s", f.Volume, d.Says), maxSummary)}
	volume := "Volume " + f.Volume
	if c := f.Cloud; c != nil {
		t.Volume = c.ID
		t.Summary = shortened(fmt.Sprintf("Volume %d: %s", c.ID, d.Says), maxSummary)
		volume = fmt.Sprintf("Volume %d (%s", c.ID, c.Label)
		if c.Region != "" {
			volume += " in " + c.Region
		}
		volume += ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Hello,\n\n%s, which our Kubernetes cluster uses as %s, cannot be used: %s.", volume, f.Volume, d.Says)
	if !began.IsZero() {
		fmt.Fprintf(&b, " It began at %s UTC.", began.UTC().Format("2006-01-02 15:04"))
	}
	b.WriteString(" All times are UTC.\n")
	section(&b, "What we see:", d.Evidence)
	section(&b, cloud+"'s events about the volume:", f.cloudLines())
	section(&b, "The events of the pods that need it:", f.podLines())
	section(&b, "What we have tried:", tried)
	fmt.Fprintf(&b, "\n%s\n\nThank you.\n", d.asks(cloud))
	t.Body, _ = timeline.Redact(b.String())
	return t
}

// asks is what the cloud's support can do about a case.
func (d Diagnosis) asks(cloud string) string {
	holder := "the machine that has it"
	if d.Holder != 0 {
		holder = fmt.Sprintf("instance %d", d.Holder)
	}
	switch d.Case {
	case Limbo:
		return fmt.Sprintf("Could you make its device appear on %s, or release the volume so that it is attached to nothing and we can attach it again?", holder)
	case Elsewhere:
		return fmt.Sprintf("Could you detach the volume from %s? Our own attempts are refused or have no effect.", holder)
	case Locked:
		return "Could you end what keeps the volume from being attached, or tell us how long it will take?"
	case Gone:
		return "Was the volume deleted, by whom, and can it be restored?"
	case Lost:
		return "Could you tell us why the volume was detached, and whether it can be attached again?"
	}
	return fmt.Sprintf("Could you tell us what %s knows about this, and how we get the volume attached again?", cloud)
}

func section(b *strings.Builder, head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n" + head + "\n")
	for _, l := range lines {
		b.WriteString("- " + shortened(oneLine(l), ticketWords) + "\n")
	}
}

func (f VolumeFacts) cloudLines() (lines []string) {
	if f.Cloud == nil {
		return nil
	}
	for _, e := range slices.Backward(f.CloudEvents) {
		if !e.Is("volume", f.Cloud.ID) || len(lines) == ticketTold {
			continue
		}
		line := fmt.Sprintf("%s %s %s", e.Created.UTC().Format("2006-01-02 15:04:05"), e.Action, e.Status)
		if e.Message != "" {
			line += ": " + e.Message
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines
}

func (f VolumeFacts) podLines() (lines []string) {
	for _, e := range f.Events {
		if len(lines) == ticketTold {
			break
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s: %s", e.At.UTC().Format("2006-01-02 15:04:05"), e.Type, e.Reason, e.About, e.Message))
	}
	slices.Reverse(lines) // they come the newest first
	return lines
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func shortened(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
