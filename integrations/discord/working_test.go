package discord

import (
	"testing"
	"time"
)

// TestWhatWorksSaysWhy: the pinned message is also written by single commands, in
// whose process no bot listens.
func TestWhatWorksSaysWhy(t *testing.T) {
	start := time.Date(2021, 7, 11, 0, 32, 0, 0, time.UTC)
	var s state
	if w := s.working(start); w.OK || w.Why != "no Wardroom server runs" {
		t.Errorf("without a server: %+v", w)
	}
	s.set(false, start, "not connected yet")
	if w := s.working(start); w.OK || w.Why != "not connected yet" {
		t.Errorf("at the start: %+v", w)
	}
	s.set(true, start, "")
	s.set(false, start, "it does not answer")
	if w := s.working(start.Add(flicker - time.Second)); !w.OK {
		t.Errorf("a short loss is told: %+v", w)
	}
	if w := s.working(start.Add(flicker)); w.OK || w.Why != "it does not answer" || !w.Since.Equal(start) {
		t.Errorf("a longer loss: %+v", w)
	}
}
