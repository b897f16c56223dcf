package alert_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// began is when every test's night begins.
var began = time.Date(2021, 7, 11, 0, 32, 0, 0, time.UTC)

// clock is moved by the test. Waiters are counted, so that a test knows when the
// code under test waits.
type clock struct {
	mu      sync.Mutex
	changed *sync.Cond
	now     time.Time
	waiters map[int]waiter
	next    int
}

type waiter struct {
	at time.Time
	c  chan time.Time
}

func newClock() *clock {
	c := &clock{now: began, waiters: map[int]waiter{}}
	c.changed = sync.NewCond(&c.mu)
	return c
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) At(t time.Time) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := waiter{t, make(chan time.Time, 1)}
	if !t.After(c.now) {
		w.c <- c.now
		return w.c, func() {}
	}
	id := c.next
	c.next++
	c.waiters[id] = w
	c.changed.Broadcast()
	return w.c, func() {
		c.mu.Lock()
		delete(c.waiters, id)
		c.mu.Unlock()
	}
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for id, w := range c.waiters {
		if !w.at.After(c.now) {
			w.c <- c.now
			delete(c.waiters, id)
		}
	}
}

// awaitWaiter returns when somebody waits for exactly t.
func (c *clock) awaitWaiter(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for _, w := range c.waiters {
			if w.at.Equal(t) {
				return
			}
		}
		c.changed.Wait()
	}
}

// world is an intake on a real database.
type world struct {
	t      testing.TB
	clock  *clock
	codec  *timeline.Codec
	path   string
	db     *storage.DB
	intake *alert.Intake
	// commits receives when something was recorded since it was last received from.
	commits chan struct{}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: newClock(), codec: codec, path: filepath.Join(t.TempDir(), "wardroom.db")}
	w.open()
	t.Cleanup(func() { w.db.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.db, err = storage.OpenSQLite(context.Background(), w.path, storage.Options{Codec: w.codec, Folds: []timeline.Fold{alert.Fold}, Clock: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	w.commits = make(chan struct{}, 1)
	commits := w.commits
	w.db.OnCommit(func(timeline.Commit) {
		select {
		case commits <- struct{}{}:
		default:
		}
	})
	w.intake = alert.NewIntake(w.db, w.codec, w.clock, slog.New(slog.DiscardHandler), nil)
}

// restart closes the database and opens it again.
func (w *world) restart() {
	w.t.Helper()
	if err := w.db.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func (w *world) record(alerts ...alert.Alert) alert.Result {
	w.t.Helper()
	r, err := w.intake.Record(context.Background(), alerts, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// log returns the text of each entry of the log, with its time.
func (w *world) log() []string {
	w.t.Helper()
	var lines []string
	for _, e := range w.entries() {
		lines = append(lines, fmt.Sprintf("%s %s: %s", e.OccurredAt.Format("15:04:05"), e.Kind, e.Payload.Text()))
	}
	return lines
}

func (w *world) entries() []timeline.Entry { return w.entriesAfter(0) }

func (w *world) entriesAfter(seq int64) []timeline.Entry {
	w.t.Helper()
	var entries []timeline.Entry
	err := w.db.View(context.Background(), func(v timeline.View) error {
		var err error
		entries, err = v.Entries(timeline.Log, seq, 100_000)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return entries
}

func (w *world) row(key string) alert.Current {
	w.t.Helper()
	var row alert.Current
	err := w.db.View(context.Background(), func(v timeline.View) error {
		var known bool
		var err error
		row, known, err = alert.Table.Get(v, key)
		if err == nil && !known {
			err = fmt.Errorf("there is no row %s", key)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return row
}

// scratch counts the noted changes.
func (w *world) scratch() int {
	w.t.Helper()
	n := 0
	err := w.db.View(context.Background(), func(v timeline.View) error {
		notes, err := v.Scratch("alert-change/")
		n = len(notes)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// locks is the first seed's alert: a service claims n dangerous table locks.
func locks(n int) alert.Alert {
	return alert.Alert{Source: "alertmanager", Fingerprint: "a1", Status: alert.Firing, StartsAt: began.Add(-time.Minute),
		Labels:      map[string]string{"alertname": "postgres/table-locks", "severity": "page", "pod": "postgres-0"},
		Annotations: map[string]string{"summary": fmt.Sprintf("a service has claimed %d dangerous table locks", n)}}
}

func resolved(a alert.Alert, at time.Time) alert.Alert {
	a.Status, a.EndsAt = alert.Resolved, at
	return a
}
