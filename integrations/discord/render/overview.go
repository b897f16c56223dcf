package render

import (
	"fmt"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/room"
	"wardroom/integrations/discord/rest"
)

// Overview renders incidents, one line each in the order given, as one message.
// What does not fit is counted.
func (r *Renderer) Overview(lines []room.OverviewLine) []rest.Message {
	e := &discordgo.MessageEmbed{Title: "No incident is open", Description: "All is quiet.", Color: green}
	open := 0
	for _, l := range lines {
		if l.Until.IsZero() {
			open++
		}
	}
	switch {
	case open == 1:
		e.Title = "1 incident is open"
	case open > 1:
		e.Title = fmt.Sprintf("%d incidents are open", open)
	}
	if len(lines) > 0 {
		e.Color = standing(lines[0].Severity, lines[0].Status, false)
		e.Description = r.overviewLines(lines)
	}
	return []rest.Message{{Embeds: []*discordgo.MessageEmbed{e}}}
}

func (r *Renderer) overviewLines(lines []room.OverviewLine) string {
	const spared = 80 // for what says how many are left out
	var b strings.Builder
	units := 0
	for i, l := range lines {
		line := r.overviewLine(l)
		if units+Units(line)+1 > maxEmbedDescription-spared {
			fmt.Fprintf(&b, "\n**and %d more**: `/incident list`", len(lines)-i)
			break
		}
		if i > 0 {
			line = "\n" + line
		}
		b.WriteString(line)
		units += Units(line)
	}
	return b.String()
}

// overviewLine is "**SEV2** #inc-0001-… identified · joe leads · 2 of 3 firing · 5 minutes ago".
func (r *Renderer) overviewLine(l room.OverviewLine) string {
	where := "**" + string(l.ID) + "**"
	if channel := l.Place.Channel; snowflake(channel) {
		where += " <#" + channel + ">"
	} else if channel := r.Room(l.ID); snowflake(channel) {
		where += " <#" + channel + ">"
	}
	who := "**nobody is on it**"
	switch {
	case l.Lead != "" && l.NeedsAck:
		who = safeLine(l.Lead) + " leads, **not acknowledged**"
	case l.Lead != "":
		who = safeLine(l.Lead) + " leads"
	case l.OnIt != "":
		who = safeLine(l.OnIt) + " is on it"
	case !l.NeedsAck:
		who = ""
	}
	how := string(l.Status)
	if !l.Until.IsZero() {
		how, l.Since = "**"+how+"**, to be closed", l.Until
	}
	if l.Park != "" {
		how = safeLine(cut(oneLine(l.Park), 80))
	}
	parts := []string{fmt.Sprintf("**%s** %s %s", l.Severity, where, how), command.Escape(cut(oneLine(l.Title), 80))}
	if who != "" {
		parts = append(parts, who)
	}
	if l.Alerts.Total > 0 && l.Until.IsZero() {
		parts = append(parts, fmt.Sprintf("%d of %d firing", l.Alerts.Firing, l.Alerts.Total))
	}
	if !l.Since.IsZero() {
		parts = append(parts, stamp(l.Since, 'R'))
	}
	return strings.Join(parts, " · ")
}
