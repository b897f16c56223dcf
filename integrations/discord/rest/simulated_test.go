package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/discordtest/spec"
	"wardroom/integrations/discord/rest"
)

// simulated is a Discord whose every request and answer is held to its document.
func simulated(t *testing.T) (*discordtest.Server, *rest.Client) {
	t.Helper()
	check, err := spec.New("/api/v10", t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	s, err := discordtest.New(discordtest.Options{People: []string{"ada"}, Wrap: check.Wrap, Limits: discordtest.NoLimits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, rest.New(rest.Options{Token: s.Token(), Base: s.API(), Clock: timeline.RealClock{}})
}

func TestEveryCallAgainstASimulatedDiscord(t *testing.T) {
	s, c := simulated(t)
	ctx, guild := t.Context(), s.GuildID()
	channel, err := c.CreateChannel(ctx, guild, rest.NewChannel{Name: "inc-0001-python-is-offline", Topic: "SEV1", Overwrites: []*discordgo.PermissionOverwrite{
		{ID: guild, Type: discordgo.PermissionOverwriteTypeRole, Deny: int64(rest.MentionEveryone)},
	}}, "INC-1")
	if err != nil {
		t.Fatal(err)
	}
	row := discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.Button{Label: "Acknowledge", Style: discordgo.PrimaryButton, CustomID: "do/incident/ack?incident=INC-1"}}}
	m, err := c.CreateMessage(ctx, channel.ID, rest.Message{
		Content: "x", Embeds: []*discordgo.MessageEmbed{{Title: "INC-1"}}, Components: []discordgo.MessageComponent{row},
	}, rest.File{Name: "log.txt", ContentType: "text/plain", Body: []byte("it broke")})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Embeds) != 1 || len(m.Components) != 1 || len(m.Attachments) != 1 {
		t.Errorf("%+v", m)
	}
	for _, call := range []struct {
		name string
		do   func() error
	}{
		{"me", func() error { _, err := c.Me(ctx); return err }},
		{"application", func() error { _, err := c.Application(ctx); return err }},
		{"gateway", func() error { _, err := c.GatewayBot(ctx); return err }},
		{"guild", func() error { _, err := c.Guild(ctx, guild); return err }},
		{"channels", func() error { _, err := c.GuildChannels(ctx, guild); return err }},
		{"roles", func() error { _, err := c.GuildRoles(ctx, guild); return err }},
		{"member", func() error { _, err := c.GuildMember(ctx, guild, s.BotID()); return err }},
		{"threads", func() error { _, err := c.ActiveThreads(ctx, guild); return err }},
		{"channel", func() error { _, err := c.Channel(ctx, channel.ID); return err }},
		{"edit channel", func() error {
			_, err := c.EditChannel(ctx, channel.ID, map[string]any{"parent_id": nil}, "closed")
			return err
		}},
		{"thread", func() error {
			_, err := c.StartThread(ctx, channel.ID, rest.NewThread{Name: "inc-2", Type: discordgo.ChannelTypeGuildPublicThread, AutoArchive: 1440}, "INC-2")
			return err
		}},
		{"message", func() error { _, err := c.Message(ctx, channel.ID, m.ID); return err }},
		{"messages", func() error { _, err := c.Messages(ctx, channel.ID, rest.Page{After: "1", Limit: 100}); return err }},
		{"pin", func() error { return c.Pin(ctx, channel.ID, m.ID, "INC-1") }},
		{"pins", func() error { _, err := c.Pins(ctx, channel.ID); return err }},
		{"unpin", func() error { return c.Unpin(ctx, channel.ID, m.ID, "") }},
		{"react", func() error { return c.React(ctx, channel.ID, m.ID, "📌") }},
		{"reactions", func() error { _, err := c.Reactions(ctx, channel.ID, m.ID, "📌", rest.Page{Limit: 10}); return err }},
		{"commands", func() error {
			_, err := c.PutCommands(ctx, s.ApplicationID(), guild, []*discordgo.ApplicationCommand{{Name: "ack", Description: "Take it"}})
			return err
		}},
		{"commands read", func() error { _, err := c.Commands(ctx, s.ApplicationID(), guild); return err }},
	} {
		if err := call.do(); err != nil {
			t.Errorf("%s: %v", call.name, err)
		}
	}
	edited, err := c.EditMessage(ctx, channel.ID, m.ID, rest.Message{Content: "y"})
	if err != nil || edited.Content != "y" || len(edited.Embeds)+len(edited.Components)+len(edited.Attachments) != 0 {
		t.Errorf("an edit leaves nothing of the old message: %+v %v", edited, err)
	}
	if err := c.DeleteMessage(ctx, channel.ID, m.ID, ""); err != nil {
		t.Error(err)
	}
	if _, err := c.Message(ctx, channel.ID, m.ID); rest.CodeOf(err) != rest.UnknownMessage {
		t.Errorf("%v", err)
	}
}

func TestALostAnswerOfASimulatedDiscordDoublesNothing(t *testing.T) {
	s, c := simulated(t)
	channel, err := c.CreateChannel(t.Context(), s.GuildID(), rest.NewChannel{Name: "room"}, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Fault(discordtest.Fault{Method: http.MethodPost, Path: "/channels/*/messages", Times: 1, Lost: true})
	m, err := c.CreateMessage(t.Context(), channel.ID, rest.Message{Content: "once", Nonce: "INC-1#17", EnforceNonce: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Fault(discordtest.Fault{Method: http.MethodPost, Path: "/channels/*/messages", Times: 1, Lost: true})
	if _, err := c.CreateMessage(t.Context(), channel.ID, rest.Message{Content: "no nonce"}); !errors.Is(err, rest.ErrAmbiguous) {
		t.Errorf("%v", err)
	}
	s.Fault(discordtest.Fault{Method: http.MethodPost, Path: "/channels/*/messages", Times: 1, RetryAfter: 10 * time.Minute, Scope: "user"})
	if _, err := c.CreateMessage(t.Context(), channel.ID, rest.Message{Content: "later"}); err == nil {
		t.Error("a limit of ten minutes was waited for")
	} else if _, ok := errors.AsType[*timeline.Later](err); !ok {
		t.Errorf("%v", err)
	}
	all, err := c.Messages(t.Context(), channel.ID, rest.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, m := range all {
		texts = append(texts, m.Content)
	}
	if got := strings.Join(texts, ", "); got != "no nonce, once" || all[1].ID != m.ID {
		t.Error(fmt.Sprint(got, m.ID))
	}
}
