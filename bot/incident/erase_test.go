package incident_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

const leak = "the key is swordfish-and-custard"

// holds lists the entries whose payload still holds text, and the tables.
func (w *world) holds(text string) (places []string) {
	w.t.Helper()
	w.view(func(v timeline.View) error {
		heads, err := v.Heads()
		for _, h := range heads {
			entries, err := v.Entries(h.Timeline, 0, 100000)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if strings.Contains(string(e.Body), text) {
					places = append(places, e.Ref.String()+" "+string(e.Kind))
				}
			}
		}
		for _, table := range []string{alert.Table.Name, incident.Table.Name} {
			err = v.SelectRows(table, timeline.Query{}, func(doc []byte) error {
				if bytes.Contains(doc, []byte(text)) {
					places = append(places, table)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return err
	})
	return places
}

func leaky(name string) alert.Alert {
	a := firing(name, night, "instance", leak)
	a.Annotations["summary"], a.Fingerprint = leak, "f00d"
	return a
}

func TestEraseFindsEveryCopy(t *testing.T) {
	tests := []struct {
		name string
		play func(w *world) []timeline.Ref
		keep string // a text that must survive
	}{
		{"a note and the request that recorded it", func(w *world) []timeline.Ref {
			must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "untouched title"}))
			cause := w.append(timeline.Draft{Timeline: "INC-1", Payload: asked(`/timeline add text:"` + leak + `"`), Actor: people.Human("joe")})[0].Ref
			e := must2(w.desk.Note(ctx, incident.Who{Actor: people.Human("joe"), Cause: cause}, "INC-1", incident.Noted{Body: leak}, time.Time{}))
			return []timeline.Ref{e.Ref}
		}, "untouched title"},
		{"a note and its correction", func(w *world) []timeline.Ref {
			must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "untouched title"}))
			e := must2(w.desk.Note(ctx, w.who("joe"), "INC-1", incident.Noted{Body: leak}, time.Time{}))
			if _, _, err := w.desk.Correct(ctx, w.who("joe"), e.Ref, incident.Correction{Text: leak + ", sorry"}); err != nil {
				panic(err)
			}
			return []timeline.Ref{e.Ref}
		}, "untouched title"},
		{"a title and what it replaced", func(w *world) []timeline.Ref {
			must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "first: " + leak}))
			must2(w.desk.Link(ctx, w.who("joe"), "INC-1", incident.Link{URL: "https://example.org/a"}))
			return []timeline.Ref{{Timeline: "INC-1", Seq: 1}}
		}, "https://example.org/a"},
		{"an alert, from the log", func(w *world) []timeline.Ref {
			w.receive(leaky("leaky"), firing("clean", night))
			w.after(time.Minute)
			w.receive(firing("later", w.clock.now))
			return []timeline.Ref{{Timeline: "log", Seq: 1}}
		}, "clean is not well"},
		{"an alert, from its incident, after it resolved", func(w *world) []timeline.Ref {
			w.receive(firing("clean", night))
			w.receive(leaky("leaky"))
			w.after(time.Minute)
			end := resolved(leaky("leaky"), w.clock.now)
			w.append(timeline.Draft{Timeline: timeline.Log, Payload: &alert.Received{Alert: end}, Cause: w.received(end.Key())})
			w.correlate()
			return []timeline.Ref{{Timeline: "INC-1", Seq: 3}}
		}, "clean is not well"},
		{"an alert that was merged away", func(w *world) []timeline.Ref {
			w.receive(firing("clean", night, "cluster", "a"))
			b := leaky("leaky")
			b.Labels["cluster"] = "b"
			w.receive(b)
			must2(w.desk.Merge(ctx, w.who("joe"), "INC-2", "INC-1"))
			return []timeline.Ref{{Timeline: "log", Seq: int64(w.received(b.Key()).Seq)}}
		}, "clean is not well"},
		{"a link", func(w *world) []timeline.Ref {
			must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "untouched title"}))
			must2(w.desk.Link(ctx, w.who("joe"), "INC-1", incident.Link{URL: "https://example.org/x", Text: leak}))
			return []timeline.Ref{{Timeline: "INC-1", Seq: 2}}
		}, "untouched title"},
		{"a condition to park for", func(w *world) []timeline.Ref {
			must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "untouched title"}))
			must2(w.desk.Park(ctx, w.who("joe"), "INC-1", time.Time{}, leak))
			return []timeline.Ref{{Timeline: "INC-1", Seq: 2}}
		}, "untouched title"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			refs := tt.play(w)
			if len(w.holds(leak)) == 0 {
				t.Fatal("the test leaks nothing")
			}
			before := w.incident(1)
			if _, err := w.desk.Erase(ctx, w.who("lena"), refs, "held a key"); err != nil {
				t.Fatal(err)
			}
			if left := w.holds(leak); len(left) > 0 {
				t.Errorf("still there: %v", left)
			}
			if len(w.holds(tt.keep)) == 0 {
				t.Errorf("%q is gone as well", tt.keep)
			}
			w.checkErasures()
			after := w.incident(1)
			if before.Status != after.Status || before.Alerts != after.Alerts || before.Severity != after.Severity || !before.StartedAt.Equal(after.StartedAt) {
				t.Errorf("the state changed: %+v\n%+v", before, after)
			}
			w.checkRefold()
			w.after(5 * time.Minute)
			w.receive(firing("more", w.clock.now))
			w.checkRefold()
			_, err := w.desk.Erase(ctx, w.who("lena"), refs, "again")
			wantProblem(t, err, problem.Conflict, "erased already")
		})
	}
}

func TestErasedTextLeavesTheFile(t *testing.T) {
	w := newWorld(t)
	must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "t"}))
	e := must2(w.desk.Note(ctx, w.who("joe"), "INC-1", incident.Noted{Body: leak}, time.Time{}))
	got := must2(w.desk.Erase(ctx, w.who("lena"), []timeline.Ref{e.Ref}, "held a key"))
	erasure := got[0]
	if len(got) != 1 || !slices.Equal(erasure.Refs, []timeline.Ref{e.Ref}) || len(erasure.Unreached) != 0 {
		t.Errorf("%+v", erasure)
	}
	path := w.db.Path()
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("swordfish")) {
		t.Error("the database file still holds the text")
	}
}

func TestEraseRefuses(t *testing.T) {
	w := newWorld(t)
	w.receive(firing("a", night))
	_, err := w.desk.Erase(ctx, w.who("lena"), []timeline.Ref{{Timeline: "INC-1", Seq: 1}}, "")
	wantProblem(t, err, problem.Invalid, "why")
	_, err = w.desk.Erase(ctx, w.who("lena"), []timeline.Ref{{Timeline: "INC-1", Seq: 99}}, "x")
	wantProblem(t, err, problem.NotFound, "INC-1#99")
	_, err = w.desk.Erase(ctx, w.who("lena"), []timeline.Ref{{Timeline: timeline.Log, Seq: 2}}, "x") // timeline.opened
	wantProblem(t, err, problem.Invalid, "no text")
}

func (w *world) received(key string) timeline.Ref {
	w.t.Helper()
	var row alert.Current
	w.view(func(v timeline.View) (err error) { row, _, err = alert.Table.Get(v, key); return })
	return row.Received
}

// checkErasures: every timeline says itself what it lost.
func (w *world) checkErasures() {
	w.t.Helper()
	w.view(func(v timeline.View) error {
		heads, err := v.Heads()
		if err != nil {
			return err
		}
		for _, h := range heads {
			entries, err := v.Entries(h.Timeline, 0, 100000)
			if err != nil {
				return err
			}
			said := map[timeline.Ref]bool{}
			for _, e := range entries {
				if p, ok := e.Payload.(*timeline.Erasure); ok {
					for _, r := range p.Refs {
						said[r] = true
					}
				}
			}
			for _, e := range entries {
				if _, gone := e.Payload.(*timeline.Erased); gone != said[e.Ref] {
					w.t.Errorf("%s: erased %v, %s says %v", e.Ref, gone, h.Timeline, said[e.Ref])
				}
			}
		}
		return nil
	})
}
