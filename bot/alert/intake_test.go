package alert_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
)

const lockKey = "alertmanager/a1"

func wantLog(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.log()); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func wantResult(t *testing.T, got, want alert.Result) {
	t.Helper()
	if got != want {
		t.Errorf("result: got %+v, want %+v", got, want)
	}
}

func TestThreeReplicasAndRepeatsAddNothing(t *testing.T) {
	w := newWorld(t)
	wantResult(t, w.record(locks(34)), alert.Result{New: 1})
	wantResult(t, w.record(locks(34)), alert.Result{Repeated: 1})
	wantResult(t, w.record(locks(34)), alert.Result{Repeated: 1})
	for range 3 {
		w.clock.advance(4 * time.Hour)
		wantResult(t, w.record(locks(34)), alert.Result{Repeated: 1})
	}
	wantLog(t, w, "00:32:00 alert.received: Alert postgres/table-locks firing: a service has claimed 34 dangerous table locks")
}

func TestResolvedIsRecordedOnceAndForUnknownAlertsToo(t *testing.T) {
	w := newWorld(t)
	end := began.Add(-30 * time.Second)
	for range 3 {
		w.record(resolved(locks(34), end))
	}
	if row := w.row(lockKey); row.Status != alert.Resolved || !row.EndsAt.Equal(end) {
		t.Errorf("row: %+v", row)
	}
	if n := len(w.entries()); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

func TestALateFiringDoesNotReviveAResolvedAlert(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(resolved(locks(34), began))
	w.clock.advance(9 * time.Minute)
	wantResult(t, w.record(locks(34)), alert.Result{Repeated: 1})
	if got := w.row(lockKey).Status; got != alert.Resolved {
		t.Errorf("status %s, want resolved", got)
	}
}

func TestAnEpisodeThatFiresAgainLongAfterItsResolutionIsHeard(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(resolved(locks(34), began))
	w.clock.advance(10 * time.Minute)
	wantResult(t, w.record(locks(40)), alert.Result{New: 1})
	row := w.row(lockKey)
	if row.Status != alert.Firing || !row.EndsAt.IsZero() {
		t.Errorf("row: %+v", row.Alert)
	}
	if row.Value.First != 34 || row.Value.Peak != 40 {
		t.Errorf("value: %+v", row.Value)
	}
}

func TestAnOlderEpisodeAddsNothing(t *testing.T) {
	w := newWorld(t)
	old := locks(34)
	next := locks(20)
	next.StartsAt = began.Add(10 * time.Minute)
	w.clock.advance(11 * time.Minute)
	w.record(old)
	wantResult(t, w.record(next), alert.Result{New: 1})
	wantResult(t, w.record(old), alert.Result{Repeated: 1})
	wantResult(t, w.record(resolved(old, began.Add(5*time.Minute))), alert.Result{Repeated: 1})
	if row := w.row(lockKey); row.Status != alert.Firing || !row.StartsAt.Equal(next.StartsAt) {
		t.Errorf("row: %+v", row.Alert)
	}
}

func TestAResolutionThatNamesAnEarlierBeginningIsHeard(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34)) // as the second Prometheus saw it
	merged := locks(34)
	merged.StartsAt = merged.StartsAt.Add(-20 * time.Second) // as the first did
	wantResult(t, w.record(merged), alert.Result{Repeated: 1})
	w.clock.advance(5 * time.Minute)
	wantResult(t, w.record(resolved(merged, began.Add(4*time.Minute))), alert.Result{New: 1})
	row := w.row(lockKey)
	if row.Status != alert.Resolved || row.Summary() != locks(34).Summary() {
		t.Errorf("row: %+v", row)
	}
	wantResult(t, w.record(resolved(merged, began.Add(4*time.Minute))), alert.Result{Repeated: 1})
}

func TestANewEpisodeStartsAnew(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(resolved(locks(61), began))
	w.clock.advance(time.Hour)
	next := locks(12)
	next.StartsAt = began.Add(59 * time.Minute)
	w.record(next)
	row := w.row(lockKey)
	if row.Value != nil || row.Summary() != next.Summary() || !row.FirstSeen.Equal(began.Add(time.Hour)) {
		t.Errorf("row: %+v %+v", row, row.Value)
	}
}

func TestAlertsWithoutABeginning(t *testing.T) {
	w := newWorld(t)
	a := alert.Alert{Source: "kuma", Fingerprint: "7", Status: alert.Firing, Labels: map[string]string{"alertname": "site"}}
	wantResult(t, w.record(a), alert.Result{New: 1})
	w.clock.advance(time.Hour)
	wantResult(t, w.record(a), alert.Result{Repeated: 1})
	up := a
	up.Status = alert.Resolved
	wantResult(t, w.record(up), alert.Result{New: 1})
	wantResult(t, w.record(up), alert.Result{Repeated: 1})
	row := w.row("kuma/7")
	if !row.StartsAt.Equal(began) || !row.EndsAt.Equal(began.Add(time.Hour)) {
		t.Errorf("from %v to %v", row.StartsAt, row.EndsAt)
	}
	w.clock.advance(time.Minute)
	wantResult(t, w.record(a), alert.Result{New: 1}) // it knows no other way to say so
	if row := w.row("kuma/7"); !row.StartsAt.Equal(began.Add(61 * time.Minute)) {
		t.Errorf("the second episode began %v", row.StartsAt)
	}
}

func TestAlertsWithAnApproximateBeginning(t *testing.T) {
	w := newWorld(t)
	said := func(status alert.Status, at time.Duration) alert.Alert {
		a := alert.Alert{Source: "kuma", Fingerprint: "7", Status: status, Approximate: true, Labels: map[string]string{"alertname": "site"}}
		if status == alert.Firing {
			a.StartsAt = began.Add(at)
		} else {
			a.EndsAt = began.Add(at)
		}
		return a
	}
	w.clock.advance(time.Hour)
	wantResult(t, w.record(said(alert.Firing, 0)), alert.Result{New: 1})
	wantResult(t, w.record(said(alert.Firing, 10*time.Minute)), alert.Result{Repeated: 1}) // it reminds us
	wantResult(t, w.record(said(alert.Resolved, 20*time.Minute)), alert.Result{New: 1})
	wantResult(t, w.record(said(alert.Resolved, 20*time.Minute)), alert.Result{Repeated: 1})
	wantResult(t, w.record(said(alert.Firing, 10*time.Minute)), alert.Result{Repeated: 1}) // it comes late
	row := w.row("kuma/7")
	if !row.StartsAt.Equal(began) || !row.EndsAt.Equal(began.Add(20*time.Minute)) || row.Status != alert.Resolved {
		t.Errorf("%s from %v to %v", row.Status, row.StartsAt, row.EndsAt)
	}
	wantResult(t, w.record(said(alert.Firing, 30*time.Minute)), alert.Result{New: 1})
	if row := w.row("kuma/7"); !row.StartsAt.Equal(began.Add(30 * time.Minute)) {
		t.Errorf("the second episode began %v", row.StartsAt)
	}
}

func TestABareResolutionKeepsTheName(t *testing.T) {
	w := newWorld(t)
	w.record(locks(34))
	w.record(alert.Alert{Source: "alertmanager", Fingerprint: "a1", Status: alert.Resolved})
	row := w.row(lockKey)
	if row.Status != alert.Resolved || row.Name() != "postgres/table-locks" || row.Summary() == "" || !row.StartsAt.Equal(locks(34).StartsAt) {
		t.Errorf("row: %+v", row)
	}
}

func TestWhatIsNoAlertIsRefusedAndNothingIsWritten(t *testing.T) {
	w := newWorld(t)
	for name, spoil := range map[string]func(*alert.Alert){
		"no source":            func(a *alert.Alert) { a.Source = "" },
		"no fingerprint":       func(a *alert.Alert) { a.Fingerprint = "" },
		"a giant fingerprint":  func(a *alert.Alert) { a.Fingerprint = strings.Repeat("x", 600) },
		"an unknown status":    func(a *alert.Alert) { a.Status = "suppressed" },
		"a time out of bounds": func(a *alert.Alert) { a.StartsAt = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		bad := locks(1)
		spoil(&bad)
		if _, err := w.intake.Record(context.Background(), []alert.Alert{locks(34), bad}, ""); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: got %v, want an Invalid problem", name, err)
		}
	}
	wantLog(t, w)
}

func TestOneBatchMeetsItself(t *testing.T) {
	w := newWorld(t)
	end := began.Add(-10 * time.Second)
	r := w.record(locks(34), locks(34), locks(61), resolved(locks(61), end), resolved(locks(61), end), locks(34))
	wantResult(t, r, alert.Result{New: 2, Changed: 1, Repeated: 3})
	row := w.row(lockKey)
	if row.Status != alert.Resolved || row.Value == nil || row.Value.First != 34 || row.Value.Peak != 61 {
		t.Errorf("row: %+v %+v", row, row.Value)
	}
	if n := w.scratch(); n != 0 {
		t.Errorf("%d notes are left", n)
	}
}

func TestBatchesLargerThanAnUpdate(t *testing.T) {
	w := newWorld(t)
	var batch []alert.Alert
	for i := range 700 {
		a := locks(i)
		a.Fingerprint = alert.Fingerprint(map[string]string{"n": a.Annotations["summary"]})
		batch = append(batch, a)
	}
	wantResult(t, w.record(batch...), alert.Result{New: 700})
	wantResult(t, w.record(batch...), alert.Result{Repeated: 700})
}

func TestSecretsAreNotRecordedAndDoNotCountAsChanges(t *testing.T) {
	w := newWorld(t)
	a := locks(34)
	a.Annotations["description"] = "psql postgres://root:hunter2hunter2@db/site failed"
	w.record(a)
	w.clock.advance(2 * time.Minute)
	wantResult(t, w.record(a), alert.Result{Repeated: 1})
	for _, e := range w.entries() {
		if strings.Contains(string(e.Body), "hunter2") {
			t.Errorf("recorded: %s", e.Body)
		}
	}
	if row := w.row(lockKey); strings.Contains(row.Annotations["description"], "hunter2") {
		t.Errorf("kept: %q", row.Annotations["description"])
	}
}

func TestHostileNamesAreKeptAsTheyAre(t *testing.T) {
	for name, text := range map[string]string{
		"slashes and dots": "../../etc/hosts", "mention": "@everyone <@&123> @here", "right to left": "abc\u202Egnp.exe",
		"zalgo": "ẑ̵̛̰a̶̢̛l̷g̶o̴", "markup": "<script>alert(1)</script> [x](javascript:1) `**", "controls": "a\x00b\x1b[31mc\r\n",
		"separators": "a\u2028b\u2029c", "long": strings.Repeat("長", 5000), "quotes": `"\'; DROP TABLE alerts;--`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := locks(1)
			a.Labels = map[string]string{"alertname": text, text: text}
			a.Annotations = map[string]string{"summary": text}
			a.Fingerprint = alert.Fingerprint(a.Labels)
			wantResult(t, w.record(a), alert.Result{New: 1})
			wantResult(t, w.record(a), alert.Result{Repeated: 1})
			row := w.row(a.Key())
			if row.Name() != text || row.Labels[text] != text || row.Annotations["summary"] != text {
				t.Errorf("kept as %q", row.Labels)
			}
		})
	}
	w := newWorld(t)
	a := locks(1)
	a.Labels = map[string]string{"alertname": "broken \xff\xfe"}
	w.record(a)
	wantResult(t, w.record(a), alert.Result{Repeated: 1})
	if got := w.row(lockKey).Name(); got != "broken ��" && got != "broken �" {
		t.Errorf("kept as %q", got)
	}
}

func TestAFullDiskIsSaidAndNothingIsLost(t *testing.T) {
	w := newWorld(t)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.intake.Record(context.Background(), []alert.Alert{locks(34)}, ""); !problem.Is(err, problem.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
	w.open()
	wantResult(t, w.record(locks(34)), alert.Result{New: 1})
}

// TestAnyInterleavingOfReplicasRecordsTheSame holds the intake to its promise:
// however three replicas' notifications are shuffled and repeated, one firing and
// one resolution of each episode are recorded, in order.
func TestAnyInterleavingOfReplicasRecordsTheSame(t *testing.T) {
	w := newWorld(t)
	n, before := 0, int64(0)
	rapid.Check(t, func(r *rapid.T) {
		n++
		w.clock.advance(time.Hour)
		now := w.clock.Now()
		alerts := rapid.IntRange(1, 3).Draw(r, "alerts")
		var sent [][]alert.Alert // what each replica sends, in its order
		for range 3 {
			var queue []alert.Alert
			for i := range alerts {
				a := locks(34)
				a.Fingerprint = alert.Fingerprint(map[string]string{"run": time.Duration(n).String(), "n": string(rune('a' + i))})
				a.StartsAt = now
				for range rapid.IntRange(1, 3).Draw(r, "repeats") {
					queue = append(queue, a)
				}
				for range rapid.IntRange(1, 2).Draw(r, "resolutions") {
					queue = append(queue, resolved(a, now.Add(time.Minute)))
				}
			}
			sent = append(sent, queue)
		}
		var total alert.Result
		for len(sent[0])+len(sent[1])+len(sent[2]) > 0 {
			from := rapid.IntRange(0, 2).Draw(r, "replica")
			if len(sent[from]) == 0 {
				continue
			}
			size := rapid.IntRange(1, len(sent[from])).Draw(r, "size")
			got, err := w.intake.Record(context.Background(), sent[from][:size], "")
			if err != nil {
				r.Fatal(err)
			}
			sent[from] = sent[from][size:]
			total.New += got.New
			w.clock.advance(time.Duration(rapid.IntRange(0, 20).Draw(r, "seconds")) * time.Second)
		}
		if total.New != 2*alerts || total.Changed != 0 {
			r.Fatalf("recorded %+v for %d alerts that fired and resolved", total, alerts)
		}
		status := map[string][]string{}
		for _, e := range w.entriesAfter(before) {
			before = e.Seq
			a := e.Payload.(*alert.Received).Alert
			status[a.Key()] = append(status[a.Key()], string(a.Status))
		}
		for key := range maps.Keys(status) {
			if got := strings.Join(status[key], " "); got != "firing resolved" {
				r.Fatalf("%s was recorded as %s", key, got)
			}
		}
	})
}
