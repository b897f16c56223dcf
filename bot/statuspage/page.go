// Package statuspage is what the public is told: the notice of an incident as a
// fold of its status entries, the evidence for when it began, the port to a
// status page, and the poster that keeps every page in step with the timeline.
package statuspage

import (
	"context"
	"time"

	"wardroom/bot/timeline"
)

// State of an incident as the public reads it.
type State string

const (
	Investigating State = "investigating"
	Identified    State = "identified"
	Monitoring    State = "monitoring"
	Resolved      State = "resolved"
)

// Level of a component, best first.
type Level string

const (
	Operational   Level = "operational"
	Maintenance   Level = "under_maintenance"
	Degraded      Level = "degraded_performance"
	PartialOutage Level = "partial_outage"
	MajorOutage   Level = "major_outage"
)

// Notice is all that the public is told of one incident.
type Notice struct {
	Incident   timeline.ID `json:"incident"`
	Title      string      `json:"title"`
	State      State       `json:"state"`
	StartedAt  time.Time   `json:"started_at"`  // the public start, independent of the incident's own
	StartedWhy string      `json:"started_why"` // the evidence a person confirmed; not shown to the public
	Backdated  bool        `json:"backdated"`
	CreatedAt  time.Time   `json:"created_at"` // when it was really posted
	// BackdatedAt is when the start was last moved; zero when it never was.
	BackdatedAt time.Time        `json:"backdated_at,omitzero"`
	ResolvedAt  time.Time        `json:"resolved_at,omitzero"`
	Updates     []Update         `json:"updates"` // in the order in which they were posted
	Components  map[string]Level `json:"components,omitempty"`
}

// Update is one text for the public.
type Update struct {
	Entry    timeline.Ref `json:"entry"` // identifies it everywhere
	State    State        `json:"state"`
	Text     string       `json:"text"`
	At       time.Time    `json:"at"`        // the time that is shown
	PostedAt time.Time    `json:"posted_at"` // when it was really posted
	// Withdrawn says that the text was erased; Text says so in its place.
	Withdrawn bool `json:"withdrawn,omitempty"`
	// CorrectedAt is when the text was last put right, and Correction the entry that
	// did it; both are zero for one that reads as it was posted.
	CorrectedAt time.Time    `json:"corrected_at,omitzero"`
	Correction  timeline.Ref `json:"correction,omitzero"`
	// Before is what it said until then, the oldest first: by it a page knows the
	// update again. It is never shown, and only [AsOf] and the poster fill it in.
	Before []string `json:"-"`
}

// Component is a part of the service that the public knows by name.
type Component struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Group       string    `json:"group,omitempty"`
	Level       Level     `json:"level"`
	Position    int       `json:"position"`
	Since       time.Time `json:"since,omitzero"` // when it came to this level
	// Changes are all levels that it was ever set to, in the order of recording.
	Changes []Change `json:"changes,omitempty"`
}

// Change is a component coming to a level.
type Change struct {
	Level Level        `json:"level"`
	At    time.Time    `json:"at"`    // the time that is shown; moves with its update when that is backdated
	Entry timeline.Ref `json:"entry"` // its Timeline is the log when no incident was named
}

// Capabilities of a provider. What one cannot do goes into the text, and the
// timeline says so.
type Capabilities struct {
	BackdateIncident       bool // the start of an incident can lie before its creation
	BackdateUpdates        bool // so can an update's time
	ComponentsWithBackdate bool // a backdated incident can still name components
	SuppressNotify         bool // subscribers can be spared
	ShowsRecord            bool // it shows the record itself: nothing has to be brought to it
}

// Links are a provider's ids for what it holds, so that nothing is made twice.
type Links struct {
	Incident string            `json:"incident"`          // "" when nothing was found or made
	Updates  map[string]string `json:"updates,omitempty"` // Update.Entry → the provider's id
	URL      string            `json:"url,omitempty"`     // where the public reads it
}

// Page is the port to a status page.
type Page interface {
	Name() string
	Capabilities() Capabilities
	// Publish brings what the provider shows for one incident to what want says:
	// creates it, posts the updates it lacks in order, moves times, replaces texts that
	// were corrected or withdrawn, without telling subscribers. known is what
	// earlier calls returned. It is repeatable: after a lost answer it looks for our
	// id at the provider before anything is posted again. notify announces the newest
	// update to subscribers; older ones that are still lacking are posted quietly,
	// where the provider can. A problem with code Unavailable is tried again later;
	// Invalid and Forbidden are final for this state. A component that the provider
	// does not know is left out, the rest is published, and an Invalid problem that
	// names it comes back beside the links.
	Publish(ctx context.Context, want Notice, known Links, notify bool) (Links, error)
	// SetComponents brings the components to these levels; names that the provider
	// does not know are reported as an Invalid problem that lists them.
	SetComponents(ctx context.Context, components []Component) error
	// Check tries the credential without changing anything.
	Check(ctx context.Context) error
}
