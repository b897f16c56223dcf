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

// The first seed: "Status incident created 00:42 and backdated to 00:25 UTC".
func TestBackdatingMovesTheOnlyUpdateWithTheStart(t *testing.T) {
	r := newRig(t)
	r.declare(inc1, "PostgreSQL is out of connections")
	r.clock.MoveTo(at("00:42"))
	first := r.post(statuspage.Post{Incident: inc1, Text: "We are investigating"})
	if got := first.Notice; got.Title != "PostgreSQL is out of connections" || got.State != statuspage.Investigating || !got.StartedAt.Equal(at("00:42")) || got.Backdated {
		t.Errorf("first post: %+v", got)
	}
	out, err := r.desk.Backdate(t.Context(), joe, inc1, at("00:25"), "")
	if err != nil {
		t.Fatal(err)
	}
	n := out.Notice
	if !n.StartedAt.Equal(at("00:25")) || !n.Backdated || !n.Updates[0].At.Equal(at("00:25")) {
		t.Errorf("the notice starts at %s, its update stands at %s", n.StartedAt, n.Updates[0].At)
	}
	if !n.CreatedAt.Equal(at("00:42")) || !n.Updates[0].PostedAt.Equal(at("00:42")) {
		t.Error("backdating changed when it was really posted")
	}
	if n.StartedWhy != "6 min before the earliest evidence (2021-07-11 00:31 UTC: the earliest alert)" {
		t.Errorf("reason: %q", n.StartedWhy)
	}

	r.clock.MoveTo(at("01:13"))
	r.post(statuspage.Post{Incident: inc1, State: statuspage.Identified, Text: "Volumes will not mount"})
	out, err = r.desk.Backdate(t.Context(), joe, inc1, at("00:20"), "Chris saw it")
	if err != nil {
		t.Fatal(err)
	}
	if n = out.Notice; !n.StartedAt.Equal(at("00:20")) || !n.Updates[0].At.Equal(at("00:25")) || n.StartedWhy != "Chris saw it" {
		t.Errorf("with a second update only the start moves: %s, %s, %q", n.StartedAt, n.Updates[0].At, n.StartedWhy)
	}
}

func TestRefusals(t *testing.T) {
	r := newRig(t)
	r.declare(inc1, "One")
	r.declare("INC-2", "Two")
	r.declare("INC-3", "Three")
	r.record(timeline.Draft{Timeline: "INC-3", Payload: &incident.MergedInto{Into: inc1}})
	r.components("Website", "Python bot")
	r.clock.MoveTo(at("00:42"))
	r.post(statuspage.Post{Incident: inc1, Text: "First"})
	r.clock.MoveTo(at("01:00"))
	r.post(statuspage.Post{Incident: inc1, Text: "Second", At: at("00:55")})

	post := func(p statuspage.Post) error {
		_, err := r.desk.Post(t.Context(), joe, p)
		return err
	}
	backdate := func(id timeline.ID, clock string) error {
		_, err := r.desk.Backdate(t.Context(), joe, id, at(clock), "")
		return err
	}
	resolve := func(id timeline.ID) error {
		_, err := r.desk.Resolve(t.Context(), joe, statuspage.Post{Incident: id})
		return err
	}
	component := func(id timeline.ID, name string, l statuspage.Level) error {
		_, err := r.desk.SetComponent(t.Context(), joe, id, name, l)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		code problem.Code
		says string
	}{
		"no text":                        {post(statuspage.Post{Incident: inc1, Text: " \n"}), problem.Invalid, "needs a text"},
		"too long":                       {post(statuspage.Post{Incident: inc1, Text: strings.Repeat("é", 4001)}), problem.TooLarge, "4000"},
		"no such state":                  {post(statuspage.Post{Incident: inc1, Text: "x", State: "fixed"}), problem.Invalid, `"fixed" is not a state`},
		"no such incident":               {post(statuspage.Post{Incident: "INC-9", Text: "x"}), problem.NotFound, "no incident INC-9"},
		"merged away":                    {post(statuspage.Post{Incident: "INC-3", Text: "x"}), problem.Conflict, "merged into INC-1"},
		"shown in the future":            {post(statuspage.Post{Incident: inc1, Text: "x", At: at("01:01")}), problem.Invalid, "future"},
		"shown before the last update":   {post(statuspage.Post{Incident: inc1, Text: "x", At: at("00:54")}), problem.Invalid, "00:55"},
		"unknown component":              {post(statuspage.Post{Incident: inc1, Text: "x", Components: map[string]statuspage.Level{"Site": statuspage.Degraded}}), problem.Invalid, `"Site"`},
		"first update says resolved":     {post(statuspage.Post{Incident: "INC-2", Text: "x", State: statuspage.Resolved}), problem.Conflict, "nothing to resolve"},
		"backdating what is not posted":  {backdate("INC-2", "00:20"), problem.NotFound, "nothing is posted"},
		"backdating into the future":     {backdate(inc1, "01:30"), problem.Invalid, "future"},
		"backdating past the first post": {backdate(inc1, "00:50"), problem.Invalid, "first update"},
		"resolving what is not posted":   {resolve("INC-2"), problem.NotFound, "nothing is posted"},
		"level that there is not":        {component(inc1, "Website", "broken"), problem.Invalid, "broken"},
		"component of no incident":       {component("INC-9", "Website", statuspage.Degraded), problem.NotFound, "INC-9"},
		"component that there is not":    {component(inc1, "Webseite", statuspage.Degraded), problem.Invalid, "Webseite"},
	} {
		t.Run(name, func(t *testing.T) {
			if !problem.Is(c.err, c.code) || !strings.Contains(c.err.Error(), c.says) {
				t.Errorf("got %v (%s), want %s with %q", c.err, problem.CodeOf(c.err), c.code, c.says)
			}
		})
	}
	if err := component(inc1, "Webseite", statuspage.Degraded); !strings.Contains(err.(*problem.Error).Hint, "Website, Python bot") {
		t.Errorf("the hint does not list the components: %v", err)
	}
	if got := len(r.site().Notices); got != 1 {
		t.Errorf("refusals left %d notices", got)
	}
}

func TestResolvingGivesComponentsBackUnlessAnotherNoticeHoldsThem(t *testing.T) {
	r := newRig(t)
	r.declare(inc1, "One")
	r.declare("INC-2", "Two")
	r.components("Website", "API", "Bot")
	major := func(names ...string) map[string]statuspage.Level {
		m := map[string]statuspage.Level{}
		for _, n := range names {
			m[n] = statuspage.MajorOutage
		}
		return m
	}
	r.post(statuspage.Post{Incident: inc1, Text: "x", Components: major("website", "API", "Bot")})
	r.post(statuspage.Post{Incident: "INC-2", Text: "x", Components: map[string]statuspage.Level{"API": statuspage.Degraded}})
	r.clock.MoveTo(at("01:00"))
	out, err := r.desk.Resolve(t.Context(), joe, statuspage.Post{Incident: inc1, Components: map[string]statuspage.Level{"Bot": statuspage.Maintenance}})
	if err != nil {
		t.Fatal(err)
	}
	if n := out.Notice; n.Open() || !n.ResolvedAt.Equal(at("01:00")) || n.Latest().Text != "This incident has been resolved." {
		t.Errorf("resolved: %+v", n)
	}
	got := map[string]statuspage.Level{}
	for _, c := range r.site().Components {
		got[c.Name] = c.Level
	}
	want := map[string]statuspage.Level{"Website": statuspage.Operational, "API": statuspage.Degraded, "Bot": statuspage.Maintenance}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := r.desk.Resolve(t.Context(), joe, statuspage.Post{Incident: inc1}); !problem.Is(err, problem.Conflict) {
		t.Errorf("resolving twice: %v", err)
	}
	if out := r.post(statuspage.Post{Incident: inc1, Text: "again", State: statuspage.Investigating}); !out.Notice.Open() || !out.Notice.ResolvedAt.IsZero() || len(out.Notes) == 0 {
		t.Errorf("reopened: %+v, %v", out.Notice, out.Notes)
	}
}

func TestComponentsKeepTheirHistoryByName(t *testing.T) {
	r := newRig(t)
	r.declare(inc1, "One")
	r.components("Website", "API")
	r.clock.MoveTo(at("00:42"))
	r.post(statuspage.Post{Incident: inc1, Text: "x", Components: map[string]statuspage.Level{"Website": statuspage.MajorOutage}})
	if _, err := r.desk.Backdate(t.Context(), joe, inc1, at("00:25"), ""); err != nil {
		t.Fatal(err)
	}
	if c := r.component("Website"); c.Level != statuspage.MajorOutage || !c.Since.Equal(at("00:25")) {
		t.Errorf("a component moves with the update that changed it: %s since %s", c.Level, c.Since)
	}
	out, err := r.desk.SetComponent(t.Context(), joe, "", "website", statuspage.MajorOutage)
	if err != nil || !out.Entry.IsZero() || len(out.Notes) == 0 {
		t.Errorf("setting the level it has: %+v, %v", out, err)
	}
	r.clock.MoveTo(at("00:50"))
	if out, err = r.desk.SetComponent(t.Context(), joe, "", "website", statuspage.PartialOutage); err != nil || out.Entry.Timeline != inc1 || out.Notice.Components["Website"] != statuspage.PartialOutage {
		t.Errorf("it belongs to the notice that names it: %+v, %v", out, err)
	}
	if out, err = r.desk.SetComponent(t.Context(), joe, timeline.Log, "website", statuspage.Degraded); err != nil || out.Entry.Timeline != timeline.Log {
		t.Errorf("for no incident it stands in the log: %+v, %v", out, err)
	}
	r.components("API")
	if n := len(r.site().Components); n != 1 {
		t.Errorf("%d components are shown, want the one that is declared", n)
	}
	r.components("API", "Website", "Bot")
	if c := r.component("Website"); c.Level != statuspage.Degraded || c.Position != 2 || len(c.Changes) != 3 {
		t.Errorf("declared anew: %+v", c)
	}
	before := r.site().Pos
	r.components("API", "Website", "Bot")
	if r.site().Pos != before {
		t.Error("declaring the same components again recorded something")
	}
}

func TestErasedUpdateLeavesNoTrace(t *testing.T) {
	r := newRig(t)
	r.declare(inc1, "One")
	r.components("Website")
	r.post(statuspage.Post{Incident: inc1, Title: "hunter2", Text: "the password is hunter2", Components: map[string]statuspage.Level{"Website": statuspage.Degraded}})
	out := r.post(statuspage.Post{Incident: inc1, Text: "Second", State: statuspage.Identified})
	first := out.Notice.Updates[0].Entry
	r.record(timeline.Draft{Timeline: inc1, Payload: &timeline.Erasure{Refs: []timeline.Ref{first}, Reason: "password"},
		Effects: timeline.Effects{Erase: []timeline.Ref{first}}})
	n := r.site().Notices[0]
	if n.Title != "Incident INC-1" || n.Updates[0].Text != statuspage.WithdrawnText || !n.Updates[0].Withdrawn || n.Updates[1].Text != "Second" {
		t.Errorf("after the erasure: %+v", n)
	}
	if c := r.component("Website"); c.Level != statuspage.Operational || len(c.Changes) != 0 {
		t.Errorf("the component still shows what was erased: %+v", c)
	}
	err := r.store.View(t.Context(), func(v timeline.View) error {
		return v.SelectRows("notices", timeline.Query{}, func(doc []byte) error {
			if strings.Contains(string(doc), "hunter2") {
				t.Errorf("the table still holds it: %s", doc)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPageThatCannotBackdateIsNamed(t *testing.T) {
	r := newRig(t, statuspage.Provider{Name: "ownpage", Capabilities: statuspage.Capabilities{BackdateIncident: true}}, statuspage.Provider{Name: "kuma"})
	r.declare(inc1, "One")
	r.clock.MoveTo(at("00:42"))
	r.post(statuspage.Post{Incident: inc1, Text: "x"})
	out, err := r.desk.Backdate(t.Context(), joe, inc1, at("00:25"), "")
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(out.Notes, "\n"); !strings.Contains(notes, "kuma cannot backdate: the text there says “Started 00:25 UTC.”") || strings.Contains(notes, "ownpage") {
		t.Errorf("notes: %s", notes)
	}
	err = r.store.View(t.Context(), func(v timeline.View) error {
		e, err := v.Entry(out.Entry)
		if err == nil && !strings.Contains(e.Payload.Text(), "kuma cannot backdate") {
			t.Errorf("the timeline does not say so: %s", e.Payload.Text())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
