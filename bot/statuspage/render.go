package statuspage

import (
	"slices"
	"time"
)

// lateAfter is how long after its posting an update counts as posted late.
const lateAfter = 5 * time.Minute

// startedText is what stands in the text of a page that cannot backdate.
func startedText(start, shown time.Time) string {
	return "Started " + clockBeside(start, shown) + "."
}

// clockBeside is a time of day, with the date when it is another day's than that
// of the text around it.
func clockBeside(t, beside time.Time) string {
	if t.UTC().Format(time.DateOnly) == beside.UTC().Format(time.DateOnly) {
		return t.UTC().Format("15:04 UTC")
	}
	return clockUTC(t)
}

// forProvider puts into the text what a provider cannot show otherwise: the start
// into the first update and the first one after the backdating, and the time of
// an update that arrives late. arrived tells when an update reached the provider;
// it returns now for one that is only being sent.
func forProvider(n Notice, can Capabilities, arrived func(Update) time.Time) Notice {
	n.Updates = slices.Clone(n.Updates)
	saidAgain := false
	for i := range n.Updates {
		u := &n.Updates[i]
		added := ""
		after := n.Backdated && !n.BackdatedAt.IsZero() && u.PostedAt.After(n.BackdatedAt)
		if n.Backdated && !can.BackdateIncident && (i == 0 || after && !saidAgain) {
			added = "\n\n" + startedText(n.StartedAt, u.PostedAt)
			saidAgain = saidAgain || after
		}
		if at := arrived(*u); !can.BackdateUpdates && at.Sub(u.PostedAt) >= lateAfter {
			added += "\n\n(posted late; " + clockBeside(u.PostedAt, at) + ")"
		}
		u.Text += added
		u.Before = slices.Clone(u.Before)
		for k := range u.Before {
			u.Before[k] += added
		}
	}
	return n
}
