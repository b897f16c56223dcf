package statuspage_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

func (r *rig) correct(update timeline.Ref, text string) statuspage.Outcome {
	r.t.Helper()
	out, err := r.desk.Correct(r.t.Context(), joe, statuspage.Correction{Incident: inc1, Update: update, Text: text})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) view(read func(timeline.View)) {
	r.t.Helper()
	if err := r.store.View(r.t.Context(), func(v timeline.View) error { read(v); return nil }); err != nil {
		r.t.Fatal(err)
	}
}

func TestCorrectionReplacesTheTextAndNothingElse(t *testing.T) {
	r := newRig(t)
	r.declare(inc1, "One")
	r.components("Website")
	r.clock.MoveTo(at("00:42"))
	a := r.post(statuspage.Post{Incident: inc1, Text: "Acme Ltd cannot sign in", Components: map[string]statuspage.Level{"Website": statuspage.MajorOutage}})
	if _, err := r.desk.Backdate(t.Context(), joe, inc1, at("00:25"), ""); err != nil {
		t.Fatal(err)
	}
	r.clock.MoveTo(at("00:50"))
	if _, err := r.desk.SetComponent(t.Context(), joe, inc1, "Website", statuspage.Operational); err != nil {
		t.Fatal(err)
	}
	r.post(statuspage.Post{Incident: inc1, Text: "B", State: statuspage.Monitoring, Title: "Two"})
	r.clock.MoveTo(at("01:10"))
	before := r.site().Notices[0]
	first := r.correct(a.Entry, " Some customers cannot\u202e sign in ")
	r.clock.MoveTo(at("01:20"))
	second := r.correct(a.Entry, "Some people cannot sign in")
	if again := r.correct(first.Entry, "Some people cannot sign in"); !again.Entry.IsZero() || len(again.Notes) != 1 {
		t.Errorf("what it says already is recorded again: %+v", again)
	}

	n := r.site().Notices[0]
	u := n.Updates[0]
	if u.Text != "Some people cannot sign in" || !u.CorrectedAt.Equal(at("01:20")) || u.Correction != second.Entry || u.Entry != a.Entry {
		t.Errorf("the update is %+v", u)
	}
	if !r.site().UpdatedAt.Equal(at("01:20")) {
		t.Errorf("the site was updated at %s", r.site().UpdatedAt)
	}
	if c := r.component("Website"); c.Level != statuspage.Operational || len(c.Changes) != 2 {
		t.Errorf("the correction moved the component: %+v", c)
	}
	n.Updates[0] = before.Updates[0]
	if diff := cmp.Diff(before, n); diff != "" {
		t.Errorf("more than the text has changed:\n%s", diff)
	}

	r.view(func(v timeline.View) {
		e, err := v.Entry(second.Entry)
		if err != nil || e.Supersedes != first.Entry || !e.OccurredAt.Equal(at("00:42")) || !e.RecordedAt.Equal(at("01:20")) {
			t.Errorf("the correction is %+v, %v", e, err)
		}
		if by, is, err := incident.CorrectedBy(v, a.Entry); err != nil || !is || by != first.Entry {
			t.Errorf("%s is corrected by %s, %v", a.Entry, by, err)
		}
		for seq, want := range map[int64]string{a.Entry.Seq: "Acme Ltd cannot sign in", first.Entry.Seq: "Some customers cannot sign in", second.Entry.Seq: "Some people cannot sign in"} {
			if n, _, err := statuspage.AsOf(v, inc1, seq); err != nil || n.Updates[0].Text != want {
				t.Errorf("as of %d it said %q, %v", seq, n.Updates[0].Text, err)
			}
		}
	})
}

func TestCorrectionIsRefused(t *testing.T) {
	r := newRig(t)
	r.declare(inc1, "One")
	r.declare("INC-2", "Another")
	r.declare("INC-3", "Untold")
	a := r.post(statuspage.Post{Incident: inc1, Text: "A"})
	other := r.post(statuspage.Post{Incident: "INC-2", Text: "B"})
	gone := r.post(statuspage.Post{Incident: inc1, Text: "hunter2"})
	r.record(timeline.Draft{Timeline: inc1, Payload: &timeline.Erasure{Refs: []timeline.Ref{gone.Entry}, Reason: "password"},
		Effects: timeline.Effects{Erase: []timeline.Ref{gone.Entry}}})
	for name, c := range map[string]struct {
		statuspage.Correction
		code problem.Code
		want string
	}{
		"nothing posted":         {statuspage.Correction{Incident: "INC-3", Text: "x"}, problem.NotFound, "nothing is posted"},
		"no update":              {statuspage.Correction{Incident: inc1, Update: timeline.Ref{Timeline: inc1, Seq: 1}, Text: "x"}, problem.Invalid, "INC-1#1 is no update on the status page for INC-1"},
		"of another incident":    {statuspage.Correction{Incident: inc1, Update: other.Entry, Text: "x"}, problem.Invalid, "is no update on the status page for INC-1"},
		"erased, and so no text": {statuspage.Correction{Incident: inc1, Text: "x"}, problem.Conflict, "was erased"},
		"empty":                  {statuspage.Correction{Incident: inc1, Update: a.Entry, Text: " \u202e "}, problem.Invalid, "needs a text"},
		"too long":               {statuspage.Correction{Incident: inc1, Update: a.Entry, Text: strings.Repeat("x", statuspage.MaxText+1)}, problem.TooLarge, "longer than 4000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.desk.Correct(t.Context(), joe, c.Correction)
			if !problem.Is(err, c.code) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A correction that is erased in its turn does not bring back what was wrong.
func TestErasedCorrectionWithdrawsTheText(t *testing.T) {
	r := newRig(t)
	r.declare(inc1, "One")
	a := r.post(statuspage.Post{Incident: inc1, Text: "Acme Ltd"})
	b := r.correct(a.Entry, "the password is hunter2")
	erase := func(ref timeline.Ref) {
		r.record(timeline.Draft{Timeline: inc1, Payload: &timeline.Erasure{Refs: []timeline.Ref{ref}, Reason: "x"}, Effects: timeline.Effects{Erase: []timeline.Ref{ref}}})
	}
	erase(b.Entry)
	if u := r.site().Notices[0].Latest(); u.Text != statuspage.WithdrawnText || !u.Withdrawn || u.State != statuspage.Investigating {
		t.Errorf("it says %+v", u)
	}

	c := r.post(statuspage.Post{Incident: inc1, Text: "the password is hunter2"})
	r.correct(c.Entry, "We are looking")
	erase(c.Entry)
	if u := r.site().Notices[0].Latest(); u.Text != "We are looking" || u.Withdrawn {
		t.Errorf("it says %+v", u)
	}
}

func TestCorrectionReachesThePageAndTellsNobody(t *testing.T) {
	for name, c := range map[string]struct {
		can    statuspage.Capabilities
		want   []string
		before string
	}{
		"where times can be shown": {everything, []string{"00:25 investigating a", "01:00 investigating B"}, "A"},
		"where they cannot":        {statuspage.Capabilities{}, []string{"investigating a||Started 00:25 UTC.", "investigating B||Started 00:25 UTC."}, "A\n\nStarted 00:25 UTC."},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := newRig(t), newWall(c.can)
			rt := r.run(w)
			r.declare(inc1, "One")
			r.pass(rt, "00:42")
			a := r.post(statuspage.Post{Incident: inc1, Text: "A"})
			r.settle(rt)
			if _, err := r.desk.Backdate(t.Context(), joe, inc1, at("00:25"), ""); err != nil {
				t.Fatal(err)
			}
			r.pass(rt, "01:00")
			r.post(statuspage.Post{Incident: inc1, Text: "B"})
			r.settle(rt)
			r.pass(rt, "01:10")
			told := len(w.announced)
			r.correct(a.Entry, "a")
			r.settle(rt)
			expect(t, "updates", c.want, w.updates)
			expect(t, "known by", []string{c.before}, w.before[0])
			if len(w.announced) != told {
				t.Errorf("subscribers were told: %q", w.announced)
			}
			expect(t, "failures", nil, r.failures())
		})
	}
}

func TestWhatWasCorrectedMeanwhileIsNeverSent(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	rt := r.run(w)
	r.declare(inc1, "One")
	w.set(problem.New(problem.Unavailable, "503"))
	r.pass(rt, "00:42")
	a := r.post(statuspage.Post{Incident: inc1, Text: "Acme Ltd cannot sign in"})
	r.settle(rt)
	r.pass(rt, "00:50")
	r.correct(a.Entry, "Some customers cannot sign in")
	r.settle(rt)
	w.set(nil)
	r.pass(rt, "01:10")
	expect(t, "updates", []string{"00:42 investigating Some customers cannot sign in"}, w.updates)
	expect(t, "announced", []string{"Some customers cannot sign in"}, w.announced)
}

func TestCorrectionOfAQuietUpdateSilencesNoOther(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	rt := r.run(w)
	r.declare(inc1, "One")
	a := r.post(statuspage.Post{Incident: inc1, Text: "A", Quiet: true})
	r.settle(rt)
	w.set(problem.New(problem.Unavailable, "503"))
	r.post(statuspage.Post{Incident: inc1, Text: "B"})
	r.correct(a.Entry, "a")
	r.settle(rt)
	w.set(nil)
	r.pass(rt, "01:10")
	expect(t, "updates", []string{"00:30 investigating a", "00:30 investigating B"}, w.updates)
	expect(t, "announced", []string{"B"}, w.announced)
}

// Also when only the first entry of a long backlog is at hand.
func TestLaterCorrectionCountsAlready(t *testing.T) {
	r, w := newRig(t), newWall(everything)
	r.declare(inc1, "One")
	a := r.post(statuspage.Post{Incident: inc1, Text: "Acme Ltd cannot sign in"})
	r.correct(r.correct(a.Entry, "Acme cannot sign in").Entry, "Some customers cannot sign in")
	r.post(statuspage.Post{Incident: inc1, Text: "B"})
	var first timeline.Entry
	r.view(func(v timeline.View) {
		var err error
		if first, err = v.Entry(a.Entry); err != nil {
			t.Fatal(err)
		}
	})
	poster := &statuspage.Poster{Page: w, Store: r.store, Clock: r.clock}
	if _, err := poster.Post(t.Context(), timeline.Delivery{Timeline: inc1, Entries: []timeline.Entry{first}}); err != nil {
		t.Fatal(err)
	}
	expect(t, "updates", []string{"00:30 investigating Some customers cannot sign in"}, w.updates)
}

func TestPageThatLacksTheCorrectionIsNamed(t *testing.T) {
	w := newWall(everything)
	r := newRig(t, statuspage.ProviderOf(w))
	rt := r.run(w)
	r.declare(inc1, "One")
	a := r.post(statuspage.Post{Incident: inc1, Text: "A"})
	r.settle(rt)
	w.set(problem.New(problem.Unavailable, "503"))
	r.correct(a.Entry, "B")
	r.settle(rt)
	waiting := func(want int) {
		t.Helper()
		shown, err := r.desk.Shown(t.Context(), inc1)
		if err != nil || len(shown) != 1 || shown[0].Waiting != want {
			t.Errorf("shown: %+v, %v; want %d waiting", shown, err, want)
		}
	}
	waiting(1)
	w.set(nil)
	r.pass(rt, "01:30")
	waiting(0)
}
