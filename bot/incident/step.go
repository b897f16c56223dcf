package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

type stepKind int

const (
	stepJoin stepKind = iota
	stepClear
	stepUpdate
	stepPart
)

// step is one entry about alerts in the making.
type step struct {
	kind          stepKind
	cause         timeline.Ref
	at            time.Time
	briefs        []alert.Brief
	total, firing int // what it changes in the counts
	why           []string
	shared        map[string][]string
	to            timeline.ID // where alerts went
}

// step returns the step to put an alert into: the last one of its kind, unless
// it is full or a later one names the same alert, so that order is kept.
func (w *working) step(kind stepKind, key string, e timeline.Entry) *step {
	if w.last == nil {
		w.last = map[string]int{}
	}
	after, named := w.last[key]
	for n := len(w.steps) - 1; n >= 0; n-- {
		s := w.steps[n]
		if named && n < after {
			break
		}
		if s.kind != kind || kind == stepPart || len(s.briefs) >= joinChunk {
			continue
		}
		if kind == stepUpdate && !(named && n == after) {
			continue
		}
		if kind != stepUpdate && named && n == after {
			break // it is in there already: say it again
		}
		w.last[key] = n
		return s
	}
	s := &step{kind: kind, cause: e.Ref, at: e.RecordedAt}
	w.steps = append(w.steps, s)
	w.last[key] = len(w.steps) - 1
	return s
}

func (s *step) add(b alert.Brief) { s.briefs = append(s.briefs, b) }
func (s *step) set(b alert.Brief) { s.briefs = []alert.Brief{b} }

// because notes which rules brought alerts here, at most three of them.
func (s *step) because(why string) {
	const most = 3
	if why != "" && len(s.why) < most && !slices.Contains(s.why, why) {
		s.why = append(s.why, why)
	}
}

func (s *step) share(values map[string][]string) {
	for label, vs := range values {
		if s.shared == nil {
			s.shared = map[string][]string{}
		}
		s.shared[label] = append(s.shared[label], vs...)
	}
}

// drafts are the entries of the whole decision, incident by incident.
func (b *batch) drafts() []timeline.Draft {
	var all []timeline.Draft
	for _, w := range b.touched {
		all = append(all, w.opening()...)
		alerts := w.alertDrafts()
		w.extend(alerts, b.Rules)
		all = append(all, alerts...)
		all = append(all, w.regrade()...)
		all = append(all, w.settle(b.Rules)...)
	}
	return all
}

// opening declares a new incident, or reopens a resolved one.
func (w *working) opening() []timeline.Draft {
	switch {
	case w.isNew:
		return []timeline.Draft{{Timeline: w.ID, Payload: w.declared, OccurredAt: w.at, Cause: w.cause}}
	case w.reopen != "":
		return []timeline.Draft{{Timeline: w.ID, OccurredAt: w.at, Cause: w.cause,
			Payload: &StatusChanged{From: w.before.Status, To: Investigating, Reopened: true, Reason: w.reopen}}}
	}
	return nil
}

func (w *working) alertDrafts() []timeline.Draft {
	now := w.before.Alerts
	drafts := make([]timeline.Draft, 0, len(w.steps))
	for _, s := range w.steps {
		now.Total, now.Firing = now.Total+s.total, max(now.Firing+s.firing, 0)
		draft := timeline.Draft{Timeline: w.ID, OccurredAt: s.at, Cause: s.cause}
		switch s.kind {
		case stepJoin:
			counts := now
			draft.Payload = &alert.Joined{Alerts: s.briefs, Why: strings.Join(s.why, "; "), Now: &counts, Shared: s.shared}
		case stepClear:
			draft.Payload = &alert.Cleared{Alerts: s.briefs, Left: now.Firing}
		case stepUpdate:
			draft.Payload = &alert.Updated{Alert: s.briefs[0]}
		case stepPart:
			draft.Payload = &Parted{To: s.to, Moved: len(s.briefs), Now: now, Reason: "alert " + s.briefs[0].Name + " fires again"}
		}
		drafts = append(drafts, draft)
	}
	return drafts
}

// extend lets the quiet time begin anew when an alert came and went again while
// the incident waited for it to pass.
func (w *working) extend(drafts []timeline.Draft, rules Rules) {
	if w.Status == Monitoring && w.lead != "" && w.Alerts.Firing == 0 && w.untouched() && rules.SelfRecovery > 0 && len(drafts) > 0 {
		effects := &drafts[len(drafts)-1].Effects
		effects.Set = append(effects.Set, w.selfRecovery(rules))
	}
}

func (w *working) selfRecovery(rules Rules) timeline.Timer {
	return timeline.Timer{Key: selfRecoveredKey(w.ID), Due: timeline.Stamp(w.clearAt.Add(rules.SelfRecovery)), Timeline: w.ID, What: TimerSelfRecovered}
}

// regrade raises the severity to that of the worst alert, never lowers it. While
// nobody has touched the incident the worst alert names it as well: what people
// are woken for should not read "disk will be full in four days".
func (w *working) regrade() []timeline.Draft {
	var drafts []timeline.Draft
	if w.start != nil {
		drafts = append(drafts, timeline.Draft{Timeline: w.ID, Payload: w.start, CausedByPrevious: true})
	}
	if w.isNew || w.worst == 0 || (w.before.Severity != 0 && w.worst >= w.before.Severity) {
		return drafts
	}
	drafts = append(drafts, timeline.Draft{Timeline: w.ID, CausedByPrevious: true,
		Payload: &SeverityChanged{From: w.before.Severity, To: w.worst, Reason: fmt.Sprintf("%s joined", w.title)}})
	if w.before.untouched() && w.before.DeclaredBy == people.Bot.String() {
		drafts = append(drafts, timeline.Draft{Timeline: w.ID, Payload: &Retitled{Title: w.title}, CausedByPrevious: true})
	}
	return drafts
}

// settle moves the status along with the alerts.
func (w *working) settle(rules Rules) []timeline.Draft {
	if w.MergedInto != "" {
		return nil
	}
	p := &StatusChanged{From: w.Status}
	draft := timeline.Draft{Timeline: w.ID, Payload: p, CausedByPrevious: true}
	quiet := w.Alerts.Firing == 0 && !w.clearAt.IsZero()
	switch {
	case quiet && (w.Status == Investigating || w.Status == Identified):
		p.To, p.Reason = Monitoring, "every alert is resolved"
		draft.OccurredAt = w.clearAt
		if w.untouched() && rules.SelfRecovery > 0 {
			draft.Effects.Set = []timeline.Timer{w.selfRecovery(rules)}
		}
	case quiet && w.Status == Parked && w.Park != nil && w.Park.For == UntilAlertsResolved:
		p.To, p.Reason = Monitoring, "every alert is resolved"
		draft.OccurredAt = w.clearAt
		draft.Effects.Clear = []string{unparkKey(w.ID)}
	case w.lead != "" && w.Status == Parked && w.worst == alert.SEV1:
		p.To, p.Reason = w.Park.Before, fmt.Sprintf("%s is SEV1", w.title)
		draft.Effects.Clear = []string{unparkKey(w.ID)}
	case w.lead != "" && w.Alerts.Firing > 0 && w.Status == Monitoring && w.StatusBy == people.Bot.String():
		p.To, p.Reason = Investigating, fmt.Sprintf("alert %s fires", w.lead)
		if w.StatusBefore == Identified {
			p.To = Identified
		}
		draft.Effects.Clear = []string{selfRecoveredKey(w.ID)}
	default:
		return nil
	}
	return []timeline.Draft{draft}
}
