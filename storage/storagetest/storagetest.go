// Package storagetest is the conformance suite of [timeline.Store]: what every
// engine must do alike. A new engine passes it before anything uses it.
package storagetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// Store is what an engine offers beyond the port.
type Store interface {
	timeline.Store
	Verify(context.Context, storage.VerifyOptions) (storage.Report, error)
	Close() error
}

// Open opens the database that place names, a folder of the test's own, and
// makes it when there is none. Opening a place again finds what was recorded.
type Open func(t testing.TB, place string, opts storage.Options) Store

// Run holds an engine to the suite.
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"entries get their places", places},
		{"a new timeline is opened in the log", opening},
		{"drafts that cannot be recorded are refused", refusals},
		{"recorded times never run backwards", clockBackwards},
		{"an error of decide comes back unchanged", decideError},
		{"a held claim is a conflict that names its holder", conflicts},
		{"of rivals for one claim one wins", rivals},
		{"updates see each other", counting},
		{"a bad caller fails alone", isolation},
		{"what was decided on uncommitted entries is answered after they are durable", duplicates},
		{"a caller that left is not run", leaving},
		{"timers are set, replaced and cleared", timers},
		{"cursors move with entries", cursors},
		{"scratch is kept by prefix", scratch},
		{"rows are found by their columns", queries},
		{"folds run in order and see what came before", foldOrder},
		{"an erased payload is gone everywhere", erasing},
		{"what proves timelines cannot be erased", erasingProof},
		{"unknown kinds are kept", unknownKinds},
		{"a view is a snapshot", snapshots},
		{"a commit is told before its callers return", commits},
		{"a commit tells whether timers changed", timerCommits},
		{"everything is found again", reopening},
		{"whatever is recorded verifies and rebuilds", property},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// Clock is set by hand.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at a fixed time.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 21, 0, 32, 0, 0, time.UTC)} }

func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock, also backwards.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// At is not needed by storage, which waits for nothing.
func (c *Clock) At(time.Time) (<-chan time.Time, func()) { return nil, func() {} }

// Noted is a payload that sets a row of current state.
type Noted struct {
	Note  string `json:"note"`
	Row   string `json:"row,omitempty"` // "" sets none
	Place int64  `json:"place,omitempty"`
	Drop  bool   `json:"drop,omitempty"` // deletes the row
	Bad   string `json:"bad,omitempty"`  // "error" or "panic": in the fold
}

func (*Noted) Kind() timeline.Kind { return "test.noted" }
func (n *Noted) Text() string      { return n.Note }

// Strange is of a kind that a codec may not know.
type Strange struct {
	Thing string `json:"thing"`
}

func (*Strange) Kind() timeline.Kind { return "test.strange" }
func (s *Strange) Text() string      { return s.Thing }

// row is current state that the suite keeps in the table of components.
type row struct {
	Key   string       `json:"key"`
	Note  string       `json:"note"`
	Place int64        `json:"place"`
	By    timeline.Ref `json:"by"`
	Count int          `json:"count"` // entries that set it
}

// Rows is the suite's table.
var Rows = timeline.Table[row]{
	Schema: timeline.Schema{Name: "components", Columns: []string{"position"}},
	Row:    func(r row) (string, []any) { return r.Key, []any{r.Place} },
}

var errFold = fmt.Errorf("the fold refuses")

// Fold keeps Rows. It reads the row that it replaces.
var Fold = timeline.Fold{Name: "rows", Tables: []timeline.Schema{Rows.Schema}, Apply: func(w timeline.Writer, e timeline.Entry) error {
	n, ok := e.Payload.(*Noted)
	if !ok {
		return nil
	}
	old, _, err := Rows.Get(w, n.Row)
	if err != nil {
		return err
	}
	switch {
	case n.Row == "":
	case n.Drop:
		err = w.DeleteRow(Rows.Name, n.Row)
	default:
		err = Rows.Put(w, row{Key: n.Row, Note: n.Note, Place: n.Place, By: e.Ref, Count: old.Count + 1})
	}
	switch n.Bad { // after the row was written: it must not stay
	case "error":
		return errFold
	case "panic":
		panic("the fold panics") //nolint:forbidigo // that this fails its caller alone is what is tested
	}
	return err
}}

// Options are the suite's: its kinds, its fold, a clock set by hand.
func Options(t testing.TB) (storage.Options, *Clock) {
	codec, err := timeline.NewCodec([]timeline.KindSpec{timeline.KindOf[Noted](timeline.Key), timeline.KindOf[Strange](timeline.Detail)})
	if err != nil {
		t.Fatal(err)
	}
	clock := NewClock()
	return storage.Options{Codec: codec, Folds: []timeline.Fold{Fold}, Clock: clock}, clock
}

// fresh opens a new database that is verified and closed when the test ends.
func fresh(t *testing.T, open Open) (Store, *Clock) {
	opts, clock := Options(t)
	s := open(t, t.TempDir(), opts)
	t.Cleanup(func() {
		if !t.Failed() {
			Sound(t, s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, clock
}

// Reporter is what a test and a property test have in common.
type Reporter interface {
	Helper()
	Error(...any)
	Fatal(...any)
}

// Sound fails the test unless the database verifies and its current state is
// what its entries give.
func Sound(t Reporter, s Store) storage.Report {
	t.Helper()
	report, err := s.Verify(context.Background(), storage.VerifyOptions{Rebuild: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Faults {
		t.Error("verify:", f)
	}
	return report
}

// draft is a note.
func draft(id timeline.ID, note string) timeline.Draft {
	return timeline.Draft{Timeline: id, Payload: &Noted{Note: note}}
}

// record records drafts that must be taken.
func record(t testing.TB, s Store, drafts ...timeline.Draft) []timeline.Entry {
	t.Helper()
	list, err := try(s, drafts...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func try(s Store, drafts ...timeline.Draft) ([]timeline.Entry, error) {
	return s.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: drafts}, nil
	})
}

// view reads what must be readable.
func view(t testing.TB, s Store, read func(timeline.View) error) {
	t.Helper()
	if err := s.View(context.Background(), read); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code problem.Code) {
	t.Helper()
	if !problem.Is(err, code) {
		t.Errorf("got %v, want a problem of code %s", err, code)
	}
}

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
