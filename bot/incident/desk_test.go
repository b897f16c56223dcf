package incident_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

func open(w *world, title string) timeline.ID {
	w.t.Helper()
	return must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: title})).ID
}

// TestStatusMoves tries every status from every other one.
func TestStatusMoves(t *testing.T) {
	reach := map[incident.Status]func(w *world){
		incident.Investigating: func(*world) {},
		incident.Identified: func(w *world) {
			must2(w.desk.SetStatus(ctx, w.who("joe"), "INC-1", incident.Identified, time.Time{}, ""))
		},
		incident.Monitoring: func(w *world) {
			must2(w.desk.SetStatus(ctx, w.who("joe"), "INC-1", incident.Monitoring, time.Time{}, ""))
		},
		incident.Parked:   func(w *world) { must2(w.desk.Park(ctx, w.who("joe"), "INC-1", at("09:00"), "")) },
		incident.Resolved: func(w *world) { must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, "")) },
		incident.Closed: func(w *world) {
			must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, ""))
			must2(w.desk.Close(ctx, w.who("joe"), "INC-1", ""))
		},
	}
	allowed := map[incident.Status]string{
		incident.Investigating: "investigating identified monitoring resolved",
		incident.Identified:    "investigating identified monitoring resolved",
		incident.Monitoring:    "investigating identified monitoring resolved",
		incident.Parked:        "investigating identified monitoring resolved parked",
		incident.Resolved:      "resolved closed",
		incident.Closed:        "closed",
	}
	for from, get := range reach {
		for _, to := range incident.Statuses {
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				w := newWorld(t)
				open(w, "x")
				get(w)
				i, err := w.desk.SetStatus(ctx, w.who("joe"), "INC-1", to, time.Time{}, "")
				may := slices.Contains(strings.Fields(allowed[from]), string(to))
				if may && (err != nil || i.Status != to) {
					t.Fatalf("refused: %v", err)
				}
				if p := problem.CodeOf(err); !may && p != problem.Conflict && p != problem.Invalid {
					t.Fatalf("allowed, or a poor problem: %v", err)
				}
				w.checkRefold()
			})
		}
	}
}

func TestTimesOfANight(t *testing.T) {
	w := newWorld(t)
	w.to(at("00:32"))
	id := must2(w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "x", StartedAt: at("00:31"), Severity: alert.SEV1})).ID
	w.to(at("00:40"))
	i, already, err := w.desk.Acknowledge(ctx, w.who("joe"), id)
	if err != nil || already || i.AcknowledgedBy != "joe" {
		t.Fatalf("%v %v %+v", err, already, i)
	}
	w.to(at("00:41"))
	if i, already, err = w.desk.Acknowledge(ctx, w.who("chris"), id); err != nil || !already || i.AcknowledgedBy != "joe" || !i.AcknowledgedAt.Equal(at("00:40")) {
		t.Fatalf("second: %v %v %+v", err, already, i)
	}
	must2(w.desk.SetStatus(ctx, w.who("joe"), id, incident.Monitoring, time.Time{}, ""))
	w.to(at("02:00"))
	i = must2(w.desk.Resolve(ctx, w.who("joe"), id, at("00:35"), "it was over before")) // earlier than monitoring
	if !i.ResolvedAt.Equal(at("00:35")) || !i.MitigatedAt.Equal(at("00:35")) {
		t.Errorf("mitigated %s, resolved %s", i.MitigatedAt, i.ResolvedAt)
	}
	i = must2(w.desk.Close(ctx, w.who("joe"), id, ""))
	i = must2(w.desk.Reopen(ctx, w.who("chris"), id, "again"))
	if !i.ResolvedAt.IsZero() || !i.MitigatedAt.IsZero() || !i.ClosedAt.IsZero() || !i.Open() || !i.ReopenedAt.Equal(at("02:00")) {
		t.Errorf("%+v", i)
	}
	if !slices.Equal(i.Responders, []string{"joe", "chris"}) {
		t.Errorf("responders %v", i.Responders)
	}
	w.checkRefold()
}

func TestWhatIsRefused(t *testing.T) {
	long := strings.Repeat("x", incident.MaxNote+1)
	tests := []struct {
		name string
		do   func(w *world) error
		code problem.Code
		says string
	}{
		{"a title of nothing", func(w *world) error {
			_, err := w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: " \u202e\n"})
			return err
		}, problem.Invalid, "title"},
		{"a start in the future", func(w *world) error {
			_, err := w.desk.Declare(ctx, w.who("joe"), incident.Declaration{Title: "x", StartedAt: at("00:26")})
			return err
		}, problem.Invalid, "future"},
		{"a claimed start after detection", func(w *world) error {
			w.to(at("03:00"))
			_, err := w.desk.ClaimStart(ctx, w.who("joe"), "INC-1", at("02:00"), "")
			return err
		}, problem.Invalid, "cannot have begun"},
		{"a resolution before the start", func(w *world) error {
			_, err := w.desk.Resolve(ctx, w.who("joe"), "INC-1", at("00:10"), "")
			return err
		}, problem.Invalid, "before INC-1 began"},
		{"a resolution in the future", func(w *world) error {
			_, err := w.desk.Resolve(ctx, w.who("joe"), "INC-1", at("00:26"), "")
			return err
		}, problem.Invalid, "future"},
		{"a note in the future", func(w *world) error {
			_, err := w.desk.Note(ctx, w.who("joe"), "INC-1", incident.Noted{Body: "x"}, at("00:26"))
			return err
		}, problem.Invalid, "future"},
		{"a note of the year 1", func(w *world) error {
			_, err := w.desk.Note(ctx, w.who("joe"), "INC-1", incident.Noted{Body: "x"}, time.Time{}.Add(time.Hour))
			return err
		}, problem.Invalid, "too long ago"},
		{"a long note", func(w *world) error {
			_, err := w.desk.Note(ctx, w.who("joe"), "INC-1", incident.Noted{Body: long}, time.Time{})
			return err
		}, problem.TooLarge, "4000"},
		{"no such incident", func(w *world) error { _, _, err := w.desk.Acknowledge(ctx, w.who("joe"), "INC-7"); return err }, problem.NotFound, "INC-7"},
		{"no such severity", func(w *world) error {
			_, err := w.desk.SetSeverity(ctx, w.who("joe"), "INC-1", 9, "")
			return err
		}, problem.Invalid, "severity"},
		{"parking for nothing", func(w *world) error {
			_, err := w.desk.Park(ctx, w.who("joe"), "INC-1", time.Time{}, "")
			return err
		}, problem.Invalid, "until when"},
		{"parking until the past", func(w *world) error {
			_, err := w.desk.Park(ctx, w.who("joe"), "INC-1", at("00:20"), "")
			return err
		}, problem.Invalid, "not in the future"},
		{"parking until alerts resolve when none fires", func(w *world) error {
			_, err := w.desk.Park(ctx, w.who("joe"), "INC-1", time.Time{}, incident.UntilAlertsResolved)
			return err
		}, problem.Conflict, "no alert"},
		{"taking up what is not parked", func(w *world) error {
			_, err := w.desk.Unpark(ctx, w.who("joe"), "INC-1", "")
			return err
		}, problem.Conflict, "not parked"},
		{"reopening what is open", func(w *world) error {
			_, err := w.desk.Reopen(ctx, w.who("joe"), "INC-1", "")
			return err
		}, problem.Conflict, "nothing to reopen"},
		{"a role that is none", func(w *world) error {
			_, err := w.desk.Assign(ctx, w.who("joe"), "INC-1", "<b>", "joe")
			return err
		}, problem.Invalid, "role"},
		{"a link that runs", func(w *world) error {
			_, err := w.desk.Link(ctx, w.who("joe"), "INC-1", incident.Link{URL: "javascript:alert(1)"})
			return err
		}, problem.Invalid, "address"},
		{"merging with itself", func(w *world) error { _, err := w.desk.Merge(ctx, w.who("joe"), "INC-1", "INC-1"); return err }, problem.Invalid, "itself"},
		{"merging what is open into what is over", func(w *world) error {
			open(w, "y")
			must2(w.desk.Resolve(ctx, w.who("joe"), "INC-1", time.Time{}, ""))
			_, err := w.desk.Merge(ctx, w.who("joe"), "INC-2", "INC-1")
			return err
		}, problem.Conflict, "not over"},
		{"acting on what was merged away", func(w *world) error {
			open(w, "y")
			must2(w.desk.Merge(ctx, w.who("joe"), "INC-1", "INC-2"))
			_, _, err := w.desk.Acknowledge(ctx, w.who("joe"), "INC-1")
			return err
		}, problem.Conflict, "merged into INC-2"},
		{"moving an alert of another incident", func(w *world) error {
			_, err := w.desk.Move(ctx, w.who("joe"), "INC-1", []string{"a/b"}, "", "")
			return err
		}, problem.NotFound, "no alert a/b"},
		{"correcting a declaration", func(w *world) error {
			_, _, err := w.desk.Correct(ctx, w.who("joe"), timeline.Ref{Timeline: "INC-1", Seq: 1}, incident.Correction{Text: "x"})
			return err
		}, problem.Invalid, "cannot be corrected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			open(w, "x")
			before := len(w.entries("INC-1"))
			wantProblem(t, tt.do(w), tt.code, tt.says)
			if strings.HasPrefix(tt.name, "merging what") || strings.HasPrefix(tt.name, "acting on") {
				return
			}
			if after := len(w.entries("INC-1")); after != before {
				t.Errorf("a refusal wrote %d entries", after-before)
			}
		})
	}
}

func TestDoingItTwiceRecordsItOnce(t *testing.T) {
	w := newWorld(t)
	open(w, "x")
	open(w, "y")
	acts := map[string]func() error{
		"severity": func() error {
			_, err := w.desk.SetSeverity(ctx, w.who("joe"), "INC-1", alert.SEV1, "")
			return err
		},
		"status": func() error {
			_, err := w.desk.SetStatus(ctx, w.who("joe"), "INC-1", incident.Identified, time.Time{}, "")
			return err
		},
		"assign": func() error { _, err := w.desk.Assign(ctx, w.who("joe"), "INC-1", "lead", "joe"); return err },
		"title":  func() error { _, err := w.desk.Retitle(ctx, w.who("joe"), "INC-1", "z"); return err },
		"link": func() error {
			_, err := w.desk.Link(ctx, w.who("joe"), "INC-1", incident.Link{URL: "https://example.org"})
			return err
		},
		"start": func() error { _, err := w.desk.ClaimStart(ctx, w.who("joe"), "INC-1", at("00:20"), "x"); return err },
		"merge": func() error { _, err := w.desk.Merge(ctx, w.who("joe"), "INC-2", "INC-1"); return err },
	}
	for name, do := range acts {
		if err := do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := len(w.entries("INC-1"))
		if err := do(); err != nil {
			t.Errorf("%s again: %v", name, err)
		}
		if again := len(w.entries("INC-1")); again != n {
			t.Errorf("%s again recorded %d entries", name, again-n)
		}
	}
	w.checkRefold()
}

func TestCorrections(t *testing.T) {
	w := newWorld(t)
	id := open(w, "x")
	w.to(at("01:00"))
	first := must2(w.desk.Note(ctx, w.who("joe"), id, incident.Noted{Body: "Python is offline"}, at("00:40")))
	was, now, err := w.desk.Correct(ctx, w.who("chris"), first.Ref, incident.Correction{At: at("00:36")})
	if err != nil || was.Ref != first.Ref || now.Supersedes != first.Ref || !now.OccurredAt.Equal(at("00:36")) || now.Payload.Text() != "Python is offline" {
		t.Fatalf("%v\n%+v\n%+v", err, was, now)
	}
	// The entry that people know is the first; the newest correction is what is corrected.
	was, again, err := w.desk.Correct(ctx, w.who("chris"), first.Ref, incident.Correction{Text: "Redis is offline"})
	if err != nil || was.Ref != now.Ref || again.Supersedes != now.Ref || !again.OccurredAt.Equal(at("00:36")) {
		t.Fatalf("%v\n%+v\n%+v", err, was, again)
	}
	same, none, err := w.desk.Correct(ctx, w.who("chris"), first.Ref, incident.Correction{Text: "Redis is offline"})
	if err != nil || same.Ref != none.Ref {
		t.Fatalf("a correction that changes nothing was recorded: %v", err)
	}

	// Two claims of a start: a correction of the older changes nothing.
	must2(w.desk.ClaimStart(ctx, w.who("joe"), id, at("00:25"), "a"))
	older := timeline.Ref{Timeline: id, Seq: int64(len(w.entries(id)))}
	must2(w.desk.ClaimStart(ctx, w.who("joe"), id, at("00:20"), "b"))
	newer := timeline.Ref{Timeline: id, Seq: int64(len(w.entries(id)))}
	if _, _, err := w.desk.Correct(ctx, w.who("joe"), older, incident.Correction{At: at("00:10")}); err != nil {
		t.Fatal(err)
	}
	if i := w.incident(1); !i.StartedAt.Equal(at("00:20")) {
		t.Errorf("the older claim won: %s", i.StartedAt)
	}
	if _, _, err := w.desk.Correct(ctx, w.who("joe"), newer, incident.Correction{At: at("00:15")}); err != nil {
		t.Fatal(err)
	}
	if i := w.incident(1); !i.StartedAt.Equal(at("00:15")) || i.StartedWhy != "b" {
		t.Errorf("%s %s", i.StartedAt, i.StartedWhy)
	}

	must2(w.desk.Resolve(ctx, w.who("joe"), id, time.Time{}, ""))
	resolution := w.incident(1).Sources[incident.FactResolved]
	if _, _, err := w.desk.Correct(ctx, w.who("joe"), resolution, incident.Correction{At: at("00:50")}); err != nil {
		t.Fatal(err)
	}
	if i := w.incident(1); !i.ResolvedAt.Equal(at("00:50")) || !i.MitigatedAt.Equal(at("00:50")) || i.Status != incident.Resolved {
		t.Errorf("%+v", i)
	}
	w.checkRefold()
}

func TestParkedUntilATime(t *testing.T) {
	w := newWorld(t)
	open(w, "x")
	must2(w.desk.SetStatus(ctx, w.who("joe"), "INC-1", incident.Identified, time.Time{}, ""))
	must2(w.desk.Park(ctx, w.who("joe"), "INC-1", at("09:00"), ""))
	w.to(at("08:59"))
	if w.incident(1).Status != incident.Parked {
		t.Fatal("taken up early")
	}
	w.to(at("09:01"))
	if i := w.incident(1); i.Status != incident.Identified || i.Park != nil {
		t.Fatalf("%+v", i)
	}
	w.checkRefold()
}

func TestHostileAlertTexts(t *testing.T) {
	w := newWorld(t)
	a := firing("post/gres\u202e\n\x00", night)
	a.Annotations["summary"] = strings.Repeat("down ", 2000) + "\u2066"
	w.receive(a)
	i := w.incident(1)
	if n := len([]rune(i.Title)); n > incident.MaxTitle || strings.ContainsAny(i.Title, "\u202e\u2066\n\x00") {
		t.Errorf("%d characters: %q", n, i.Title)
	}
	if s := w.joined(1)[0].Alerts[0].Summary; len([]rune(s)) > incident.MaxReason {
		t.Errorf("a summary of %d characters", len(s))
	}
}

// TestThreeReplicas sends everything three times through the real intake.
func TestThreeReplicas(t *testing.T) {
	w := newWorld(t)
	codec := must2(timeline.NewCodec(alert.Kinds, incident.Kinds, command.Kinds))
	intake := alert.NewIntake(w.db, codec, w.clock, slog.New(slog.DiscardHandler), nil)
	a := firing("node-down", night, "node", node1)
	for range 3 {
		if _, err := intake.Record(ctx, []alert.Alert{a}, ""); err != nil {
			t.Fatal(err)
		}
		w.correlate()
	}
	end := resolved(a, night.Add(time.Minute))
	w.after(2 * time.Minute)
	for range 3 {
		if _, err := intake.Record(ctx, []alert.Alert{end}, ""); err != nil {
			t.Fatal(err)
		}
		w.correlate()
	}
	if got := w.told(1); len(got) != 4 {
		t.Errorf("%d entries:\n%s", len(got), strings.Join(got, "\n"))
	}
	w.checkRefold()
}

func TestDeclarationsNumberOneAfterTheOther(t *testing.T) {
	w := newWorld(t)
	done := make(chan timeline.ID)
	for n := range 20 {
		go func() {
			i, err := w.desk.Declare(ctx, incident.Who{Actor: people.Human("joe")}, incident.Declaration{Title: fmt.Sprint(n)})
			if err != nil {
				done <- ""
				return
			}
			done <- i.ID
		}()
	}
	seen := map[timeline.ID]bool{}
	for range 20 {
		seen[<-done] = true
	}
	if len(seen) != 20 || !seen["INC-20"] || seen[""] {
		t.Errorf("%v", seen)
	}
}
