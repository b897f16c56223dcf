package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

func timers(t *testing.T, open Open) {
	s, clock := fresh(t, open)
	at := func(minutes int) time.Time {
		return clock.Now().Add(time.Duration(minutes)*time.Minute + 999*time.Nanosecond)
	}
	set := func(list ...timeline.Timer) timeline.Draft {
		return timeline.Draft{Timeline: inc1, Payload: &Noted{}, Effects: timeline.Effects{Set: list}}
	}
	record(t, s, set(timeline.Timer{Key: "b", Due: at(2), Timeline: inc1, What: "remind", Data: "x"}, timeline.Timer{Key: "a", Due: at(2), Timeline: timeline.Log, What: "expire"}))
	record(t, s, set(timeline.Timer{Key: "c", Due: at(1), Timeline: inc1, What: "page"}))
	record(t, s, set(timeline.Timer{Key: "b", Due: at(3), Timeline: inc1, What: "again"}))
	clear := timeline.Draft{Timeline: inc1, Payload: &Noted{}, Effects: timeline.Effects{Clear: []string{"c", "unset"}}}
	keys := func(v timeline.View, until time.Time, limit int) string {
		list, err := v.Timers(until, limit)
		names := make([]string, len(list))
		for i, x := range list {
			names[i] = x.Key
		}
		return fmt.Sprint(strings.Join(names, " "), err)
	}
	view(t, s, func(v timeline.View) error {
		for want, got := range map[string]string{"c<nil>": keys(v, at(1), 10), "c a b<nil>": keys(v, at(9), 10), "c a<nil>": keys(v, at(9), 2), "<nil>": keys(v, clock.Now(), 10)} {
			if got != want {
				t.Errorf("timers are %q, want %q", got, want)
			}
		}
		b, ok, err := v.Timer("b")
		if !ok || b != (timeline.Timer{Key: "b", Due: at(3).Truncate(time.Microsecond), Timeline: inc1, What: "again"}) {
			t.Errorf("b is %+v", b)
		}
		next, ok, err2 := v.NextTimer()
		if !ok || next.Key != "c" {
			t.Errorf("the next is %+v", next)
		}
		return errors.Join(err, err2)
	})
	record(t, s, clear)
	view(t, s, func(v timeline.View) error {
		if next, ok, err := v.NextTimer(); !ok || next.Key != "a" || err != nil {
			t.Errorf("after clearing c the next is %+v, %v", next, err)
		}
		return nil
	})
}

func cursors(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	move := func(d timeline.Decision, err error) {
		if _, e := s.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) { return d, err }); e != err {
			t.Errorf("got %v, want %v", e, err)
		}
	}
	move(timeline.Decision{Cursors: []timeline.Cursor{{Follower: "room", Timeline: inc1, Seq: 3}, {Follower: "room", Timeline: timeline.Log, Seq: 9}, {Follower: "page", Timeline: inc1, Seq: 1}}}, nil)
	move(timeline.Decision{Cursors: []timeline.Cursor{{Follower: "room", Timeline: inc1, Seq: 4}}, Entries: []timeline.Draft{draft(inc1, "x")}}, nil)
	move(timeline.Decision{Cursors: []timeline.Cursor{{Follower: "room", Timeline: inc1, Seq: 7}}}, errFold)
	seen := func(v timeline.View) string {
		c, err := v.Cursors("room")
		return fmt.Sprint(c, err)
	}
	const want = "map[INC-1:4 log:9] <nil>"
	view(t, s, func(v timeline.View) error {
		if got := seen(v); got != want {
			t.Errorf("cursors are %s, want %s", got, want)
		}
		return nil
	})
	_, err := s.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) {
		if got := seen(v); got != want {
			t.Errorf("inside the writer cursors are %s, want %s", got, want)
		}
		return timeline.Decision{}, nil
	})
	if err != nil {
		t.Error(err)
	}
}

func scratch(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	put := func(list ...timeline.ScratchPut) {
		if _, err := s.Update(context.Background(), func(timeline.View) (timeline.Decision, error) { return timeline.Decision{Scratch: list}, nil }); err != nil {
			t.Error(err)
		}
	}
	put(timeline.ScratchPut{Key: "peak/a", Doc: []byte("34")}, timeline.ScratchPut{Key: "peak/b_", Doc: []byte{}}, timeline.ScratchPut{Key: "peaks", Doc: []byte("no")}, timeline.ScratchPut{Key: "péak/%", Doc: []byte{0, 255}})
	put(timeline.ScratchPut{Key: "peak/a", Doc: []byte("61")}, timeline.ScratchPut{Key: "never", Doc: nil})
	view(t, s, func(v timeline.View) error {
		for prefix, want := range map[string]string{"peak/": "map[peak/a:[54 49] peak/b_:[]]", "péak/": "map[péak/%:[0 255]]", "%": "map[]", "peak/b%": "map[]"} {
			if got, err := v.Scratch(prefix); fmt.Sprint(got) != want || err != nil {
				t.Errorf("%q gives %v, %v; want %s", prefix, got, err, want)
			}
		}
		if all, err := v.Scratch(""); len(all) != 4 || err != nil {
			t.Errorf("all of it is %v, %v", all, err)
		}
		return nil
	})
	put(timeline.ScratchPut{Key: "peak/a"})
	view(t, s, func(v timeline.View) error {
		if got, err := v.Scratch("peak/a"); len(got) != 0 || err != nil {
			t.Errorf("a deleted note is %v, %v", got, err)
		}
		return nil
	})
}

func queries(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	for i, key := range []string{"delta", "alpha", "it's", "char\"lie", "ünï"} {
		record(t, s, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Row: key, Place: int64(i / 2)}})
	}
	record(t, s, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Row: "delta", Drop: true}})
	check := func(v timeline.View) {
		for _, c := range []struct {
			q    timeline.Query
			want string
		}{
			{timeline.Query{}, `alpha char"lie it's ünï`},
			{timeline.Query{Desc: true, Limit: 2}, `ünï it's`},
			{timeline.Query{OrderBy: "position", Desc: true}, `ünï it's char"lie alpha`},
			{timeline.Query{OrderBy: "position", Limit: 2, Offset: 1}, `char"lie it's`},
			{timeline.Query{Offset: 3}, `ünï`},
			{timeline.Query{Where: []timeline.Where{{Column: "position", Value: 1}}}, `char"lie it's`},
			{timeline.Query{Where: []timeline.Where{{Column: "position", Op: ">=", Value: int64(1)}, {Column: "key", Op: "!=", Value: "it's"}}}, `char"lie ünï`},
			{timeline.Query{Where: []timeline.Where{{Column: "position", Op: "<", Value: true}}}, `alpha`},
		} {
			rows, err := Rows.Select(v, c.q)
			keys := make([]string, len(rows))
			for i, r := range rows {
				keys[i] = r.Key
			}
			if got := strings.Join(keys, " "); got != c.want || err != nil {
				t.Errorf("%+v gives %s, %v; want %s", c.q, got, err, c.want)
			}
		}
		if n, err := v.CountRows(Rows.Name, timeline.Where{Column: "position", Op: "<=", Value: 1}); n != 3 || err != nil {
			t.Errorf("counted %d, %v", n, err)
		}
		for _, q := range []timeline.Query{{OrderBy: "doc; DROP TABLE entries"}, {Where: []timeline.Where{{Column: "nothing"}}}, {Where: []timeline.Where{{Column: "position", Op: "LIKE", Value: 1}}}} {
			if _, err := Rows.Select(v, q); err == nil {
				t.Errorf("%+v is taken", q)
			}
		}
		if err := v.SelectRows("entries", timeline.Query{}, nil); err == nil {
			t.Error("a table that no fold declares is read")
		}
		nested := 0
		err := v.SelectRows(Rows.Name, timeline.Query{}, func([]byte) error {
			return v.SelectRows(Rows.Name, timeline.Query{}, func([]byte) error { nested++; return nil })
		})
		if nested != 16 || err != nil {
			t.Errorf("nested selects saw %d rows, %v", nested, err)
		}
	}
	view(t, s, func(v timeline.View) error { check(v); return nil })
	_, err := s.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) { check(v); return timeline.Decision{}, nil })
	if err != nil {
		t.Error(err)
	}
}

func foldOrder(t *testing.T, open Open) {
	opts, _ := Options(t)
	var order []string
	second := timeline.Fold{Name: "second", Apply: func(w timeline.Writer, e timeline.Entry) error {
		n, ok := e.Payload.(*Noted)
		if !ok {
			return nil
		}
		r, found, err := Rows.Get(w, n.Row)
		order = append(order, fmt.Sprintf("%s:%v:%d", e.Ref, found, r.Place))
		return err
	}}
	opts.Folds = append(opts.Folds, second)
	s := open(t, t.TempDir(), opts)
	defer s.Close()
	record(t, s, timeline.Draft{Timeline: inc1, Payload: &Noted{Row: "a", Place: 1}}, timeline.Draft{Timeline: timeline.Log, Payload: &Noted{Row: "a", Place: 2}})
	want := []string{"INC-1#1:true:1", "log#2:true:2"}
	if !slices.Equal(order, want) {
		t.Errorf("the second fold saw %v, want %v", order, want)
	}
	Sound(t, s)
}

func erasing(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	secret := record(t, s, timeline.Draft{Timeline: inc1, Payload: &Noted{Note: "hunter2", Row: "a"}}, timeline.Draft{Timeline: inc1, Payload: &Noted{Note: "fine", Row: "b"}})
	erase := timeline.Draft{Timeline: timeline.Log, Payload: &timeline.Erasure{Refs: []timeline.Ref{secret[0].Ref}, Reason: "a password"},
		Effects: timeline.Effects{Erase: []timeline.Ref{secret[0].Ref}}}
	by := record(t, s, erase)[0]
	record(t, s, erase) // once more does no harm
	view(t, s, func(v timeline.View) error {
		e, err := v.Entry(secret[0].Ref)
		if _, gone := e.Payload.(*timeline.Erased); !gone || e.Body != nil || e.Kind != "test.noted" || e.Seal.Hash != secret[0].Seal.Hash {
			t.Errorf("the erased entry is %+v", e)
		}
		rows, err2 := Rows.Select(v, timeline.Query{})
		if len(rows) != 1 || rows[0].Key != "b" {
			t.Errorf("current state is %+v", rows)
		}
		w, err3 := v.Entry(by.Ref)
		if len(w.Effects.Erase) != 1 || !strings.Contains(w.Payload.Text(), "a password") {
			t.Errorf("the erasure is %+v", w)
		}
		return errors.Join(err, err2, err3)
	})
	if report := Sound(t, s); report.Erased != 1 {
		t.Errorf("%d erased", report.Erased)
	}
}

func erasingProof(t *testing.T, open Open) {
	s, _ := fresh(t, open)
	record(t, s, draft(inc1, "x"))
	erase := func(ref timeline.Ref) error {
		_, err := try(s, timeline.Draft{Timeline: timeline.Log, Payload: &timeline.Erasure{}, Effects: timeline.Effects{Erase: []timeline.Ref{ref}}})
		return err
	}
	wantCode(t, erase(timeline.Ref{Timeline: timeline.Log, Seq: 1}), problem.Invalid)
	wantCode(t, erase(timeline.Ref{Timeline: inc1, Seq: 2}), problem.NotFound)
}

func unknownKinds(t *testing.T, open Open) {
	opts, _ := Options(t)
	place := t.TempDir()
	s := open(t, place, opts)
	record(t, s, timeline.Draft{Timeline: inc1, Payload: &Strange{Thing: "<from the future>"}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opts.Codec = must(t, must2(timeline.NewCodec([]timeline.KindSpec{timeline.KindOf[Noted](timeline.Key)})), nil)
	s = open(t, place, opts)
	defer s.Close()
	view(t, s, func(v timeline.View) error {
		e, err := v.Entry(timeline.Ref{Timeline: inc1, Seq: 1})
		u, unknown := e.Payload.(*timeline.Unknown)
		if !unknown || string(u.Raw) != `{"thing":"<from the future>"}` || e.Kind != "test.strange" {
			t.Errorf("read back as %#v", e.Payload)
		}
		return err
	})
	Sound(t, s)
}

func reopening(t *testing.T, open Open) {
	opts, _ := Options(t)
	place := t.TempDir()
	s := open(t, place, opts)
	last := record(t, s, timeline.Draft{Timeline: inc1, Payload: &Noted{Row: "a", Place: 7},
		Effects: timeline.Effects{Take: []string{"c"}, Set: []timeline.Timer{{Key: "t", Due: opts.Clock.Now(), Timeline: inc1, What: "x"}}}})[0]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	_, err := try(s, draft(timeline.Log, "late"))
	wantCode(t, err, problem.Unavailable)
	s = open(t, place, opts)
	defer s.Close()
	view(t, s, func(v timeline.View) error {
		head, _, err := v.Head(inc1)
		_, held, err2 := v.Claim("c")
		_, set, err3 := v.Timer("t")
		r, _, err4 := Rows.Get(v, "a")
		if head.Hash != last.Seal.Hash || !held || !set || r.Place != 7 {
			t.Errorf("found %v %v %v %v", head, held, set, r)
		}
		return errors.Join(err, err2, err3, err4)
	})
	next := record(t, s, draft(inc1, "next"))[0]
	if next.Seal.Prev != last.Seal.Hash || next.Pos != last.Pos+1 {
		t.Errorf("goes on as %+v after %+v", next, last)
	}
	Sound(t, s)
}
