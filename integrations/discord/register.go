package discord

import (
	"context"
	"errors"
	"time"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
)

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
		if !b.idle(ctx, at) {
			return
		}
	}
}

func (b *Bot) registerOnce(ctx context.Context) error {
	want, err := render.Commands(b.table)
	if err != nil {
		return err
	}
	app, err := b.lookUp(ctx)
	if err != nil {
		return err
	}
	have, err := b.rest.Commands(ctx, app.ID, b.guild)
	if err != nil || render.Same(have, want) {
		return err
	}
	if _, err := b.rest.PutCommands(ctx, app.ID, b.guild, want); err != nil {
		return err
	}
	b.log.Info("commands registered", "count", len(want))
	return nil
}
