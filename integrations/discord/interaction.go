package discord

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
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
	ask := render.AskOf(data)
	ask.ID = askID(x.i.ID)
	x.perform(ctx, ask)
}

// perform runs an Ask and shows its reply as a message of its own. A button that
// offered what no longer can be is answered with the reason, and the message that
// offered it is brought up to date.
func (x *exchange) perform(ctx context.Context, ask command.Ask) {
	x.ask = &ask
	if x.caller.Room == "" {
		x.after = func(ctx context.Context, o outcome) { x.leadIn(ctx, ask, o) }
	}
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
		if x.i.Type == discordgo.InteractionMessageComponent {
			x.renew(ask.Options["incident"])
		}
		return x.trouble(err)
	}
	return x.told(ask, reply)
}

// told shows a reply to those who may see it.
func (x *exchange) told(ask command.Ask, reply command.Reply) outcome {
	var o outcome
	o.messages, o.files = x.bot.render.Reply(reply)
	if len(o.messages) == 0 {
		o.messages = []rest.Message{{Content: "✓"}}
	}
	if c, err := x.bot.table.Lookup(ask.Path); err == nil {
		o.private = c.Visibility == command.Private
	}
	if x.isPrivate(ask) {
		o.hide()
	}
	return o
}

func (o *outcome) hide() {
	for n := range o.messages {
		o.messages[n].Flags |= rest.Ephemeral
	}
}

// autocomplete proposes values. Nobody is told of errors: an empty list is the
// answer, and the option is checked when it is sent.
func (b *Bot) autocomplete(ctx context.Context, x *exchange, data discordgo.ApplicationCommandInteractionData) {
	x.answer(ctx, manner{never: true}, func(ctx context.Context) outcome {
		choices := render.Choices(nil)
		if path, option, typed, ok := render.Focused(data); ok {
			ctx, cancel := context.WithTimeout(ctx, b.patience.direct)
			defer cancel()
			found, err := b.runner.Complete(ctx, x.caller, path, option, typed)
			if err != nil {
				x.log.Debug("nothing to propose", "error", err)
			} else {
				choices = render.Choices(found)
			}
		}
		return outcome{choices: &choices}
	})
}
