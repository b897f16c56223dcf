package statuspage_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/scenario"
	port "wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/integrations/statuspage"
	"wardroom/integrations/statuspage/statuspagetest"
	"wardroom/storage"
)

const inc1 = timeline.ID("INC-1")

var joe = port.Who{Actor: people.Human("joe")}

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// options reach the simulator without waiting for a second between requests.
func options(sim *statuspagetest.Server) statuspage.Options {
	return statuspage.Options{PageID: statuspagetest.PageID, Key: config.NewSecret(statuspagetest.Key), URL: sim.URL,
		Every: time.Microsecond, Patience: 3 * time.Second, Settle: time.Microsecond}
}

// rig is the whole way: desk, record, follower, client, simulated Statuspage.
type rig struct {
	t       *testing.T
	clock   *scenario.Clock
	store   *storage.DB
	desk    *port.Desk
	sim     *statuspagetest.Server
	runtime *timeline.Runtime
}

func newRig(t *testing.T, change ...func(*statuspage.Options)) *rig {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, port.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, clock: scenario.NewClock(at("00:32"))}
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
		Folds: []timeline.Fold{alert.Fold, incident.Fold, port.Fold, timeline.DeliveriesFold},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	r.desk = port.NewDesk(r.store, nil)
	r.sim = statuspagetest.New(t, r.clock.Now, "Website", "Python bot")
	o := options(r.sim)
	for _, f := range change {
		f(&o)
	}
	page := statuspage.New(o)
	if err := port.Declare(t.Context(), r.store, []port.Declaration{{Name: "Website"}, {Name: "Python bot"}, {Name: "Forms"}}); err != nil {
		t.Fatal(err)
	}
	r.declare(inc1, "PostgreSQL is out of connections")

	r.runtime = timeline.NewRuntime(r.store, r.clock, slog.New(slog.DiscardHandler))
	poster := &port.Poster{Page: page, Store: r.store, Clock: r.clock}
	r.runtime.AddPoster(port.FollowerName(page), poster.Follows, poster)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.runtime.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r.settle()
	return r
}

func (r *rig) record(d timeline.Draft) {
	r.t.Helper()
	_, err := r.store.Update(r.t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{d}}, nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) declare(id timeline.ID, title string) {
	r.t.Helper()
	r.record(timeline.Draft{Timeline: id, Payload: &incident.Declared{Title: title, Severity: alert.SEV2, StartedAt: at("00:31")}})
}

func (r *rig) settle() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	if err := r.runtime.Settle(ctx); err != nil {
		r.t.Fatalf("never settled: %v", err)
	}
}

// pass moves the clock, stopping at everything that wakes on the way.
func (r *rig) pass(clock string) {
	r.t.Helper()
	for {
		next, sleeping := r.clock.Next()
		if !sleeping || next.After(at(clock)) {
			break
		}
		r.clock.MoveTo(next)
		r.settle()
	}
	r.clock.MoveTo(at(clock))
	r.settle()
}

func (r *rig) post(p port.Post) {
	r.t.Helper()
	act := r.desk.Post
	if p.State == port.Resolved {
		act = r.desk.Resolve
	}
	if _, err := act(r.t.Context(), joe, p); err != nil {
		r.t.Fatal(err)
	}
	r.settle()
}

// correct corrects an update, the first being 0.
func (r *rig) correct(update int, text string) {
	r.t.Helper()
	site, err := r.desk.Site(r.t.Context())
	if err == nil {
		_, err = r.desk.Correct(r.t.Context(), joe, port.Correction{Incident: inc1, Update: site.Notices[0].Updates[update].Entry, Text: text})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.settle()
}

func (r *rig) backdate(clock string) {
	r.t.Helper()
	if _, err := r.desk.Backdate(r.t.Context(), joe, inc1, at(clock), ""); err != nil {
		r.t.Fatal(err)
	}
	r.settle()
}

// there is what Statuspage shows, a line per update.
func (r *rig) there() []string {
	var lines []string
	for _, i := range r.sim.Incidents() {
		for _, u := range i.Updates {
			lines = append(lines, fmt.Sprintf("%s | %s %s: %s", i.Name, u.DisplayAt.UTC().Format("15:04"), u.Status, strings.ReplaceAll(u.Body, "\n", "/")))
		}
	}
	return lines
}

func (r *rig) expect(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.there()); diff != "" {
		r.t.Errorf("Statuspage shows:\n%s", diff)
	}
}

func (r *rig) failures() (all []string) {
	r.t.Helper()
	err := r.store.View(r.t.Context(), func(v timeline.View) error {
		entries, err := v.Entries(inc1, 0, 500)
		for _, e := range entries {
			if f, ok := e.Payload.(*timeline.DeliveryFailed); ok {
				all = append(all, f.Reason)
			}
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}
