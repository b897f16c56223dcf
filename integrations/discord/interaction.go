package discord

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// chat names this chat in the timeline.
const chat = "discord"

// decodeInteraction reads an interaction from outside. One that is only half
// readable is an error: its accessors would panic.
func decodeInteraction(raw []byte) (*discordgo.Interaction, error) {
	i := &discordgo.Interaction{}
	err := json.Unmarshal(raw, i)
	if err != nil {
		*i = discordgo.Interaction{}
		err = json.Unmarshal(rest.KnownComponents(raw), i)
	}
	switch {
	case err != nil:
		return nil, err
	case i.ID == "" || i.Token == "":
		return nil, errors.New("an interaction without id or token")
	case i.Type == discordgo.InteractionPing:
		return i, nil
	case i.Data == nil:
		return nil, errors.New("an interaction of an unknown type, or without data")
	case userOf(i) == nil || userOf(i).ID == "":
		return nil, errors.New("an interaction by nobody")
	}
	return i, nil
}

// userOf is who acted, in a guild or directly; nil when it does not say.
func userOf(i *discordgo.Interaction) *discordgo.User {
	if i.Member != nil && i.Member.User != nil {
		return i.Member.User
	}
	return i.User
}

// nameOf is what people know the user by.
func nameOf(i *discordgo.Interaction) string {
	if i.Member != nil && i.Member.Nick != "" {
		return i.Member.Nick
	}
	return displayName(userOf(i))
}

func displayName(u *discordgo.User) string {
	switch {
	case u == nil:
		return ""
	case u.GlobalName != "":
		return u.GlobalName
	}
	return u.Username
}

// tamed is a name from outside as it may stand in a timeline: one line, short.
func tamed(name string) string { return room.Cut(room.Plain(name), 32) }

// actorOf is the person that a Discord user is linked to, else an unknown actor.
func (b *Bot) actorOf(user, name string) (*people.Person, people.Actor) {
	if p, linked := b.people.ByDiscord(user); linked {
		return &p, p.Actor()
	}
	text := chat + ":" + room.Cut(room.Plain(user), 20)
	if name = tamed(name); name != "" {
		text += " " + name
	}
	return nil, people.Actor{Kind: people.KindUnknown, Name: text}
}

// roomAt is the incident whose room a channel is; "" where it is none.
func (b *Bot) roomAt(ctx context.Context, channel string) (timeline.ID, error) {
	var id timeline.ID
	err := b.store.View(ctx, func(v timeline.View) error {
		p, is, err := room.PlaceAt(v, chat, channel)
		if is {
			id = p.ID
		}
		return err
	})
	return id, err
}

// exchange begins the answer to an interaction; respond nil answers over REST.
func (b *Bot) exchange(i *discordgo.Interaction, respond func(context.Context, rest.Response, []rest.File) error) *exchange {
	u := userOf(i)
	p, actor := b.actorOf(u.ID, nameOf(i))
	x := &exchange{bot: b, i: i, came: b.clock.Now(), began: time.Now(), respond: respond,
		caller: command.Caller{Person: p, Actor: actor, Via: chat},
		log:    b.log.With("interaction", i.ID, "actor", actor.String())}
	if respond == nil {
		x.respond = func(ctx context.Context, r rest.Response, files []rest.File) error {
			return b.rest.InteractionCallback(ctx, i.ID, i.Token, r, files...)
		}
	}
	return x
}

// interact is the one path of all interactions, whichever way they came in. It
// returns when the interaction is answered for good.
func (b *Bot) interact(ctx context.Context, i *discordgo.Interaction, respond func(context.Context, rest.Response, []rest.File) error) {
	x := b.exchange(i, respond)
	if i.GuildID != "" && i.GuildID != b.guild {
		x.answer(ctx, manner{private: true}, func(context.Context) outcome {
			return x.trouble(problem.New(problem.Forbidden, "this bot works for another server"))
		})
		return
	}
	id, err := b.roomAt(ctx, i.ChannelID)
	if err != nil {
		x.log.Error("the room of a channel cannot be read", "error", err)
	}
	x.caller.Room = id
	switch i.Type {
	case discordgo.InteractionApplicationCommand:
		data, ok := i.Data.(discordgo.ApplicationCommandInteractionData)
		switch {
		case ok && data.CommandType == discordgo.MessageApplicationCommand:
			b.menu(ctx, x, data)
		case ok:
			b.slash(ctx, x, data)
		}
	case discordgo.InteractionApplicationCommandAutocomplete:
		if data, ok := i.Data.(discordgo.ApplicationCommandInteractionData); ok {
			b.autocomplete(ctx, x, data)
		}
	case discordgo.InteractionMessageComponent:
		if data, ok := i.Data.(discordgo.MessageComponentInteractionData); ok {
			b.component(ctx, x, data)
		}
	case discordgo.InteractionModalSubmit:
		if data, ok := i.Data.(discordgo.ModalSubmitInteractionData); ok {
			b.submitted(ctx, x, data)
		}
	}
}

// askID makes a repeated delivery count once.
func askID(interaction string) string { return chat + "/" + interaction }

// slash runs a typed command.
func (b *Bot) slash(ctx context.Context, x *exchange, data discordgo.ApplicationCommandInteractionData) {
	path, options := flatten(data)
	ask := command.Ask{Path: path, ID: askID(x.i.ID)}
	for _, o := range options {
		if ask.Options == nil {
			ask.Options = map[string]string{}
		}
		ask.Options[o.Name] = textOf(o.Value)
	}
	x.perform(ctx, ask)
}

// perform runs an Ask and shows its reply as a message of its own.
func (x *exchange) perform(ctx context.Context, ask command.Ask) {
	x.ask = &ask
	x.answer(ctx, manner{private: x.isPrivate(ask)}, func(ctx context.Context) outcome { return x.run(ctx, ask) })
}

// isPrivate reports whether only whoever asks sees the reply: what the command
// says, and in an incident's room the receipts of what the room learns from its posts.
func (x *exchange) isPrivate(ask command.Ask) bool {
	c, err := x.bot.table.Lookup(ask.Path)
	return err != nil || c.Visibility == command.Private || c.Records && x.caller.Room != ""
}

// run asks, and renders what comes back.
func (x *exchange) run(ctx context.Context, ask command.Ask) outcome {
	reply, err := x.bot.runner.Run(ctx, x.caller, ask)
	if err != nil {
		return x.trouble(err)
	}
	o := x.shown(reply)
	if c, err := x.bot.table.Lookup(ask.Path); err == nil {
		o.private = c.Visibility == command.Private
	}
	if x.isPrivate(ask) {
		o.hide()
	}
	return o
}

func (x *exchange) shown(reply command.Reply) outcome {
	messages, files := x.bot.face.Reply(reply)
	if len(messages) == 0 {
		messages = []rest.Message{{Content: "✓"}}
	}
	return outcome{messages: messages, files: files}
}

func (o *outcome) hide() {
	for n := range o.messages {
		o.messages[n].Flags |= rest.Ephemeral
	}
}

// flatten takes the subcommand off.
func flatten(data discordgo.ApplicationCommandInteractionData) (string, []*discordgo.ApplicationCommandInteractionDataOption) {
	path, options := data.Name, data.Options
	for len(options) == 1 && options[0] != nil &&
		(options[0].Type == discordgo.ApplicationCommandOptionSubCommand || options[0].Type == discordgo.ApplicationCommandOptionSubCommandGroup) {
		path += " " + options[0].Name
		options = options[0].Options
	}
	var given []*discordgo.ApplicationCommandInteractionDataOption
	for _, o := range options {
		if o != nil {
			given = append(given, o)
		}
	}
	return path, given
}

// textOf is an option as it would be typed.
func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	return ""
}

// autocomplete proposes values. Nobody is told of errors: an empty list is the
// answer, and the option is checked when it is sent.
func (b *Bot) autocomplete(ctx context.Context, x *exchange, data discordgo.ApplicationCommandInteractionData) {
	path, options := flatten(data)
	x.answer(ctx, manner{never: true}, func(ctx context.Context) outcome {
		choices := &rest.Choices{}
		for _, o := range options {
			if !o.Focused {
				continue
			}
			ctx, cancel := context.WithTimeout(ctx, b.patience.direct)
			defer cancel()
			found, err := b.runner.Complete(ctx, x.caller, path, o.Name, textOf(o.Value))
			if err != nil {
				x.log.Debug("nothing to propose", "error", err)
				break
			}
			for _, p := range found[:min(len(found), 25)] {
				choices.Choices = append(choices.Choices, proposal(p))
			}
		}
		return outcome{choices: choices}
	})
}

// proposal fits a proposal into Discord's 100 characters. A longer value cannot be
// sent whole, and half of it would mean something else: it is shown and not sent.
func proposal(p command.Proposal) *discordgo.ApplicationCommandOptionChoice {
	name := room.Plain(p.Value)
	if p.Help != "" && p.Help != p.Value {
		name += " · " + room.Plain(p.Help)
	}
	if strings.TrimSpace(name) == "" {
		name = "?"
	}
	return &discordgo.ApplicationCommandOptionChoice{Name: room.Cut(name, 100), Value: room.Cut(p.Value, 100)}
}
