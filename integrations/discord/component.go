package discord

import (
	"context"
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
	route, err := b.render.Route(data.CustomID)
	if err != nil {
		x.refuse(ctx, err)
		return
	}
	ask := route.Ask
	ask.ID = askID(x.i.ID)
	switch route.Act {
	case render.Do:
		x.perform(ctx, ask)
	case render.Form:
		x.open(ctx, ask)
	case render.Pick:
		x.pick(ctx, data)
	case render.Type:
		ask = render.ReadForm(x.i.Message, route)
		ask.ID = askID(x.i.ID)
		x.next(ctx, ask)
	case render.Send:
		ask = render.ReadForm(x.i.Message, route)
		ask.ID = askID(x.i.ID)
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

// open shows the form of a command: a modal, or a message with selects where
// something is chosen. A modal must be the first answer and cannot be deferred.
func (x *exchange) open(ctx context.Context, ask command.Ask) {
	view, err := x.view(ctx, ask)
	switch {
	case err != nil:
		x.refuse(ctx, err)
	case len(view.Fields) == 0:
		view.Ask.ID = ask.ID
		x.complete(ctx, view.Ask)
	default:
		x.answer(ctx, manner{never: true}, func(context.Context) outcome {
			modal, message, err := x.bot.render.Form(view)
			switch {
			case err != nil:
				return x.trouble(x.fault(err))
			case modal != nil:
				return outcome{modal: modal}
			}
			return outcome{messages: []rest.Message{message}}
		})
	}
}

func (x *exchange) view(ctx context.Context, ask command.Ask) (command.FormView, error) {
	ctx, cancel := context.WithTimeout(ctx, x.bot.patience.direct)
	defer cancel()
	return x.bot.runner.Form(ctx, x.caller, ask)
}

// next opens the modal of a form message, once all that must be chosen is.
func (x *exchange) next(ctx context.Context, ask command.Ask) {
	view, err := x.view(ctx, ask)
	if err != nil {
		x.refuse(ctx, err)
		return
	}
	for _, f := range view.Fields {
		if f.Option.Required && !f.Typed() {
			x.refuse(ctx, problem.New(problem.Invalid, "choose first: %s", f.Label))
			return
		}
	}
	modal, err := x.bot.render.Modal(view)
	switch {
	case err != nil:
		x.refuse(ctx, err)
	case modal == nil:
		x.complete(ctx, ask)
	default:
		x.answer(ctx, manner{never: true}, func(context.Context) outcome { return outcome{modal: modal} })
	}
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
		m, err := render.ReadPick(x.i.Message, data)
		if err != nil {
			return x.trouble(x.fault(err))
		}
		return outcome{update: true, messages: []rest.Message{m}}
	})
}

// submitted takes the answers of a modal.
func (b *Bot) submitted(ctx context.Context, x *exchange, data discordgo.ModalSubmitInteractionData) {
	route, err := b.render.Route(data.CustomID)
	if err != nil || route.Act != render.Send {
		if err == nil {
			err = problem.New(problem.Invalid, "this form is none that I know")
		}
		x.refuse(ctx, err)
		return
	}
	ask, err := render.ReadModal(data, route)
	if err != nil {
		x.refuse(ctx, err)
		return
	}
	ask.ID = askID(x.i.ID)
	x.complete(ctx, ask)
}

// complete runs a finished form. What was refused can be put right: the form opens
// again with what was answered.
func (x *exchange) complete(ctx context.Context, ask command.Ask) {
	x.ask = &ask
	if x.caller.Room == "" {
		x.after = func(ctx context.Context, o outcome) { x.leadIn(ctx, ask, o) }
	}
	private := x.isPrivate(ask)
	x.answer(ctx, manner{private: private, update: private && x.onForm()}, func(ctx context.Context) outcome {
		reply, err := x.bot.runner.Run(ctx, x.caller, ask)
		if err == nil {
			o := x.told(ask, reply)
			o.update = private && x.onForm()
			return o
		}
		x.renew(ask.Options["incident"])
		var acts []command.Action
		if problem.Is(err, problem.Invalid) || problem.Is(err, problem.Conflict) {
			again := ask
			again.ID = ""
			acts = []command.Action{{Label: "Change it", Style: command.Primary, Ask: again, Form: true}}
		}
		o := x.trouble(err, acts...)
		o.update = private && x.onForm()
		return o
	})
}
