package discordtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Transcript is what the simulated Discord holds, as text: each channel with its topic
// and what is pinned, every message that everybody sees in its last state, with
// embeds, buttons, files and reactions; threads stand below their channel. Times are
// UTC. Ids of people, roles and channels are their names, so that the same night gives
// the same text. Ephemeral messages are nobody else's and do not stand in it.
func (s *Server) Transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transcript{st: s.state}
	t.line("", "Discord: %s", s.state.guild)
	for _, c := range s.state.listed(false) {
		if c.Type != ChannelCategory && c.ParentID == nil {
			t.channel(c, "")
		}
	}
	for _, category := range s.state.listed(false) {
		if category.Type != ChannelCategory {
			continue
		}
		t.line("", "\n══ %s", category.Name)
		for _, c := range s.state.listed(false) {
			if c.ParentID != nil && *c.ParentID == category.ID {
				t.channel(c, "")
			}
		}
	}
	return t.out.String()
}

type transcript struct {
	st  *state
	out strings.Builder
	day string
}

// line writes text with every one of its lines behind a margin.
func (t *transcript) line(margin, format string, args ...any) {
	for l := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		t.out.WriteString(strings.TrimRight(margin+l, " ") + "\n")
	}
}

func (t *transcript) channel(c *Channel, in string) {
	t.line("", "\n%s#%s", in, c.Name)
	if c.Topic != nil {
		t.line("", "topic: %s", t.named(*c.Topic))
	}
	if c.Thread != nil && c.Thread.Metadata.Archived {
		t.line("", "archived")
	}
	for _, m := range t.st.pins(c.ID) {
		first, _, _ := strings.Cut(t.summary(m), "\n")
		t.line("", "📌 %s", first)
	}
	t.day = ""
	for _, m := range t.st.messages[c.ID] {
		t.message(m)
	}
	for _, th := range t.st.listed(true) {
		if *th.ParentID == c.ID {
			t.channel(th, "#"+c.Name+" › ")
		}
	}
}

func (t *transcript) message(m *Message) {
	at, err := time.Parse(time.RFC3339Nano, m.Timestamp)
	if err != nil {
		at = time.Time{}
	}
	if day := at.UTC().Format("2006-01-02"); day != t.day {
		t.day = day
		t.line("", "── %s", day)
	}
	mark := ""
	if m.Pinned {
		mark += " 📌"
	}
	if m.EditedTimestamp != nil {
		mark += " (edited)"
	}
	if m.Thinking() {
		mark += " is thinking…"
	}
	if m.Reference != nil && m.Type == 19 {
		mark += " ↩"
	}
	t.line("", "%s %s%s", at.UTC().Format("15:04:05"), m.Author.Username, mark)
	switch m.Type {
	case 6:
		t.line("    ", "pinned a message")
	case 18:
		t.line("    ", "started a thread: %s", m.Content)
	default:
		t.body(m)
	}
}

func (t *transcript) body(m *Message) {
	if len(m.Mentions)+len(m.MentionRoles) > 0 || m.MentionEveryone {
		var who []string
		for _, u := range m.Mentions {
			who = append(who, "@"+u.Username)
		}
		for _, r := range m.MentionRoles {
			who = append(who, "@"+t.st.roles[r].Name)
		}
		if m.MentionEveryone {
			who = append(who, "@everyone")
		}
		t.line("    ", "🔔 %s", strings.Join(who, " "))
	}
	if m.Content != "" {
		t.line("    ", "%s", t.named(m.Content))
	}
	for _, e := range m.Embeds {
		t.embed(e)
	}
	for _, a := range m.Attachments {
		t.line("    ", "📎 %s (%d bytes)", a.Filename, a.Size)
	}
	for _, c := range m.Components {
		t.component("    ", c)
	}
	for _, r := range m.Reactions {
		t.line("    ", "reaction %s %d", r.Emoji.Name, r.Count)
	}
}

func (t *transcript) embed(e Embed) {
	const margin = "  │ "
	if e.Author != nil {
		t.line(margin, "%s", t.named(e.Author.Name))
	}
	if e.Title != "" {
		t.line(margin, "** %s **", t.named(e.Title))
	}
	if e.Description != "" {
		t.line(margin, "%s", t.named(e.Description))
	}
	for _, f := range e.Fields {
		if strings.Contains(f.Value, "\n") {
			t.line(margin, "%s:\n%s", t.named(f.Name), t.named(f.Value))
		} else {
			t.line(margin, "%s: %s", t.named(f.Name), t.named(f.Value))
		}
	}
	if e.Footer != nil {
		t.line(margin, "· %s", t.named(e.Footer.Text))
	}
}

func (t *transcript) component(margin string, c Component) {
	switch {
	case c.Type == ActionRow:
		var parts []string
		for _, inner := range c.Components {
			parts = append(parts, t.control(inner))
		}
		t.line(margin, "%s", strings.Join(parts, " "))
	case c.Type == TextDisplay:
		t.line(margin, "%s", t.named(c.Content))
	default:
		for _, inner := range c.Components {
			t.component(margin+"│ ", inner)
		}
		if c.Accessory != nil {
			t.line(margin, "%s", t.control(*c.Accessory))
		}
	}
}

// control is a button as [Label], grey ones as (Label), or a select as ‹Placeholder: a, b✓›.
func (t *transcript) control(c Component) string {
	label := t.named(c.Label)
	if c.Emoji != nil {
		label = strings.TrimSpace(c.Emoji.Name + " " + label)
	}
	switch {
	case c.Type == Button && c.Disabled:
		return "(" + label + ")"
	case c.Type == Button && c.URL != "":
		return "[" + label + " ↗]"
	case c.Type == Button:
		return "[" + label + "]"
	}
	var options []string
	for _, o := range c.Options {
		if o.Default {
			o.Label += " ✓"
		}
		options = append(options, o.Label)
	}
	return "‹" + strings.TrimSuffix(t.named(c.Placeholder)+": "+strings.Join(options, ", "), ": ") + "›"
}

// summary is the first text of a message.
func (t *transcript) summary(m *Message) string {
	if m.Content != "" {
		return t.named(m.Content)
	}
	for _, e := range m.Embeds {
		if e.Title != "" {
			return t.named(e.Title)
		}
		return t.named(e.Description)
	}
	for c := range flat(m.Components) {
		if c.Content != "" {
			return t.named(c.Content)
		}
	}
	return ""
}

var reference = regexp.MustCompile(`<(@!?|@&|#)(\d+)>|<t:(-?\d+)(?::[tTdDfFR])?>`)

// escaped finds what a client shows without its backslash; in code it shows both.
var escaped = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`|\\\\[!-/:-@\\[-`{-~]")

// named writes names for ids and UTC for Discord's times, and takes the backslash off
// what is escaped.
func (t *transcript) named(text string) string {
	text = escaped.ReplaceAllStringFunc(text, func(found string) string {
		return strings.TrimPrefix(found, "\\")
	})
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		p := reference.FindStringSubmatch(found)
		if p[3] != "" {
			n, err := strconv.ParseInt(p[3], 10, 64)
			if err != nil {
				return found
			}
			return time.Unix(n, 0).UTC().Format("2006-01-02 15:04:05 UTC")
		}
		switch p[1] {
		case "#":
			if c := t.st.channels[p[2]]; c != nil {
				return "#" + c.Name
			}
		case "@&":
			if r := t.st.roles[p[2]]; r != nil {
				return "@" + r.Name
			}
		default:
			if u := t.st.users[p[2]]; u != nil {
				return "@" + u.Username
			}
		}
		return found
	})
}
