package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/problem"
)

// Pos is where something is written. The zero Pos is that of a default.
type Pos struct {
	Line int    // from 1
	Path string // "intake.alertmanager.urls[0]"
}

// Mistake is one thing that is wrong with a file.
type Mistake struct {
	File string
	Pos
	Message string
}

// Error is "wardroom.yaml:14: intake.alertmanager.urls[0]: …".
func (m Mistake) Error() string {
	var b strings.Builder
	if m.File != "" {
		b.WriteString(m.File + ":")
	}
	if m.Line > 0 {
		fmt.Fprintf(&b, "%d:", m.Line)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if m.Path != "" {
		b.WriteString(m.Path + ": ")
	}
	b.WriteString(m.Message)
	return b.String()
}

// mistakesShown bounds what a file of another kind, given by accident, prints.
const mistakesShown = 40

// problemOf makes one problem of all mistakes, in the order of their lines; nil
// when there is none.
func problemOf(file string, mistakes []Mistake) error {
	if len(mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(mistakes, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	said := map[Pos]bool{} // of one place only the first mistake: the rest follow from it
	mistakes = slices.DeleteFunc(mistakes, func(m Mistake) bool {
		again := said[m.Pos]
		said[m.Pos] = true
		return again
	})
	var b strings.Builder
	for i, m := range mistakes {
		if i == mistakesShown {
			fmt.Fprintf(&b, "\n  and %d more", len(mistakes)-i)
			break
		}
		b.WriteString("\n  " + m.Error())
	}
	noun := "mistakes"
	if len(mistakes) == 1 {
		noun = "mistake"
	}
	if file == "" {
		file = "the configuration"
	}
	return &faults{mistakes, problem.New(problem.Invalid, "%s has %d %s:%s", file, len(mistakes), noun, b.String()).
		WithHint("docs/reference/configuration.md lists every key")}
}

// faults is the problem of a file, which can be made one with that of another part of it.
type faults struct {
	mistakes []Mistake
	told     *problem.Error
}

func (f *faults) Error() string { return f.told.Error() }
func (f *faults) Unwrap() error { return f.told }

// take adds what the owner of a section found.
func (d *decoder) take(err error) {
	if list, many := err.(interface{ Unwrap() []error }); many {
		for _, e := range list.Unwrap() {
			d.take(e)
		}
		return
	}
	if f, ours := errors.AsType[*faults](err); ours {
		d.mistakes = append(d.mistakes, f.mistakes...)
	} else if err != nil {
		d.fail(Pos{}, "%v", err)
	}
}

// alike returns ` (did you mean "listen"?)` for the known key that is nearest,
// else which keys there are.
func alike(typed string, known []string) string {
	best, least := "", 3
	if len(typed) <= 3 {
		least = 2
	}
	for _, k := range known {
		if d := distance(strings.ToLower(typed), k); d < least {
			best, least = k, d
		} else if best == "" && len(typed) > 3 && (strings.HasPrefix(k, typed) || strings.HasPrefix(typed, k)) {
			best = k
		}
	}
	if best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return " (known here: " + strings.Join(known, ", ") + ")"
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to come from a to b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return len(x) + len(y)
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}
