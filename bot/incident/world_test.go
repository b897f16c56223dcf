package incident_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// world is a real database with a clock that stands still until it is moved,
// the correlator on it, and the timers.
type world struct {
	t     tester
	db    *storage.DB
	desk  *incident.Desk
	clock *clock
	rules incident.Rules
	seq   int64 // how far the correlator has come in the log
	asked int
}

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }
func (c *clock) At(time.Time) (<-chan time.Time, func()) {
	return make(chan time.Time), func() {}
}

var folds = []timeline.Fold{alert.Fold, incident.Fold}

// night is when the first seed's incident began.
var night = time.Date(2021, 7, 11, 0, 25, 0, 0, time.UTC)

func at(hhmm string) time.Time {
	t, err := time.Parse("15:04", hhmm)
	if err != nil {
		panic(err)
	}
	return time.Date(2021, 7, 11, t.Hour(), t.Minute(), 0, 0, time.UTC)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return openWorld(t, t.TempDir(), t.Cleanup)
}

func openWorld(t tester, dir string, cleanup func(func())) *world {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, command.Kinds)
	if err != nil {
		t.Fatalf("codec: %v", err)
	}
	c := &clock{night}
	db, err := storage.OpenSQLite(context.Background(), filepath.Join(dir, "wardroom.db"), storage.Options{Codec: codec, Folds: folds, Clock: c})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	cleanup(func() { db.Close() })
	return &world{t: t, db: db, desk: incident.NewDesk(db), clock: c, rules: incident.DefaultRules()}
}

// to moves the clock, letting every timer fire when it is due.
func (w *world) to(when time.Time) {
	w.t.Helper()
	for {
		var next timeline.Timer
		var set bool
		w.view(func(v timeline.View) (err error) { next, set, err = v.NextTimer(); return })
		if !set || next.Due.After(when) {
			break
		}
		if next.Due.After(w.clock.now) {
			w.clock.now = next.Due
		}
		w.fire(next)
	}
	w.clock.now = when
}

func (w *world) after(d time.Duration) { w.t.Helper(); w.to(w.clock.now.Add(d)) }

// fire does what the runtime does with a timer that is due.
func (w *world) fire(timer timeline.Timer) {
	w.t.Helper()
	handle, known := incident.Handlers()[timer.What]
	if !known {
		w.t.Fatalf("no handler for %q", timer.What)
	}
	_, err := w.db.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) {
		d, err := handle(v, timer)
		fired := timeline.Draft{Timeline: timer.Timeline, Payload: &timeline.TimerFired{Key: timer.Key, What: timer.What, Due: timer.Due},
			Effects: timeline.Effects{Clear: []string{timer.Key}}}
		d.Entries = append([]timeline.Draft{fired}, d.Entries...)
		return d, err
	})
	if err != nil {
		w.t.Fatalf("timer %s: %v", timer.Key, err)
	}
}

func (w *world) view(read func(timeline.View) error) {
	w.t.Helper()
	if err := w.db.View(context.Background(), read); err != nil {
		w.t.Fatalf("view: %v", err)
	}
}

// receive records what the intake would and lets the correlator see it.
func (w *world) receive(alerts ...alert.Alert) {
	w.t.Helper()
	w.record(alerts...)
	w.correlate()
}

func (w *world) record(alerts ...alert.Alert) {
	w.t.Helper()
	var drafts []timeline.Draft
	for _, a := range alerts {
		drafts = append(drafts, timeline.Draft{Timeline: timeline.Log, Payload: &alert.Received{Alert: a}, Actor: people.Source(a.Source)})
	}
	w.append(drafts...)
}

func (w *world) append(drafts ...timeline.Draft) []timeline.Entry {
	w.t.Helper()
	entries, err := w.db.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: drafts}, nil
	})
	if err != nil {
		w.t.Fatalf("append: %v", err)
	}
	return entries
}

func (w *world) correlate() {
	w.t.Helper()
	c := &incident.Correlator{Routes: alert.DefaultRoutes(), Rules: w.rules}
	for {
		var entries []timeline.Entry
		w.view(func(v timeline.View) (err error) {
			entries, err = v.Entries(timeline.Log, w.seq, timeline.DecideBatch)
			return
		})
		if len(entries) == 0 {
			return
		}
		w.seq = entries[len(entries)-1].Seq
		_, err := w.db.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) {
			d, err := c.Decide(v, entries)
			d.Cursors = append(d.Cursors, timeline.Cursor{Follower: "correlation", Timeline: timeline.Log, Seq: w.seq})
			return d, err
		})
		if err != nil {
			w.t.Fatalf("correlate: %v", err)
		}
	}
}

// fire makes a firing alert: name{label=value, …} with severity page unless said otherwise.
func firing(name string, since time.Time, labels ...string) alert.Alert {
	a := alert.Alert{Source: "alertmanager", Status: alert.Firing, StartsAt: since, Labels: map[string]string{"alertname": name, "severity": "page"},
		Annotations: map[string]string{"summary": name + " is not well"}}
	for n := 0; n+1 < len(labels); n += 2 {
		a.Labels[labels[n]] = labels[n+1]
	}
	a.Fingerprint = strings.Join(append([]string{name}, labels...), "|")
	return a
}

func resolved(a alert.Alert, ends time.Time) alert.Alert {
	a.Status, a.EndsAt = alert.Resolved, ends
	return a
}

func (w *world) who(name string) incident.Who { return incident.Who{Actor: people.Human(name)} }

func (w *world) incident(n int) incident.Incident {
	w.t.Helper()
	i, err := w.desk.Get(context.Background(), timeline.Incident(n))
	if err != nil {
		w.t.Fatalf("INC-%d: %v", n, err)
	}
	return i
}

func (w *world) count() (n int) {
	w.t.Helper()
	w.view(func(v timeline.View) (err error) { n, err = v.CountRows(incident.Table.Name); return })
	return n
}

// told lists an incident's entries as "kind: text".
func (w *world) told(n int) []string {
	w.t.Helper()
	var lines []string
	for _, e := range w.entries(timeline.Incident(n)) {
		lines = append(lines, fmt.Sprintf("%s: %s", e.Kind, e.Payload.Text()))
	}
	return lines
}

func (w *world) entries(id timeline.ID) (entries []timeline.Entry) {
	w.t.Helper()
	w.view(func(v timeline.View) (err error) { entries, err = v.Entries(id, 0, 100000); return })
	return entries
}

func (w *world) joined(n int) (all []*alert.Joined) {
	w.t.Helper()
	for _, e := range w.entries(timeline.Incident(n)) {
		if p, ok := e.Payload.(*alert.Joined); ok {
			all = append(all, p)
		}
	}
	return all
}

// must unwraps what a desk method returns.
func must[T any](t tester, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected problem: %v", err)
	}
	return v
}

func wantProblem(t tester, err error, code problem.Code, says string) {
	t.Helper()
	if !problem.Is(err, code) || !strings.Contains(err.Error(), says) {
		t.Fatalf("got %v (%s), want a problem %s that says %q", err, problem.CodeOf(err), code, says)
	}
}

// checkRefold folds all entries again, as they are stored now, and compares
// with the tables; and checks what must hold in every state.
func (w *world) checkRefold() {
	w.t.Helper()
	again := memory{}
	w.view(func(v timeline.View) error {
		var all []timeline.Entry
		heads, err := v.Heads()
		if err != nil {
			return err
		}
		for _, h := range heads {
			entries, err := v.Entries(h.Timeline, 0, 1000000)
			if err != nil {
				return err
			}
			all = append(all, entries...)
		}
		inOrder := make([]timeline.Entry, len(all))
		for _, e := range all {
			inOrder[e.Pos-1] = e
		}
		for _, e := range inOrder {
			for _, f := range folds {
				if err := f.Apply(again, e); err != nil {
					return err
				}
			}
		}
		live := memory{}
		for _, table := range []string{alert.Table.Name, incident.Table.Name} {
			err := v.SelectRows(table, timeline.Query{}, func(doc []byte) error {
				live[table+" "+keyOf(table, doc)] = string(doc)
				return nil
			})
			if err != nil {
				return err
			}
		}
		if diff := cmp.Diff(again, live); diff != "" {
			w.t.Fatalf("folding again differs (-again +live):\n%s", diff)
		}
		incidents, err := incident.Table.Select(v, timeline.Query{})
		for _, i := range incidents {
			w.checkSound(v, i)
		}
		return err
	})
}

func (w *world) checkSound(v timeline.View, i incident.Incident) {
	w.t.Helper()
	if i.Open() && !i.ResolvedAt.IsZero() {
		w.t.Fatalf("%s is open and resolved at %s", i.ID, i.ResolvedAt)
	}
	if (i.Status == incident.Resolved || i.Status == incident.Closed) && (i.ResolvedAt.IsZero() || i.MitigatedAt.IsZero() || i.MitigatedAt.After(i.ResolvedAt)) {
		w.t.Fatalf("%s: mitigated %s, resolved %s", i.ID, i.MitigatedAt, i.ResolvedAt)
	}
	if (i.Status == incident.Parked) != (i.Park != nil) {
		w.t.Fatalf("%s is %s with park %v", i.ID, i.Status, i.Park)
	}
	belong, err := alert.Table.Select(v, timeline.Query{})
	if err != nil {
		w.t.Fatalf("alerts: %v", err)
	}
	fires := 0
	for _, a := range belong {
		if a.Last.Incident == i.ID && a.Last.Firing {
			fires++
		}
	}
	if fires != i.Alerts.Firing {
		w.t.Fatalf("%s counts %d firing alerts, the alerts say %d", i.ID, i.Alerts.Firing, fires)
	}
}

func keyOf(table string, doc []byte) string {
	if table == incident.Table.Name {
		var i incident.Incident
		_ = json.Unmarshal(doc, &i)
		return string(i.ID)
	}
	var c alert.Current
	_ = json.Unmarshal(doc, &c)
	return c.Key()
}

// memory is a table store for folding again.
type memory map[string]string

func (m memory) GetRow(table, key string, doc any) (bool, error) {
	s, ok := m[table+" "+key]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal([]byte(s), doc)
}

func (m memory) PutRow(table, key string, _ []any, doc []byte) error {
	m[table+" "+key] = string(doc)
	return nil
}

func (m memory) PatchRow(table, key string, _, members []timeline.Set) error {
	doc, ok := m[table+" "+key]
	if !ok {
		return nil
	}
	b, err := timeline.PatchDoc([]byte(doc), members)
	m[table+" "+key] = string(b)
	return err
}

func (m memory) DeleteRow(table, key string) error { delete(m, table+" "+key); return nil }

func (m memory) SelectRows(string, timeline.Query, func([]byte) error) error {
	return fmt.Errorf("a fold selects rows")
}

func (m memory) CountRows(string, ...timeline.Where) (int, error) {
	return 0, fmt.Errorf("a fold counts rows")
}
