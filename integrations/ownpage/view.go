package ownpage

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// historyDays is how many days the front page shows.
const historyDays = 14

// icons by level, the best first: a tick, a spanner's nut, a wave, a half, a cross.
var icons = []string{
	"M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18zM8 12.3l2.7 2.7L16 9.4",
	"M12 3l7.8 4.5v9L12 21l-7.8-4.5v-9zM12 9a3 3 0 1 0 0 6a3 3 0 0 0 0-6z",
	"M12 3.5L22 20.5H2zM12 10v4.5M12 17.3v.2",
	"M12 3l9 9l-9 9l-9-9zM12 8v5M12 15.8v.2",
	"M8 3h8l5 5v8l-5 5H8l-5-5V8zM9 9l6 6M15 9l-6 6",
}

func levelOf(l statuspage.Level) level {
	i := max(slices.Index(statuspage.Levels, l), 0)
	return level{Text: l.Title(), Class: fmt.Sprintf("l%d", i), Tint: fmt.Sprintf("b%d", i), Icon: icons[i]}
}

// noticeLevel colours an incident: at least degraded while it is open, and the
// best once it is over.
func noticeLevel(n statuspage.Notice) level {
	if !n.Open() {
		return levelOf(statuspage.Operational)
	}
	return levelOf(statuspage.Degraded.Worse(n.Level()))
}

// view makes pages of one site as of one day.
type view struct {
	*Options
	site  statuspage.Site
	today time.Time // midnight UTC
	links links
}

func (v view) frame(head string) frame {
	f := frame{
		Head: head, Site: v.Title, CSP: policy, Style: template.CSS(style), Icon: template.URL(icon),
		Self: v.links.home(), Feed: v.links.feed(), JSON: v.links.json(),
	}
	if !v.links.front {
		f.Home = v.links.home()
	}
	if v.Zone != nil {
		if name, offset := v.today.In(v.Zone).Zone(); offset != 0 {
			f.Zone = fmt.Sprintf("%s (%s)", v.Zone, name)
		}
	}
	if !v.site.UpdatedAt.IsZero() {
		m := v.moment(v.site.UpdatedAt, true)
		f.Updated = &m
	}
	return f
}

// moment says a time in UTC, then in the team's zone.
func (v view) moment(t time.Time, date bool) moment {
	layout := "15:04"
	if date {
		layout = "2 January 2006, 15:04"
	}
	u := t.UTC()
	m := moment{Machine: u.Format(time.RFC3339), Text: u.Format(layout + " UTC")}
	if v.Zone == nil {
		return m
	}
	local := t.In(v.Zone)
	if _, offset := local.Zone(); offset == 0 {
		return m
	}
	there := "15:04 MST"
	if local.Format(time.DateOnly) != u.Format(time.DateOnly) {
		there = "2 January, 15:04 MST"
	}
	m.Text += " (" + local.Format(there) + ")"
	return m
}

func (v view) index() indexPage {
	p := indexPage{frame: v.frame(v.Title), Level: levelOf(v.site.Level()), Months: v.months("")}
	open := v.site.Open()
	p.Summary, p.Detail = summary(v.site, open)
	for _, n := range open {
		p.Open = append(p.Open, v.incident(n))
	}
	p.Groups = v.groups()
	p.Past, p.Days = historyDays, v.history()
	return p
}

// history is the days that the front page shows, the newest first. Days on end
// without an incident are one line, so that what happened stands out.
func (v view) history() []dayView {
	var days []dayView
	quiet := 0 // days on end before this one
	flush := func(day time.Time) {
		switch from, to := day.AddDate(0, 0, 1), day.AddDate(0, 0, quiet); {
		case quiet == 0:
		case quiet == 1:
			days = append(days, dayView{Date: to.Format(dayLayout)})
		case from.Month() == to.Month():
			days = append(days, dayView{Date: from.Format("2") + " – " + to.Format("2 January 2006")})
		case from.Year() == to.Year():
			days = append(days, dayView{Date: from.Format("2 January") + " – " + to.Format("2 January 2006")})
		default:
			days = append(days, dayView{Date: from.Format("2 January 2006") + " – " + to.Format("2 January 2006")})
		}
		quiet = 0
	}
	for i := range historyDays {
		day := v.today.AddDate(0, 0, -i)
		d := v.day(day)
		d.Incidents = append(d.Incidents, v.wentOn(day)...)
		if len(d.Incidents) == 0 {
			quiet++
			continue
		}
		flush(day)
		days = append(days, d)
	}
	flush(v.today.AddDate(0, 0, -historyDays))
	return days
}

func summary(s statuspage.Site, open []statuspage.Notice) (title, detail string) {
	var bad []string
	for _, c := range s.Components {
		if c.Level != statuspage.Operational {
			bad = append(bad, c.Name)
		}
	}
	switch l := s.Level(); {
	case l == statuspage.Operational:
		title = "All systems operational"
	case len(bad) == 0:
		title = "We are working on an incident"
	default:
		title = l.Title()
	}
	switch {
	case len(bad) == 1:
		detail = bad[0] + " is affected."
	case len(bad) > 1 && len(bad) == len(s.Components):
		detail = "All components are affected."
	case len(bad) > 1:
		detail = fmt.Sprintf("%s and %s are affected.", strings.Join(bad[:len(bad)-1], ", "), bad[len(bad)-1])
	case len(open) > 0:
		detail = open[0].Title
	default:
		detail = "No incident is open."
	}
	return title, detail
}

func (v view) incident(n statuspage.Notice) incidentView {
	i := incidentView{
		ID: string(n.Incident), Title: n.Title, State: n.State.Title(), Link: v.links.incident(n.Incident),
		Level: noticeLevel(n), Started: v.moment(n.StartedAt, true), Took: took(n), Parts: partList(n),
	}
	if n.Backdated {
		m := v.moment(n.CreatedAt, true)
		i.Posted = &m
	}
	if !n.Open() {
		m := v.moment(n.ResolvedAt, true)
		i.Ended = &m
	}
	for _, u := range slices.Backward(n.Updates) {
		i.Updates = append(i.Updates, v.update(u))
	}
	return i
}

func (v view) update(u statuspage.Update) update {
	out := update{Anchor: anchor(u), State: u.State.Title(), At: v.moment(u.At, true), Text: paragraphs(u.Text)}
	if u.PostedAt.Sub(u.At).Abs() >= time.Minute && !v.links.front {
		m := v.moment(u.PostedAt, true)
		out.Posted = &m
	}
	if !u.CorrectedAt.IsZero() {
		m := v.moment(u.CorrectedAt, !midnight(u.CorrectedAt).Equal(midnight(u.At)))
		out.Corrected = &m
	}
	return out
}

func anchor(u statuspage.Update) string { return fmt.Sprintf("u%d", u.Entry.Seq) }

func partList(n statuspage.Notice) string {
	names := slices.Sorted(maps.Keys(n.Components))
	return strings.Join(names, ", ")
}

func took(n statuspage.Notice) string {
	if n.Open() {
		return ""
	}
	return length(n.ResolvedAt.Sub(n.StartedAt))
}

// length is a duration as people say it.
func length(d time.Duration) string {
	m := int(max(d, 0).Round(time.Minute).Minutes())
	switch {
	case m < 1:
		return "less than a minute"
	case m < 60:
		return plural(m, "minute")
	case m < 24*60 && m%60 == 0:
		return plural(m/60, "hour")
	case m < 24*60:
		return plural(m/60, "hour") + " " + plural(m%60, "minute")
	case m%(24*60) < 60:
		return plural(m/(24*60), "day")
	}
	return plural(m/(24*60), "day") + " " + plural(m%(24*60)/60, "hour")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// paragraphs splits a text at empty lines, and each part into its lines.
func paragraphs(text string) [][]string {
	var all [][]string
	var current []string
	for line := range strings.Lines(text + "\n") {
		if line = strings.TrimSpace(line); line != "" {
			current = append(current, line)
			continue
		}
		if len(current) > 0 {
			all, current = append(all, current), nil
		}
	}
	if len(current) > 0 {
		all = append(all, current)
	}
	return all
}

// groups gathers the components by group, in the order in which the groups come first.
func (v view) groups() []partGroup {
	var groups []partGroup
	for _, c := range v.site.Components {
		i := slices.IndexFunc(groups, func(g partGroup) bool { return g.Name == c.Group })
		if i < 0 {
			groups = append(groups, partGroup{Name: c.Group})
			i = len(groups) - 1
		}
		groups[i].Parts = append(groups[i].Parts, part{
			Name: c.Name, Description: c.Description, Level: levelOf(c.Level), Strip: stripOf(c, v.site.Since, v.today),
		})
	}
	// Those of no group come first: under another group's heading they would seem its own.
	slices.SortStableFunc(groups, func(a, b partGroup) int {
		switch {
		case a.Name == "" && b.Name != "":
			return -1
		case a.Name != "" && b.Name == "":
			return 1
		}
		return 0
	})
	return groups
}

func (v view) day(day time.Time) dayView {
	d := dayView{Date: day.Format(dayLayout)}
	for _, n := range v.site.Notices {
		if midnight(n.StartedAt).Equal(day) {
			i := v.incident(n)
			i.Started = v.moment(n.StartedAt, false)
			d.Incidents = append(d.Incidents, i)
		}
	}
	return d
}

// wentOn are the incidents that had begun before a day and were not over when it began.
func (v view) wentOn(day time.Time) (all []incidentView) {
	for _, n := range v.site.Notices {
		over := !n.Open() && !n.ResolvedAt.After(day)
		if n.StartedAt.Before(day) && !over {
			all = append(all, v.incident(n))
		}
	}
	return all
}

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

const (
	dayLayout   = "Monday, 2 January 2006"
	monthLayout = "2006-01" // in addresses
)

// months lists the months that have incidents, the newest first.
func (v view) months(here string) []monthLink {
	var all []monthLink
	for _, n := range v.site.Notices { // the latest start first
		m := n.StartedAt.UTC().Format(monthLayout)
		link := v.links.month(m)
		if len(all) > 0 && all[len(all)-1].Link == link {
			continue
		}
		all = append(all, monthLink{Name: n.StartedAt.UTC().Format("January 2006"), Link: link, Here: m == here})
	}
	return all
}

func (v view) month(m string) (monthPage, bool) {
	first, err := time.Parse(monthLayout, m)
	if err != nil || first.Format(monthLayout) != m {
		return monthPage{}, false
	}
	p := monthPage{Name: first.Format("January 2006"), Months: v.months(m)}
	p.frame = v.frame(p.Name + " – " + v.Title)
	for day := first.AddDate(0, 1, -1); !day.Before(first); day = day.AddDate(0, 0, -1) {
		if d := v.day(day); len(d.Incidents) > 0 {
			p.Days = append(p.Days, d)
			p.Count += len(d.Incidents)
		}
	}
	return p, p.Count > 0
}

func (v view) one(id timeline.ID) (incidentPage, bool) {
	n, found := v.site.Find(id)
	if !found {
		return incidentPage{}, false
	}
	return incidentPage{frame: v.frame(n.Title + " – " + v.Title), Incident: v.incident(n)}, true
}
