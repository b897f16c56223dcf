package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	chats "wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
	"wardroom/storage"
)

// saw looks at what somebody was shown. where "" counts nothing.
func (b *siege) saw(where string, texts int, seen discordtest.Seen, err error) discordtest.Seen {
	b.t.Helper()
	switch {
	case err != nil:
		return seen // no client would have sent it
	case seen.Failed != "":
		b.fail("%s: %s", where, seen.Failed)
	}
	for _, m := range append([]*discordtest.Message{seen.Answer}, seen.Posts...) {
		if m != nil {
			b.harmless(m)
		}
	}
	if texts > 0 {
		b.cases[where] += texts
	}
	return seen
}

var drawn = regexp.MustCompile(`<@[!&]?[0-9]|@everyone|@here`)

var inert = regexp.MustCompile("(?s)\\\\.|```.*?```|`[^`\n]+`")

// harmless holds a message of the bot to notify whom a page is for, and nobody else.
func (b *siege) harmless(m *discordtest.Message) {
	b.t.Helper()
	if m.Author == nil || m.Author.ID != b.chat.BotID() {
		return
	}
	if m.MentionEveryone || len(m.MentionRoles) > 0 {
		b.fail("%s notifies a crowd: %.300q", m.ID, m.Content)
	}
	var pages []string
	for _, u := range m.Mentions {
		pages = append(pages, u.ID)
	}
	if len(pages) > 1 || len(pages) == 1 && !b.isPage(m, pages[0]) {
		b.fail("%s notifies %v: %.300q", m.ID, pages, m.Content)
	}
	texts := []string{m.Content}
	for _, e := range m.Embeds {
		texts = append(texts, e.Title, e.Description)
		for _, f := range e.Fields {
			texts = append(texts, f.Name, f.Value)
		}
	}
	for _, text := range texts {
		if len(pages) == 1 {
			text = strings.ReplaceAll(text, "<@"+pages[0]+">", "")
		}
		if found := drawn.FindString(inert.ReplaceAllString(text, "")); found != "" {
			b.fail("%s is drawn with %q: %.300q", m.ID, found, text)
		}
		if strings.Contains(text, "nternal error") || strings.Contains(text, "cannot be shown here") {
			b.fail("%s: %.300q", m.ID, text)
		}
	}
}

// isPage reports whether a message tells of a page of that person.
func (b *siege) isPage(m *discordtest.Message, user string) (is bool) {
	b.t.Helper()
	ref := timeline.Ref{}
	for _, e := range m.Embeds {
		if e.Footer != nil {
			word, _, _ := strings.Cut(e.Footer.Text, " ")
			ref, _ = timeline.ParseRef(word)
		}
	}
	if ref.IsZero() {
		return false
	}
	err := b.View(b.t.Context(), func(v timeline.View) error {
		entries, err := v.Entries(ref.Timeline, ref.Seq-1, 1)
		for _, e := range entries {
			if p, page := e.Payload.(*oncall.Paged); page {
				person, _ := b.config.People.ByName(p.Person)
				is = slices.Equal(person.Discord, []string{user})
			}
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return is
}

// nothingLost holds every room to tell each key entry once, in order.
func (b *siege) nothingLost() {
	b.t.Helper()
	for _, c := range b.chat.Channels() {
		for _, m := range b.chat.Messages(c.ID) {
			b.harmless(m)
		}
	}
	err := b.View(b.t.Context(), func(v timeline.View) error {
		all, err := incident.Table.Select(v, timeline.Query{OrderBy: "number"})
		if err != nil {
			return err
		}
		for _, i := range all {
			entries, err := v.Entries(i.ID, 0, 100_000)
			if err != nil {
				return err
			}
			b.told(i.ID, entries)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	report, err := b.db.Verify(b.t.Context(), storage.VerifyOptions{Rebuild: true})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range report.Faults {
		b.fail("%s", f.String())
	}
}

// told compares what a room tells with what it has to.
func (b *siege) told(id timeline.ID, entries []timeline.Entry) {
	b.t.Helper()
	channel := b.channelOf(id)
	var want []int64
	for _, e := range entries {
		if f, is := e.Payload.(*timeline.DeliveryFailed); is {
			b.fail("%s: %s", e.Ref, f.Reason)
		}
		said, is := e.Payload.(*chats.Said)
		if b.codec.Prominence(e.Kind) == timeline.Key && !e.Kind.IsDelivery() && !(is && said.Channel == channel) {
			want = append(want, e.Seq)
		}
	}
	if channel == "" {
		return
	}
	at, total := 0, 0
	for _, m := range b.chat.Messages(channel) {
		if m.Pinned || m.Author.ID != b.chat.BotID() || len(m.Embeds) == 0 {
			continue
		}
		foot := m.Embeds[len(m.Embeds)-1].Footer
		if foot == nil {
			if strings.Contains(m.Embeds[0].Description, "was erased") {
				at++
			}
			continue
		}
		word, rest, _ := strings.Cut(foot.Text, " · ")
		ref, err := timeline.ParseRef(word)
		if err != nil || ref.Timeline != id {
			continue
		}
		upTo := at + 1
		if n, of, folded := strings.Cut(strings.SplitN(rest, " · ", 2)[0], " of "); folded { // "20 of 31": so many are told by now
			told, err1 := strconv.Atoi(n)
			all, err2 := strconv.Atoi(of)
			if err1 != nil || err2 != nil {
				b.fail("%s: a footer %q", id, foot.Text)
			}
			lines := 0
			for line := range strings.Lines(m.Embeds[0].Description) {
				if strings.HasPrefix(line, "<t:") {
					lines++
				}
			}
			if total == 0 {
				total = at
			}
			if upTo = at + lines; upTo != total+told {
				b.fail("%s: %q tells %d lines", id, foot.Text, lines)
			}
			if told == all {
				total = 0
			}
		}
		if upTo > len(want) || want[upTo-1] != ref.Seq {
			b.fail("%s: after %d of %d entries a post tells up to #%d: %.200q", id, at, len(want), ref.Seq, m.Embeds[0].Description)
			return
		}
		at = upTo
	}
	if at != len(want) {
		b.fail("%s: the room tells %d of %d entries", id, at, len(want))
	}
}
