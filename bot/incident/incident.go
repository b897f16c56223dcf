// Package incident holds the rules of incident response: the incident as a fold
// of its timeline, its life, and the correlation of alerts into incidents.
package incident

import (
	"fmt"
	"slices"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Status of an incident.
type Status string

const (
	Investigating Status = "investigating"
	Identified    Status = "identified"
	Monitoring    Status = "monitoring"
	Resolved      Status = "resolved"
	Closed        Status = "closed"
	Parked        Status = "parked"
)

// Statuses in the order of an incident's life; parked stands beside it.
var Statuses = []Status{Investigating, Identified, Monitoring, Resolved, Closed, Parked}

// ParseStatus reads a status as a person types it.
func ParseStatus(s string) (Status, error) {
	if slices.Contains(Statuses, Status(s)) {
		return Status(s), nil
	}
	return "", problem.New(problem.Invalid, "%q is not a status", s).WithHint("%s", problem.OneOf(Statuses))
}

// Incident is the current state of one incident: the fold of its entries. It is
// of bounded size, however many alerts and entries there are.
type Incident struct {
	ID       timeline.ID    `json:"id"`
	Number   int            `json:"number"`
	Title    string         `json:"title"`
	Severity alert.Severity `json:"severity"`
	Status   Status         `json:"status"`
	// StatusBy is the stored form of the actor who set the status.
	StatusBy string `json:"status_by,omitempty"`
	// StatusBefore is what a monitoring incident goes back to when an alert fires again.
	StatusBefore Status `json:"status_before,omitempty"`

	StartedAt      time.Time    `json:"started_at"`               // when it really began, as far as is known
	StartedWhy     string       `json:"started_why"`              // the evidence for it
	StartedBy      string       `json:"started_by"`               // the stored form of the actor who said so
	DetectedAt     time.Time    `json:"detected_at"`              // when an alert or a person told of it first
	AcknowledgedAt time.Time    `json:"acknowledged_at,omitzero"` // the first time
	MitigatedAt    time.Time    `json:"mitigated_at,omitzero"`    // first monitoring or resolved since it was last investigated
	ResolvedAt     time.Time    `json:"resolved_at,omitzero"`
	ClosedAt       time.Time    `json:"closed_at,omitzero"`
	ReopenedAt     time.Time    `json:"reopened_at,omitzero"` // the last time
	UpdatedAt      time.Time    `json:"updated_at"`           // recorded time of the newest entry
	Declared       timeline.Ref `json:"declared"`

	DeclaredBy     string            `json:"declared_by"`               // the stored form of the actor
	AcknowledgedBy string            `json:"acknowledged_by,omitempty"` // a person's name; the first
	AckAgain       bool              `json:"ack_again,omitempty"`       // reopened by an alert, and nobody has said since that they are on it
	OnIt           string            `json:"on_it,omitempty"`           // who acknowledged last, after a reopening perhaps somebody else
	OnItAt         time.Time         `json:"on_it_at,omitzero"`
	Lead           string            `json:"lead,omitempty"`       // a person's name
	Roles          map[string]string `json:"roles,omitempty"`      // other roles: role → person
	Responders     []string          `json:"responders,omitempty"` // persons who acted, in the order they came, at most 100

	Alerts     Counts              `json:"alerts"`
	AlertNames []string            `json:"alert_names,omitempty"` // in order of joining, without repetition, at most 50
	Shared     map[string][]string `json:"shared,omitempty"`      // correlation labels seen, at most 50 values each
	LastJoinAt time.Time           `json:"last_join_at,omitzero"`

	SelfRecovered bool          `json:"self_recovered,omitempty"` // resolved without anybody acting; no post-mortem asked
	Posted        bool          `json:"posted,omitempty"`         // the public was told something
	Park          *Park         `json:"park,omitempty"`
	MergedInto    timeline.ID   `json:"merged_into,omitempty"`
	MergedBy      timeline.Ref  `json:"merged_by,omitzero"` // the entry that merged it
	Merged        []timeline.ID `json:"merged,omitempty"`   // incidents that were merged into this one
	Links         []Link        `json:"links,omitempty"`    // at most 50

	// Sources names the entry that each fact was taken from, so that a correction of
	// that entry, and of no other, changes the fact.
	Sources map[Fact]timeline.Ref `json:"sources,omitempty"`
}

// Fact is something that an incident holds from one entry.
type Fact string

const (
	FactTitle        Fact = "title"
	FactStarted      Fact = "started"
	FactAcknowledged Fact = "acknowledged"
	FactMitigated    Fact = "mitigated"
	FactResolved     Fact = "resolved"
	FactClosed       Fact = "closed"
	FactPark         Fact = "park"
)

// Counts of the alerts that belong to an incident.
type Counts = alert.Tally

// Park is why a parked incident waits.
type Park struct {
	Until  time.Time `json:"until,omitzero"` // zero when it waits for a condition
	For    string    `json:"for,omitempty"`  // the condition in words
	Before Status    `json:"before"`         // the status to go back to
}

// Link is something elsewhere that belongs to the incident.
type Link struct {
	URL  string `json:"url"`
	Text string `json:"text,omitempty"`
	// Entry is the one that told of it; set by the fold.
	Entry timeline.Ref `json:"entry,omitzero"`
}

// Open reports whether people still have to care: not resolved, closed or merged.
func (i Incident) Open() bool {
	return i.Status != Resolved && i.Status != Closed && i.MergedInto == ""
}

// NeedsAck reports whether nobody has said yet that they are on it.
func (i Incident) NeedsAck() bool { return i.Open() && (i.AcknowledgedAt.IsZero() || i.AckAgain) }

// Headline is "INC-1 SEV2 investigating: PostgreSQL is out of connections".
func (i Incident) Headline() string {
	return fmt.Sprintf("%s %s %s: %s", i.ID, i.Severity, i.Status, i.Title)
}

// Table holds the incidents under their ids.
var Table = timeline.Table[Incident]{
	Schema: timeline.Schema{Name: "incidents", Columns: []string{"number", "status", "severity", "is_open", "updated_at"}},
	Row: func(i Incident) (string, []any) {
		return string(i.ID), []any{i.Number, string(i.Status), int(i.Severity), i.Open(), i.UpdatedAt.UnixMicro()}
	},
}

// Get returns an incident, or a NotFound problem.
func Get(r timeline.Reader, id timeline.ID) (Incident, error) {
	i, ok, err := Table.Get(r, string(id))
	if err != nil {
		return i, err
	}
	if !ok {
		return i, problem.New(problem.NotFound, "there is no incident %s", id).WithHint("`/incident list all:yes` shows those there are")
	}
	return i, nil
}

// Open returns the open incidents, the newest first.
func Open(r timeline.Reader) ([]Incident, error) {
	return Table.Select(r, timeline.Query{Where: []timeline.Where{{Column: "is_open", Value: true}}, OrderBy: "number", Desc: true})
}
