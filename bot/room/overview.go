package room

import (
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
)

// OverviewLine is one open incident as the overview of all tells it.
type OverviewLine struct {
	ID       timeline.ID
	Title    string // outside text
	Severity alert.Severity
	Status   incident.Status
	Lead     string // "" when nobody leads
	NeedsAck bool   // nobody has said that they are on it
	Since    time.Time
	Alerts   alert.Tally
	Park     string // why it waits; "" when it is not parked
	Place    Place  // the room; the zero Place when it has none in this chat
}
