package rest

import (
	"encoding/json"

	"github.com/bwmarrin/discordgo"
)

// Message is a message as it is created, edited, or given as the answer to an
// interaction: the fields of Discord's that are used here. What is nil stays out of
// the request when a message is created; [Message.Replacing] makes of it what
// clears a message that is there already.
// https://discord.com/developers/docs/resources/message#create-message
type Message struct {
	Content         string                       `json:"content"` // at most 2000 characters
	Embeds          []*discordgo.MessageEmbed    `json:"embeds,omitzero"`
	Components      []discordgo.MessageComponent `json:"components,omitzero"`
	AllowedMentions AllowedMentions              `json:"allowed_mentions"`
	Flags           int                          `json:"flags,omitempty"`
	// Nonce with EnforceNonce makes Discord return the first message instead of
	// making a second, for "the past few minutes" (its documentation says no more:
	// count on two). At most 25 characters. Only a channel's messages know it.
	Nonce        string `json:"nonce,omitempty"`
	EnforceNonce bool   `json:"enforce_nonce,omitempty"`
	// Reference makes the message an answer to another one.
	Reference *discordgo.MessageReference `json:"message_reference,omitempty"`
	// Attachments are set by the client from the files of a request.
	Attachments []Attachment `json:"attachments,omitzero"`
}

// Flags of a message.
const (
	SuppressEmbeds = 1 << 2  // no previews of links
	Ephemeral      = 1 << 6  // only the person who asked sees it
	Silent         = 1 << 12 // nobody's device rings
	ComponentsV2   = 1 << 15
)

// Replacing returns m as an edit that leaves nothing of the old message: empty
// lists instead of none, so that Discord clears embeds, components and files that m
// does not have. Flags that cannot be edited, nonce and reference are left out.
func (m Message) Replacing() Message {
	if m.Embeds == nil {
		m.Embeds = []*discordgo.MessageEmbed{}
	}
	if m.Components == nil {
		m.Components = []discordgo.MessageComponent{}
	}
	if m.Attachments == nil {
		m.Attachments = []Attachment{}
	}
	m.Flags &= SuppressEmbeds | ComponentsV2
	m.Nonce, m.EnforceNonce, m.Reference = "", false, nil
	return m
}

func (m Message) attaching(files []File) any {
	m.Attachments = make([]Attachment, len(files))
	for i, f := range files {
		m.Attachments[i] = Attachment{ID: i, Filename: fileName(f.Name)}
	}
	return m
}

// AllowedMentions says who may be notified. The zero value notifies nobody,
// whatever the text says; it always stands in the request. There is no way to let
// the text decide: `parse` is always an empty list.
type AllowedMentions struct {
	Users       []string // ids, at most 100
	RepliedUser bool
}

// MarshalJSON writes the empty `parse` too: without it Discord would look for
// mentions in the text itself.
func (a AllowedMentions) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Parse       []string `json:"parse"`
		Users       []string `json:"users,omitempty"`
		RepliedUser bool     `json:"replied_user"`
	}{[]string{}, a.Users, a.RepliedUser})
}

// UnmarshalJSON reads what MarshalJSON writes; `parse` is dropped.
func (a *AllowedMentions) UnmarshalJSON(raw []byte) error {
	var v struct {
		Users       []string `json:"users"`
		RepliedUser bool     `json:"replied_user"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	a.Users, a.RepliedUser = v.Users, v.RepliedUser
	return nil
}

// Attachment names a file of the same request.
type Attachment struct {
	ID       int    `json:"id"`
	Filename string `json:"filename"`
}

// File is a file of a request. Discord takes 10 MiB a file from a bot where the
// guild has no boosts, and 25 MiB a request:
// https://discord.com/developers/docs/reference#uploading-files
type File struct {
	Name        string
	ContentType string // "" is application/octet-stream
	Body        []byte
}

// Response is the first answer to an interaction.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object
type Response struct {
	Type discordgo.InteractionResponseType `json:"type"`
	// Data is a Message; a Message.Replacing for an update of the message that was
	// clicked; a [Modal]; or [Choices]. nil for what is deferred without a flag.
	Data any `json:"data,omitempty"`
}

func (r Response) attaching(files []File) any {
	if m, ok := r.Data.(Message); ok {
		r.Data = m.attaching(files)
	}
	return r
}

// Modal is a form. Its title has at most 45 characters, its custom id 100.
type Modal struct {
	CustomID   string                       `json:"custom_id"`
	Title      string                       `json:"title"`
	Components []discordgo.MessageComponent `json:"components"`
}

// Choices is the answer to an autocompletion: at most 25, name and value at most 100
// characters each.
type Choices struct {
	Choices []*discordgo.ApplicationCommandOptionChoice `json:"choices"`
}

// MarshalJSON writes an empty list when there is nothing to choose: null is refused.
func (c Choices) MarshalJSON() ([]byte, error) {
	type plain Choices
	if c.Choices == nil {
		c.Choices = []*discordgo.ApplicationCommandOptionChoice{}
	}
	return json.Marshal(plain(c))
}
