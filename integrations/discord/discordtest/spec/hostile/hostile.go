// Package hostile makes texts that have broken chat bots: what somebody outside
// can put into an alert's label, a form or a message. For tests only.
package hostile

import (
	"math/rand/v2"
	"strings"
)

// Text returns a hostile text. The same state of r gives the same text, for ever:
// a failing case is named by its seed. It may be empty, may hold invalid UTF-8, and
// is at most some 50,000 bytes long.
func Text(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		b.WriteString(kinds[r.IntN(len(kinds))].make(r))
		if r.IntN(3) == 0 {
			b.WriteString(pick(r, separators))
		}
	}
	return b.String()
}

// Of returns a text of one kind, named as Kinds lists it.
func Of(kind string, r *rand.Rand) string {
	for _, k := range kinds {
		if k.name == kind {
			return k.make(r)
		}
	}
	return ""
}

// Kinds are the names of what Text mixes.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// Plain returns a harmless text of some words: hostile values stand beside such.
func Plain(r *rand.Rand) string {
	words := make([]string, 1+r.IntN(8))
	for i := range words {
		words[i] = pick(r, plain)
	}
	return strings.Join(words, " ")
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func repeat(r *rand.Rand, s string, most int) string { return strings.Repeat(s, 1+r.IntN(most)) }

var (
	separators = []string{" ", "\n", "\n\n", "\t", "\r\n", "", "\u200b", "\u00a0", "\u2028"}
	plain      = strings.Fields("database primary is slow checkout errors node linode-7 pods evicted 503 over quota since deploy")
)
