package room_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/room"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// placed is a store that keeps rooms, and how it grows.
type placed struct {
	t     *testing.T
	db    *storage.DB
	clock *scenario.Clock
}

func newPlaced(t *testing.T) *placed {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, room.PlaceKinds)
	if err != nil {
		t.Fatal(err)
	}
	clock := scenario.NewClock(at("00:30"))
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"),
		storage.Options{Codec: codec, Clock: clock, Folds: []timeline.Fold{alert.Fold, incident.Fold, room.Fold}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &placed{t, db, clock}
}

func (p *placed) record(clockTime string, id timeline.ID, payloads ...timeline.Payload) {
	p.t.Helper()
	p.clock.MoveTo(at(clockTime))
	_, err := p.db.Update(p.t.Context(), func(timeline.View) (d timeline.Decision, _ error) {
		for _, payload := range payloads {
			d.Entries = append(d.Entries, timeline.Draft{Timeline: id, Payload: payload})
		}
		return d, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *placed) view(read func(timeline.View) error) {
	p.t.Helper()
	if err := p.db.View(p.t.Context(), read); err != nil {
		p.t.Fatal(err)
	}
}

func TestARoomIsFoundByIncidentAndByChannel(t *testing.T) {
	p := newPlaced(t)
	open := func(channel string) *room.Opened {
		return &room.Opened{Place: room.Place{ID: "INC-9", Chat: "discord", Channel: channel, Name: "inc-0001"}}
	}
	p.record("00:30", "INC-1", &incident.Declared{Title: "x", Severity: alert.SEV2, StartedAt: at("00:30")}, open("11"))
	p.record("00:31", "INC-1", &room.Archived{Chat: "discord"}, &room.Archived{Chat: "irc"})
	p.record("00:32", "INC-2", &incident.Declared{Title: "y", Severity: alert.SEV2, StartedAt: at("00:32")}, open("22"))
	p.view(func(v timeline.View) error {
		got, is, err := room.PlaceOf(v, "discord", "INC-1")
		want := room.Place{ID: "INC-1", Chat: "discord", Channel: "11", Name: "inc-0001", OpenedAt: at("00:30"), Archived: true}
		if diff := cmp.Diff(want, got); !is || err != nil || diff != "" {
			t.Error(is, err, diff)
		}
		if _, is, err := room.PlaceOf(v, "irc", "INC-1"); is || err != nil {
			t.Error("a chat without a room has one", err)
		}
		if at22, is, err := room.PlaceAt(v, "discord", "22"); !is || err != nil || at22.ID != "INC-2" {
			t.Error(at22, is, err)
		}
		return nil
	})
	// The channel was deleted: another one takes its place, in use again.
	p.record("00:40", "INC-1", open("33"))
	p.view(func(v timeline.View) error {
		if _, is, _ := room.PlaceAt(v, "discord", "11"); is {
			t.Error("the deleted channel is still the room")
		}
		places, err := room.PlacesIn(v, "discord")
		if err != nil || len(places) != 2 || places[0].Channel != "33" || places[0].Archived {
			t.Error(places, err)
		}
		if others, err := room.PlacesIn(v, "disc"); err != nil || len(others) != 0 {
			t.Error("rooms of another chat", others, err)
		}
		return nil
	})
	if report, err := p.db.Verify(t.Context(), storage.VerifyOptions{Rebuild: true}); err != nil || len(report.Faults) > 0 {
		t.Error(report, err)
	}
}

func TestTheOverviewPutsTheMostImportantFirst(t *testing.T) {
	p := newPlaced(t)
	declare := func(clockTime string, n int, title string, severity alert.Severity, more ...timeline.Payload) {
		t.Helper()
		p.record(clockTime, timeline.Incident(n), append([]timeline.Payload{&incident.Declared{Title: title, Severity: severity, StartedAt: at(clockTime)}}, more...)...)
	}
	resolved := &incident.StatusChanged{From: incident.Investigating, To: incident.Resolved}
	declare("00:30", 1, "merged away", alert.SEV1, &incident.MergedInto{Into: "INC-5"})
	declare("00:31", 2, "resolved", alert.SEV1, resolved)
	declare("00:32", 3, "closed", alert.SEV1, resolved, &incident.StatusChanged{From: incident.Resolved, To: incident.Closed})
	declare("00:33", 4, "acknowledged", alert.SEV2, &incident.Acknowledged{})
	declare("00:34", 5, "nobody is on it", alert.SEV2)
	declare("00:35", 6, "nobody is on it, younger", alert.SEV2)
	declare("00:36", 7, "worst", alert.SEV1, &incident.Acknowledged{}, &room.Opened{Place: room.Place{Chat: "discord", Channel: "77"}})
	declare("00:37", 8, "waits", alert.SEV1, &incident.ParkedUntil{Park: incident.Park{For: "the vendor", Before: incident.Investigating}})
	var got []string
	p.view(func(v timeline.View) error {
		lines, more, err := room.Overview(v, "discord", v.Now(), 0)
		for _, l := range lines {
			got = append(got, fmt.Sprintf("%s %s %s ack:%t %s%s", l.ID, l.Severity, l.Title, l.NeedsAck, l.Park, l.Place.Channel))
		}
		if more != 0 || err != nil {
			t.Error(more, err)
		}
		if lines, more, err := room.Overview(v, "discord", v.Now(), 2); len(lines) != 2 || more != 4 || err != nil {
			t.Error("limited:", len(lines), more, err)
		}
		if lines, _, err := room.Overview(v, "discord", v.Now().AddDate(0, 0, 8), 0); len(lines) != 5 || err != nil {
			t.Error("a week later the resolved one is gone:", len(lines), err)
		}
		return nil
	})
	want := []string{
		"INC-7 SEV1 worst ack:false 77",
		"INC-5 SEV2 nobody is on it ack:true ",
		"INC-6 SEV2 nobody is on it, younger ack:true ",
		"INC-4 SEV2 acknowledged ack:false ",
		"INC-8 SEV1 waits ack:true Parked until the vendor",
		"INC-2 SEV1 resolved ack:false ",
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		t.Error(diff)
	}
}
