package room

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks one character keeps: enough for every
// living script, too few to climb over the lines around it.
const maxMarks = 3

// Plain makes outside text safe to print in a terminal, on one line: escape
// sequences and control characters are gone, nothing reorders or hides what
// stands around it, line breaks are spaces.
func Plain(text string) string {
	return strings.Join(strings.Fields(tame(text, false)), " ")
}

// PlainLines is [Plain] with the line breaks kept; tabs become spaces.
func PlainLines(text string) string {
	lines := strings.Split(tame(strings.ReplaceAll(text, "\r\n", "\n"), true), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

func tame(text string, keepLines bool) string {
	if isTame(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	marks := 0
	for i := 0; i < len(text); {
		if n := escapeSequence(text[i:]); n > 0 {
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case r == '\n' && keepLines:
			marks = 0
			b.WriteByte('\n')
		case unicode.IsSpace(r):
			marks = 0
			b.WriteByte(' ')
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
			if marks++; marks <= maxMarks {
				b.WriteRune(r)
			}
		case hidden(r):
		default:
			marks = 0
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isTame reports whether text is printable ASCII, as most is.
func isTame(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// hidden characters show nothing, or make what is shown differ from what is
// stored: control and format characters (directions, tags, zero widths) and the
// fillers that look like a space. The joiner of emoji stays.
func hidden(r rune) bool {
	switch r {
	case '\u200d':
		return false
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return true
	}
	return unicode.Is(unicode.C, r) && !unicode.Is(unicode.Co, r)
}

// escapeSequence returns the length of the terminal escape sequence that s begins
// with (ECMA-48: CSI, OSC and other strings, two-character ones), else 0.
func escapeSequence(s string) int {
	body, kind := 0, byte(0)
	switch {
	case len(s) >= 2 && s[0] == 0x1b:
		body, kind = 2, s[1]
	case strings.HasPrefix(s, "\u009b"): // CSI as one control character
		body, kind = 2, '['
	case strings.HasPrefix(s, "\u009d"):
		body, kind = 2, ']'
	default:
		return 0
	}
	switch kind {
	case '[':
		for i := body; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x3f {
				return i
			}
		}
		return len(s)
	case ']', 'P', 'X', '^', '_': // until BEL or ESC \, within a line
		for i := body; i < len(s); i++ {
			switch {
			case s[i] == 0x07:
				return i + 1
			case s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\':
				return i + 2
			case s[i] == '\n' || s[i] == 0x1b:
				return body // never ended: what follows is shown
			}
		}
		return body
	}
	if kind >= 0x20 && kind <= 0x7e {
		return 2
	}
	return 1
}

// Cut shortens s to n characters and shows that it did.
func Cut(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	return strings.TrimRight(string(runes[:max(n-1, 0)]), " ") + "…"
}
