package discord

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// menuName is the entry in a message's menu, under Apps.
const menuName = "Add to timeline"

// declared is a command as it is registered: what is ours to say and nothing that
// Discord adds. https://discord.com/developers/docs/interactions/application-commands
type declared struct {
	Type        int              `json:"type"`
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"` // none on a menu
	Options     []declaredOption `json:"options,omitempty"`
}

type declaredOption struct {
	Type         int              `json:"type"`
	Name         string           `json:"name"`
	Description  string           `json:"description"`
	Required     bool             `json:"required,omitempty"`
	Autocomplete bool             `json:"autocomplete,omitempty"`
	Choices      []declaredChoice `json:"choices,omitempty"`
	Options      []declaredOption `json:"options,omitempty"`
}

type declaredChoice struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// declare makes Discord's commands of the table, and the menu.
func declare(t *command.Table) []declared {
	var all []declared
	for _, g := range t.Groups() {
		d := declared{Type: int(discordgo.ChatApplicationCommand), Name: g.Name, Description: room.Cut(g.Summary, 100)}
		for _, c := range g.Commands {
			if c.Path == g.Name {
				d.Options = declareOptions(c)
				continue
			}
			d.Options = append(d.Options, declaredOption{Type: int(discordgo.ApplicationCommandOptionSubCommand),
				Name: c.Act(), Description: room.Cut(c.Summary, 100), Options: declareOptions(c)})
		}
		all = append(all, d)
	}
	return append(all, declared{Type: int(discordgo.MessageApplicationCommand), Name: menuName})
}

func declareOptions(c *command.Command) []declaredOption {
	var all []declaredOption
	for _, o := range c.Options {
		d := declaredOption{Type: int(discordgo.ApplicationCommandOptionString), Name: o.Name, Description: room.Cut(o.Help, 100), Required: o.Required}
		switch o.Type {
		case command.Int:
			d.Type = int(discordgo.ApplicationCommandOptionInteger)
		case command.Bool:
			d.Type = int(discordgo.ApplicationCommandOptionBoolean)
		case command.Choice:
			if o.Complete == nil {
				for _, choice := range o.Choices {
					d.Choices = append(d.Choices, declaredChoice{choice, choice})
				}
			}
		}
		d.Autocomplete = d.Type == int(discordgo.ApplicationCommandOptionString) &&
			(o.Complete != nil || o.Type == command.Person || o.Type == command.Incident)
		all = append(all, d)
	}
	return all
}

// registered reads back what stands at Discord, in the same words.
func registered(list []*discordgo.ApplicationCommand) ([]declared, error) {
	var all []declared
	raw, err := json.Marshal(list)
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	return all, err
}

// same reports whether two sets of commands are the same, in whatever order.
func same(a, b []declared) bool {
	texts := func(list []declared) map[string]bool {
		set := map[string]bool{}
		for _, d := range list {
			if raw, err := json.Marshal(d); err == nil {
				set[string(raw)] = true
			}
		}
		return set
	}
	x, y := texts(a), texts(b)
	if len(x) != len(y) || len(a) != len(b) {
		return false
	}
	for text := range x {
		if !y[text] {
			return false
		}
	}
	return true
}

// registrationRetry is how long after a failure it is tried again.
const registrationRetry = 2 * time.Minute

// register brings the guild's commands up to date, and tries again until it can or
// a newer connection does. Equal ones are left alone: each creation counts against
// 200 a day, and people's clients load the list anew.
func (b *Bot) register(ctx context.Context) {
	select {
	case b.once <- struct{}{}:
		defer func() { <-b.once }()
	default:
		return // it is being tried
	}
	for {
		err := b.registerOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		b.log.Warn("the commands could not be registered", "error", err, "next_attempt_in", registrationRetry)
		at := b.clock.Now().Add(registrationRetry)
		if later, ok := errors.AsType[*timeline.Later](err); ok && later.At.After(at) {
			at = later.At
		}
		b.inFlight.Add(-1) // it waits for the clock: nobody shall wait for it
		waited := b.session.wait(ctx, at)
		b.inFlight.Add(1)
		if !waited {
			return
		}
	}
}

func (b *Bot) registerOnce(ctx context.Context) error {
	want := declare(b.table)
	app, err := b.lookUp(ctx)
	if err != nil {
		return err
	}
	list, err := b.rest.Commands(ctx, app.ID, b.guild)
	if err != nil {
		return err
	}
	have, err := registered(list)
	if err != nil || same(want, have) {
		return err
	}
	if _, err := b.rest.PutCommands(ctx, app.ID, b.guild, want); err != nil {
		return err
	}
	b.log.Info("commands registered", "count", len(want))
	return nil
}
