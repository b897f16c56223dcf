package statuspage

import (
	"slices"
	"strings"

	"wardroom/bot/problem"
)

// States in the order of an incident's public life.
var States = []State{Investigating, Identified, Monitoring, Resolved}

// ParseState reads a state as a person types it.
func ParseState(s string) (State, error) {
	if state := State(strings.ToLower(strings.TrimSpace(s))); slices.Contains(States, state) {
		return state, nil
	}
	return "", problem.New(problem.Invalid, "%q is not a state of a status page", s).WithHint("%s", problem.OneOf(States))
}

// Title is the state as the public reads it.
func (s State) Title() string {
	switch s {
	case Investigating:
		return "Investigating"
	case Identified:
		return "Identified"
	case Monitoring:
		return "Monitoring"
	case Resolved:
		return "Resolved"
	}
	return string(s)
}

// Levels, the best first.
var Levels = []Level{Operational, Maintenance, Degraded, PartialOutage, MajorOutage}

// levelWords are the short forms that a thumb can type.
var levelWords = map[string]Level{
	"ok": Operational, "up": Operational, "maintenance": Maintenance, "degraded": Degraded,
	"partial": PartialOutage, "major": MajorOutage, "outage": MajorOutage, "down": MajorOutage,
}

// ParseLevel reads a level as a person types it: "major_outage", "major outage", "down".
func ParseLevel(s string) (Level, error) {
	word := strings.ToLower(strings.TrimSpace(s))
	if level, short := levelWords[word]; short {
		return level, nil
	}
	if level := Level(strings.NewReplacer(" ", "_", "-", "_").Replace(word)); slices.Contains(Levels, level) {
		return level, nil
	}
	return "", problem.New(problem.Invalid, "%q is not a component's level", s).
		WithHint("%s; short: ok, maintenance, degraded, partial, major", problem.OneOf(Levels))
}

// Title is the level as the public reads it.
func (l Level) Title() string {
	switch l {
	case Operational:
		return "Operational"
	case Maintenance:
		return "Under maintenance"
	case Degraded:
		return "Degraded performance"
	case PartialOutage:
		return "Partial outage"
	case MajorOutage:
		return "Major outage"
	}
	return string(l)
}

// Worse returns the worse of two levels. An unknown or empty one is the best.
func (l Level) Worse(other Level) Level {
	if slices.Index(Levels, other) > slices.Index(Levels, l) {
		return other
	}
	return l
}
