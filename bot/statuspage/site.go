package statuspage

import (
	"slices"
	"time"

	"wardroom/bot/timeline"
)

// Site is all that the public is told, as of one position in the record.
type Site struct {
	// Pos and AsOf are the position and the recorded time of the newest entry of all.
	Pos  int64     `json:"-"`
	AsOf time.Time `json:"as_of,omitzero"`
	// UpdatedAt is when the public was last told something new; zero when never.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	// Since is when the first entry of all was recorded: of what was before, nothing is known.
	Since      time.Time   `json:"since,omitzero"`
	Components []Component `json:"components"` // in their order
	Notices    []Notice    `json:"notices"`    // the latest start first
}

// ReadSite reads the site as of v.
func ReadSite(v timeline.View) (Site, error) {
	var s Site
	var err error
	if s.Pos, err = v.LastPos(); err != nil {
		return s, err
	}
	heads, err := v.Heads()
	if err != nil {
		return s, err
	}
	for _, h := range heads {
		s.AsOf = later(s.AsOf, h.RecordedAt)
	}
	first, err := v.Entries(timeline.Log, 0, 1)
	if err != nil {
		return s, err
	}
	for _, e := range first {
		s.Since = e.RecordedAt
	}
	if s.Components, err = AllComponents(v); err != nil {
		return s, err
	}
	if s.Notices, err = Notices.Select(v, timeline.Query{OrderBy: "number"}); err != nil {
		return s, err
	}
	slices.SortStableFunc(s.Notices, func(a, b Notice) int {
		if c := b.StartedAt.Compare(a.StartedAt); c != 0 {
			return c
		}
		return b.Incident.Number() - a.Incident.Number()
	})
	for _, n := range s.Notices {
		s.UpdatedAt = later(s.UpdatedAt, later(n.Latest().PostedAt, n.BackdatedAt))
		for _, u := range n.Updates {
			s.UpdatedAt = later(s.UpdatedAt, u.CorrectedAt)
		}
	}
	for _, c := range s.Components {
		if len(c.Changes) > 0 {
			s.UpdatedAt = later(s.UpdatedAt, c.Changes[len(c.Changes)-1].At)
		}
	}
	return s, nil
}

// Level is the worst level of all components, and of no component at least
// degraded while a notice is open.
func (s Site) Level() Level {
	worst := Operational
	for _, c := range s.Components {
		worst = worst.Worse(c.Level)
	}
	if len(s.Open()) > 0 {
		worst = worst.Worse(Degraded)
	}
	return worst
}

// Open returns the notices that are not resolved, the latest start first.
func (s Site) Open() []Notice {
	var open []Notice
	for _, n := range s.Notices {
		if n.Open() {
			open = append(open, n)
		}
	}
	return open
}

// Find returns the notice of an incident.
func (s Site) Find(id timeline.ID) (Notice, bool) {
	i := slices.IndexFunc(s.Notices, func(n Notice) bool { return n.Incident == id })
	if i < 0 {
		return Notice{}, false
	}
	return s.Notices[i], true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
