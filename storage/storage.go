// Package storage keeps timelines in a database, behind the domain's port
// [timeline.Store].
//
// SQLite is the default: it must not depend on the database that is on fire. One
// process owns a file (a lock beside it says which), one goroutine writes, and
// every commit is on disk before its callers hear of it: what is queued when the
// writer comes round shares one transaction and one flush (group commit).
//
// What the database holds besides the entries (heads, claims, timers, tables of
// current state) follows from them and is written in the same transaction;
// [DB.Verify] computes it again and compares.
//
// An erasure deletes payloads, folds current state anew without them and empties
// the write-ahead log. It does not know what a package keeps in scratch, nor the
// copies that stand beside the database (*.bak) and backups: whoever erases
// clears the one in the same decision and lists the others as out of reach.
package storage

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Options are what a database needs of its program.
type Options struct {
	Codec *timeline.Codec // required
	Folds []timeline.Fold // applied to each entry in this order
	Clock timeline.Clock  // nil: the machine's
	Rand  io.Reader       // for salts; nil: crypto/rand
	Log   *slog.Logger    // nil: silent

	// Marked is written into a new database and must be the same whenever it is
	// opened for writing: a rehearsal never grows a live database, nor the reverse.
	// "" is live.
	Marked string

	heal   time.Duration // how often a failing database is tried again; 0: healInterval
	gather time.Duration // how long a group takes in further updates; 0: maxGather
}

// Rehearsal marks the database of a scenario.
const Rehearsal = "rehearsal"

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	path   string
	engine engine
	opts   Options
	tables map[string]*table
	pool   *readers
	lock   *fileLock // of a file

	writer  *writer   // nil when opened read-only
	beside  io.Closer // what works beside the writer; may be nil
	queue   chan *request
	lost    <-chan struct{} // closed when another process took over; nil for a file
	owned   func() error    // whether nobody else can have taken over by now; nil for a file
	closing chan struct{}   // closed first: nothing more is queued
	stopped chan struct{}   // closed when the writer is gone
	once    sync.Once
	closed  error

	failing atomic.Pointer[problem.Error]
	newest  atomic.Int64 // the latest time that was recorded, in µs
	// saidBehind: that the clock is behind stands in the log.
	saidBehind atomic.Bool

	mu       sync.Mutex
	onCommit []func(timeline.Commit)
	inline   []func(timeline.View, []timeline.Entry) (timeline.Decision, error)
}

var (
	_ timeline.Store       = (*DB)(nil)
	_ timeline.LogFollowed = (*DB)(nil)
)

func newDB(path string, e engine, opts Options) (*DB, error) {
	if opts.Codec == nil {
		return nil, fmt.Errorf("storage: Options.Codec is missing")
	}
	if opts.Clock == nil {
		opts.Clock = timeline.RealClock{}
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	if opts.heal == 0 {
		opts.heal = healInterval
	}
	if opts.gather == 0 {
		opts.gather = maxGather
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	tables, err := tablesOf(opts.Folds)
	if err != nil {
		return nil, err
	}
	return &DB{path: path, engine: e, opts: opts, tables: tables}, nil
}

// Path is the file that was opened.
func (db *DB) Path() string { return db.path }

// Close writes what is queued, gives the file back and returns. It may be
// called again. Updates after it are refused as Unavailable.
func (db *DB) Close() error {
	db.once.Do(func() {
		if db.writer != nil {
			close(db.closing)
			<-db.stopped
		}
		err := db.pool.close()
		if db.writer != nil {
			if db.beside != nil {
				err = cmp.Or(err, db.beside.Close())
			}
			// The last connection to close moves what is left in the WAL into the file.
			err = cmp.Or(err, db.writer.s.close())
		}
		if db.lock != nil {
			db.lock.release()
		}
		db.closed = err
	})
	return db.closed
}

// Healthy returns nil, or why entries cannot be recorded at present: the last
// commit failed. It is tried again on its own every few seconds.
func (db *DB) Healthy() error {
	if p := db.failing.Load(); p != nil {
		return p
	}
	return nil
}

// OnCommit calls f after each durable commit; see [timeline.Store].
func (db *DB) OnCommit(f func(timeline.Commit)) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.onCommit = append(db.onCommit, f)
}

func (db *DB) announce(c timeline.Commit) {
	db.mu.Lock()
	callbacks := db.onCommit
	db.mu.Unlock()
	for _, f := range callbacks {
		f(c)
	}
}

// View runs read on a snapshot; see [timeline.Store].
func (db *DB) View(ctx context.Context, read func(timeline.View) error) error {
	return unavailable(db.pool.read(ctx, func(q querier) error {
		v := &view{db: db, q: q, now: db.now()}
		// The snapshot is taken by the first read: take it now.
		if _, err := v.LastPos(); err != nil {
			return err
		}
		return read(v)
	}))
}

// behind is how far the clock may be behind what is recorded before that is said:
// small steps back are what keeps a clock right.
const behind = 10 * time.Second

// ClockBehind reports whether the clock shows a time well before what was recorded
// since the start: it went back, or had been ahead. Entries keep the order and the
// latest time of their timeline until it has caught up.
func (db *DB) ClockBehind() bool {
	return time.UnixMicro(db.newest.Load()).After(db.now().Add(behind))
}

// recordedAt notes the time of what was committed, and says once that the clock is behind.
func (db *DB) recordedAt(at time.Time) {
	was := db.newest.Load()
	if at.UnixMicro() > was {
		db.newest.Store(at.UnixMicro())
	}
	isBehind := db.ClockBehind()
	if db.saidBehind.Swap(isBehind) != isBehind {
		if isBehind {
			db.opts.Log.Warn("the machine's clock is behind what is recorded: new entries keep the last recorded time", "clock", db.now(), "recorded", at,
				"hint", "set the clock right; nothing is lost meanwhile")
		} else {
			db.opts.Log.Info("the machine's clock has caught up with what is recorded")
		}
	}
}

func (db *DB) now() time.Time { return timeline.Stamp(db.opts.Clock.Now()) }
