package ownpage

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/statuspage"
)

// A component's strip shows 90 days, and 30 as long as no more are known.
const (
	longStrip  = 90
	shortStrip = 30
	leastStrip = 7 // days on record, below which only what happened is drawn
)

// strip is a component's history: a bar a day, the worse the lower and in another
// colour, so that neither alone tells.
type strip struct {
	Width    int
	Paths    []stripPath
	Words    string
	From, To string
}

type stripPath struct{ Class, D string }

// stripOf draws the days up to today. Nothing is known of days before since.
func stripOf(c statuspage.Component, since, today time.Time) *strip {
	if len(c.Changes) == 0 && (since.IsZero() || today.Sub(midnight(since)) < leastStrip*24*time.Hour) {
		return nil
	}
	total := shortStrip
	if !since.IsZero() && today.Sub(since) > shortStrip*24*time.Hour {
		total = longStrip
	}
	s := &strip{Width: total*4 - 1, From: fmt.Sprintf("%d days ago", total-1), To: today.Format("2 January")}
	paths := map[string]*strings.Builder{}
	classes := []string{"none", "l0", "l1", "l2", "l3", "l4"}
	for _, class := range classes {
		paths[class] = &strings.Builder{}
	}
	bad, onRecord := 0, 0
	var worst statuspage.Level
	for i := range total {
		day := today.AddDate(0, 0, i-total+1)
		x, top, class := i*4, 0, "none"
		if l, known := levelOn(c, day, since); known {
			onRecord++
			class = levelOf(l).Class
			if l != statuspage.Operational {
				bad++
				worst = worst.Worse(l)
				top = 2 * int(class[1]-'0')
			}
		} else {
			top = 21
		}
		fmt.Fprintf(paths[class], "M%d %dh3v%dh-3z", x, top, 24-top)
	}
	for _, class := range classes {
		if d := paths[class].String(); d != "" {
			s.Paths = append(s.Paths, stripPath{class, d})
		}
	}
	s.Words = fmt.Sprintf("%s: no trouble in the %s on record", c.Name, plural(onRecord, "day"))
	if bad > 0 {
		s.Words = fmt.Sprintf("%s: %d of %s on record with trouble, at worst %s", c.Name, bad, plural(onRecord, "day"), strings.ToLower(worst.Title()))
	}
	return s
}

// levelOn is the worst level that a component had on a day (UTC).
func levelOn(c statuspage.Component, day, since time.Time) (worst statuspage.Level, known bool) {
	end := day.AddDate(0, 0, 1)
	now := statuspage.Operational
	worst = statuspage.Operational
	touched := false
	for _, change := range c.Changes {
		if !change.At.Before(end) {
			continue
		}
		if change.At.Before(day) {
			now = change.Level
			continue
		}
		if !touched {
			worst, touched = now, true
		}
		worst = worst.Worse(change.Level)
		now = change.Level
	}
	if !touched {
		worst = now
	}
	return worst, touched || worst != statuspage.Operational || !since.IsZero() && midnight(since).Before(end)
}
