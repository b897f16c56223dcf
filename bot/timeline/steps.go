package timeline

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"wardroom/bot/problem"
)

// deciderStep runs a [Decider].
type deciderStep struct {
	*worker
	decider Decider
}

func (s *deciderStep) run(ctx context.Context, id ID, _ bool) (bool, time.Time, error) {
	after := s.cursor(id)
	entries, last, full, err := s.read(ctx, id, after, DecideBatch)
	if err != nil || last == after {
		return false, time.Time{}, err
	}
	var at int64
	_, err = s.runtime.store.Update(ctx, func(v View) (d Decision, err error) {
		d, at, err = s.decide(v, id, after, entries, last)
		return d, err
	})
	if err != nil {
		return false, time.Time{}, err
	}
	s.advance(id, at)
	return full || at != last, time.Time{}, nil
}

// inline decides on what the log gained, inside the commit. Where it is not next,
// the worker has still to come to what is before it.
func (s *deciderStep) inline(v View, entries []Entry) (Decision, error) {
	d, _, err := s.decide(v, Log, entries[0].Seq-1, entries, entries[len(entries)-1].Seq)
	return d, err
}

// decide returns the decision on the entries after a cursor, and where the cursor
// stands with it. It decides nothing when that stands elsewhere already: what was
// read is not what is next.
func (s *deciderStep) decide(v View, id ID, after int64, entries []Entry, last int64) (d Decision, at int64, err error) {
	cursors, err := v.Cursors(s.name)
	if err != nil || cursors[id] != after {
		return Decision{}, cursors[id], err
	}
	entries = slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return e.Kind.IsDelivery() })
	if len(entries) > 0 {
		if d, err = s.decider.Decide(v, entries); err != nil {
			return Decision{}, after, err
		}
	}
	d.Cursors = append(d.Cursors, Cursor{s.name, id, last})
	return d, last, nil
}

// posterStep runs a [Poster].
type posterStep struct {
	*worker
	poster Poster
}

func (s *posterStep) run(ctx context.Context, id ID, retry bool) (bool, time.Time, error) {
	after := s.cursor(id)
	entries, last, full, err := s.read(ctx, id, after, PostBatch)
	if err != nil || last == after {
		return false, time.Time{}, err
	}
	if len(entries) > 0 {
		done, err := s.poster.Post(ctx, Delivery{Timeline: id, Entries: entries, Retry: retry})
		switch at := laterAt(err); {
		case !at.IsZero():
			return false, at, s.part(ctx, id, done)
		case err != nil && !final(err):
			return false, time.Time{}, err
		}
		if err := s.record(ctx, id, entries[len(entries)-1].Ref, last, done, err); err != nil {
			return false, time.Time{}, err
		}
	}
	s.advance(id, last)
	return full, time.Time{}, nil
}

// part records what was delivered before the rest had to wait.
func (s *posterStep) part(ctx context.Context, id ID, done []Delivered) error {
	var last Ref
	for _, made := range done {
		if made.Of.Timeline == id && made.Of.Seq > last.Seq {
			last = made.Of
		}
	}
	if last.IsZero() {
		return nil
	}
	if err := s.record(ctx, id, last, last.Seq, done, nil); err != nil {
		return err
	}
	s.advance(id, last.Seq)
	return nil
}

// record notes what was made outside, or that it cannot be, with the cursor. A
// cursor that passed over what concerns nobody is not worth a write: after a
// restart the poster passes over it again.
func (w *worker) record(ctx context.Context, id ID, newest Ref, last int64, done []Delivered, failure error) error {
	if len(done) == 0 && failure == nil {
		return nil
	}
	d := Decision{Cursors: []Cursor{{w.name, id, last}}}
	for _, made := range done {
		made.Follower = w.name
		d.Entries = append(d.Entries, Draft{Timeline: id, Payload: &made, Cause: made.Of})
	}
	if failure != nil {
		w.log.Error("cannot deliver", slog.String("entry", newest.String()), slog.Any("error", failure))
		d.Entries = append(d.Entries, Draft{Timeline: id, Cause: newest,
			Payload: &DeliveryFailed{Follower: w.name, Of: newest, Reason: failure.Error()}})
	}
	_, err := w.runtime.store.Update(ctx, func(View) (Decision, error) { return d, nil })
	if err != nil {
		return fmt.Errorf("record delivery: %w", err)
	}
	return nil
}

// mirrorStep runs a [Mirror].
type mirrorStep struct {
	*worker
	mirror Mirror
	every  time.Duration
	shown  map[ID]time.Time
}

func (s *mirrorStep) run(ctx context.Context, id ID, _ bool) (bool, time.Time, error) {
	entries, last, full, err := s.read(ctx, id, s.cursor(id), PostBatch)
	if err != nil {
		return false, time.Time{}, err
	}
	if len(entries) > 0 {
		s.owed[id] = true
	}
	s.advance(id, last)
	if full || !s.owed[id] {
		return full, time.Time{}, nil
	}
	now := s.runtime.clock.Now()
	if next := s.shown[id].Add(s.every); next.After(now) {
		return false, next, nil
	}
	done, err := s.mirror.Show(ctx, id)
	if at := laterAt(err); !at.IsZero() {
		return false, at, nil
	}
	if err != nil && !final(err) {
		return false, time.Time{}, err
	}
	s.shown[id] = now
	if err := s.record(ctx, id, Ref{id, last}, last, done, err); err != nil {
		return false, time.Time{}, err
	}
	delete(s.owed, id)
	return false, time.Time{}, nil
}

// timerStep fires the timers that are due. It is the worker of no timeline and
// runs under the log's name.
type timerStep struct{ r *Runtime }

func (s *timerStep) run(ctx context.Context, _ ID, _ bool) (bool, time.Time, error) {
	var next Timer
	var set bool
	err := s.r.store.View(ctx, func(v View) (err error) {
		next, set, err = v.NextTimer()
		return err
	})
	if err != nil || !set {
		return false, time.Time{}, err
	}
	if next.Due.After(s.r.clock.Now()) {
		return false, next.Due, nil
	}
	return true, time.Time{}, s.fire(ctx, next.Key)
}

func (s *timerStep) fire(ctx context.Context, key string) error {
	_, err := s.r.store.Update(ctx, func(v View) (Decision, error) {
		t, set, err := v.Timer(key)
		if err != nil || !set || t.Due.After(v.Now()) {
			return Decision{}, err
		}
		var d Decision
		if handler, known := s.r.handlers[t.What]; known {
			if d, err = handler(v, t); problem.Is(err, problem.Unavailable) {
				return Decision{}, fmt.Errorf("timer %s: %w", t.Key, err)
			} else if err != nil { // one that always fails must not hold up the others
				s.r.log.Error("timer has no effect", slog.String("timer", t.Key), slog.Any("error", err))
				d = Decision{}
			}
		} else {
			s.r.log.Warn("nobody handles this timer", slog.String("timer", t.Key), slog.String("what", t.What))
		}
		if len(d.Entries) > 0 && d.Entries[0].Cause.IsZero() {
			d.Entries[0].CausedByPrevious = true
		}
		fired := Draft{Timeline: t.Timeline, Payload: &TimerFired{t.Key, t.What, t.Due}, Effects: Effects{Clear: []string{t.Key}}}
		d.Entries = append([]Draft{fired}, d.Entries...)
		return d, nil
	})
	return err
}
