package e2e

import (
	"context"
	"testing"
	"time"
)

// patience bounds a wait for what takes a moment, on a machine that is loaded;
// journey one for what goes through a boot, a drain, or a controller's timer.
const (
	patience = 4 * time.Minute
	journey  = 8 * time.Minute
)

// await asks until ok says yes, and fails with its last words when it does not in time.
func await(t *testing.T, what string, most time.Duration, ok func() (bool, string)) {
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

// soon bounds one request.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	return ctx
}

// pause is a moment between two looks.
func pause(t *testing.T) {
	t.Helper()
	moment := time.NewTimer(500 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-t.Context().Done():
		t.FailNow()
	}
}
