package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/integrations/discord/rest"
)

// MenuAdd is the entry of a message's menu that records the message.
const MenuAdd = "Add to timeline"

// Commands declares the table as a guild's commands: a group is a command with
// subcommands, a single word is a command of its own; and the message menu. Everybody
// sees them: who may ask for what is decided when they ask. It fails on a table that
// Discord would refuse.
func Commands(t *command.Table) ([]*discordgo.ApplicationCommand, error) {
	var out []*discordgo.ApplicationCommand
	for _, g := range t.Groups() {
		c := &discordgo.ApplicationCommand{Type: discordgo.ChatApplicationCommand, Name: g.Name, Description: plain(g.Summary, maxCommandText)}
		for _, one := range g.Commands {
			if one.Path == g.Name {
				c.Options = declared(one.Options)
				continue
			}
			c.Options = append(c.Options, &discordgo.ApplicationCommandOption{
				Type: discordgo.ApplicationCommandOptionSubCommand, Name: one.Act(),
				Description: plain(one.Summary, maxCommandText), Options: declared(one.Options),
			})
		}
		if n := size(c.Name, c.Description, c.Options); n > maxCommandTotal {
			return nil, fmt.Errorf("/%s has %d characters of names and help, more than the %d that Discord takes", g.Name, n, maxCommandTotal)
		}
		out = append(out, c)
	}
	if len(out) > maxCommands {
		return nil, fmt.Errorf("%d commands are more than the %d that Discord shows", len(out), maxCommands)
	}
	return append(out, &discordgo.ApplicationCommand{Type: discordgo.MessageApplicationCommand, Name: MenuAdd}), nil
}

func declared(options []command.Option) []*discordgo.ApplicationCommandOption {
	var out []*discordgo.ApplicationCommandOption
	for _, o := range options {
		d := &discordgo.ApplicationCommandOption{Type: optionType(o.Type), Name: o.Name, Description: plain(o.Help, maxCommandText), Required: o.Required}
		if d.Type == discordgo.ApplicationCommandOptionString {
			switch {
			case o.Type == command.Choice && o.Complete == nil && len(o.Choices) <= maxChoices && !o.Many:
				for _, c := range o.Choices {
					d.Choices = append(d.Choices, &discordgo.ApplicationCommandOptionChoice{Name: c, Value: c})
				}
			case o.Complete != nil || o.Type == command.Incident || o.Type == command.Person || o.Type == command.Choice:
				d.Autocomplete = true
			}
		}
		out = append(out, d)
	}
	return out
}

// optionType: what a person may write in several ways is a text, as times are; the
// stages of a request read it. A person is one too: Discord would offer everybody
// in the guild.
func optionType(t command.Type) discordgo.ApplicationCommandOptionType {
	switch t {
	case command.Int:
		return discordgo.ApplicationCommandOptionInteger
	case command.Bool:
		return discordgo.ApplicationCommandOptionBoolean
	}
	return discordgo.ApplicationCommandOptionString
}

// size is what Discord adds up over a command: names, descriptions and values.
func size(name, description string, options []*discordgo.ApplicationCommandOption) int {
	n := Units(name) + Units(description)
	for _, o := range options {
		n += size(o.Name, o.Description, o.Options)
		for _, c := range o.Choices {
			n += Units(c.Name) + Units(fmt.Sprint(c.Value))
		}
	}
	return n
}

// Same reports whether the commands that a guild has are those wanted. Ids,
// versions and what Discord fills in do not count, nor does the order of commands;
// the order of options is what people see.
func Same(existing, wanted []*discordgo.ApplicationCommand) bool {
	if len(existing) != len(wanted) {
		return false
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(existing, func(e *discordgo.ApplicationCommand) bool {
			return kindOf(e) == kindOf(w) && e.Name == w.Name && e.Description == w.Description &&
				permissions(e) == permissions(w) && sameOptions(e.Options, w.Options)
		}) {
			return false
		}
	}
	return true
}

func kindOf(c *discordgo.ApplicationCommand) discordgo.ApplicationCommandType {
	return max(c.Type, discordgo.ChatApplicationCommand) // left out: a chat command
}

// permissions is who sees the command without being allowed it one by one: -1 for everybody.
func permissions(c *discordgo.ApplicationCommand) int64 {
	if c.DefaultMemberPermissions == nil {
		return -1
	}
	return *c.DefaultMemberPermissions
}

func sameOptions(a, b []*discordgo.ApplicationCommandOption) bool {
	return slices.EqualFunc(a, b, func(a, b *discordgo.ApplicationCommandOption) bool {
		return a.Type == b.Type && a.Name == b.Name && a.Description == b.Description && a.Required == b.Required &&
			a.Autocomplete == b.Autocomplete && sameOptions(a.Options, b.Options) &&
			slices.EqualFunc(a.Choices, b.Choices, func(a, b *discordgo.ApplicationCommandOptionChoice) bool {
				return a.Name == b.Name && fmt.Sprint(a.Value) == fmt.Sprint(b.Value)
			})
	})
}

// AskOf reads what was asked with a slash command. The caller adds its id.
func AskOf(data discordgo.ApplicationCommandInteractionData) command.Ask {
	ask := command.Ask{Path: data.Name}
	for _, o := range given(data, &ask.Path) {
		put(&ask, o.Name, valueOf(o))
	}
	return ask
}

// Focused reads which option of which command somebody is typing, and what; ok is
// false when there is none.
func Focused(data discordgo.ApplicationCommandInteractionData) (path, option, typed string, ok bool) {
	path = data.Name
	for _, o := range given(data, &path) {
		if o.Focused {
			return path, o.Name, valueOf(o), true
		}
	}
	return path, "", "", false
}

// given are the options that carry values; the words of the path are added to it.
func given(data discordgo.ApplicationCommandInteractionData, path *string) []*discordgo.ApplicationCommandInteractionDataOption {
	options := data.Options
	for range 2 { // a subcommand, or one of a group
		if len(options) == 0 || options[0] == nil || options[0].Type != discordgo.ApplicationCommandOptionSubCommand && options[0].Type != discordgo.ApplicationCommandOptionSubCommandGroup {
			break
		}
		*path += " " + options[0].Name
		options = options[0].Options
	}
	return slices.DeleteFunc(slices.Clone(options), func(o *discordgo.ApplicationCommandInteractionDataOption) bool { return o == nil })
}

// valueOf is the text that the stages of a request read. Numbers come as floats.
func valueOf(o *discordgo.ApplicationCommandInteractionDataOption) string {
	switch v := o.Value.(type) {
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case nil:
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(o.Value))
}

// Choices renders what an option may be completed to. A value that Discord cannot
// carry is left out: cut it would be another one.
func Choices(found []command.Proposal) rest.Choices {
	out := rest.Choices{Choices: []*discordgo.ApplicationCommandOptionChoice{}}
	for _, p := range found {
		says := plain(p.Value, maxCommandText)
		if help := oneLine(p.Help); help != "" {
			says = cut(says+": "+help, maxCommandText)
		}
		if says == "" || p.Value == "" || Units(p.Value) > maxCommandText || oneLine(p.Value) != p.Value || len(out.Choices) == maxChoices {
			continue
		}
		out.Choices = append(out.Choices, &discordgo.ApplicationCommandOptionChoice{Name: says, Value: p.Value})
	}
	return out
}
