package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// heard is what is read of a message, from whatever tells of it. It leaves out the
// parts that the library may fail at.
type heard struct {
	ID          string          `json:"id"`
	Channel     string          `json:"channel_id"`
	Content     *string         `json:"content"` // nil: this event does not say
	Sent        time.Time       `json:"timestamp"`
	Edited      *time.Time      `json:"edited_timestamp"`
	Author      *discordgo.User `json:"author"`
	Member      *heardMember    `json:"member,omitempty"`
	Attachments []heardFile     `json:"attachments"`
	pinned      bool            // somebody reacted with 📌; not known from events
}

type heardMember struct {
	Nick string `json:"nick"`
}

type heardFile struct {
	Name        string `json:"filename"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	URL         string `json:"url"`
}

func heardOf(m *discordgo.Message) heard {
	h := heard{ID: m.ID, Channel: m.ChannelID, Content: &m.Content, Sent: m.Timestamp, Edited: m.EditedTimestamp, Author: m.Author}
	if m.Member != nil {
		h.Member = &heardMember{m.Member.Nick}
	}
	for _, a := range m.Attachments {
		if a != nil {
			h.Attachments = append(h.Attachments, heardFile{a.Filename, a.ContentType, int64(a.Size), a.URL})
		}
	}
	h.pinned = slices.ContainsFunc(m.Reactions, func(r *discordgo.MessageReactions) bool {
		return r != nil && r.Emoji != nil && r.Emoji.Name == pin
	})
	return h
}

func (h heard) text() string {
	if h.Content == nil {
		return ""
	}
	return *h.Content
}

func (h heard) name() string {
	if h.Member != nil && h.Member.Nick != "" {
		return h.Member.Nick
	}
	return displayName(h.Author)
}

// link is where people open a message.
func (b *Bot) link(channel, message string) string {
	return fmt.Sprintf("https://discord.com/channels/%s/%s/%s", b.guild, channel, message)
}

// record puts a message into a timeline, with copies of its files. What cannot be
// copied stands there with the reason: the text is not lost for a file.
func (b *Bot) record(ctx context.Context, id timeline.ID, h heard, by people.Actor, cause timeline.Ref) (ref timeline.Ref, again bool, lost int, err error) {
	if h.Author == nil || h.ID == "" {
		return timeline.Ref{}, false, 0, problem.New(problem.Unsupported, "Discord does not say who wrote this message")
	}
	standing, have, err := b.said(ctx, h.ID)
	if err != nil || have {
		return standing.Ref, have, 0, err
	}
	person, actor := b.actorOf(h.Author.ID, h.name())
	author := tamed(h.name())
	if person != nil {
		author = person.Name
	}
	q := room.Quote{Actor: actor, SentAt: h.Sent, Cause: cause, Said: room.Said{
		Chat: chat, Channel: h.Channel, Message: h.ID, URL: b.link(h.Channel, h.ID),
		Author: author, AuthorID: h.Author.ID, Body: h.text(), By: by.Display(),
	}}
	q.Attachments, lost = b.keepFiles(ctx, h.Attachments)
	ref, again, err = room.Record(ctx, b.store, id, q)
	return ref, again, lost, err
}

func (b *Bot) said(ctx context.Context, message string) (s room.Standing, recorded bool, err error) {
	err = b.store.View(ctx, func(v timeline.View) error {
		s, recorded, err = room.SaidAt(v, chat, message)
		return err
	})
	return s, recorded, err
}

// Limits of copying attachments. Discord's links expire after a day:
// https://discord.com/developers/docs/reference#signed-attachment-cdn-urls
const (
	maxFile     = 25 << 20 // bytes of one
	maxFiles    = 10       // of a message, as many as Discord allows
	fileTimeout = 30 * time.Second
)

// attachmentHosts are Discord's own; nothing else is fetched, whatever a link says.
var attachmentHosts = []string{"cdn.discordapp.com", "media.discordapp.net"}

func (b *Bot) keepFiles(ctx context.Context, files []heardFile) (kept []room.Attachment, lost int) {
	for n, f := range files {
		a := room.Attachment{Name: room.Cut(room.Plain(f.Name), 200), ContentType: room.Cut(room.Plain(f.ContentType), 100), Size: f.Size}
		var err error
		switch {
		case n >= maxFiles:
			err = problem.New(problem.TooLarge, "more than %d files in one message", maxFiles)
		case b.vault == nil:
			err = problem.New(problem.Unsupported, "no files are kept here")
		case f.Size > maxFile:
			err = problem.New(problem.TooLarge, "it has more than %d MiB", maxFile>>20)
		default:
			a.SHA256, a.Size, err = b.keepFile(ctx, f.URL)
		}
		if err != nil {
			lost++
			a.SHA256, a.Size, a.Missing = "", f.Size, "it could not be fetched"
			if p, ok := errors.AsType[*problem.Error](err); ok {
				a.Missing = p.Message
			}
			b.log.Warn("an attachment is not kept", "name", a.Name, "error", err)
		}
		kept = append(kept, a)
	}
	return kept, lost
}

func (b *Bot) keepFile(ctx context.Context, address string) (string, int64, error) {
	u, err := url.Parse(address)
	if err != nil || !slices.Contains(b.hosts, u.Hostname()) || u.Scheme != "https" && u.Hostname() != "127.0.0.1" {
		return "", 0, problem.New(problem.Forbidden, "its address is not one of Discord's")
	}
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", 0, err
	}
	client := *b.files
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", 0, problem.New(problem.NotFound, "Discord answered HTTP %d", res.StatusCode)
	}
	sum, size, err := b.vault.Keep(ctx, res.Body, maxFile)
	if err == nil && res.ContentLength >= 0 && size != res.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	return sum, size, err
}

// message takes an event of a message, in order with the others.
func (b *Bot) message(ctx context.Context, name string, data json.RawMessage) {
	var err error
	switch name {
	case "MESSAGE_CREATE":
		err = b.created(ctx, data)
	case "MESSAGE_UPDATE":
		var h heard
		if err = json.Unmarshal(data, &h); err == nil {
			err = b.edited(ctx, h)
		}
	case "MESSAGE_DELETE", "MESSAGE_DELETE_BULK":
		var gone struct {
			ID  string   `json:"id"`
			IDs []string `json:"ids"`
		}
		if err = json.Unmarshal(data, &gone); err == nil {
			for _, id := range append(gone.IDs, gone.ID) {
				err = errors.Join(err, b.deleted(ctx, id))
			}
		}
	case "MESSAGE_REACTION_ADD":
		err = b.reacted(ctx, data)
	}
	if err != nil && ctx.Err() == nil {
		b.log.Warn("an event was not followed", "event", name, "error", err)
	}
}

func (b *Bot) created(ctx context.Context, data json.RawMessage) error {
	var h heard
	if err := json.Unmarshal(data, &h); err != nil {
		return err
	}
	id, err := b.roomAt(ctx, h.Channel)
	if id != "" {
		b.seen.saw(h.Channel, h.ID)
	}
	return err
}

// edited records that a recorded message reads differently. An event without a
// text tells nothing: Discord also sends one when it has looked at a link.
func (b *Bot) edited(ctx context.Context, h heard) error {
	if h.text() == "" {
		return nil
	}
	if _, recorded, err := b.said(ctx, h.ID); err != nil || !recorded {
		return err
	}
	actor := people.Bot
	if h.Author != nil {
		_, actor = b.actorOf(h.Author.ID, h.name())
	}
	var at time.Time
	if h.Edited != nil {
		at = *h.Edited
	}
	_, err := room.RecordEdit(ctx, b.store, chat, h.ID, h.text(), actor, at)
	return err
}

func (b *Bot) deleted(ctx context.Context, message string) error {
	if message == "" {
		return nil
	}
	if _, recorded, err := b.said(ctx, message); err != nil || !recorded {
		return err
	}
	_, err := room.RecordDeletion(ctx, b.store, chat, message)
	return err
}
