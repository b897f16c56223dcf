package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// overviewLines is how many incidents are read for the overview; the renderer counts
// what does not fit.
const overviewLines = 200

// Overview is the follower "discord/overview": a channel with one line for each
// incident that people have to care about. Add it with [Pace]; it keeps to that over
// all incidents together.
func (r *Rooms) Overview() timeline.Mirror { return overview{r} }

type overview struct{ *Rooms }

// overviewState is what the overview remembers between two calls.
type overviewState struct {
	busy chan struct{}
	last time.Time // of the last change
	pos  int64     // the newest entry when all was shown: at a start every incident asks
}

// board is what is noted of the overview's messages.
type board struct {
	Channel  string   `json:"channel"`
	Messages []string `json:"messages"`
	Looks    []string `json:"looks"` // what they show, as hashes
}

// Show implements [timeline.Mirror]: whatever the timeline, it shows all.
func (o overview) Show(ctx context.Context, id timeline.ID) ([]timeline.Delivered, error) {
	if !id.IsIncident() {
		return nil, nil
	}
	release, err := hold(ctx, o.overview.busy)
	if err != nil {
		return nil, err
	}
	defer release()
	messages, b, pos, err := o.state(ctx)
	if err != nil || messages == nil {
		return nil, err
	}
	if o.shown(messages, b) {
		o.overview.pos = pos
		return nil, nil
	}
	if next := o.overview.last.Add(Pace); next.After(o.Clock.Now()) {
		return nil, &timeline.Later{At: next, Err: fmt.Errorf("the overview was changed a moment ago")}
	}
	if err = o.bring(ctx, b, messages); err == nil {
		o.overview.last, o.overview.pos = o.Clock.Now(), pos
	}
	if final(err) {
		o.Log.Warn("discord refuses the overview", "error", err)
		err = refused(err)
	}
	return nil, err
}

// state reads what is to be shown, what is, and as of which entry. There are no
// messages when nothing was recorded since all was shown.
func (o overview) state(ctx context.Context) (messages []rest.Message, b *board, pos int64, err error) {
	b = &board{}
	var lines []room.OverviewLine
	err = o.Store.View(ctx, func(v timeline.View) (err error) {
		if pos, err = v.LastPos(); err != nil || pos == o.overview.pos {
			return err
		}
		if lines, _, err = room.Overview(v, Chat, v.Now(), overviewLines); err != nil {
			return err
		}
		doc, err := noted(v, "overview")
		if err != nil || doc == nil {
			return err
		}
		return json.Unmarshal(doc, b)
	})
	if err != nil || pos == o.overview.pos {
		return nil, nil, pos, err
	}
	messages = o.Render.Overview(lines)
	for n := range messages {
		sign(&messages[n], n)
	}
	return messages, b, pos, nil
}

// sign marks a message as the n-th of the overview, by which it is found again.
func sign(m *rest.Message, n int) {
	if len(m.Embeds) == 0 {
		m.Embeds = []*discordgo.MessageEmbed{{}}
	}
	last := m.Embeds[len(m.Embeds)-1]
	if last.Footer == nil {
		last.Footer = &discordgo.MessageEmbedFooter{}
	}
	last.Footer.Text = strings.TrimPrefix(last.Footer.Text+" · "+signature(n), " · ")
}

func signature(n int) string { return fmt.Sprintf("overview %d", n+1) }

func isSigned(m *discordgo.Message, n int) bool {
	for _, e := range m.Embeds {
		if e.Footer != nil && (e.Footer.Text == signature(n) || strings.HasSuffix(e.Footer.Text, " · "+signature(n))) {
			return true
		}
	}
	return false
}

func (o overview) shown(messages []rest.Message, b *board) bool {
	if len(messages) != len(b.Messages) || len(messages) != len(b.Looks) {
		return false
	}
	for n, m := range messages {
		if lookOf(m) != b.Looks[n] {
			return false
		}
	}
	return true
}

// bring changes what is there into what is to be there.
func (o overview) bring(ctx context.Context, b *board, messages []rest.Message) error {
	for again := false; ; again = true {
		err := o.put(ctx, b, messages)
		if rest.CodeOf(err) != rest.UnknownChannel || again {
			return err
		}
		*b = board{} // somebody deleted the channel
	}
}

func (o overview) put(ctx context.Context, b *board, messages []rest.Message) error {
	if b.Channel == "" {
		if err := o.settle(ctx, b); err != nil {
			return err
		}
	}
	for n, m := range messages {
		if n < len(b.Messages) && n < len(b.Looks) && b.Looks[n] == lookOf(m) {
			continue
		}
		if err := o.putOne(ctx, b, n, m); err != nil {
			return err
		}
	}
	for len(b.Messages) > len(messages) {
		last := len(b.Messages) - 1
		if err := o.Rest.DeleteMessage(ctx, b.Channel, b.Messages[last], auditReason); err != nil && rest.CodeOf(err) != rest.UnknownMessage {
			return err
		}
		b.Messages, b.Looks = b.Messages[:last], b.Looks[:min(last, len(b.Looks))]
	}
	return o.keep(ctx, b)
}

// settle finds or makes the channel.
func (o overview) settle(ctx context.Context, b *board) error {
	release, err := hold(ctx, o.guild)
	if err != nil {
		return err
	}
	defer release()
	all, err := o.channels(ctx)
	if err != nil {
		return err
	}
	b.Channel, err = o.overviewChannel(ctx, &all)
	return err
}

// putOne edits the n-th message, or posts it anew where that is not possible.
func (o overview) putOne(ctx context.Context, b *board, n int, m rest.Message) error {
	look := lookOf(m)
	old := ""
	if n < len(b.Messages) {
		old = b.Messages[n]
		_, err := o.Rest.EditMessage(ctx, b.Channel, old, m)
		switch rest.CodeOf(err) {
		case rest.UnknownMessage, rest.MaxEditsOfOldMessage, rest.CannotEditOthersMessage, cannotEditSystem:
		default:
			if err != nil {
				return fmt.Errorf("overview in #%s: %w", o.Options.Overview, err)
			}
			b.Looks[n] = look
			return o.keep(ctx, b)
		}
	}
	if old != "" {
		if err := o.Rest.DeleteMessage(ctx, b.Channel, old, auditReason); err != nil && rest.CodeOf(err) != rest.UnknownMessage {
			return fmt.Errorf("old overview in #%s: %w", o.Options.Overview, err)
		}
	}
	made, err := o.find(ctx, b, n, old)
	if err != nil {
		return err
	}
	if made == "" {
		m.Nonce, m.EnforceNonce = nonce(OverviewName, b.Channel, fmt.Sprint(n), old), true
		sent, err := o.Rest.CreateMessage(ctx, b.Channel, m)
		if err != nil {
			return fmt.Errorf("overview in #%s: %w", o.Options.Overview, err)
		}
		made = sent.ID
	} else {
		look = "" // it is edited by the next attempt
	}
	if old == "" {
		b.Messages, b.Looks = append(b.Messages, made), append(b.Looks, look)
	} else {
		b.Messages[n], b.Looks[n] = made, look
	}
	if err := o.keep(ctx, b); err != nil || look != "" {
		return err
	}
	return o.putOne(ctx, b, n, m)
}

// find looks for the n-th message, which an earlier attempt may have made after old.
func (o overview) find(ctx context.Context, b *board, n int, old string) (string, error) {
	me, err := o.self(ctx)
	if err != nil {
		return "", err
	}
	page, err := o.Rest.Messages(ctx, b.Channel, rest.Page{After: old, Limit: 100})
	if err != nil {
		return "", fmt.Errorf("look into #%s: %w", o.Options.Overview, err)
	}
	for _, m := range page {
		if m.Author != nil && m.Author.ID == me && isSigned(m, n) {
			return m.ID, nil
		}
	}
	return "", nil
}

func (o overview) keep(ctx context.Context, b *board) error {
	doc, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return o.note(ctx, "overview", doc)
}
