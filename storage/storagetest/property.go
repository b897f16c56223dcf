package storagetest

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// model is what a store must hold, kept the simple way.
type model struct {
	seqs    map[timeline.ID]int64
	pos     int64
	claims  map[string]timeline.Ref
	timers  map[string]int64
	rows    map[string]int64
	cursors map[timeline.ID]int64
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.seqs), m.pos, maps.Clone(m.claims), maps.Clone(m.timers), maps.Clone(m.rows), maps.Clone(m.cursors)}
}

// apply returns what m becomes, or false when a claim is held.
func (m *model) apply(d timeline.Decision) (*model, bool) {
	n := m.clone()
	for _, e := range d.Entries {
		if n.seqs[e.Timeline] == 0 && e.Timeline != timeline.Log {
			n.seqs[timeline.Log]++
			n.pos++
		}
		n.seqs[e.Timeline]++
		n.pos++
		for _, k := range e.Effects.Release {
			delete(n.claims, k)
		}
		for _, k := range e.Effects.Take {
			if _, held := n.claims[k]; held {
				return m, false
			}
			n.claims[k] = timeline.Ref{Timeline: e.Timeline, Seq: n.seqs[e.Timeline]}
		}
		for _, k := range e.Effects.Clear {
			delete(n.timers, k)
		}
		for _, x := range e.Effects.Set {
			n.timers[x.Key] = x.Due.UnixMicro()
		}
		switch p := e.Payload.(*Noted); {
		case p.Row == "":
		case p.Drop:
			delete(n.rows, p.Row)
		default:
			n.rows[p.Row] = p.Place
		}
	}
	for _, c := range d.Cursors {
		n.cursors[c.Timeline] = c.Seq
	}
	return n, true
}

// property holds a store to the model over random decisions.
func property(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		opts, clock := Options(t)
		s := open(t, t.TempDir(), opts)
		defer s.Close()
		m := &model{map[timeline.ID]int64{}, 0, map[string]timeline.Ref{}, map[string]int64{}, map[string]int64{}, map[timeline.ID]int64{}}
		ids := rapid.SampledFrom([]timeline.ID{timeline.Log, inc1, inc2})
		keys := rapid.SampledFrom([]string{"a", "b", "c/d", "é"})
		few := rapid.SliceOfN(keys, 0, 2)
		for range rapid.IntRange(1, 12).Draw(rt, "updates") {
			clock.Add(time.Duration(rapid.IntRange(-5, 60).Draw(rt, "seconds")) * time.Second)
			var d timeline.Decision
			for range rapid.IntRange(0, 4).Draw(rt, "entries") {
				note := &Noted{Note: rapid.String().Draw(rt, "note"), Row: rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "row"),
					Place: rapid.Int64().Draw(rt, "place"), Drop: rapid.Bool().Draw(rt, "drop")}
				draft := timeline.Draft{Timeline: ids.Draw(rt, "timeline"), Payload: note, CausedByPrevious: rapid.Bool().Draw(rt, "caused"),
					OccurredAt: clock.Now().Add(-time.Duration(rapid.Int64Range(0, 1e15).Draw(rt, "ago"))),
					Effects:    timeline.Effects{Take: few.Draw(rt, "take"), Release: few.Draw(rt, "release"), Clear: few.Draw(rt, "clear")}}
				for _, k := range few.Draw(rt, "set") {
					draft.Effects.Set = append(draft.Effects.Set, timeline.Timer{Key: k, Timeline: inc1, Due: clock.Now().Add(time.Duration(rapid.Int64Range(0, 1e12).Draw(rt, "due")))})
				}
				d.Entries = append(d.Entries, draft)
			}
			for _, id := range rapid.SliceOfN(ids, 0, 2).Draw(rt, "cursors") {
				d.Cursors = append(d.Cursors, timeline.Cursor{Follower: "f", Timeline: id, Seq: rapid.Int64Range(0, 99).Draw(rt, "seq")})
			}
			next, free := m.apply(d)
			_, err := s.Update(context.Background(), func(timeline.View) (timeline.Decision, error) { return d, nil })
			if free != (err == nil) || (!free && !problem.Is(err, problem.Conflict)) {
				rt.Fatalf("free is %v, the store says %v", free, err)
			}
			m = next
		}
		if err := s.View(context.Background(), func(v timeline.View) error { return m.differs(v) }); err != nil {
			rt.Fatal(err)
		}
		Sound(rt, s)
	})
}

// differs says where v is not what the model holds.
func (m *model) differs(v timeline.View) error {
	heads, err := v.Heads()
	if err != nil {
		return err
	}
	for _, h := range heads {
		if m.seqs[h.Timeline] != h.Seq {
			return fmt.Errorf("%s ends at %d, want %d", h.Timeline, h.Seq, m.seqs[h.Timeline])
		}
	}
	if pos, err := v.LastPos(); err != nil || pos != m.pos || len(heads) != len(m.seqs) {
		return fmt.Errorf("position %d in %d timelines, want %d in %d; %v", pos, len(heads), m.pos, len(m.seqs), err)
	}
	for _, k := range []string{"a", "b", "c/d", "é"} {
		if ref, _, err := v.Claim(k); err != nil || ref != m.claims[k] {
			return fmt.Errorf("claim %s is held by %q, want %q; %v", k, ref, m.claims[k], err)
		}
		x, ok, err := v.Timer(k)
		due, want := m.timers[k]
		if err != nil || ok != want || ok && x.Due.UnixMicro() != due {
			return fmt.Errorf("timer %s is %v, want %v; %v", k, x, due, err)
		}
	}
	rows, err := Rows.Select(v, timeline.Query{})
	if err != nil || len(rows) != len(m.rows) {
		return fmt.Errorf("%d rows, want %d; %v", len(rows), len(m.rows), err)
	}
	for _, r := range rows {
		if m.rows[r.Key] != r.Place {
			return fmt.Errorf("row %s is at %d, want %d", r.Key, r.Place, m.rows[r.Key])
		}
	}
	if c, err := v.Cursors("f"); err != nil || !maps.Equal(c, m.cursors) {
		return fmt.Errorf("cursors are %v, want %v; %v", c, m.cursors, err)
	}
	return nil
}
