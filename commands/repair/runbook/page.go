package runbook

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"wardroom/bot/room"
)

// css is the whole look: light and dark, readable on a phone, printable.
//
//go:embed style.css
var css string

// page is one subject, of which a Markdown and an HTML file are made. All text may
// come from outside: it is escaped where it is written.
type page struct {
	name   string // of its files, without their ending
	title  string
	blocks []block
}

// block is a part of a page; one of its fields is set.
type block struct {
	heading string
	level   int // of the heading: 2, 3
	text    string
	items   []item
	steps   []step
	code    []string   // lines to copy
	table   [][]string // the first row has the headings
}

type item struct {
	text string
	page string // what it leads to; "" for none
}

// step is a numbered step.
type step struct {
	text, remark string
	code         []string
}

func (p *page) heading(level int, format string, args ...any) {
	p.blocks = append(p.blocks, block{heading: fmt.Sprintf(format, args...), level: level})
}

func (p *page) say(format string, args ...any) {
	p.blocks = append(p.blocks, block{text: fmt.Sprintf(format, args...)})
}

func (p *page) list(items ...item) { p.blocks = append(p.blocks, block{items: items}) }

// replaced returns a copy in which names stand as r says.
func (p page) replaced(r *strings.Replacer) page {
	each := func(all []string) []string {
		out := make([]string, len(all))
		for i, s := range all {
			out[i] = r.Replace(s)
		}
		return out
	}
	blocks := make([]block, len(p.blocks))
	for i, b := range p.blocks {
		b.heading, b.text, b.code = r.Replace(b.heading), r.Replace(b.text), each(b.code)
		b.items = append([]item(nil), b.items...)
		for k := range b.items {
			b.items[k].text = r.Replace(b.items[k].text)
		}
		b.steps = append([]step(nil), b.steps...)
		for k, s := range b.steps {
			b.steps[k] = step{r.Replace(s.text), r.Replace(s.remark), each(s.code)}
		}
		blocks[i] = b
	}
	p.blocks = blocks
	return p
}

// line is outside text on one line, without what a terminal or a browser would obey.
func line(s string) string { return room.Plain(s) }

// mark is the first line of every file: by it, and only by it, files are known as ours.
const mark = "<!-- Wardroom's runbook: it is written anew, edit nothing here. -->"

var markdownEscaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "|", `\|`, "&", `\&`, "#", `\#`)

func escapeMarkdown(s string) string { return markdownEscaper.Replace(line(s)) }

// markdown is the page for an editor, a terminal or a repository.
func (p page) markdown() []byte {
	var b strings.Builder
	b.WriteString(mark + "\n\n# " + escapeMarkdown(p.title) + "\n")
	fence := func(indent string, code []string) {
		if len(code) == 0 {
			return
		}
		ticks := "```"
		for strings.Contains(strings.Join(code, "\n"), ticks) {
			ticks += "`"
		}
		b.WriteString(indent + ticks + "sh\n")
		for _, c := range code {
			b.WriteString(indent + line(c) + "\n")
		}
		b.WriteString(indent + ticks + "\n")
	}
	for _, k := range p.blocks {
		b.WriteString("\n")
		switch {
		case k.heading != "":
			b.WriteString(strings.Repeat("#", k.level) + " " + escapeMarkdown(k.heading) + "\n")
		case k.text != "":
			b.WriteString(escapeMarkdown(k.text) + "\n")
		case len(k.items) > 0:
			for _, i := range k.items {
				if i.page != "" {
					b.WriteString("- [" + escapeMarkdown(i.text) + "](" + i.page + ".md)\n")
				} else {
					b.WriteString("- " + escapeMarkdown(i.text) + "\n")
				}
			}
		case len(k.steps) > 0:
			for n, s := range k.steps {
				number := strconv.Itoa(n+1) + ". "
				b.WriteString(number + escapeMarkdown(s.text))
				if s.remark != "" {
					b.WriteString(" *" + escapeMarkdown(s.remark) + "*")
				}
				b.WriteString("\n")
				fence(strings.Repeat(" ", len(number)), s.code)
			}
		case len(k.table) > 0:
			for n, row := range k.table {
				for _, cell := range row {
					b.WriteString("| " + escapeMarkdown(cell) + " ")
				}
				b.WriteString("|\n")
				if n == 0 {
					b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
				}
			}
		default:
			fence("", k.code)
		}
	}
	return []byte(b.String())
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

func escapeHTML(s string) string { return htmlEscaper.Replace(line(s)) }

// html is the page for a browser: no scripts, nothing that is fetched.
func (p page) html() []byte {
	var b strings.Builder
	title := escapeHTML(p.title)
	b.WriteString("<!doctype html>\n" + mark + "\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" +
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>" + title + "</title>\n<style>\n" + css + "</style>\n</head>\n<body>\n")
	if p.name != indexName {
		b.WriteString("<p><a href=\"" + indexName + ".html\">All repairs</a></p>\n")
	}
	b.WriteString("<h1>" + title + "</h1>\n")
	pre := func(code []string) {
		if len(code) == 0 {
			return
		}
		b.WriteString("<pre>")
		for i, c := range code {
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString(escapeHTML(c))
		}
		b.WriteString("</pre>\n")
	}
	for _, k := range p.blocks {
		switch {
		case k.heading != "":
			fmt.Fprintf(&b, "<h%d>%s</h%d>\n", k.level, escapeHTML(k.heading), k.level)
		case k.text != "":
			b.WriteString("<p>" + escapeHTML(k.text) + "</p>\n")
		case len(k.items) > 0:
			b.WriteString("<ul>\n")
			for _, i := range k.items {
				if i.page != "" {
					b.WriteString("<li><a href=\"" + i.page + ".html\">" + escapeHTML(i.text) + "</a></li>\n")
				} else {
					b.WriteString("<li>" + escapeHTML(i.text) + "</li>\n")
				}
			}
			b.WriteString("</ul>\n")
		case len(k.steps) > 0:
			b.WriteString("<ol>\n")
			for _, s := range k.steps {
				b.WriteString("<li>" + escapeHTML(s.text))
				if s.remark != "" {
					b.WriteString(" <em>" + escapeHTML(s.remark) + "</em>")
				}
				b.WriteString("\n")
				pre(s.code)
				b.WriteString("</li>\n")
			}
			b.WriteString("</ol>\n")
		case len(k.table) > 0:
			b.WriteString("<div class=\"scroll\"><table>\n")
			for n, row := range k.table {
				tag := "td"
				if n == 0 {
					tag = "th"
				}
				b.WriteString("<tr>")
				for _, cell := range row {
					b.WriteString("<" + tag + ">" + escapeHTML(cell) + "</" + tag + ">")
				}
				b.WriteString("</tr>\n")
			}
			b.WriteString("</table></div>\n")
		default:
			pre(k.code)
		}
	}
	b.WriteString("</body>\n</html>\n")
	return []byte(b.String())
}
