package watch

import (
	"slices"
	"time"
)

// since leaves out what ended before the cutoff.
func since(was []standing, cutoff time.Time) []standing {
	from := 0
	for from+1 < len(was) && was[from+1].From.Before(cutoff) {
		from++
	}
	return slices.Clone(was[from:])
}

// thinned merges neighbours among the older half of too many standings until
// mostStandings are left: how it stood long ago stays known, of a time in which it
// changed again and again only roughly. Cutting off the oldest instead would forget how
// it stood before an incident in which it does not come to rest.
func thinned(was []standing) []standing {
	for len(was) > mostStandings {
		i := closest(was[:len(was)-mostStandings/2])
		was[i] = merged(was[i], was[i+1])
		was = slices.Delete(was, i+1, i+2)
	}
	return was
}

// closest is the first of the two neighbours of which least is lost when they become
// one: those that say the same, else those that together lasted the shortest. The last
// of old only ends what is before it.
func closest(old []standing) (first int) {
	least := time.Duration(-1)
	for i := range len(old) - 2 {
		lasted := old[i+2].From.Sub(old[i].From)
		if old[i].same(old[i+1]) {
			lasted = 0
		}
		if least < 0 || lasted < least {
			first, least = i, lasted
		}
	}
	return first
}

// merged is one standing for two that follow each other: the better one, for the whole
// time. What flapped counts as Ready then: it is missed when it is down, and was not
// down all the time.
func merged(a, b standing) standing {
	if a.Ready > b.Ready || a.Ready == b.Ready && b.Gone {
		return a
	}
	b.From, b.After = a.From, a.After
	return b
}

// beheaded reports whether a moment before the first standing may have been cut off:
// an earlier version kept the newest alone.
func (t *track) beheaded(moment time.Time) bool {
	return len(t.Was) >= mostStandings && t.Was[0].From.After(moment)
}
