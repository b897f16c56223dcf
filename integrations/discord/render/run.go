package render

import (
	"fmt"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/remediation"
	"wardroom/bot/room"
)

// run is a repair in the living message: what it breaks and who is asked for what, or
// how far it is. Like the rest of that message it changes only when something
// happens: durations that go on count up by themselves.
func (r *Renderer) run(l room.LivingRun) *discordgo.MessageEmbed {
	own := fmt.Sprintf("run-%d %s: ", l.ID.Number(), l.Status)
	if l.Status == remediation.Requested {
		own = fmt.Sprintf("run-%d asked for, %s: ", l.ID.Number(), strings.ToUpper(l.Tier.String()))
	}
	e := &discordgo.MessageEmbed{Title: titled(own, l.Title), Color: runColour(l)}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	line := func(text string) string { return safeLine(cut(oneLine(text), maxRunLine)) }
	for _, b := range l.Breaks {
		add("💥 %s", line(b))
	}
	if l.More > 0 {
		add("… and %d more: `/run show run:%s`", l.More, l.ID)
	}
	for _, a := range l.Against {
		add("⚠ %s", line(a))
	}
	if l.Asked != "" {
		add("**%s**", line(l.Asked))
		add("asked for by **%s** %s%s", safeLine(cut(oneLine(l.By), 60)), stamp(l.At, 'R'), alone(l))
	}
	if l.Started {
		lines = append(lines, steps(l)...)
	}
	if waits := l.Waits(); waits != "" {
		add("**%s**", line(capital(waits)))
	}
	for _, left := range l.Left {
		add("Not as it was: %s", line(left))
	}
	e.Description, _ = cutMarkdown(strings.Join(lines, "\n"), maxRunText, "…")
	return e
}

// alone says from when on the asker may go on without a second person.
func alone(l room.LivingRun) string {
	if l.GlassFrom.IsZero() {
		return ""
	}
	return ", alone possible " + stamp(l.GlassFrom, 'R')
}

// steps are the bar and the steps that matter now.
func steps(l room.LivingRun) []string {
	lines := []string{fmt.Sprintf("%s step %d of %d", l.Progress.BarWithin(maxBar), min(l.Progress.Done+1, l.Progress.Total), l.Progress.Total)}
	window, first, before, after := l.Window()
	if before > 0 {
		lines = append(lines, fmt.Sprintf("✓ %d done", before))
	}
	for i, s := range window {
		if current := first+i == l.Progress.Done; current && !l.Since.IsZero() {
			lines = append(lines, "**"+s.Mark+" "+safeLine(cut(oneLine(s.Words), maxRunLine))+"** since "+stamp(l.Since, 'R')+noted(s.Note))
			continue
		}
		lines = append(lines, safeLine(cut(oneLine(s.String()), maxRunLine)))
	}
	if after > 0 {
		lines = append(lines, fmt.Sprintf("· %d more", after))
	}
	return lines
}

// maxBar is how many signs a bar on a phone has on one line.
const maxBar = 14

func noted(note string) string {
	if note == "" {
		return ""
	}
	return ": " + safeLine(cut(oneLine(note), maxRunLine))
}

func runColour(l room.LivingRun) int {
	switch {
	case l.Status == remediation.Asking:
		return red
	case l.Status == remediation.Requested, l.Late, l.Status == remediation.Aborting:
		return orange
	case l.Status.Active():
		return blue
	}
	return yellow
}
