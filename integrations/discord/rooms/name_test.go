package rooms

import (
	"regexp"
	"strings"
	"testing"
)

func TestAChannelsNameIsPlainWhateverTheTitle(t *testing.T) {
	for _, c := range []struct{ title, want string }{
		{"PostgreSQL is out of connections", "inc-0007-postgresql-is-out-of-connections"},
		{"Größe überschritten: Café", "inc-0007-grosse-uberschritten-cafe"},
		{"", "inc-0007"},
		{"日本語だけ", "inc-0007"},
		{"!!! @everyone <#123> `rm -rf`", "inc-0007-everyone-123-rm-rf"},
		{"\u202ereversed\u202c z" + strings.Repeat("\u0301", 50) + "algo", "inc-0007-reversed-zalgo"},
		{strings.Repeat("a", 300), "inc-0007-" + strings.Repeat("a", 40)},
		{"one two three four five six seven eight nine ten", "inc-0007-one-two-three-four-five-six-seven-eight"},
		{"--- a -- b ---", "inc-0007-a-b"},
		{"\xff\xfe broken", "inc-0007-broken"},
	} {
		if got := channelName("INC-7", c.title); got != c.want {
			t.Errorf("%q: %s, want %s", c.title, got, c.want)
		}
	}
}

func FuzzChannelName(f *testing.F) {
	f.Add("PostgreSQL is out of connections")
	plain := regexp.MustCompile(`^inc-0007(-[a-z0-9]+)*$`)
	f.Fuzz(func(t *testing.T, title string) {
		if name := channelName("INC-7", title); !plain.MatchString(name) || len(name) > 100 {
			t.Errorf("%q: %s", title, name)
		}
	})
}
