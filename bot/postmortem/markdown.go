package postmortem

import (
	"bytes"
	"encoding/json"
	"strings"

	"wardroom/bot/room"
)

// markdown is the document in the form that the teams' own post-mortems have:
// front matter with the title, the title again, a paragraph, nine sections.
func (d *Document) markdown() []byte {
	b := d.buffer()
	b.WriteString("---\ntitle: " + yamlString(d.heading()) + "\n---\n\n")
	m := &markdownPage{b, 3}
	m.heading(1, "", d.heading())
	m.facts(d.header())
	m.block(paragraph{text("%s", d.Summary)})
	d.sections(m, 1)
	return b.Bytes()
}

// mkdocs is the document as a post of MkDocs Material's blog plugin; what stands
// before "more" is its teaser.
// https://squidfunk.github.io/mkdocs-material/plugins/blog/
func (d *Document) mkdocs(o Options) []byte {
	b := d.buffer()
	authors := o.Authors
	if len(authors) == 0 && d.Incident != nil {
		authors = d.Incident.Responders
	}
	b.WriteString("---\ndraft: true\ndate: " + d.clock.Day(d.Date) + "\nauthors:" + yamlList(authors))
	b.WriteString("categories:" + yamlList([]string{"Post-mortems"}) + "description: " + yamlString(d.Summary) + "\n---\n\n")
	m := &markdownPage{b, 3}
	m.heading(1, "", d.heading())
	m.block(paragraph{text("%s", d.Summary)})
	b.WriteString("<!-- more -->\n\n")
	m.facts(d.header())
	d.sections(m, 2)
	return b.Bytes()
}

// yamlString is a double-quoted scalar on one line: JSON's strings are YAML's.
func yamlString(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(room.Plain(s)); err != nil { // a string always encodes
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func yamlList(items []string) string {
	if len(items) == 0 {
		return " []\n"
	}
	s := "\n"
	for _, item := range items {
		s += "  - " + yamlString(item) + "\n"
	}
	return s
}

// markdownEscaper takes the meaning from everything that has one in CommonMark,
// GitHub's Markdown, Python-Markdown or its usual extensions. Python-Markdown
// knows no backslash before < > & | ~ $, so those become references.
var markdownEscaper = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "|", "&#124;", "~", "&#126;", "$", "&#36;", "{", "&#123;", "}", "&#125;", "^", "&#94;",
)

// referenceEscaper is for text between HTML tags, which some Markdown dialects
// read as HTML and some as Markdown: references mean the same in both.
var referenceEscaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, "&#92;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "]", "&#93;",
	"|", "&#124;", "~", "&#126;", "$", "&#36;", "{", "&#123;", "}", "&#125;", "^", "&#94;",
)

func escapeMarkdown(s string) string { return markdownEscaper.Replace(room.Plain(s)) }

// escapeMarkdownStart is for text that begins a block: no heading, list, rule,
// admonition or definition begins there.
func escapeMarkdownStart(s string) string {
	s = escapeMarkdown(s)
	switch {
	case s == "":
	case strings.IndexByte("#+-", s[0]) >= 0:
		return `\` + s
	case strings.IndexByte("=!?:.%/@", s[0]) >= 0:
		return "&#" + decimal(s[0]) + ";" + s[1:]
	case s[0] >= '0' && s[0] <= '9':
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		if rest := s[digits:]; strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, ")") {
			return s[:digits] + "&#" + decimal(rest[0]) + ";" + rest[1:]
		}
	}
	return s
}

func decimal(c byte) string {
	if c >= 100 {
		return string([]byte{'1', '0' + c/10%10, '0' + c%10})
	}
	return string([]byte{'0' + c/10, '0' + c%10})
}

// markdownPage writes Markdown for CommonMark and Python-Markdown.
type markdownPage struct {
	*bytes.Buffer
	sub int // level of subheadings
}

func (m *markdownPage) heading(level int, _, text string) {
	m.WriteString(strings.Repeat("#", level) + " " + escapeMarkdown(text) + "\n\n")
}

func (m *markdownPage) prompt(text string) { m.WriteString("*" + text + "*\n\n") }

func (m *markdownPage) facts(facts [][2]string) {
	for i, f := range facts {
		if i > 0 {
			m.WriteString(" · ")
		}
		m.WriteString("**" + f[0] + ":** " + escapeMarkdown(f[1]))
	}
	if len(facts) > 0 {
		m.WriteString("\n\n")
	}
}

func (m *markdownPage) block(b block) {
	switch b := b.(type) {
	case paragraph:
		m.spans(b.spans)
		m.WriteString("\n\n")
	case subheading:
		m.WriteString(strings.Repeat("#", m.sub) + " " + escapeMarkdown(b.text) + "\n\n")
	case bullets:
		for _, item := range b {
			m.WriteString("- ")
			m.spans(item)
			m.WriteByte('\n')
		}
		m.WriteByte('\n')
	case checks:
		for _, item := range b {
			m.WriteString("- [ ] ")
			m.spans(item)
			m.WriteByte('\n')
		}
		m.WriteByte('\n')
	case verbatim:
		// HTML, because a fence keeps neither a template engine nor an unknown
		// dialect from reading what is inside. The empty line lets <pre> begin a
		// block that only </pre> ends.
		m.WriteString("<details>\n<summary>" + referenceEscaper.Replace(room.Plain(b.title)) + "</summary>\n\n<pre>\n")
		m.WriteString(referenceEscaper.Replace(room.PlainLines(b.text)) + "\n</pre>\n\n</details>\n\n")
	}
}

func (m *markdownPage) spans(line spans) {
	for i, s := range line {
		body := escapeMarkdown(s.text)
		if i == 0 {
			body = escapeMarkdownStart(s.text)
		}
		switch {
		case s.url != "":
			m.WriteString("[" + body + "](" + safeURL(s.url) + ")")
		case s.style == strong:
			m.WriteString("**" + body + "**")
		case s.style == emphasis && strings.HasPrefix(s.text, "To be"):
			m.WriteString("_" + body + "_")
		case s.style == emphasis:
			m.WriteString("*" + body + "*")
		case s.style == code:
			m.WriteString(markdownCode(s.text))
		default:
			m.WriteString(keepEnds(s.text, body))
		}
	}
}

// keepEnds puts back the spaces at the ends of a text between others, which
// [room.Plain] takes away.
func keepEnds(original, body string) string {
	if strings.TrimSpace(original) == "" && original != "" {
		return " "
	}
	if strings.HasPrefix(original, " ") {
		body = " " + body
	}
	if strings.HasSuffix(original, " ") {
		body += " "
	}
	return body
}

// markdownCode is a code span. What a template engine would read is written as
// HTML with references.
func markdownCode(s string) string {
	s = room.Plain(s)
	if strings.ContainsAny(s, "{}") {
		return "<code>" + referenceEscaper.Replace(s) + "</code>"
	}
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

func longestRun(s string, c byte) int {
	longest, n := 0, 0
	for i := range len(s) {
		if s[i] != c {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}

func (m *markdownPage) table(headings []string, rows func(func([]string))) {
	m.WriteString("| " + strings.Join(headings, " | ") + " |\n|" + strings.Repeat(" --- |", len(headings)) + "\n")
	rows(func(cells []string) {
		m.WriteByte('|')
		for _, c := range cells {
			m.WriteByte(' ')
			m.WriteString(escapeMarkdown(c))
			m.WriteString(" |")
		}
		m.WriteByte('\n')
	})
	m.WriteByte('\n')
}

func (m *markdownPage) footer(d *Document) {
	m.WriteString("---\n\n" + escapeMarkdown(d.asOf()) + " Head: " + markdownCode(d.AsOf.Hash.String()) + "\n\n")
	m.WriteString("Check it with " + markdownCode(d.verifyCommand()) + "\n")
}
