package rest

import (
	"context"
	"net/http"

	"github.com/bwmarrin/discordgo"
)

// InteractionCallback gives the first answer to an interaction. The caller's ctx ends
// 3 s after the interaction came in: then Discord answers [UnknownInteraction].
// It is repeatable: when an answer was lost, the second attempt is told
// [AlreadyAcknowledged], which counts as done here. The same error at the first
// attempt means that somebody else has answered.
func (c *Client) InteractionCallback(ctx context.Context, interaction, token string, r Response, files ...File) error {
	call := Call{Method: http.MethodPost, Body: r, Files: files, Unlimited: true, Repeatable: true}
	return c.send(ctx, call, "interactions", id(interaction), text(token), "callback")
}

// EditOriginal makes the first answer of an interaction into m, as EditMessage does.
// The token is good for 15 minutes; afterwards the error is NotFound, with the code
// [InvalidWebhookToken].
func (c *Client) EditOriginal(ctx context.Context, application, token string, m Message, files ...File) (*discordgo.Message, error) {
	call := Call{Method: http.MethodPatch, Body: m.Replacing(), Files: files, Unlimited: true}
	return get[discordgo.Message](ctx, c, call, "webhooks", id(application), text(token), "messages", "@original")
}

// Original returns the first answer of an interaction, to look whether it arrived.
func (c *Client) Original(ctx context.Context, application, token string) (*discordgo.Message, error) {
	return get[discordgo.Message](ctx, c, Call{Unlimited: true}, "webhooks", id(application), text(token), "messages", "@original")
}

// DeleteOriginal takes the first answer of an interaction back.
func (c *Client) DeleteOriginal(ctx context.Context, application, token string) error {
	return c.send(ctx, Call{Method: http.MethodDelete, Unlimited: true}, "webhooks", id(application), text(token), "messages", "@original")
}

// Followup posts a further answer to an interaction. Nonces are not known there:
// after [ErrAmbiguous] it may have arrived.
func (c *Client) Followup(ctx context.Context, application, token string, m Message, files ...File) (*discordgo.Message, error) {
	m.Nonce, m.EnforceNonce = "", false
	call := Call{Method: http.MethodPost, Body: m, Files: files, Unlimited: true}
	return get[discordgo.Message](ctx, c, call, "webhooks", id(application), text(token))
}
