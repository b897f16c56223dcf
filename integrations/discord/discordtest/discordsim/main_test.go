package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"wardroom/integrations/discord/discordtest"
)

// TestDiscordsimIsDrivenFromOutside talks to it as a test in another process does.
func TestDiscordsimIsDrivenFromOutside(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	ended := make(chan error, 1)
	out, in := io.Pipe()
	running, end := context.WithCancel(ctx)
	go func() { ended <- run(running, []string{"--content", "--people", "joe,chris"}, in, io.Discard) }()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Control string }
	if err := json.Unmarshal(line, &said); err != nil {
		t.Fatal(err)
	}
	r, err := discordtest.Dial(ctx, said.Control)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.As("joe").Say(ctx, "general", "hello")
	if err != nil || m.Content != "hello" {
		t.Fatalf("%+v, %v", m, err)
	}
	if err := r.As("joe").React(ctx, m, "👍"); err != nil {
		t.Error(err)
	}
	if _, err := r.As("chris").EditMessage(ctx, m, "x"); err == nil || !strings.Contains(err.Error(), "somebody else's") {
		t.Errorf("an edit of another's message: %v", err)
	}
	if _, err := r.Fault(discordtest.Fault{Status: 502, Times: 1}); err != nil {
		t.Error(err)
	}
	if err := r.Down(true, 0); err != nil {
		t.Error(err)
	}
	if err := r.Up(); err != nil {
		t.Error(err)
	}
	if n, err := r.Typed("joe"); n != 5 || err != nil {
		t.Errorf("typed %d, %v", n, err)
	}
	list, err := r.Channels()
	if err != nil || len(list) != 1 || list[0].Name != "general" {
		t.Errorf("%+v, %v", list, err)
	}
	if text, err := r.Transcript(); err != nil || !strings.Contains(text, "👍 1") {
		t.Errorf("%s, %v", text, err)
	}
	if m, err := r.WaitText(ctx, "general", "hel", ""); err != nil || m.Content != "hello" {
		t.Errorf("%+v, %v", m, err)
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
