package postmortem_test

import (
	"io"
	"path/filepath"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

const inc1 = timeline.ID("INC-1")

// rig is a real store under a clock that the test moves, with salts that repeat.
type rig struct {
	t     testing.TB
	clock *scenario.Clock
	codec *timeline.Codec
	store *storage.DB
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

var _ io.Reader = zeros{}

func newRig(t testing.TB, begin time.Time) *rig {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, command.Kinds, statuspage.Kinds, remediation.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, clock: scenario.NewClock(begin), codec: codec}
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Clock: r.clock, Rand: zeros{},
		Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, timeline.DeliveriesFold},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	return r
}

// record writes drafts at a time and returns the last one's reference.
func (r *rig) record(now time.Time, drafts ...timeline.Draft) timeline.Ref {
	r.t.Helper()
	r.clock.MoveTo(now)
	entries, err := r.store.Update(r.t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: drafts}, nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return entries[len(entries)-1].Ref
}

func (r *rig) view(read func(timeline.View)) {
	r.t.Helper()
	if err := r.store.View(r.t.Context(), func(v timeline.View) error { read(v); return nil }); err != nil {
		r.t.Fatal(err)
	}
}

// night tells a night in times of 2021-07-11, moved by shift.
type night struct {
	*rig
	shift time.Duration
	id    timeline.ID
	joe   people.Actor
}

func (n night) at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+clock)
	if err != nil {
		n.t.Fatal(err)
	}
	return t.Add(n.shift)
}

func (n night) by(actor people.Actor, now, occurred string, p timeline.Payload) timeline.Ref {
	n.t.Helper()
	d := timeline.Draft{Timeline: n.id, Actor: actor, Payload: p}
	if occurred != "" {
		d.OccurredAt = n.at(occurred)
	}
	return n.record(n.at(now), d)
}

func (n night) brief(key, name, summary string, status alert.Status, starts string, v *alert.Value) alert.Brief {
	return alert.Brief{Key: "alertmanager/" + key, Name: name, Summary: summary, Status: status, StartsAt: n.at(starts), Severity: "page", Value: v}
}

func nightAt(t testing.TB, shift time.Duration) night {
	begin := time.Date(2021, 7, 11, 0, 30, 0, 0, time.UTC).Add(shift)
	return night{rig: newRig(t, begin), shift: shift, id: inc1, joe: people.Human("joe")}
}

// seed is the night of the first post-mortem that the product exists for.
func seed(t testing.TB, shift time.Duration) night {
	n := nightAt(t, shift)
	bot, am := people.Bot, people.Source("alertmanager")
	conns := n.brief("c1", "postgres/connection-limit", "PostgreSQL has saturated its 115 max connections limit", alert.Firing, "00:31", nil)
	n.by(bot, "00:32", "", &incident.Declared{Title: "Cascading node failures and ensuing volume problems", Severity: alert.SEV2, StartedAt: n.at("00:31"), StartedWhy: "alert postgres/connection-limit started"})
	n.by(am, "00:32", "", &alert.Joined{Alerts: []alert.Brief{conns}, Now: &alert.Tally{Total: 1, Firing: 1}})
	n.by(n.joe, "00:32", "", &command.Asked{Line: "/incident ack", Via: "shell"})
	n.by(n.joe, "00:32", "", &incident.Acknowledged{})
	locks := n.brief("l1", "postgres/table-locks", "A service has claimed 34 dangerous table locks", alert.Firing, "00:33", &alert.Value{First: 34, Peak: 34, Last: 34, PeakAt: n.at("00:33")})
	n.by(am, "00:33", "", &alert.Joined{Alerts: []alert.Brief{locks}, Why: "same service", Now: &alert.Tally{Total: 2, Firing: 2}})
	locks.Value = &alert.Value{First: 34, Peak: 61, Last: 61, PeakAt: n.at("00:36")}
	n.by(am, "00:36", "", &alert.Updated{Alert: locks})
	n.by(n.joe, "00:38", "", &incident.Assigned{Role: incident.RoleLead, Person: "joe"})
	typo := n.by(n.joe, "00:38", "00:26", &incident.Noted{Body: "Djagno starts", IsCause: true})
	note := timeline.Draft{Timeline: inc1, Actor: n.joe, OccurredAt: n.at("00:27"), Supersedes: typo,
		Payload: &incident.Noted{Body: "Django starts rapidly using connections to our PostgreSQL database", IsCause: true}}
	n.record(n.at("00:39"), note)
	post := n.by(n.joe, "00:42", "", &statuspage.Posted{Title: "Database problems", State: statuspage.Investigating, Body: "We are investigating problems with our database.", First: true,
		Components: map[string]statuspage.Level{"Site": statuspage.MajorOutage, "Bot": statuspage.Degraded}})
	n.by(n.joe, "00:42", "", &statuspage.Backdated{StartedAt: n.at("00:25"), From: n.at("00:42"), Why: "joe says so"})
	n.by(people.Provider("ownpage"), "00:42", "", &timeline.Delivered{Follower: "statuspage/ownpage", Of: post, External: "92712", URL: "https://status.pythondiscord.com/incident/92712"})
	n.by(n.joe, "00:55", "", &incident.Noted{Body: "It's clear that the node which PostgreSQL was on is no longer healthy after the Django connection surge, so it's recycled and a new one is to be added to the pool."})
	n.by(people.Provider("linode"), "01:01", "", &incident.Noted{Body: "Node `lke13311-16405-5fafd1b46dcf` begins its restart"})
	n.by(n.joe, "01:13", "", &incident.Noted{Body: "Node has restored and regained healthy status, but volumes will not mount to the node. Support ticket opened at Linode for assistance."})
	n.by(n.joe, "01:20", "", &incident.Noted{Body: "Support ticket sent\n\nGood evening,\n\nWe experienced a resource surge on one of our Kubernetes nodes at 00:32 UTC.\n\n  Warning  FailedMount  103s  kubelet  MountVolume.MountDevice failed\n\nThanks,\nJoe"})
	n.by(n.joe, "01:21", "", &incident.Noted{Body: "Obstacle: Linode does not let go of the volumes"})
	n.by(n.joe, "06:36", "", &incident.Noted{Body: "DevOps team alerted that Python is offline. This is due to Redis being a dependency of the bot, which as a stateful service was not healthy."})
	n.by(n.joe, "06:40", "", &incident.Noted{Body: "Follow-up: Investigate why Django could be connection surging and locking tables"})
	conns.Status, conns.EndsAt, locks.Status, locks.EndsAt = alert.Resolved, n.at("06:50"), alert.Resolved, n.at("06:50")
	n.by(am, "06:50", "", &alert.Cleared{Alerts: []alert.Brief{conns, locks}, Left: 0})
	n.by(bot, "06:50", "", &incident.StatusChanged{From: incident.Investigating, To: incident.Monitoring, Reason: "nothing is firing any more"})
	n.by(n.joe, "07:00", "", &statuspage.Posted{State: statuspage.Resolved, Body: "All services are back.", Components: map[string]statuspage.Level{"Site": statuspage.Operational, "Bot": statuspage.Operational}})
	n.by(n.joe, "07:00", "", &incident.StatusChanged{From: incident.Monitoring, To: incident.Resolved, Reason: "volumes remounted, pods Ready"})
	n.by(n.joe, "07:01", "", &incident.StartClaimed{StartedAt: n.at("00:25"), Why: "the connections began to rise"})
	return n
}
