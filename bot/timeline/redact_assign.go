package timeline

import "strings"

// Words after which a value is a secret. A "weak" word also names harmless
// things ("secret: wildcard-tls"), so its value must look like a secret.
var (
	strongWords = []string{"password", "passwd", "passphrase", "pwd"}
	weakWords   = []string{"secret", "token", "ticket"}
	keyWords    = []string{"api", "access", "secret", "private", "signing", "encryption", "account", "auth", "ssh", "shared"}
)

// secretName returns what a name promises to hold ("password", "token", …) when
// it ends in one of the words: db_password, X-Api-Key, clientSecret. "" otherwise.
func secretName(name string) string {
	n := strings.TrimRight(lowerASCII(name), "0123456789")
	for _, words := range [][]string{strongWords, weakWords} {
		for _, w := range words {
			if strings.HasSuffix(n, w) {
				return canonical(w)
			}
		}
	}
	if rest, ok := strings.CutSuffix(n, "key"); ok && keyQualified(rest) {
		return "api-key"
	}
	return ""
}

func canonical(word string) string {
	switch word {
	case "passwd", "pwd":
		return "password"
	}
	return word
}

// keyQualified reports whether what stands before "key" makes it a secret one.
func keyQualified(rest string) bool {
	rest = strings.TrimRight(rest, "_-. ")
	for _, w := range keyWords {
		if strings.HasSuffix(rest, w) {
			return true
		}
	}
	return false
}

// assignments finds word=value, word: value, "word": "value", --word value.
func (f *finder) assignments() {
	for _, w := range strongWords {
		each(f.lower, w, func(i int) { f.assignment(i, i+len(w), canonical(w)) })
	}
	for _, w := range weakWords {
		each(f.lower, w, func(i int) { f.assignment(i, i+len(w), w) })
	}
	each(f.lower, "key", func(i int) {
		if keyQualified(f.lower[max(0, i-12):i]) {
			f.assignment(i, i+len("key"), "api-key")
		}
	})
}

// assignment looks at what follows a word that stands in text[start:end].
func (f *finder) assignment(start, end int, kind string) {
	for range 2 { // password2=
		if end < len(f.text) && digitSet[f.text[end]] {
			end++
		}
	}
	from, assigned := f.value(end)
	if !assigned {
		if from, assigned = f.flagValue(start, end); !assigned {
			return
		}
	}
	if from >= len(f.text) {
		return
	}
	if f.text[from] == '|' || f.text[from] == '>' {
		f.block(from, kind)
		return
	}
	from, to, quoted := f.valueSpan(from)
	if worthHiding(kind, f.text[from:to], quoted) {
		f.add(from, to, kind)
	}
}

// value returns where the value begins that is assigned to the name ending at i:
// after closing quotes and mark-up, a separator, and opening quotes.
func (f *finder) value(i int) (int, bool) {
	const markup = "\\\"'`*]"
	for n := 0; n < 6 && i < len(f.text) && strings.IndexByte(markup, f.text[i]) >= 0; n++ {
		i++
	}
	i = f.spaces(i)
	switch {
	case strings.HasPrefix(f.text[i:], "::"):
		return 0, false
	case strings.HasPrefix(f.text[i:], ":="), strings.HasPrefix(f.text[i:], "=>"), strings.HasPrefix(f.text[i:], "=="):
		i += 2
	case strings.HasPrefix(f.text[i:], "="), strings.HasPrefix(f.text[i:], ":"):
		i++
	default:
		return 0, false
	}
	for i < len(f.text) && f.text[i] == '*' {
		i++
	}
	i = f.spaces(i)
	return i, true
}

// flagValue reads "--password value" and "--from-literal=password value".
func (f *finder) flagValue(start, end int) (int, bool) {
	for start > 0 && (alnum[f.text[start-1]] || f.text[start-1] == '-' || f.text[start-1] == '_') {
		start--
	}
	if !strings.HasPrefix(f.text[start:], "--") || end >= len(f.text) || f.text[end] != ' ' {
		return 0, false
	}
	next := f.spaces(end)
	return next, next < len(f.text) && f.text[next] != '-'
}

// valueSpan returns where the value that begins at from stands, without quotes.
func (f *finder) valueSpan(from int) (start, end int, quoted bool) {
	i := from
	for i < len(f.text) && f.text[i] == '\\' {
		i++
	}
	if i < len(f.text) && strings.IndexByte("\"'`", f.text[i]) >= 0 {
		quote := f.text[from : i+1] // with its backslashes, as in JSON in a string
		if j := strings.Index(f.text[i+1:], quote); j >= 0 {
			return i + 1, i + 1 + j, true
		}
		from = i + 1 // the closing quote was cut off
	}
	if f.text[from:] != "" && f.text[from] == '<' { // a placeholder
		if j := strings.IndexByte(f.text[from:f.line(from)], '>'); j >= 0 {
			return from, from + j + 1, true
		}
	}
	for i = from; i < len(f.text); i++ {
		c := f.text[i]
		if c <= ' ' || strings.IndexByte("\"'`&;)}]>|", c) >= 0 && !inMarker(f.text[from:], i-from) {
			break
		}
		if c == ',' && listGoesOn(f.text[i+1:]) {
			break
		}
	}
	for i > from && strings.IndexByte(".,!?\\", f.text[i-1]) >= 0 {
		i--
	}
	return from, i, false
}

// inMarker keeps a redaction's own bracket.
func inMarker(value string, i int) bool {
	return value[i] == ']' && strings.HasPrefix(value, markerPrefix)
}

// listGoesOn reports whether a comma ends the value: nothing, a space or another
// name follows.
func listGoesOn(rest string) bool {
	if rest == "" || rest[0] <= ' ' || strings.IndexByte("\"'{[\\", rest[0]) >= 0 {
		return true
	}
	i := 0
	for i < len(rest) && base64URL[rest[i]] {
		i++
	}
	return i > 0 && i < len(rest) && (rest[i] == '=' || rest[i] == ':')
}

// block finds a YAML block scalar: the indented lines after "password: |".
func (f *finder) block(from int, kind string) {
	line := f.line(from)
	if strings.Trim(f.text[from:line], "|>+-0123456789 \t\r") != "" || line+1 >= len(f.text) {
		return
	}
	start := line + 1
	end := start
	for end < len(f.text) && (f.text[end] == ' ' || f.text[end] == '\t') {
		end = min(f.line(end)+1, len(f.text))
	}
	text := strings.TrimRight(f.text[start:end], "\n")
	first := f.spaces(start)
	f.add(first, max(first, start+len(text)), kind)
}
