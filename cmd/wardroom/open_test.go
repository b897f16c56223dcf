package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/timeline"
)

// TestReadingBesideAnOwnerWithoutASocket: whoever carries something to its end in
// the foreground owns the database, and others can still look.
func TestReadingBesideAnOwnerWithoutASocket(t *testing.T) {
	data := t.TempDir()
	mustRun(t, "incident", "declare", "--title", "Redis is slow", "--data", data)
	cfg := config.Default()
	owner, err := wire(t.Context(), settings{config: cfg, data: data, clock: timeline.RealClock{}, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.db.Close()
	if out := mustRun(t, "incident", "list", "--data", data); !strings.Contains(out, "Redis is slow") {
		t.Errorf("the list beside an owner:\n%s", out)
	}
	if out := mustRun(t, "incident", "watch", "--once", "--data", data); !strings.Contains(out, "Redis is slow") {
		t.Errorf("the room beside an owner:\n%s", out)
	}
	_, errs, err := wardroom(t, "incident", "ack", "--data", data)
	if exitOf(err) != exitUnavailable || !strings.Contains(errs, "another process owns it") {
		t.Errorf("an act beside an owner: %v\n%s", err, errs)
	}
}

// TestASilentChatHoldsNobodyUp: what a command records is said at once, and told to
// a Discord that takes connections and never answers by the next server.
func TestASilentChatHoldsNobodyUp(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "wardroom.yaml")
	text := fmt.Sprintf("data: %s\ndiscord: {token: secret, guild: \"1\", url: %s}\n", filepath.Join(dir, "data"), silent.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	out := mustRun(t, "incident", "declare", "--title", "Redis is slow", "--severity", "SEV1", "--config", path)
	if took := time.Since(began); !strings.Contains(out, "INC-1 is open") || took > settleTimeout+3*time.Second {
		t.Errorf("after %s:\n%s", took, out)
	}
}
