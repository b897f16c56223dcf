package hostile

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestTextIsTheSameForEver: a failing case elsewhere is named by its seed. When kinds
// are changed on purpose, the hash is renewed.
func TestTextIsTheSameForEver(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	h := sha256.New()
	for range 1000 {
		fmt.Fprintf(h, "%q\n", Text(r))
	}
	const want = "b6492231e9ebb92a"
	if got := fmt.Sprintf("%x", h.Sum(nil))[:16]; got != want {
		t.Errorf("the texts have changed: %s, they were %s", got, want)
	}
}

// TestThousandTextsHoldEveryDanger fails when a danger is no longer among them.
func TestThousandTextsHoldEveryDanger(t *testing.T) {
	dangers := map[string]func(string) bool{
		"everyone":         func(s string) bool { return strings.Contains(s, "@everyone") },
		"role":             func(s string) bool { return strings.Contains(s, "<@&1") },
		"person":           func(s string) bool { return strings.Contains(s, "<@1") },
		"open code block":  func(s string) bool { return strings.Count(s, "```")%2 == 1 },
		"invalid UTF-8":    func(s string) bool { return !utf8.ValidString(s) },
		"NUL":              func(s string) bool { return strings.ContainsRune(s, 0) },
		"escape":           func(s string) bool { return strings.ContainsRune(s, 0x1b) },
		"right to left":    func(s string) bool { return strings.ContainsRune(s, 0x202e) },
		"invite":           func(s string) bool { return strings.Contains(s, "discord.gg") },
		"masked link":      func(s string) bool { return strings.Contains(s, "](https://") },
		"empty":            func(s string) bool { return s == "" },
		"over 4096":        func(s string) bool { return utf8.RuneCountInString(s) > 4096 },
		"word over 2000":   func(s string) bool { return longestWord(s) > 2000 },
		"zalgo":            func(s string) bool { return marksInRow(s) > 20 },
		"100 lines":        func(s string) bool { return strings.Count(s, "\n") > 100 },
		"family of emojis": func(s string) bool { return strings.Contains(s, "👨\u200d👩") },
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		s := Text(r)
		if len(s) > 60_000 {
			t.Errorf("%d bytes", len(s))
		}
		for name, is := range dangers {
			if is(s) {
				delete(dangers, name)
			}
		}
	}
	for name := range dangers {
		t.Errorf("no text with: %s", name)
	}
}

func TestOfKnowsItsKinds(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, k := range Kinds() {
		all := ""
		for range 10 {
			all += Of(k, r)
		}
		if all == "" {
			t.Errorf("%s makes nothing", k)
		}
	}
	if Of("no such kind", r) != "" {
		t.Error("an unknown kind made something")
	}
}

func longestWord(s string) int {
	longest := 0
	for _, w := range strings.Fields(s) {
		longest = max(longest, utf8.RuneCountInString(w))
	}
	return longest
}

func marksInRow(s string) int {
	most, n := 0, 0
	for _, r := range s {
		if n++; !unicode.Is(unicode.Mn, r) {
			n = 0
		}
		most = max(most, n)
	}
	return most
}
