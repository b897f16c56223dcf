package incident

import (
	"fmt"
	"time"

	"wardroom/bot/alert"
)

// place finds the incident that an alert belongs to, and says which rule found
// it; nil when none does. The order is that of [Rules].
func (b *batch) place(f firing) (*working, string, error) {
	own, err := b.own(f)
	if err != nil {
		return nil, "", err
	}
	if own != nil && own.Open() {
		return own, "it belongs here", nil
	}
	for _, w := range b.open {
		if label, value := shared(&w.Incident, f.traits, b.Rules.Strong); label != "" && b.fits(w, f) {
			return w, fmt.Sprintf("same %s %s", label, value), nil
		}
	}
	opens := f.route.Action == alert.Open
	if opens && own != nil && b.isRecent(own, f) {
		why := fmt.Sprintf("alert %s fires again", f.brief.Name)
		b.reopened(own, f, why)
		return own, "it fires again", nil
	}
	if w, why := b.placeByTime(f, opens); w != nil {
		return w, why, nil
	}
	if !opens {
		return nil, "", nil
	}
	recent, err := b.lately(f.entry.RecordedAt)
	if err != nil {
		return nil, "", err
	}
	for _, w := range recent {
		if label, value := shared(&w.Incident, f.traits, b.Rules.Strong); label != "" && b.fits(w, f) && b.isRecent(w, f) {
			why := fmt.Sprintf("same %s %s", label, value)
			b.reopened(w, f, fmt.Sprintf("alert %s, %s", f.brief.Name, why))
			return w, why, nil
		}
	}
	return nil, "", nil
}

// placeByTime tries what holds only while an incident is fresh, or alone.
func (b *batch) placeByTime(f firing, opens bool) (*working, string) {
	var newest, only *working
	active := 0
	for _, w := range b.open {
		if w.Status == Parked || !w.Open() {
			continue
		}
		// What came and went without anybody is not what others follow from.
		blip := w.Status == Monitoring && w.untouched()
		if !blip {
			active++
		}
		if !b.fits(w, f) {
			continue
		}
		if !blip {
			only = w
		}
		if f.entry.RecordedAt.Sub(w.active()) > b.Rules.Window {
			continue
		}
		if label, value := shared(&w.Incident, f.traits, b.Rules.Weak); label != "" {
			return w, fmt.Sprintf("same %s %s within %s", label, value, shortDuration(b.Rules.Window))
		}
		if newest == nil || w.active().After(newest.active()) {
			newest = w
		}
	}
	switch {
	case !opens:
		return nil, ""
	case newest != nil && newest.isNew:
		return newest, "at the same time"
	case newest != nil:
		return newest, "within " + shortDuration(b.Rules.Window)
	case active == 1 && only != nil && f.route.Severity <= alert.SEV2 && f.entry.RecordedAt.Sub(only.begun()) <= b.Rules.Consequence:
		return only, "likely a consequence: no other incident is open"
	}
	return nil, ""
}

// own follows merges from the incident that the alert belonged to last.
func (b *batch) own(f firing) (*working, error) {
	id := f.seat.Incident
	for range maxMerged {
		if id == "" {
			return nil, nil
		}
		w, err := b.get(id)
		if err != nil || w == nil || w.MergedInto == "" {
			return w, err
		}
		id = w.MergedInto
	}
	return nil, nil
}

func (b *batch) fits(w *working, f firing) bool { return !apart(&w.Incident, f.traits, b.Rules.Apart) }

func (b *batch) isRecent(w *working, f firing) bool {
	return w.Status == Resolved && w.MergedInto == "" && f.entry.RecordedAt.Sub(w.ResolvedAt) <= b.Rules.ReopenWithin
}

// active is when something last began in the incident.
func (i *Incident) active() time.Time {
	t := i.DetectedAt
	for _, other := range []time.Time{i.LastJoinAt, i.ReopenedAt} {
		if other.After(t) {
			t = other
		}
	}
	return t
}

// begun is when the incident, or its present episode, was detected.
func (i *Incident) begun() time.Time {
	if i.ReopenedAt.After(i.DetectedAt) {
		return i.ReopenedAt
	}
	return i.DetectedAt
}
