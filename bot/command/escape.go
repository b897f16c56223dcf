package command

import "strings"

// breaker parts what a chat would read as one, as the @ of @everyone. It has no width.
const breaker = "\u200b"

var escaper = strings.NewReplacer(
	`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "|", `\|`, "`", "\\`", ">", `\>`, "<", `\<`,
	"#", `\#`, "[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`, "@", "@"+breaker,
)

// Escape makes outside text safe inside [Reply.Text] and the texts of an
// [Embed]: nothing in it is mark-up, a link with another address, or a mention.
// Control characters are dropped. The text keeps its line breaks; a list or a
// heading cannot begin in it.
func Escape(text string) string {
	lines := strings.Split(escaper.Replace(clean(text)), "\n")
	for i, line := range lines {
		rest := strings.TrimLeft(line, " \t")
		if rest != "" && strings.ContainsRune("-+", rune(rest[0])) {
			lines[i] = line[:len(line)-len(rest)] + `\` + rest
		}
	}
	return strings.Join(lines, "\n")
}

// Unescape takes back what [Escape] did, for surfaces that show plain text.
func Unescape(text string) string {
	var b strings.Builder
	escaped := false
	for _, r := range text {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case string(r) == breaker:
		default:
			b.WriteRune(r)
		}
		escaped = false
	}
	if escaped {
		b.WriteByte('\\')
	}
	return b.String()
}

// Code shows outside text in a code span; nothing in it is mark-up there, so it
// needs no escaping and must have none. Line breaks become spaces.
func Code(text string) string {
	text = strings.NewReplacer("`", "ˋ", "\n", " ").Replace(clean(text))
	if strings.TrimSpace(text) == "" {
		text = " "
	}
	return "`" + text + "`"
}
