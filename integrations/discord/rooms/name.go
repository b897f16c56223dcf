package rooms

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"

	"wardroom/bot/timeline"
)

// maxSlug is how much of a title a channel's name keeps: what a phone shows of it.
// Discord's limit is 100.
const maxSlug = 40

// bareName is "inc-0007".
func bareName(id timeline.ID) string { return strings.ToLower(id.Padded()) }

// channelName is "inc-0007-out-of-connections": lower-case ASCII letters, digits
// and single dashes, whatever the title holds; "inc-0007" when nothing is left of it.
func channelName(id timeline.ID, title string) string {
	if s := slug(title); s != "" {
		return bareName(id) + "-" + s
	}
	return bareName(id)
}

// slug keeps ASCII letters and digits, accents taken off, and whole words of them
// where it can.
func slug(title string) string {
	var b strings.Builder
	if len(title) > 1000 {
		title = title[:1000]
	}
	for _, r := range norm.NFKD.String(spelled.Replace(title)) {
		switch {
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r - 'A' + 'a')
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r > 0x7f && b.Len() > 0 && isMark(r): // the accent of the letter before
		default:
			b.WriteByte(' ')
		}
	}
	out := ""
	for _, word := range strings.Fields(b.String()) {
		next := strings.TrimPrefix(out+"-"+word, "-")
		if len(next) > maxSlug {
			if out == "" {
				out = next[:maxSlug]
			}
			break
		}
		out = next
	}
	return out
}

// spelled are letters that are no other letter with an accent.
var spelled = strings.NewReplacer("ß", "ss", "ẞ", "ss", "æ", "ae", "Æ", "ae", "œ", "oe", "Œ", "oe", "ø", "o", "Ø", "o", "ł", "l", "Ł", "l", "đ", "d", "Đ", "d")

// isMark: combining marks of the Latin script.
func isMark(r rune) bool { return r >= 0x300 && r <= 0x36f }

// marker is how a room's channel is known as ours, from its topic: number and the
// beginning of the hash of the incident's first entry, which no other installation
// shares.
func marker(id timeline.ID, first timeline.Hash) string {
	return fmt.Sprintf("%s · wardroom %s", id, brand(first))
}

func brand(first timeline.Hash) string { return first.Short()[:6] }

// topic says nothing from outside: it would have to be erased with it.
func topic(mark string) string { return mark + " · the pinned message says how things stand" }

// threadName carries the brand itself: threads have no topic.
func threadName(id timeline.ID, title string, first timeline.Hash) string {
	return channelName(id, title) + "-" + brand(first)
}
