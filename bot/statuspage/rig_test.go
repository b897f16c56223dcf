package statuspage_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

const inc1 = timeline.ID("INC-1")

var joe = statuspage.Who{Actor: people.Human("joe")}

// at is a time of the first seed's night.
func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// rig is a real store under a clock that the test moves.
type rig struct {
	t      *testing.T
	clock  *scenario.Clock
	store  *storage.DB
	desk   *statuspage.Desk
	poster *statuspage.Poster // of the page that follows last
}

func newRig(t *testing.T, pages ...statuspage.Provider) *rig {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, statuspage.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, clock: scenario.NewClock(at("00:30"))}
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
		Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, timeline.DeliveriesFold},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.verify()
		r.store.Close()
	})
	r.desk = statuspage.NewDesk(r.store, statuspage.Rules{"postgres/connection-limit": 5 * time.Minute}, pages...)
	return r
}

// record puts drafts into the store and returns their references.
func (r *rig) record(drafts ...timeline.Draft) []timeline.Ref {
	r.t.Helper()
	entries, err := r.store.Update(r.t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: drafts}, nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	refs := make([]timeline.Ref, len(entries))
	for i, e := range entries {
		refs[i] = e.Ref
	}
	return refs
}

func (r *rig) declare(id timeline.ID, title string) {
	r.t.Helper()
	r.record(timeline.Draft{Timeline: id, Payload: &incident.Declared{
		Title: title, Severity: alert.SEV2, StartedAt: at("00:31"), StartedWhy: "the earliest alert",
	}})
}

func (r *rig) components(names ...string) {
	r.t.Helper()
	var want []statuspage.Declaration
	for _, n := range names {
		want = append(want, statuspage.Declaration{Name: n})
	}
	if err := statuspage.Declare(r.t.Context(), r.store, want); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) post(p statuspage.Post) statuspage.Outcome {
	r.t.Helper()
	out, err := r.desk.Post(r.t.Context(), joe, p)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) site() statuspage.Site {
	r.t.Helper()
	site, err := r.desk.Site(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return site
}

func (r *rig) component(name string) statuspage.Component {
	r.t.Helper()
	for _, c := range r.site().Components {
		if c.Name == name {
			return c
		}
	}
	r.t.Fatalf("there is no component %q", name)
	return statuspage.Component{}
}

// verify folds everything again and compares it with the tables, whatever the
// test did.
func (r *rig) verify() {
	r.t.Helper()
	report, err := r.store.Verify(context.Background(), storage.VerifyOptions{Rebuild: true})
	if err != nil {
		r.t.Errorf("verify: %v", err)
	}
	for _, f := range report.Faults {
		r.t.Errorf("verify: %v", f)
	}
}
