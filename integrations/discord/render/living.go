package render

import (
	"fmt"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// maxLivingActs is one row: a second one would push the text off a phone's screen.
// A repair has one of its own, above.
const maxLivingActs = maxRowButtons

// Living renders the message at the top of a room: how things stand, what works,
// what can be done next. It changes only when what it says changes: ages count up
// by themselves.
func (r *Renderer) Living(l room.Living, works []room.Working) rest.Message {
	e := &discordgo.MessageEmbed{
		Title:  titled(fmt.Sprintf("%s %s: ", l.ID, l.Severity), l.Title),
		Color:  standing(l.Severity, l.Status, l.MergedInto != ""),
		Footer: &discordgo.MessageEmbedFooter{Text: r.began(l)},
	}
	var lines []string
	if l.MergedInto != "" {
		lines = []string{fmt.Sprintf("**Goes on in %s**%s", l.MergedInto, r.link(l.MergedInto))}
	} else {
		lines = append(lines, state(l), crew(l))
		if l.Park != "" {
			lines = append(lines, safeLine(l.Park))
		}
		lines = append(lines, alerts(l), "Public: "+r.public(l))
		if line := r.working(works); line != "" {
			lines = append(lines, line)
		}
	}
	runs := l.Runs[:min(len(l.Runs), room.MaxRuns)]
	if l.MoreRuns > 0 {
		lines = append(lines, fmt.Sprintf("and %d more repairs: `/run list`", l.MoreRuns))
	}
	rows, typed := r.livingButtons(runs, l.Acts)
	most := maxEmbedDescription
	if len(runs) > 0 {
		most = maxBesideRuns
	}
	e.Description, _ = cutMarkdown(strings.Join(append(lines, typed...), "\n"), most, "…")
	m := rest.Message{Embeds: []*discordgo.MessageEmbed{e}, Components: rows}
	for _, run := range runs {
		m.Embeds = append(m.Embeds, r.run(run))
	}
	return m
}

// livingButtons are a row for each repair and one for the incident. An act that two
// of them offer stands in the first.
func (r *Renderer) livingButtons(runs []room.LivingRun, acts []command.Action) (rows []discordgo.MessageComponent, typed []string) {
	seen := map[string]bool{}
	add := func(acts []command.Action) {
		more, lines := r.buttonsBut(seen, acts[:min(len(acts), maxLivingActs)])
		rows, typed = append(rows, more...), append(typed, lines...)
	}
	for _, run := range runs {
		add(run.Acts)
	}
	add(acts)
	return rows, typed
}

// titled is an embed's title: our own words, then outside text.
func titled(own, outside string) string {
	title, _ := cutMarkdown(own+command.Escape(squeeze(oneLine(outside))), maxEmbedTitle, "…")
	return title
}

func (r *Renderer) began(l room.Living) string {
	foot := "began " + r.clock.Full(l.StartedAt)
	if _, offset := l.StartedAt.In(r.zone()).Zone(); offset != 0 {
		foot += " (" + utc.Beside(l.StartedAt, l.StartedAt) + ")"
	}
	return string(l.ID) + " · " + foot
}

func state(l room.Living) string {
	line := "**" + capital(string(l.Status)) + "**"
	if l.Until.IsZero() {
		return line + ", began " + stamp(l.StartedAt, 'R')
	}
	return line + " " + stamp(l.Until, 'R') + ", after " + command.FormatDuration(l.Age)
}

func crew(l room.Living) string {
	nobody := "**Nobody has acknowledged it**"
	if l.Reopened {
		nobody += " since it was reopened"
	}
	on := safeLine(l.AcknowledgedBy)
	open := l.Until.IsZero() && l.Status != incident.Resolved && l.Status != incident.Closed
	switch {
	case l.Lead != "" && !open:
		return "**" + safeLine(l.Lead) + "** led"
	case l.Lead != "" && l.Lead == l.AcknowledgedBy:
		return "**" + safeLine(l.Lead) + "** leads, since " + stamp(l.AcknowledgedAt, 't') + " on it"
	case l.Lead != "" && l.AcknowledgedBy != "":
		return "**" + safeLine(l.Lead) + "** leads, **" + on + "** is on it since " + stamp(l.AcknowledgedAt, 't')
	case l.Lead != "":
		return "**" + safeLine(l.Lead) + "** leads. " + nobody
	case l.AcknowledgedBy != "" && open:
		return "Nobody leads, **" + on + "** is on it since " + stamp(l.AcknowledgedAt, 't')
	case l.AcknowledgedBy != "":
		return "**" + on + "** was on it"
	case !open:
		return "Nobody acknowledged it"
	}
	return nobody
}

// alerts is "Alerts: **2 of 3** firing" with their names.
func alerts(l room.Living) string {
	if l.Alerts.Total == 0 {
		return "Alerts: none"
	}
	names := make([]string, len(l.AlertNames))
	for i, n := range l.AlertNames {
		names[i] = safeLine(cut(oneLine(n), 60))
	}
	line := fmt.Sprintf("Alerts: **%d of %d** firing", l.Alerts.Firing, l.Alerts.Total)
	if l.Alerts.Firing == 0 {
		line = fmt.Sprintf("Alerts: none of %d fires", l.Alerts.Total)
	}
	if len(names) > 0 {
		line += ": " + strings.Join(names, ", ")
	}
	if l.MoreNames > 0 {
		line += fmt.Sprintf(" and %d more", l.MoreNames)
	}
	return line
}

func (r *Renderer) public(l room.Living) string {
	if l.Notice == nil {
		return "**nothing posted**"
	}
	return safeLine(l.StatusLine(r.Zone))
}

// working is "Discord ✓ · cluster ✓ · **Linode ✗ 503** since 00:50: no recycle".
func (r *Renderer) working(works []room.Working) string {
	parts := make([]string, len(works))
	for i, w := range works {
		name := safeLine(cut(oneLine(w.Name), 30))
		if w.OK {
			parts[i] = name + " ✓"
			continue
		}
		part := strings.TrimSpace(name + " ✗ " + safeLine(cut(oneLine(w.Why), 120)))
		parts[i] = "**" + part + "**"
		if !w.Since.IsZero() {
			parts[i] += " since " + stamp(w.Since, 't')
		}
		if w.Means != "" {
			parts[i] += ": " + safeLine(cut(oneLine(w.Means), 120))
		}
	}
	line, _ := cutMarkdown(strings.Join(parts, " · "), 1000, "…")
	return line
}

// link is " → #inc-0002-…" where the incident has a room, "" where it has none.
func (r *Renderer) link(id timeline.ID) string {
	if channel := r.Room(id); snowflake(channel) {
		return " → <#" + channel + ">"
	}
	return ""
}
