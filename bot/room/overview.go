package room

import (
	"cmp"
	"slices"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
)

// OverviewLine is one incident as the overview of all tells it: one that is open,
// or one that was resolved and not closed yet.
type OverviewLine struct {
	ID       timeline.ID
	Title    string // outside text
	Severity alert.Severity
	Status   incident.Status
	Lead     string    // "" when nobody leads
	OnIt     string    // who acknowledged last; "" when NeedsAck
	NeedsAck bool      // nobody has said that they are on it
	Since    time.Time // when it began
	Until    time.Time // when it was resolved; zero while it goes on
	Alerts   alert.Tally
	Park     string // why it waits; "" when it is not parked
	Place    Place  // the room; the zero Place when it has none in this chat
}

// Overview returns the incidents that people have to care about, the most
// important first: those that go on before those that only wait to be closed, those
// that are worked on before parked ones, the worse severity, those that nobody has
// acknowledged, the older. Of those resolved only the ones of the last week are
// there. limit 0 is no limit; more is how many were left out. chat says whose
// rooms stand beside them.
func Overview(v timeline.View, chat string, now time.Time, limit int) (lines []OverviewLine, more int, err error) {
	found, err := incident.Open(v)
	if err != nil {
		return nil, 0, err
	}
	resolved, err := incident.Table.Select(v, timeline.Query{Where: []timeline.Where{
		{Column: "status", Value: string(incident.Resolved)},
		{Column: "updated_at", Op: ">=", Value: now.Add(-overviewKeeps).UnixMicro()},
	}})
	if err != nil {
		return nil, 0, err
	}
	for _, i := range resolved {
		if i.MergedInto == "" {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, byImportance)
	if limit > 0 && len(found) > limit {
		found, more = found[:limit], len(found)-limit
	}
	for _, i := range found {
		line := lineOf(i)
		if line.Place, _, err = PlaceOf(v, chat, i.ID); err != nil {
			return nil, 0, err
		}
		lines = append(lines, line)
	}
	return lines, more, nil
}

// overviewKeeps is how long a resolved incident stands in the overview: one that
// nobody closes must not stay for ever.
const overviewKeeps = 7 * 24 * time.Hour

func byImportance(a, b incident.Incident) int {
	return cmp.Or(
		first(a.Open(), b.Open()),
		first(a.Status != incident.Parked, b.Status != incident.Parked),
		cmp.Compare(a.Severity, b.Severity),
		first(a.NeedsAck(), b.NeedsAck()),
		a.StartedAt.Compare(b.StartedAt),
		cmp.Compare(a.Number, b.Number),
	)
}

// first orders what is true before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func lineOf(i incident.Incident) OverviewLine {
	l := OverviewLine{
		ID: i.ID, Title: i.Title, Severity: i.Severity, Status: i.Status, Lead: i.Lead, OnIt: i.OnIt, NeedsAck: i.NeedsAck(),
		Since: i.StartedAt, Until: i.ResolvedAt, Alerts: i.Alerts,
	}
	if l.NeedsAck {
		l.OnIt = ""
	}
	if i.Park != nil {
		l.Park = (&incident.ParkedUntil{Park: *i.Park}).Text()
	}
	return l
}
