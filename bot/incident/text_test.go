package incident_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"wardroom/bot/incident"
)

func FuzzCleanTitle(f *testing.F) {
	for _, s := range []string{"", "a  b\n\tc", "\u202eevil\u2066", "\xff\xfe", "👩\u200d🚒 on call"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		title := incident.CleanTitle(s)
		if !utf8.ValidString(title) || utf8.RuneCountInString(title) > incident.MaxTitle {
			t.Fatalf("%q", title)
		}
		for _, r := range title {
			if unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Fatalf("%q holds %U", title, r)
			}
		}
		if again := incident.CleanTitle(title); again != title {
			t.Fatalf("%q becomes %q", title, again)
		}
	})
}
