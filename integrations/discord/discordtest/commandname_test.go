package discordtest

import (
	"regexp"
	"strings"
	"testing"
)

// TestCommandNames holds isCommandName to the pattern that Discord publishes, and to the
// rule beside it that a letter which has a small form is written small.
func TestCommandNames(t *testing.T) {
	published := regexp.MustCompile(`^[-_'\p{L}\p{N}\p{Devanagari}\p{Thai}]{1,32}$`)
	capital := regexp.MustCompile(`\p{Lu}`)
	names := []string{"", "node", "node-list", "a_b", "it's", "Node", "node list", "é", "É", "ß", "нода", "Нода", "नोड", "โหนด", "ノード", "٣", "½",
		"a.b", "a/b", "a\n", "\xff", "a\xc3", "\ufffd", "🙂", "e\u0301", "ǅ", strings.Repeat("a", 32), strings.Repeat("a", 33), strings.Repeat("é", 32), strings.Repeat("é", 33)}
	yes := 0
	for _, name := range names {
		want := published.MatchString(name) && !capital.MatchString(name)
		if want {
			yes++
		}
		if got := isCommandName(name); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
	if yes < 10 || yes > len(names)-10 {
		t.Errorf("%d of %d names are allowed: the test is one-sided", yes, len(names))
	}
}
