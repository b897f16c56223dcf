package discordtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/integrations/discord/discordtest"
)

// clock is set by the test; time does not pass by itself.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2021, 7, 11, 0, 32, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func start(t *testing.T, opt discordtest.Options) *discordtest.Server {
	t.Helper()
	if opt.Now == nil {
		opt.Now = newClock().now
	}
	s, err := discordtest.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// toSimulator sends every REST call of discordgo to the simulator.
type toSimulator struct{ host string }

func (r toSimulator) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host = "http", r.host
	return http.DefaultTransport.RoundTrip(req)
}

// session is a discordgo session that talks to the simulator, not opened yet.
func session(t *testing.T, s *discordtest.Server, intents discordgo.Intent) *discordgo.Session {
	t.Helper()
	d, err := discordgo.New("Bot " + s.Token())
	if err != nil {
		t.Fatal(err)
	}
	d.Client = &http.Client{Transport: toSimulator{strings.TrimPrefix(s.URL(), "http://")}, Timeout: 5 * time.Second}
	d.ShouldRetryOnRateLimit = false
	d.SyncEvents = true
	d.LogLevel = -1
	d.Identify.Intents = intents
	return d
}

func open(t *testing.T, s *discordtest.Server, d *discordgo.Session) {
	t.Helper()
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := s.WaitSession(ctx(t)); err != nil {
		t.Fatal(err)
	}
}

func ctx(t *testing.T) context.Context {
	c, stop := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(stop)
	return c
}

// api is a plain client of the REST API.
type api struct {
	t *testing.T
	s *discordtest.Server
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) code(t *testing.T) int {
	t.Helper()
	var e struct{ Code int }
	if err := json.Unmarshal(r.body, &e); err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return e.Code
}

func (r reply) id(t *testing.T) string {
	t.Helper()
	var e struct{ ID string }
	if err := json.Unmarshal(r.body, &e); err != nil || e.ID == "" {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return e.ID
}

func (a api) try(method, path string, body any) (reply, error) {
	var r io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.s.API()+path, r)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bot "+a.s.Token())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "DiscordBot (https://example.org, 1)")
	return a.send(req)
}

func (a api) send(req *http.Request) (reply, error) {
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, raw}, err
}

func (a api) do(method, path string, body any) reply {
	a.t.Helper()
	r, err := a.try(method, path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// ok does a call that must succeed.
func (a api) ok(method, path string, body any) reply {
	a.t.Helper()
	r := a.do(method, path, body)
	if r.status >= 300 {
		a.t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
	return r
}

type obj = map[string]any
