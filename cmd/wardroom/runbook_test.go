package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"wardroom/bot/timeline"
)

// TestTheRunbookIsWrittenDaily: what somebody deleted or spoiled is there again.
func TestTheRunbookIsWrittenDaily(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- runbookWriter{dir: dir, clock: timeline.RealClock{}, log: slog.New(slog.DiscardHandler)}.run(ctx)
		}()
		pages := func() int {
			synctest.Wait()
			found, err := filepath.Glob(filepath.Join(dir, "*.md"))
			if err != nil {
				t.Fatal(err)
			}
			return len(found)
		}
		<-time.After(runbookFirst - time.Second)
		if n := pages(); n != 0 {
			t.Errorf("%d pages before its time", n)
		}
		<-time.After(2 * time.Second)
		n := pages()
		if n < 7 {
			t.Errorf("%d pages", n)
		}
		if err := os.Remove(filepath.Join(dir, "index.md")); err != nil {
			t.Error(err)
		}
		<-time.After(runbookEvery)
		if again := pages(); again != n {
			t.Errorf("%d pages on the next day, %d on the first", again, n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
