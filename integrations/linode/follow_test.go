package linode_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
	"wardroom/integrations/linode/linodetest"
	"wardroom/storage"
)

func openStore(r *rig, path string) *storage.DB {
	r.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, fleet.Kinds)
	r.must(err)
	db, err := storage.OpenSQLite(r.ctx(), path, storage.Options{Codec: codec, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
		Folds: []timeline.Fold{alert.Fold, incident.Fold, timeline.DeliveriesFold}})
	r.must(err)
	r.Cleanup(func() { db.Close() })
	return db
}

// told is what an incident's timeline holds of Linode.
func told(r *rig, db *storage.DB, id timeline.ID) (list []string) {
	r.Helper()
	r.must(db.View(r.ctx(), func(v timeline.View) error {
		entries, err := v.Entries(id, 0, 1000)
		for _, e := range entries {
			if k := string(e.Kind); strings.HasPrefix(k, "fleet.") {
				list = append(list, fmt.Sprintf("%s %s %s %s", e.OccurredAt.Format("15:04:05"), k, e.Actor, e.Payload.Text()))
			}
		}
		return err
	}))
	return list
}

// seat tells when a watcher has looked and knows when it looks again.
type seat chan struct{}

func (s seat) Turn(context.Context) (release func()) { return func() {} }
func (s seat) Touch()                                { s <- struct{}{} }

// follow runs a watcher for d of virtual time.
func follow(r *rig, db *storage.DB, d time.Duration) {
	r.Helper()
	w := r.cloud.NewWatcher(db, slog.New(slog.DiscardHandler))
	w.Names = func(context.Context) (map[int]string, error) {
		return map[int]string{volRedis: "pvc-bb1d06139b334c1f"}, nil
	}
	looked := make(seat, 100)
	w.Turns = looked
	ctx, cancel := context.WithCancel(r.ctx())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	defer func() {
		cancel()
		r.must(<-ended)
	}()
	for end := r.clock.Now().Add(d); ; {
		if at, _ := w.NextDue(); !at.After(r.clock.Now()) {
			<-looked
			continue
		}
		now := r.clock.Now()
		if !now.Before(end) {
			return
		}
		next, _ := w.NextDue()
		if next.After(end) {
			next = end
		}
		r.pass(next.Sub(now))
	}
}

func declare(r *rig, db *storage.DB, id timeline.ID, started string) {
	r.Helper()
	at, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+started)
	r.must(err)
	_, err = db.Update(r.ctx(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Payload: &incident.Declared{Title: "Redis is down", Severity: alert.SEV2, StartedAt: at}}}}, nil
	})
	r.must(err)
}

func TestEventsAreRecordedOnceAcrossRestarts(t *testing.T) {
	r := newRig(t)
	r.sim.AddVolume(linodetest.Disk{ID: 9, Label: "other-cluster"})
	db := openStore(r, filepath.Join(t.TempDir(), "wardroom.db"))
	r.sim.Emit("linode_reboot", "notification", "chris", lateB, 0, "long ago") // 00:50
	r.pass(40 * time.Minute)
	r.sim.PowerLoss(lateA) // 01:30, before anybody noticed
	r.pass(5 * time.Minute)
	declare(r, db, "INC-1", "01:31")
	follow(r, db, time.Minute)

	r.must(r.cloud.Detach(r.ctx(), volPostgres)) // Wardroom's own
	r.sim.Emit("volume_update", "notification", "chris", 0, 9, "not ours")
	r.must(r.sim.Act("chris", linodetest.Act{Do: "reboot", Linode: lateB}))
	follow(r, db, 10*time.Second) // a restart in the midst of it
	follow(r, db, 3*time.Minute)
	r.sim.Fault(linodetest.Fault{Status: 503})
	r.sim.Emit("volume_attach", "failed", linodetest.ClusterUser, 0, volRedis, "no such \x1b[31mdevice")
	follow(r, db, time.Minute)
	r.sim.Clear()
	follow(r, db, time.Minute)

	got := told(r, db, "INC-1")
	want := []string{
		"01:31:30 fleet.observed provider:linode lassie_reboot finished (linode lke13311-16405-5fafd1b46dcf)",
		"01:36:10 fleet.routine provider:linode volume_detach finished (volume pvc4a9f)",
		"01:36:00 fleet.observed provider:linode linode_reboot started (linode lke13311-20304-5ffa4d11faab): chris did this at Linode, not Wardroom",
		"01:37:00 fleet.observed provider:linode linode_reboot finished (linode lke13311-20304-5ffa4d11faab): chris did this at Linode, not Wardroom",
		"01:39:10 fleet.observed provider:linode volume_attach failed (volume pvc-bb1d06139b334c1f): no such device",
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if w := r.sim.Writes(); len(w) != 1 {
		t.Errorf("it only reads: %v", w)
	}
}

func TestWithoutAnOpenIncidentNothingIsRecorded(t *testing.T) {
	r := newRig(t)
	db := openStore(r, filepath.Join(t.TempDir(), "wardroom.db"))
	r.must(r.sim.Act("chris", linodetest.Act{Do: "reboot", Linode: lateB}))
	follow(r, db, 5*time.Minute)
	declare(r, db, "INC-1", "05:00")
	follow(r, db, time.Minute)
	if got := told(r, db, "INC-1"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
