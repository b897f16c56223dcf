package main

import (
	"slices"
	"strings"
	"testing"
)

// TestTheReadmeShowsTheRoomOfTheDemo holds the room in README.md to what the demo's
// Discord holds: each line stands there, in this order; … leaves some out.
func TestTheReadmeShowsTheRoomOfTheDemo(t *testing.T) {
	_, block, _ := strings.Cut(read(t, "..", "..", "README.md"), "```text\n")
	block, _, _ = strings.Cut(block, "```")
	room := strings.Split(read(t, "testdata", "shell", "demo-discord.txt"), "\n")
	n := 0
	for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
		if line == "…" {
			continue
		}
		i := slices.Index(room, line)
		if i < 0 {
			t.Fatalf("the demo's Discord does not hold, there: %s", line)
		}
		room = room[i+1:]
		n++
	}
	if n < 10 {
		t.Errorf("only %d lines are shown", n)
	}
}
