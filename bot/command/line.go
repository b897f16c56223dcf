package command

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"wardroom/bot/problem"
)

// MaxLine bounds what one request may hold, in bytes: all options together.
// Discord's longest text option has 6,000 characters.
const MaxLine = 32 << 10

// ParseLine reads a request as it is typed in a room:
//
//	/status post text:We are investigating at:00:25
//	/incident ack INC-7
//	/timeline add "it said text: nothing" at:10m ago
//
// The slash may be left out. A value runs until the next option that the
// command knows, so quotes are only needed for a text that holds such a word
// with a colon; inside them \" and \\ stand for themselves, and the curly quotes
// that phones type are quotes too. What stands before the first named option is
// positional: a word for each positional option, and the rest for the last.
//
// ParseLine only takes apart: types, persons and permissions are checked by
// [Runner.Run].
func (t *Table) ParseLine(line string) (Ask, error) {
	if len(line) > MaxLine {
		return Ask{}, problem.New(problem.TooLarge, "a request has at most %d bytes, this has %d", MaxLine, len(line))
	}
	rest := strings.TrimPrefix(strings.TrimSpace(clean(line)), "/")
	if strings.TrimSpace(rest) == "" {
		return Ask{}, problem.New(problem.Invalid, "the request is empty").WithHint("/help lists what there is")
	}
	group, rest := word(rest)
	group = strings.ToLower(group)
	c, single := t.byPath[group]
	if !single {
		var err error
		act, after := word(rest)
		if c, err = t.Lookup(group + " " + act); err != nil {
			return Ask{}, err
		}
		rest = after
	}
	s := scanner{rest: rest, command: c}
	ask := Ask{Path: c.Path}
	positional := 0
	for _, o := range c.Options {
		if o.Positional {
			positional++
		}
	}
	for {
		s.rest = strings.TrimLeftFunc(s.rest, unicode.IsSpace)
		if s.rest == "" {
			return ask, nil
		}
		if name, ok := s.option(s.rest); ok {
			s.rest = s.rest[len(name)+1:]
			name = strings.ToLower(name)
			if _, twice := ask.Options[name]; twice {
				return Ask{}, problem.New(problem.Invalid, "%s: is there twice", name).
					WithHint("put a text that holds %q in quotes", name+":")
			}
			if ask.Options == nil {
				ask.Options = map[string]string{}
			}
			ask.Options[name] = s.value()
			continue
		}
		if len(ask.Args) < positional-1 {
			ask.Args = append(ask.Args, s.word())
		} else {
			ask.Args = append(ask.Args, s.value())
		}
	}
}

// Line writes ask as it would be typed: what is recorded, and what a person is
// told to type next. [Table.ParseLine] reads it back. Options that the command
// does not know are left out; a path that is not known comes back as it is.
func (t *Table) Line(ask Ask) string {
	c, err := t.Lookup(ask.Path)
	if err != nil {
		return "/" + ask.Path
	}
	s := scanner{command: c}
	var b strings.Builder
	b.WriteString("/" + c.Path)
	for _, arg := range ask.Args {
		b.WriteString(" ")
		if strings.ContainsFunc(arg, unicode.IsSpace) {
			b.WriteString(quote(arg))
		} else {
			b.WriteString(s.quoted(arg))
		}
	}
	for _, o := range c.Options {
		if v, given := ask.Options[o.Name]; given {
			b.WriteString(" " + o.Name + ":" + s.quoted(v))
		}
	}
	return b.String()
}

// scanner takes the text after the path apart.
type scanner struct {
	rest    string
	command *Command
}

// option reports which known option s begins with, as it is written there.
func (s *scanner) option(text string) (string, bool) {
	i := strings.IndexByte(text, ':')
	if i < 1 || i > 32 {
		return "", false
	}
	_, known := s.command.Option(strings.ToLower(text[:i]))
	return text[:i], known
}

// next is the index in text of the first known option that follows white space.
func (s *scanner) next(text string) int {
	for i, r := range text {
		if unicode.IsSpace(r) {
			at := i + utf8.RuneLen(r)
			if _, ok := s.option(text[at:]); ok {
				return at
			}
		}
	}
	return len(text)
}

// value takes what runs until the next known option, or what stands in quotes
// when nothing else stands before it.
func (s *scanner) value() string {
	s.rest = strings.TrimLeftFunc(s.rest, unicode.IsSpace)
	if _, ok := s.option(s.rest); ok {
		return "" // "text: at:00:25": nothing was given for text
	}
	if text, after, ok := unquote(s.rest); ok {
		trimmed := strings.TrimLeftFunc(after, unicode.IsSpace)
		if _, option := s.option(trimmed); trimmed == "" || option && trimmed != after {
			s.rest = after
			return text
		}
	}
	end := s.next(s.rest)
	v := strings.TrimRightFunc(s.rest[:end], unicode.IsSpace)
	s.rest = s.rest[end:]
	return v
}

// word takes one word, or what stands in quotes.
func (s *scanner) word() string {
	if text, after, ok := unquote(s.rest); ok {
		if r, _ := utf8.DecodeRuneInString(after); after == "" || unicode.IsSpace(r) {
			s.rest = after
			return text
		}
	}
	w, rest := word(s.rest)
	s.rest = rest
	return w
}

// quoted quotes v when it would be read as something else without.
func (s *scanner) quoted(v string) string {
	first, _ := utf8.DecodeRuneInString(v)
	_, option := s.option(v)
	if v == "" || option || opens(first) || strings.TrimSpace(v) != v || s.next(v) != len(v) {
		return quote(v)
	}
	return v
}

func opens(r rune) bool { return r == '"' || r == '“' || r == '„' || r == '”' }

func quote(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}

// unquote takes a leading quoted text off s.
func unquote(s string) (text, after string, ok bool) {
	first, size := utf8.DecodeRuneInString(s)
	if !opens(first) {
		return "", s, false
	}
	var b strings.Builder
	escaped := false
	for i, r := range s[size:] {
		switch {
		case escaped:
			if r != '"' && r != '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			escaped = false
		case first == '"' && r == '\\':
			escaped = true
		case first == '"' && r == '"', first != '"' && (r == '”' || r == '“'):
			return b.String(), s[size+i+utf8.RuneLen(r):], true
		default:
			b.WriteRune(r)
		}
	}
	return "", s, false
}

func word(s string) (first, rest string) {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// clean drops what no request needs and some surface would stumble over:
// invalid UTF-8 and control characters other than line breaks and tabs.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}
