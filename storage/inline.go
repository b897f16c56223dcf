package storage

import (
	"fmt"
	"log/slog"
	"slices"

	"wardroom/bot/timeline"
)

// logDecider is a follower of the log that decides inside the commit.
type logDecider func(v timeline.View, entries []timeline.Entry) (timeline.Decision, error)

// maxInline bounds how many entries are followed inside their own commit: those
// who wait for it must not wait for much more than their own.
const maxInline = 2 * timeline.DecideBatch

// inlineRounds bounds how often followers are shown what they made the log gain.
const inlineRounds = 3

// FollowLog calls decide in each commit, after its callers, with the entries that
// the log gained in it; what decide returns commits with them. It may be left out
// (a very large commit, or one whose callers are run one by one) and is not called
// again for what it failed at: a follower that keeps a cursor catches up from
// there. See [timeline.LogFollowed].
func (db *DB) FollowLog(decide func(timeline.View, []timeline.Entry) (timeline.Decision, error)) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.inline = append(slices.Clone(db.inline), decide)
}

// followLog shows the followers what the log gained in the open transaction. An
// error means that the transaction holds a part of what failed.
func (w *writer) followLog() error {
	w.db.mu.Lock()
	deciders := w.db.inline
	w.db.mu.Unlock()
	for range inlineRounds {
		entries := w.logged
		w.logged = nil
		if len(deciders) == 0 || len(entries) == 0 || len(entries) > maxInline {
			return nil
		}
		for _, decide := range deciders {
			for chunk := range slices.Chunk(entries, timeline.DecideBatch) {
				if err := w.followWith(decide, chunk); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *writer) followWith(decide logDecider, entries []timeline.Entry) (err error) {
	recording := false
	defer func() {
		if p := recover(); p != nil {
			w.db.opts.Log.Error("a follower panicked inside a commit", "panic", p)
			if recording {
				err = fmt.Errorf("storage: a follower panicked: %v", p)
			}
		}
	}()
	d, err := decide(w.view, entries)
	if err == nil && len(d.Entries)+len(d.Cursors)+len(d.Scratch) == 0 {
		return nil
	}
	var p *plan
	if err == nil {
		p, err = w.plan(d)
	}
	if err != nil {
		if engineFault(err) != nil {
			return err
		}
		// Nothing is written: the follower comes to it by itself, and says why not.
		w.db.opts.Log.Debug("not followed inside the commit", slog.Any("error", err))
		return nil
	}
	recording = true
	return w.record(p)
}
