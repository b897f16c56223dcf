package incident_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// TestAnyNightFoldsAgain plays any sequence of acts, alerts, time and erasures:
// folding what is stored ends in the same tables, no incident is open and
// resolved, and counts agree with the alerts.
func TestAnyNightFoldsAgain(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			rt.Fatalf("%v", err)
		}
		w := openWorld(rt, dir, rt.Cleanup)
		// Two incidents to begin with, which only the cluster keeps apart.
		w.receive(firing("eu", night, "cluster", "eu", "node", node1), firing("us", night, "cluster", "us", "node", node2))
		n := rapid.IntRange(5, 30).Draw(rt, "acts")
		for range n {
			step(rt, w)
		}
		w.checkRefold()
	})
}

func step(rt *rapid.T, w *world) {
	switch rapid.IntRange(0, 9).Draw(rt, "what") {
	case 0, 1, 2:
		w.receive(someAlerts(rt, w)...)
	case 3:
		w.after(time.Duration(rapid.IntRange(1, 50).Draw(rt, "minutes")) * time.Minute)
	case 4:
		erase(rt, w)
	case 5:
		correct(rt, w)
	default:
		deskAct(rt, w)
	}
}

func someAlerts(rt *rapid.T, w *world) []alert.Alert {
	var alerts []alert.Alert
	for range rapid.IntRange(1, 4).Draw(rt, "alerts") {
		k := rapid.IntRange(0, 5).Draw(rt, "alert")
		a := firing(fmt.Sprintf("rule-%d", k), w.clock.now.Add(-time.Duration(k)*time.Minute), "severity", []string{"page", "warning", "critical", "low", "page", "page"}[k],
			"cluster", []string{"", "eu", "us"}[k%3], "node", []string{"", node1, node2}[k/2])
		a.Fingerprint = fmt.Sprint(k)
		if rapid.Bool().Draw(rt, "resolved") {
			a = resolved(a, w.clock.now)
		}
		alerts = append(alerts, a)
	}
	return alerts
}

func someEntry(rt *rapid.T, w *world) timeline.Ref {
	id := rapid.SampledFrom([]timeline.ID{timeline.Log, "INC-1", "INC-2", "INC-3"}).Draw(rt, "timeline")
	return timeline.Ref{Timeline: id, Seq: int64(rapid.IntRange(1, 25).Draw(rt, "entry"))}
}

func erase(rt *rapid.T, w *world) {
	_, err := w.desk.Erase(ctx, w.who("lena"), []timeline.Ref{someEntry(rt, w)}, "a test")
	foreseen(rt, err)
}

func correct(rt *rapid.T, w *world) {
	c := incident.Correction{At: w.clock.now.Add(-time.Duration(rapid.IntRange(0, 90).Draw(rt, "ago")) * time.Minute)}
	_, _, err := w.desk.Correct(ctx, w.who("joe"), someEntry(rt, w), c)
	foreseen(rt, err)
}

func deskAct(rt *rapid.T, w *world) {
	id := timeline.Incident(rapid.IntRange(1, 3).Draw(rt, "incident"))
	other := timeline.Incident(rapid.IntRange(1, 3).Draw(rt, "other"))
	who := w.who(rapid.SampledFrom([]string{"joe", "chris"}).Draw(rt, "who"))
	back := w.clock.now.Add(-time.Duration(rapid.IntRange(-1, 60).Draw(rt, "ago")) * time.Minute)
	var err error
	switch rapid.IntRange(0, 15).Draw(rt, "act") {
	case 0:
		_, err = w.desk.Declare(ctx, who, incident.Declaration{Title: "declared by " + who.Actor.Name, StartedAt: back})
	case 1:
		_, _, err = w.desk.Acknowledge(ctx, who, id)
	case 2:
		_, err = w.desk.SetSeverity(ctx, who, id, alert.Severity(rapid.IntRange(1, 4).Draw(rt, "severity")), "because")
	case 3:
		_, err = w.desk.SetStatus(ctx, who, id, rapid.SampledFrom(incident.Statuses).Draw(rt, "status"), back, "because")
	case 4:
		_, err = w.desk.Resolve(ctx, who, id, back, "")
	case 5:
		_, err = w.desk.Close(ctx, who, id, "")
	case 6:
		_, err = w.desk.Reopen(ctx, who, id, "again")
	case 7:
		_, err = w.desk.Park(ctx, who, id, w.clock.now.Add(time.Hour), "")
	case 8:
		_, err = w.desk.Park(ctx, who, id, time.Time{}, rapid.SampledFrom([]string{incident.UntilAlertsResolved, "the vendor answers"}).Draw(rt, "until"))
	case 9:
		_, err = w.desk.Unpark(ctx, who, id, "")
	case 10:
		_, err = w.desk.Note(ctx, who, id, incident.Noted{Body: "something happened"}, back)
	case 11:
		_, err = w.desk.Merge(ctx, who, id, other)
	case 12:
		_, err = w.desk.Unmerge(ctx, who, id)
	case 13:
		_, err = w.desk.ClaimStart(ctx, who, id, back, "seen in the logs")
	case 14:
		key := "alertmanager/" + fmt.Sprint(rapid.IntRange(0, 5).Draw(rt, "alert"))
		if rapid.Bool().Draw(rt, "new") {
			other = ""
		}
		_, err = w.desk.Move(ctx, who, id, []string{key}, other, "")
	case 15:
		_, _, err = w.desk.AcknowledgeAlert(ctx, who, "alertmanager/"+fmt.Sprint(rapid.IntRange(0, 5).Draw(rt, "alert")))
	}
	foreseen(rt, err)
}

// foreseen fails on errors that are no problems for people.
func foreseen(rt *rapid.T, err error) {
	rt.Helper()
	if code := problem.CodeOf(err); code == problem.Internal || code == problem.Unavailable {
		rt.Fatalf("unforeseen: %v", err)
	}
}
