package discord

import (
	"context"
	"encoding/json"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// pin is the reaction that puts a message into the timeline.
const pin = "📌"

// toldPrefix begins the scratch notes of rooms that were told about the menu.
const toldPrefix = "discord/told/"

// reacted records a message of a room that a responder marked with 📌.
func (b *Bot) reacted(ctx context.Context, data json.RawMessage) error {
	var r struct {
		User    string `json:"user_id"`
		Channel string `json:"channel_id"`
		Message string `json:"message_id"`
		Emoji   struct {
			Name string `json:"name"`
		} `json:"emoji"`
	}
	if err := json.Unmarshal(data, &r); err != nil || r.Emoji.Name != pin {
		return err
	}
	by, may := b.mayRecord(r.User)
	if !may {
		return nil
	}
	id, err := b.roomAt(ctx, r.Channel)
	if err != nil || id == "" {
		return err
	}
	m, err := b.rest.Message(ctx, r.Channel, r.Message)
	if err != nil {
		return err
	}
	return b.pinned(ctx, id, heardOf(m), by)
}

// mayRecord returns the person behind a Discord user who may put messages into the
// timeline.
func (b *Bot) mayRecord(user string) (people.Actor, bool) {
	p, linked := b.people.ByDiscord(user)
	return p.Actor(), linked && p.Has(people.Responder)
}

// pinned records a message; where its text is hidden from the bot, the room is told
// once how it is done instead.
func (b *Bot) pinned(ctx context.Context, id timeline.ID, h heard, by people.Actor) error {
	if h.text() == "" && !b.readsContent() {
		return b.pointToMenu(ctx, h.Channel)
	}
	_, again, _, err := b.record(ctx, id, h, by, timeline.Ref{})
	if err != nil || again {
		return err
	}
	// The receipt: the bot's own mark beside the person's. Nothing depends on it.
	if err := b.rest.React(ctx, h.Channel, h.ID, pin); err != nil {
		b.log.Debug("a recorded message could not be marked", "error", err)
	}
	return nil
}

// pointToMenu tells a room, once, how a message gets into the timeline without the
// Message Content intent: a menu brings the text along.
func (b *Bot) pointToMenu(ctx context.Context, channel string) error {
	key := toldPrefix + channel
	told := false
	err := b.store.View(ctx, func(v timeline.View) error {
		notes, err := v.Scratch(key)
		_, told = notes[key]
		return err
	})
	if err != nil || told {
		return err
	}
	text := "The bot cannot read messages here, so " + pin + " records nothing. Instead: hold the message (or right-click it) → Apps → **" + render.MenuAdd + "**."
	if _, err := b.rest.CreateMessage(ctx, channel, rest.Message{Content: text, Nonce: "told-" + channel[max(0, len(channel)-20):], EnforceNonce: true}); err != nil {
		return err
	}
	return b.scratch(ctx, timeline.ScratchPut{Key: key, Doc: []byte("{}")})
}
