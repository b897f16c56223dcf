package statuspage

import (
	"encoding/json"
	"time"

	port "wardroom/bot/statuspage"
)

// What Statuspage's API calls things. Only what is used.

type wireIncident struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Status     string          `json:"status"`
	Shortlink  string          `json:"shortlink"`
	Metadata   json.RawMessage `json:"metadata"`
	Updates    []wireUpdate    `json:"incident_updates"`
	Components []wireComponent `json:"components"`
}

type wireUpdate struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"`
	Body      string    `json:"body"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // when it was last changed, by whomever
	DisplayAt time.Time `json:"display_at"`
}

type wireComponent struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Group  bool   `json:"group"`
	Status string `json:"status"`
}

// incidentChange creates or changes an incident; a body with a status adds an update.
type incidentChange struct {
	Name         string                `json:"name,omitempty"`
	Status       port.State            `json:"status,omitempty"`
	Body         string                `json:"body,omitempty"`
	Metadata     *metadata             `json:"metadata,omitempty"`
	Deliver      bool                  `json:"deliver_notifications"` // always sent: Statuspage's default is true
	Components   map[string]port.Level `json:"components,omitempty"`
	ComponentIDs []string              `json:"component_ids,omitempty"`
}

type incidentRequest struct {
	Incident incidentChange `json:"incident"`
}

type updateChange struct {
	Body      string     `json:"body,omitempty"`
	DisplayAt *time.Time `json:"display_at,omitempty"`
	Deliver   bool       `json:"deliver_notifications"`
}

type updateRequest struct {
	Update updateChange `json:"incident_update"`
}

type componentRequest struct {
	Component struct {
		Status port.Level `json:"status"`
	} `json:"component"`
}

// metadata says at Statuspage which incident of ours one is. Its top-level values
// must be objects.
type metadata struct {
	Wardroom mark `json:"wardroom"`
}

// mark identifies a notice: the number alone would fit another installation's, or
// one from before the database was made anew.
type mark struct {
	ID        string   `json:"id"`
	CreatedAt string   `json:"created_at"`
	Updates   []string `json:"updates"` // entries that were posted, in order
}

func markOf(n port.Notice) mark {
	return mark{ID: string(n.Incident), CreatedAt: n.CreatedAt.UTC().Format(time.RFC3339Nano)}
}

// markOn reads the mark of an incident at Statuspage; zero when it has none.
func markOn(i wireIncident) mark {
	var m metadata
	if json.Unmarshal(i.Metadata, &m) != nil {
		return mark{}
	}
	return m.Wardroom
}

func (m mark) same(other mark) bool { return m.ID == other.ID && m.CreatedAt == other.CreatedAt }
