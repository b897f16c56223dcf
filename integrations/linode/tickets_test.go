package linode_test

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
	"wardroom/integrations/linode/linodetest"
	"wardroom/storage"
)

// answers runs a watcher of tickets for d of virtual time.
func answers(r *rig, db *storage.DB, opened map[int]timeline.ID, d time.Duration) {
	r.Helper()
	w := r.cloud.NewTicketWatcher(db, slog.New(slog.DiscardHandler))
	w.Opened = func(timeline.Reader) (map[int]timeline.ID, error) { return opened, nil }
	looked := make(seat, 1000)
	w.Turns = looked
	ctx, cancel := context.WithCancel(r.ctx())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	for end := r.clock.Now().Add(d); ; {
		<-looked
		next, _ := w.NextDue()
		if next.After(end) {
			break
		}
		r.clock.MoveTo(next)
	}
	cancel()
	r.must(<-ended)
}

func anIncident(r *rig, db *storage.DB) timeline.ID {
	r.Helper()
	i, err := incident.NewDesk(db).Declare(r.ctx(), incident.Who{}, incident.Declaration{Title: "Volumes do not attach", Severity: alert.SEV2})
	r.must(err)
	return i.ID
}

// Answers come into the timeline once each, whatever is restarted in between and
// whether or not Linode answers, and so does the end.
func TestAnswersComeIntoTheTimelineOnce(t *testing.T) {
	r := ticketRig(t)
	db := openStore(r, filepath.Join(t.TempDir(), "wardroom.db"))
	id := anIncident(r, db)
	number, err := r.cloud.OpenTicket(r.ctx(), aTicket)
	r.must(err)
	opened := map[int]timeline.ID{number: id}
	answers(r, db, opened, 3*time.Minute)
	if got := told(r, db, id); len(got) != 0 {
		t.Errorf("nobody has answered: %q", got)
	}
	r.sim.Answer(number, "We are looking.\n\x1b[31m@everyone\u202e password=hunter2hunter2", false)
	answers(r, db, opened, 3*time.Minute)
	fault := r.sim.Fault(linodetest.Fault{Method: http.MethodGet, Path: "/support/tickets", Status: http.StatusServiceUnavailable})
	r.sim.Answer(number, "It is released.", true)
	answers(r, db, opened, 3*time.Minute)
	if got := told(r, db, id); len(got) != 1 {
		t.Errorf("%q", got)
	}
	r.sim.Clear(fault)
	answers(r, db, map[int]timeline.ID{}, 3*time.Minute) // its run is long past
	asked := len(r.sim.Requests())
	answers(r, db, opened, 10*time.Minute)
	got := told(r, db, id)
	if len(got) != 3 || !strings.HasSuffix(got[1], "ticket answered (ticket "+"15900001): It is released.") || !strings.Contains(got[2], "ticket closed (ticket 15900001): https://cloud.linode.com/support/tickets/15900001") {
		t.Errorf("%q", got)
	}
	if strings.ContainsAny(got[0], "\x1b\u202e\n") || strings.Contains(got[0], "hunter2") || !strings.Contains(got[0], "We are looking.") {
		t.Errorf("%q", got[0])
	}
	if n := len(r.sim.Requests()); n != asked {
		t.Errorf("%d requests about a closed ticket", n-asked)
	}
}

func TestWithoutTicketsNothingIsAsked(t *testing.T) {
	r := ticketRig(t)
	db := openStore(r, filepath.Join(t.TempDir(), "wardroom.db"))
	answers(r, db, nil, time.Hour)
	if n := r.sim.Requests(); len(n) != 0 {
		t.Errorf("%+v", n)
	}
	id := anIncident(r, db)
	number, err := r.cloud.OpenTicket(r.ctx(), aTicket)
	r.must(err)
	answers(r, db, map[int]timeline.ID{number: id}, time.Minute)
	r.clock.MoveTo(r.clock.Now().Add(31 * 24 * time.Hour))
	r.sim.Forget()
	answers(r, db, nil, time.Hour)
	if n := r.sim.Requests(); len(n) != 0 {
		t.Errorf("a ticket of 31 days ago is still read: %d", len(n))
	}
	if got := told(r, db, id); slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "ticket") }) {
		t.Errorf("%q", got)
	}
}
