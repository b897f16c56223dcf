package postmortem

import (
	"bytes"
	_ "embed"
	"strconv"
	"strings"

	"wardroom/bot/room"
)

// css is the whole look: light and dark, readable on a phone, printable.
//
//go:embed style.css
var css string

// html is the document as one page without scripts or anything fetched.
func (d *Document) html() []byte {
	b := d.buffer()
	p := &htmlPage{b}
	title := escapeHTML(d.heading())
	p.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" +
		"<meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n" +
		"<title>" + title + "</title>\n<style>\n" + css + "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n<header>\n<h1>" + title + "</h1>\n")
	p.facts(d.header())
	p.WriteString("<p class=\"summary\">" + escapeHTML(d.Summary) + "</p>\n</header>\n")
	p.contents(d)
	p.WriteString("<main id=\"content\">\n")
	for _, s := range d.outline() {
		p.WriteString("<section aria-labelledby=\"" + s.id + "\">\n")
		p.heading(2, s.id, s.heading)
		p.prompt(s.prompt)
		for _, b := range s.blocks {
			p.block(b)
		}
		p.WriteString("</section>\n")
	}
	p.WriteString("<section aria-labelledby=\"appendix\">\n")
	p.heading(2, "appendix", appendixHeading)
	p.prompt(appendixPrompt)
	for _, b := range d.appendixBlocks() {
		p.block(b)
	}
	p.table(recordHeadings, d.records)
	p.WriteString("</section>\n</main>\n")
	p.footer(d)
	p.WriteString("</body>\n</html>\n")
	return b.Bytes()
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

func escapeHTML(s string) string { return htmlEscaper.Replace(room.Plain(s)) }

// htmlPage writes HTML.
type htmlPage struct{ *bytes.Buffer }

func (p *htmlPage) contents(d *Document) {
	p.WriteString("<nav aria-label=\"Contents\">\n<ol>\n")
	for _, s := range d.outline() {
		p.WriteString("<li><a href=\"#" + s.id + "\">" + escapeHTML(s.heading) + "</a></li>\n")
	}
	p.WriteString("<li><a href=\"#appendix\">" + appendixHeading + "</a></li>\n</ol>\n</nav>\n")
}

func (p *htmlPage) heading(level int, id, text string) {
	h := "h" + strconv.Itoa(level)
	p.WriteString("<" + h)
	if id != "" {
		p.WriteString(" id=\"" + id + "\"")
	}
	p.WriteString(">" + escapeHTML(text) + "</" + h + ">\n")
}

func (p *htmlPage) prompt(text string) {
	p.WriteString("<p class=\"prompt\"><em>" + escapeHTML(text) + "</em></p>\n")
}

func (p *htmlPage) facts(facts [][2]string) {
	if len(facts) == 0 {
		return
	}
	p.WriteString("<dl class=\"facts\">\n")
	for _, f := range facts {
		p.WriteString("<div><dt>" + escapeHTML(f[0]) + "</dt><dd>" + escapeHTML(f[1]) + "</dd></div>\n")
	}
	p.WriteString("</dl>\n")
}

func (p *htmlPage) block(b block) {
	switch b := b.(type) {
	case paragraph:
		p.WriteString("<p>")
		p.spans(b.spans)
		p.WriteString("</p>\n")
	case subheading:
		p.heading(3, "", b.text)
	case bullets:
		p.items("<ul>", "", b)
	case checks:
		p.items(`<ul class="checks">`, `<span class="box" role="img" aria-label="open">☐</span> `, b)
	case verbatim:
		p.WriteString("<details>\n<summary>" + escapeHTML(b.title) + "</summary>\n<pre>" + htmlEscaper.Replace(room.PlainLines(b.text)) + "</pre>\n</details>\n")
	}
}

func (p *htmlPage) items(open, mark string, items []spans) {
	p.WriteString(open + "\n")
	for _, item := range items {
		p.WriteString("<li>" + mark)
		p.spans(item)
		p.WriteString("</li>\n")
	}
	p.WriteString("</ul>\n")
}

func (p *htmlPage) spans(line spans) {
	for _, s := range line {
		body := escapeHTML(s.text)
		switch {
		case s.url != "":
			p.WriteString("<a href=\"" + htmlEscaper.Replace(safeURL(s.url)) + "\" rel=\"noopener noreferrer nofollow\">" + body + "</a>")
		case s.style == strong:
			p.WriteString("<strong>" + body + "</strong>")
		case s.style == emphasis:
			p.WriteString("<em>" + body + "</em>")
		case s.style == code:
			p.WriteString("<code>" + body + "</code>")
		default:
			p.WriteString(keepEnds(s.text, body))
		}
	}
}

func (p *htmlPage) table(headings []string, rows func(func([]string))) {
	p.WriteString("<div class=\"scroll\" role=\"region\" aria-labelledby=\"appendix\" tabindex=\"0\">\n<table>\n<thead><tr>")
	for _, h := range headings {
		p.WriteString("<th scope=\"col\">" + escapeHTML(h) + "</th>")
	}
	p.WriteString("</tr></thead>\n<tbody>\n")
	rows(func(cells []string) {
		p.WriteString("<tr>")
		for i, c := range cells {
			if i == 0 {
				p.WriteString("<th scope=\"row\">" + escapeHTML(c) + "</th>")
				continue
			}
			p.WriteString("<td>" + escapeHTML(c) + "</td>")
		}
		p.WriteString("</tr>\n")
	})
	p.WriteString("</tbody>\n</table>\n</div>\n")
}

func (p *htmlPage) footer(d *Document) {
	p.WriteString("<footer>\n<p>" + escapeHTML(d.asOf()) + "</p>\n<p>Head: <code>" + d.AsOf.Hash.String() + "</code></p>\n<p>Check it with <code>" + escapeHTML(d.verifyCommand()) + "</code></p>\n</footer>\n")
}
