package timeline_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"wardroom/bot/timeline"
)

// moody is an echo that can be told to fail.
type moody struct {
	echo
	mu  sync.Mutex
	bad bool
}

func (m *moody) set(bad bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bad = bad
}

func (m *moody) Decide(v timeline.View, entries []timeline.Entry) (timeline.Decision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bad {
		return timeline.Decision{}, errors.New("in no mood")
	}
	return m.echo.Decide(v, entries)
}

func TestLogDeciderDecidesInsideTheCommit(t *testing.T) {
	r := newRig(t)
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddLogDecider("echo", echo{t}) })
	r.settle(rt)
	r.say(timeline.Log, "a", "b")
	want(t, "when the update returned", r.words("INC-1"), []string{"said: echo a", "said: echo b"})
	r.say(timeline.Log, "c")
	r.settle(rt)
	want(t, "in the end", r.words("INC-1"), []string{"said: echo a", "said: echo b", "said: echo c"})
	if lag, err := rt.Lag(t.Context()); err != nil || lag["echo"] != 0 {
		t.Errorf("lag %v, %v", lag, err)
	}
}

func TestLogDeciderThatFailsHoldsNobodyUpAndCatchesUp(t *testing.T) {
	r, m := newRig(t), &moody{echo: echo{t}}
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddLogDecider("echo", m) })
	m.set(true)
	r.say(timeline.Log, "a")
	r.say(timeline.Log, "b")
	want(t, "while it fails", r.words("INC-1"), nil)
	m.set(false)
	r.say(timeline.Log, "c")
	r.pass(rt, time.Minute)
	want(t, "in the end", r.words("INC-1"), []string{"said: echo a", "said: echo b", "said: echo c"})
}

func TestLogDeciderCountsEachEntryOnceUnderLoad(t *testing.T) {
	const callers, each = 16, 50
	r, m := newRig(t), &moody{echo: echo{t}}
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddLogDecider("echo", m) })
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				if c == 0 {
					m.set(n%3 == 0) // now in the commit, now by itself
				}
				_, err := r.store.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
					return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &said{fmt.Sprint(c, "-", n)}}}}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	m.set(false)
	r.say(timeline.Log, "last")
	r.pass(rt, time.Hour)
	seen := map[string]int{}
	for _, w := range r.words("INC-1") {
		seen[w]++
	}
	if len(seen) != callers*each+1 {
		t.Errorf("%d different echoes of %d", len(seen), callers*each+1)
	}
	for w, n := range seen {
		if n != 1 {
			t.Errorf("%q was said %d times", w, n)
		}
	}
}
