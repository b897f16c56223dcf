package process

import (
	"context"
	"testing"
	"time"
)

// Patience bounds a wait for what takes a moment, on a machine that is loaded;
// Journey one for what goes through a boot, a drain, or a controller's timer.
const (
	Patience = 4 * time.Minute
	Journey  = 8 * time.Minute
)

// Await asks until ok says yes, and fails with its last words when it does not in time.
func Await(t *testing.T, what string, most time.Duration, ok func() (bool, string)) {
	t.Helper()
	end := time.NewTimer(most)
	defer end.Stop()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		yes, words := ok()
		if yes {
			return
		}
		select {
		case <-end.C:
			t.Fatalf("not within %s: %s; last: %s", most, what, words)
		case <-t.Context().Done():
			t.FailNow()
		case <-look.C:
		}
	}
}

// Soon bounds one request.
func Soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
	t.Cleanup(cancel)
	return ctx
}
