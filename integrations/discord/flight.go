package discord

import "sync/atomic"

// flight counts what is being worked on, so that a virtual clock stands still
// meanwhile; rested is told each time when nothing is any more.
type flight struct {
	n      atomic.Int64
	rested func()
}

func (f *flight) begin() { f.n.Add(1) }

func (f *flight) end() {
	if f.n.Add(-1) == 0 {
		f.rested()
	}
}

func (f *flight) busy() bool { return f.n.Load() > 0 }
