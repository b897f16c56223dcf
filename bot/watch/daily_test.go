package watch

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/timeline"
	"wardroom/storage"
)

// world is a record with an outside that can break.
type world struct {
	t     *testing.T
	path  string
	db    *storage.DB
	mu    sync.Mutex // guards state and tried: checks are tried by goroutines of their own
	state map[string]Finding
	tried map[string]int
	ok    map[string]bool
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, path: filepath.Join(t.TempDir(), "wardroom.db"), tried: map[string]int{}, ok: map[string]bool{},
		state: map[string]Finding{"alertmanager": Fine("2 alerts fire"), "certificate": Fine("80 days left")}}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	codec, err := timeline.NewCodec(Kinds)
	if err != nil {
		w.t.Fatal(err)
	}
	w.db, err = storage.OpenSQLite(context.Background(), w.path, storage.Options{Codec: codec})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.t.Helper()
	report, err := w.db.Verify(context.Background(), storage.VerifyOptions{Rebuild: true})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range report.Faults {
		w.t.Error("verify:", f)
	}
	if err := w.db.Close(); err != nil {
		w.t.Error(err)
	}
}

// set is how name is found from now on.
func (w *world) set(name string, f Finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state[name] = f
}

func (w *world) times(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tried[name]
}

func (w *world) daily() *Daily {
	w.t.Helper()
	var checks []Check
	for _, name := range []string{"alertmanager", "certificate"} {
		checks = append(checks, Check{Name: name, Try: func(context.Context) (Finding, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.tried[name]++
			return w.state[name], nil
		}})
	}
	d, err := NewDaily(checks, w.db, timeline.RealClock{}, func(name string, ok bool) { w.ok[name] = ok }, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) log() []string {
	w.t.Helper()
	var lines []string
	err := w.db.View(context.Background(), func(v timeline.View) error {
		entries, err := v.Entries(timeline.Log, 0, 100)
		for _, e := range entries {
			lines = append(lines, e.Payload.Text())
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return lines
}

func (w *world) holds(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.log()); diff != "" {
		w.t.Errorf("the log, -want +got:\n%s", diff)
	}
}

func TestEachChangeIsToldOnceAlsoAcrossRestarts(t *testing.T) {
	w := newWorld(t)
	once := func() {
		t.Helper()
		if _, err := w.daily().Once(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	once()
	w.holds()

	w.set("alertmanager", Fail("connection refused").WithHint("is it running?"))
	w.set("certificate", Warn("13 days left"))
	once()
	once()
	failing := `The check "alertmanager" fails: connection refused (is it running?)`
	warning := `The check "certificate" warns: 13 days left`
	w.holds(failing, warning)
	if w.ok["alertmanager"] || !w.ok["certificate"] {
		t.Errorf("observed %v: a failure is not ok, a warning is", w.ok)
	}

	w.close()
	w.open()
	w.set("alertmanager", Fail("another reason"))
	once()
	w.holds(failing, warning)

	w.set("certificate", Fail("it has expired"))
	once()
	w.set("certificate", Fine("90 days left"))
	w.set("alertmanager", Fine(""))
	once()
	once()
	w.holds(failing, warning, `The check "certificate" fails: it has expired`,
		`The check "alertmanager" is well again`, `The check "certificate" is well again: 90 days left`)
	err := w.db.View(context.Background(), func(v timeline.View) error {
		e, err := v.Entry(timeline.Ref{Timeline: timeline.Log, Seq: 5})
		if err != nil {
			return err
		}
		began, err := v.Entry(timeline.Ref{Timeline: timeline.Log, Seq: 3})
		if p := e.Payload.(*Working); e.Cause.Seq != 3 || !p.Since.Equal(began.RecordedAt) {
			t.Errorf("%+v, cause %v: want the entry of the failure, and its time", p, e.Cause)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.close()
}

func TestWhatIsFailingWhenItsEntryWasErasedCanStillWorkAgain(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.set("alertmanager", Fail("the answer held a token"))
	if _, err := w.daily().Once(context.Background()); err != nil {
		t.Fatal(err)
	}
	ref := timeline.Ref{Timeline: timeline.Log, Seq: 1}
	_, err := w.db.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &timeline.Erasure{Refs: []timeline.Ref{ref}, Reason: "a token"},
			Effects: timeline.Effects{Erase: []timeline.Ref{ref}}}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.set("alertmanager", Fine(""))
	if _, err := w.daily().Once(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.holds("[erased]", "Erased log#1: a token", `The check "alertmanager" is well again`)
}

// TestRunTriesEveryDayAndWhatFailedEveryHour lets three days pass.
func TestRunTriesEveryDayAndWhatFailedEveryHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.daily().Run(ctx) }()
		pass := func(d time.Duration, alertmanager, certificate int) {
			t.Helper()
			<-time.After(d)
			synctest.Wait()
			if a, c := w.times("alertmanager"), w.times("certificate"); a != alertmanager || c != certificate {
				t.Errorf("after %v more: tried %d and %d, want %d and %d", d, a, c, alertmanager, certificate)
			}
		}
		pass(time.Second, 0, 0) // the start is left alone
		pass(time.Minute, 1, 1)
		pass(23*time.Hour, 1, 1)
		w.set("alertmanager", Fail("down"))
		pass(time.Hour, 2, 2)
		pass(time.Hour, 3, 2)
		pass(2*time.Hour, 5, 2)
		w.set("alertmanager", Fine("up"))
		pass(time.Hour, 6, 2)
		pass(19*time.Hour, 6, 2)
		pass(time.Hour, 7, 3)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		w.holds(`The check "alertmanager" fails: down`, `The check "alertmanager" is well again: up`)
		w.close()
	})
}

func TestWhatWasBrokenOffIsNotRecorded(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.set("alertmanager", Fail("down"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.daily().Once(ctx); err == nil {
		t.Error("want the context's error")
	}
	w.holds()
	if len(w.ok) > 0 {
		t.Errorf("observed %v", w.ok)
	}
}

func TestNamesAreUnique(t *testing.T) {
	for name, checks := range map[string][]Check{
		"twice":   {{Name: "a"}, {Name: "a"}},
		"nothing": {{}},
	} {
		if _, err := NewDaily(checks, nil, timeline.RealClock{}, nil, nil); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}
