package discord

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/timeline"
)

// pendingPrefix begins the scratch notes of answers that were promised to Discord
// ("thinking …") and not given yet.
const pendingPrefix = "discord/answer/"

// pending is a promised answer.
type pending struct {
	Interaction string      `json:"interaction"`
	Application string      `json:"application"`
	Token       string      `json:"token"` // good for 15 minutes, for this answer alone
	Channel     string      `json:"channel"`
	User        string      `json:"user"`
	Name        string      `json:"name"`
	Came        time.Time   `json:"came"`
	Ask         command.Ask `json:"ask"`
}

// remember notes that an answer is owed, so that a restart between the click and
// the answer is not the end of it.
func (x *exchange) remember(ctx context.Context) error {
	if x.ask == nil {
		return nil
	}
	u := userOf(x.i)
	doc, err := json.Marshal(pending{x.i.ID, x.app(), x.i.Token, x.i.ChannelID, u.ID, nameOf(x.i), x.came, *x.ask})
	if err != nil {
		return err
	}
	return x.bot.scratch(ctx, timeline.ScratchPut{Key: pendingPrefix + x.i.ID, Doc: doc})
}

func (x *exchange) forget(ctx context.Context) {
	if x.ask == nil {
		return
	}
	if err := x.bot.scratch(ctx, timeline.ScratchPut{Key: pendingPrefix + x.i.ID}); err != nil {
		x.log.Warn("an owed answer is still noted", "error", err)
	}
}

// settle answers what an earlier process promised. A request that was recorded is
// not done again: the stages of bot/command say what came of it.
func (b *Bot) settle(ctx context.Context) {
	var notes map[string][]byte
	err := b.store.View(ctx, func(v timeline.View) (err error) {
		notes, err = v.Scratch(pendingPrefix)
		return err
	})
	if err != nil {
		b.log.Error("owed answers cannot be read", "error", err)
		return
	}
	for key, doc := range notes {
		var p pending
		if json.Unmarshal(doc, &p) != nil || p.Interaction != strings.TrimPrefix(key, pendingPrefix) {
			_ = b.scratch(ctx, timeline.ScratchPut{Key: key}) // of no use to anybody; tried again at the next start
			continue
		}
		b.task("owed answer", func() { b.owed(ctx, p) })
	}
}

func (b *Bot) owed(ctx context.Context, p pending) {
	i := &discordgo.Interaction{ID: p.Interaction, AppID: p.Application, Token: p.Token, ChannelID: p.Channel,
		GuildID: b.guild, User: &discordgo.User{ID: p.User, Username: p.Name}}
	x := b.exchange(i, nil)
	x.came, x.ask = p.Came, &p.Ask
	if id, err := b.roomAt(ctx, p.Channel); err == nil {
		x.caller.Room = id
	}
	o := x.contained(ctx, func(ctx context.Context) outcome { return x.run(ctx, p.Ask) })
	if ctx.Err() == nil {
		x.later(ctx, o, true)
	}
}
