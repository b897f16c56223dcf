package incident

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
)

// Limits of what a person or a source can put into one entry, in characters.
const (
	MaxTitle  = 100
	MaxReason = 500
	MaxNote   = 4000
	MaxURL    = 2000
)

// CleanTitle is s on one line, without control and direction characters, at
// most MaxTitle characters long. It is still outside text: whoever shows it escapes it.
func CleanTitle(s string) string { return capped(oneLine(s), MaxTitle) }

// oneLine folds white space and drops what could reorder or hide text.
func oneLine(s string) string {
	if isPlainLine(s) {
		return s
	}
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case hidden(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))), " ")
}

// isPlainLine recognises what most alerts say: printable ASCII, single spaces.
func isPlainLine(s string) bool {
	space := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && space {
			return false
		}
		space = c == ' '
	}
	return !space || s == ""
}

// lines is s with its lines kept, without control and direction characters.
func lines(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case hidden(r):
			return -1
		}
		return r
	}, strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")))
}

// hidden characters are control codes, directions (bidi), joiners of nothing and
// other format characters that make shown text differ from stored text.
func hidden(r rune) bool {
	if r == '\u200d' { // joins emoji
		return false
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func capped(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:most-1]), " ") + "…"
}

// titleOf makes an incident's title from the alert that opened it.
func titleOf(a alert.Alert) string {
	name, summary := oneLine(a.Name()), oneLine(a.Summary())
	switch {
	case summary == "" || summary == name:
		return CleanTitle(name)
	case strings.Contains(strings.ToLower(summary), strings.ToLower(name)):
		return CleanTitle(summary)
	}
	return CleanTitle(name + ": " + summary)
}

// checkReason cleans a reason; an over-long one is refused rather than cut.
func checkReason(s string) (string, error) {
	s = oneLine(s)
	if utf8.RuneCountInString(s) > MaxReason {
		return "", problem.New(problem.TooLarge, "the reason is longer than %d characters", MaxReason).WithHint("put the details into a note")
	}
	return s, nil
}

// earliest is the first time that a person can claim: what lies before it is a
// slip of the keys.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// checkPast refuses times in the future. The zero time means now and passes.
func checkPast(now, at time.Time) error {
	switch {
	case at.IsZero():
	case at.After(now):
		return problem.New(problem.Invalid, "%s is in the future", clock(at)).
			WithHint("it is %s now; name the date as well when it was yesterday", clock(now))
	case at.Before(earliest):
		return problem.New(problem.Invalid, "%s is too long ago", clock(at))
	}
	return nil
}

// clock is t as problems and reasons show it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
