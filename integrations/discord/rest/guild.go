package rest

import (
	"context"
	"net/http"

	"github.com/bwmarrin/discordgo"
)

// Me returns the bot's own user: the first call of a start, because a wrong token
// shows here.
func (c *Client) Me(ctx context.Context) (*discordgo.User, error) {
	return get[discordgo.User](ctx, c, Call{}, "users", "@me")
}

// Application is what the bot's application says of itself.
// https://discord.com/developers/docs/resources/application#application-object
type Application struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Flags     int    `json:"flags"`
	VerifyKey string `json:"verify_key"` // of HTTP interactions: 32 bytes in hex
	BotPublic bool   `json:"bot_public"` // anybody may invite it
}

// Flags of an application: which privileged intents it was given. A bot in fewer
// than 100 guilds has the "limited" ones.
// https://discord.com/developers/docs/resources/application#application-object-application-flags
const (
	GatewayMembers        = 1 << 14
	GatewayMembersLimited = 1 << 15
	MessageContent        = 1 << 18
	MessageContentLimited = 1 << 19
)

// Application returns the bot's own application.
func (c *Client) Application(ctx context.Context) (*Application, error) {
	return get[Application](ctx, c, Call{}, "applications", "@me")
}

// GatewayBot returns where the gateway is and how many sessions may still be begun.
func (c *Client) GatewayBot(ctx context.Context) (*discordgo.GatewayBotResponse, error) {
	return get[discordgo.GatewayBotResponse](ctx, c, Call{}, "gateway", "bot")
}

// Guild returns a guild with its roles, without its channels.
func (c *Client) Guild(ctx context.Context, guild string) (*discordgo.Guild, error) {
	return get[discordgo.Guild](ctx, c, Call{}, "guilds", id(guild))
}

// GuildChannels returns all channels of a guild, without threads, in no order.
func (c *Client) GuildChannels(ctx context.Context, guild string) ([]*discordgo.Channel, error) {
	return list[*discordgo.Channel](ctx, c, Call{}, "guilds", id(guild), "channels")
}

// GuildRoles returns all roles of a guild.
func (c *Client) GuildRoles(ctx context.Context, guild string) ([]*discordgo.Role, error) {
	return list[*discordgo.Role](ctx, c, Call{}, "guilds", id(guild), "roles")
}

// GuildMember returns a member; NotFound when the user is not one.
func (c *Client) GuildMember(ctx context.Context, guild, user string) (*discordgo.Member, error) {
	return get[discordgo.Member](ctx, c, Call{}, "guilds", id(guild), "members", id(user))
}

// ActiveThreads returns the threads of a guild that are not archived and that the
// bot can see.
func (c *Client) ActiveThreads(ctx context.Context, guild string) ([]*discordgo.Channel, error) {
	page, err := get[struct {
		Threads []*discordgo.Channel `json:"threads"`
	}](ctx, c, Call{}, "guilds", id(guild), "threads", "active")
	if err != nil {
		return nil, err
	}
	return page.Threads, nil
}

// Channel returns a channel or thread.
func (c *Client) Channel(ctx context.Context, channel string) (*discordgo.Channel, error) {
	return get[discordgo.Channel](ctx, c, Call{}, "channels", id(channel))
}

// NewChannel is what a channel is made of.
// https://discord.com/developers/docs/resources/guild#create-guild-channel
type NewChannel struct {
	Name       string                           `json:"name"` // at most 100 characters
	Type       discordgo.ChannelType            `json:"type"`
	Topic      string                           `json:"topic,omitempty"`     // at most 1024
	Parent     string                           `json:"parent_id,omitempty"` // a category; at most 50 channels in one
	Position   *int                             `json:"position,omitempty"`
	Overwrites []*discordgo.PermissionOverwrite `json:"permission_overwrites,omitzero"`
}

// CreateChannel makes a channel. Discord makes a second one of the same name without
// a word: after [ErrAmbiguous] look at [Client.GuildChannels]. The codes
// [MaxChannels] and [IsCategoryFull] say what is full.
func (c *Client) CreateChannel(ctx context.Context, guild string, n NewChannel, reason string) (*discordgo.Channel, error) {
	call := Call{Method: http.MethodPost, Body: n, Reason: reason}
	return get[discordgo.Channel](ctx, c, call, "guilds", id(guild), "channels")
}

// EditChannel changes the named fields of a channel or thread; a nil value clears
// one ("parent_id": nil). Name and topic may be changed about twice in ten minutes;
// then all edits of this channel answer [wardroom/bot/timeline.Later].
// https://discord.com/developers/docs/resources/channel#modify-channel
func (c *Client) EditChannel(ctx context.Context, channel string, fields map[string]any, reason string) (*discordgo.Channel, error) {
	call := Call{Method: http.MethodPatch, Body: fields, Reason: reason}
	return get[discordgo.Channel](ctx, c, call, "channels", id(channel))
}

// NewThread is what a thread without a first message is made of.
// https://discord.com/developers/docs/resources/channel#start-thread-without-message
type NewThread struct {
	Name        string                `json:"name"`                            // at most 100 characters
	Type        discordgo.ChannelType `json:"type"`                            // 11 public, 12 private
	AutoArchive int                   `json:"auto_archive_duration,omitempty"` // minutes: 60, 1440, 4320 or 10080
}

// StartThread makes a thread in a channel. As with CreateChannel, look after
// [ErrAmbiguous].
func (c *Client) StartThread(ctx context.Context, channel string, n NewThread, reason string) (*discordgo.Channel, error) {
	call := Call{Method: http.MethodPost, Body: n, Reason: reason}
	return get[discordgo.Channel](ctx, c, call, "channels", id(channel), "threads")
}

// Commands returns the application's commands in a guild.
func (c *Client) Commands(ctx context.Context, application, guild string) ([]*discordgo.ApplicationCommand, error) {
	return list[*discordgo.ApplicationCommand](ctx, c, Call{}, "applications", id(application), "guilds", id(guild), "commands")
}

// PutCommands replaces all commands of the application in a guild and returns them.
// body is a []*discordgo.ApplicationCommand, or what marshals to the same list.
// Repeatable, but each new command counts against 200 a day and guild: put them only
// when they differ.
func (c *Client) PutCommands(ctx context.Context, application, guild string, body any) ([]*discordgo.ApplicationCommand, error) {
	return list[*discordgo.ApplicationCommand](ctx, c, Call{Method: http.MethodPut, Body: body}, "applications", id(application), "guilds", id(guild), "commands")
}
