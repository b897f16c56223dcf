package watch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
)

// Comparison is what is not back of what was Ready before a moment.
type Comparison struct {
	// Before is the last moment at which it was known what was Ready; zero: nothing is
	// known from before.
	Before time.Time `json:"before,omitzero"`
	At     time.Time `json:"at,omitzero"` // of the snapshot that it is compared with
	Were   int       `json:"were"`        // how many workloads were Ready before
	Lost   []Lost    `json:"lost,omitempty"`
	More   int       `json:"more,omitempty"` // how many are lost besides
	// Unknown says what cannot be told, in words. While it is not empty nobody can say
	// that all is back.
	Unknown []string `json:"unknown,omitempty"`
}

// Lost is a workload, or the nodes, that is not back.
type Lost struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"` // "default/redis"
	Ready  int    `json:"ready"`
	Wanted int    `json:"wanted"`
	Was    int    `json:"was"` // how many were Ready
	Gone   bool   `json:"gone,omitempty"`
	// Since is when it was first seen to be so; After the look before that.
	Since  time.Time `json:"since"`
	After  time.Time `json:"after,omitzero"`
	UsedBy []string  `json:"used_by,omitempty"` // who depends on it, the nearest first
}

// mostLost bounds what one entry tells.
const mostLost = 30

// Back reports whether all is back for certain.
func (c Comparison) Back() bool { return len(c.Lost) == 0 && len(c.Unknown) == 0 }

// Sentences are what is not back and what cannot be told, one each; none when all is
// back. They hold outside text: escape them where they are shown.
func (c Comparison) Sentences() []string {
	var all []string
	for _, l := range c.Lost {
		all = append(all, l.text(c.At))
	}
	if c.More > 0 {
		all = append(all, fmt.Sprintf("and %d more", c.More))
	}
	for _, u := range c.Unknown {
		all = append(all, "UNKNOWN: "+u)
	}
	return all
}

// String is "default/redis, not Ready since 01:01 UTC (default/bot depends on it)".
func (l Lost) String() string { return l.text(l.Since) }

// text names the day of a time that is on another day than ref.
func (l Lost) text(ref time.Time) string {
	text := l.Name + ", "
	switch {
	case l.Gone:
		text += "no longer there"
	case l.Wanted == 0:
		text += fmt.Sprintf("scaled to 0, was %d,", l.Was)
	case l.Kind == nodesKind:
		text = fmt.Sprintf("%d of %d nodes Ready, was %d,", l.Ready, l.Wanted, l.Was)
	case l.Ready == 0:
		text += "not Ready"
	default:
		text += fmt.Sprintf("%d of %d Ready", l.Ready, l.Wanted)
	}
	if l.After.IsZero() || l.Since.Sub(l.After) <= spanGap {
		text += " since " + clock(l.Since, ref)
	} else {
		text += " since some time between " + clock(l.After, ref) + " and " + clock(l.Since, ref)
	}
	switch len(l.UsedBy) {
	case 0:
	case 1:
		text += " (" + l.UsedBy[0] + " depends on it)"
	default:
		text += " (" + strings.Join(l.UsedBy, ", ") + " depend on it)"
	}
	return text
}

func clock(t, ref time.Time) string {
	if t.UTC().Format(time.DateOnly) == ref.UTC().Format(time.DateOnly) {
		return t.UTC().Format("15:04 UTC")
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// compare tells what of the time before t is not back in a snapshot.
func (h *history) compare(t time.Time, s *fleet.Snapshot) Comparison {
	moment, known := h.before(t)
	c := Comparison{At: s.At}
	if !known {
		c.Unknown = []string{fmt.Sprintf("the cluster was not looked at before %s: what was Ready then is not known", clock(t, s.At))}
		return c
	}
	c.Before = moment
	now, gaps := tracked(s), unread(s)
	for _, what := range gaps {
		c.Unknown = append(c.Unknown, what+" cannot be read")
	}
	var beheaded []string
	for _, key := range slices.Sorted(maps.Keys(h.tracks)) {
		tr := h.tracks[key]
		w, there := now[key]
		is := standing{From: s.At, After: h.looked(), Ready: w.Ready, Wanted: w.Replicas, Gone: !there}
		was, known := tr.at(moment)
		if !known && tr.beheaded(moment) && legible(tr.Object, gaps) && is.less() {
			beheaded = append(beheaded, tr.Object.String())
		}
		if !known || was.Gone || was.Ready == 0 {
			continue
		}
		c.Were++
		if !legible(tr.Object, gaps) || !is.short(was) {
			continue
		}
		from := tr.shortSince(was, is, moment)
		c.Lost = append(c.Lost, Lost{Kind: tr.Object.Kind, Name: tr.Object.String(), Ready: is.Ready, Wanted: is.Wanted, Was: was.Ready, Gone: is.Gone,
			Since: from.From, After: from.After, UsedBy: h.dependants(tr.Object.String())})
	}
	if len(beheaded) > 0 {
		c.Unknown = append(c.Unknown, fmt.Sprintf("how %s stood at %s: too much has changed since", some(beheaded), clock(moment, s.At)))
	}
	slices.SortStableFunc(c.Lost, func(a, b Lost) int {
		return cmp.Or(cmp.Compare(len(b.UsedBy), len(a.UsedBy)), cmp.Compare(a.Ready, b.Ready), cmp.Compare(a.Name, b.Name))
	})
	if over := len(c.Lost) - mostLost; over > 0 {
		c.Lost, c.More = c.Lost[:mostLost], over
	}
	return c
}

// some are the first of many names, and how many there are besides.
func some(names []string) string {
	const most = 10
	text := strings.Join(names[:min(len(names), most)], ", ")
	if over := len(names) - most; over > 0 {
		text += fmt.Sprintf(" and %d more", over)
	}
	return text
}

// shortSince is the standing with which it began to be short, and did not cease.
func (t *track) shortSince(was, is standing, moment time.Time) standing {
	from := is
	for _, s := range slices.Backward(t.Was) {
		if !s.From.After(moment) || !s.short(was) {
			break
		}
		from = s
	}
	return from
}
