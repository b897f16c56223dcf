package render

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// split parts Markdown into pieces of at most most units, none of them blank. What
// is open at the end of a piece, a code block or bold text, is closed there and
// opened again in the next; an escape, a link, a time or a code span is not parted.
// It also closes what the text itself leaves open. most is at least 64.
func split(markdown string, most int) []string {
	s := splitter{most: most}
	for rest := markdown; rest != ""; {
		n := s.token(rest)
		s.add(rest[:n])
		rest = rest[n:]
	}
	s.flush(len(s.piece), s.now)
	return s.pieces
}

// cutMarkdown shortens Markdown to most units and ends it with marker where it was
// cut. It closes what the text leaves open.
func cutMarkdown(markdown string, most int, marker string) (string, bool) {
	pieces := split(markdown, most)
	switch len(pieces) {
	case 0:
		return "", false
	case 1:
		return pieces[0], false
	}
	return split(markdown, most-Units(marker))[0] + marker, true
}

// marks are what is open at a place in a text.
type marks struct {
	fence string // how the code block was opened, as "```go\n"; "" outside of one
	code  bool   // a code span too long to be kept whole
	bold  bool
}

func (m marks) closers(piece string) string {
	out := ""
	switch {
	case m.fence != "" && strings.HasSuffix(piece, "\n"):
		return "```"
	case m.fence != "":
		return "\n```"
	case m.code:
		out = "`"
	}
	if m.bold {
		out += "**"
	}
	return out
}

func (m marks) openers() string {
	switch {
	case m.fence != "":
		return m.fence
	case m.bold && m.code:
		return "**`"
	case m.bold:
		return "**"
	case m.code:
		return "`"
	}
	return ""
}

// closing is the most that closers take.
const closing = 4

type splitter struct {
	most        int
	pieces      []string
	piece       string
	units       int
	own         int // bytes of the piece that are openers
	now         marks
	line, space place // the last places where a reader would break the text
}

// place is where a text can be broken: the bytes before it, and what is open there.
type place struct {
	at   int
	open marks
}

var (
	fenceOpen  = regexp.MustCompile("^```(?:[A-Za-z0-9+#.-]{0,20}\n)?")
	angled     = regexp.MustCompile(`^<[^<>\s]{1,` + "410" + `}>`)
	maskedLink = regexp.MustCompile(`^\[[^\[\]\n]{1,100}\]\(https?://[^()\s]{1,300}\)`)
)

// token is the length of what must not be parted at the beginning of s, and notes
// what it opens or closes.
func (s *splitter) token(text string) int {
	if s.now.fence != "" {
		if strings.HasPrefix(text, "```") {
			return 3
		}
		return s.letter(text)
	}
	if s.now.code {
		return s.letter(text)
	}
	switch text[0] {
	case '\\':
		_, size := utf8.DecodeRuneInString(text[1:])
		return 1 + size
	case '`':
		if m := fenceOpen.FindString(text); m != "" {
			return len(m)
		}
		line, _, _ := strings.Cut(text[1:], "\n")
		if i := strings.IndexByte(line, '`'); i > 0 && Units(line[:i])+2 <= s.whole() {
			return i + 2
		}
	case '*':
		if strings.HasPrefix(text, "**") {
			return 2
		}
	case '<':
		if m := angled.FindString(text); m != "" && Units(m) <= s.whole() {
			return len(m)
		}
	case '[':
		if m := maskedLink.FindString(text); m != "" && Units(m) <= s.whole() {
			return len(m)
		}
	case '@':
		if strings.HasPrefix(text[1:], breaker) {
			return 1 + len(breaker)
		}
	}
	return s.letter(text)
}

// whole is the longest text that is kept in one piece.
func (s *splitter) whole() int { return s.most / 2 }

// letter is the length of what is drawn as one character.
func (*splitter) letter(text string) int {
	if text[0] < utf8.RuneSelf && (len(text) == 1 || text[1] < utf8.RuneSelf) {
		return 1
	}
	end, last, flags := 0, rune(0), 0
	for i, r := range text {
		if i > 0 && (!joins(last, r, flags) || i > 40 || r < utf8.RuneSelf) {
			break
		}
		end = i + utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, size := utf8.DecodeRuneInString(text[i:])
			end = i + size
		}
		if flags++; !isFlag(r) {
			flags = 0
		}
		last = r
	}
	return end
}

func (s *splitter) add(token string) {
	shown := token
	if token == `\` {
		shown = `\\` // it would escape what closes the piece
	}
	after := s.after(token)
	for s.units+Units(shown)+closing > s.most && len(s.piece) > s.own {
		s.overflow()
	}
	switch here := (place{len(s.piece), s.now}); {
	case len(s.piece) <= s.own:
	case token == "\n":
		s.line, s.space = here, here
	case token == " " && s.now.fence == "":
		s.space = here
	}
	s.piece += shown
	s.units += Units(shown)
	s.now = after
}

// after is what is open behind the token.
func (s *splitter) after(token string) marks {
	m := s.now
	switch {
	case m.fence != "":
		if token == "```" {
			m.fence = ""
		}
	case m.code:
		m.code = token != "`"
	case strings.HasPrefix(token, "```"):
		m.fence = "```\n"
		if len(token) > 3 {
			m.fence = token
		}
	case token == "`":
		m.code = true
	case token == "**":
		m.bold = !m.bold
	}
	return m
}

// overflow ends the piece at the end of a line when that keeps half of it, else
// between words, else here.
func (s *splitter) overflow() {
	for _, p := range []place{s.line, s.space} {
		if p.at > s.own && p.at*2 > len(s.piece) {
			s.flush(p.at, p.open)
			return
		}
	}
	s.flush(len(s.piece), s.now)
}

// flush ends the piece at a byte, where open is open; the rest begins the next.
func (s *splitter) flush(at int, open marks) {
	head, rest := s.piece[:at], s.piece[at:]
	if strings.Trim(head[min(s.own, at):], " \n*`") != "" {
		if open.fence == "" && !open.code {
			head = strings.TrimRight(head, " \n")
		}
		s.pieces = append(s.pieces, head+open.closers(head))
	}
	if open.fence != "" {
		rest = strings.TrimPrefix(rest, "\n")
	} else {
		rest = strings.TrimLeft(rest, " \n")
	}
	opener := open.openers()
	s.piece, s.own = opener+rest, len(opener)
	s.units = Units(s.piece)
	s.line, s.space = place{}, place{}
}
