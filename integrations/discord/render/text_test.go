package render

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestOutsideTextIsTamed(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "34 connections of 40", "34 connections of 40"},
		{"mention of all", "@everyone", "@\u200beveryone"},
		{"mention of one", "<@123456789012345678>", "\\<@\u200b123456789012345678\\>"},
		{"channel", "<#123>", `\<\#123\>`},
		{"time", "<t:0:R>", `\<t:0:R\>`},
		{"bold", "**loud**", `\*\*loud\*\*`},
		{"masked link", "[safe](https://evil.example)", `\[safe\]\(<https://evil.example>\)`},
		{"link stays one", "see https://grafana.example/d/abc_d?x=1&y=2.", "see <https://grafana.example/d/abc_d?x=1&y=2>."},
		{"link with a user", "https://bank.example@evil.example/x", "<https://bank.example>@\u200bevil.example/x"},
		{"other scheme", "javascript:alert(1)", `javascript:alert\(1\)`},
		{"fence", "```\nx", "\\`\\`\\`\nx"},
		{"heading", "# big", `\# big`},
		{"list", "- a", `\- a`},
		{"quote", ">>> a", `\>\>\> a`},
		{"direction", "user \u202egnp.exe", "user gnp.exe"},
		{"zalgo", "z" + strings.Repeat("\u0301", 40), "z\u0301\u0301\u0301"},
		{"zalgo kept apart by broken UTF-8", "z" + strings.Repeat("\u0301\u0301\xff", 9), "z\u0301\u0301\u0301"},
		{"NUL", "a\x00b", "ab"},
		{"broken UTF-8", "a\xffb", "ab"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"a page of nothing", "a" + strings.Repeat("\n", 300) + "b", "a\n\nb"},
		{"nothing", "\u3164\u200b", ""},
	} {
		if got := safe(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestACutPartsNoCharacter(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"short", 10, "short"},
		{"exactly ten", 11, "exactly ten"},
		{"exactly ten", 10, "exactly t…"},
		{"ab🙋🏿‍♂️cd", 9, "ab…"}, // ab, and seven units of one drawn character
		{"ab🙋🏿‍♂️cd", 11, "ab🙋🏿‍♂️cd"},
		{"🇩🇪🇫🇷🇮🇹", 6, "🇩🇪…"},
		{"e\u0301e\u0301e\u0301", 4, "e\u0301…"},
		{"words and words", 7, "words…"},
	} {
		if got := cut(c.in, c.most); got != c.want || Units(got) > c.most {
			t.Errorf("cut(%q, %d) = %q, want %q", c.in, c.most, got, c.want)
		}
	}
}

func TestPiecesAreWholeMarkdown(t *testing.T) {
	long := strings.Repeat("word ", 40)
	for _, c := range []struct {
		name, in string
		most     int
		want     []string
	}{
		{"nothing", "", 100, nil},
		{"blank", " \n ", 100, nil},
		{"fits", "**a** `b`", 100, []string{"**a** `b`"}},
		{"lines first", strings.Repeat("x", 60) + "\none two three", 70, []string{strings.Repeat("x", 60), "one two three"}},
		{"open block is closed", "```go\nx := 1", 100, []string{"```go\nx := 1\n```"}},
		{"open bold is closed", "**a", 100, []string{"**a**"}},
		{"a last backslash stays one", `a\`, 100, []string{`a\\`}},
	} {
		got := split(c.in, c.most)
		if strings.Join(got, "¶") != strings.Join(c.want, "¶") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, piece := range split("```go\n"+strings.ReplaceAll(long, "d ", "d\n")+"```\nafter", 80) {
		if strings.Count(piece, "```")%2 != 0 {
			t.Errorf("a block stays open: %q", piece)
		}
	}
	for _, piece := range split("**"+long+"**", 80) {
		if !strings.HasPrefix(piece, "**") || !strings.HasSuffix(piece, "**") {
			t.Errorf("bold does not go on: %q", piece)
		}
	}
}

// outside draws texts of what breaks Markdown.
var outside = rapid.Custom(func(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{
		"word ", "\n", "```", "```go\n", "`", "``", "**", "*", "_", `\`, "||", "@everyone", "<@1>", "<t:1:R>", "[a](https://b.example)",
		"https://c.example/d_e", "\x00", "\xff", "é", "e\u0301\u0301\u0301\u0301\u0301", "🙋🏿‍♂️", "🇩🇪", "\u202e", "\u200d", strings.Repeat("x", 90), " ", "日本",
	}), 0, 60).Draw(t, "parts")
	return strings.Join(parts, "")
})

func TestPiecesFitAndLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, most := outside.Draw(t, "in"), rapid.IntRange(64, 300).Draw(t, "most")
		for _, markdown := range []string{in, safe(in)} {
			pieces := split(markdown, most)
			for _, p := range pieces {
				if Units(p) > most {
					t.Fatalf("%d units, more than %d: %q", Units(p), most, p)
				}
				if strings.TrimSpace(p) == "" {
					t.Fatalf("blank: %q", pieces)
				}
				if utf8.ValidString(markdown) && !utf8.ValidString(p) {
					t.Fatalf("parted a character: %q", p)
				}
			}
			// What is no mark-up and no space is there, in order.
			if got, want := bones(strings.Join(pieces, "")), bones(markdown); got != want && !strings.Contains(markdown, "```go") {
				t.Fatalf("lost something:\n%q\n%q", got, want)
			}
		}
	})
}

func bones(s string) string {
	return strings.NewReplacer(" ", "", "\n", "", "*", "", "`", "", `\`, "").Replace(s)
}

func TestTamedTextHoldsNoMarkUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out := safe(outside.Draw(t, "in"))
		rest := web.ReplaceAllString(out, "")
		for i, r := range rest {
			if strings.ContainsRune("*_`|~[]()", r) && (i == 0 || rest[i-1] != '\\') {
				t.Fatalf("%q is not escaped at %d: %q", r, i, out)
			}
			if r == '@' && !strings.HasPrefix(rest[i+1:], breaker) {
				t.Fatalf("a mention: %q", out)
			}
		}
	})
}
