package render

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wardroom/bot/command"
	"wardroom/bot/room"
)

// breaker stands after an @ that was escaped by [command.Escape]; it has no width.
const breaker = "\u200b"

// stand is a private character that stands for the breaker while a text is tamed.
const stand = "\ue000"

// web finds addresses that can be shown as they are: only characters that mean
// nothing else, no user names. Discord makes a link of what stands in <…>, whose
// text is its target.
var web = regexp.MustCompile(`\bhttps?://[A-Za-z0-9][A-Za-z0-9\-._~:/?#=&%+,;!$]*[A-Za-z0-9/=#]`)

// maxLink is the longest address that becomes a link.
const maxLink = 400

// safe is outside text as Markdown in which nothing is mark-up, a mention or a
// link whose text is not its target; line breaks stay.
func safe(text string) string { return linked(manyLines(text)) }

// safeLine is [safe] on one line.
func safeLine(text string) string { return linked(oneLine(text)) }

func linked(tame string) string {
	tame = squeeze(tame)
	var b strings.Builder
	end := 0
	for _, m := range web.FindAllStringIndex(tame, -1) {
		if m[1]-m[0] > maxLink {
			continue
		}
		b.WriteString(command.Escape(tame[end:m[0]]))
		b.WriteString("<" + tame[m[0]:m[1]] + ">")
		end = m[1]
	}
	b.WriteString(command.Escape(tame[end:]))
	return b.String()
}

// blanks is how many empty lines follow each other at the most: more would push
// everything else off the screen.
const blanks = 1

func squeeze(text string) string {
	if !strings.Contains(text, "\n\n\n") {
		return text
	}
	var out []string
	empty := 0
	for line := range strings.SplitSeq(text, "\n") {
		if empty++; strings.TrimSpace(line) != "" {
			empty = 0
		}
		if empty <= blanks {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// plain is outside text on one line, cut, for places that know no Markdown:
// labels, footers, placeholders.
func plain(text string, most int) string { return cut(oneLine(text), most) }

// fenced is outside text in a code block: what could close it is made harmless.
func fenced(text string) string {
	return "```\n" + strings.ReplaceAll(tameKeeping(text), "```", "ˋˋˋ") + "\n```"
}

// tameKeeping is [room.PlainLines] for our own Markdown: what [command.Escape] put
// in stays.
func tameKeeping(markdown string) string {
	tamed := manyLines(strings.ReplaceAll(markdown, breaker, stand))
	return strings.ReplaceAll(tamed, stand, breaker)
}

// cut shortens plain text to most units and shows that it did. It never parts what
// is drawn as one character.
func cut(s string, most int) string {
	if Units(s) <= most {
		return s
	}
	return strings.TrimRight(s[:fit(s, most-1)], " ") + "…"
}

// fit is how many bytes of s take at most so many units, without parting what is
// drawn as one: a letter and its marks, a joined emoji, a flag.
func fit(s string, units int) int {
	const longest = 40 // of what is joined: a family with colours of skin has 23 units
	end, last, n := 0, rune(0), 0
	flags := 0
	for i, r := range s {
		if !joins(last, r, flags) || i-end > longest {
			end = i
		}
		if n += Units(string(r)); n > units {
			return end
		}
		if isFlag(r) {
			flags++
		} else {
			flags = 0
		}
		last = r
	}
	return len(s)
}

func isFlag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

// joins reports whether next belongs to the character that ends in last.
func joins(last, next rune, flags int) bool {
	switch {
	case last == 0:
		return false
	case next == '\u200d' || last == '\u200d':
		return true
	case unicode.Is(unicode.M, next), next >= 0x1f3fb && next <= 0x1f3ff: // marks; colours of skin
		return true
	}
	return isFlag(next) && flags%2 == 1
}

// capital makes the first letter of a sentence a capital one, unless the sentence begins
// with the name of a machine or a workload: "lke13311-… is the last Ready node".
func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	first, _, _ := strings.Cut(s, " ")
	if size == 0 || strings.ContainsAny(first, "/0123456789") {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}

// stamp shows an instant in the zone of whoever reads it:
// https://discord.com/developers/docs/reference#message-formatting-timestamp-styles
func stamp(t time.Time, style byte) string {
	return fmt.Sprintf("<t:%d:%c>", t.Unix(), style)
}

// clockStamp is the time of day, with the date when it is not that of beside.
func clockStamp(t, beside time.Time) string {
	if utc.Day(t) == utc.Day(beside) {
		return stamp(t, 't')
	}
	return stamp(t, 'f')
}

// oneLine and manyLines tame outside text. Broken characters go first: dropped
// later, by [command.Escape], they would leave together what they kept apart.
func oneLine(text string) string   { return room.Plain(unbroken(text)) }
func manyLines(text string) string { return room.PlainLines(unbroken(text)) }

func unbroken(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\ufffd", "")
}
