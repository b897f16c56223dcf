// Package rest speaks to Discord's HTTP API: a queue that heeds every rate limit,
// holds up nobody for another's, and never sends twice what may have arrived.
package rest

import "github.com/bwmarrin/discordgo"

// Message is a message as it is created, edited, or given as the answer to an
// interaction: the fields of Discord's that are used here.
// https://discord.com/developers/docs/resources/message#create-message
type Message struct {
	Content         string                       `json:"content"`
	Embeds          []*discordgo.MessageEmbed    `json:"embeds"`
	Components      []discordgo.MessageComponent `json:"components"`
	AllowedMentions AllowedMentions              `json:"allowed_mentions"`
	Flags           int                          `json:"flags,omitempty"`
	// Nonce with EnforceNonce makes Discord return the first message instead of
	// making a second, for some minutes. At most 25 characters.
	Nonce        string `json:"nonce,omitempty"`
	EnforceNonce bool   `json:"enforce_nonce,omitempty"`
	// Attachments are set by the client from the files of a request.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Ephemeral is the flag of a message that only the person who asked sees.
const Ephemeral = 1 << 6

// AllowedMentions says who may be notified. The zero value notifies nobody,
// whatever the text says; it always stands in the request.
type AllowedMentions struct {
	Parse       []string `json:"parse"` // always empty: no text decides who is notified
	Users       []string `json:"users,omitempty"`
	RepliedUser bool     `json:"replied_user"`
}

// Attachment names a file of the same request.
type Attachment struct {
	ID       int    `json:"id"`
	Filename string `json:"filename"`
}

// File is a file of a request. Discord takes 10 MiB a file from a bot where the
// guild has no boosts: https://discord.com/developers/docs/reference#uploading-files
type File struct {
	Name        string
	ContentType string
	Body        []byte
}
