package rest

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/bwmarrin/discordgo"
)

// CreateMessage posts m into a channel or thread. With a nonce that is enforced, a
// request whose answer was lost is sent again within this call, and Discord returns
// the first message; without, [ErrAmbiguous] asks the caller to look first. After
// ErrAmbiguous the same nonce protects for some minutes only: a later attempt looks
// first in any case.
func (c *Client) CreateMessage(ctx context.Context, channel string, m Message, files ...File) (*discordgo.Message, error) {
	call := Call{Method: http.MethodPost, Body: m, Files: files, Repeatable: m.EnforceNonce && m.Nonce != ""}
	return get[discordgo.Message](ctx, c, call, "channels", id(channel), "messages")
}

// EditMessage makes a message of the bot's into m, and leaves nothing of what it
// was: text, embeds, components and files that m does not have are cleared.
func (c *Client) EditMessage(ctx context.Context, channel, message string, m Message, files ...File) (*discordgo.Message, error) {
	call := Call{Method: http.MethodPatch, Body: m.Replacing(), Files: files}
	return get[discordgo.Message](ctx, c, call, "channels", id(channel), "messages", id(message))
}

// DeleteMessage deletes a message; NotFound when it is gone already.
func (c *Client) DeleteMessage(ctx context.Context, channel, message, reason string) error {
	return c.send(ctx, Call{Method: http.MethodDelete, Reason: reason}, "channels", id(channel), "messages", id(message))
}

// Message returns one message. Its text is "" where the bot lacks the Message
// Content intent, did not write it and is not mentioned in it.
func (c *Client) Message(ctx context.Context, channel, message string) (*discordgo.Message, error) {
	return get[discordgo.Message](ctx, c, Call{}, "channels", id(channel), "messages", id(message))
}

// Page is a part of a list: what stands after an id, or before one; the newest when
// neither is given. Limit is at most 100; 0 is Discord's own, 50.
type Page struct {
	After, Before string
	Limit         int
}

func (p Page) query() url.Values {
	q := url.Values{}
	if p.After != "" {
		q.Set("after", p.After)
	}
	if p.Before != "" {
		q.Set("before", p.Before)
	}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(min(p.Limit, 100)))
	}
	return q
}

// Messages returns messages of a channel, newest first whatever the page, as Discord
// does. The bot needs Read Message History, or gets none.
func (c *Client) Messages(ctx context.Context, channel string, p Page) ([]*discordgo.Message, error) {
	return list[*discordgo.Message](ctx, c, Call{Query: p.query()}, "channels", id(channel), "messages")
}

// Pin pins a message; repeatable. It needs [PinMessages]. A channel holds 250 pins:
// then the error has the code [MaxPins].
func (c *Client) Pin(ctx context.Context, channel, message, reason string) error {
	return c.send(ctx, Call{Method: http.MethodPut, Reason: reason}, "channels", id(channel), "messages", "pins", id(message))
}

// Unpin takes a pin back; repeatable.
func (c *Client) Unpin(ctx context.Context, channel, message, reason string) error {
	return c.send(ctx, Call{Method: http.MethodDelete, Reason: reason}, "channels", id(channel), "messages", "pins", id(message))
}

// Pins returns the pinned messages of a channel, the last pinned first, at most 50.
func (c *Client) Pins(ctx context.Context, channel string) ([]*discordgo.Message, error) {
	page, err := get[struct {
		Items []struct {
			Message *discordgo.Message `json:"message"`
		} `json:"items"`
	}](ctx, c, Call{Query: url.Values{"limit": {"50"}}}, "channels", id(channel), "messages", "pins")
	if err != nil {
		return nil, err
	}
	var pins []*discordgo.Message
	for _, item := range page.Items {
		if item.Message != nil {
			pins = append(pins, item.Message)
		}
	}
	return pins, nil
}

// Reactions returns who reacted to a message with an emoji, "📌" or "name:id", in
// the order of their ids. Page.Before is not known here.
func (c *Client) Reactions(ctx context.Context, channel, message, emoji string, p Page) ([]*discordgo.User, error) {
	p.Before = ""
	return list[*discordgo.User](ctx, c, Call{Query: p.query()}, "channels", id(channel), "messages", id(message), "reactions", text(emoji))
}

// React adds the bot's own reaction; repeatable.
func (c *Client) React(ctx context.Context, channel, message, emoji string) error {
	return c.send(ctx, Call{Method: http.MethodPut}, "channels", id(channel), "messages", id(message), "reactions", text(emoji), "@me")
}
