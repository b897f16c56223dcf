package statuspage_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

func evidence(t *testing.T, r *rig) []string {
	t.Helper()
	_, _, found, err := r.desk.Propose(t.Context(), inc1)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range found {
		words = append(words, e.String())
	}
	return words
}

func TestProposalRanksAPersonsWordFirst(t *testing.T) {
	r := newRig(t)
	a := alert.Alert{Source: "alertmanager", Fingerprint: "f1", Status: alert.Firing, StartsAt: at("00:32"),
		Labels: map[string]string{"alertname": "postgres/connection-limit"}}
	r.record(timeline.Draft{Timeline: timeline.Log, Payload: &alert.Received{Alert: a}})
	r.declare(inc1, "One")
	r.record(timeline.Draft{Timeline: inc1, Payload: &alert.Joined{Alerts: []alert.Brief{a.Brief()}}})
	alerts := []string{
		"2021-07-11 00:27 UTC: alert postgres/connection-limit fired at 2021-07-11 00:32 UTC, after its condition had held for 5 min",
		"2021-07-11 00:31 UTC: the earliest alert",
	}
	if diff := cmp.Diff(alerts, evidence(t, r)); diff != "" {
		t.Errorf("alerts alone:\n%s", diff)
	}

	r.clock.MoveTo(at("00:50"))
	cause := r.record(timeline.Draft{Timeline: inc1, OccurredAt: at("00:26"), Actor: people.Human("joe"),
		Payload: &incident.Noted{Body: "Django takes connections", IsCause: true}})[0]
	want := append([]string{"2021-07-11 00:26 UTC: marked as the cause: Django takes connections"}, alerts...)
	if diff := cmp.Diff(want, evidence(t, r)); diff != "" {
		t.Errorf("with a cause:\n%s", diff)
	}

	r.record(timeline.Draft{Timeline: inc1, OccurredAt: at("00:24"), Actor: people.Human("joe"), Supersedes: cause,
		Payload: &incident.Noted{Body: "Django deadlocks a table", IsCause: true}},
		timeline.Draft{Timeline: inc1, Actor: people.Human("joe"), Payload: &incident.StartClaimed{StartedAt: at("00:25"), Why: "the first HTTP 524"}})
	r.record(timeline.Draft{Timeline: inc1, Actor: people.Human("chris"), Payload: &incident.StartClaimed{StartedAt: at("00:10")}},
		timeline.Draft{Timeline: inc1, Actor: people.Human("chris"), Payload: &incident.StartClaimed{StartedAt: at("00:29"), Why: "it was fine before"}})
	got := evidence(t, r)
	want = []string{
		"2021-07-11 00:29 UTC: chris says so: it was fine before",
		"2021-07-11 00:25 UTC: joe says so: the first HTTP 524",
		"2021-07-11 00:24 UTC: marked as the cause: Django deadlocks a table",
		alerts[0],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with a person's word, and the cause corrected:\n%s", diff)
	}
}

func TestCompareSaysHowAStartRelatesToTheEvidence(t *testing.T) {
	found := []statuspage.Evidence{{At: at("00:31"), Why: "an alert"}, {At: at("00:27"), Why: "a note"}}
	for name, c := range map[string]struct {
		at     string
		found  []statuspage.Evidence
		want   string
		before bool
	}{
		"earlier than all": {"00:25", found, "2 min before the earliest evidence (2021-07-11 00:27 UTC: a note)", true},
		"same minute":      {"00:31", found, "what the evidence says: an alert", false},
		"later":            {"02:31", found, "2 h 4 min after the earliest evidence (2021-07-11 00:27 UTC: a note)", false},
		"nothing to go on": {"00:25", nil, "a person's word alone: nothing recorded says when it began", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, before := statuspage.Compare(at(c.at), c.found)
			if got != c.want || before != c.before {
				t.Errorf("got %q, %t; want %q, %t", got, before, c.want, c.before)
			}
		})
	}
}
