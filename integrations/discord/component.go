package discord

import (
	"context"
	"maps"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// component takes a click or a choice. What it means stands in the custom id alone,
// so it works after any restart; what means nothing any more is answered.
func (b *Bot) component(ctx context.Context, x *exchange, data discordgo.MessageComponentInteractionData) {
	if strings.HasPrefix(data.CustomID, quoteRoute) {
		b.chosenIncident(ctx, x, data)
		return
	}
	route, err := b.face.Route(data.CustomID)
	if err != nil {
		x.refuse(ctx, err)
		return
	}
	ask := route.Ask
	ask.ID = askID(x.i.ID)
	switch route.Act {
	case render.Do:
		x.press(ctx, ask)
	case render.Form:
		x.open(ctx, ask)
	case render.Pick:
		x.pick(ctx, data)
	case render.Type:
		ask.Options = x.answered(ask.Options)
		x.open(ctx, ask)
	case render.Send:
		ask.Options = x.answered(ask.Options)
		x.complete(ctx, ask)
	default:
		x.refuse(ctx, problem.New(problem.Invalid, "this button is none that I know"))
	}
}

// refuse answers what cannot be done and brings the message that offered it up to date.
func (x *exchange) refuse(ctx context.Context, err error) {
	x.answer(ctx, manner{private: true}, func(context.Context) outcome { return x.trouble(x.fault(err)) })
	x.renew("")
}

// renew refreshes the living message of an incident, else that of the room.
func (x *exchange) renew(incident string) {
	id := x.caller.Room
	if named, err := timeline.ParseID(incident); err == nil {
		id = named
	}
	if id.IsIncident() {
		x.bot.refresh(id)
	}
}

// press runs the Ask of a button. A button that offered what no longer can be is
// answered with the reason, and its message is brought up to date.
func (x *exchange) press(ctx context.Context, ask command.Ask) {
	x.ask = &ask
	x.answer(ctx, manner{private: x.isPrivate(ask)}, func(ctx context.Context) outcome {
		reply, err := x.bot.runner.Run(ctx, x.caller, ask)
		if err != nil {
			x.renew(ask.Options["incident"])
			return x.trouble(err)
		}
		return x.told(ask, reply)
	})
}

// told shows a reply to those who may see it.
func (x *exchange) told(ask command.Ask, reply command.Reply) outcome {
	o := x.shown(reply)
	if c, err := x.bot.table.Lookup(ask.Path); err == nil {
		o.private = c.Visibility == command.Private
	}
	if x.isPrivate(ask) {
		o.hide()
	}
	return o
}

// open shows the form of a command: a modal, or a message with selects where
// something is chosen. A modal must be the first answer and cannot be deferred.
func (x *exchange) open(ctx context.Context, ask command.Ask) {
	soon, cancel := context.WithTimeout(ctx, x.bot.patience.direct)
	view, err := x.bot.runner.Form(soon, x.caller, ask)
	cancel()
	if err != nil {
		x.refuse(ctx, err)
		return
	}
	if len(view.Fields) == 0 {
		view.Ask.ID = ask.ID
		x.complete(ctx, view.Ask)
		return
	}
	x.answer(ctx, manner{never: true}, func(context.Context) outcome {
		modal, message, err := x.bot.face.Form(view)
		switch {
		case err != nil:
			return x.trouble(x.fault(err))
		case modal != nil:
			return outcome{modal: modal}
		}
		message.Flags |= rest.Ephemeral
		return outcome{messages: []rest.Message{message}, update: x.onForm()}
	})
}

// onForm reports whether the click was on a form message: one that only this person
// sees. Living messages are everybody's, and never replaced by an answer.
func (x *exchange) onForm() bool {
	return x.i.Message != nil && x.i.Message.Flags&discordgo.MessageFlagsEphemeral != 0
}

// pick notes what was chosen in the message itself, where it is found again after
// a restart.
func (x *exchange) pick(ctx context.Context, data discordgo.MessageComponentInteractionData) {
	x.answer(ctx, manner{private: true, update: true}, func(context.Context) outcome {
		m := x.i.Message
		if m == nil {
			return x.trouble(problem.New(problem.Invalid, "Discord did not send the form along").WithHint("open it again"))
		}
		for _, menu := range selects(m) {
			if menu.CustomID == data.CustomID {
				choose(menu, data.Values)
			}
		}
		return outcome{update: true, messages: []rest.Message{{Content: m.Content, Embeds: m.Embeds, Components: m.Components}}}
	})
}

// selects are the select menus of a message.
func selects(m *discordgo.Message) []*discordgo.SelectMenu {
	var found []*discordgo.SelectMenu
	for _, c := range m.Components {
		row, ok := c.(*discordgo.ActionsRow)
		if !ok {
			continue
		}
		for _, c := range row.Components {
			if menu, ok := c.(*discordgo.SelectMenu); ok {
				found = append(found, menu)
			}
		}
	}
	return found
}

func choose(menu *discordgo.SelectMenu, values []string) {
	for n := range menu.Options {
		menu.Options[n].Default = false
		for _, v := range values {
			if menu.Options[n].Value == v {
				menu.Options[n].Default = true
			}
		}
	}
}

// answered are options, with what was chosen in the form message.
func (x *exchange) answered(options map[string]string) map[string]string {
	all := maps.Clone(options)
	if all == nil {
		all = map[string]string{}
	}
	if x.i.Message == nil {
		return all
	}
	for _, menu := range selects(x.i.Message) {
		route, err := x.bot.face.Route(menu.CustomID)
		if err != nil || route.Act != render.Pick {
			continue
		}
		var chosen []string
		for _, o := range menu.Options {
			if o.Default {
				chosen = append(chosen, o.Value)
			}
		}
		if len(chosen) > 0 {
			all[route.Field] = strings.Join(chosen, ",")
		}
	}
	return all
}

// submitted takes the answers of a modal.
func (b *Bot) submitted(ctx context.Context, x *exchange, data discordgo.ModalSubmitInteractionData) {
	route, err := b.face.Route(data.CustomID)
	if err != nil || route.Act != render.Send {
		if err == nil {
			err = problem.New(problem.Invalid, "this form is none that I know")
		}
		x.refuse(ctx, err)
		return
	}
	ask := route.Ask
	ask.ID = askID(x.i.ID)
	ask.Options = maps.Clone(ask.Options)
	if ask.Options == nil {
		ask.Options = map[string]string{}
	}
	for name, value := range typed(data.Components) {
		if value = strings.TrimSpace(value); value == "" {
			delete(ask.Options, name) // what was emptied shall not be sent
			continue
		}
		ask.Options[name] = value
	}
	x.complete(ctx, ask)
}

// typed are the texts of a modal, by the custom id of the input: the option's name.
func typed(components []discordgo.MessageComponent) map[string]string {
	texts := map[string]string{}
	for _, c := range components {
		row, ok := c.(*discordgo.ActionsRow)
		if !ok {
			continue
		}
		for _, c := range row.Components {
			if input, ok := c.(*discordgo.TextInput); ok {
				texts[input.CustomID] = input.Value
			}
		}
	}
	return texts
}

// complete runs a finished form. What was refused can be put right: the form opens
// again with what was answered.
func (x *exchange) complete(ctx context.Context, ask command.Ask) {
	x.ask = &ask
	private := x.isPrivate(ask)
	x.answer(ctx, manner{private: private, update: private && x.onForm()}, func(ctx context.Context) outcome {
		reply, err := x.bot.runner.Run(ctx, x.caller, ask)
		if err == nil {
			o := x.told(ask, reply)
			o.update = private && x.onForm()
			return o
		}
		x.renew(ask.Options["incident"])
		o := x.trouble(err)
		o.update = private && x.onForm()
		if problem.Is(err, problem.Invalid) || problem.Is(err, problem.Conflict) {
			o.messages[0].Components = x.again(ask)
		}
		return o
	})
}

// again is the button that opens a form once more, filled with what was answered.
func (x *exchange) again(ask command.Ask) []discordgo.MessageComponent {
	ask.ID = ""
	messages, _ := x.bot.face.Reply(command.Reply{Text: "·", Actions: []command.Action{{Label: "Change it", Style: command.Primary, Ask: ask, Form: true}}})
	if len(messages) == 0 {
		return nil
	}
	return messages[0].Components
}
