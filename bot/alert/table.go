package alert

import (
	"bytes"
	"encoding/json"
	"time"

	"wardroom/bot/alert/jsonshape"
	"wardroom/bot/timeline"
)

// Current is the newest that is known of an alert.
type Current struct {
	Alert
	Value     *Value       `json:"value,omitempty"`
	Incident  timeline.ID  `json:"incident,omitempty"` // the one it joined last; empty when none
	Received  timeline.Ref `json:"received"`           // the log's entry of the newest status
	FirstSeen time.Time    `json:"first_seen"`         // of this episode
	LastSeen  time.Time    `json:"last_seen"`          // when an entry last told of it
	ChangedAt time.Time    `json:"changed_at,omitzero"`
	// Last is where the alert stands in the timelines: it moves with [Joined] and
	// [Cleared] alone and outlives episodes, while Incident is of this episode.
	Last Membership `json:"seat,omitzero"`
}

// Membership says which incident an alert joined last, and whether it counts
// there as firing.
type Membership struct {
	Incident timeline.ID `json:"incident"`
	Firing   bool        `json:"firing,omitempty"`
}

// Table holds the current alerts.
var Table = timeline.Table[Current]{
	Schema: timeline.Schema{Name: "alerts", Columns: []string{"source", "fingerprint", "status", "starts_at", "incident", "name"}},
	Row: func(c Current) (string, []any) {
		return c.Key(), []any{c.Source, c.Fingerprint, string(c.Status), c.StartsAt.UnixMicro(), string(c.Incident), c.Name()}
	},
}

// Fold keeps the table of current alerts.
var Fold = timeline.Fold{Name: "alerts", Tables: []timeline.Schema{Table.Schema}, Apply: apply}

func apply(w timeline.Writer, e timeline.Entry) error {
	if !e.Supersedes.IsZero() {
		return nil // said again with some of its text erased; [Restated] keeps the rows
	}
	switch p := e.Payload.(type) {
	case *Received:
		return received(w, e, p)
	case *Changed:
		return changed(w, e, p)
	case *Joined:
		for _, b := range p.Alerts {
			if err := assign(w, b, e.Timeline); err != nil {
				return err
			}
		}
	case *Cleared:
		for _, b := range p.Alerts {
			if err := leave(w, b.Key, e.Timeline); err != nil {
				return err
			}
		}
	case *Restated:
		for _, row := range p.Alerts {
			if err := Table.Put(w, row); err != nil {
				return err
			}
		}
	}
	return nil
}

func received(w timeline.Writer, e timeline.Entry, p *Received) error {
	row, known, err := Table.Get(w, p.Alert.Key())
	if err != nil {
		return err
	}
	return Table.Put(w, next(row, known, p, e.Ref, e.RecordedAt))
}

// next is the row after p was recorded as ref at the time at.
func next(row Current, known bool, p *Received, ref timeline.Ref, at time.Time) Current {
	c := Current{Alert: p.Alert, Value: p.Value, Received: ref, FirstSeen: at, LastSeen: at}
	if !known {
		return c
	}
	c.Last = row.Last
	if row.StartsAt.Equal(p.Alert.StartsAt) || ends(&row, &p.Alert) {
		c.FirstSeen, c.Incident, c.ChangedAt = row.FirstSeen, row.Incident, row.ChangedAt
		if c.Value == nil {
			c.Value = row.Value
		}
	} else if row.Status == Firing {
		// It was never heard to resolve, so its incident still counts it as firing.
		c.Incident = row.Incident
	}
	return c
}

func changed(w timeline.Writer, e timeline.Entry, p *Changed) error {
	row, known, err := Table.Get(w, p.Key)
	if err != nil || !known {
		return err
	}
	amend(&row, p.Annotations, p.Value, e.RecordedAt)
	return Table.Put(w, row)
}

func amend(row *Current, annotations map[string]string, value *Value, at time.Time) {
	row.Annotations, row.LastSeen, row.ChangedAt = annotations, at, at
	if value != nil {
		row.Value = value
	}
}

// assign is called for each alert of a burst, so it touches nothing but what
// joining changes.
func assign(w timeline.Writer, b Brief, incident timeline.ID) error {
	home := jsonshape.AppendString(nil, string(incident))
	seat := Membership{Incident: incident, Firing: b.Status == Firing}.appendJSON(nil)
	return w.PatchRow(Table.Name, b.Key, []timeline.Set{{Name: "incident", Value: string(incident)}},
		[]timeline.Set{{Name: "incident", Value: string(home)}, {Name: "seat", Value: string(seat)}})
}

// leave passes over an alert that has joined another incident since.
func leave(w timeline.Writer, key string, incident timeline.ID) error {
	row, known, err := Table.Get(w, key)
	if err != nil || !known || row.Last.Incident != incident {
		return err
	}
	row.Last.Firing = false
	return Table.Put(w, row)
}

// SeatOf says where the alert under key stands, without reading the rest of its
// row where it stands nowhere: the lot of most alerts in a burst.
func SeatOf(r timeline.Reader, key string) (Membership, error) {
	var raw json.RawMessage
	known, err := r.GetRow(Table.Name, key, &raw)
	if err != nil || !known || !bytes.Contains(raw, []byte(`"seat":`)) {
		return Membership{}, err
	}
	row, _, err := Table.Get(r, key)
	return row.Last, err
}

// Of returns the alerts that belong to an incident, the earliest first.
func Of(r timeline.Reader, incident timeline.ID) ([]Current, error) {
	return Table.Select(r, timeline.Query{Where: []timeline.Where{{Column: "incident", Value: string(incident)}}, OrderBy: "starts_at"})
}
