package timeline

import (
	"slices"
	"strings"
)

// span is a part of a text to be replaced.
type span struct {
	start, end int
	kind       string
}

func marker(kind string) string { return "[redacted:" + kind + "]" }

// markerPrefix begins what a redaction leaves behind.
const markerPrefix = "[redacted:"

// finder collects the secrets of one text.
type finder struct {
	text  string
	lower string // ASCII lower case, same length
	spans []span
}

func (f *finder) add(start, end int, kind string) {
	if start < end && !strings.HasPrefix(f.text[start:end], markerPrefix) {
		f.spans = append(f.spans, span{start, end, kind})
	}
}

// redactText replaces what the detectors find until they find no more: a
// replacement may bring together what was apart.
func redactText(text string) (string, bool) {
	changed := false
	for range 4 {
		f := finder{text: text, lower: lowerASCII(text)}
		f.privateKeys()
		f.urls()
		f.tokens()
		f.jwts()
		f.dotted()
		f.webhooks()
		f.headers()
		f.assignments()
		f.commands()
		next := f.replace()
		if next == text {
			break
		}
		text, changed = next, true
	}
	return text, changed
}

// replace applies the spans; where two overlap, one marker stands for both.
func (f *finder) replace() string {
	if len(f.spans) == 0 {
		return f.text
	}
	slices.SortStableFunc(f.spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	var out strings.Builder
	done := 0
	for i := 0; i < len(f.spans); {
		s := f.spans[i]
		for i++; i < len(f.spans) && f.spans[i].start < s.end; i++ {
			s.end = max(s.end, f.spans[i].end)
		}
		out.WriteString(f.text[done:s.start])
		out.WriteString(marker(s.kind))
		done = s.end
	}
	out.WriteString(f.text[done:])
	return out.String()
}

// each calls do with the index of every occurrence of needle in hay.
func each(hay, needle string, do func(i int)) {
	for from := 0; ; {
		i := strings.Index(hay[from:], needle)
		if i < 0 {
			return
		}
		do(from + i)
		from += i + len(needle)
	}
}

func lowerASCII(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= 'A' && r <= 'Z' }) < 0 {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// class is a set of bytes.
type class [256]bool

func classOf(ranges string) *class {
	var c class
	for i := 0; i+1 < len(ranges); i += 2 {
		for b := int(ranges[i]); b <= int(ranges[i+1]); b++ {
			c[b] = true
		}
	}
	return &c
}

var (
	alnum     = classOf("azAZ09")
	upperNum  = classOf("AZ09")
	base64URL = classOf("azAZ09__--")
	base64Std = classOf("azAZ09++//==__--..~~") // what RFC 6750 allows in a bearer token
	dottedSet = classOf("azAZ09__--..")
	hexSet    = classOf("afAF09")
	digitSet  = classOf("09")
)

// run returns the end of the run of c that begins at i.
func (f *finder) run(i int, c *class) int {
	for i < len(f.text) && c[f.text[i]] {
		i++
	}
	return i
}

// runBack returns the start of the run of c that ends before i.
func (f *finder) runBack(i int, c *class) int {
	for i > 0 && c[f.text[i-1]] {
		i--
	}
	return i
}

// tokenShape is a token that tells its kind by its beginning.
type tokenShape struct {
	prefix   string
	kind     string
	set      *class
	min, max int // length after the prefix; max 0: no limit
}

// Sources: each vendor's page on token formats; gitleaks' rules agree.
var tokenShapes = []tokenShape{
	{"ghp_", "github-token", alnum, 20, 0}, {"gho_", "github-token", alnum, 20, 0}, {"ghu_", "github-token", alnum, 20, 0},
	{"ghs_", "github-token", base64URL, 20, 0}, {"ghr_", "github-token", alnum, 20, 0}, {"github_pat_", "github-token", base64URL, 20, 0},
	{"glpat-", "gitlab-token", dottedSet, 16, 0}, {"gldt-", "gitlab-token", base64URL, 16, 0},
	{"glsa_", "grafana-token", base64URL, 32, 0},
	{"xoxb-", "slack-token", base64URL, 10, 0}, {"xoxp-", "slack-token", base64URL, 10, 0}, {"xoxa-", "slack-token", base64URL, 10, 0},
	{"xoxr-", "slack-token", base64URL, 10, 0}, {"xoxs-", "slack-token", base64URL, 10, 0}, {"xoxe-", "slack-token", base64URL, 10, 0},
	{"xoxe.", "slack-token", dottedSet, 10, 0}, {"xoxo-", "slack-token", base64URL, 10, 0}, {"xoxc-", "slack-token", base64URL, 10, 0},
	{"xoxd-", "slack-token", base64Std, 10, 0}, {"xapp-", "slack-token", base64URL, 10, 0},
	{"AKIA", "aws-key", upperNum, 16, 16}, {"ASIA", "aws-key", upperNum, 16, 16},
	{"AIza", "google-key", base64URL, 35, 0}, {"ya29.", "google-token", dottedSet, 20, 0},
	{"sk_live_", "stripe-key", alnum, 10, 0}, {"sk_test_", "stripe-key", alnum, 10, 0},
	{"rk_live_", "stripe-key", alnum, 10, 0}, {"rk_test_", "stripe-key", alnum, 10, 0}, {"whsec_", "stripe-key", base64Std, 16, 0},
	{"sk-proj-", "api-key", base64URL, 20, 0}, {"sk-ant-", "api-key", base64URL, 20, 0},
	{"npm_", "npm-token", alnum, 36, 36}, {"pypi-", "pypi-token", base64URL, 50, 0},
	{"hvs.", "vault-token", base64URL, 20, 0}, {"dop_v1_", "digitalocean-token", hexSet, 64, 0},
	{"shpat_", "shopify-token", hexSet, 32, 0}, {"sntrys_", "sentry-token", base64Std, 20, 0}, {"sntryu_", "sentry-token", hexSet, 32, 0},
	{"ATATT3", "atlassian-token", base64Std, 20, 0}, {"NRAK-", "newrelic-key", upperNum, 20, 0}, {"dckr_pat_", "docker-token", base64URL, 20, 0},
}

// tokens finds tokens that tell their kind by their beginning.
func (f *finder) tokens() {
	for _, t := range tokenShapes {
		each(f.text, t.prefix, func(i int) {
			if i > 0 && alnum[f.text[i-1]] {
				return
			}
			end := f.run(i+len(t.prefix), t.set)
			n := end - i - len(t.prefix)
			if n >= t.min && (t.max == 0 || n <= t.max) {
				f.add(i, end, t.kind)
			}
		})
	}
	each(f.text, "SG.", func(i int) { // SendGrid: SG.<22>.<43>
		dot := f.run(i+3, base64URL)
		if (i > 0 && alnum[f.text[i-1]]) || dot-i-3 < 16 || dot >= len(f.text) || f.text[dot] != '.' {
			return
		}
		if end := f.run(dot+1, base64URL); end-dot-1 >= 16 {
			f.add(i, end, "sendgrid-key")
		}
	})
	each(f.text, ":AA", func(i int) { // Telegram: <8 to 10 digits>:<35>
		start, end := f.runBack(i, digitSet), f.run(i+1, base64URL)
		if n := i - start; n >= 8 && n <= 12 && end-i-1 >= 33 {
			f.add(start, end, "telegram-token")
		}
	})
}

// jwts finds JSON Web Tokens: two or more segments, of which the first is the
// base64 of a JSON object.
func (f *finder) jwts() {
	each(f.text, "eyJ", func(i int) {
		if i > 0 && base64URL[f.text[i-1]] {
			return
		}
		dot := f.run(i, base64URL)
		if dot-i < 12 || dot+8 > len(f.text) || f.text[dot] != '.' || !base64URL[f.text[dot+1]] {
			return
		}
		end := f.run(dot, dottedSet)
		for f.text[end-1] == '.' {
			end--
		}
		if end-dot > 8 {
			f.add(i, end, "jwt")
		}
	})
}

// dotted finds Discord's tokens: base64 of the bot's id, a time, a signature.
func (f *finder) dotted() {
	each(f.text, ".", func(dot int) {
		start := f.runBack(dot, base64URL)
		if n := dot - start; n < 23 || n > 28 || !strings.ContainsRune("MNO", rune(f.text[start])) {
			return
		}
		second := f.run(dot+1, base64URL)
		if n := second - dot - 1; n < 5 || n > 8 || second >= len(f.text) || f.text[second] != '.' {
			return
		}
		if end := f.run(second+1, base64URL); end-second-1 >= 27 {
			f.add(start, end, "discord-token")
		}
	})
}

// privateKeys finds PEM blocks, also one whose end was cut off.
func (f *finder) privateKeys() {
	each(f.text, "PRIVATE KEY", func(i int) {
		start := strings.LastIndex(f.text[:i], "-----BEGIN ")
		if start < 0 || i-start > 40 {
			return
		}
		end := len(f.text)
		if j := strings.Index(f.text[i:], "-----END "); j >= 0 {
			end = i + j + len("-----END ")
			if k := strings.Index(f.text[end:], "-----"); k >= 0 {
				end += k + len("-----")
			}
		}
		f.add(start, end, "private-key")
	})
}

// webhooks finds addresses whose path is the credential.
func (f *finder) webhooks() {
	each(f.lower, "/webhooks/", func(i int) { // discord.com/api/webhooks/<id>/<token>
		id := i + len("/webhooks/")
		slash := f.run(id, digitSet)
		if slash-id >= 15 && slash < len(f.text) && f.text[slash] == '/' {
			f.add(slash+1, f.run(slash+1, base64URL), "webhook")
		}
	})
	each(f.lower, "hooks.slack.com/", func(i int) {
		path := i + len("hooks.slack.com/")
		first := f.run(path, alnum) // services, workflows, triggers
		if first > path && first < len(f.text) && f.text[first] == '/' {
			end := first + 1
			for end < len(f.text) && (alnum[f.text[end]] || f.text[end] == '/') {
				end++
			}
			f.add(first+1, end, "webhook")
		}
	})
	for _, param := range []string{"sig=", "x-amz-signature=", "x-goog-signature="} { // signed URLs
		each(f.lower, param, func(i int) {
			start := i + len(param)
			end := start
			for end < len(f.text) && (base64Std[f.text[end]] || f.text[end] == '%') {
				end++
			}
			if i > 0 && (f.text[i-1] == '?' || f.text[i-1] == '&') && end-start >= 16 {
				f.add(start, end, "signature")
			}
		})
	}
}
