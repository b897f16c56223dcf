package render

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/integrations/discord/rest"
)

// Reply renders what a handler answered: at least one message, in order, and the
// files that belong to the last one. What does not fit into a few messages is in a
// file. The caller decides who sees it.
func (r *Renderer) Reply(reply command.Reply) ([]rest.Message, []rest.File) {
	b := replyBuilder{Renderer: r}
	for _, f := range reply.Files {
		b.file(f.Name, f.ContentType, f.Body)
	}
	for _, e := range reply.Embeds {
		b.embed(e)
	}
	if t := reply.Table; t != nil && len(t.Rows) > 0 {
		b.table(*t)
	}
	acts := reply.Actions
	if reply.Confirm && len(acts) > 0 && acts[0].Style == command.Secondary {
		acts = append([]command.Action{acts[0]}, acts[1:]...)
		acts[0].Style = command.Danger // what goes on is never pressed by the way
	}
	rows, typed := r.buttons(acts)
	return b.messages(reply, rows, typed), b.files
}

type replyBuilder struct {
	*Renderer
	embeds []*discordgo.MessageEmbed
	files  []rest.File
	bytes  int
	notes  []string // what is said besides, as Markdown
}

func (b *replyBuilder) file(name, contentType string, body []byte) {
	shown := safeLine(cut(oneLine(name), 80))
	switch {
	case len(b.files) == maxFiles:
		b.notes = append(b.notes, fmt.Sprintf("**%s** is left out: a message holds %d files.", shown, maxFiles))
	case len(body) > maxFileBytes || b.bytes+len(body) > maxRequestBytes-requestOverhead:
		b.notes = append(b.notes, fmt.Sprintf("**%s** is left out: with %d MiB it is too large for Discord. The shell gives it.", shown, len(body)>>20))
	default:
		b.bytes += len(body)
		b.files = append(b.files, rest.File{Name: b.fileName(name), ContentType: contentType, Body: body})
	}
}

// fileName is a plain name that no other file of the reply has.
func (b *replyBuilder) fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, plain(path.Base("/"+strings.ReplaceAll(name, `\`, "/")), 100))
	name = cmp.Or(strings.Trim(name, "-. "), "file")
	for _, f := range b.files {
		if f.Name == name {
			name = fmt.Sprintf("%d-%s", len(b.files)+1, name)
		}
	}
	return name
}

func (b *replyBuilder) table(t command.TableData) {
	shown, whole := table(t)
	if strings.TrimSpace(shown) != "" {
		b.embeds = append(b.embeds, &discordgo.MessageEmbed{Description: shown, Color: grey})
	}
	if !whole {
		b.file("table.txt", "text/plain; charset=utf-8", tableFile(t))
	}
}

// embed adds one, and further ones without a title for what does not fit into it.
func (b *replyBuilder) embed(e command.Embed) {
	foot := plain(command.Unescape(tameKeeping(e.Footer)), maxEmbedFooter/2)
	title, _ := cutMarkdown(tameKeeping(e.Title), maxEmbedTitle, "…")
	spare := maxEmbedTotal - Units(foot) - 20
	next := func() *discordgo.MessageEmbed {
		one := &discordgo.MessageEmbed{Color: e.Color & 0xffffff}
		b.embeds = append(b.embeds, one)
		return one
	}
	one := next()
	one.Title = title
	for i, piece := range split(tameKeeping(e.Description), min(maxEmbedDescription, spare-maxEmbedTitle)) {
		if i > 0 {
			one = next()
		}
		one.Description = piece
	}
	for _, f := range e.Fields {
		name, _ := cutMarkdown(tameKeeping(f.Name), maxFieldName, "…")
		values := split(tameKeeping(f.Value), maxFieldValue)
		if len(values) == 0 {
			values = []string{"–"}
		}
		for i, value := range values {
			if i > 0 {
				name = "…"
			}
			name = cmp.Or(name, "…")
			if len(one.Fields) == maxEmbedFields || total(one)+Units(name)+Units(value) > spare {
				one = next()
			}
			one.Fields = append(one.Fields, &discordgo.MessageEmbedField{Name: name, Value: value, Inline: f.Inline && len(values) == 1})
		}
	}
	if foot != "" {
		one.Footer = &discordgo.MessageEmbedFooter{Text: foot}
	}
	if y := e.At.UTC().Year(); !e.At.IsZero() && y > 1970 && y < 9999 {
		one.Timestamp = e.At.UTC().Format(time.RFC3339)
	}
	if total(one) == 0 {
		b.embeds = b.embeds[:len(b.embeds)-1] // Discord refuses one that says nothing
	}
}

// total is what Discord adds up over the embeds of a message.
func total(e *discordgo.MessageEmbed) int {
	n := Units(e.Title) + Units(e.Description)
	for _, f := range e.Fields {
		n += Units(f.Name) + Units(f.Value)
	}
	if e.Footer != nil {
		n += Units(e.Footer.Text)
	}
	if e.Author != nil {
		n += Units(e.Author.Name)
	}
	return n
}

// maxEmbedMessages is how many messages the embeds of a reply become; the rest is
// in a file.
const maxEmbedMessages = 3

func (b *replyBuilder) messages(reply command.Reply, rows []discordgo.MessageComponent, typed []string) []rest.Message {
	texts := split(tameKeeping(strings.Join(append([]string{reply.Text}, typed...), "\n")), maxContent)
	packs := pack(b.embeds)
	if len(texts) > maxReplyParts || len(packs) > maxEmbedMessages {
		texts, packs = texts[:min(len(texts), maxReplyParts)], packs[:min(len(packs), maxEmbedMessages)]
		b.file("reply.md", "text/markdown; charset=utf-8", []byte(wholeReply(reply)))
		b.notes = append(b.notes, "**Cut here**: the whole is in reply.md.")
	}
	if len(b.notes) > 0 {
		texts = append(texts, split(strings.Join(b.notes, "\n"), maxContent)...)
		if n := len(texts); n > 1 && Units(texts[n-2])+1+Units(texts[n-1]) <= maxContent {
			texts = append(texts[:n-2], texts[n-2]+"\n"+texts[n-1])
		}
	}
	if len(texts)+len(packs) == 0 {
		texts = []string{"Done."}
		if len(b.files) > 0 {
			texts = []string{"Here it is."}
		}
	}
	out := make([]rest.Message, len(texts))
	for i, t := range texts {
		out[i].Content = t
		if strings.Contains(t, "://") && (i < len(texts)-1 || len(packs) == 0) {
			out[i].Flags = rest.SuppressEmbeds // a preview would show what an outsider's page says
		}
	}
	for i, embeds := range packs {
		if i > 0 || len(out) == 0 {
			out = append(out, rest.Message{})
		}
		out[len(out)-1].Embeds = embeds
	}
	out[len(out)-1].Components = rows
	return out
}

// pack lays embeds into messages.
func pack(embeds []*discordgo.MessageEmbed) (packs [][]*discordgo.MessageEmbed) {
	sum := 0
	for _, e := range embeds {
		n := len(packs)
		if n == 0 || len(packs[n-1]) == maxEmbeds || sum+total(e) > maxEmbedTotal {
			packs, sum = append(packs, nil), 0
			n++
		}
		packs[n-1] = append(packs[n-1], e)
		sum += total(e)
	}
	return packs
}

// wholeReply is the text and the embeds of a reply as one Markdown file.
func wholeReply(reply command.Reply) string {
	var b strings.Builder
	line := func(format, text string) {
		if text = tameKeeping(text); text != "" {
			fmt.Fprintf(&b, format, text)
		}
	}
	line("%s\n", reply.Text)
	for _, e := range reply.Embeds {
		line("\n## %s\n", e.Title)
		line("\n%s\n", e.Description)
		for _, f := range e.Fields {
			line("\n### %s\n", f.Name)
			line("\n%s\n", f.Value)
		}
		line("\n%s\n", e.Footer)
	}
	return b.String()
}
