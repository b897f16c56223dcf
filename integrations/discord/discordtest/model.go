package discordtest

import "encoding/json"

// The objects as Discord sends them, complete: every field that its OpenAPI
// document requires is there.

// User is a person or the bot.
type User struct {
	ID            string  `json:"id"`
	Username      string  `json:"username"`
	GlobalName    *string `json:"global_name"`
	Avatar        *string `json:"avatar"`
	Discriminator string  `json:"discriminator"`
	PublicFlags   int     `json:"public_flags"`
	Flags         int     `json:"flags"`
	Bot           bool    `json:"bot,omitempty"`
	PrimaryGuild  *string `json:"primary_guild"`
}

// Member is a user in the guild.
type Member struct {
	User                       *User    `json:"user,omitempty"`
	Nick                       *string  `json:"nick"`
	Avatar                     *string  `json:"avatar"`
	Banner                     *string  `json:"banner"`
	Roles                      []string `json:"roles"`
	JoinedAt                   string   `json:"joined_at"`
	PremiumSince               *string  `json:"premium_since"`
	CommunicationDisabledUntil *string  `json:"communication_disabled_until"`
	Flags                      int      `json:"flags"`
	Pending                    bool     `json:"pending"`
	Mute                       bool     `json:"mute"`
	Deaf                       bool     `json:"deaf"`
	Permissions                string   `json:"permissions,omitempty"` // in interactions only
}

// Role is a role of the guild. @everyone has the guild's id.
type Role struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Permissions  string     `json:"permissions"`
	Position     int        `json:"position"`
	Color        int        `json:"color"`
	Colors       RoleColors `json:"colors"`
	Hoist        bool       `json:"hoist"`
	Managed      bool       `json:"managed"`
	Mentionable  bool       `json:"mentionable"`
	Icon         *string    `json:"icon"`
	UnicodeEmoji *string    `json:"unicode_emoji"`
	Flags        int        `json:"flags"`
	Tags         *RoleTags  `json:"tags,omitempty"`
}

// RoleColors are a role's colours.
type RoleColors struct {
	Primary   int  `json:"primary_color"`
	Secondary *int `json:"secondary_color"`
	Tertiary  *int `json:"tertiary_color"`
}

// RoleTags say that a role belongs to a bot.
type RoleTags struct {
	BotID string `json:"bot_id,omitempty"`
}

// Types of channels; https://discord.com/developers/docs/resources/channel#channel-object-channel-types
const (
	ChannelText          = 0
	ChannelCategory      = 4
	ChannelPublicThread  = 11
	ChannelPrivateThread = 12
)

// Channel is a channel, a category or a thread.
type Channel struct {
	ID                   string      `json:"id"`
	Type                 int         `json:"type"`
	GuildID              string      `json:"guild_id"`
	Name                 string      `json:"name"`
	ParentID             *string     `json:"parent_id"`
	LastMessageID        *string     `json:"last_message_id"`
	LastPin              *string     `json:"last_pin_timestamp,omitempty"`
	Flags                int         `json:"flags"`
	RateLimitPerUser     int         `json:"rate_limit_per_user"`
	Topic                *string     `json:"topic"`
	Position             int         `json:"position"`
	PermissionOverwrites []Overwrite `json:"permission_overwrites"`
	NSFW                 bool        `json:"nsfw"`
	Thread               *Thread     `json:"-"`
}

// Thread is what a thread has more than a channel.
type Thread struct {
	OwnerID          string         `json:"owner_id"`
	Metadata         ThreadMetadata `json:"thread_metadata"`
	MessageCount     int            `json:"message_count"`
	MemberCount      int            `json:"member_count"`
	TotalMessageSent int            `json:"total_message_sent"`
	Member           *ThreadMember  `json:"member,omitempty"`
	members          []ThreadMember
}

// ThreadMetadata is a thread's state.
type ThreadMetadata struct {
	Archived            bool    `json:"archived"`
	ArchiveTimestamp    *string `json:"archive_timestamp"`
	AutoArchiveDuration int     `json:"auto_archive_duration"`
	Locked              bool    `json:"locked"`
	CreateTimestamp     string  `json:"create_timestamp,omitempty"`
	Invitable           *bool   `json:"invitable,omitempty"`
}

// ThreadMember is somebody in a thread.
type ThreadMember struct {
	ID            string `json:"id"`
	UserID        string `json:"user_id"`
	JoinTimestamp string `json:"join_timestamp"`
	Flags         int    `json:"flags"`
}

// MarshalJSON gives a thread its own shape.
func (c Channel) MarshalJSON() ([]byte, error) {
	type plain Channel
	if c.Thread == nil {
		return json.Marshal(plain(c))
	}
	return json.Marshal(struct {
		ID               string  `json:"id"`
		Type             int     `json:"type"`
		GuildID          string  `json:"guild_id"`
		Name             string  `json:"name"`
		ParentID         *string `json:"parent_id"`
		LastMessageID    *string `json:"last_message_id"`
		LastPin          *string `json:"last_pin_timestamp,omitempty"`
		Flags            int     `json:"flags"`
		RateLimitPerUser int     `json:"rate_limit_per_user"`
		*Thread
	}{c.ID, c.Type, c.GuildID, c.Name, c.ParentID, c.LastMessageID, c.LastPin, c.Flags, c.RateLimitPerUser, c.Thread})
}

// UnmarshalJSON reads both shapes: the client of a remote simulator needs it.
func (c *Channel) UnmarshalJSON(data []byte) error {
	type plain Channel
	if err := json.Unmarshal(data, (*plain)(c)); err != nil {
		return err
	}
	if c.Type == ChannelPublicThread || c.Type == ChannelPrivateThread {
		c.Thread = &Thread{}
		return json.Unmarshal(data, c.Thread)
	}
	return nil
}

// Overwrite changes the permissions of a role (type 0) or a member (1) in a channel.
type Overwrite struct {
	ID    string     `json:"id"`
	Type  int        `json:"type"`
	Allow Permission `json:"allow"`
	Deny  Permission `json:"deny"`
}

// Command is an application command as it was registered, options untouched.
type Command struct {
	ID                       string          `json:"id"`
	ApplicationID            string          `json:"application_id"`
	GuildID                  string          `json:"guild_id"`
	Version                  string          `json:"version"`
	Type                     int             `json:"type"`
	Name                     string          `json:"name"`
	NameLocalizations        json.RawMessage `json:"name_localizations,omitempty"`
	Description              string          `json:"description"`
	DescriptionLocalizations json.RawMessage `json:"description_localizations,omitempty"`
	DefaultMemberPermissions *string         `json:"default_member_permissions"`
	DMPermission             *bool           `json:"dm_permission,omitempty"`
	Contexts                 []int           `json:"contexts"`
	IntegrationTypes         []int           `json:"integration_types"`
	NSFW                     bool            `json:"nsfw"`
	Options                  []CommandOption `json:"options,omitempty"`
}

// CommandOption is an option, a subcommand or a group of them.
type CommandOption struct {
	Type                     int             `json:"type"`
	Name                     string          `json:"name"`
	NameLocalizations        json.RawMessage `json:"name_localizations,omitempty"`
	Description              string          `json:"description"`
	DescriptionLocalizations json.RawMessage `json:"description_localizations,omitempty"`
	Required                 bool            `json:"required,omitempty"`
	Autocomplete             bool            `json:"autocomplete,omitempty"`
	Choices                  []Choice        `json:"choices,omitempty"`
	Options                  []CommandOption `json:"options,omitempty"`
	ChannelTypes             []int           `json:"channel_types,omitempty"`
	MinLength                *int            `json:"min_length,omitempty"`
	MaxLength                *int            `json:"max_length,omitempty"`
	MinValue                 *float64        `json:"min_value,omitempty"`
	MaxValue                 *float64        `json:"max_value,omitempty"`
}

// Choice is one choice of an option or of an autocompletion.
type Choice struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}
