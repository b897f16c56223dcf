// Package watch tries what Wardroom depends on, before somebody needs it: a
// credential that no longer works, a certificate that runs out, a full disk. It
// tells in the log when a check begins to fail and when it works again. And it keeps
// what of the cluster was Ready, so that after a repair it can say what is not back.
package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"wardroom/bot/problem"
)

// Level is how a check came out.
type Level string

const (
	OK      Level = "ok"      // it works; a hint says what could be better
	Warning Level = "warning" // it works, but not for long, or not as it should
	Failed  Level = "failed"  // it does not work
)

// DefaultTimeout bounds a check that names no timeout, in real time.
const DefaultTimeout = 15 * time.Second

// Check is one thing that can be tried. Trying must change nothing outside and
// may be repeated at any time.
type Check struct {
	// Name is unique and stays the same across versions: what is known of the check
	// is stored under it, and metrics carry it.
	Name    string
	Timeout time.Duration // zero: DefaultTimeout
	// Try returns what it found. An error is a failure: a problem's sentence and hint
	// are shown, of any other error its text. Try should end with ctx; when it does
	// not it is left behind, and the check has failed.
	Try func(ctx context.Context) (Finding, error)
}

// Finding is what a check found. The zero Finding is OK without a word.
type Finding struct {
	Level    Level  // "" is OK
	Sentence string // what it found, with numbers
	Hint     string // what to do about it; may be empty
}

// Fine is the finding that something works.
func Fine(format string, args ...any) Finding { return Finding{OK, fmt.Sprintf(format, args...), ""} }

// Warn is the finding that something works, but should be mended.
func Warn(format string, args ...any) Finding {
	return Finding{Warning, fmt.Sprintf(format, args...), ""}
}

// Fail is the finding that something does not work.
func Fail(format string, args ...any) Finding {
	return Finding{Failed, fmt.Sprintf(format, args...), ""}
}

// WithHint returns a copy of f with what to do about it.
func (f Finding) WithHint(format string, args ...any) Finding {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// Result is a finding with its check.
type Result struct {
	Name     string        `json:"name"`
	Level    Level         `json:"level"`
	Sentence string        `json:"sentence"`
	Hint     string        `json:"hint,omitempty"`
	Took     time.Duration `json:"took_ns"`
}

// Run tries all checks at the same time and returns their results in the order
// of checks. It returns no later than the longest timeout. When ctx ends first,
// what has not come out yet is Failed: whoever records results looks at ctx.
func Run(ctx context.Context, checks []Check) []Result {
	results := make([]Result, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { results[i] = c.run(ctx) })
	}
	wg.Wait()
	return results
}

func (c Check) run(ctx context.Context) Result {
	timeout := cmp.Or(c.Timeout, DefaultTimeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	found := make(chan Finding, 1) // one that is left behind can still put it down
	go func() { found <- c.contained(ctx) }()
	var f Finding
	select {
	case f = <-found:
	case <-ctx.Done():
		select {
		case f = <-found: // both at once: it did come out
		default:
			f = gaveUp(ctx, timeout)
		}
	}
	return Result{Name: c.Name, Level: cmp.Or(f.Level, OK), Sentence: f.Sentence, Hint: f.Hint, Took: time.Since(began)}
}

// contained turns errors and panics into findings.
func (c Check) contained(ctx context.Context) (f Finding) {
	defer func() {
		if why := recover(); why != nil {
			f = Fail("the check itself is broken: %v", why).WithHint("this is a defect of Wardroom; please report it: %s", place(debug.Stack()))
		}
	}()
	f, err := c.Try(ctx)
	if err == nil {
		return f
	}
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return Finding{Failed, p.Error(), p.Hint}
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return gaveUp(ctx, cmp.Or(c.Timeout, DefaultTimeout))
	}
	return Fail("%v", err)
}

func gaveUp(ctx context.Context, timeout time.Duration) Finding {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Fail("no answer within %v", timeout)
	}
	return Fail("given up before it came out")
}
