// Package postmortem turns a timeline into the document that people finish
// after the night: nine sections, what is known filled in, what only people can
// tell left blank, and the full record as an appendix.
//
// [Build] makes a neutral [Document] from state and entries; one file per format
// renders it. A document is as of the last entry of its timeline, never as of
// now: the same entries give the same bytes.
package postmortem

import (
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/room"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// Document is all that an export tells, before it has a format. Its texts are
// outside text: each renderer escapes them.
type Document struct {
	ID       timeline.ID
	Title    string    // without the date
	Date     time.Time // of the start
	Summary  string    // one paragraph
	AsOf     timeline.Head
	Incident *incident.Incident // nil for the log
	Notice   *statuspage.Notice // nil when the public was told nothing

	Leadup     []Event // key entries by the time they happened
	LeadupMore int     // key entries left out of Leadup, which holds at most MaxLeadup
	Alerts     []AlertFact
	Components []ComponentFact
	Responders []Responder
	Changes    []Event // of the status
	Causes     []Event // notes marked as the cause
	Obstacles  []Event
	Repairs    []Repair
	FollowUps  []FollowUp
	Merged     []MergedIncident
	Documents  []Event // notes of several lines, in full

	Entries      []timeline.Entry         // all, in order
	SupersededBy map[timeline.Ref]int64   // the sequence number of the newest correction
	codec        *timeline.Codec          //
	clock        room.Clock               //
	names        func(name string) string // full names of persons

	// withheld are the entries whose text was public until it was corrected, and the
	// requests for them, by the correction's sequence number. A post-mortem is often
	// published: what must not be public is not told there again.
	withheld map[timeline.Ref]int64
}

// MaxLeadup is how many key entries the lead-up shows. An incident with more has
// been flooded; the appendix holds them all.
const MaxLeadup = 500

// Event is one thing that happened, as a line.
type Event struct {
	Entry    timeline.Ref
	At       time.Time
	Recorded time.Time
	Text     string
	Link     string // an http or https address; may be empty
	LinkText string
	Noted    bool // written by a person: `code` in it is shown as code
}

// AlertFact is what an incident's entries say of one alert in the end.
type AlertFact struct {
	alert.Brief
	Firing bool // when the document ends
}

// ComponentFact is what the public saw of one component.
type ComponentFact struct {
	Name  string
	Worst statuspage.Level
	From  time.Time
	Until time.Time // zero when it had not recovered
}

// Responder is a person who acted.
type Responder struct {
	Name         string
	Roles        []string
	FirstAct     time.Time
	Acknowledged bool // was the first to
}

// FollowUp is a task.
type FollowUp struct {
	Text     string
	Computed bool // found by looking at the record, not written by a person
}

// MergedIncident points to an incident that was merged into this one.
type MergedIncident struct {
	ID    timeline.ID
	Title string
	Entry timeline.Ref // the entry that says so
}

// Span is a length of time, or not known.
type Span struct {
	D     time.Duration
	Known bool
}

// Metrics are the lengths of time that a post-mortem is asked for.
type Metrics struct {
	Detect      Span // from the start to detection
	Acknowledge Span // from detection to acknowledgement
	Mitigate    Span // from the start to mitigation
	Resolve     Span // from the start to resolution
	Public      Span // from the start to the first public word
}

// Metrics of the document; nothing is known of the log.
func (d Document) Metrics() Metrics {
	if d.Incident == nil {
		return Metrics{}
	}
	m := MetricsOf(*d.Incident)
	if d.Notice != nil {
		m.Public = between(d.Incident.StartedAt, d.Notice.CreatedAt)
	}
	return m
}

// MetricsOf computes what an incident's own state tells; Public is not known.
func MetricsOf(i incident.Incident) Metrics {
	return Metrics{
		Detect:      between(i.StartedAt, i.DetectedAt),
		Acknowledge: between(i.DetectedAt, i.AcknowledgedAt),
		Mitigate:    between(i.StartedAt, i.MitigatedAt),
		Resolve:     between(i.StartedAt, i.ResolvedAt),
	}
}

// between is never negative: a claimed time may lie before what it follows from.
func between(from, to time.Time) Span {
	if from.IsZero() || to.IsZero() {
		return Span{}
	}
	return Span{D: max(to.Sub(from), 0), Known: true}
}

// Options of an export.
type Options struct {
	Format  Format         // "": Markdown
	Zone    *time.Location // nil: UTC
	Authors []string       // for the front matter; none: the responders
	// People gives full names; nil shows the short ones.
	People *people.Directory
}
