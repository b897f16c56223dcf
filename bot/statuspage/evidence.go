package statuspage

import (
	"fmt"
	"slices"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// Evidence is something recorded that tells when an incident began.
type Evidence struct {
	At    time.Time    `json:"at"`
	Why   string       `json:"why"`             // one sentence without the time
	Entry timeline.Ref `json:"entry"`           // where it stands
	Alert string       `json:"alert,omitempty"` // the alert's key, where one speaks
}

// String is "2021-07-11 00:31 UTC: alert x has fired since then".
func (e Evidence) String() string { return clockUTC(e.At) + ": " + e.Why }

// Rules knows how long a condition must hold before a rule's alert fires, by
// alertname: Prometheus' `for:`. An alert's startsAt lies that much after the start.
type Rules map[string]time.Duration

// Propose returns the evidence for when an incident really began, the best first:
// a person's word on the start, an entry that was marked as the cause, the
// earliest alert, the incident's own start. It only reads; a person confirms.
func Propose(v timeline.View, id timeline.ID, rules Rules) ([]Evidence, error) {
	in, err := incident.Get(v, id)
	if err != nil {
		return nil, err
	}
	words, causes, err := told(v, id)
	if err != nil {
		return nil, err
	}
	found := append(words, causes...)
	alerts, err := alert.Of(v, id)
	if err != nil {
		return nil, err
	}
	if e, ok := earliestAlert(alerts, rules); ok {
		found = append(found, e)
	}
	if !in.StartedAt.IsZero() {
		why := in.StartedWhy
		if why == "" {
			why = "the incident's own start"
		}
		found = append(found, Evidence{At: in.StartedAt, Why: why, Entry: in.Declared})
	}
	return withoutRepeats(found), nil
}

// told reads what the timeline says of the start: the newest word of a person
// comes first, the earliest cause first. What was corrected later does not count, nor
// what somebody said before they said something else.
func told(v timeline.View, id timeline.ID) (words, causes []Evidence, err error) {
	superseded := map[timeline.Ref]bool{}
	newest := map[people.Actor]timeline.Ref{}
	const page = 500
	for after := int64(0); ; {
		entries, err := v.Entries(id, after, page)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			after = e.Seq
			if !e.Supersedes.IsZero() {
				superseded[e.Supersedes] = true
			}
			switch p := e.Payload.(type) {
			case *incident.StartClaimed:
				if e.Actor.Kind == people.KindPerson {
					why := e.Actor.Display() + " says so"
					if p.Why != "" && p.Why != why {
						why += ": " + p.Why
					}
					if overruled, is := newest[e.Actor]; is {
						superseded[overruled] = true
					}
					newest[e.Actor] = e.Ref
					words = append(words, Evidence{At: p.StartedAt, Why: why, Entry: e.Ref})
				}
			case *incident.Noted:
				if p.IsCause {
					causes = append(causes, Evidence{At: e.OccurredAt, Why: fmt.Sprintf("marked as the cause: %s", p.Body), Entry: e.Ref})
				}
			}
		}
		if len(entries) < page {
			break
		}
	}
	gone := func(e Evidence) bool { return superseded[e.Entry] }
	words, causes = slices.DeleteFunc(words, gone), slices.DeleteFunc(causes, gone)
	slices.Reverse(words)
	slices.SortStableFunc(causes, func(a, b Evidence) int { return a.At.Compare(b.At) })
	return words, causes, nil
}

func earliestAlert(alerts []alert.Current, rules Rules) (Evidence, bool) {
	var best Evidence
	for _, a := range alerts {
		if a.StartsAt.IsZero() {
			continue
		}
		e := Evidence{At: a.StartsAt, Entry: a.Received, Alert: a.Key(), Why: fmt.Sprintf("alert %s has fired since then", a.Name())}
		if pending := rules[a.Name()]; pending > 0 {
			e.At = a.StartsAt.Add(-pending)
			e.Why = fmt.Sprintf("alert %s fired at %s, after its condition had held for %s", a.Name(), clockUTC(a.StartsAt), short(pending))
		}
		if best.At.IsZero() || e.At.Before(best.At) {
			best = e
		}
	}
	return best, !best.At.IsZero()
}

// withoutRepeats keeps the first of what stands in the same entry or at the same
// time: the incident's own start is mostly that of an alert.
func withoutRepeats(all []Evidence) []Evidence {
	var kept []Evidence
	for _, e := range all {
		e.At = timeline.Stamp(e.At)
		if !slices.ContainsFunc(kept, func(k Evidence) bool { return k.At.Equal(e.At) }) {
			kept = append(kept, e)
		}
	}
	return kept
}

// Compare says how a start relates to the evidence, as the end of a sentence that
// begins "That is", and whether it lies before everything that is recorded.
func Compare(at time.Time, found []Evidence) (sentence string, before bool) {
	if len(found) == 0 {
		return "a person's word alone: nothing recorded says when it began", true
	}
	for _, e := range found {
		if e.At.Truncate(time.Minute).Equal(at.Truncate(time.Minute)) {
			return "what the evidence says: " + e.Why, false
		}
	}
	first := slices.MinFunc(found, func(a, b Evidence) int { return a.At.Compare(b.At) })
	if at.Before(first.At) {
		return fmt.Sprintf("%s before the earliest evidence (%s)", short(first.At.Sub(at)), first), true
	}
	return fmt.Sprintf("%s after the earliest evidence (%s)", short(at.Sub(first.At)), first), false
}

// short is a duration as people say it: "5 min", "2 h 10 min", "40 s", "3 days".
func short(d time.Duration) string {
	d = d.Abs().Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%d days", (h+12)/24)
	case h > 0 && m > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case h > 0:
		return fmt.Sprintf("%d h", h)
	case m > 0:
		return fmt.Sprintf("%d min", m)
	}
	return fmt.Sprintf("%d s", s)
}
