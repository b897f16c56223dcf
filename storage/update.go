package storage

import (
	"context"
	"sync/atomic"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// request is one caller of Update.
type request struct {
	ctx     context.Context
	decide  func(timeline.View) (timeline.Decision, error)
	state   atomic.Int32
	done    chan struct{}
	entries []timeline.Entry
	err     error
}

// A request is queued, then runs (decide may be called), then waits for the
// commit. Its caller may leave while it is queued or waits, never while it runs:
// decide may read what belongs to the caller.
const (
	queued int32 = iota
	running
	committing
	left
)

// Update records what decide returns; see [timeline.Door]. The entries come
// back in the order of the drafts; a `timeline.opened` that the log gained with
// them is not among them.
func (db *DB) Update(ctx context.Context, decide func(timeline.View) (timeline.Decision, error)) ([]timeline.Entry, error) {
	if db.writer == nil {
		return nil, problem.New(problem.Unavailable, "the database is open for reading only").
			WithHint("another process owns it: ask that one, or ask again when it has ended")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &request{ctx: ctx, decide: decide, done: make(chan struct{})}
	select {
	case <-db.closing:
		return nil, errClosed()
	default:
	}
	select {
	case db.queue <- r:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-db.closing:
		return nil, errClosed()
	}
	select {
	case <-r.done:
		return r.entries, r.err
	case <-db.stopped:
	case <-ctx.Done():
		if r.state.CompareAndSwap(queued, left) || r.state.CompareAndSwap(committing, left) {
			return nil, ctx.Err()
		}
		select {
		case <-r.done:
			return r.entries, r.err
		case <-db.stopped:
		}
	}
	select {
	case <-r.done:
		return r.entries, r.err
	default:
		return nil, errClosed()
	}
}

func errClosed() error {
	return problem.New(problem.Unavailable, "the database is closed").WithHint("the program is stopping; ask again when it runs")
}
