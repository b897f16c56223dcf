package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// Limits of answering an interaction:
// https://discord.com/developers/docs/interactions/receiving-and-responding
const (
	ackLimit   = 3 * time.Second  // until the first answer
	tokenLimit = 15 * time.Minute // while the first answer can be edited
	tokenSpare = 30 * time.Second // the token is no longer relied on this long before its end

	noteLimit = 500 * time.Millisecond // of the three seconds, for noting that an answer is owed
)

// patience is how long an interaction waits: for the first answer in the sockets'
// time, since Discord's three seconds pass for everybody; then on the clock.
type patience struct {
	direct time.Duration // for the work, before the answer is deferred
	ack    time.Duration // for the first answer to arrive
	again  time.Duration // between attempts to deliver what was deferred
	give   time.Duration // how long such attempts go on
}

var usualPatience = patience{direct: 1500 * time.Millisecond, ack: 2900 * time.Millisecond, again: 5 * time.Second, give: 20 * time.Minute}

// outcome is what an interaction is answered with; one of its parts is set.
type outcome struct {
	messages []rest.Message
	files    []rest.File
	modal    *rest.Modal   // must be the first answer
	choices  *rest.Choices // of an autocompletion
	update   bool          // messages[0] replaces the message that was clicked
	private  bool          // nobody else may read it, wherever it ends up
}

// manner is how an interaction is deferred when its work takes long.
type manner struct {
	private bool // the answer is for whoever asked alone
	update  bool // the message that was clicked is what changes
	// never: autocompletion and modals cannot be deferred; the work must be quick.
	never bool
}

// exchange is one interaction being answered, whichever way it came in.
type exchange struct {
	bot    *Bot
	i      *discordgo.Interaction
	caller command.Caller
	came   time.Time // on the clock
	began  time.Time // on the machine's: what Discord's three seconds are counted in
	log    *slog.Logger
	// ask is what is being done; kept when the answer is deferred so that a restart
	// can tell what came of it. nil for what must not be done again.
	ask *command.Ask
	// after adds to an answer that everybody sees once it is given; may be nil.
	after func(ctx context.Context, o outcome)
	// respond gives the first answer: over REST, or as the body of a webhook's answer.
	respond func(ctx context.Context, r rest.Response, files []rest.File) error
}

// answer does the work and answers within three seconds, whatever the work takes:
// directly when it is quick, else deferred and edited later. It returns once the
// answer is delivered, or cannot be.
func (x *exchange) answer(ctx context.Context, how manner, work func(context.Context) outcome) {
	done := make(chan outcome, 1)
	x.bot.tasks.Go(func() { done <- x.contained(ctx, work) })
	limit := x.bot.patience.direct
	if how.never {
		limit = x.bot.patience.ack
	}
	timer := time.NewTimer(limit - time.Since(x.began))
	defer timer.Stop()
	select {
	case o := <-done:
		x.first(ctx, o)
		return
	case <-timer.C:
	}
	if how.never {
		x.log.Warn("an answer that cannot be deferred came too late")
		return
	}
	// Noted first: whoever dies right after the promise still keeps it.
	soon, cancel := context.WithTimeout(ctx, noteLimit)
	noted := x.remember(soon)
	cancel()
	acked := x.deferred(ctx, how)
	if errors.Is(acked, errElsewhere) {
		x.forget(ctx)
		return // another delivery of the same interaction is being answered
	}
	if noted != nil && ctx.Err() == nil {
		noted = x.remember(ctx)
	}
	if noted != nil {
		x.log.Warn("an owed answer could not be noted", "error", noted)
	}
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
		return // stopping; what is remembered is answered after the restart
	}
	x.later(ctx, o, known(acked))
}

// contained turns a panic into an answer.
func (x *exchange) contained(ctx context.Context, work func(context.Context) outcome) (o outcome) {
	defer func() {
		if why := recover(); why != nil {
			x.log.Error("panic while answering", "panic", fmt.Sprint(why), "stack", stack())
			o = x.trouble(&command.Fault{ID: x.i.ID, Err: errors.New("panic")})
		}
	}()
	return work(ctx)
}

// trouble shows an error to whoever asked, and nobody else, with what may help.
func (x *exchange) trouble(err error, acts ...command.Action) outcome {
	m := x.bot.render.Problem(err)
	m.Flags |= rest.Ephemeral
	if len(acts) > 0 {
		if with, _ := x.bot.render.Reply(command.Reply{Actions: acts}); len(with) > 0 {
			m.Components = with[len(with)-1].Components
		}
	}
	return outcome{messages: []rest.Message{m}, private: true}
}

// errElsewhere: somebody else has given the first answer.
var errElsewhere = errors.New("answered elsewhere")

// first gives an outcome as the first answer, and what is left as followups.
func (x *exchange) first(ctx context.Context, o outcome) {
	err := x.send(ctx, o.response(), o.filesOf(0))
	switch {
	case err == nil:
		x.followups(ctx, o, 1)
		x.afterwards(ctx, o)
	case errors.Is(err, errElsewhere):
	case o.modal != nil || o.choices != nil:
		x.log.Warn("an answer did not arrive", "error", err)
	default:
		x.later(ctx, o, known(err))
	}
}

// known reports whether Discord may know the interaction although the first answer
// failed with err. Making the first answer into the same again does no harm.
func known(err error) bool { return rest.CodeOf(err) != rest.UnknownInteraction }

// filesOf are the files of the nth message: all belong to the last one.
func (o outcome) filesOf(n int) []rest.File {
	if n == len(o.messages)-1 {
		return o.files
	}
	return nil
}

func (o outcome) response() rest.Response {
	switch {
	case o.modal != nil:
		return rest.Response{Type: discordgo.InteractionResponseModal, Data: *o.modal}
	case o.choices != nil:
		return rest.Response{Type: discordgo.InteractionApplicationCommandAutocompleteResult, Data: *o.choices}
	case len(o.messages) == 0:
		return rest.Response{Type: discordgo.InteractionResponseDeferredMessageUpdate}
	case o.update:
		return rest.Response{Type: discordgo.InteractionResponseUpdateMessage, Data: o.messages[0].Replacing()}
	}
	return rest.Response{Type: discordgo.InteractionResponseChannelMessageWithSource, Data: o.messages[0]}
}

// deferred tells Discord that an answer follows.
func (x *exchange) deferred(ctx context.Context, how manner) error {
	r := rest.Response{Type: discordgo.InteractionResponseDeferredChannelMessageWithSource}
	switch {
	case how.update:
		r.Type = discordgo.InteractionResponseDeferredMessageUpdate
	case how.private:
		r.Data = struct {
			Flags int `json:"flags"`
		}{rest.Ephemeral}
	}
	return x.send(ctx, r, nil)
}

// send gives the first answer within what is left of the three seconds.
func (x *exchange) send(ctx context.Context, r rest.Response, files []rest.File) error {
	ctx, cancel := context.WithTimeout(ctx, max(x.bot.patience.ack-time.Since(x.began), 100*time.Millisecond))
	defer cancel()
	err := x.respond(ctx, r, files)
	if rest.CodeOf(err) == rest.AlreadyAcknowledged {
		return errElsewhere
	}
	if err != nil {
		x.log.Warn("the first answer did not arrive in time", "error", err)
	}
	return err
}

// later delivers an outcome after the first answer: by editing it while the token
// is good, else as a message of its own. It tries again while Discord is away.
func (x *exchange) later(ctx context.Context, o outcome, acked bool) {
	if len(o.messages) == 0 {
		x.forget(ctx)
		return
	}
	until := x.bot.clock.Now().Add(x.bot.patience.give)
	for {
		err := x.deliver(ctx, o, acked)
		if err == nil || !passing(err) {
			if err != nil {
				x.log.Error("an answer could not be delivered", "error", err)
			}
			x.forget(ctx)
			return
		}
		now := x.bot.clock.Now()
		if now.After(until) {
			x.log.Error("an answer could not be delivered for too long", "error", err)
			return
		}
		at := now.Add(x.bot.patience.again)
		if later, ok := errors.AsType[*timeline.Later](err); ok && later.At.After(at) {
			at = later.At
		}
		if !x.bot.idle(ctx, at) {
			return
		}
	}
}

// passing reports whether err may be gone at the next attempt.
func passing(err error) bool {
	if _, later := errors.AsType[*timeline.Later](err); later {
		return true
	}
	return problem.Is(err, problem.Unavailable) && !errors.Is(err, rest.ErrAmbiguous)
}

func (x *exchange) deliver(ctx context.Context, o outcome, acked bool) error {
	if acked && x.bot.clock.Now().Sub(x.came) < tokenLimit-tokenSpare {
		_, err := x.bot.rest.EditOriginal(ctx, x.app(), x.i.Token, o.messages[0], o.filesOf(0)...)
		if err == nil {
			x.followups(ctx, o, 1)
			x.forget(ctx)
			x.afterwards(ctx, o)
			return nil
		}
		if !problem.Is(err, problem.NotFound) && !problem.Is(err, problem.Unauthentic) && !problem.Is(err, problem.Forbidden) {
			return err
		}
	}
	return x.besides(ctx, o)
}

func (x *exchange) afterwards(ctx context.Context, o outcome) {
	if x.after != nil && len(o.messages) > 0 && !o.private {
		x.after(ctx, o)
	}
}

// besides posts an outcome where the interaction came from, mentioning nobody; what
// is private goes to whoever asked, directly. Where neither is possible the other
// is tried, without what is private.
func (x *exchange) besides(ctx context.Context, o outcome) error {
	if o.private {
		err := x.direct(ctx, o)
		if err == nil || passing(err) {
			return err
		}
		x.log.Info("a private answer cannot be delivered directly", "error", err)
		note := rest.Message{Content: "The answer to " + x.what() + " took longer than Discord waits and is not for everybody to read: ask again."}
		_, err = x.bot.rest.CreateMessage(ctx, x.i.ChannelID, note)
		return err
	}
	err := x.post(ctx, x.i.ChannelID, o)
	if err == nil || passing(err) {
		return err
	}
	x.log.Info("an answer cannot be posted to the channel it was asked for in", "error", err)
	return x.direct(ctx, o)
}

func (x *exchange) post(ctx context.Context, channel string, o outcome) error {
	for n, m := range o.messages {
		m.Flags &^= rest.Ephemeral
		m.AllowedMentions = rest.AllowedMentions{}
		m.Nonce, m.EnforceNonce = fmt.Sprintf("%.20s-%d", x.i.ID, n), true
		if n == 0 {
			m.Content = clipped("To "+x.what()+" by "+command.Escape(x.caller.Actor.Display())+":\n", m.Content)
		}
		if _, err := x.bot.rest.CreateMessage(ctx, channel, m, o.filesOf(n)...); err != nil {
			return err
		}
	}
	return nil
}

// clipped puts a line before content where both fit into a message.
func clipped(line, content string) string {
	if len([]rune(line+content)) > 2000 {
		return content
	}
	return line + content
}

// direct posts an outcome to whoever asked.
func (x *exchange) direct(ctx context.Context, o outcome) error {
	var channel struct {
		ID string `json:"id"`
	}
	call := rest.Call{Method: "POST", Path: "/users/@me/channels", Body: map[string]string{"recipient_id": userOf(x.i).ID}, Out: &channel, Repeatable: true}
	if err := x.bot.rest.Do(ctx, call); err != nil {
		return err
	}
	return x.post(ctx, channel.ID, o)
}

// followups posts what did not fit into the first message.
func (x *exchange) followups(ctx context.Context, o outcome, from int) {
	for n := from; n < len(o.messages); n++ {
		if _, err := x.bot.rest.Followup(ctx, x.app(), x.i.Token, o.messages[n], o.filesOf(n)...); err != nil {
			x.log.Warn("a part of an answer did not arrive", "part", n+1, "error", err)
			return
		}
	}
}

func (x *exchange) app() string {
	if x.i.AppID != "" {
		return x.i.AppID
	}
	return x.bot.application()
}

// what names the request for people: "/incident ack".
func (x *exchange) what() string {
	if x.ask == nil {
		return "your request"
	}
	return command.Code("/" + x.ask.Path)
}
