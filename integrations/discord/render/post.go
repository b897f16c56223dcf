package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// maxPost is what one post may say: less than an embed's total, for what is added
// around it.
const maxPost = maxEmbedTotal - 400

// Post renders one post as one message, a folded backlog as one or a few. The
// footer of a message names the last entry that it tells of: [EntryOf] reads it.
// Only a post that is not folded notifies somebody, and then one person.
func (r *Renderer) Post(m room.Message) []rest.Message {
	switch {
	case len(m.Posts) == 0:
		return nil
	case len(m.Posts) > 1 || m.Stale:
		return r.fold(m.Posts)
	}
	return []rest.Message{r.single(m.Posts[0])}
}

func (r *Renderer) single(p room.Post) rest.Message {
	text := safe(p.Text)
	if text == "" {
		text = "(no text)"
	}
	head := "**" + actor(p) + "** · " + stamp(p.At, 't')
	if utc.Recorded(p.At, p.Recorded) != "" {
		head = "**" + actor(p) + "** · " + clockStamp(p.At, p.Recorded) + " · recorded " + stamp(p.Recorded, 't')
	}
	whole, _ := cutMarkdown(head+"\n"+text, maxPost, "\n… (cut; whole text: "+whereWhole(p.Entry)+")")
	if len(p.More) > 0 {
		whole = withDetails(whole, p)
	}
	message := rest.Message{}
	for _, piece := range split(whole, maxEmbedDescription) {
		message.Embeds = append(message.Embeds, &discordgo.MessageEmbed{Description: piece, Color: colourOf(p.Tone)})
	}
	foot := p.Entry.String() + " · " + utc.Beside(p.At, p.Recorded)
	if recorded := utc.Recorded(p.At, p.Recorded); recorded != "" {
		foot += " · " + recorded
	}
	message.Embeds[len(message.Embeds)-1].Footer = &discordgo.MessageEmbedFooter{Text: foot}
	r.notify(&message, p)
	return message
}

// withDetails adds the lines below a post, as many as fit; the last line says how
// many do not. What is worst stands first.
func withDetails(whole string, p room.Post) string {
	left := len(p.More)
	more := func() string {
		if p.Whole != "" {
			return fmt.Sprintf("\n… and %d more lines: %s", left, command.Code(cut(oneLine(p.Whole), maxRunLine)))
		}
		return fmt.Sprintf("\n… and %d more lines: %s", left, whereWhole(p.Entry))
	}
	spare := Units(more())
	for n, d := range p.More {
		line := "\n" + detail(d)
		if n == maxDetails || Units(whole)+Units(line)+spare > maxPost {
			return whole + more()
		}
		whole += line
		left--
	}
	return whole
}

// detail is one line below a post.
func detail(d room.Detail) string {
	text := cut(oneLine(d.Text), maxRunLine)
	switch d.As {
	case room.Head:
		return "**" + safeLine(text) + "**"
	case room.Code:
		return command.Code(text)
	case room.Step:
		return safeLine(text)
	}
	return "• " + safeLine(text)
}

// notify mentions the one person whom the post is for, in the text that a locked
// phone shows, and offers what they can do at once.
func (r *Renderer) notify(m *rest.Message, p room.Post) {
	rows, typed := r.buttons(p.Acts)
	m.Components = rows
	if len(p.Mentions) == 0 {
		m.Content, _ = cutMarkdown(strings.Join(typed, "\n"), maxContent, "…")
		return
	}
	says := safeLine(cut(oneLine(cmp.Or(p.Call, p.Text)), 300))
	for _, person := range p.Mentions[:min(len(p.Mentions), maxMentions)] {
		if id := r.DiscordID(person); snowflake(id) {
			m.AllowedMentions.Users = []string{id}
			says = "<@" + id + "> " + says
		} else {
			says += " (no Discord account is linked to " + safeLine(cut(oneLine(person), 60)) + ")"
		}
	}
	m.Content, _ = cutMarkdown(says, maxContent, "…")
	if len(typed) > 0 {
		m.Content, _ = cutMarkdown(m.Content+"\n"+strings.Join(typed, "\n"), maxContent, "…")
	}
}

// fold tells a backlog in lines, with the original times.
func (r *Renderer) fold(posts []room.Post) []rest.Message {
	var out []rest.Message
	colour := colourOf(room.Calm)
	for _, tone := range []room.Tone{room.Trouble, room.Alarm} {
		if slices.ContainsFunc(posts, func(p room.Post) bool { return p.Tone == tone }) {
			colour = colourOf(tone)
		}
	}
	first, last := posts[0], posts[len(posts)-1]
	title := fmt.Sprintf("%d entries while nobody could be told", len(posts))
	span := utc.Full(first.At) + " to " + utc.Beside(last.At, first.At)
	var b strings.Builder
	units, told, day := 0, 0, ""
	var of timeline.Ref
	flush := func() {
		e := &discordgo.MessageEmbed{Description: b.String(), Color: colour}
		if len(out) == 0 {
			e.Title = title
		}
		e.Footer = &discordgo.MessageEmbedFooter{Text: fmt.Sprintf("%s · %d of %d · %s", of, told, len(posts), span)}
		out = append(out, rest.Message{Embeds: []*discordgo.MessageEmbed{e}})
		b.Reset()
		units, day = 0, ""
	}
	for _, p := range posts {
		line := r.foldedLine(p)
		if units+Units(line)+1+dayUnits > maxEmbedDescription {
			flush()
		}
		if d := utc.Day(p.At); d != day {
			day = d
			line = "**" + stamp(p.At, 'D') + "**\n" + line
		}
		if b.Len() > 0 {
			line = "\n" + line
		}
		b.WriteString(line)
		units += Units(line)
		told++
		of = p.Entry
	}
	flush()
	return out
}

// dayUnits is room for the date before a line.
const dayUnits = 40

func (r *Renderer) foldedLine(p room.Post) string {
	text := safeLine(p.Text)
	if text == "" {
		text = "(no text)"
	}
	line, _ := cutMarkdown(stamp(p.At, 't')+" **"+actor(p)+"** "+text, maxFoldedLine, "… ("+seq(p.Entry)+")")
	return line
}

// seq is "#17", escaped.
func seq(ref timeline.Ref) string { return fmt.Sprintf(`\#%d`, ref.Seq) }

func actor(p room.Post) string {
	if name := safeLine(cut(oneLine(p.Actor), 60)); name != "" {
		return name
	}
	return "somebody"
}

// utc says times where everybody must read the same.
var utc room.Clock

// whereWhole is how the whole of what was cut is asked for.
func whereWhole(ref timeline.Ref) string {
	return "`/timeline show entry:" + ref.String() + "`"
}

// Tombstone is what takes the place of a post whose entry was erased, so that the
// room has a copy no longer.
func (r *Renderer) Tombstone() rest.Message {
	return rest.Message{Embeds: []*discordgo.MessageEmbed{{
		Description: "*What stood here was erased.*", Color: grey,
	}}}
}

// EntryOf returns the last entry that a post of ours tells of, and whether the
// message is such a post. Whether it is ours is the caller's to check.
func EntryOf(m *discordgo.Message) (timeline.Ref, bool) {
	if m == nil {
		return timeline.Ref{}, false
	}
	for _, e := range slices.Backward(m.Embeds) {
		if e == nil || e.Footer == nil {
			continue
		}
		word, _, _ := strings.Cut(e.Footer.Text, " ")
		if ref, err := timeline.ParseRef(word); err == nil && !ref.IsZero() && ref.String() == word {
			return ref, true
		}
	}
	return timeline.Ref{}, false
}

// snowflake reports whether id is an id of Discord's, and nothing else.
func snowflake(id string) bool {
	if len(id) < 15 || len(id) > 20 {
		return false
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
	}
	return true
}
