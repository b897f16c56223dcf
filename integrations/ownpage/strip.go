package ownpage

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/statuspage"
)

// stripDays is how many days a component's strip shows.
const stripDays = 90

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
func stripOf(c statuspage.Component, since, today time.Time) strip {
	s := strip{Width: stripDays * 4, From: fmt.Sprintf("%d days ago", stripDays-1), To: today.Format("2 January")}
	if known := int(today.Sub(midnight(since)).Hours()/24) + 1; !since.IsZero() && known < stripDays {
		s.From = ""
	}
	paths := map[string]*strings.Builder{}
	classes := []string{"none", "l0", "l1", "l2", "l3", "l4"}
	for _, class := range classes {
		paths[class] = &strings.Builder{}
	}
	bad := 0
	var worst statuspage.Level
	for i := range stripDays {
		day := today.AddDate(0, 0, i-stripDays+1)
		x, top, class := i*4, 0, "none"
		if l, known := levelOn(c, day, since); known {
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
	s.Words = fmt.Sprintf("%s: no trouble reported in the last %d days", c.Name, stripDays)
	if bad > 0 {
		s.Words = fmt.Sprintf("%s: %s with trouble in the last %d days, at worst %s", c.Name, plural(bad, "day"), stripDays, strings.ToLower(worst.Title()))
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
