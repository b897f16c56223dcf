package ownpage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"wardroom/bot/statuspage"
)

// Status is status.json. Fields are only ever added; Version changes when the
// meaning of one does. Times are RFC 3339 in UTC.
type Status struct {
	Version    int         `json:"version"` // 1
	Title      string      `json:"title"`
	URL        string      `json:"url,omitempty"`       // of the page, where it is configured
	UpdatedAt  time.Time   `json:"updated_at,omitzero"` // when the public was last told something new
	Status     Overall     `json:"status"`
	Components []Component `json:"components"` // in their order on the page
	// Incidents are those that are open and those that began in the 90 days before
	// the newest, the latest start first.
	Incidents []Incident `json:"incidents"`
}

// Overall is the worst of everything.
type Overall struct {
	Level statuspage.Level `json:"level"` // operational, under_maintenance, degraded_performance, partial_outage, major_outage
	Text  string           `json:"text"`  // as the page says it
}

// Component of the service.
type Component struct {
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"`
	Group       string           `json:"group,omitempty"`
	Level       statuspage.Level `json:"level"`
	Since       time.Time        `json:"since,omitzero"` // when it came to this level
}

// Incident as the public is told of it.
type Incident struct {
	ID         string                      `json:"id"`  // INC-1
	URL        string                      `json:"url"` // relative to status.json where no address of the page is configured
	Title      string                      `json:"title"`
	State      statuspage.State            `json:"state"` // investigating, identified, monitoring, resolved
	StartedAt  time.Time                   `json:"started_at"`
	Backdated  bool                        `json:"backdated"`  // started_at lies before created_at because somebody said so
	CreatedAt  time.Time                   `json:"created_at"` // when it was first posted
	ResolvedAt time.Time                   `json:"resolved_at,omitzero"`
	Components map[string]statuspage.Level `json:"components,omitempty"`
	Updates    []Update                    `json:"updates"` // in the order in which they were posted
}

// Update is one text.
type Update struct {
	ID       string           `json:"id"` // INC-1#5; stays the same
	State    statuspage.State `json:"state"`
	Text     string           `json:"text"`      // plain text
	At       time.Time        `json:"at"`        // the time that is shown
	PostedAt time.Time        `json:"posted_at"` // when it was really posted
	// CorrectedAt is when the text was put right; left out for one that was not.
	CorrectedAt time.Time `json:"corrected_at,omitzero"`
}

const jsonDays = 90

func (v view) json() ([]byte, error) {
	title, _ := summary(v.site, v.site.Open())
	s := Status{
		Version: 1, Title: v.Title, URL: v.BaseURL, UpdatedAt: seconds(v.site.UpdatedAt),
		Status: Overall{v.site.Level(), title}, Components: []Component{}, Incidents: []Incident{},
	}
	for _, c := range v.site.Components {
		s.Components = append(s.Components, Component{c.Name, c.Description, c.Group, c.Level, seconds(c.Since)})
	}
	for _, n := range v.site.Notices {
		if n.Open() || v.site.Notices[0].StartedAt.Sub(n.StartedAt) < jsonDays*24*time.Hour {
			s.Incidents = append(s.Incidents, v.jsonIncident(n))
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("ownpage: render JSON: %w", err)
	}
	return b.Bytes(), nil
}

func (v view) jsonIncident(n statuspage.Notice) Incident {
	i := Incident{
		ID: string(n.Incident), URL: v.absolute(incidentPath(n.Incident, v.links.static)), Title: n.Title, State: n.State,
		StartedAt: seconds(n.StartedAt), Backdated: n.Backdated, CreatedAt: seconds(n.CreatedAt), ResolvedAt: seconds(n.ResolvedAt),
		Components: n.Components, Updates: []Update{},
	}
	for _, u := range n.Updates {
		i.Updates = append(i.Updates, Update{u.Entry.String(), u.State, u.Text, seconds(u.At), seconds(u.PostedAt), seconds(u.CorrectedAt)})
	}
	return i
}

func seconds(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}
