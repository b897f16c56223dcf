package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/problem"
)

// standing answers every right link alike.
type standing struct {
	oncall.Standing
	err      error
	answered int
}

func (*standing) Known(token string) bool { return token == "right" }
func (s *standing) Look(context.Context, string) (oncall.Standing, error) {
	return s.Standing, s.err
}

func (s *standing) Answer(context.Context, string) (oncall.Standing, error) {
	s.answered++
	return s.Standing, s.err
}

func ackServer(t *testing.T, s *standing) (ask func(method, path, body, from string) *httptest.ResponseRecorder, log *strings.Builder) {
	t.Helper()
	log = &strings.Builder{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server, err := New(Options{Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Mount(AckPattern, AckLinks(AckOptions{Answerer: s, Log: logger})); err != nil {
		t.Fatal(err)
	}
	return func(method, path, body, from string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		if from != "" {
			r.RemoteAddr = from
		}
		r.Header.Set("Cookie", "session=somebody")
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		return w
	}, log
}

func TestLinksSayHowThingsStand(t *testing.T) {
	at := time.Date(2021, 7, 14, 0, 34, 0, 0, time.UTC)
	i := incident.Incident{ID: "INC-1", Title: "<script>alert(1)</script> is out", Severity: alert.SEV2, Status: incident.Investigating, StartedAt: at.Add(-4 * time.Minute)}
	over, merged := i, i
	over.Status, merged.MergedInto = incident.Resolved, "INC-2"
	for name, c := range map[string]struct {
		s      oncall.Standing
		err    error
		method string
		status int
		words  string
	}{
		"a page":             {s: oncall.Standing{Outcome: oncall.CanAnswer, Person: "joe", Incident: i}, status: 200, words: `SEV2 INC-1: &lt;script&gt;|It began at 2021-07-14 00:30 UTC|<form method="post"><button type="submit">Acknowledge</button>|in the name of joe`},
		"acknowledged now":   {s: oncall.Standing{Outcome: oncall.Acknowledged, By: "joe", At: at, Now: true, Incident: i}, method: "POST", status: 200, words: "<h1>Acknowledged</h1>|joe is on it since 00:34 UTC"},
		"acknowledged":       {s: oncall.Standing{Outcome: oncall.Acknowledged, By: "joe", At: at, Incident: i}, method: "POST", status: 200, words: "Already acknowledged by joe at 2021-07-14 00:34 UTC."},
		"reopened":           {s: oncall.Standing{Outcome: oncall.Superseded, Incident: i}, method: "POST", status: 409, words: "There is a newer page"},
		"old":                {s: oncall.Standing{Outcome: oncall.Expired, Incident: i}, method: "POST", status: 410, words: "This link is too old"},
		"resolved":           {s: oncall.Standing{Outcome: oncall.Over, Incident: over}, method: "POST", status: 200, words: "It is resolved: nobody has to be woken."},
		"merged":             {s: oncall.Standing{Outcome: oncall.Over, Incident: merged}, status: 200, words: "It was merged into INC-2."},
		"a test page":        {s: oncall.Standing{Outcome: oncall.CanAnswer, Person: "joe", Test: true}, status: 200, words: "nothing is wrong|>Received</button>"},
		"a test received":    {s: oncall.Standing{Outcome: oncall.TestReceived, By: "joe", At: at, Test: true}, method: "POST", status: 200, words: "Test received|joe received it at 2021-07-14 00:34 UTC."},
		"an erased page":     {err: problem.New(problem.NotFound, "the page of this link is gone"), status: 404, words: "the page of this link is gone."},
		"a full disk":        {err: problem.New(problem.Unavailable, "the disk is full"), method: "POST", status: 503, words: "It could not be recorded|Nobody is marked as being on it"},
		"a defect":           {err: errors.New("secret detail"), method: "POST", status: 503, words: "It could not be recorded"},
		"another method":     {s: oncall.Standing{Outcome: oncall.CanAnswer, Incident: i}, method: "PUT", status: 405, words: "send it with POST"},
		"a look at the head": {s: oncall.Standing{Outcome: oncall.CanAnswer, Incident: i}, method: "HEAD", status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			s := &standing{Standing: c.s, err: c.err}
			ask, log := ackServer(t, s)
			method := c.method
			if method == "" {
				method = "GET"
			}
			w := ask(method, "/ack/right", "", "")
			page := w.Body.String()
			if w.Code != c.status {
				t.Errorf("want %d, got %d: %s", c.status, w.Code, page)
			}
			for word := range strings.SplitSeq(c.words, "|") {
				if !strings.Contains(page, word) {
					t.Errorf("without %q:\n%s", word, page)
				}
			}
			if strings.Contains(page, "<script") || strings.Contains(page, "secret detail") || method == "HEAD" && page != "" {
				t.Error(page)
			}
			if want := map[bool]int{true: 1}[method == "POST"]; s.answered != want {
				t.Errorf("answered %d times by %s", s.answered, method)
			}
			h := w.Header()
			if h.Get("Cache-Control") != "no-store" || !strings.Contains(h.Get("X-Robots-Tag"), "noindex") || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") ||
				h.Get("Referrer-Policy") != "no-referrer" || h.Get("Set-Cookie") != "" {
				t.Errorf("%v", h)
			}
			if strings.Contains(log.String(), "right") {
				t.Errorf("the link is in the log:\n%s", log)
			}
		})
	}
}

func TestWhoeverGuessesIsSlowedAndNobodyElse(t *testing.T) {
	s := &standing{Standing: oncall.Standing{Outcome: oncall.CanAnswer, Incident: incident.Incident{ID: "INC-1"}}}
	ask, _ := ackServer(t, s)
	for n := range wrongBurst {
		if w := ask("POST", fmt.Sprintf("/ack/wrong%d", n), "", "192.0.2.1:1000"); w.Code != http.StatusNotFound {
			t.Fatal(n, w.Code)
		}
	}
	for from, want := range map[string]int{"192.0.2.1:2000": http.StatusTooManyRequests, "192.0.2.2:1000": http.StatusNotFound, "[2001:db8::1]:1": http.StatusNotFound} {
		if w := ask("GET", "/ack/wrong", "", from); w.Code != want {
			t.Errorf("%s: want %d, got %d", from, want, w.Code)
		}
	}
	if w := ask("POST", "/ack/right", "", "192.0.2.1:3000"); w.Code != http.StatusOK || s.answered != 1 {
		t.Error("a right link was refused:", w.Code)
	}
	for a, b := range map[string]string{"[2001:db8::1]:1": "[2001:db8::ffff:2]:2", "192.0.2.1:1": "[::ffff:192.0.2.1]:2"} {
		if network(a) != network(b) {
			t.Errorf("%s and %s count apart", a, b)
		}
	}
	if w := ask("POST", "/ack/right", strings.Repeat("x", maxAckBody+1), ""); w.Code != http.StatusRequestEntityTooLarge || s.answered != 1 {
		t.Error("a large body:", w.Code, s.answered)
	}
	for _, path := range []string{"/ack/", "/ack/right/more", "/ack"} {
		if w := ask("POST", path, "", ""); w.Code != http.StatusNotFound && w.Code != http.StatusTooManyRequests || s.answered != 1 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
