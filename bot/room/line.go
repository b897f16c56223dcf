package room

import (
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// Apart is how far the time of an entry and the time of its recording must
// differ for both to be shown.
const Apart = time.Minute

// Clock says times in a team's zone. The zero Clock is UTC.
type Clock struct{ Zone *time.Location }

func (c Clock) in(t time.Time) time.Time {
	if c.Zone == nil {
		return t.UTC()
	}
	return t.In(c.Zone)
}

// Day is "2021-07-11".
func (c Clock) Day(t time.Time) string { return c.in(t).Format(time.DateOnly) }

// Time is "00:25 UTC".
func (c Clock) Time(t time.Time) string { return c.in(t).Format("15:04 MST") }

// Full is "2021-07-11 00:25 UTC".
func (c Clock) Full(t time.Time) string { return c.in(t).Format("2006-01-02 15:04 MST") }

// Beside is Time, with the date when t lies on another day than beside.
func (c Clock) Beside(t, beside time.Time) string {
	if c.Day(t) == c.Day(beside) {
		return c.Time(t)
	}
	return c.Full(t)
}

// Recorded is "recorded 00:42 UTC" for an entry whose time was claimed, and ""
// where both times agree to within [Apart].
func (c Clock) Recorded(occurred, recorded time.Time) string {
	if d := recorded.Sub(occurred); d <= Apart && d >= -Apart {
		return ""
	}
	return "recorded " + c.Beside(recorded, occurred)
}

// Line is an entry on one line, safe for a terminal:
//
//	00:32 UTC  alertmanager  Alert postgres/connection-limit firing: …
//	00:25 UTC (recorded 00:42)  joe  Status page: …
func Line(e timeline.Entry, zone *time.Location) string {
	return PostOf(nil, e).Line(Clock{zone})
}

// Line is the post on one line, without its date.
func (p Post) Line(c Clock) string {
	at := c.Time(p.At)
	if recorded := c.Recorded(p.At, p.Recorded); recorded != "" {
		at += " (" + strings.TrimSuffix(recorded, c.in(p.Recorded).Format(" MST")) + ")"
	}
	return at + "  " + Cut(Plain(p.Actor), 40) + "  " + Plain(p.Text)
}

// line is the detail below a post in a terminal.
func (d Detail) line() string {
	switch text := Plain(d.Text); d.As {
	case Head:
		return "    " + text
	case Code:
		return "      $ " + text
	default:
		return "      " + text
	}
}

// Printer turns posts into lines and puts a date before the first post of a day
// where the posts span several.
type Printer struct {
	Clock
	// AlwaysDate puts a date before the first day, too.
	AlwaysDate bool
	day        string
}

// Lines are the lines for the next posts.
func (p *Printer) Lines(posts ...Post) []string {
	lines := make([]string, 0, len(posts)+1)
	for _, post := range posts {
		day := p.Day(post.At)
		if day != p.day && (p.day != "" || p.AlwaysDate) {
			lines = append(lines, "-- "+day+" --")
		}
		p.day = day
		lines = append(lines, post.Line(p.Clock))
		for _, d := range post.More {
			lines = append(lines, d.line())
		}
	}
	return lines
}
