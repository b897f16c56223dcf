package spec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/discordtest/spec"
)

// bot is a program that talks to the simulated Discord by raw HTTP, with the checks
// around the simulator, and answers interactions as a test says.
type bot struct {
	t       *testing.T
	sim     *discordtest.Server
	checker *spec.Checker

	mu     sync.Mutex
	now    time.Time
	answer func(i interaction)
	busy   sync.WaitGroup // answers that are not through
}

// interaction is what the tests need of one.
type interaction struct {
	ID    string `json:"id"`
	Token string `json:"token"`
	Type  int    `json:"type"`
	Data  struct {
		Name       string `json:"name"`
		Options    []any  `json:"options"`
		Components []any  `json:"components"`
	} `json:"data"`
	Message json.RawMessage `json:"message"`
	Member  json.RawMessage `json:"member"`
}

func newBot(t *testing.T) *bot {
	b := &bot{t: t, now: time.Date(2026, 11, 20, 0, 30, 0, 0, time.UTC)}
	var err error
	if b.checker, err = spec.New("/api/v10", t.Errorf); err != nil {
		t.Fatal(err)
	}
	b.sim, err = discordtest.New(discordtest.Options{
		Now: b.clock, Wrap: b.checker.Wrap, Intents: discordtest.IntentContent | discordtest.IntentMembers, People: []string{"Ada", "Bo"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.sim.Close)
	door := httptest.NewServer(http.HandlerFunc(b.interactions))
	t.Cleanup(door.Close)
	if err := b.sim.SetInteractionsURL(t.Context(), door.URL); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bot) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// interactions takes them over HTTP and answers through the API, as 202 says.
func (b *bot) interactions(w http.ResponseWriter, r *http.Request) {
	if !discordgo.VerifyInteraction(r, b.sim.PublicKey()) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var i interaction
	if err := json.NewDecoder(r.Body).Decode(&i); err != nil {
		b.t.Errorf("an interaction: %v", err)
	}
	if i.Type == 1 {
		fmt.Fprint(w, `{"type":1}`)
		return
	}
	if i.Message != nil {
		if err := b.checker.Component("MessageResponse", i.Message); err != nil {
			b.t.Errorf("the message of an interaction: %v", err)
		}
	}
	b.busy.Add(1)
	defer b.busy.Done()
	w.WriteHeader(http.StatusAccepted)
	b.mu.Lock()
	answer := b.answer
	b.mu.Unlock()
	answer(i)
}

// whenAsked says how the next interactions are answered.
func (b *bot) whenAsked(answer func(interaction)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

// do sends a request and wants a status; a second passes, so that no limit strikes.
func (b *bot) do(want int, method, path string, body any) json.RawMessage {
	b.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	if body == nil {
		raw = nil
	}
	return b.send(want, method, path, "application/json", raw)
}

func (b *bot) send(want int, method, path, contentType string, raw []byte) json.RawMessage {
	b.t.Helper()
	b.mu.Lock()
	b.now = b.now.Add(time.Second)
	b.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, method, b.sim.API()+path, bytes.NewReader(raw))
	if err != nil {
		b.t.Error(err)
		return nil
	}
	r.Header.Set("User-Agent", "DiscordBot (https://wardroom.example, 1.0)")
	r.Header.Set("Authorization", "Bot "+b.sim.Token())
	if raw != nil {
		r.Header.Set("Content-Type", contentType)
	}
	if method != "GET" && !strings.Contains(path, "/interactions/") {
		r.Header.Set("X-Audit-Log-Reason", url.PathEscape("INC-7 opened by Jörg"))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Error(err)
		return nil
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		b.t.Errorf("%s %s: %d %s (wanted %d) %v", method, path, res.StatusCode, answer, want, err)
	}
	return answer
}

// create does a request and returns the id of what it made.
func (b *bot) create(want int, method, path string, body any) string {
	b.t.Helper()
	var made struct{ ID string }
	if err := json.Unmarshal(b.do(want, method, path, body), &made); err != nil || made.ID == "" {
		b.t.Fatalf("%s %s made nothing: %v", method, path, err)
	}
	return made.ID
}

type m = map[string]any

var nobody = m{"parse": []string{}}

func text(s string) m { return m{"content": s, "allowed_mentions": nobody} }
