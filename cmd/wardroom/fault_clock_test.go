package main

import (
	"sync"
	"testing"
	"time"
	"unsafe"

	"wardroom/bot/scenario"
)

// wallClock is the machine's clock as a bot sees it whose machine is set wrong: what it
// shows can be moved, while waits and differences go on by what cannot (Go's monotonic
// reading). The world keeps the time of the scenario's clock.
type wallClock struct {
	*scenario.Clock
	began time.Time
	mu    sync.Mutex
	off   time.Duration // of what it shows
}

func newWallClock(c *scenario.Clock) *wallClock { return &wallClock{Clock: c, began: c.Now()} }

// jump sets what it shows off by d.
func (c *wallClock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = d
}

func (c *wallClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	return reading(now.Add(c.off), now.Sub(c.began))
}

// At is as that of timeline.RealClock: a timer, for as long as t is away.
func (c *wallClock) At(t time.Time) (<-chan time.Time, func()) {
	return c.Clock.At(c.Clock.Now().Add(t.Sub(c.Now())))
}

// reading is a time with a monotonic reading that differs from what it shows, which
// otherwise only a clock that jumps can give: package time, "Monotonic Clocks", and the
// layout of time.Time in time.go.
func reading(wall time.Time, monotonic time.Duration) time.Time {
	const hasMonotonic, from1885 = 1 << 63, 2682288000 // seconds until 1970
	t := struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}{hasMonotonic | uint64(wall.Unix()+from1885)<<30 | uint64(wall.Nanosecond()), int64(monotonic) + 1, time.UTC}
	return *(*time.Time)(unsafe.Pointer(&t))
}

// TestReadingsOfAClockThatJumps holds the two readings to what package time makes of them.
func TestReadingsOfAClockThatJumps(t *testing.T) {
	at := time.Date(2021, 7, 11, 0, 35, 0, 5, time.UTC)
	before, after := reading(at, time.Minute), reading(at.Add(-time.Hour), 2*time.Minute)
	if !before.Equal(before.Round(0)) || !before.Round(0).Equal(at) || !after.Round(0).Equal(at.Add(-time.Hour)) {
		t.Errorf("they show %s and %s", before, after)
	}
	if d := after.Sub(before); d != time.Minute || !after.After(before) {
		t.Errorf("between them lies %s", d)
	}
	if d := after.Round(0).Sub(before.Round(0)); d != -time.Hour {
		t.Errorf("shown, between them lies %s", d)
	}
}
