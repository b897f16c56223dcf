package incident_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
)

func TestMergeAndUnmerge(t *testing.T) {
	w := newWorld(t)
	eu := firing("eu", night, "cluster", "eu")
	us := firing("us", night, "cluster", "us", "severity", "critical")
	var many []alert.Alert
	for n := range 1200 {
		many = append(many, firing("many", night, "cluster", "us", "n", fmt.Sprint(n)))
	}
	w.receive(eu)
	w.receive(append(many, us)...)
	before := w.incident(2)
	if before.Alerts != (incident.Counts{Total: 1201, Firing: 1201}) {
		t.Fatalf("%+v", before.Alerts)
	}
	w.receive(resolved(us, night))
	before = w.incident(2)

	i := must2(w.desk.Merge(ctx, w.who("lena"), "INC-2", "INC-1"))
	if i.Alerts != (incident.Counts{Total: 1202, Firing: 1201}) || i.Severity != alert.SEV1 || !slices.Equal(i.Merged, []timeline.ID{"INC-2"}) {
		t.Fatalf("%+v", i)
	}
	if from := w.incident(2); from.Open() || from.MergedInto != "INC-1" || from.Alerts != (incident.Counts{}) {
		t.Fatalf("%+v", from)
	}
	for _, j := range w.joined(1) {
		if len(j.Alerts) > 500 {
			t.Errorf("an entry with %d alerts", len(j.Alerts))
		}
	}
	w.checkRefold()

	// What resolves or moves meanwhile stays so.
	w.receive(resolved(many[0], night))
	must2(w.desk.Move(ctx, w.who("lena"), "INC-1", []string{many[1].Key()}, "", "not ours"))
	w.checkRefold()
	back := must2(w.desk.Unmerge(ctx, w.who("lena"), "INC-2"))
	if back.Alerts != (incident.Counts{Total: 1200, Firing: 1198}) || !back.Open() || back.Status != before.Status {
		t.Fatalf("%+v", back)
	}
	if i := w.incident(1); i.Alerts != (incident.Counts{Total: 1, Firing: 1}) || len(i.Merged) != 0 {
		t.Fatalf("%+v", i)
	}
	w.checkRefold()
	w.after(time.Minute)
	w.receive(resolved(eu, w.clock.now), resolved(many[2], w.clock.now))
	if got := w.incident(2).Alerts.Firing; got != 1197 {
		t.Errorf("%d fire in INC-2", got)
	}
	w.checkRefold()
}

func TestMergedIncidentsAlertsFollow(t *testing.T) {
	w := newWorld(t)
	us := firing("us", night, "cluster", "us")
	w.receive(firing("eu", night, "cluster", "eu"), us)
	must2(w.desk.Merge(ctx, w.who("lena"), "INC-2", "INC-1"))
	w.receive(resolved(us, night))
	w.after(time.Hour)
	w.receive(firing("us", w.clock.now, "cluster", "us"))
	if i := w.incident(1); w.count() != 2 || i.Alerts != (incident.Counts{Total: 2, Firing: 2}) {
		t.Fatalf("%d incidents: %+v", w.count(), i.Alerts)
	}
	w.checkRefold()
}
