package main

import (
	"slices"
	"strings"
	"testing"

	"wardroom/docs/scenarios"
)

// TestTheReadmeShowsTheRoomOfTheDemo holds the room in README.md to what the demo's
// Discord holds: each line stands there, in this order; … leaves some out.
func TestTheReadmeShowsTheRoomOfTheDemo(t *testing.T) {
	_, block, _ := strings.Cut(read(t, "..", "..", "README.md"), "```text\n")
	block, _, _ = strings.Cut(block, "```")
	room := strings.Split(read(t, "testdata", "scenarios", scenarios.Demo+".txt"), "\n")
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

// TestTheGuideShowsTheRepairsOfTheDemo holds the repairs in the guide to the same
// room, whatever stands around their lines there.
func TestTheGuideShowsTheRepairsOfTheDemo(t *testing.T) {
	plain := func(line string) string {
		return strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "│ "), "• "), "**", ""))
	}
	room := strings.Split(read(t, "testdata", "scenarios", scenarios.Demo+".txt"), "\n")
	for i := range room {
		room[i] = plain(room[i])
	}
	n := 0
	for i, block := range strings.Split(read(t, "..", "..", "docs", "guide", "repairs.md"), "```") {
		text, is := strings.CutPrefix(block, "text\n")
		if i%2 == 0 || !is {
			continue
		}
		for line := range strings.Lines(text) {
			if line = plain(line); line == "…" || line == "" {
				continue
			}
			at := slices.Index(room, line)
			if at < 0 {
				t.Fatalf("the demo's Discord does not hold, there: %s", line)
			}
			room = room[at+1:]
			n++
		}
	}
	if n < 25 {
		t.Errorf("only %d lines are shown", n)
	}
}
