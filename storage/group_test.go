package storage

import (
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"wardroom/bot/timeline"
)

// While some are answered and come back the writer works on others.
func TestSomeAreLeftForTheNextCommit(t *testing.T) {
	opts := testOptions(t)
	opts.gather = time.Hour // however slow this machine is
	db, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var shared []int64 // how many share each commit; told before they are answered
	db.OnCommit(func(c timeline.Commit) { shared = append(shared, c.Gained[0].Last-c.Gained[0].First+1) })
	update := func(before func()) {
		_, err := db.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
			before()
			return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &timeline.TimerFired{Key: "k"}}}}, nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	const callers = 64
	var group sync.WaitGroup
	begun := make(chan struct{})
	group.Go(func() {
		update(func() {
			close(begun)
			for len(db.queue) < callers-1 {
				runtime.Gosched()
			}
		})
	})
	<-begun
	for range callers - 1 {
		group.Go(func() { update(func() {}) })
	}
	group.Wait()
	total := int64(0)
	for _, n := range shared {
		total += n
	}
	if len(shared) < 2 || shared[0] != callers*5/8 || total != callers {
		t.Errorf("commits of %v, want %d in the first of all %d", shared, callers*5/8, callers)
	}
}
