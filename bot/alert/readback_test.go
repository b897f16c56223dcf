package alert_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"wardroom/bot/alert"
)

// source answers what fires.
type source struct {
	active []alert.Pulled
	err    error
	during func()
}

func (s *source) Name() string { return "alertmanager" }

func (s *source) Active(context.Context) ([]alert.Pulled, error) {
	if s.during != nil {
		s.during()
	}
	return s.active, s.err
}

func newReadback(w *world, s *source) *alert.Readback {
	return alert.NewReadback(s, "Alertmanager", w.db, w.intake, w.clock, slog.New(slog.DiscardHandler))
}

func TestMissedAlertsAreFound(t *testing.T) {
	w := newWorld(t)
	w.clock.advance(10 * time.Minute)
	muted := locks(1)
	muted.Fingerprint = "muted"
	fresh := locks(1)
	fresh.Fingerprint, fresh.StartsAt = "fresh", w.clock.Now().Add(-time.Minute)
	s := &source{active: []alert.Pulled{{Alert: locks(34)}, {Alert: muted, Muted: true}, {Alert: fresh}}}
	status := newReadback(w, s).Once(t.Context())
	if status.Err != nil || status.Missed != 1 || status.Active != 3 || status.Resolved != 0 {
		t.Errorf("status: %+v", status)
	}
	entries := w.entries()
	if len(entries) != 1 {
		t.Fatalf("%d entries, want the missed alert alone", len(entries))
	}
	if p := entries[0].Payload.(*alert.Received); p.Found != "read back from Alertmanager" || p.Alert.Fingerprint != "a1" {
		t.Errorf("recorded %+v", p)
	}
	if status := newReadback(w, s).Once(t.Context()); status.Missed != 0 {
		t.Errorf("again: %+v", status)
	}
	wantResult(t, w.record(locks(34)), alert.Result{Repeated: 1}) // the webhook comes after all
}

func TestWhatAFiringAlertSaysByNowIsReadBack(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.clock.advance(3 * time.Minute)
	other := locks(99)
	other.StartsAt = began.Add(time.Minute)
	s := &source{active: []alert.Pulled{{Alert: locks(61)}, {Alert: other}, {Alert: locks(99), Muted: true}}}
	r := newReadback(w, s)
	for range 2 {
		if status := r.Once(t.Context()); status.Err != nil || status.Missed != 0 || status.Resolved != 0 {
			t.Errorf("status: %+v", status)
		}
	}
	if v := w.row(lockKey).Value; v == nil || v.Peak != 61 || v.Last != 61 {
		t.Errorf("value: %+v", v)
	}
	wantResult(t, w.record(resolved(locks(34), w.clock.Now())), alert.Result{New: 1})
	if v := w.row(lockKey).Value; v.Peak != 61 {
		t.Errorf("the peak that was read back is forgotten: %+v", v)
	}
}

func TestLostResolutionsAreFound(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	other := locks(34)
	other.Fingerprint = "still"
	w.record(other)
	s := &source{active: []alert.Pulled{{Alert: other, Muted: true}}}
	r := newReadback(w, s)
	w.clock.advance(time.Minute)
	if status := r.Once(t.Context()); status.Resolved != 0 {
		t.Errorf("an alert that was heard of a minute ago was resolved: %+v", status)
	}
	w.clock.advance(5 * time.Minute)
	if status := r.Once(t.Context()); status.Resolved != 1 || status.Err != nil {
		t.Errorf("status: %+v", status)
	}
	row := w.row(lockKey)
	if row.Status != alert.Resolved || !row.EndsAt.Equal(w.clock.Now()) || row.Summary() != locks(34).Summary() {
		t.Errorf("row: %+v", row)
	}
	if w.row("alertmanager/still").Status != alert.Firing {
		t.Error("a silenced alert is held resolved")
	}
	entries := w.entries()
	if p := entries[len(entries)-1].Payload.(*alert.Received); p.Found != "read back from Alertmanager" {
		t.Errorf("recorded %+v", p)
	}
}

func TestAnIncompleteAnswerResolvesNothing(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.clock.advance(10 * time.Minute)
	missed := locks(9)
	missed.Fingerprint = "missed"
	s := &source{active: []alert.Pulled{{Alert: missed}}, err: errors.New("one replica has just started")}
	status := newReadback(w, s).Once(t.Context())
	if status.Err == nil || status.Missed != 1 || status.Resolved != 0 {
		t.Errorf("status: %+v", status)
	}
	if w.row(lockKey).Status != alert.Firing {
		t.Error("it was resolved")
	}
	s.active = nil
	if status := newReadback(w, s).Once(t.Context()); status.Err == nil || status.Resolved != 0 {
		t.Errorf("status: %+v", status)
	}
}

func TestAnEpisodeThatBeganWhileWeAskedIsNotResolved(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.clock.advance(10 * time.Minute)
	next := locks(50)
	next.StartsAt = w.clock.Now()
	s := &source{during: func() { w.record(next) }}
	if status := newReadback(w, s).Once(t.Context()); status.Resolved != 0 {
		t.Errorf("status: %+v", status)
	}
	if row := w.row(lockKey); row.Status != alert.Firing || !row.StartsAt.Equal(next.StartsAt) {
		t.Errorf("row: %+v", row.Alert)
	}
}

func TestAnAlertThatWasHeldResolvedAndStillFiresIsFound(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(resolved(locks(34), began))
	s := &source{active: []alert.Pulled{{Alert: locks(34)}}}
	r := newReadback(w, s)
	w.clock.advance(2 * time.Minute)
	if status := r.Once(t.Context()); status.Missed != 0 {
		t.Errorf("a replica that lags was believed: %+v", status)
	}
	w.clock.advance(time.Minute)
	if status := r.Once(t.Context()); status.Missed != 1 {
		t.Errorf("status: %+v", status)
	}
	if w.row(lockKey).Status != alert.Firing {
		t.Error("it does not fire")
	}
}

func TestReadbackRunsAtStartAndEveryFiveMinutes(t *testing.T) {
	w := newWorld(t)
	asked := make(chan struct{}, 10)
	r := newReadback(w, &source{during: func() { asked <- struct{}{} }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	<-asked
	for range 3 {
		w.clock.awaitWaiter(w.clock.Now().Add(alert.ReadbackEvery))
		w.clock.advance(alert.ReadbackEvery)
		<-asked
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
