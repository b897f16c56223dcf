package postmortem

import (
	"bytes"
	"strings"

	"wardroom/bot/room"
)

// rst is the document in reStructuredText.
func (d *Document) rst() []byte {
	b := d.buffer()
	p := &rstPage{b}
	p.heading(0, "", d.heading())
	p.facts(d.header())
	p.block(paragraph{text("%s", d.Summary)})
	d.sections(p, 1)
	return b.Bytes()
}

var rstEscaper = strings.NewReplacer(`\`, `\\`, "*", `\*`, "`", "\\`", "|", `\|`, "_", `\_`, "::", `:\:`)

func escapeRST(s string) string { return escapeSchemes(rstEscaper.Replace(room.Plain(s))) }

// escapeSchemes keeps docutils from making links of bare addresses with any
// other scheme than the web's: it knows "javascript:" too.
func escapeSchemes(s string) string {
	if !strings.Contains(s, ":") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] == ':' && i > 0 && isLetter(s[i-1]) && i+1 < len(s) && s[i+1] != ' ' {
			word := s[:i]
			for len(word) > 0 && isLetter(word[len(word)-1]) {
				word = word[:len(word)-1]
			}
			scheme := s[len(word):i]
			if !(scheme == "http" || scheme == "https") || !strings.HasPrefix(s[i:], "://") {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// escapeRSTStart is for text that begins a block: no directive, list, field,
// rule or title begins there.
func escapeRSTStart(s string) string {
	s = escapeRST(s)
	if s == "" || s[0] == '\\' || s[0] >= 0x80 {
		return s
	}
	word, _, spaced := strings.Cut(s, " ")
	enumerator := spaced && len(word) < 12 && strings.ContainsAny(word[len(word)-1:], ".)")
	if enumerator || !isLetter(s[0]) && (s[0] < '0' || s[0] > '9') {
		return `\` + s
	}
	return s
}

// rstPage writes reStructuredText.
type rstPage struct{ *bytes.Buffer }

// heading underlines are at least as wide as the text; wide characters count twice.
func (p *rstPage) heading(level int, _, text string) {
	text = escapeRSTStart(text)
	width := 0
	for _, r := range text {
		width++
		if r >= 0x1100 {
			width++
		}
	}
	p.WriteString(text + "\n" + strings.Repeat(string("=-~"[level]), max(width, 4)) + "\n\n")
}

func (p *rstPage) prompt(text string) { p.WriteString("*" + text + "*\n\n") }

func (p *rstPage) facts(facts [][2]string) {
	for _, f := range facts {
		p.WriteString(":" + f[0] + ": " + escapeRSTStart(f[1]) + "\n")
	}
	if len(facts) > 0 {
		p.WriteByte('\n')
	}
}

func (p *rstPage) block(b block) {
	switch b := b.(type) {
	case paragraph:
		p.spans(b.spans)
		p.WriteString("\n\n")
	case subheading:
		p.heading(2, "", b.text)
	case bullets:
		for _, item := range b {
			p.WriteString("- ")
			p.spans(item)
			p.WriteByte('\n')
		}
		p.WriteByte('\n')
	case checks:
		for _, item := range b {
			p.WriteString("- ☐ ")
			p.spans(item)
			p.WriteByte('\n')
		}
		p.WriteByte('\n')
	case verbatim:
		p.WriteString(escapeRSTStart(b.title) + "\n\n::\n\n")
		for line := range strings.SplitSeq(room.PlainLines(b.text), "\n") {
			p.WriteString(strings.TrimRight("    "+line, " ") + "\n")
		}
		p.WriteByte('\n')
	}
}

// spans separates mark-up from the text around it with an escaped space, which
// shows nothing.
func (p *rstPage) spans(line spans) {
	for i, s := range line {
		body := escapeRST(s.text)
		if i == 0 {
			body = escapeRSTStart(s.text)
		}
		open, end := "", ""
		switch {
		case s.url != "":
			body = strings.NewReplacer("<", `\<`, ">", `\>`).Replace(body)
			url := strings.ReplaceAll(safeURL(s.url), "_", "%5F")
			open, end = "`", " <"+url+">`__"
		case s.style == strong:
			open, end = "**", "**"
		case s.style == emphasis:
			open, end = "*", "*"
		case s.style == code:
			body = strings.ReplaceAll(room.Plain(s.text), "`", "ˋ")
			open, end = "``", "``"
		default:
			p.WriteString(keepEnds(s.text, body))
			continue
		}
		if body == "" {
			continue
		}
		if i > 0 && !strings.HasSuffix(line[i-1].text, " ") {
			p.WriteString(`\ `)
		}
		p.WriteString(open + body + end)
		if i+1 < len(line) && !strings.HasPrefix(line[i+1].text, " ") {
			p.WriteString(`\ `)
		}
	}
}

func (p *rstPage) table(headings []string, rows func(func([]string))) {
	p.WriteString(".. list-table::\n   :header-rows: 1\n\n")
	row := func(cells []string) {
		for i, c := range cells {
			p.WriteString([]string{"   * -", "     -"}[min(i, 1)])
			if c = escapeRSTStart(c); c != "" {
				p.WriteString(" " + c)
			}
			p.WriteByte('\n')
		}
	}
	row(headings)
	rows(row)
	p.WriteByte('\n')
}

func (p *rstPage) footer(d *Document) {
	p.WriteString("----\n\n" + escapeRST(d.asOf()) + " Head: ``" + d.AsOf.Hash.String() + "``\n\n")
	p.WriteString("Check it with ``" + d.verifyCommand() + "``\n")
}
