package main

import (
	"log/slog"
	"strings"
	"testing"

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
