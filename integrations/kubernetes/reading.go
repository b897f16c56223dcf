package kubernetes

import (
	"context"
	"time"

	"wardroom/bot/fleet"
)

// reading is a snapshot that is being read. Of a large cluster that takes a while, and
// right after a start everybody asks for one.
type reading struct {
	began   time.Time
	changes int // that were asked for before it began
	done    chan struct{}

	// From done on:
	snapshot *fleet.Snapshot
	err      error
	gaveUp   bool // whoever began it did not wait for its end
}

// readShared reads anew, or waits for what somebody else reads where that is young
// enough and was begun after our last change. With a maxAge of 0 it reads by itself.
func (c *shared) readShared(ctx context.Context, maxAge time.Duration) (*fleet.Snapshot, error) {
	for {
		r, ours := c.join(maxAge)
		if ours {
			r.snapshot, r.err = c.readAnew(ctx)
			r.gaveUp = r.err != nil && ctx.Err() != nil
			c.left(r)
			return r.snapshot, r.err
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, asked{"list", "nodes", ""}.said(ctx.Err())
		}
		if !r.gaveUp {
			return r.snapshot, r.err
		}
	}
}

// join returns the reading that will do, or a new one to be carried out.
func (c *shared) join(maxAge time.Duration) (r *reading, ours bool) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.reading; r != nil && maxAge > 0 && r.changes == c.changes && now.Sub(r.began) <= maxAge {
		return r, false
	}
	c.reading = &reading{began: now, changes: c.changes, done: make(chan struct{})}
	return c.reading, true
}

func (c *shared) left(r *reading) {
	c.mu.Lock()
	if c.reading == r {
		c.reading = nil
	}
	c.mu.Unlock()
	close(r.done)
}
