package discord

import (
	"sync"
	"sync/atomic"
	"time"
)

// flight counts what is being worked on, so that a virtual clock stands still
// meanwhile; rested is told each time when nothing is any more. It also knows who
// sleeps until when: a clock that has come to that time waits for them to wake.
type flight struct {
	n      atomic.Int64
	rested func()

	mu    sync.Mutex
	naps  map[int]time.Time
	napID int
}

func (f *flight) begin() { f.n.Add(1) }

func (f *flight) end() {
	if f.n.Add(-1) == 0 {
		f.rested()
	}
}

// sleep says that somebody waits on the clock until then. Who wakes calls wake, and is
// in flight again.
func (f *flight) sleep(until time.Time) (wake func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.naps == nil {
		f.naps = map[int]time.Time{}
	}
	f.napID++
	id := f.napID
	f.naps[id] = until
	return func() {
		f.begin()
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.naps, id)
	}
}

// due is when something is to be done: at once, with the zero time, while something is
// being worked on, else when the first sleeper wakes. There may be nothing.
func (f *flight) due() (first time.Time, any bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, until := range f.naps {
		if !any || until.Before(first) {
			first, any = until, true
		}
	}
	if f.n.Load() > 0 { // after the naps: who wakes is in flight before the nap is over
		return time.Time{}, true
	}
	return first, any
}
