package watch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wardroom/bot/problem"
)

func try(f Finding, err error) func(context.Context) (Finding, error) {
	return func(context.Context) (Finding, error) { return f, err }
}

func TestRunTellsHowEachCheckCameOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		checks := []Check{
			{Name: "works", Try: try(Fine("3 alerts fire"), nil)},
			{Name: "says nothing", Try: try(Finding{}, nil)},
			{Name: "runs out", Try: try(Warn("expires in %d days", 3).WithHint("renew it"), nil)},
			{Name: "a problem", Try: try(Finding{}, problem.New(problem.Forbidden, "the key was refused").WithHint("make a new one").Because(errors.New("401")))},
			{Name: "an error", Try: try(Finding{}, errors.New("connection refused"))},
			{Name: "hangs until told", Timeout: 2 * time.Second, Try: func(ctx context.Context) (Finding, error) {
				<-ctx.Done()
				return Finding{}, ctx.Err()
			}},
			{Name: "hangs for good", Try: func(context.Context) (Finding, error) { <-release; return Finding{}, nil }},
			{Name: "panics", Try: func(context.Context) (Finding, error) {
				var m map[string]int
				m["x"] = 1
				return Finding{}, nil
			}},
		}
		began := time.Now()
		got := Run(context.Background(), checks)
		if took := time.Since(began); took != DefaultTimeout {
			t.Errorf("took %v: they run at the same time, so want the longest timeout, %v", took, DefaultTimeout)
		}
		for i := range got {
			if before, at, found := strings.Cut(got[i].Hint, "check_test.go:"); found && at != "" {
				got[i].Hint = before + "check_test.go"
			}
		}
		want := []Result{
			{Name: "works", Level: OK, Sentence: "3 alerts fire"},
			{Name: "says nothing", Level: OK},
			{Name: "runs out", Level: Warning, Sentence: "expires in 3 days", Hint: "renew it"},
			{Name: "a problem", Level: Failed, Sentence: "the key was refused: 401", Hint: "make a new one"},
			{Name: "an error", Level: Failed, Sentence: "connection refused"},
			{Name: "hangs until told", Level: Failed, Sentence: "no answer within 2s"},
			{Name: "hangs for good", Level: Failed, Sentence: "no answer within 15s"},
			{Name: "panics", Level: Failed, Sentence: "the check itself is broken: assignment to entry in nil map",
				Hint: "this is a defect of Wardroom; please report it: watch/check_test.go"},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Result{}, "Took")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		release := make(chan struct{})
		defer close(release)
		got := Run(ctx, []Check{{Name: "a", Try: func(context.Context) (Finding, error) { <-release; return Finding{}, nil }}})
		if got[0].Level != Failed || got[0].Sentence != "given up before it came out" || time.Since(began) > 0 {
			t.Errorf("got %+v after %v", got[0], time.Since(began))
		}
	})
}
