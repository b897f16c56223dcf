package discordtest

import (
	"slices"
	"strings"
)

// Flags of messages; https://discord.com/developers/docs/resources/message#message-object-message-flags
const (
	FlagEphemeral    = 1 << 6
	FlagLoading      = 1 << 7
	FlagComponentsV2 = 1 << 15
)

// Message is a message. Those that the Server returns are copies.
type Message struct {
	ID                  string       `json:"id"`
	ChannelID           string       `json:"channel_id"`
	Type                int          `json:"type"`
	Author              *User        `json:"author"`
	Content             string       `json:"content"`
	Timestamp           string       `json:"timestamp"`
	EditedTimestamp     *string      `json:"edited_timestamp"`
	TTS                 bool         `json:"tts"`
	MentionEveryone     bool         `json:"mention_everyone"`
	Mentions            []*User      `json:"mentions"` // whom it notified
	MentionRoles        []string     `json:"mention_roles"`
	Attachments         []Attachment `json:"attachments"`
	Embeds              []Embed      `json:"embeds"`
	Components          []Component  `json:"components"`
	Reactions           []Reaction   `json:"reactions,omitempty"`
	Pinned              bool         `json:"pinned"`
	Flags               int          `json:"flags"`
	Nonce               any          `json:"nonce,omitempty"`
	WebhookID           string       `json:"webhook_id,omitempty"`
	ApplicationID       string       `json:"application_id,omitempty"`
	Reference           *Reference   `json:"message_reference,omitempty"`
	InteractionMetadata *Metadata    `json:"interaction_metadata,omitempty"`
	Position            *int         `json:"position,omitempty"` // in a thread

	only     string // the user who alone sees it, when ephemeral
	pinnedAt string
	enforced bool // by its nonce
}

// Ephemeral reports whether only one person sees it.
func (m *Message) Ephemeral() bool { return m.Flags&FlagEphemeral != 0 }

// Thinking reports whether it is the placeholder of an answer to come.
func (m *Message) Thinking() bool { return m.Flags&FlagLoading != 0 }

// Text is all that can be read in it, one piece a line: content, embeds, the names of
// files, labels and placeholders.
func (m *Message) Text() string {
	parts := []string{m.Content}
	for _, e := range m.Embeds {
		if e.Author != nil {
			parts = append(parts, e.Author.Name)
		}
		parts = append(parts, e.Title, e.Description)
		for _, f := range e.Fields {
			parts = append(parts, f.Name, f.Value)
		}
		if e.Footer != nil {
			parts = append(parts, e.Footer.Text)
		}
	}
	for _, a := range m.Attachments {
		parts = append(parts, a.Filename)
	}
	for c := range flat(m.Components) {
		parts = append(parts, c.Content, c.Label, c.Placeholder)
		for _, o := range c.Options {
			parts = append(parts, o.Label, o.Description)
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "\n")
}

// Reference is the message that this one answers.
type Reference struct {
	Type      int    `json:"type"`
	ChannelID string `json:"channel_id"`
	MessageID string `json:"message_id,omitempty"`
	GuildID   string `json:"guild_id,omitempty"`
}

// Metadata says which interaction a message answers.
type Metadata struct {
	ID                  string            `json:"id"`
	Type                int               `json:"type"`
	User                *User             `json:"user"`
	Owners              map[string]string `json:"authorizing_integration_owners"`
	InteractedMessageID string            `json:"interacted_message_id,omitempty"`
	TargetMessageID     string            `json:"target_message_id,omitempty"`
	OriginalResponseID  string            `json:"original_response_message_id,omitempty"`
	Triggering          *Metadata         `json:"triggering_interaction_metadata,omitempty"`
}

// Attachment is a file of a message. Its URL serves the bytes.
type Attachment struct {
	ID          string `json:"id"`
	Filename    string `json:"filename"`
	Size        int    `json:"size"`
	URL         string `json:"url"`
	ProxyURL    string `json:"proxy_url"`
	ContentType string `json:"content_type,omitempty"`
	Description string `json:"description,omitempty"`
	Ephemeral   bool   `json:"ephemeral,omitempty"`
	body        []byte
}

// Emoji is an emoji of a reaction or component; a Unicode one has no id.
type Emoji struct {
	ID   *string `json:"id"`
	Name string  `json:"name"`
}

// Reaction is one emoji on a message with who gave it.
type Reaction struct {
	Emoji        Emoji          `json:"emoji"`
	Count        int            `json:"count"`
	CountDetails ReactionCounts `json:"count_details"`
	BurstColors  []string       `json:"burst_colors"`
	MeBurst      bool           `json:"me_burst"`
	Me           bool           `json:"me"`
	users        []string
}

// ReactionCounts are the counts by kind.
type ReactionCounts struct {
	Burst  int `json:"burst"`
	Normal int `json:"normal"`
}

// Embed is an embed; https://discord.com/developers/docs/resources/message#embed-object
type Embed struct {
	Type        string       `json:"type"`
	Title       string       `json:"title,omitempty"`
	Description string       `json:"description,omitempty"`
	URL         string       `json:"url,omitempty"`
	Timestamp   string       `json:"timestamp,omitempty"`
	Color       *int         `json:"color,omitempty"`
	Footer      *EmbedFooter `json:"footer,omitempty"`
	Author      *EmbedAuthor `json:"author,omitempty"`
	Image       *EmbedImage  `json:"image,omitempty"`
	Thumbnail   *EmbedImage  `json:"thumbnail,omitempty"`
	Fields      []EmbedField `json:"fields,omitempty"`
}

// EmbedFooter is the line below.
type EmbedFooter struct {
	Text    string `json:"text"`
	IconURL string `json:"icon_url,omitempty"`
}

// EmbedAuthor is the line above.
type EmbedAuthor struct {
	Name    string `json:"name"`
	URL     string `json:"url,omitempty"`
	IconURL string `json:"icon_url,omitempty"`
}

// EmbedImage is an image by its address.
type EmbedImage struct {
	URL string `json:"url"`
}

// EmbedField is a name with a value.
type EmbedField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

// Types of components; https://discord.com/developers/docs/components/reference#component-object-component-types
const (
	ActionRow         = 1
	Button            = 2
	StringSelect      = 3
	TextInput         = 4
	UserSelect        = 5
	RoleSelect        = 6
	MentionableSelect = 7
	ChannelSelect     = 8
	Section           = 9
	TextDisplay       = 10
	Separator         = 14
	Container         = 17
	Label             = 18
)

// Component is a component of a message or a modal, all types in one shape.
type Component struct {
	Type          int            `json:"type"`
	ID            int            `json:"id,omitempty"`
	CustomID      string         `json:"custom_id,omitempty"`
	Style         int            `json:"style,omitempty"`
	Label         string         `json:"label,omitempty"`
	Description   string         `json:"description,omitempty"`
	Disabled      bool           `json:"disabled,omitempty"`
	Emoji         *ButtonEmoji   `json:"emoji,omitempty"`
	URL           string         `json:"url,omitempty"`
	Placeholder   string         `json:"placeholder,omitempty"`
	MinValues     *int           `json:"min_values,omitempty"`
	MaxValues     *int           `json:"max_values,omitempty"`
	Options       []SelectOption `json:"options,omitempty"`
	DefaultValues []DefaultValue `json:"default_values,omitempty"`
	ChannelTypes  []int          `json:"channel_types,omitempty"`
	MinLength     *int           `json:"min_length,omitempty"`
	MaxLength     *int           `json:"max_length,omitempty"`
	Required      *bool          `json:"required,omitempty"`
	Value         string         `json:"value,omitempty"`
	Content       string         `json:"content,omitempty"`
	AccentColor   *int           `json:"accent_color,omitempty"`
	Spoiler       *bool          `json:"spoiler,omitempty"`
	Divider       *bool          `json:"divider,omitempty"`
	Spacing       int            `json:"spacing,omitempty"`
	Components    []Component    `json:"components,omitempty"`
	Component     *Component     `json:"component,omitempty"`
	Accessory     *Component     `json:"accessory,omitempty"`
}

// ButtonEmoji is the emoji of a button or of an option.
type ButtonEmoji struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// SelectOption is one choice of a string select.
type SelectOption struct {
	Label       string       `json:"label"`
	Value       string       `json:"value"`
	Description string       `json:"description,omitempty"`
	Emoji       *ButtonEmoji `json:"emoji,omitempty"`
	Default     bool         `json:"default,omitempty"`
}

// DefaultValue is what a user, role or channel select shows as chosen.
type DefaultValue struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}
