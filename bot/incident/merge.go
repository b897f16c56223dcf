package incident

import (
	"context"
	"fmt"
	"slices"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// joinChunk is how many alerts one alert.joined entry names at the most.
const joinChunk = 500

// Merge ends from in favour of into: from's alerts join into, into takes the
// worse severity of the two. No entry moves, so Unmerge undoes it; only the
// severity stays. It reads every alert of from.
func (d *Desk) Merge(ctx context.Context, who Who, from, into timeline.ID) (Incident, error) {
	if from == into {
		return Incident{}, problem.New(problem.Invalid, "%s cannot be merged into itself", from)
	}
	return d.steer(ctx, into, func(v timeline.View, target Incident) ([]timeline.Draft, error) {
		source, err := Get(v, from)
		if err != nil {
			return nil, err
		}
		switch {
		case source.MergedInto == into:
			return nil, nil
		case source.MergedInto != "":
			return nil, problem.New(problem.Conflict, "%s was merged into %s already", from, source.MergedInto)
		case source.Open() && !target.Open():
			return nil, problem.New(problem.Conflict, "%s is %s but %s is not over", into, target.Status, from).
				WithHint("reopen %s, or merge the other way round", into)
		}
		alerts, err := alert.Of(v, from)
		if err != nil {
			return nil, err
		}
		end := who.draft(from, &MergedInto{Into: into})
		end.Effects.Clear = []string{selfRecoveredKey(from), unparkKey(from)}
		begin := timeline.Draft{Timeline: into, Payload: &Absorbed{From: from}, Actor: who.Actor, CausedByPrevious: true}
		drafts := append([]timeline.Draft{end, begin}, joinDrafts(who, &target, alerts, fmt.Sprintf("merged from %s", from), source.Shared)...)
		if source.Severity != 0 && (target.Severity == 0 || source.Severity < target.Severity) {
			drafts = append(drafts, who.draft(into, &SeverityChanged{From: target.Severity, To: source.Severity, Reason: fmt.Sprintf("%s was %s", from, source.Severity)}))
		}
		return drafts, nil
	})
}

// joinDrafts brings alerts to target and counts them there. Each entry has the
// one before it as its cause, so that the alerts of a merge are found again.
func joinDrafts(who Who, target *Incident, alerts []alert.Current, why string, shared map[string][]string) []timeline.Draft {
	var drafts []timeline.Draft
	for chunk := range slices.Chunk(alerts, joinChunk) {
		p := &alert.Joined{Why: why, Shared: unseen(*target, shared)}
		for _, a := range chunk {
			b := briefOf(a)
			p.Alerts = append(p.Alerts, b)
			target.Alerts.Total++
			if b.Status == alert.Firing {
				target.Alerts.Firing++
			}
		}
		shared = nil
		now := target.Alerts
		p.Now = &now
		drafts = append(drafts, timeline.Draft{Timeline: target.ID, Payload: p, Actor: who.Actor, CausedByPrevious: true})
	}
	return drafts
}

// briefOf tells of an alert as it counts in the incident that it belongs to.
func briefOf(a alert.Current) alert.Brief {
	b := a.Brief()
	b.Value = a.Value
	b.Status = alert.Resolved
	if a.Last.Firing {
		b.Status = alert.Firing
	}
	return b
}

// unseen are the shared labels that i does not hold yet.
func unseen(i Incident, shared map[string][]string) map[string][]string {
	var fresh map[string][]string
	for label, values := range shared {
		for _, value := range values {
			full := len(i.Shared[label])+len(fresh[label]) >= maxShared
			if full || slices.Contains(i.Shared[label], value) || slices.Contains(fresh[label], value) {
				continue
			}
			if fresh == nil {
				fresh = map[string][]string{}
			}
			fresh[label] = append(fresh[label], value)
		}
	}
	return fresh
}

// Unmerge undoes the merge of an incident: the alerts that came from it, and
// have not moved since, are its own again.
func (d *Desk) Unmerge(ctx context.Context, who Who, id timeline.ID) (Incident, error) {
	i, _, err := d.change(ctx, id, func(v timeline.View, source Incident) ([]timeline.Draft, error) {
		if source.MergedInto == "" {
			return nil, problem.New(problem.Conflict, "%s is not merged", id)
		}
		target, err := Get(v, source.MergedInto)
		if err != nil {
			return nil, err
		}
		alerts, err := cameWith(v, source)
		if err != nil {
			return nil, err
		}
		now := without(target.Alerts, alerts)
		drafts := []timeline.Draft{
			who.draft(target.ID, &Unmerged{Other: id, Now: &now}),
			{Timeline: id, Payload: &Unmerged{Other: target.ID}, Actor: who.Actor, CausedByPrevious: true},
		}
		return append(drafts, joinDrafts(who, &source, alerts, fmt.Sprintf("back from %s", target.ID), nil)...), nil
	})
	return i, err
}

// without takes alerts from a count.
func without(c Counts, alerts []alert.Current) Counts {
	c.Total -= len(alerts)
	for _, a := range alerts {
		if a.Last.Firing {
			c.Firing--
		}
	}
	return Counts{Total: max(c.Total, 0), Firing: max(c.Firing, 0)}
}

// cameWith returns the alerts that the merge of source took along and that are
// still where it took them.
func cameWith(v timeline.View, source Incident) ([]alert.Current, error) {
	var alerts []alert.Current
	seen := map[string]bool{}
	for at := source.MergedBy; !at.IsZero(); {
		followed, err := v.CausedBy(at)
		if err != nil {
			return nil, err
		}
		at = timeline.Ref{}
		for _, e := range followed {
			switch p := e.Payload.(type) {
			case *Absorbed:
				at = e.Ref
			case *alert.Joined:
				at = e.Ref
				for _, b := range p.Alerts {
					a, known, err := alert.Table.Get(v, b.Key)
					if err != nil {
						return nil, err
					}
					if known && !seen[b.Key] && a.Last.Incident == source.MergedInto {
						seen[b.Key] = true
						alerts = append(alerts, a)
					}
				}
			}
		}
	}
	return alerts, nil
}

// Move takes alerts that do not belong to an incident to another one, or, when
// to is empty, to a new incident of the same severity. It undoes a wrong join.
func (d *Desk) Move(ctx context.Context, who Who, from timeline.ID, keys []string, to timeline.ID, reason string) (Incident, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return Incident{}, err
	}
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		drafts, err := moveAlerts(v, who, from, keys, to, reason)
		return timeline.Decision{Entries: drafts}, err
	})
	if err != nil {
		return Incident{}, err
	}
	return d.Get(ctx, entries[len(entries)-1].Timeline)
}

func moveAlerts(v timeline.View, who Who, from timeline.ID, keys []string, to timeline.ID, reason string) ([]timeline.Draft, error) {
	source, err := Get(v, from)
	if err != nil {
		return nil, err
	}
	alerts, err := belonging(v, from, keys)
	if err != nil {
		return nil, err
	}
	target, opening, err := moveTarget(v, who, source, alerts[0], to)
	if err != nil {
		return nil, err
	}
	left := who.draft(from, &Parted{To: target.ID, Moved: len(alerts), Now: without(source.Alerts, alerts), Reason: reason})
	joins := joinDrafts(who, &target, alerts, fmt.Sprintf("moved from %s", from), nil)
	return append(append([]timeline.Draft{left}, opening...), joins...), nil
}

func moveTarget(v timeline.View, who Who, source Incident, first alert.Current, to timeline.ID) (Incident, []timeline.Draft, error) {
	if to == source.ID {
		return Incident{}, nil, problem.New(problem.Invalid, "the alerts are in %s already", to)
	}
	if to != "" {
		target, err := Get(v, to)
		if err == nil && target.MergedInto != "" {
			err = problem.New(problem.Conflict, "%s was merged into %s", to, target.MergedInto)
		}
		return target, nil, err
	}
	n, err := nextNumber(v)
	if err != nil {
		return Incident{}, nil, err
	}
	target := Incident{ID: timeline.Incident(n)}
	p := &Declared{Title: titleOf(first.Alert), Severity: source.Severity, StartedAt: first.StartsAt, StartedWhy: selfEvidence(first.Alert)}
	return target, []timeline.Draft{{Timeline: target.ID, Payload: p, Actor: who.Actor, CausedByPrevious: true}}, nil
}

// belonging returns the alerts with these keys, all of which must belong to id.
func belonging(v timeline.View, id timeline.ID, keys []string) ([]alert.Current, error) {
	var alerts []alert.Current
	for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		a, known, err := alert.Table.Get(v, key)
		if err != nil {
			return nil, err
		}
		if !known || a.Last.Incident != id {
			return nil, problem.New(problem.NotFound, "%s has no alert %s", id, key).WithHint("`/alert list` shows which incident each belongs to")
		}
		alerts = append(alerts, a)
	}
	if len(alerts) == 0 {
		return nil, problem.New(problem.Invalid, "say which alerts to move")
	}
	return alerts, nil
}
