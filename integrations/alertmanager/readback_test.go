package alertmanager

import (
	"path/filepath"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// TestReadbackAgainstTheAPI plays a night in which webhooks are lost: one alert
// was missed, one resolution was, one alert is silenced.
func TestReadbackAgainstTheAPI(t *testing.T) {
	codec, err := timeline.NewCodec(alert.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	clock := &hand{now: noon.Add(-10 * time.Minute)}
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{Codec: codec, Folds: []timeline.Fold{alert.Fold}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	intake := alert.NewIntake(db, codec, clock, discard(), nil)
	heard := func(a held) alert.Alert {
		return alert.Alert{Source: DefaultName, Fingerprint: alert.Fingerprint(a.labels), Status: alert.Firing, Labels: a.labels, StartsAt: millis(a.starts)}
	}
	over, still, silenced, missed := firing("over"), firing("still"), firing("silenced"), firing("missed")
	if _, err := intake.Record(t.Context(), []alert.Alert{heard(over), heard(still), heard(silenced)}, ""); err != nil {
		t.Fatal(err)
	}
	over.ends = noon.Add(-time.Minute)
	silenced.silenced = true
	am := &replica{alerts: []held{over, still, silenced, missed}}
	p, err := NewPuller(PullerOptions{URLs: []string{start(t, am)}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	readback := alert.NewReadback(p, "Alertmanager", db, intake, clock, discard())
	clock.now = noon
	if s := readback.Once(t.Context()); s.Err != nil || s.Active != 3 || s.Missed != 1 || s.Resolved != 1 {
		t.Errorf("%+v", s)
	}
	status := map[string]alert.Status{}
	err = db.View(t.Context(), func(v timeline.View) error {
		rows, err := alert.Table.Select(v, timeline.Query{})
		for _, row := range rows {
			status[row.Name()] = row.Status
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]alert.Status{"over": alert.Resolved, "still": alert.Firing, "silenced": alert.Firing, "missed": alert.Firing} {
		if status[name] != want {
			t.Errorf("%s is %q, want %s", name, status[name], want)
		}
	}

	am.mu.Lock()
	am.started, am.alerts = noon.Add(-time.Second), nil // a replica without a volume restarts
	am.mu.Unlock()
	if s := readback.Once(t.Context()); s.Err == nil || s.Resolved != 0 {
		t.Errorf("%+v: a restart of Alertmanager resolves nothing", s)
	}
}

// hand is a clock that the test sets.
type hand struct {
	timeline.RealClock
	now time.Time
}

func (h *hand) Now() time.Time { return h.now }
