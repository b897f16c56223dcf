package oncall_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot"
	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/people"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// night is a real bot on a real database, in which only time is not real.
type night struct {
	*testing.T
	file  string
	clock *scenario.Clock
	pager *oncall.Pager
	start time.Time
	links *oncall.Links
	dir   *people.Directory

	db   *storage.DB
	app  *bot.App
	desk *incident.Desk
	call *oncall.Desk
}

func newNight(t *testing.T, names ...string) *night {
	t.Helper()
	if len(names) == 0 {
		names = []string{"joe", "chris", "dana"}
	}
	start := time.Date(2021, 7, 14, 0, 30, 0, 0, time.UTC) // a Wednesday: no handover is near
	r, err := oncall.NewRota(oncall.RotaSpec{People: names, Handover: oncall.Handover{Weekday: time.Monday, Hour: 9}, Since: time.Date(2021, 7, 12, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	var persons []people.Person
	for _, n := range names {
		persons = append(persons, people.Person{Name: n, Roles: []people.Role{people.Responder}})
	}
	dir, err := people.NewDirectory(persons)
	if err != nil {
		t.Fatal(err)
	}
	links, err := oncall.NewLinks([]byte(strings.Repeat("k", oncall.LeastKey)), "https://wardroom.example.org/")
	if err != nil {
		t.Fatal(err)
	}
	n := &night{T: t, file: filepath.Join(t.TempDir(), "wardroom.db"), clock: scenario.NewClock(start), start: start, dir: dir, links: links,
		pager: &oncall.Pager{Rota: r, Policy: oncall.DefaultPolicy()}}
	n.up()
	t.Cleanup(func() { n.down() })
	return n
}

func (n *night) up() {
	n.Helper()
	n.open()
	if err := n.app.Start(context.Background()); err != nil {
		n.Fatal(err)
	}
}

// open opens the database; nothing follows yet.
func (n *night) open() {
	n.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, oncall.Kinds)
	if err != nil {
		n.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	n.db, err = storage.OpenSQLite(context.Background(), n.file, storage.Options{Codec: codec, Clock: n.clock, Log: log,
		Folds: []timeline.Fold{alert.Fold, incident.Fold, timeline.DeliveriesFold}})
	if err != nil {
		n.Fatal(err)
	}
	n.app = bot.New(n.db, n.clock, log)
	n.app.Runtime.AddDecider(oncall.FollowerName, timeline.ID.IsIncident, n.pager)
	for _, group := range []map[string]timeline.Handler{n.pager.Handlers(), incident.Handlers()} {
		for what, h := range group {
			if err := n.app.Runtime.Handle(what, h); err != nil {
				n.Fatal(err)
			}
		}
	}
	n.desk, n.call = incident.NewDesk(n.db), oncall.NewDesk(n.db, n.links, n.dir)
}

func (n *night) down() {
	n.Helper()
	if n.app == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := n.app.Stop(ctx); err != nil {
		n.Error(err)
	}
	if err := n.db.Close(); err != nil {
		n.Error(err)
	}
	n.app = nil
}

func (n *night) settle() {
	n.Helper()
	ctx, cancel := context.WithTimeout(n.Context(), 10*time.Second)
	defer cancel()
	if err := n.app.Settle(ctx); err != nil {
		n.Fatal(err)
	}
}

// until lets time pass to a minute after the start, stopping wherever something
// is due.
func (n *night) until(minute float64) {
	n.Helper()
	end := n.start.Add(time.Duration(minute * float64(time.Minute)))
	for n.settle(); n.clock.Now().Before(end); n.settle() {
		next, waits := n.clock.Next()
		if !waits || next.After(end) {
			next = end
		}
		n.clock.MoveTo(next)
	}
}

func by(name string) incident.Who { return incident.Who{Actor: people.Human(name)} }

func (n *night) declare(s alert.Severity) timeline.ID {
	n.Helper()
	i, err := n.desk.Declare(n.Context(), incident.Who{}, incident.Declaration{Title: "PostgreSQL is out of connections", Severity: s})
	if err != nil {
		n.Fatal(err)
	}
	return i.ID
}

func (n *night) entries(id timeline.ID) []timeline.Entry {
	n.Helper()
	var all []timeline.Entry
	if err := n.db.View(n.Context(), func(v timeline.View) (err error) {
		all, err = v.Entries(id, 0, 1000)
		return err
	}); err != nil {
		n.Fatal(err)
	}
	return all
}

// told are the pages and what else the pager says, as "2 joe 1.2" for the second
// page of joe in the first round at minute 2.
func (n *night) told(id timeline.ID) []string {
	n.Helper()
	var list []string
	for _, e := range n.entries(id) {
		minute := fmt.Sprintf("%g", e.RecordedAt.Sub(n.start).Minutes())
		switch p := e.Payload.(type) {
		case *oncall.Paged:
			list = append(list, fmt.Sprintf("%s %s %d.%d", minute, p.Person, p.Round, p.Attempt))
		case *oncall.Stopped, *oncall.Unanswered:
			list = append(list, minute+" "+p.Text())
		}
	}
	return list
}

func (n *night) wants(id timeline.ID, want ...string) {
	n.Helper()
	if diff := cmp.Diff(want, n.told(id)); diff != "" {
		n.Errorf("pages (-want +got):\n%s", diff)
	}
}

func (n *night) page(id timeline.ID, number int) timeline.Ref {
	n.Helper()
	for _, e := range n.entries(id) {
		if oncall.IsPage(e.Kind) {
			if number--; number == 0 {
				return e.Ref
			}
		}
	}
	n.Fatal("there is no such page")
	return timeline.Ref{}
}

func payload(n *night, ref timeline.Ref) timeline.Payload {
	n.Helper()
	for _, e := range n.entries(ref.Timeline) {
		if e.Ref == ref {
			return e.Payload
		}
	}
	n.Fatal("there is no ", ref)
	return nil
}

func TestThirteenSilentMinutesAcrossARestart(t *testing.T) {
	for restart := range 14 {
		t.Run(fmt.Sprintf("restart at minute %d", restart), func(t *testing.T) {
			n := newNight(t)
			id := n.declare(alert.SEV2)
			n.until(float64(restart))
			n.down()
			n.up()
			n.until(13)
			n.wants(id, "0 joe 1.1", "2 joe 1.2", "4 joe 1.3", "6 chris 1.1", "8 chris 1.2", "10 chris 1.3", "12 dana 1.1")
		})
	}
}

func TestKilledBeforeAnythingWasPaged(t *testing.T) {
	n := newNight(t)
	n.down()
	n.open()
	id := n.declare(alert.SEV1)
	if n.wants(id); n.db.Close() != nil {
		t.Fatal("not closed")
	}
	n.up()
	n.until(2)
	n.wants(id, "0 joe 1.1", "2 joe 1.2")
}

func TestTimeInWhichWardroomWasAwayIsNoSilence(t *testing.T) {
	n := newNight(t)
	id := n.declare(alert.SEV2)
	n.until(3)
	n.down()
	n.clock.MoveTo(n.start.Add(100 * time.Minute))
	n.up()
	n.until(106)
	n.wants(id, "0 joe 1.1", "2 joe 1.2", "100 joe 1.3", "102 chris 1.1", "104 chris 1.2", "106 chris 1.3")
}

func TestNobodyAnswersAtAll(t *testing.T) {
	n := newNight(t, "joe", "chris")
	n.pager.Policy.Rounds = 2
	id := n.declare(alert.SEV1)
	n.until(300)
	n.wants(id, "0 joe 1.1", "2 joe 1.2", "4 joe 1.3", "6 chris 1.1", "8 chris 1.2", "10 chris 1.3",
		"12 joe 2.1", "14 joe 2.2", "16 joe 2.3", "18 chris 2.1", "20 chris 2.2", "22 chris 2.3",
		"24 Nobody answers: joe, chris were paged in 2 rounds since 00:30 UTC; the pages end here")
	// What happens then does not begin it anew, short of what makes it worse.
	if _, err := n.desk.Note(n.Context(), by("dana"), id, incident.Noted{Body: "is anybody there?"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	n.until(310)
	if got := n.told(id); len(got) != 13 {
		t.Error(got)
	}
}

func TestOneAloneIsPagedAgainAndAgain(t *testing.T) {
	n := newNight(t, "joe")
	n.pager.Policy = oncall.Policy{Repeat: 2 * time.Minute, Escalate: 5 * time.Minute, Rounds: 2}
	id := n.declare(alert.SEV2)
	n.until(60)
	n.wants(id, "0 joe 1.1", "2 joe 1.2", "4 joe 1.3", "5 joe 2.1", "7 joe 2.2", "9 joe 2.3",
		"10 Nobody answers: joe were paged in 2 rounds since 00:30 UTC; the pages end here")
}

func TestWhateverAnswersStopsThePages(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(n *night, id timeline.ID) error
		last string
	}{
		"a command": {func(n *night, id timeline.ID) error {
			_, _, err := n.desk.Acknowledge(n.Context(), by("dana"), id)
			return err
		}, "3 Pages stopped: dana is on it"},
		"a link": {func(n *night, id timeline.ID) error {
			_, err := n.call.Answer(n.Context(), n.links.Token(n.page(id, 1)))
			return err
		}, "3 Pages stopped: joe is on it"},
		"a resolution": {func(n *night, id timeline.ID) error {
			_, err := n.desk.Resolve(n.Context(), by("dana"), id, time.Time{}, "")
			return err
		}, "3 Pages stopped: it is resolved"},
		"a lower severity": {func(n *night, id timeline.ID) error {
			_, err := n.desk.SetSeverity(n.Context(), by("dana"), id, alert.SEV3, "")
			return err
		}, "3 Pages stopped: it is only SEV3"},
		"a merge": {func(n *night, id timeline.ID) error {
			into := n.declare(alert.SEV4)
			_, err := n.desk.Merge(n.Context(), by("dana"), id, into)
			return err
		}, "3 Pages stopped: merged into INC-2"},
		"parking": {func(n *night, id timeline.ID) error {
			_, err := n.desk.Park(n.Context(), by("dana"), id, n.clock.Now().Add(5*time.Hour), "")
			return err
		}, "3 Pages stopped: it is parked"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNight(t)
			id := n.declare(alert.SEV2)
			n.until(3)
			if err := c.act(n, id); err != nil {
				t.Fatal(err)
			}
			n.until(60)
			n.wants(id, "0 joe 1.1", "2 joe 1.2", c.last)
		})
	}
}

func TestOnlyTheSevereWakePeople(t *testing.T) {
	n := newNight(t)
	id := n.declare(alert.SEV3)
	n.until(5)
	n.wants(id)
	if _, err := n.desk.SetSeverity(n.Context(), incident.Who{}, id, alert.SEV1, "it spreads"); err != nil {
		t.Fatal(err)
	}
	n.until(7)
	n.wants(id, "5 joe 1.1", "7 joe 1.2")
	if why := payload(n, n.page(id, 1)).Text(); why != "Paged joe: it is SEV1 now" {
		t.Error(why)
	}
	// Worse while it is paged: the rhythm stays.
	if _, err := n.desk.SetSeverity(n.Context(), by("dana"), id, alert.SEV2, ""); err != nil {
		t.Fatal(err)
	}
	n.until(9)
	n.wants(id, "5 joe 1.1", "7 joe 1.2", "9 joe 1.3")
}

func TestAReopeningStartsThemAgain(t *testing.T) {
	n := newNight(t)
	id := n.declare(alert.SEV2)
	n.until(1)
	if _, err := n.call.Answer(n.Context(), n.links.Token(n.page(id, 1))); err != nil {
		t.Fatal(err)
	}
	if _, err := n.desk.Resolve(n.Context(), by("joe"), id, time.Time{}, ""); err != nil {
		t.Fatal(err)
	}
	n.until(90)
	// As correlation does when an alert of it fires again.
	if _, err := n.db.Update(n.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Payload: &incident.StatusChanged{From: incident.Resolved, To: incident.Investigating, Reopened: true}}}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	n.until(92)
	n.wants(id, "0 joe 1.1", "1 Pages stopped: joe is on it", "90 joe 1.1", "92 joe 1.2")
	if s, err := n.call.Answer(n.Context(), n.links.Token(n.page(id, 1))); err != nil || s.Outcome != oncall.Superseded {
		t.Errorf("the link from before the reopening: %+v, %v", s, err)
	}
	if s, err := n.call.Answer(n.Context(), n.links.Token(n.page(id, 2))); err != nil || s.Outcome != oncall.Acknowledged || !s.Now {
		t.Errorf("the link from after it: %+v, %v", s, err)
	}
	n.until(100)
	if got := n.told(id); len(got) != 5 {
		t.Error(got)
	}
}

// TestWhatFlapsKeepsItsRhythm: what clears and fires again every minute pages every
// two minutes, not each time.
func TestWhatFlapsKeepsItsRhythm(t *testing.T) {
	n := newNight(t)
	id := n.declare(alert.SEV2)
	n.until(0.25)
	flap := func(from, to incident.Status) {
		t.Helper()
		if _, err := n.db.Update(n.Context(), func(timeline.View) (timeline.Decision, error) {
			return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Payload: &incident.StatusChanged{From: from, To: to}}}}, nil
		}); err != nil {
			t.Fatal(err)
		}
		n.settle()
	}
	for minute := 0.5; minute < 5; minute += 0.5 {
		n.until(minute)
		flap(incident.Investigating, incident.Monitoring)
		n.until(minute + 0.25)
		flap(incident.Monitoring, incident.Investigating)
	}
	n.until(5.5)
	if got := n.told(id); len(got) > 4 {
		t.Errorf("paged for each flap: %v", got)
	}
	// Quiet when the next page is due: none, until it fires again.
	flap(incident.Investigating, incident.Monitoring)
	quiet := len(n.told(id))
	n.until(30)
	flap(incident.Monitoring, incident.Investigating)
	if got := n.told(id); len(got) != quiet+1 || got[quiet] != "30 joe 1.1" {
		t.Error(got)
	}
}

func TestAHandoverWhilePagingReachesTheNextOne(t *testing.T) {
	n := newNight(t)
	n.clock.MoveTo(time.Date(2021, 7, 19, 8, 57, 0, 0, time.UTC)) // three minutes before chris's turn
	n.start = n.clock.Now()
	id := n.declare(alert.SEV2)
	n.until(13)
	n.wants(id, "0 joe 1.1", "2 joe 1.2", "4 joe 1.3", "6 chris 1.1", "8 chris 1.2", "10 chris 1.3", "12 dana 1.1")
}

func TestPagesSayWhoComesNext(t *testing.T) {
	n := newNight(t)
	id := n.declare(alert.SEV2)
	n.until(6)
	var texts []string
	for _, e := range n.entries(id) {
		if p, ok := e.Payload.(*oncall.Paged); ok {
			texts = append(texts, fmt.Sprintf("%s (then %s at %s)", p.Text(), p.Then, p.ThenAt.Format("15:04")))
			if !slices.Equal(p.Mentions(), []string{p.Person}) {
				t.Errorf("mentions %v", p.Mentions())
			}
			if e.Cause.IsZero() {
				t.Error("a page without its cause")
			}
		}
	}
	want := []string{"Paged joe: a new SEV2 (then chris at 00:36)", "Paged joe: no answer for 2 min (then chris at 00:36)",
		"Paged joe: no answer for 4 min (then chris at 00:36)", "Paged chris: no answer from joe for 6 min (then dana at 00:42)"}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
	if err := n.db.View(t.Context(), func(v timeline.View) error {
		list, err := oncall.Paging(v)
		if err != nil || len(list) != 1 || list[0].ID != id || list[0].Person != "chris" || !list[0].Next.Equal(n.start.Add(8*time.Minute)) {
			t.Errorf("%+v, %v", list, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestWhoCannotBeReachedIsNotSaidToBePaged: the record must not say that somebody was
// woken where no page goes.
func TestWhoCannotBeReachedIsNotSaidToBePaged(t *testing.T) {
	n := newNight(t, "joe", "chris", "dana")
	n.pager.Policy.Rounds = 1
	n.pager.Reached = func(person string) bool { return person == "dana" }
	id := n.declare(alert.SEV1)
	n.until(60)
	n.wants(id, "0 dana 1.1", "2 dana 1.2", "4 dana 1.3", "6 Nobody answers: dana were paged once since 00:30 UTC; the pages end here")
	if p := n.entries(id)[1].Payload.(*oncall.Paged); p.Why != "a new SEV1; joe is on call, and no page reaches them" || p.Then != "" {
		t.Errorf("%+v", p)
	}

	n = newNight(t, "joe", "chris")
	n.pager.Reached = func(string) bool { return false }
	id = n.declare(alert.SEV1)
	n.until(60)
	n.wants(id, "0 Nobody was paged: no page reaches joe, chris")
}
