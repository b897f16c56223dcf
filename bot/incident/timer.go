package incident

import (
	"fmt"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// What the timers of incidents are for.
const (
	TimerSelfRecovered = "self-recovered" // nothing fired and nobody acted for a while
	TimerUnpark        = "unpark"         // a parked incident's time is up
)

func selfRecoveredKey(id timeline.ID) string { return string(id) + "/" + TimerSelfRecovered }
func unparkKey(id timeline.ID) string        { return string(id) + "/" + TimerUnpark }

// Handlers decide what follows from the timers of incidents that are due.
func Handlers() map[string]timeline.Handler {
	return map[string]timeline.Handler{TimerSelfRecovered: selfRecovered, TimerUnpark: unpark}
}

// selfRecovered resolves an incident that came and went by itself, as of the
// time when its last alert resolved. Whatever a person did since stops it.
func selfRecovered(v timeline.View, t timeline.Timer) (timeline.Decision, error) {
	i, err := Get(v, t.Timeline)
	if problem.Is(err, problem.NotFound) {
		return timeline.Decision{}, nil
	}
	if err != nil || i.Status != Monitoring || i.MergedInto != "" || i.Alerts.Firing > 0 || !i.untouched() {
		return timeline.Decision{}, err
	}
	p := &StatusChanged{From: i.Status, To: Resolved, SelfRecovered: true,
		Reason: fmt.Sprintf("every alert resolved by %s and nobody had to act", i.MitigatedAt.UTC().Format("15:04 UTC"))}
	drafts, err := moveDrafts(v, bot, i, p, i.MitigatedAt)
	return timeline.Decision{Entries: drafts}, err
}

// untouched reports whether no person did anything and the public was told nothing.
func (i Incident) untouched() bool {
	return i.AcknowledgedAt.IsZero() && len(i.Responders) == 0 && !i.Posted
}

func unpark(v timeline.View, t timeline.Timer) (timeline.Decision, error) {
	i, err := Get(v, t.Timeline)
	if problem.Is(err, problem.NotFound) {
		return timeline.Decision{}, nil
	}
	if err != nil || i.Status != Parked || i.MergedInto != "" {
		return timeline.Decision{}, err
	}
	drafts, err := moveDrafts(v, bot, i, &StatusChanged{From: Parked, To: i.Park.Before, Reason: "the time it was parked until has come"}, i.Park.Until)
	return timeline.Decision{Entries: drafts}, err
}
