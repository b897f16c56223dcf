package incident

import (
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
)

// Fold keeps the table of incidents. An entry costs the same however long the
// timeline is: alerts are counted, lists are capped.
var Fold = timeline.Fold{Name: "incidents", Tables: []timeline.Schema{Table.Schema}, Apply: apply}

const (
	maxNames      = 50
	maxShared     = 50
	maxResponders = 100
	maxLinks      = 50
	maxMerged     = 50
)

// erasedText stands where a text was taken from an entry that was erased.
const erasedText = "[erased]"

func apply(w timeline.Writer, e timeline.Entry) error {
	if !e.Timeline.IsIncident() {
		return nil
	}
	i, known, err := Table.Get(w, string(e.Timeline))
	if err != nil {
		return err
	}
	if !known {
		i = Incident{ID: e.Timeline, Number: e.Timeline.Number(), Status: Investigating, Title: erasedText,
			StartedAt: e.OccurredAt, DetectedAt: e.OccurredAt, Declared: e.Ref, DeclaredBy: e.Actor.String()}
	}
	i.note(e)
	if e.Supersedes.IsZero() {
		i.apply(e)
	} else {
		i.correct(e)
	}
	return Table.Put(w, i)
}

// note takes what every entry tells, whatever its kind. An erased entry still
// says who acted and when.
func (i *Incident) note(e timeline.Entry) {
	i.UpdatedAt = e.RecordedAt
	if e.Actor.IsPerson() && !asksOnly(e.Kind) && len(i.Responders) < maxResponders && !slices.Contains(i.Responders, e.Actor.Name) {
		i.Responders = append(i.Responders, e.Actor.Name)
	}
	if strings.HasPrefix(string(e.Kind), "status.") {
		i.Posted = true
	}
}

// asksOnly reports whether entries of kind k record a request, which may have
// been refused or only a look, rather than an act.
func asksOnly(k timeline.Kind) bool { return strings.HasPrefix(string(k), "command.") }

// apply folds an entry that corrects nothing. Payloads of other kinds, and erased ones, change nothing.
func (i *Incident) apply(e timeline.Entry) {
	switch p := e.Payload.(type) {
	case *Declared:
		i.declare(e, p)
	case *Acknowledged:
		i.acknowledge(e)
	case *SeverityChanged:
		i.Severity = p.To
	case *StatusChanged:
		i.move(e, p)
	case *Assigned:
		i.assign(p)
	case *StartClaimed:
		i.StartedAt, i.StartedWhy, i.StartedBy = p.StartedAt, p.Why, e.Actor.String()
		i.from(FactStarted, e.Ref)
	case *Retitled:
		i.Title = p.Title
		i.from(FactTitle, e.Ref)
	case *Linked:
		if len(i.Links) < maxLinks {
			p := p.Link
			p.Entry = e.Ref
			i.Links = append(i.Links, p)
		}
	case *ParkedUntil:
		park := p.Park
		i.Status, i.StatusBy, i.Park = Parked, e.Actor.String(), &park
		i.from(FactPark, e.Ref)
	case *MergedInto:
		i.MergedInto, i.MergedBy, i.Alerts = p.Into, e.Ref, Counts{}
	case *Absorbed:
		if len(i.Merged) < maxMerged && !slices.Contains(i.Merged, p.From) {
			i.Merged = append(i.Merged, p.From)
		}
	case *Unmerged:
		i.unmerge(p)
	case *Parted:
		i.Alerts = p.Now
	case *Restated:
		updated, responders, posted := i.UpdatedAt, i.Responders, i.Posted
		*i = p.Incident
		i.UpdatedAt, i.Responders, i.Posted = updated, responders, posted
	case *alert.Joined:
		i.join(e, p)
	case *alert.Cleared:
		i.Alerts.Firing = p.Left
	}
}

// acknowledge keeps the first, by which response is measured, and the newest.
func (i *Incident) acknowledge(e timeline.Entry) {
	if i.AcknowledgedAt.IsZero() {
		i.AcknowledgedAt, i.AcknowledgedBy = e.OccurredAt, e.Actor.Name
		i.from(FactAcknowledged, e.Ref)
	}
	i.AckAgain, i.OnIt, i.OnItAt = false, e.Actor.Name, e.OccurredAt
}

func (i *Incident) declare(e timeline.Entry, p *Declared) {
	i.Title, i.Severity, i.Status, i.StatusBy = p.Title, p.Severity, Investigating, e.Actor.String()
	i.StartedAt, i.StartedWhy, i.DetectedAt = p.StartedAt, p.StartedWhy, e.OccurredAt
	i.Declared, i.DeclaredBy, i.StartedBy = e.Ref, e.Actor.String(), e.Actor.String()
	i.from(FactTitle, e.Ref)
	i.from(FactStarted, e.Ref)
}

func (i *Incident) move(e timeline.Entry, p *StatusChanged) {
	if p.To == Monitoring {
		i.StatusBefore = p.From
	}
	i.Status, i.StatusBy, i.Park = p.To, e.Actor.String(), nil
	i.forget(FactPark)
	switch p.To {
	case Investigating, Identified:
		i.MitigatedAt, i.ResolvedAt, i.ClosedAt, i.SelfRecovered = time.Time{}, time.Time{}, time.Time{}, false
		i.forget(FactMitigated)
		i.forget(FactResolved)
		i.forget(FactClosed)
		if p.Reopened {
			// Whoever was on it may sleep by now; a person who reopens it is there.
			i.ReopenedAt, i.AckAgain = e.OccurredAt, !e.Actor.IsPerson()
		}
	case Monitoring:
		i.mitigate(e)
	case Resolved:
		i.mitigate(e)
		i.ResolvedAt, i.SelfRecovered = e.OccurredAt, p.SelfRecovered
		i.from(FactResolved, e.Ref)
	case Closed:
		i.mitigate(e)
		if i.ResolvedAt.IsZero() {
			i.ResolvedAt = e.OccurredAt
			i.from(FactResolved, e.Ref)
		}
		i.ClosedAt = e.OccurredAt
		i.from(FactClosed, e.Ref)
	}
}

// mitigate keeps the earliest: what was resolved at 01:50 did not need
// mitigation at 02:00, when its alerts cleared.
func (i *Incident) mitigate(e timeline.Entry) {
	if i.MitigatedAt.IsZero() || i.MitigatedAt.After(e.OccurredAt) {
		i.MitigatedAt = e.OccurredAt
		i.from(FactMitigated, e.Ref)
	}
}

func (i *Incident) assign(p *Assigned) {
	if p.Role == RoleLead {
		i.Lead = p.Person
		return
	}
	if p.Person == "" {
		delete(i.Roles, p.Role)
		return
	}
	if i.Roles == nil {
		i.Roles = map[string]string{}
	}
	i.Roles[p.Role] = p.Person
}

func (i *Incident) unmerge(p *Unmerged) {
	if i.MergedInto == p.Other {
		i.MergedInto, i.MergedBy = "", timeline.Ref{}
	}
	i.Merged = slices.DeleteFunc(i.Merged, func(id timeline.ID) bool { return id == p.Other })
	if p.Now != nil {
		i.Alerts = *p.Now
	}
}

func (i *Incident) join(e timeline.Entry, p *alert.Joined) {
	// When it was received, not when it was correlated: a backlog is judged as if
	// there had been none.
	if e.OccurredAt.After(i.LastJoinAt) {
		i.LastJoinAt = e.OccurredAt
	}
	for _, b := range p.Alerts {
		if p.Now == nil {
			i.Alerts.Total++
			if b.Status == alert.Firing {
				i.Alerts.Firing++
			}
		}
		if len(i.AlertNames) < maxNames && !slices.Contains(i.AlertNames, b.Name) {
			i.AlertNames = append(i.AlertNames, b.Name)
		}
	}
	if p.Now != nil {
		i.Alerts = *p.Now
	}
	i.share(p.Shared)
}

func (i *Incident) share(values map[string][]string) {
	for label, vs := range values {
		for _, v := range vs {
			if i.Shared == nil {
				i.Shared = map[string][]string{}
			}
			if have := i.Shared[label]; len(have) < maxShared && !slices.Contains(have, v) {
				i.Shared[label] = append(have, v)
			}
		}
	}
}

// correct folds an entry that supersedes another: it changes the facts that
// were taken from that one, and nothing else.
func (i *Incident) correct(e timeline.Entry) {
	old := e.Supersedes
	switch p := e.Payload.(type) {
	case *StartClaimed:
		if i.Sources[FactStarted] == old {
			i.StartedAt, i.StartedWhy, i.StartedBy = p.StartedAt, p.Why, e.Actor.String()
			i.from(FactStarted, e.Ref)
		}
	case *Acknowledged:
		if i.Sources[FactAcknowledged] == old {
			if i.OnItAt.Equal(i.AcknowledgedAt) {
				i.OnItAt = e.OccurredAt
			}
			i.AcknowledgedAt = e.OccurredAt
			i.from(FactAcknowledged, e.Ref)
		}
	case *StatusChanged:
		for fact, at := range map[Fact]*time.Time{FactMitigated: &i.MitigatedAt, FactResolved: &i.ResolvedAt, FactClosed: &i.ClosedAt} {
			if i.Sources[fact] == old {
				*at = e.OccurredAt
				i.from(fact, e.Ref)
			}
		}
		if !i.ResolvedAt.IsZero() && i.MitigatedAt.After(i.ResolvedAt) {
			i.MitigatedAt = i.ResolvedAt
			i.from(FactMitigated, i.Sources[FactResolved])
		}
	}
}

func (i *Incident) from(f Fact, r timeline.Ref) {
	if i.Sources == nil {
		i.Sources = map[Fact]timeline.Ref{}
	}
	i.Sources[f] = r
}

func (i *Incident) forget(f Fact) { delete(i.Sources, f) }
