package commands

import (
	"context"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/timeline"
)

// Help is `/help`: what the caller may ask for, from the table itself. table is
// called when somebody asks, because the table holds this command too.
func Help(table func() *command.Table) []command.Command {
	h := help{table}
	return []command.Command{{
		Path:       "help",
		Summary:    "Say what you can ask for, and how",
		Examples:   []string{"/help", "/help command:incident declare"},
		Visibility: command.Private,
		Options: []command.Option{
			{Name: "command", Help: "The command or group to say more about", Type: command.String, Positional: true, Complete: h.complete},
		},
		Handle: h.handle,
	}}
}

type help struct{ table func() *command.Table }

func (h help) handle(_ context.Context, r command.Request) (command.Reply, error) {
	t := h.table()
	path := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(r.String("command")), "/"))
	if path == "" {
		return t.Help(r.Caller.Person), nil
	}
	if g, is := t.Group(path); is && len(g.Commands) > 1 {
		return t.HelpGroup(g, r.Caller.Person), nil
	}
	c, err := t.Lookup(path)
	if err != nil {
		return command.Reply{}, err
	}
	return c.Help(), nil
}

func (h help) complete(_ context.Context, _ timeline.View, typed string) []string {
	typed = strings.ToLower(strings.TrimPrefix(typed, "/"))
	var begins, holds []string
	for _, c := range h.table().Commands() {
		switch {
		case strings.HasPrefix(c.Path, typed):
			begins = append(begins, c.Path)
		case strings.Contains(c.Path, typed):
			holds = append(holds, c.Path)
		}
	}
	return append(begins, holds...)
}
