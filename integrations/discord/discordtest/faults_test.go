package discordtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wardroom/integrations/discord/discordtest"
)

func TestBucketsFillAndEmpty(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, discordtest.Options{Now: c.now})
	a := api{t, s}
	for i := range 5 {
		r := a.ok("POST", general(s)+"/messages", obj{"content": "x"})
		if got := r.header.Get("X-RateLimit-Remaining"); got != string(rune('4'-i)) {
			t.Errorf("remaining %s after %d", got, i+1)
		}
	}
	r := a.do("POST", general(s)+"/messages", obj{"content": "x"})
	if r.status != 429 || r.header.Get("Retry-After") != "5" || r.header.Get("X-RateLimit-Scope") != "user" || !strings.Contains(string(r.body), `"retry_after":5`) {
		t.Errorf("%d %v %s", r.status, r.header, r.body)
	}
	room := s.AddChannel("other", discordtest.ChannelText, "")
	a.ok("POST", "/channels/"+room+"/messages", obj{"content": "x"}) // has a bucket of its own
	c.pass(5 * time.Second)
	a.ok("POST", general(s)+"/messages", obj{"content": "x"})
}

func TestRenamingIsLimitedAndTheHeadersDoNotSaySo(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, discordtest.Options{Now: c.now})
	a := api{t, s}
	for range 2 {
		a.ok("PATCH", general(s), obj{"topic": "x"})
	}
	r := a.do("PATCH", general(s), obj{"topic": "y"})
	if r.status != 429 || r.header.Get("Retry-After") != "600" || r.header.Get("X-RateLimit-Remaining") == "0" {
		t.Errorf("%d %v %s", r.status, r.header, r.body)
	}
	a.ok("PATCH", general(s), obj{"parent_id": nil})
}

func TestTheGlobalLimitSparesInteractions(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{Limits: discordtest.NoLimits})
	a := api{t, s}
	for range discordtest.Global {
		a.ok("GET", "/users/@me", nil)
	}
	if r := a.do("GET", "/users/@me", nil); r.status != 429 || r.header.Get("X-RateLimit-Global") != "true" || !strings.Contains(string(r.body), `"global":true`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := a.do("POST", "/interactions/1/x/callback", obj{"type": 5}); r.status != 404 {
		t.Errorf("an interaction: %d %s", r.status, r.body)
	}
}

func TestFaultsStrike(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  discordtest.Fault
		status int // 0: the connection is cut
		stored int
		text   string
	}{
		{"5xx", discordtest.Fault{Status: 502, Times: 1}, 502, 0, "<html>"},
		{"an answer that is lost", discordtest.Fault{Method: "POST", Lost: true, Times: 1}, 0, 1, ""},
		{"a cut before", discordtest.Fault{Cut: true, Times: 1}, 0, 0, ""},
		{"a long 429", discordtest.Fault{Path: "/channels/*/messages", RetryAfter: 10 * time.Minute, Times: 1}, 429, 0, `"retry_after":600`},
		{"a 429 that is a page", discordtest.Fault{Cloudflare: true, Times: 1}, 429, 0, "1015"},
		{"slow", discordtest.Fault{Slow: time.Millisecond, Times: 1}, 200, 1, "hello"},
		{"not this route", discordtest.Fault{Path: "/guilds/*", Status: 500}, 200, 1, "hello"},
		{"not yet", discordtest.Fault{Skip: 1, Status: 500}, 200, 1, "hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, discordtest.Options{})
			a := api{t, s}
			s.Fault(c.fault)
			r, err := a.try("POST", general(s)+"/messages", obj{"content": "hello"})
			if r.status != c.status || (err != nil) != (c.status == 0) || !strings.Contains(string(r.body), c.text) {
				t.Errorf("%d %s, %v", r.status, r.body, err)
			}
			if n := len(s.Messages("general")); n != c.stored {
				t.Errorf("%d messages are there", n)
			}
			s.Clear()
			a.ok("POST", general(s)+"/messages", obj{"content": "later"})
		})
	}
}

func TestDiscordGoesAwayAndComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		s := start(t, discordtest.Options{})
		d := session(t, s, plain)
		open(t, s, d)
		a := api{t, s}
		a.ok("POST", general(s)+"/messages", obj{"content": "before"})
		s.Down(refuse)
		if r, err := a.try("GET", "/users/@me", nil); err == nil {
			t.Errorf("answers while it is down: %d", r.status)
		}
		if _, err := s.As("joe").Say(ctx(t), "general", "in the outage"); err != nil {
			t.Error(err)
		}
		if err := s.Up(); err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(ctx(t), func() bool { _, resumed, n := s.Sessions(); return resumed == 1 && n == 1 }); err != nil {
			t.Error("the session is not resumed:", err)
		}
		if n := len(s.Messages("general")); n != 2 {
			t.Errorf("%d messages", n)
		}
	}
}

func TestDownForEndsByTheClockItWasGiven(t *testing.T) {
	t.Parallel()
	fire := make(chan time.Time)
	s := start(t, discordtest.Options{After: func(time.Duration) (<-chan time.Time, func()) { return fire, func() {} }})
	s.DownFor(false, time.Minute)
	a := api{t, s}
	if _, err := a.try("GET", "/users/@me", nil); err == nil {
		t.Error("answers while it is down")
	}
	fire <- time.Time{}
	for {
		r, err := a.try("GET", "/users/@me", nil)
		if err == nil && r.status == http.StatusOK {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal("stays down")
		}
	}
}
