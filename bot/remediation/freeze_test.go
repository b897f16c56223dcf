package remediation_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

var (
	night = time.Date(2021, 7, 11, 0, 42, 0, 0, time.UTC)
	joe   = people.Human("joe")
)

type rig struct {
	*testing.T
	clock *scenario.Clock
	store *storage.DB
}

func newRig(t *testing.T) rig {
	t.Helper()
	codec, err := timeline.NewCodec(remediation.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	r := rig{t, scenario.NewClock(night), nil}
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Folds: []timeline.Fold{remediation.FreezeFold}, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	return r
}

func (r rig) freeze(reason string, until time.Time) error {
	_, err := r.store.Update(r.Context(), func(v timeline.View) (timeline.Decision, error) {
		return remediation.SetFreeze(v, joe, timeline.Ref{}, reason, until)
	})
	return err
}

func (r rig) lift() error {
	_, err := r.store.Update(r.Context(), func(v timeline.View) (timeline.Decision, error) {
		return remediation.LiftFreeze(v, joe, timeline.Ref{}, "done")
	})
	return err
}

// frozen is the reason of the freeze in force, "" when there is none.
func (r rig) frozen() (f remediation.Freeze) {
	r.Helper()
	if err := r.store.View(r.Context(), func(v timeline.View) (err error) {
		f, _, err = remediation.Frozen(v)
		return err
	}); err != nil {
		r.Fatal(err)
	}
	return f
}

func (r rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r rig) timers() (all []timeline.Timer) {
	r.must(r.store.View(r.Context(), func(v timeline.View) (err error) {
		all, err = v.Timers(night.AddDate(1, 0, 0), 10)
		return err
	}))
	return all
}

func TestAFreezeIsInForceUntilItIsLifted(t *testing.T) {
	r := newRig(t)
	if r.frozen().Active {
		t.Error("frozen from the start")
	}
	r.must(r.freeze("restore", time.Time{}))
	if f := r.frozen(); f.Reason != "restore" || f.By != joe || !f.At.Equal(night) || !f.Active {
		t.Errorf("%+v", f)
	}
	r.must(r.lift())
	if f := r.frozen(); f.Active {
		t.Errorf("%+v", f)
	}
	if err := r.lift(); !problem.Is(err, problem.Conflict) {
		t.Errorf("lifted twice: %v", err)
	}
}

func TestAFreezeEndsByItself(t *testing.T) {
	r := newRig(t)
	r.must(r.freeze("release", night.Add(time.Hour)))
	rt := timeline.NewRuntime(r.store, r.clock, slog.New(slog.DiscardHandler))
	for what, h := range remediation.Handlers() {
		r.must(rt.Handle(what, h))
	}
	done := make(chan error, 1)
	go func() { done <- rt.Run(r.Context()) }()
	r.must(rt.Settle(r.Context()))
	if !r.frozen().Active {
		t.Fatal("over before its time")
	}
	r.clock.MoveTo(night.Add(time.Hour))
	r.must(rt.Settle(r.Context()))
	if f := r.frozen(); f.Active {
		t.Errorf("still in force: %+v", f)
	}
	if n := len(r.timers()); n != 0 {
		t.Errorf("%d timers are left", n)
	}
}

func TestAFreezeMayBeProlongedNotShortened(t *testing.T) {
	hour := func(n int) time.Time { return night.Add(time.Duration(n) * time.Hour) }
	tests := map[string]struct {
		first, second time.Time
		refused       bool
	}{
		"later":                      {hour(1), hour(2), false},
		"the same":                   {hour(1), hour(1), false},
		"without an end":             {hour(1), time.Time{}, false},
		"both without":               {time.Time{}, time.Time{}, false},
		"sooner":                     {hour(2), hour(1), true},
		"with an end, after without": {time.Time{}, hour(9), true},
		"an end that is over":        {time.Time{}, hour(-1), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.must(r.freeze("first", tt.first))
			err := r.freeze("second", tt.second)
			if refused := err != nil; refused != tt.refused {
				t.Fatalf("error %v", err)
			}
			want, reason, timers := tt.second, "second", 1
			if tt.refused {
				want, reason = tt.first, "first"
			}
			if want.IsZero() {
				timers = 0
			}
			if f := r.frozen(); f.Reason != reason || !f.Until.Equal(want) {
				t.Errorf("%+v", f)
			}
			if n := len(r.timers()); n != timers {
				t.Errorf("%d timers", n)
			}
		})
	}
}

// A freeze stays in force when its reason is erased, and folding again gives the
// same table.
func TestErasingTheReasonKeepsTheFreeze(t *testing.T) {
	r := newRig(t)
	r.must(r.freeze("password is hunter2", night.Add(time.Hour)))
	ref := r.frozen().Ref
	_, err := r.store.Update(r.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Actor: joe,
			Payload: &timeline.Erasure{Refs: []timeline.Ref{ref}, Reason: "a password"}, Effects: timeline.Effects{Erase: []timeline.Ref{ref}}}}}, nil
	})
	r.must(err)
	if f := r.frozen(); !f.Active || f.Reason != "[erased]" || !f.Until.Equal(night.Add(time.Hour)) {
		t.Errorf("%+v", f)
	}
	report, err := r.store.Verify(r.Context(), storage.VerifyOptions{Rebuild: true})
	r.must(err)
	if !report.OK() {
		t.Errorf("%+v", report)
	}
}
