package incident

import (
	"fmt"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
)

// Kinds are the kinds that this package owns.
var Kinds = []timeline.KindSpec{
	timeline.KindOf[Declared](timeline.Key),
	timeline.KindOf[Acknowledged](timeline.Key),
	timeline.KindOf[SeverityChanged](timeline.Key),
	timeline.KindOf[StatusChanged](timeline.Key),
	timeline.KindOf[Assigned](timeline.Key),
	timeline.KindOf[StartClaimed](timeline.Key),
	timeline.KindOf[Retitled](timeline.Detail),
	timeline.KindOf[Noted](timeline.Key),
	timeline.KindOf[Linked](timeline.Detail),
	timeline.KindOf[MergedInto](timeline.Key),
	timeline.KindOf[Absorbed](timeline.Key),
	timeline.KindOf[Unmerged](timeline.Key),
	timeline.KindOf[ParkedUntil](timeline.Key),
	timeline.KindOf[Parted](timeline.Key),
	timeline.KindOf[Restated](timeline.Detail),
	timeline.KindOf[AlertAcknowledged](timeline.Key),
	timeline.KindOf[AlertSilenced](timeline.Key),
	timeline.KindOf[SilencePlaced](timeline.Detail),
}

// Declared opens an incident.
type Declared struct {
	Title      string         `json:"title"`
	Severity   alert.Severity `json:"severity"`
	StartedAt  time.Time      `json:"started_at"`
	StartedWhy string         `json:"started_why"`
}

func (*Declared) Kind() timeline.Kind { return "incident.declared" }
func (d *Declared) Text() string      { return fmt.Sprintf("Incident declared %s: %s", d.Severity, d.Title) }

// Acknowledged says that the actor has seen it and is on it.
type Acknowledged struct{}

func (*Acknowledged) Kind() timeline.Kind { return "incident.acknowledged" }
func (*Acknowledged) Text() string        { return "Acknowledged" }

// SeverityChanged regrades an incident.
type SeverityChanged struct {
	From   alert.Severity `json:"from"`
	To     alert.Severity `json:"to"`
	Reason string         `json:"reason,omitempty"`
}

func (*SeverityChanged) Kind() timeline.Kind { return "incident.severity" }
func (s *SeverityChanged) Text() string {
	return because(fmt.Sprintf("Severity changed from %s to %s", s.From, s.To), s.Reason)
}

// StatusChanged moves an incident along its life. Its OccurredAt is when the new
// status was true.
type StatusChanged struct {
	From          Status `json:"from"`
	To            Status `json:"to"`
	Reason        string `json:"reason,omitempty"`
	SelfRecovered bool   `json:"self_recovered,omitempty"`
	Reopened      bool   `json:"reopened,omitempty"`
}

func (*StatusChanged) Kind() timeline.Kind { return "incident.status" }
func (s *StatusChanged) Text() string {
	switch {
	case s.Reopened:
		return because("Reopened", s.Reason)
	case s.SelfRecovered:
		return because("Resolved: recovered by itself", s.Reason)
	case s.From == Parked:
		return because(fmt.Sprintf("Taken up again: %s", s.To), s.Reason)
	}
	return because(fmt.Sprintf("Status changed from %s to %s", s.From, s.To), s.Reason)
}

// Assigned gives a person a role. Person "" takes it back.
type Assigned struct {
	Role   string `json:"role"` // "lead", "scribe", …
	Person string `json:"person"`
}

func (*Assigned) Kind() timeline.Kind { return "incident.assigned" }
func (a *Assigned) Text() string {
	if a.Person == "" {
		return fmt.Sprintf("Nobody is %s any more", a.Role)
	}
	return fmt.Sprintf("%s is %s", a.Person, a.Role)
}

// StartClaimed says when the incident really began.
type StartClaimed struct {
	StartedAt time.Time `json:"started_at"`
	Why       string    `json:"why"`
}

func (*StartClaimed) Kind() timeline.Kind { return "incident.started" }
func (s *StartClaimed) Text() string {
	return because("Began at "+s.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), s.Why)
}

// Retitled gives an incident a better title.
type Retitled struct {
	Title string `json:"title"`
}

func (*Retitled) Kind() timeline.Kind { return "incident.titled" }
func (r *Retitled) Text() string      { return "Title: " + r.Title }

// Noted is what a person tells, at the time they say it happened.
type Noted struct {
	Body string `json:"body"`
	// Source is where the note stood, as a message's URL; empty for one typed in.
	Source string `json:"source,omitempty"`
	// IsCause marks the entry as what began the incident: evidence for its start.
	IsCause bool `json:"is_cause,omitempty"`
}

func (*Noted) Kind() timeline.Kind { return "note" }
func (n *Noted) Text() string      { return n.Body }

// Linked adds a link.
type Linked struct {
	Link Link `json:"link"`
}

func (*Linked) Kind() timeline.Kind { return "incident.linked" }
func (l *Linked) Text() string {
	if l.Link.Text == "" {
		return "Link: " + l.Link.URL
	}
	return fmt.Sprintf("Link: %s (%s)", l.Link.Text, l.Link.URL)
}

// MergedInto stands in the incident that ends; Absorbed in the one that goes on.
// Both are recorded in one transaction; no entry moves.
type MergedInto struct {
	Into timeline.ID `json:"into"`
}

func (*MergedInto) Kind() timeline.Kind { return "incident.merged" }
func (m *MergedInto) Text() string      { return fmt.Sprintf("Merged into %s", m.Into) }

// Absorbed stands in the incident that goes on. The alert.joined entries that
// follow from it bring the alerts.
type Absorbed struct {
	From timeline.ID `json:"from"`
}

func (*Absorbed) Kind() timeline.Kind { return "incident.absorbed" }
func (a *Absorbed) Text() string      { return fmt.Sprintf("%s was merged into this incident", a.From) }

// Unmerged undoes a merge; it stands in both incidents. Alerts that go back join
// the other incident with alert.joined.
type Unmerged struct {
	Other timeline.ID `json:"other"`
	// Now counts the alerts that stay; nil in the incident that gets its alerts back.
	Now *Counts `json:"now,omitempty"`
}

func (*Unmerged) Kind() timeline.Kind { return "incident.unmerged" }
func (u *Unmerged) Text() string      { return fmt.Sprintf("No longer merged with %s", u.Other) }

// Parted stands in an incident that some of its alerts were moved away from.
type Parted struct {
	To     timeline.ID `json:"to"`
	Moved  int         `json:"moved"`
	Now    Counts      `json:"now"` // the alerts that stay
	Reason string      `json:"reason,omitempty"`
}

func (*Parted) Kind() timeline.Kind { return "incident.parted" }
func (p *Parted) Text() string {
	return because(fmt.Sprintf("%s moved to %s", plural(p.Moved, "alert"), p.To), p.Reason)
}

// Restated is what is still known of an incident after entries that told of it
// were erased. It replaces the state, so that folding again without them ends
// in the same one.
type Restated struct {
	Incident Incident `json:"incident"`
}

func (*Restated) Kind() timeline.Kind { return "incident.restated" }
func (r *Restated) Text() string      { return "State noted again after an erasure" }

// ParkedUntil sets an incident aside.
type ParkedUntil struct {
	Park Park `json:"park"`
}

func (*ParkedUntil) Kind() timeline.Kind { return "incident.parked" }
func (p *ParkedUntil) Text() string {
	if p.Park.For != "" {
		return "Parked until " + p.Park.For
	}
	return "Parked until " + p.Park.Until.UTC().Format("2006-01-02 15:04 UTC")
}

func because(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
