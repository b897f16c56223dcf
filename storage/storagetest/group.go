package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// hold keeps the writer busy until release is called, so that updates queue up
// behind it and share a commit.
func hold(t testing.TB, s Store) (release func()) {
	entered, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	enter := sync.OnceFunc(func() { close(entered) }) // decide may run again
	go func() {
		_, err := s.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
			enter()
			<-gate
			return timeline.Decision{}, nil
		})
		done <- err
	}()
	<-entered
	return sync.OnceFunc(func() {
		close(gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func isolation(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	record(t, s, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{}, Effects: timeline.Effects{Take: []string{"held"}}})
	refuse := errors.New("refused by decide")
	bad := []struct {
		decide func(timeline.View) (timeline.Decision, error)
		ok     func(error) bool
	}{
		{func(timeline.View) (timeline.Decision, error) { return timeline.Decision{}, refuse }, func(err error) bool { return err == refuse }},
		{func(timeline.View) (timeline.Decision, error) { panic("decide") }, func(err error) bool { return err != nil }},
		{fixed(timeline.Draft{Timeline: inc1, Payload: &Noted{Row: "bad", Bad: "error"}}), func(err error) bool { return errors.Is(err, errFold) }},
		{fixed(draft(inc2, "x"), timeline.Draft{Timeline: inc1, Payload: &Noted{Row: "bad", Bad: "panic"}}), func(err error) bool { return err != nil }},
		{fixed(draft(inc2, "x"), timeline.Draft{Timeline: inc1, Payload: &Noted{}, Effects: timeline.Effects{Take: []string{"held"}}}), func(err error) bool { return problem.Is(err, problem.Conflict) }},
	}
	release := hold(t, s)
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			if i%6 == 0 {
				b := bad[i/6%len(bad)]
				if _, err := s.Update(context.Background(), b.decide); !b.ok(err) {
					t.Errorf("bad caller %d got %v", i, err)
				}
				return
			}
			key := fmt.Sprint("row-", i)
			list, err := try(s, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Row: key, Place: int64(i)}})
			if err != nil || len(list) != 1 {
				t.Errorf("good caller %d got %v, %v", i, list, err)
			}
		})
	}
	release()
	group.Wait()
	view(t, s, func(v timeline.View) error {
		n, err := v.CountRows(Rows.Name)
		if n != 50 {
			t.Errorf("%d rows for 50 good callers", n)
		}
		log, err2 := v.Entries(timeline.Log, 0, 1000)
		if len(log) != 51 {
			t.Errorf("the log holds %d entries, want 51", len(log))
		}
		heads, err3 := v.Heads()
		if len(heads) != 1 {
			t.Errorf("timelines of failed callers were opened: %v", heads)
		}
		return errors.Join(err, err2, err3)
	})
	if err := s.Healthy(); err != nil {
		t.Errorf("unhealthy: %v", err)
	}
}

func fixed(drafts ...timeline.Draft) func(timeline.View) (timeline.Decision, error) {
	return func(timeline.View) (timeline.Decision, error) { return timeline.Decision{Entries: drafts}, nil }
}

// duplicates: whoever is told "it is there already" must not be told before it is.
func duplicates(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	release := hold(t, s)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := s.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) {
				if _, known, err := Rows.Get(v, "once"); known || err != nil {
					return timeline.Decision{}, err
				}
				return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &Noted{Row: "once"}}}}, nil
			})
			if err != nil {
				t.Error(err)
			}
			view(t, s, func(v timeline.View) error {
				if _, known, err := Rows.Get(v, "once"); !known || err != nil {
					t.Errorf("answered before it could be read: %v", err)
				}
				return nil
			})
		})
	}
	release()
	group.Wait()
	if report := Sound(t, s); report.Entries != 1 {
		t.Errorf("%d entries for one thing", report.Entries)
	}
}

func leaving(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	release := hold(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error, 1)
	go func() {
		_, err := s.Update(ctx, func(timeline.View) (timeline.Decision, error) {
			t.Error("the caller that left was run")
			return timeline.Decision{Entries: []timeline.Draft{draft(timeline.Log, "late")}}, nil
		})
		left <- err
	}()
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	release()
	if _, err := s.Update(ctx, fixed(draft(timeline.Log, "late"))); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context gives %v", err)
	}
	if got := record(t, s, draft(timeline.Log, "next"))[0]; got.Pos != 1 {
		t.Errorf("the next entry stands at %d", got.Pos)
	}
}

func snapshots(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	record(t, s, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Row: "a", Place: 1}})
	view(t, s, func(v timeline.View) error {
		record(t, s, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Row: "a", Place: 2}}, draft(inc1, "new"))
		r, _, err := Rows.Get(v, "a")
		pos, err2 := v.LastPos()
		heads, err3 := v.Heads()
		if r.Place != 1 || pos != 1 || len(heads) != 1 {
			t.Errorf("the view moved: place %d, position %d, heads %v", r.Place, pos, heads)
		}
		return errors.Join(err, err2, err3)
	})
	view(t, s, func(v timeline.View) error {
		if r, _, err := Rows.Get(v, "a"); r.Place != 2 || err != nil {
			t.Errorf("a later view shows %d, %v", r.Place, err)
		}
		return nil
	})
	if err := s.View(context.Background(), func(timeline.View) error { return errFold }); err != errFold {
		t.Errorf("the reader's error comes back as %v", err)
	}
}

func commits(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	var mu sync.Mutex
	var told []timeline.Commit
	s.OnCommit(func(c timeline.Commit) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, c)
	})
	record(t, s, draft(inc1, "a"))
	mu.Lock()
	if len(told) != 1 || told[0].Pos != 2 || len(told[0].Gained) != 2 || told[0].Timers {
		t.Errorf("told %v", told)
	}
	mu.Unlock()
	if _, err := s.Update(context.Background(), fixed()); err != nil {
		t.Error(err)
	}
	_, err := try(s, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Bad: "error"}})
	if err == nil {
		t.Error("the fold's error is lost")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 1 {
		t.Errorf("commits without entries are told: %v", told)
	}
}

// timerCommits: who waits for timers looks again only when they change.
func timerCommits(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	var told []bool // each commit is told before its caller is answered
	s.OnCommit(func(c timeline.Commit) { told = append(told, c.Timers) })
	for _, effects := range []timeline.Effects{
		{Set: []timeline.Timer{{Key: "tea", Timeline: inc1, Due: time.Date(2021, 7, 11, 12, 0, 0, 0, time.UTC)}}}, {}, {Clear: []string{"tea"}}, {},
	} {
		record(t, s, timeline.Draft{Timeline: inc1, Payload: &Noted{}, Effects: effects})
	}
	if want := []bool{true, false, true, false}; !slices.Equal(told, want) {
		t.Errorf("that timers changed is told as %v, want %v", told, want)
	}
}
