package incident

import (
	"maps"
	"slices"
	"strings"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
)

// drafts erases what was found and records again what is still so.
func (s *search) drafts(who Who, reason string) ([]timeline.Draft, error) {
	drafts := s.erasures(who, reason)
	also := func(id timeline.ID, p timeline.Payload) {
		drafts = append(drafts, timeline.Draft{Timeline: id, Payload: p, CausedByPrevious: true})
	}
	touched, keys := map[timeline.ID]bool{}, map[string]bool{}
	for _, ref := range s.order {
		e := s.erase[ref]
		for _, key := range alertKeys(e.Payload) {
			keys[key] = true
		}
		if e.Timeline.IsIncident() && e.Kind != "note" && !strings.HasPrefix(string(e.Kind), "command.") {
			touched[e.Timeline] = true
		}
		if p := s.without(e.Payload); p != nil {
			drafts = append(drafts, timeline.Draft{Timeline: e.Timeline, Payload: p, OccurredAt: e.OccurredAt, Actor: e.Actor, Supersedes: e.Ref, CausedByPrevious: true})
		}
	}
	for _, id := range sortedIDs(touched) {
		i, known, err := Table.Get(s.view, string(id))
		if err != nil {
			return nil, err
		}
		if known {
			also(id, &Restated{Incident: s.clean(i)})
		}
	}
	rows, err := s.rows(keys)
	for chunk := range slices.Chunk(rows, 100) {
		also(timeline.Log, &alert.Restated{Alerts: chunk})
	}
	return drafts, err
}

// erasures are one for each timeline, that of the first named entry first.
func (s *search) erasures(who Who, reason string) []timeline.Draft {
	lost := map[timeline.ID][]timeline.Ref{}
	ids := []timeline.ID{s.first}
	for _, ref := range s.order {
		if !slices.Contains(ids, ref.Timeline) {
			ids = append(ids, ref.Timeline)
		}
		lost[ref.Timeline] = append(lost[ref.Timeline], ref)
	}
	drafts := make([]timeline.Draft, len(ids))
	for n, id := range ids {
		p := &timeline.Erasure{Refs: lost[id], Reason: reason}
		drafts[n] = who.draft(id, p)
		drafts[n].Effects.Erase = lost[id]
		if n == 0 {
			p.Unreached = s.unreached
		} else {
			drafts[n].CausedByPrevious = true
		}
	}
	return drafts
}

// without says again what an entry about several alerts told of the others; nil
// when nothing is left worth saying.
func (s *search) without(p timeline.Payload) timeline.Payload {
	clean := func(briefs []alert.Brief) []alert.Brief {
		kept := slices.Clone(briefs)
		for n := range kept {
			if b := &kept[n]; s.keys[b.Key] {
				b.Summary, b.URL, b.Value = erasedText, "", nil
			}
		}
		return kept
	}
	switch p := p.(type) {
	case *alert.Joined:
		again := *p
		again.Alerts = clean(p.Alerts)
		return &again
	case *alert.Cleared:
		again := *p
		again.Alerts = clean(p.Alerts)
		return &again
	}
	return nil
}

// clean takes what came from erased entries out of an incident's state.
func (s *search) clean(i Incident) Incident {
	erased := func(r timeline.Ref) bool { _, is := s.erase[r]; return is }
	if erased(i.Sources[FactTitle]) {
		i.Title = erasedText
	}
	if erased(i.Sources[FactStarted]) {
		i.StartedWhy = erasedText
	}
	if i.Park != nil && i.Park.For != "" && i.Park.For != UntilAlertsResolved && erased(i.Sources[FactPark]) {
		park := *i.Park
		park.For = erasedText
		i.Park = &park
	}
	i.Links = slices.DeleteFunc(slices.Clone(i.Links), func(l Link) bool { return erased(l.Entry) })
	return i
}

// rows are the alerts that erased entries told of, as they are from now on: those
// whose text goes keep their name and the labels by which routes find them.
func (s *search) rows(keys map[string]bool) ([]alert.Current, error) {
	var rows []alert.Current
	for _, key := range sortedKeys(keys) {
		row, known, err := alert.Table.Get(s.view, key)
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		if s.keys[key] {
			row.Annotations, row.GeneratorURL, row.Value = nil, "", nil
			row.Labels = maps.Clone(row.Labels)
			maps.DeleteFunc(row.Labels, func(label, _ string) bool { return !plainLabels[label] })
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// plainLabels are names that rules and clusters give; others may hold anything.
var plainLabels = map[string]bool{"alertname": true, "severity": true, "node": true, "namespace": true, "persistentvolumeclaim": true,
	"service": true, "cluster": true, "environment": true, "env": true, "job": true}
