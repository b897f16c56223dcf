package incident_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

var ctx = context.Background()

const node1, node2 = "lke13311-16405-5fafd1b46dcf", "lke13311-20304-5ffa4d11faab"

// TestFirstSeed plays the alerts of the night of 2021-07-11.
func TestFirstSeed(t *testing.T) {
	w := newWorld(t)
	w.to(at("00:32"))
	limit := firing("postgres/connection-limit", at("00:31"), "namespace", "default")
	w.receive(limit)
	w.to(at("00:33"))
	locks := firing("postgres/dangerous-table-locks", at("00:33"), "severity", "warning")
	w.receive(locks)
	if _, _, err := w.desk.Acknowledge(ctx, w.who("joe"), timeline.Incident(1)); err != nil {
		t.Fatal(err)
	}
	w.to(at("00:50"))
	w.receive(firing("kubernetes/node-not-ready", at("00:49"), "node", node1), firing("kubernetes/pod-not-healthy", at("00:49"), "namespace", "default", "node", node1))
	w.to(at("01:13"))
	w.receive(resolved(limit, at("01:10")), resolved(locks, at("01:10")))
	w.to(at("06:36"))
	w.receive(firing("statping/python-is-offline", at("06:35")))

	if w.count() != 1 {
		t.Fatalf("%d incidents, want the one", w.count())
	}
	i := w.incident(1)
	if i.Severity != alert.SEV2 || i.Alerts != (incident.Counts{Total: 5, Firing: 3}) || !i.StartedAt.Equal(at("00:31")) || !i.DetectedAt.Equal(at("00:32")) {
		t.Errorf("got %+v", i)
	}
	var whys []string
	for _, j := range w.joined(1) {
		whys = append(whys, j.Why)
	}
	want := []string{"", "within 15 min", "likely a consequence: no other incident is open; same node " + node1, "likely a consequence: no other incident is open"}
	if diff := cmp.Diff(want, whys); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	w.checkRefold()
}

func TestAlertsOfOneNotificationShareOneEntry(t *testing.T) {
	w := newWorld(t)
	var alerts []alert.Alert
	for n := range 40 {
		alerts = append(alerts, firing(fmt.Sprintf("rule-%02d", n), w.clock.now, "instance", fmt.Sprint(n)))
	}
	w.receive(alerts...)
	joined := w.joined(1)
	if w.count() != 1 || len(joined) != 1 || len(joined[0].Alerts) != 40 {
		t.Fatalf("%d incidents, %d entries", w.count(), len(joined))
	}
	w.checkRefold()
}

func TestWhatJoins(t *testing.T) {
	opener := firing("node-down", night, "node", node1, "namespace", "default", "cluster", "eu")
	tests := []struct {
		name  string
		wait  time.Duration
		alert alert.Alert
		does  func(w *world) // before the alert
		why   string         // "": it opens INC-2; "-": nothing
	}{
		{name: "the same node, hours later", wait: 20 * time.Hour, alert: firing("b", night, "node", node1), why: "same node " + node1},
		{name: "another node, inside the window", wait: 5 * time.Minute, alert: firing("b", night, "node", node2), why: "within 15 min"},
		{name: "the namespace, inside the window", wait: 5 * time.Minute, alert: firing("b", night, "namespace", "default"), why: "same namespace default within 15 min"},
		{name: "a page, while nothing else is open", wait: 6 * time.Hour, alert: firing("b", night), why: "likely a consequence: no other incident is open"},
		{name: "a page, the next day", wait: 13 * time.Hour, alert: firing("b", night), why: ""},
		{name: "a warning, after the window", wait: time.Hour, alert: firing("b", night, "severity", "warning"), why: ""},
		{name: "another cluster, at once", wait: time.Minute, alert: firing("b", night, "cluster", "us"), why: ""},
		{name: "another cluster with the same node name", wait: time.Minute, alert: firing("b", night, "cluster", "us", "node", node1), why: ""},
		{name: "low priority without a label in common", wait: time.Minute, alert: firing("b", night, "severity", "low"), why: "-"},
		{name: "low priority with the node", wait: time.Hour, alert: firing("b", night, "severity", "low", "node", node1), why: "same node " + node1},
		{name: "low priority with the namespace, after the window", wait: time.Hour, alert: firing("b", night, "severity", "low", "namespace", "default"), why: "-"},
		{name: "the exporter's node is not the sick one", wait: 13 * time.Hour, alert: firing("b", night, "kubernetes_node", node1), why: ""},
		{name: "while parked, without a label", wait: time.Minute, alert: firing("b", night), why: "", does: func(w *world) {
			must2(w.desk.Park(ctx, w.who("joe"), "INC-1", time.Time{}, "the vendor answers"))
		}},
		{name: "while parked, the same node", wait: time.Minute, alert: firing("b", night, "node", node1), why: "same node " + node1, does: func(w *world) {
			must2(w.desk.Park(ctx, w.who("joe"), "INC-1", time.Time{}, "the vendor answers"))
		}},
		{name: "the same node, resolved an hour ago", wait: time.Hour, alert: firing("b", at("02:00"), "node", node1), why: "same node " + node1, does: func(w *world) {
			must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, ""))
		}},
		{name: "the same node, resolved three hours ago", wait: 3 * time.Hour, alert: firing("b", at("02:00"), "node", node1), why: "", does: func(w *world) {
			must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, ""))
		}},
		{name: "nothing in common, resolved a minute ago", wait: time.Minute, alert: firing("b", at("02:00")), why: "", does: func(w *world) {
			must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, ""))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.receive(opener)
			if tt.does != nil {
				tt.does(w)
			}
			w.after(tt.wait)
			w.receive(tt.alert)
			joined := w.joined(1)
			switch {
			case tt.why == "-" && (w.count() != 1 || len(joined) != 1):
				t.Errorf("%d incidents, %d joins: want it left alone", w.count(), len(joined))
			case tt.why == "" && w.count() != 2:
				t.Errorf("joined because %q, want its own incident", joined[len(joined)-1].Why)
			case tt.why != "" && tt.why != "-" && (w.count() != 1 || joined[len(joined)-1].Why != tt.why):
				t.Errorf("%d incidents, joined because %q, want %q", w.count(), joined[len(joined)-1].Why, tt.why)
			}
			w.checkRefold()
		})
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestTwoOpenIncidentsGetWhatSharesTheirLabels(t *testing.T) {
	w := newWorld(t)
	w.receive(firing("a", night, "cluster", "eu", "service", "redis", "namespace", "default"), firing("b", night, "cluster", "us", "service", "site", "namespace", "web"))
	w.after(time.Hour)
	w.receive(firing("c", w.clock.now, "service", "redis", "namespace", "default"), firing("d", w.clock.now, "service", "site"), firing("e", w.clock.now, "service", "redis", "namespace", "web"))
	if w.count() != 2 {
		// e is a redis of another namespace: it comes inside the window of INC-2's last join.
		t.Fatalf("%d incidents", w.count())
	}
	if got := w.incident(1).AlertNames; !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("INC-1 has %v", got)
	}
	if got := w.incident(2).AlertNames; !slices.Equal(got, []string{"b", "d", "e"}) {
		t.Errorf("INC-2 has %v", got)
	}
}

func TestManualIncidentTakesTheAlertsThatFollow(t *testing.T) {
	w := newWorld(t)
	must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "HTTP 524 everywhere"}))
	w.after(4 * time.Minute)
	w.receive(firing("probe-failed", w.clock.now))
	if w.count() != 1 || w.incident(1).Title != "HTTP 524 everywhere" || w.incident(1).Alerts.Firing != 1 {
		t.Fatalf("%d incidents: %+v", w.count(), w.incident(1))
	}
}

func TestFlappingAlertStaysOneAlertOfOneIncident(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		a := firing("flap", w.clock.now)
		w.receive(a)
		w.after(3 * time.Minute)
		w.receive(resolved(a, w.clock.now))
		w.after(10 * time.Minute)
	}
	i := w.incident(1)
	if w.count() != 1 || i.Alerts != (incident.Counts{Total: 1}) || i.Status != incident.Monitoring {
		t.Fatalf("%d incidents: %+v", w.count(), i)
	}
	w.after(time.Hour)
	if i := w.incident(1); !i.SelfRecovered || i.Status != incident.Resolved {
		t.Fatalf("not recovered: %+v", i)
	}
	a := firing("flap", w.clock.now)
	w.receive(a)
	if i := w.incident(1); w.count() != 1 || i.Status != incident.Investigating || i.SelfRecovered || !i.ResolvedAt.IsZero() || !i.MitigatedAt.IsZero() {
		t.Fatalf("not reopened: %+v", i)
	}
	w.checkRefold()
}

func TestReopenedByAnAlertAsksForAnotherAcknowledgement(t *testing.T) {
	w := newWorld(t)
	a := firing("a", night)
	w.receive(a)
	w.after(time.Minute)
	if _, _, err := w.desk.Acknowledge(ctx, w.who("joe"), "INC-1"); err != nil {
		t.Fatal(err)
	}
	w.receive(resolved(a, w.clock.now))
	must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, ""))
	w.after(time.Hour)
	w.receive(firing("a", w.clock.now))
	if i := w.incident(1); !i.NeedsAck() {
		t.Fatalf("%+v", i)
	}
	i, already, err := w.desk.Acknowledge(ctx, w.who("chris"), "INC-1")
	if err != nil || already || i.NeedsAck() || i.OnIt != "chris" || i.AcknowledgedBy != "joe" || !i.AcknowledgedAt.Equal(night.Add(time.Minute)) {
		t.Fatalf("%v %v %+v", err, already, i)
	}
	if _, already, _ = w.desk.Acknowledge(ctx, w.who("joe"), "INC-1"); !already {
		t.Error("a third acknowledgement counted")
	}
	w.checkRefold()
}

func TestABlipHasNoConsequences(t *testing.T) {
	w := newWorld(t)
	blip := firing("blip", night)
	w.receive(blip)
	w.after(time.Minute)
	w.receive(resolved(blip, w.clock.now))
	w.after(20 * time.Minute)
	w.receive(firing("something else", w.clock.now))
	if w.count() != 2 {
		t.Errorf("it joined what had recovered by itself: %q", w.joined(1)[1].Why)
	}
}

func TestSameBatchFiresAndResolves(t *testing.T) {
	w := newWorld(t)
	a := firing("blip", night)
	again := firing("blip", night.Add(time.Minute))
	w.clock.now = night.Add(5 * time.Minute)
	w.record(a, resolved(a, night.Add(30*time.Second)), again, resolved(again, night.Add(2*time.Minute)))
	w.correlate()
	i := w.incident(1)
	if i.Alerts != (incident.Counts{Total: 1}) || i.Status != incident.Monitoring {
		t.Fatalf("%+v", i)
	}
	w.checkRefold()
}

func TestLostResolutionCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.receive(firing("a", night))
	w.after(time.Hour)
	w.receive(firing("a", w.clock.now)) // a new episode; the end of the first was never told
	if got := w.incident(1).Alerts; got != (incident.Counts{Total: 1, Firing: 1}) {
		t.Fatalf("%+v", got)
	}
	w.checkRefold()
}

func TestSelfRecovery(t *testing.T) {
	a := firing("blip", night)
	tests := []struct {
		name      string
		during    func(w *world)
		recovered bool
	}{
		{"nobody acts", func(*world) {}, true},
		{"somebody acknowledges", func(w *world) { w.desk.Acknowledge(ctx, w.who("joe"), "INC-1") }, false},
		{"somebody notes something", func(w *world) {
			w.desk.Note(ctx, w.who("joe"), "INC-1", incident.Noted{Body: "looking"}, time.Time{})
		}, false},
		{"it fires again", func(w *world) { w.receive(firing("blip", w.clock.now)) }, false},
		{"somebody only looks", func(w *world) { w.append(looked("INC-1")) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.receive(a)
			w.after(5 * time.Minute)
			ended := w.clock.now
			w.receive(resolved(a, ended))
			w.after(10 * time.Minute)
			tt.during(w)
			w.after(19 * time.Minute)
			if i := w.incident(1); i.Status == incident.Resolved {
				t.Fatalf("resolved after 29 minutes")
			}
			w.after(time.Minute)
			i := w.incident(1)
			if (i.Status == incident.Resolved) != tt.recovered || i.SelfRecovered != tt.recovered {
				t.Fatalf("status %s, self-recovered %v", i.Status, i.SelfRecovered)
			}
			if tt.recovered && !i.ResolvedAt.Equal(ended) {
				t.Errorf("resolved at %s, want when the alert did, %s", i.ResolvedAt, ended)
			}
			w.checkRefold()
		})
	}
}

func looked(id timeline.ID) timeline.Draft {
	return timeline.Draft{Timeline: id, Payload: asked("/timeline show"), Actor: people.Human("joe")}
}

func TestResolutionRecordsHeads(t *testing.T) {
	w := newWorld(t)
	w.receive(firing("a", night))
	must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, "fixed"))
	log := w.entries(timeline.Log)
	heads, ok := log[len(log)-1].Payload.(*timeline.HeadsRecorded)
	if !ok || len(heads.Heads) != 2 {
		t.Fatalf("the log ends with %s", log[len(log)-1].Payload.Text())
	}
}

func TestWorseAlertRaisesSeverityAndNamesAnUntouchedIncident(t *testing.T) {
	w := newWorld(t)
	w.receive(firing("disk-will-fill", night, "severity", "warning"))
	w.after(time.Minute)
	w.receive(firing("postgres/down", w.clock.now))
	i := w.incident(1)
	if i.Severity != alert.SEV2 || !strings.HasPrefix(i.Title, "postgres/down") {
		t.Errorf("%s", i.Headline())
	}
	w.receive(firing("disk-full", w.clock.now, "severity", "warning"))
	if w.incident(1).Severity != alert.SEV2 {
		t.Errorf("a lesser alert lowered the severity")
	}
	w.checkRefold()
}

func TestParkedUntilAlertsResolve(t *testing.T) {
	w := newWorld(t)
	a := firing("vendor", night)
	w.receive(a)
	must2(w.desk.Park(ctx, w.who("joe"), "INC-1", time.Time{}, incident.UntilAlertsResolved))
	w.receive(firing("vendor", night.Add(time.Second), "severity", "critical", "instance", "b"))
	if w.count() != 2 {
		t.Fatalf("an unrelated SEV1 joined what was set aside")
	}
	w.after(time.Hour)
	w.receive(resolved(a, w.clock.now))
	if i := w.incident(1); i.Status != incident.Monitoring || i.Park != nil {
		t.Fatalf("%+v", i)
	}
	w.checkRefold()
}

func TestSEV1EndsParking(t *testing.T) {
	w := newWorld(t)
	w.receive(firing("a", night, "node", node1))
	must2(w.desk.Park(ctx, w.who("joe"), "INC-1", at("09:00"), ""))
	w.receive(firing("b", night, "node", node1))
	if i := w.incident(1); i.Status != incident.Parked {
		t.Fatalf("a SEV2 took it up: %s", i.Status)
	}
	w.receive(firing("c", night, "node", node1, "severity", "critical"))
	if i := w.incident(1); i.Status != incident.Investigating || i.Severity != alert.SEV1 {
		t.Fatalf("%+v", i)
	}
	w.to(at("10:00"))
	w.checkRefold()
}

// burst correlates n alerts that come at once.
func burst(t *testing.T, n int) (*world, time.Duration) {
	t.Helper()
	w := newWorld(t)
	for from := 0; from < n; from += 500 {
		var alerts []alert.Alert
		for m := range 500 {
			alerts = append(alerts, firing("burst", night, "instance", fmt.Sprint(from+m), "node", fmt.Sprintf("node-%d", m%80)))
		}
		w.record(alerts...)
	}
	began := time.Now()
	w.correlate()
	return w, time.Since(began)
}

// The time is compared with a tenth of the burst on the same machine: an alert
// must not take longer because many came before it. Ten times as long would be
// exactly even, a hundred times that each looks at all the others.
func TestBurstOfTenThousand(t *testing.T) {
	var tenth time.Duration
	for range 3 {
		_, took := burst(t, 1000)
		tenth = max(tenth, took)
	}
	w, took := burst(t, 10000)
	t.Logf("10,000 alerts correlated in %s, 1,000 in %s", took, tenth)
	if limit := max(30*tenth, 2*time.Second); took > limit {
		t.Errorf("10,000 alerts took %s, 1,000 took %s: want %s at the most", took, tenth, limit)
	}
	i := w.incident(1)
	if w.count() != 1 || i.Alerts.Firing != 10000 {
		t.Fatalf("%d incidents, %+v", w.count(), i.Alerts)
	}
	if joined := w.joined(1); len(joined) > 25 {
		t.Errorf("%d entries for 10,000 alerts", len(joined))
	}
	if len(i.Shared["node"]) != 50 {
		t.Errorf("%d nodes remembered, want the cap", len(i.Shared["node"]))
	}
}

// An alert whose end was never heard fires again long after people resolved its incident.
func TestAlertLeavesAnIncidentThatIsOver(t *testing.T) {
	w := newWorld(t)
	w.receive(firing("a", night))
	must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, "by hand"))
	w.after(5 * time.Hour)
	w.receive(firing("a", w.clock.now))
	if got := w.incident(1).Alerts; got != (incident.Counts{Total: 1}) {
		t.Errorf("INC-1 counts %+v", got)
	}
	if got := w.incident(2).Alerts; got != (incident.Counts{Total: 1, Firing: 1}) {
		t.Errorf("INC-2 counts %+v", got)
	}
	w.checkRefold()
}

// One node dies: Alertmanager groups by alert name, so each rule comes as a
// notification of its own, with whatever labels its metric has.
func TestOneDeadNodeIsOneIncident(t *testing.T) {
	w := newWorld(t)
	ksm := []string{"kubernetes_node", node2, "service", "kube-state-metrics"} // where the exporter runs
	alerts := []alert.Alert{
		firing("kubernetes/node-not-ready", night, append(ksm, "node", node1)...),
		firing("kubernetes/pod-not-healthy", night, append(ksm, "namespace", "default", "pod", "redis-599887d778-wggbl")...),
		firing("redis/down", night, "instance", "redis.default.svc:6379"),
		firing("instance-down", night, "instance", "10.2.3.4:9100", "job", "node-exporter"),
		firing("NGFServiceDown", night, "namespace", "nginx-gateway"),
		firing("NGFHigh5xxRate", night, "severity", "warning"),
		firing("django/errors", night, "namespace", "web"),
		firing("postgres/connection-limit", night, "namespace", "default"),
	}
	for _, a := range alerts {
		w.after(90 * time.Second)
		w.receive(a)
	}
	if i := w.incident(1); w.count() != 1 || i.Alerts.Firing != len(alerts) {
		t.Fatalf("%d incidents, INC-1 has %+v", w.count(), i.Alerts)
	}
	for n, a := range alerts {
		if s := w.incident(1).Status; s != incident.Investigating {
			t.Fatalf("%s while %d alerts fire", s, len(alerts)-n)
		}
		w.after(time.Minute)
		w.receive(resolved(a, w.clock.now))
	}
	if i := w.incident(1); i.Status != incident.Monitoring || !i.MitigatedAt.Equal(w.clock.now) {
		t.Fatalf("%+v", i)
	}
	w.checkRefold()
}

func TestExportersServiceJoinsNothing(t *testing.T) {
	w := newWorld(t)
	w.receive(firing("a", night, "service", "kube-state-metrics", "namespace", "one", "exported_namespace", "web"))
	w.after(13 * time.Hour)
	w.receive(firing("b", w.clock.now, "service", "kube-state-metrics", "namespace", "one", "exported_namespace", "default"))
	if w.count() != 2 {
		t.Errorf("joined: %q", w.joined(1)[1].Why)
	}
	if got := w.incident(1).Shared["namespace"]; !slices.Equal(got, []string{"web"}) {
		t.Errorf("the exporter's namespace was taken for the alert's: %v", got)
	}
}

func TestChangedValuesReachTheIncident(t *testing.T) {
	w := newWorld(t)
	a := firing("postgres/locks", night)
	w.receive(a)
	change := func(last, peak float64) timeline.Draft {
		return timeline.Draft{Timeline: timeline.Log, Payload: &alert.Changed{Key: a.Key(), Name: "postgres/locks",
			Annotations: map[string]string{"summary": fmt.Sprintf("%v locks", last)}, Value: &alert.Value{First: 34, Peak: peak, Last: last}}}
	}
	w.append(change(61, 61), change(40, 61))
	w.correlate()
	told := w.told(1)
	if want := "alert.updated: Alert postgres/locks: now 40, peaked at 61: 40 locks"; told[len(told)-1] != want || len(told) != 3 {
		t.Errorf("%q", told)
	}
	w.receive(resolved(a, night))
	w.append(change(1, 61))
	w.correlate()
	if got := w.told(1); strings.HasPrefix(got[len(got)-1], "alert.updated") {
		t.Errorf("a resolved alert was updated: %q", got)
	}
	w.checkRefold()
}

// Lag must not change what joins: everything is judged at the time it was received.
func TestCorrelationLater(t *testing.T) {
	w := newWorld(t)
	w.record(firing("a", night))
	var warnings []alert.Alert
	for n := range timeline.DecideBatch { // b is correlated in a batch after a's
		warnings = append(warnings, firing("low", night, "severity", "low", "n", fmt.Sprint(n)))
	}
	w.record(warnings...)
	w.after(14 * time.Hour)
	w.record(firing("b", w.clock.now))
	w.after(time.Hour)
	w.correlate()
	if w.count() != 2 || !w.incident(1).DetectedAt.Equal(night) {
		t.Errorf("%d incidents, detected %s", w.count(), w.incident(1).DetectedAt)
	}
}
