package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// What the status commands answer.

func statusAct(label, path string, id timeline.ID, style command.Style, options ...string) command.Action {
	ask := command.Ask{Path: path, Options: map[string]string{"incident": string(id)}}
	for i := 0; i+1 < len(options); i += 2 {
		ask.Options[options[i]] = options[i+1]
	}
	return command.Action{Label: label, Ask: ask, Style: style}
}

// posted answers post and resolve: while nothing says when it really began, with
// the start to backdate to; once it is over, with what ends the incident as well.
func (s status) posted(ctx context.Context, r command.Request, out statuspage.Outcome) (command.Reply, error) {
	reply, n := postedText(r, out), out.Notice
	err := s.desk.View(ctx, func(v timeline.View) error {
		i, err := incident.Get(v, n.Incident)
		if err != nil {
			return err
		}
		if n.Open() && !n.Backdated {
			found, err := s.desk.Evidence(v, n.Incident)
			if err != nil {
				return err
			}
			says, acts := backdateActs(r, n, found)
			if says != "" {
				reply.Text += "\n" + says
			}
			reply.Actions = acts
		}
		if !n.Open() && i.MergedInto == "" {
			reply.Actions = endActs(i)
		}
		return nil
	})
	return reply, err
}

// endActs end an incident of which the public was told that it is over.
func endActs(i incident.Incident) []command.Action {
	switch {
	case i.Open():
		return []command.Action{form(act("Resolve", "incident resolve", i.ID, command.Primary))}
	case i.Status == incident.Resolved:
		return []command.Action{act("Close", "incident close", i.ID, command.Secondary)}
	}
	return nil
}

func postedText(r command.Request, out statuspage.Outcome) command.Reply {
	n, u := out.Notice, out.Notice.Latest()
	var b strings.Builder
	if len(n.Updates) == 1 {
		fmt.Fprintf(&b, "**Status incident created** for %s: %s\n", n.Incident, command.Escape(n.Title))
	} else {
		fmt.Fprintf(&b, "**Status page updated** for %s: %s\n", n.Incident, command.Escape(n.Title))
	}
	fmt.Fprintf(&b, "%s at %s: %s", u.State.Title(), r.FormatTime(u.At), command.Escape(u.Text))
	if list := levelList(n.Components); list != "" {
		b.WriteString("\nComponents: " + list)
	}
	writeNotes(&b, out.Notes)
	return command.Reply{Text: b.String(), Data: n}
}

func backdated(r command.Request, out statuspage.Outcome) command.Reply {
	var b strings.Builder
	n := out.Notice
	if !out.Entry.IsZero() {
		fmt.Fprintf(&b, "**The status page says %s began at %s**; it was posted at %s.", n.Incident, r.FormatTime(n.StartedAt), r.FormatTime(n.CreatedAt))
	}
	writeNotes(&b, out.Notes)
	return command.Reply{Text: strings.TrimPrefix(b.String(), "\n"), Data: n}
}

// proposalData is what --json prints of a proposal.
type proposalData struct {
	Incident  timeline.ID           `json:"incident"`
	StartedAt time.Time             `json:"started_at"` // as the page says now
	Proposed  time.Time             `json:"proposed,omitzero"`
	Evidence  []statuspage.Evidence `json:"evidence"` // the best first
}

// proposal shows what speaks for which start, and asks.
func proposal(r command.Request, n statuspage.Notice, found []statuspage.Evidence) command.Reply {
	found = earlier(n, found)
	data := proposalData{Incident: n.Incident, StartedAt: n.StartedAt, Evidence: found}
	says := fmt.Sprintf("The status page says %s began at %s; it was posted at %s.", n.Incident, r.FormatTime(n.StartedAt), r.FormatTime(n.CreatedAt))
	if len(found) == 0 {
		return command.Reply{Text: says + "\nNothing recorded says when it began. Give a time: `/status backdate at:00:25`", Data: data}
	}
	best := found[0]
	data.Proposed = best.At
	var b strings.Builder
	if settled(n, best) {
		fmt.Fprintf(&b, "%s\nNothing recorded speaks for an earlier start.", says)
	} else {
		fmt.Fprintf(&b, "**Proposed start: %s**: %s.\n%s", r.FormatTime(best.At), command.Escape(best.Why), says)
	}
	if len(found) > 1 || settled(n, best) {
		b.WriteString("\nAll that speaks for a start:")
		for _, e := range found {
			fmt.Fprintf(&b, "\n- %s: %s", r.FormatTime(e.At), command.Escape(e.Why))
			if !e.Entry.IsZero() {
				fmt.Fprintf(&b, " (%s)", command.Escape(e.Entry.String()))
			}
		}
	}
	b.WriteString("\nAnother time: `/status backdate at:00:25`")
	reply := command.Reply{Text: b.String(), Data: data, Confirm: !settled(n, best)}
	for i, e := range found[:min(len(found), 5)] {
		style := command.Secondary
		if i == 0 {
			style = command.Primary
		}
		reply.Actions = append(reply.Actions, backdateTo(r, n.Incident, e, style))
	}
	reply.Actions = append(reply.Actions, statusForm("Another start", "status backdate", n.Incident, command.Secondary))
	return reply
}

// settled reports whether the page already says what the best evidence says, or
// what somebody knew better.
func settled(n statuspage.Notice, best statuspage.Evidence) bool {
	return n.StartedAt.Sub(best.At).Abs() < time.Minute || n.Backdated && n.StartedAt.Before(best.At)
}

// buttonTime is short enough for a button: "00:25 UTC", with seconds where there are any
// and the day where it is not today's.
func buttonTime(t, now time.Time) string {
	layout := "15:04 UTC"
	if t.UTC().Second() != 0 {
		layout = "15:04:05 UTC"
	}
	if t, now = t.UTC(), now.UTC(); t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		layout = "2 Jan " + layout
	}
	return t.Format(layout)
}

func componentSet(r command.Request, out statuspage.Outcome, site statuspage.Site) command.Reply {
	if out.Entry.IsZero() {
		return command.Reply{Text: command.Escape(strings.Join(out.Notes, " ")), Data: site.Components}
	}
	reply := siteShown(r, site)
	for _, c := range site.Components {
		if strings.EqualFold(c.Name, strings.TrimSpace(r.String("name"))) {
			reply.Text = fmt.Sprintf("**%s is %s** on the status page.", command.Escape(c.Name), strings.ToLower(c.Level.Title()))
		}
	}
	reply.Data = site.Components
	return reply
}

// siteShown is the whole page in short.
func siteShown(r command.Request, site statuspage.Site) command.Reply {
	reply := command.Reply{Data: site}
	open := site.Open()
	var b strings.Builder
	switch {
	case len(open) > 0:
		b.WriteString("**The public reads:**")
	case site.Level() == statuspage.Operational:
		b.WriteString("The public reads that all is well.")
	default:
		b.WriteString("No status incident is open.")
	}
	for _, n := range open {
		u := n.Latest()
		fmt.Fprintf(&b, "\n- %s %s, since %s: %s. At %s: %s", n.Incident, strings.ToLower(n.State.Title()), r.FormatTime(n.StartedAt),
			command.Escape(n.Title), r.FormatTime(u.At), command.Escape(u.Text))
	}
	reply.Text = b.String()
	if len(site.Components) > 0 {
		reply.Table = &command.TableData{Headings: []string{"Component", "Level", "Since"}}
		for _, c := range site.Components {
			since := ""
			if !c.Since.IsZero() {
				since = r.FormatTime(c.Since)
			}
			reply.Table.Rows = append(reply.Table.Rows, []string{c.Name, c.Level.Title(), since})
		}
	}
	return reply
}

// noticeData is what --json prints of one notice.
type noticeData struct {
	Notice *statuspage.Notice `json:"notice,omitempty"`
	Pages  []statuspage.Shown `json:"pages,omitempty"`
}

func noticeShown(r command.Request, n statuspage.Notice, pages []statuspage.Shown) command.Reply {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %s, since %s", command.Escape(n.Title), strings.ToLower(n.State.Title()), r.FormatTime(n.StartedAt))
	if n.Backdated {
		fmt.Fprintf(&b, " (backdated; posted at %s)", r.FormatTime(n.CreatedAt))
	}
	if list := levelList(n.Components); list != "" {
		b.WriteString("\nComponents: " + list)
	}
	for _, u := range slices.Backward(n.Updates) {
		fmt.Fprintf(&b, "\n- %s %s: %s", r.FormatTime(u.At), u.State.Title(), command.Escape(u.Text))
		if !u.CorrectedAt.IsZero() {
			fmt.Fprintf(&b, " (corrected at %s)", r.FormatTime(u.CorrectedAt))
		}
	}
	for _, p := range pages {
		switch {
		case p.Waiting > 0:
			fmt.Fprintf(&b, "\n%s: %d of %d updates are not there yet", command.Escape(p.Page), p.Waiting, len(n.Updates))
		case p.URL != "":
			fmt.Fprintf(&b, "\n%s: %s", command.Escape(p.Page), p.URL)
		}
	}
	reply := command.Reply{Text: b.String(), Data: noticeData{&n, pages}}
	if n.Open() {
		reply.Actions = []command.Action{
			statusForm("Post update", "status post", n.Incident, command.Primary),
			statusForm("Backdate", "status backdate", n.Incident, command.Secondary),
			statusForm("Tell that it is over", "status resolve", n.Incident, command.Secondary),
		}
	}
	reply.Actions = append(reply.Actions, statusForm("Correct", "status correct", n.Incident, command.Secondary))
	return reply
}

func writeNotes(b *strings.Builder, notes []string) {
	for _, n := range notes {
		b.WriteString("\n" + command.Escape(n))
	}
}

func levelList(levels map[string]statuspage.Level) string {
	parts := make([]string, 0, len(levels))
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		parts = append(parts, command.Escape(name)+" "+strings.ToLower(levels[name].Title()))
	}
	return strings.Join(parts, ", ")
}

func completeComponents(_ context.Context, v timeline.View, typed string) []string {
	all, err := statuspage.AllComponents(v)
	if err != nil {
		return nil
	}
	var found []string
	for _, c := range all {
		if strings.Contains(strings.ToLower(c.Name), strings.ToLower(strings.TrimSpace(typed))) {
			found = append(found, c.Name)
		}
	}
	return found
}

func completeLevel(_ context.Context, _ timeline.View, typed string) []string {
	var found []string
	for _, l := range statuspage.Levels {
		if strings.HasPrefix(string(l), strings.ToLower(strings.TrimSpace(typed))) {
			found = append(found, string(l))
		}
	}
	return found
}

// completeLevels proposes the end of "Website=down, API=degraded".
func completeLevels(ctx context.Context, v timeline.View, typed string) []string {
	before, last := "", typed
	if i := strings.LastIndex(typed, ","); i >= 0 {
		before, last = typed[:i+1]+" ", typed[i+1:]
	}
	var ends []string
	if name, level, ok := strings.Cut(last, "="); ok {
		for _, l := range completeLevel(ctx, v, level) {
			ends = append(ends, before+strings.TrimSpace(name)+"="+l)
		}
		return ends
	}
	for _, name := range completeComponents(ctx, v, last) {
		ends = append(ends, before+name+"=")
	}
	return ends
}
