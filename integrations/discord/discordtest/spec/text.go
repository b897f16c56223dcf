package spec

import (
	"slices"
	"strings"
	"unicode"
)

// everyText holds each text of a body, wherever it stands, to our own rules: nothing
// that we send turns the reading direction, stacks marks over other lines, or moves a
// terminal's cursor when somebody copies it.
func everyText(v any) []violation {
	var all found
	all.texts("", v)
	return all
}

func (f *found) texts(at string, v any) {
	switch v := v.(type) {
	case string:
		f.text(at, v)
	case []any:
		for i := range v {
			f.texts(in(at, i), v[i])
		}
	case map[string]any:
		for name := range v {
			f.texts(join(at, name), v[name])
		}
		slices.SortFunc(*f, func(a, b violation) int { return strings.Compare(a.At+a.Rule, b.At+b.Rule) })
	}
}

const maxMarks = 3

// text finds the first break of each rule.
func (f *found) text(at, s string) {
	inRow := 0
	said := map[string]bool{}
	once := func(rule, why string, args ...any) {
		if !said[rule] {
			said[rule] = true
			f.add(rule, at, s, why, args...)
		}
	}
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Bidi_Control, r):
			once("direction", "%U turns the reading direction", r)
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
			if inRow++; inRow > maxMarks {
				once("combining-marks", "more than %d combining marks follow each other", maxMarks)
			}
			continue
		case r != '\n' && r != '\t' && r != '\r' && unicode.IsControl(r):
			once("control-character", "%U is no text", r)
		}
		inRow = 0
	}
}

// openBlock refuses a text whose last code block is not closed: what follows it in the
// same message, our own words among them, would be swallowed.
func (f *found) openBlock(at, s string) {
	if begin := openFence(s); begin >= 0 {
		f.add("open-code-block", at, s[begin:], "a code block is opened and not closed")
	}
}

const fence = "```"

// openFence returns where a code block begins that never ends, -1 when there is none.
// A backslash takes away the meaning of the character after it, outside of blocks only.
func openFence(s string) int {
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\\':
			i += 2
		case strings.HasPrefix(s[i:], fence):
			end := strings.Index(s[i+len(fence):], fence)
			if end < 0 {
				return i
			}
			i += 2*len(fence) + end
		default:
			i++
		}
	}
	return -1
}
