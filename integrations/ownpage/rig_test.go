package ownpage_test

import (
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
	"wardroom/integrations/ownpage"
	"wardroom/storage"
)

var joe = statuspage.Who{Actor: people.Human("joe")}

func at(when string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", when)
	if err != nil {
		panic(err)
	}
	return t
}

type rig struct {
	t     testing.TB
	clock *scenario.Clock
	store *storage.DB
	desk  *statuspage.Desk
	page  *ownpage.Page
}

func newRig(t testing.TB, o ownpage.Options) *rig {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, statuspage.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, clock: scenario.NewClock(at("2021-06-20 08:00"))}
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
		Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, timeline.DeliveriesFold},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	r.desk = statuspage.NewDesk(r.store, nil)
	o.Store, o.Clock = r.store, r.clock
	r.page = ownpage.New(o)
	return r
}

func (r *rig) declare(id timeline.ID, title string) {
	r.t.Helper()
	_, err := r.store.Update(r.t.Context(), func(v timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Payload: &incident.Declared{Title: title, Severity: alert.SEV2, StartedAt: v.Now()}}}}, nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) post(when string, p statuspage.Post) {
	r.t.Helper()
	r.clock.MoveTo(at(when))
	act := r.desk.Post
	if p.State == statuspage.Resolved {
		act = r.desk.Resolve
	}
	if _, err := act(r.t.Context(), joe, p); err != nil {
		r.t.Fatal(err)
	}
}

// correct corrects an update, the first being 0.
func (r *rig) correct(when string, id timeline.ID, update int, text string) {
	r.t.Helper()
	r.clock.MoveTo(at(when))
	site, err := r.desk.Site(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	n, _ := site.Find(id)
	if _, err := r.desk.Correct(r.t.Context(), joe, statuspage.Correction{Incident: id, Update: n.Updates[update].Entry, Text: text}); err != nil {
		r.t.Fatal(err)
	}
}

// night plays a month with three incidents, the last of them open.
func (r *rig) night() {
	r.t.Helper()
	err := statuspage.Declare(r.t.Context(), r.store, []statuspage.Declaration{
		{Name: "Website", Description: "pythondiscord.com", Group: "Public"}, {Name: "Python bot", Description: "commands and moderation in chat", Group: "Public"},
		{Name: "Forms", Group: "Public"}, {Name: "PostgreSQL", Group: "Behind the scenes"}, {Name: "Redis", Group: "Behind the scenes"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.clock.MoveTo(at("2021-06-28 14:00"))
	r.declare("INC-1", "Forms lose what was typed")
	r.post("2021-06-28 14:05", statuspage.Post{Incident: "INC-1", Text: "Some forms come back empty. We are investigating.", Components: map[string]statuspage.Level{"Forms": statuspage.Degraded}})
	r.post("2021-06-28 15:20", statuspage.Post{Incident: "INC-1", Text: "Fixed; nothing that was sent is lost.", State: statuspage.Resolved})
	r.clock.MoveTo(at("2021-07-03 22:10"))
	r.declare("INC-2", "The website answers slowly")
	r.post("2021-07-03 22:12", statuspage.Post{Incident: "INC-2", Text: "Pages of Acme Ltd take several seconds.", Components: map[string]statuspage.Level{"Website": statuspage.PartialOutage}})
	r.post("2021-07-04 00:40", statuspage.Post{Incident: "INC-2", Text: "All pages answer as fast as ever.", State: statuspage.Resolved})

	r.correct("2021-07-04 09:15", "INC-2", 0, "Pages take several seconds.")

	r.clock.MoveTo(at("2021-07-11 00:32"))
	r.declare("INC-3", "Website and bot are out of reach <script>alert(1)</script>")
	r.post("2021-07-11 00:42", statuspage.Post{Incident: "INC-3", Text: "We are investigating why the website & the bot do not answer.",
		Components: map[string]statuspage.Level{"Website": statuspage.MajorOutage, "Python bot": statuspage.PartialOutage, "PostgreSQL": statuspage.MajorOutage}})
	if _, err := r.desk.Backdate(r.t.Context(), joe, "INC-3", at("2021-07-11 00:25"), "secret reason"); err != nil {
		r.t.Fatal(err)
	}
	r.post("2021-07-11 00:57", statuspage.Post{Incident: "INC-3", State: statuspage.Identified, Text: "The database ran out of connections and took its node along.\n\nThe node is being replaced.\nThis takes about half an hour."})
	r.post("2021-07-11 01:13", statuspage.Post{Incident: "INC-3", Text: "The node is back, but its volumes do not attach yet \"<img src=x onerror=alert(1)>\".\u0000"})
	r.correct("2021-07-11 01:20", "INC-3", 1, "The database has no connections left <b>.\n\nThe node is being replaced.\nThis takes about half an hour.")
}
