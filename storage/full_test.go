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

func TestAFullDiskIsSaidAndHealsByItself(t *testing.T) {
	opts := testOptions(t)
	opts.heal = 5 * time.Millisecond
	db, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pages(t, db, 60)
	var acked, refused atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 20 {
				_, err := db.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
					big := &timeline.TimerFired{Key: strings.Repeat("k", 2500)}
					return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: big}, {Timeline: timeline.Incident(1), Payload: big}}}, nil
				})
				if err == nil {
					acked.Add(1)
					continue
				}
				refused.Add(1)
				p := engineFault(err)
				if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "the disk is full") || p == nil || p.Hint == "" {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	group.Wait()
	if refused.Load() == 0 || acked.Load() == 0 || db.Healthy() == nil {
		t.Fatalf("%d acknowledged, %d refused, healthy: %v", acked.Load(), refused.Load(), db.Healthy())
	}
	report, err := db.Verify(t.Context(), VerifyOptions{Rebuild: true})
	if err != nil || !report.OK() || report.Entries != 2*acked.Load()+1 {
		t.Errorf("%d acknowledged, report %+v, %v", acked.Load(), report, err)
	}
	t.Logf("%d acknowledged, %d refused: %v", acked.Load(), refused.Load(), db.Healthy())

	pages(t, db, 1<<30)
	deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for db.Healthy() != nil {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the disk is free and it does not heal: %v", db.Healthy())
		}
	}
}
