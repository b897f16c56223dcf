package statuspage_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// wall is a status page with state: it holds what was published, and can be out of order.
type wall struct {
	can statuspage.Capabilities

	mu         sync.Mutex
	fault      error // of the next calls
	incidents  map[timeline.ID]string
	updates    []string
	started    map[timeline.ID]string
	announced  []string
	before     [][]string // what the updates said before, as it was last told
	components map[string]statuspage.Level
	unknown    string // a component it does not know
}

func newWall(can statuspage.Capabilities) *wall {
	return &wall{can: can, incidents: map[timeline.ID]string{}, started: map[timeline.ID]string{}, components: map[string]statuspage.Level{}}
}

func (*wall) Name() string                            { return "wall" }
func (w *wall) Capabilities() statuspage.Capabilities { return w.can }
func (*wall) Check(context.Context) error             { return nil }

func (w *wall) Publish(_ context.Context, want statuspage.Notice, known statuspage.Links, notify bool) (statuspage.Links, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return statuspage.Links{}, w.fault
	}
	links := statuspage.Links{Incident: "x/" + string(want.Incident), URL: "https://wall/" + string(want.Incident), Updates: map[string]string{}}
	if had := w.incidents[want.Incident]; had != known.Incident {
		return statuspage.Links{}, fmt.Errorf("called with incident %q, it holds %q", known.Incident, had)
	}
	w.incidents[want.Incident] = links.Incident
	if w.can.BackdateIncident {
		w.started[want.Incident] = want.StartedAt.Format("15:04")
	}
	w.before = nil
	for i, u := range want.Updates {
		w.before = append(w.before, u.Before)
		key := u.Entry.String()
		links.Updates[key] = "u " + key
		line := fmt.Sprintf("%s %s", u.State, strings.ReplaceAll(u.Text, "\n", "|"))
		if w.can.BackdateUpdates {
			line = u.At.Format("15:04 ") + line
		}
		if known.Updates[key] != "" {
			w.updates[i] = line
			continue
		}
		w.updates = append(w.updates, line)
		if notify && i == len(want.Updates)-1 {
			w.announced = append(w.announced, u.Text)
		}
	}
	if _, named := want.Components[w.unknown]; named {
		return links, problem.New(problem.Invalid, "posted, but there is no component %s", w.unknown)
	}
	return links, nil
}

func (w *wall) SetComponents(_ context.Context, components []statuspage.Component) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range components {
		w.components[c.Name] = c.Level
	}
	return w.fault
}

func (w *wall) set(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = err
}

// run follows with a poster for the page until the test ends.
func (r *rig) run(page statuspage.Page) *timeline.Runtime {
	r.t.Helper()
	rt := timeline.NewRuntime(r.store, r.clock, slog.New(slog.DiscardHandler))
	poster := &statuspage.Poster{Page: page, Store: r.store, Clock: r.clock}
	r.poster = poster
	rt.AddPoster(statuspage.FollowerName(page), poster.Follows, poster)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- rt.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.settle(rt)
	return rt
}

func (r *rig) settle(rt *timeline.Runtime) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	if err := rt.Settle(ctx); err != nil {
		r.t.Fatalf("never settled: %v", err)
	}
}

// pass moves the clock, stopping at everything that wakes on the way.
func (r *rig) pass(rt *timeline.Runtime, clock string) {
	r.t.Helper()
	for {
		next, sleeping := r.clock.Next()
		if !sleeping || next.After(at(clock)) {
			break
		}
		r.clock.MoveTo(next)
		r.settle(rt)
	}
	r.clock.MoveTo(at(clock))
	r.settle(rt)
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

var everything = statuspage.Capabilities{BackdateIncident: true, BackdateUpdates: true, ComponentsWithBackdate: true, SuppressNotify: true}

func expect(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

func TestPosterCarriesPostsAndBackdatesInOrder(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	rt := r.run(w)
	r.declare(inc1, "One")
	r.pass(rt, "00:42")
	r.post(statuspage.Post{Incident: inc1, Text: "A"})
	r.settle(rt)
	if _, err := r.desk.Backdate(t.Context(), joe, inc1, at("00:25"), ""); err != nil {
		t.Fatal(err)
	}
	r.pass(rt, "01:00")
	r.post(statuspage.Post{Incident: inc1, Text: "B", State: statuspage.Identified, Quiet: true})
	r.settle(rt)
	expect(t, "updates", []string{"00:25 investigating A", "01:00 identified B"}, w.updates)
	expect(t, "announced", []string{"A"}, w.announced)
	if w.started[inc1] != "00:25" {
		t.Errorf("started %s", w.started[inc1])
	}
	expect(t, "failures", nil, r.failures())
}

func TestBacklogAfterAnOutageKeepsOrderAndTimes(t *testing.T) {
	for name, c := range map[string]struct {
		can  statuspage.Capabilities
		want []string
	}{
		"where times can be shown": {everything, []string{"00:25 investigating A", "01:00 identified B", "02:00 monitoring C"}},
		"where they cannot": {statuspage.Capabilities{}, []string{
			"investigating A||Started 00:25 UTC.||(posted late; 00:42 UTC)",
			"identified B||Started 00:25 UTC.||(posted late; 01:00 UTC)",
			"monitoring C||(posted late; 02:00 UTC)",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := newRig(t), newWall(c.can)
			w.set(problem.New(problem.Unavailable, "503"))
			rt := r.run(w)
			r.declare(inc1, "One")
			r.pass(rt, "00:42")
			r.post(statuspage.Post{Incident: inc1, Text: "A"})
			r.settle(rt)
			if _, err := r.desk.Backdate(t.Context(), joe, inc1, at("00:25"), ""); err != nil {
				t.Fatal(err)
			}
			r.pass(rt, "01:00")
			r.post(statuspage.Post{Incident: inc1, Text: "B", State: statuspage.Identified})
			r.pass(rt, "02:00")
			r.post(statuspage.Post{Incident: inc1, Text: "C", State: statuspage.Monitoring})
			r.pass(rt, "02:10")
			if why, since := r.poster.Fails(); why != "503" || !since.Equal(at("00:42")) {
				t.Errorf("it fails since %s: %q", since, why)
			}
			w.set(nil)
			r.pass(rt, "02:20")
			if why, _ := r.poster.Fails(); why != "" {
				t.Errorf("it still fails: %q", why)
			}
			expect(t, "updates", c.want, w.updates)
			if len(w.announced) != 1 || !strings.HasPrefix(w.announced[0], "C") {
				t.Errorf("announced: %q, want only the newest", w.announced)
			}
			expect(t, "failures", nil, r.failures())

			// A later update leaves those that arrived as they are.
			r.post(statuspage.Post{Incident: inc1, Text: "D"})
			r.settle(rt)
			expect(t, "updates afterwards", c.want, w.updates[:3])
		})
	}
}

func TestIncidentThatCameAndWentIsNotAnnounced(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	w.set(problem.New(problem.Unavailable, "503"))
	rt := r.run(w)
	r.declare(inc1, "One")
	r.post(statuspage.Post{Incident: inc1, Text: "A"})
	if _, err := r.desk.Resolve(t.Context(), joe, statuspage.Post{Incident: inc1, Text: "B"}); err != nil {
		t.Fatal(err)
	}
	r.pass(rt, "01:30")
	w.set(nil)
	r.pass(rt, "01:40")
	if len(w.updates) != 2 || len(w.announced) != 0 {
		t.Errorf("updates %q, announced %q", w.updates, w.announced)
	}
}

func TestPermanentFailureIsRecordedAndTheNextPostMendsIt(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	w.set(problem.New(problem.Forbidden, "the key was refused"))
	rt := r.run(w)
	r.declare(inc1, "One")
	r.post(statuspage.Post{Incident: inc1, Text: "A"})
	r.settle(rt)
	expect(t, "failures", []string{"the key was refused"}, r.failures())
	w.set(nil)
	r.post(statuspage.Post{Incident: inc1, Text: "B"})
	r.settle(rt)
	expect(t, "updates", []string{"00:30 investigating A", "00:30 investigating B"}, w.updates)
}

func TestUnknownComponentDoesNotHoldUpTheUpdate(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	w.unknown = "Bot"
	rt := r.run(w)
	r.declare(inc1, "One")
	r.components("Website", "Bot")
	r.post(statuspage.Post{Incident: inc1, Text: "A", Components: map[string]statuspage.Level{"Bot": statuspage.Degraded}})
	r.settle(rt)
	expect(t, "updates", []string{"00:30 investigating A"}, w.updates)
	expect(t, "failures", []string{"posted, but there is no component Bot"}, r.failures())
	w.unknown = ""
	r.post(statuspage.Post{Incident: inc1, Text: "B"})
	r.settle(rt)
	expect(t, "updates", []string{"00:30 investigating A", "00:30 investigating B"}, w.updates)
}

func TestComponentOfNoIncidentReachesThePage(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	rt := r.run(w)
	r.components("Website")
	if _, err := r.desk.SetComponent(t.Context(), joe, "", "Website", statuspage.Maintenance); err != nil {
		t.Fatal(err)
	}
	r.settle(rt)
	if w.components["Website"] != statuspage.Maintenance {
		t.Errorf("components: %v", w.components)
	}
}

func TestErasedTextIsWithdrawnFromThePage(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	rt := r.run(w)
	r.declare(inc1, "One")
	out := r.post(statuspage.Post{Incident: inc1, Text: "the password is hunter2"})
	r.settle(rt)
	r.record(timeline.Draft{Timeline: inc1, Payload: &timeline.Erasure{Refs: []timeline.Ref{out.Entry}, Reason: "password"},
		Effects: timeline.Effects{Erase: []timeline.Ref{out.Entry}}})
	r.settle(rt)
	expect(t, "updates", []string{"00:30 investigating " + statuspage.WithdrawnText}, w.updates)
}
