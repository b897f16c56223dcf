package alert_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"wardroom/bot/alert"
)

// running runs the intake beside the test and stops it at its end.
func running(t *testing.T, w *world) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.intake.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAChangeIsRecordedAtMostOnceAMinuteWithThePeak(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.clock.advance(20 * time.Second)
	wantResult(t, w.record(locks(45)), alert.Result{Changed: 1}) // at once: it is the first
	for _, n := range []int{61, 52, 40, 40} {
		w.clock.advance(10 * time.Second)
		w.record(locks(n))
	}
	if n := w.scratch(); n != 1 {
		t.Fatalf("%d notes, want 1", n)
	}
	due, waits := w.intake.NextDue()
	if want := began.Add(80 * time.Second); !waits || !due.Equal(want) {
		t.Fatalf("due at %v, want %v", due, want)
	}
	running(t, w)
	w.clock.awaitWaiter(due)
	if n := len(w.entries()); n != 2 {
		t.Fatalf("%d entries before it is due, want 2", n)
	}
	w.clock.advance(20 * time.Second)
	awaitLog(t, w, 3)
	wantLog(t, w,
		"00:32:00 alert.received: Alert postgres/table-locks firing: a service has claimed 34 dangerous table locks",
		"00:32:20 alert.changed: Alert postgres/table-locks changed: now 45, peaked at 45",
		"00:32:50 alert.changed: Alert postgres/table-locks changed: now 40, peaked at 61")
	row := w.row(lockKey)
	if row.Value.First != 34 || row.Value.Peak != 61 || row.Value.Last != 40 || !row.Value.PeakAt.Equal(began.Add(30*time.Second)) {
		t.Errorf("value: %+v", row.Value)
	}
	if row.Summary() != "a service has claimed 40 dangerous table locks" {
		t.Errorf("summary: %q", row.Summary())
	}
	if _, waits := w.intake.NextDue(); waits || w.scratch() != 0 {
		t.Error("it is not idle")
	}
}

// awaitLog waits until the log has n entries.
func awaitLog(t *testing.T, w *world, n int) {
	t.Helper()
	tooLong := time.After(10 * time.Second)
	for len(w.entries()) < n {
		select {
		case <-w.commits:
		case <-tooLong:
			t.Fatalf("%d entries, want %d", len(w.entries()), n)
		}
	}
}

func TestTheResolutionKeepsAPeakThatWasOnlyNoted(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(locks(40))
	w.clock.advance(10 * time.Second)
	w.record(locks(61))
	w.clock.advance(10 * time.Second)
	w.record(locks(12))
	w.clock.advance(10 * time.Second)
	wantResult(t, w.record(resolved(locks(3), began.Add(25*time.Second))), alert.Result{New: 1})
	row := w.row(lockKey)
	if row.Value.First != 34 || row.Value.Peak != 61 || row.Value.Last != 3 {
		t.Errorf("value: %+v", row.Value)
	}
	if w.scratch() != 0 {
		t.Error("a note is left")
	}
	wantLog(t, w,
		"00:32:00 alert.received: Alert postgres/table-locks firing: a service has claimed 34 dangerous table locks",
		"00:32:00 alert.changed: Alert postgres/table-locks changed: now 40, peaked at 40",
		"00:32:30 alert.received: Alert postgres/table-locks resolved: a service has claimed 3 dangerous table locks (peaked at 61)")

	// What is due later finds nothing left to do.
	w.clock.advance(2 * time.Minute)
	if err := w.intake.FlushDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.entries()); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
}

func TestTheResolutionTellsAPeakThatIsRecordedAlready(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	for _, n := range []int{61, 12} {
		w.clock.advance(time.Minute)
		w.record(locks(n))
	}
	w.clock.advance(time.Minute)
	w.record(resolved(locks(12), w.clock.Now()))
	wantLog(t, w,
		"00:32:00 alert.received: Alert postgres/table-locks firing: a service has claimed 34 dangerous table locks",
		"00:33:00 alert.changed: Alert postgres/table-locks changed: now 61, peaked at 61",
		"00:34:00 alert.changed: Alert postgres/table-locks changed: now 12, peaked at 61",
		"00:35:00 alert.received: Alert postgres/table-locks resolved: a service has claimed 12 dangerous table locks (peaked at 61)")
}

func TestAResolutionWithoutAnnotationsKeepsThePeak(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.clock.advance(time.Minute)
	w.record(locks(61))
	end := resolved(locks(0), w.clock.Now())
	end.Annotations = nil
	w.record(end)
	if v := w.row(lockKey).Value; v == nil || v.Peak != 61 || v.Last != 61 {
		t.Errorf("value: %+v", v)
	}
}

func TestNotedChangesSurviveARestart(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(locks(40))
	w.clock.advance(10 * time.Second)
	w.record(locks(61))
	w.restart()
	if _, waits := w.intake.NextDue(); waits {
		t.Fatal("a new intake knows what it has not read")
	}
	running(t, w)
	w.clock.awaitWaiter(began.Add(time.Minute))
	w.clock.advance(time.Minute)
	awaitLog(t, w, 3)
	if v := w.row(lockKey).Value; v.Peak != 61 {
		t.Errorf("value: %+v", v)
	}
}

func TestANoteOfAnEpisodeThatIsOverGoesBeforeTheNext(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(locks(40))
	w.clock.advance(10 * time.Second)
	w.record(locks(61)) // noted
	next := locks(5)
	next.StartsAt = w.clock.Now()
	w.record(next)
	wantLog(t, w,
		"00:32:00 alert.received: Alert postgres/table-locks firing: a service has claimed 34 dangerous table locks",
		"00:32:00 alert.changed: Alert postgres/table-locks changed: now 40, peaked at 40",
		"00:32:10 alert.changed: Alert postgres/table-locks changed: now 61, peaked at 61",
		"00:32:10 alert.received: Alert postgres/table-locks firing: a service has claimed 5 dangerous table locks")
	if v := w.row(lockKey).Value; v != nil {
		t.Errorf("value: %+v, want none of the episode before", v)
	}
}

func TestAChangeWithoutNumbersIsRecordedToo(t *testing.T) {
	w := newWorld(t)
	a := locks(1)
	a.Annotations = map[string]string{"summary": "the disk fills up"}
	w.record(a)
	w.clock.advance(time.Minute)
	a.Annotations = map[string]string{"summary": "the disk is full"}
	wantResult(t, w.record(a), alert.Result{Changed: 1})
	wantLog(t, w, "00:32:00 alert.received: Alert postgres/table-locks firing: the disk fills up",
		"00:33:00 alert.changed: Alert postgres/table-locks changed")
}

func TestFlushThatFailsIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(locks(40))
	w.clock.advance(10 * time.Second)
	w.record(locks(61))
	w.clock.advance(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.intake.FlushDue(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	due, waits := w.intake.NextDue()
	if !waits || !due.After(w.clock.Now()) {
		t.Fatalf("due %v, %v", due, waits)
	}
	w.clock.advance(due.Sub(w.clock.Now()))
	if err := w.intake.FlushDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := w.row(lockKey).Value; v.Peak != 61 {
		t.Errorf("value: %+v", v)
	}
}
