package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/google/go-cmp/cmp"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest/spec"
	"wardroom/integrations/discord/rest"
)

var update = flag.Bool("update", false, "write the golden files")

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func ref(seq int64) timeline.Ref { return timeline.Ref{Timeline: "INC-1", Seq: seq} }

// keeper keeps in memory; broken, it keeps nothing.
type keeper struct {
	mu     sync.Mutex
	kept   map[string]string
	broken bool
}

func (k *keeper) Keep(key, route string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken {
		return errors.New("the disk is full")
	}
	if k.kept == nil {
		k.kept = map[string]string{}
	}
	k.kept[key] = route
	return nil
}

func (k *keeper) Load(key string) (string, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	route, known := k.kept[key]
	return route, known, nil
}

const joe = "200000000000000001"

func newRenderer() *Renderer {
	return New(Options{
		DiscordID: func(person string) string { return map[string]string{"joe": joe}[person] },
		Room:      func(id timeline.ID) string { return map[timeline.ID]string{"INC-2": "300000000000000002"}[id] },
		Keeper:    &keeper{},
	})
}

// golden holds a value to a file, as JSON that a person can read.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(readable(t, v)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("-update writes %s\n%s", file, diff)
	}
}

// readable undoes the escaping of < and > that discordgo's own encoding does.
func readable(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

var checker = sync.OnceValues(func() (*spec.Checker, error) { return spec.New("/api/v10", func(string, ...any) {}) })

// legal holds a message to Discord's document and to the rules beside it.
func legal(t testing.TB, m rest.Message) {
	t.Helper()
	callback(t, discordgo.InteractionResponseChannelMessageWithSource, m)
}

func callback(t testing.TB, kind discordgo.InteractionResponseType, data any) {
	t.Helper()
	c, err := checker()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(rest.Response{Type: kind, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Callback(raw); err != nil {
		t.Error(err)
	}
}

// seen is a message as Discord gives it back.
func seen(t testing.TB, m rest.Message) *discordgo.Message {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out discordgo.Message
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}
