package storage

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// pages limits the database from inside the writer, as a full disk would.
func pages(t *testing.T, db *DB, n int) {
	t.Helper()
	_, err := db.Update(t.Context(), func(v timeline.View) (timeline.Decision, error) {
		return timeline.Decision{}, v.(*view).w.s.exec(fmt.Sprint("PRAGMA max_page_count = ", n))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// big is an update that needs pages of its own.
func big(db *DB) error {
	_, err := db.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
		payload := &timeline.TimerFired{Key: strings.Repeat("k", 2500)}
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: payload}, {Timeline: timeline.Incident(1), Payload: payload}}}, nil
	})
	return err
}

func TestAFullDiskIsSaidAndLeavesNoHalfEntry(t *testing.T) {
	opts := testOptions(t)
	opts.heal = time.Hour
	db, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pages(t, db, 60)
	var acked, refused atomic.Int64
	try := func() error {
		err := big(db)
		if err == nil {
			acked.Add(1)
			return nil
		}
		refused.Add(1)
		if p := engineFault(err); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "the disk is full") || p == nil || p.Hint == "" {
			t.Errorf("got %v", err)
		}
		return err
	}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 10 {
				_ = try()
			}
		})
	}
	group.Wait()
	for try() == nil {
	}
	if refused.Load() == 0 || acked.Load() == 0 || db.Healthy() == nil {
		t.Fatalf("%d acknowledged, %d refused, healthy: %v", acked.Load(), refused.Load(), db.Healthy())
	}
	t.Logf("%d acknowledged, %d refused: %v", acked.Load(), refused.Load(), db.Healthy())
	report, err := db.Verify(t.Context(), VerifyOptions{Rebuild: true})
	if err != nil || !report.OK() || report.Entries != 2*acked.Load()+1 {
		t.Errorf("%d acknowledged, report %+v, %v", acked.Load(), report, err)
	}
	pages(t, db, 1<<30)
	if err := try(); err != nil || db.Healthy() != nil {
		t.Errorf("with room again: %v, healthy: %v", err, db.Healthy())
	}
}

func TestAFailingDatabaseHealsByItself(t *testing.T) {
	opts := testOptions(t)
	opts.heal = 20 * time.Millisecond
	db, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pages(t, db, 60)
	for err == nil {
		err = big(db)
	}
	pages(t, db, 1<<30)
	deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for db.Healthy() != nil { // nobody sends
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("there is room and it does not heal: %v", db.Healthy())
		}
	}
}
