package discord

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/room"
	"wardroom/bot/watch"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// Checks try everything that the bot depends on at Discord. They change nothing.
// The connection itself is only looked at where the bot runs.
func (b *Bot) Checks() []watch.Check {
	return []watch.Check{
		{Name: "discord token", Try: b.checkToken},
		{Name: "discord server", Try: b.checkGuild},
		{Name: "discord intents", Try: b.checkIntents},
		{Name: "discord commands", Try: b.checkCommands},
		{Name: "discord connection", Try: b.checkConnection},
	}
}

func (b *Bot) checkToken(ctx context.Context) (watch.Finding, error) {
	me, err := b.rest.Me(ctx)
	if err != nil {
		return watch.Finding{}, err
	}
	app, err := b.lookUp(ctx)
	if err != nil {
		return watch.Finding{}, err
	}
	text := fmt.Sprintf("it is that of %s (application %s)", room.Plain(me.Username), app.ID)
	if app.BotPublic {
		return watch.Warn("%s, which anybody may invite", text).
			WithHint("switch off Public Bot at %s (your application, Installation and Bot)", portal), nil
	}
	return watch.Fine("%s", text), nil
}

func (b *Bot) checkIntents(ctx context.Context) (watch.Finding, error) {
	app, err := b.lookUp(ctx)
	if err != nil {
		return watch.Finding{}, err
	}
	if app.Flags&(rest.MessageContent|rest.MessageContentLimited) == 0 {
		return watch.Warn("Message Content is not granted: 📌 records nothing, edits of recorded messages are not seen").
			WithHint("switch on Message Content Intent at %s (your application, Bot, Privileged Gateway Intents); the message menu %q works without", portal, render.MenuAdd), nil
	}
	return watch.Fine("Message Content is granted"), nil
}

func (b *Bot) checkCommands(ctx context.Context) (watch.Finding, error) {
	app, err := b.lookUp(ctx)
	if err != nil {
		return watch.Finding{}, err
	}
	have, err := b.rest.Commands(ctx, app.ID, b.guild)
	if err != nil {
		return watch.Finding{}, err
	}
	want, err := render.Commands(b.table)
	if err != nil {
		return watch.Finding{}, err
	}
	if !render.Same(have, want) {
		return watch.Warn("%d commands are registered in the server, and they are not these %d", len(have), len(want)).
			WithHint("`wardroom serve` registers them when it connects; when it runs, its log says why it could not"), nil
	}
	return watch.Fine("%d commands are registered", len(have)), nil
}

func (b *Bot) checkConnection(context.Context) (watch.Finding, error) {
	select {
	case <-b.alive:
	default:
		return watch.Fine("not looked at: the bot does not run in this process"), nil
	}
	switch w := b.Working(); {
	case !w.OK:
		return watch.Fail("not connected since %s: %s", w.Since.UTC().Format("2006-01-02 15:04 UTC"), w.Why).
			WithHint("it tries again by itself; %s", w.Means), nil
	case w.Why != "":
		return watch.Warn("connected since %s; %s", w.Since.UTC().Format("2006-01-02 15:04 UTC"), w.Why), nil
	default:
		return watch.Fine("connected since %s", w.Since.UTC().Format("2006-01-02 15:04 UTC")), nil
	}
}

func (b *Bot) checkGuild(ctx context.Context) (watch.Finding, error) {
	me, err := b.rest.Me(ctx)
	if err != nil {
		return watch.Finding{}, err
	}
	guild, err := b.rest.Guild(ctx, b.guild)
	if err != nil {
		if code := rest.CodeOf(err); code == rest.UnknownGuild || code == rest.MissingAccess {
			return watch.Fail("the bot is not in the server %s", b.guild).WithHint("invite it: %s", InviteURL(b.inviting(ctx))), nil
		}
		return watch.Finding{}, err
	}
	member, err := b.rest.GuildMember(ctx, b.guild, me.ID)
	if err != nil {
		return watch.Finding{}, err
	}
	channels, err := b.rest.GuildChannels(ctx, b.guild)
	if err != nil {
		return watch.Finding{}, err
	}
	s := standingOf(guild, member, me.ID)
	var faults []string
	if lacking := s.inGuild().Missing(Permissions); lacking != 0 {
		faults = append(faults, fmt.Sprintf("the role %s lacks %s", room.Plain(s.ownRole()), lacking))
	}
	for _, c := range channels {
		needs, matters := b.needs(c)
		if !matters {
			continue
		}
		for _, o := range s.in(c, needs) {
			faults = append(faults, room.Plain(o.in(kindOf(c)+" "+c.Name)))
		}
	}
	if len(faults) > 0 {
		return watch.Fail("in %s: %s", room.Plain(guild.Name), strings.Join(faults, "; ")).
			WithHint("Server Settings → Roles for the role; the channel's own settings → Permissions for the others. Inviting the bot again gives it its role: %s", InviteURL(b.inviting(ctx))), nil
	}
	if s.inGuild()&rest.Administrator != 0 {
		return watch.Warn("in %s the bot is an administrator, which is more than it needs", room.Plain(guild.Name)).
			WithHint("give its role these instead: %s", Permissions), nil
	}
	return watch.Fine("in %s, with all permissions, %d of 500 channels", room.Plain(guild.Name), len(channels)), nil
}

func (b *Bot) inviting(ctx context.Context) string {
	if id := b.application(); id != "" {
		return id
	}
	if app, err := b.lookUp(ctx); err == nil {
		return app.ID
	}
	return ""
}

// needs are what the bot needs in a channel, and whether the channel matters: the
// categories of the rooms, the archives, the overview, and every room.
func (b *Bot) needs(c *discordgo.Channel) (rest.Permissions, bool) {
	if c.Type == discordgo.ChannelTypeGuildCategory {
		// Categories that are full roll over into "Incidents 2".
		for _, name := range []string{b.names.category, b.names.archive} {
			if name != "" && (strings.EqualFold(c.Name, name) || strings.HasPrefix(strings.ToLower(c.Name), strings.ToLower(name)+" ")) {
				return Permissions &^ rest.ManageRoles, true
			}
		}
		return 0, false
	}
	return channelNeeds, strings.EqualFold(c.Name, b.names.overview) && b.names.overview != "" || slices.Contains(roomTypes, c.Type) && strings.HasPrefix(c.Name, "inc-")
}

// roomTypes are the channels that a room can be.
var roomTypes = []discordgo.ChannelType{discordgo.ChannelTypeGuildText}

func kindOf(c *discordgo.Channel) string {
	if c.Type == discordgo.ChannelTypeGuildCategory {
		return "category"
	}
	return "channel"
}
