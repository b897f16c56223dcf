package render

import (
	"maps"
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/integrations/discord/rest"
)

// ReadPick notes in a form message what was chosen in one of its selects, and
// returns the message as it reads then. An Invalid problem comes back for a select
// or a value that the message does not have.
func ReadPick(m *discordgo.Message, data discordgo.MessageComponentInteractionData) (rest.Message, error) {
	if m == nil {
		return rest.Message{}, errRoute
	}
	out := rest.Message{Content: m.Content, Embeds: m.Embeds}
	found := false
	for _, c := range m.Components {
		row, ok := rowOf(c)
		if !ok {
			continue
		}
		next := discordgo.ActionsRow{Components: slices.Clone(row.Components)}
		for i, c := range row.Components {
			menu, ok := menuOf(c)
			if !ok || menu.CustomID != data.CustomID {
				continue
			}
			if err := mark(&menu, data.Values); err != nil {
				return rest.Message{}, err
			}
			next.Components[i], found = menu, true
		}
		out.Components = append(out.Components, next)
	}
	if !found {
		return rest.Message{}, errRoute
	}
	return out, nil
}

func mark(menu *discordgo.SelectMenu, values []string) error {
	if len(values) > max(menu.MaxValues, 1) {
		return errRoute
	}
	menu.Options = slices.Clone(menu.Options)
	known := 0
	for i := range menu.Options {
		menu.Options[i].Default = slices.Contains(values, menu.Options[i].Value)
		if menu.Options[i].Default {
			known++
		}
	}
	if known != len(values) {
		return errRoute
	}
	return nil
}

// ReadForm completes the Ask of a route, that of the button which was pressed, by
// what is chosen in the form message that the button stands in.
func ReadForm(m *discordgo.Message, route Route) command.Ask {
	ask := route.Ask
	ask.Options = maps.Clone(ask.Options)
	if m == nil {
		return ask
	}
	for _, c := range m.Components {
		row, ok := rowOf(c)
		if !ok {
			continue
		}
		for _, c := range row.Components {
			menu, ok := menuOf(c)
			if !ok {
				continue
			}
			pick, err := ParseRoute(menu.CustomID)
			if err != nil || pick.Act != Pick || pick.Ask.Path != ask.Path {
				continue
			}
			var values []string
			for _, o := range menu.Options {
				if o.Default {
					values = append(values, o.Value)
				}
			}
			put(&ask, pick.Field, strings.Join(values, ","))
		}
	}
	return ask
}

// ReadModal completes the Ask of a route, that of the modal which was sent, by what
// was typed. What was emptied is as if it had never been said.
func ReadModal(data discordgo.ModalSubmitInteractionData, route Route) (command.Ask, error) {
	ask := route.Ask
	ask.Options = maps.Clone(ask.Options)
	for _, c := range data.Components {
		row, ok := rowOf(c)
		if !ok {
			continue
		}
		for _, c := range row.Components {
			in, ok := inputOf(c)
			if !ok {
				continue
			}
			if !wordShape.MatchString(in.CustomID) {
				return command.Ask{}, errRoute
			}
			if len(in.Value) > command.MaxLine {
				return command.Ask{}, problem.New(problem.TooLarge, "%s is longer than a request may be", in.CustomID)
			}
			put(&ask, in.CustomID, in.Value)
		}
	}
	return ask, nil
}

func put(ask *command.Ask, option, value string) {
	if strings.TrimSpace(value) == "" {
		delete(ask.Options, option)
		return
	}
	if ask.Options == nil {
		ask.Options = map[string]string{}
	}
	ask.Options[option] = value
}

// Components come as pointers when they were decoded and as values when made here.

func rowOf(c discordgo.MessageComponent) (discordgo.ActionsRow, bool) {
	switch row := c.(type) {
	case discordgo.ActionsRow:
		return row, true
	case *discordgo.ActionsRow:
		if row != nil {
			return *row, true
		}
	}
	return discordgo.ActionsRow{}, false
}

func menuOf(c discordgo.MessageComponent) (discordgo.SelectMenu, bool) {
	switch menu := c.(type) {
	case discordgo.SelectMenu:
		return menu, true
	case *discordgo.SelectMenu:
		if menu != nil {
			return *menu, true
		}
	}
	return discordgo.SelectMenu{}, false
}

func inputOf(c discordgo.MessageComponent) (discordgo.TextInput, bool) {
	switch in := c.(type) {
	case discordgo.TextInput:
		return in, true
	case *discordgo.TextInput:
		if in != nil {
			return *in, true
		}
	}
	return discordgo.TextInput{}, false
}
