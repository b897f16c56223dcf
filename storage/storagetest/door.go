package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

var inc1, inc2 = timeline.Incident(1), timeline.Incident(2)

func places(t *testing.T, open Open) {
	s, clock := fresh(t, open)
	past := clock.Now().Add(-7 * time.Minute).Add(123 * time.Nanosecond)
	got := record(t, s,
		timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Note: "one"}, Actor: people.Source("alertmanager"), OccurredAt: past},
		timeline.Draft{Timeline: inc1, Payload: &Noted{Note: "two"}, CausedByPrevious: true},
		timeline.Draft{Timeline: inc1, Payload: &Noted{Note: "three"}, Cause: timeline.Ref{Timeline: timeline.Log, Seq: 1}, CausedByPrevious: true},
		timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Note: "four"}, Supersedes: timeline.Ref{Timeline: timeline.Log, Seq: 1}},
	)
	want := []string{"1 log#1", "3 INC-1#1 because log#1", "4 INC-1#2 because log#1", "5 log#3 instead of log#1"}
	if len(got) != len(want) {
		t.Fatalf("%d entries came back for %d drafts", len(got), len(want))
	}
	for i, e := range got {
		line := fmt.Sprintf("%d %s", e.Pos, e.Ref)
		if !e.Cause.IsZero() {
			line += " because " + e.Cause.String()
		}
		if !e.Supersedes.IsZero() {
			line += " instead of " + e.Supersedes.String()
		}
		if line != want[i] {
			t.Errorf("entry %d is %q, want %q", i, line, want[i])
		}
	}
	if e := got[0]; !e.OccurredAt.Equal(past.Truncate(time.Microsecond)) || !e.RecordedAt.Equal(clock.Now()) || e.Actor != people.Source("alertmanager") {
		t.Errorf("occurred %s, recorded %s, by %s", e.OccurredAt, e.RecordedAt, e.Actor)
	}
	if e := got[1]; !e.OccurredAt.Equal(clock.Now()) || e.Actor != people.Bot {
		t.Errorf("by default: occurred %s, by %s", e.OccurredAt, e.Actor)
	}
	view(t, s, func(v timeline.View) error {
		for _, e := range got {
			back := must(t, must2(v.Entry(e.Ref)), nil)
			if back.Seal != e.Seal || back.Pos != e.Pos || string(back.Body) != string(e.Body) || back.Payload.Text() != e.Payload.Text() {
				t.Errorf("%s reads back as %+v, was %+v", e.Ref, back, e)
			}
		}
		caused, err := v.CausedBy(timeline.Ref{Timeline: timeline.Log, Seq: 1})
		if err != nil || len(caused) != 3 { // with the log's note that INC-1 was opened
			t.Errorf("log#1 caused %d entries, %v", len(caused), err)
		}
		page, err := v.Entries(timeline.Log, 1, 1)
		if err != nil || len(page) != 1 || page[0].Seq != 2 {
			t.Errorf("the page after log#1 is %v, %v", page, err)
		}
		_, err = v.Entry(timeline.Ref{Timeline: inc1, Seq: 3})
		wantCode(t, err, problem.NotFound)
		if pos, err := v.LastPos(); pos != 5 || err != nil {
			t.Errorf("the last position is %d, %v", pos, err)
		}
		return nil
	})
}

// must2 lets a (value, error) pair be passed on in one go; the error, if any, is
// shown by the zero value.
func must2[T any](v T, _ error) T { return v }

func opening(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	for range 3 {
		record(t, s, draft(inc2, "a"), draft(inc1, "b"), draft(inc2, "c"))
	}
	view(t, s, func(v timeline.View) error {
		log, err := v.Entries(timeline.Log, 0, 10)
		if err != nil || len(log) != 2 || log[0].Payload.Text() != "Timeline INC-2 opened" || log[1].Payload.Text() != "Timeline INC-1 opened" {
			t.Errorf("the log holds %v, %v", log, err)
		}
		if e := must2(v.Entry(timeline.Ref{Timeline: inc2, Seq: 1})); e.Pos != log[0].Pos+1 {
			t.Errorf("the first entry is at %d, its opening at %d", e.Pos, log[0].Pos)
		}
		heads, err := v.Heads()
		if err != nil || len(heads) != 3 || heads[0].Timeline != timeline.Log || heads[1].Timeline != inc1 || heads[2].Seq != 6 {
			t.Errorf("heads are %v, %v", heads, err)
		}
		if _, known, err := v.Head(timeline.Incident(3)); known || err != nil {
			t.Errorf("INC-3 has a head: %v", err)
		}
		return err
	})
}

func refusals(t *testing.T, open Open) {
	s, clock := fresh(t, open)
	first := record(t, s, draft(timeline.Log, "first"))[0]
	for name, d := range map[string]timeline.Draft{
		"no timeline":            {Payload: &Noted{}},
		"a misspelled timeline":  {Timeline: "INC-01", Payload: &Noted{}},
		"an injected timeline":   {Timeline: "INC-1' --", Payload: &Noted{}},
		"no payload":             {Timeline: timeline.Log},
		"the future":             {Timeline: timeline.Log, Payload: &Noted{}, OccurredAt: clock.Now().Add(2 * time.Second)},
		"an unknown actor":       {Timeline: timeline.Log, Payload: &Noted{}, Actor: people.Actor{Kind: "martian", Name: "x"}},
		"a claim without a key":  {Timeline: timeline.Log, Payload: &Noted{}, Effects: timeline.Effects{Take: []string{""}}},
		"a timer without a key":  {Timeline: timeline.Log, Payload: &Noted{}, Effects: timeline.Effects{Set: []timeline.Timer{{Timeline: timeline.Log}}}},
		"erasing by a note":      {Timeline: timeline.Log, Payload: &Noted{}, Effects: timeline.Effects{Erase: []timeline.Ref{first.Ref}}},
		"a cause without a name": {Timeline: timeline.Log, Payload: &Noted{}, Cause: timeline.Ref{Timeline: "x", Seq: 1}},
	} {
		_, err := try(s, draft(timeline.Log, "good"), d)
		if !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := try(s, timeline.Draft{Timeline: timeline.Log, Payload: &undeclared{}}); err == nil {
		t.Error("a kind that was not declared is recorded")
	}
	if _, err := try(s, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{}, OccurredAt: clock.Now().Add(900 * time.Millisecond)}); err != nil {
		t.Errorf("a clock that is a little ahead is refused: %v", err)
	}
	if report := Sound(t, s); report.Entries != 2 {
		t.Errorf("%d entries are there", report.Entries)
	}
}

type undeclared struct{ Noted }

func (*undeclared) Kind() timeline.Kind { return "test.undeclared" }

func clockBackwards(t *testing.T, open Open) {
	s, clock := fresh(t, open)
	a := record(t, s, draft(timeline.Log, "a"), draft(inc1, "a"))
	clock.Add(-time.Hour)
	b := record(t, s, draft(timeline.Log, "b"), draft(inc2, "b"))
	if !b[0].RecordedAt.Equal(a[0].RecordedAt) {
		t.Errorf("log: recorded %s after %s", b[0].RecordedAt, a[0].RecordedAt)
	}
	if !b[0].OccurredAt.Equal(b[0].RecordedAt) {
		t.Errorf("occurred %s, recorded %s", b[0].OccurredAt, b[0].RecordedAt)
	}
	// What is not after the record's own time is no future, whatever the clock shows.
	now := draft(timeline.Log, "now")
	now.OccurredAt = a[0].RecordedAt
	if e := record(t, s, now)[0]; !e.OccurredAt.Equal(a[0].RecordedAt) {
		t.Errorf("occurred %s, want %s", e.OccurredAt, a[0].RecordedAt)
	}
	clock.Add(2 * time.Hour)
	if c := record(t, s, draft(timeline.Log, "c"))[0]; !c.RecordedAt.Equal(clock.Now()) {
		t.Errorf("recorded %s at %s", c.RecordedAt, clock.Now())
	}
}

func decideError(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	mine := errors.New("mine")
	list, err := s.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{draft(timeline.Log, "x")}}, mine
	})
	if err != mine || list != nil {
		t.Errorf("got %v, %v", list, err)
	}
	_, err = s.Update(context.Background(), func(timeline.View) (timeline.Decision, error) { panic("oh") })
	if err == nil || !strings.Contains(err.Error(), "oh") {
		t.Errorf("a panic gives %v", err)
	}
	if err := s.Healthy(); err != nil {
		t.Errorf("unhealthy after a caller's fault: %v", err)
	}
	if got := record(t, s, draft(timeline.Log, "y"))[0]; got.Pos != 1 {
		t.Errorf("the first entry stands at %d", got.Pos)
	}
}

func conflicts(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	take := func(keys ...string) timeline.Draft {
		return timeline.Draft{Timeline: inc1, Payload: &Noted{}, Effects: timeline.Effects{Take: keys}}
	}
	holder := record(t, s, take("node/a", "node/b"))[0]
	_, err := try(s, draft(timeline.Log, "before"), take("node/c", "node/b"))
	wantCode(t, err, problem.Conflict)
	for _, word := range []string{"node/b", holder.Ref.String()} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
	_, err = try(s, take("new"), take("new"))
	wantCode(t, err, problem.Conflict)
	// Given back and taken in one entry, and handed on within a decision.
	hand := take("node/b")
	hand.Effects.Release = []string{"node/b", "never taken"}
	next := record(t, s, hand, timeline.Draft{Timeline: inc1, Payload: &Noted{}, Effects: timeline.Effects{Release: []string{"node/b"}}}, take("node/b"))
	view(t, s, func(v timeline.View) error {
		for key, want := range map[string]string{"node/a": holder.Ref.String(), "node/b": next[2].Ref.String(), "node/c": "", "new": ""} {
			if ref, held, err := v.Claim(key); ref.String() != want || held != (want != "") || err != nil {
				t.Errorf("%s is held by %q (%v), %v; want %q", key, ref, held, err, want)
			}
		}
		return nil
	})
}

func rivals(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	var won, lost atomic.Int32
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			_, err := try(s, timeline.Draft{Timeline: inc1, Payload: &Noted{}, Effects: timeline.Effects{Take: []string{"run/7"}}})
			switch {
			case err == nil:
				won.Add(1)
			case problem.Is(err, problem.Conflict):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 || lost.Load() != 49 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}

func counting(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				_, err := s.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) {
					r, _, err := Rows.Get(v, "counter")
					return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &Noted{Row: "counter", Place: r.Place + 1}}}}, err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	view(t, s, func(v timeline.View) error {
		r, _, err := Rows.Get(v, "counter")
		if r.Place != 200 || r.Count != 200 {
			t.Errorf("counted %d in %d entries", r.Place, r.Count)
		}
		return err
	})
}
