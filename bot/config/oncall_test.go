package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/oncall"
)

func TestNobodyIsOnCallByDefault(t *testing.T) {
	c := Default()
	if c.OnCall.Rota != nil || c.OnCall.URL != nil || len(c.OnCall.Topics) != 0 || c.OnCall.Policy != oncall.DefaultPolicy() || c.OnCall.Ntfy.URL.String() != "https://ntfy.sh" {
		t.Errorf("%+v", c.OnCall)
	}
}

func TestTheRotaArrives(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "topic", "wardroom-joe-5f2c9a7e\n", 0o600)
	c, err := Parse("wardroom.yaml", dir, []byte(`
timezone: Europe/Berlin
public: {host: wardroom.example.org}
people: {joe: {ntfy_file: topic}, chris: {ntfy: wardroom-chris-11aa22bb}, dana: }
oncall:
  people: [joe, chris]
  handover: Mon 08:30
  since: 2026-01-05
  overrides:
    - {from: 2026-01-07, to: 2026-01-08 12:00, person: dana}
  repeat: 1m
  escalate: 3m
  rounds: 2
  ntfy: {url: "https://ntfy.example.org", username: wardroom, password: hunter2}
`))
	if err != nil {
		t.Fatal(err)
	}
	o := c.OnCall
	if o.Policy != (oncall.Policy{Repeat: time.Minute, Escalate: 3 * time.Minute, Rounds: 2}) || o.URL.String() != "https://wardroom.example.org" ||
		o.Ntfy.URL.Host != "ntfy.example.org" || o.Ntfy.Auth.Password.Reveal() != "hunter2" ||
		o.Topics["joe"].Reveal() != "wardroom-joe-5f2c9a7e" || o.Topics["chris"].IsZero() || len(o.Topics) != 2 {
		t.Errorf("%+v", o)
	}
	if got := o.Rota.People(); !slices.Equal(got, []string{"joe", "chris", "dana"}) {
		t.Error(got)
	}
	for at, want := range map[string]string{
		"2026-01-05 08:29": "", "2026-01-05 08:30": "joe", "2026-01-06 23:59": "joe", "2026-01-07 00:00": "dana",
		"2026-01-08 12:00": "joe", "2026-01-12 08:30": "chris",
	} {
		when, err := time.ParseInLocation("2006-01-02 15:04", at, c.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := o.Rota.OnCall(when); got != want {
			t.Errorf("%s: want %q, got %q", at, want, got)
		}
	}
	if len(c.Warnings) != 0 {
		t.Error(c.Warnings)
	}
}

func TestTopicsThatCanBeGuessedAreWarnedOf(t *testing.T) {
	c, err := Parse("f.yaml", "", []byte("people: {joe: {ntfy: joe}}\noncall: {people: [joe], ntfy: {url: \"http://ntfy.example.org\"}}"))
	if err != nil || len(c.Warnings) != 2 {
		t.Fatal(err, c)
	}
	for n, want := range []string{"is short", "is not encrypted"} {
		if !strings.Contains(c.Warnings[n].Error(), want) {
			t.Error(c.Warnings[n])
		}
	}
}
