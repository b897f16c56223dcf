package render

import (
	"fmt"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
)

// buttons lays actions out in rows, at most 25 of them. What no button can carry
// comes back as lines that say what to type. Two actions that ask the same become
// one button: Discord refuses a message that holds a custom id twice.
func (r *Renderer) buttons(actions []command.Action) (rows []discordgo.MessageComponent, typed []string) {
	return r.buttonsBut(map[string]bool{}, actions)
}

// buttonsBut leaves out those whose custom ids were seen, and adds its own to them.
func (r *Renderer) buttonsBut(seen map[string]bool, actions []command.Action) (rows []discordgo.MessageComponent, typed []string) {
	var all []discordgo.MessageComponent
	for _, a := range actions {
		act := Do
		if a.Form {
			act = Form
		}
		id, err := r.customID(Route{Act: act, Ask: command.Ask{Path: a.Ask.Path, Options: a.Ask.Options, Args: a.Ask.Args}})
		switch {
		case err != nil || len(all) == maxRows*maxRowButtons:
			if err != nil {
				r.Log.Warn("an action became a line to type", "command", a.Ask.Path, "error", err)
			}
			if line := r.typed(a); line != "" {
				typed = append(typed, line)
			}
		case !seen[id]:
			seen[id] = true
			all = append(all, discordgo.Button{Label: label(a), Style: style(a.Style), CustomID: id})
		}
	}
	for len(all) > 0 {
		n := min(len(all), maxRowButtons)
		rows = append(rows, discordgo.ActionsRow{Components: all[:n]})
		all = all[n:]
	}
	return rows, typed
}

// typed is an action as it is typed: "Backdate: `/status backdate at:00:25`".
func (r *Renderer) typed(a command.Action) string {
	line := "/" + a.Ask.Path
	if r.Table != nil {
		line = r.Table.Line(a.Ask)
	}
	return fmt.Sprintf("%s: %s", safeLine(label(a)), command.Code(cut(oneLine(line), 300)))
}

func label(a command.Action) string {
	if l := plain(a.Label, maxButtonLabel); strings.TrimSpace(l) != "" {
		return l
	}
	return plain("/"+a.Ask.Path, maxButtonLabel)
}

func style(s command.Style) discordgo.ButtonStyle {
	switch s {
	case command.Primary:
		return discordgo.PrimaryButton
	case command.Danger:
		return discordgo.DangerButton
	}
	return discordgo.SecondaryButton
}
