package room_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

const (
	run1 = remediation.RunID("INC-1/run-1")
	node = "lke13311-16405-5fafd1b46dcf"
)

func object(name string) fleet.Object {
	return fleet.Object{Kind: "Deployment", Namespace: "default", Name: name}
}

// recycle is the plan of that night, with as many steps as are asked for.
func recycle(steps int) remediation.Plan {
	hit := func(name string, breaks ...string) fleet.Hit {
		return fleet.Hit{Workload: fleet.Workload{Object: object(name), Replicas: 1, Ready: 1}, Pods: 1, Single: true, All: true, Breaks: breaks}
	}
	p := remediation.Plan{
		Remediation: "node-recycle", Version: 1, Tier: remediation.Destructive, Target: remediation.Target{Kind: "node", Name: node},
		Facts: []string{"Node " + node + " is NotReady since 00:31 UTC"},
		Blast: fleet.Blast{
			Workloads: []fleet.Hit{hit("postgres", "default/hastebin", "default/site"), hit("redis", "default/bot"), hit("mongo")},
			Volumes:   []fleet.Held{{Volume: "pvc-bb1d06139b334c1f", By: []fleet.Object{object("redis")}}},
			Unbacked:  []fleet.Object{object("mongo")},
		},
		Findings: []remediation.Finding{{Code: "stale-backup", Strength: remediation.Soft, Sentence: "The last backup default/postgres-backup is stale"}},
	}
	all := []remediation.PlannedStep{
		{Name: "cordon", Words: "Cordon " + node, Commands: []string{"kubectl cordon " + node}},
		{Name: "scale-to", Words: "Scale default/postgres from 1 to 0", Commands: []string{"kubectl -n default scale deployment/postgres --replicas=0"}},
		{Name: "scale-to", Words: "Scale default/redis from 1 to 0", Commands: []string{"kubectl -n default scale deployment/redis --replicas=0"}},
		{Name: "recycle", Words: "RECYCLE: Linode deletes instance 28412345 and makes a new one", Commands: []string{"linode-cli lke node-recycle 13311 16405-5fafd1b46dcf"}},
		{Name: "node-ready", Words: "Wait until the node is Ready"},
		{Name: "uncordon", Words: "Uncordon " + node},
		{Name: "scale-back", Words: "Scale default/redis back to 1", Commands: []string{"kubectl -n default scale deployment/redis --replicas=1"}},
		{Name: "pods-ready", Words: "Check that the pods are Ready with their volumes"},
	}
	p.Steps = all[:steps]
	return p
}

// watch is a store in which a test writes down what an engine would.
type watch struct {
	t     *testing.T
	clock *scenario.Clock
	codec *timeline.Codec
	store *storage.DB
	sight room.Sight
	out   strings.Builder
	print room.Printer
}

func newWatch(t *testing.T) *watch {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, statuspage.Kinds, remediation.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{t: t, clock: scenario.NewClock(at("00:30")), codec: codec}
	w.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{Codec: codec, Clock: w.clock,
		Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, remediation.FreezeFold, remediation.RunFold, timeline.DeliveriesFold}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	w.sight.Approvers = func(r remediation.Run) []string {
		return slices.DeleteFunc([]string{"joe", "chris", "anna"}, func(name string) bool { return name == r.Requester.Name })
	}
	return w
}

// record writes entries; about are the keys of the run that they touch.
func (w *watch) record(clockTime string, drafts ...timeline.Draft) []timeline.Entry {
	w.t.Helper()
	w.clock.MoveTo(at(clockTime))
	entries, err := w.store.Update(w.t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: drafts}, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return entries
}

func by(name string, p timeline.Payload, about string) timeline.Draft {
	d := timeline.Draft{Timeline: "INC-1", Actor: people.Bot, Payload: p}
	if name != "" {
		d.Actor = people.Human(name)
	}
	if about != "" {
		d.Effects.Clear = []string{about}
	}
	return d
}

// expiring is by with a new deadline, which voids approvals.
func expiring(d timeline.Draft, run remediation.RunID, due string) timeline.Draft {
	d.Effects.Set = []timeline.Timer{{Key: string(run) + "/expiry", Due: at(due), Timeline: "INC-1", What: remediation.TimerExpiry}}
	return d
}

func (w *watch) view(f func(v timeline.View) error) {
	w.t.Helper()
	if err := w.store.View(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watch) living() (l room.Living) {
	w.t.Helper()
	w.view(func(v timeline.View) (err error) {
		if l, err = room.LivingOf(v, "INC-1", v.Now()); err == nil {
			err = l.AddRuns(v, w.sight)
		}
		return err
	})
	return l
}

// shows writes down what a room shows after entries.
func (w *watch) shows(what string, entries []timeline.Entry) {
	w.t.Helper()
	fmt.Fprintf(&w.out, "== %s\n", what)
	w.view(func(v timeline.View) error {
		for _, e := range entries {
			if !room.Tells(w.codec, e.Kind) {
				continue
			}
			p, err := room.PostIn(v, w.codec, e, w.sight)
			if err != nil {
				return err
			}
			fmt.Fprintf(&w.out, "post: %s\n", strings.Join(w.print.Lines(p), "\n"))
			if len(p.Mentions) > 0 {
				fmt.Fprintf(&w.out, "   mentions %s\n", p.Mentions[0])
			}
			w.acts(p.Acts)
		}
		return nil
	})
	l := w.living()
	for _, line := range l.Lines(nil)[5:] {
		fmt.Fprintf(&w.out, "living: %s\n", line)
	}
	for _, r := range l.Runs {
		w.acts(r.Acts)
	}
}

func (w *watch) acts(acts []command.Action) {
	if len(acts) > room.MaxActs {
		w.t.Errorf("%d acts", len(acts))
	}
	for _, a := range acts {
		form := ""
		if a.Form {
			form = "the form of "
		}
		fmt.Fprintf(&w.out, "   [%s] = %s/%s %v\n", a.Label, form, a.Ask.Path, a.Ask.Options)
	}
}

func step(n int, plan remediation.Plan) (remediation.StepRef, string) {
	return remediation.StepRef{Run: run1, N: n, Name: plan.Steps[n-1].Name, Words: plan.Steps[n-1].Words}, fmt.Sprintf("%s/step-%d", run1, n)
}

// begins and ends are what the engine records of a step.
func (w *watch) begins(clockTime string, n int, plan remediation.Plan) []timeline.Entry {
	ref, key := step(n, plan)
	return w.record(clockTime, by("", &remediation.StepStarted{StepRef: ref, Attempt: 1}, key), by("", &remediation.StepAccepted{StepRef: ref}, key))
}

func (w *watch) ends(clockTime string, n int, plan remediation.Plan, took time.Duration) []timeline.Entry {
	ref, key := step(n, plan)
	return w.record(clockTime, by("", &remediation.StepDone{StepRef: ref, Took: took}, key))
}

func TestARoomTellsARepair(t *testing.T) {
	w := newWatch(t)
	about := string(run1) + "/about"
	w.record("00:32", by("joe", &incident.Declared{Title: "PostgreSQL is full", Severity: alert.SEV2, StartedAt: at("00:25")}, ""), by("joe", &incident.Acknowledged{}, ""))
	plan := recycle(8)
	hash := plan.Hash()
	w.shows("asked for", w.record("00:55",
		by("joe", &remediation.RunPlanned{Run: run1, Plan: plan, Hash: hash}, about),
		expiring(by("joe", &remediation.RunRequested{Run: run1, Title: plan.Title(), Tier: plan.Tier, Hash: hash}, about), run1, "01:10")))
	w.shows("refused", w.record("00:56", by("joe", &remediation.RunRefused{Run: run1, What: "approving " + string(run1), Code: "self-approval", Reason: "you asked for it yourself: a second person has to approve it"}, about)))
	w.shows("approved", w.record("00:57", by("chris", &remediation.RunApproved{Run: run1, Title: plan.Title(), Hash: hash, Needs: true}, about)))

	grown := recycle(8)
	grown.Blast.Volumes = append(grown.Blast.Volumes, fleet.Held{Volume: "pvc-new", By: []fleet.Object{object("mongo")}})
	grown.Findings = nil
	w.shows("drifted", w.record("00:58",
		by("", &remediation.RunPlanned{Run: run1, Plan: grown, Hash: grown.Hash()}, about),
		expiring(by("", &remediation.RunDrifted{Run: run1, From: hash, To: grown.Hash(), Diff: []string{"volume pvc-new is hit, too", "stale-backup is gone"}}, about), run1, "01:13")))
	w.shows("glass broken", w.record("01:06",
		by("joe", &remediation.GlassBroken{Run: run1, Reason: "nobody answers", Until: at("03:06")}, about),
		by("", &remediation.GlassReview{Run: run1, Person: "joe"}, about),
		by("joe", &remediation.RunApproved{Run: run1, Title: grown.Title(), Hash: grown.Hash(), Needs: true, Alone: true}, about)))
	w.shows("started", w.record("01:06", by("", &remediation.RunStarted{Run: run1, Title: grown.Title(), Hash: grown.Hash(), Steps: 8}, about)))
	w.shows("held", w.record("01:06", by("", &remediation.RunHeld{Run: run1, Why: "repairs are frozen: the vendor is at it"}, about)))
	w.shows("first step begun", w.begins("01:07", 1, grown))
	w.shows("first step done", w.ends("01:08", 1, grown, time.Minute))
	for n := 2; n <= 3; n++ {
		w.begins("01:08", n, grown)
		w.ends("01:09", n, grown, time.Minute)
	}
	w.begins("01:09", 4, grown)
	w.ends("01:10", 4, grown, time.Minute)
	w.begins("01:10", 5, grown)
	w.sight.Saw = func(remediation.RunID) string { return "the machine boots" }
	ref, key := step(5, grown)
	w.shows("late", w.record("01:35", by("", &remediation.StepLate{StepRef: ref, After: 25 * time.Minute}, key)))
	w.shows("asking", w.record("01:40", by("", &remediation.StepUnsure{StepRef: ref, Question: remediation.Question{Code: "somebody-else",
		Sentence: "somebody else has done it meanwhile", Answers: []remediation.Answer{remediation.Onward, remediation.DoneByMan, remediation.GiveUp}}}, key)))
	w.shows("answered", w.record("01:41", by("chris", &remediation.RunResumed{Run: run1, Answer: remediation.Onward}, string(run1)+"/answer-onward")))
	left := []remediation.Leftover{{Step: 5, Planned: grown.Steps[5]}, {Step: 6, Planned: grown.Steps[6], Unknown: true}}
	w.shows("failed", w.record("01:45",
		by("", &remediation.StepFailed{StepRef: ref, Reason: "the machine is gone"}, key),
		by("", &remediation.RunFailed{Run: run1, Reason: "the machine is gone", Left: left}, about)))
	w.leftovers()
	w.record("01:46", timeline.Draft{Timeline: timeline.Log, Actor: people.Human("joe"), Payload: &remediation.FreezeSet{Reason: "the vendor is at it"}},
		by("joe", &statuspage.Posted{State: statuspage.Investigating, Body: "x", First: true}, ""))
	w.shows("resolved too early", w.record("01:47", by("joe", &incident.StatusChanged{From: incident.Investigating, To: incident.Resolved}, "")))
	w.record("01:48", by("joe", &incident.StatusChanged{From: incident.Resolved, To: incident.Investigating, Reopened: true}, ""))
	w.undone(grown)
	golden(t, "runs.txt", w.out.String())
}

// leftovers writes down what would be listed if the incident were resolved now.
func (w *watch) leftovers() {
	w.t.Helper()
	w.out.WriteString("== at resolution\n")
	w.view(func(v timeline.View) error {
		all, err := room.Leftovers(v, "INC-1", room.Sight{})
		for _, l := range all {
			fmt.Fprintln(&w.out, l.Text)
			if l.Undo != nil {
				w.acts([]command.Action{*l.Undo})
			}
		}
		return err
	})
}

// undone is a second run that puts back what the first one left, and is done.
func (w *watch) undone(of remediation.Plan) {
	const run2 = remediation.RunID("INC-1/run-2")
	about := string(run2) + "/about"
	undo := remediation.Plan{Remediation: of.Remediation, Version: 1, Target: of.Target, Tier: remediation.Routine, Undoes: run1, Steps: of.Steps[5:7]}
	w.shows("undo asked for", w.record("01:50",
		by("joe", &remediation.RunPlanned{Run: run2, Plan: undo, Hash: undo.Hash()}, about),
		expiring(by("joe", &remediation.RunRequested{Run: run2, Title: undo.Title(), Tier: undo.Tier, Hash: undo.Hash()}, about), run2, "02:05")))
	w.record("01:51", by("joe", &remediation.RunApproved{Run: run2, Title: undo.Title(), Hash: undo.Hash(), Needs: true}, about),
		by("", &remediation.RunStarted{Run: run2, Title: undo.Title(), Hash: undo.Hash(), Steps: 2}, about))
	for n := range 2 {
		ref, key := remediation.StepRef{Run: run2, N: n + 1, Words: undo.Steps[n].Words}, fmt.Sprintf("%s/step-%d", run2, n+1)
		w.record(fmt.Sprintf("01:5%d", 1+2*n), by("", &remediation.StepStarted{StepRef: ref, Attempt: 1}, key))
		w.record(fmt.Sprintf("01:5%d", 3+2*n), by("", &remediation.StepDone{StepRef: ref, Took: 2 * time.Minute}, key))
	}
	w.shows("undone", w.record("01:56", by("", &remediation.RunDone{Run: run2, Title: undo.Title(), Took: 5 * time.Minute}, about)))
	w.leftovers()
}

// What ends a run is told whole, also without a store; progress is told nowhere but
// in the living message.
func TestPostsOfWhatEndsARun(t *testing.T) {
	codec, err := timeline.NewCodec(remediation.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	plan := recycle(7)
	left := []remediation.Leftover{{Step: 5, Planned: plan.Steps[5]}}
	ref, _ := step(1, plan)
	hostile := remediation.StepRef{Run: run1, N: 1, Words: "Cordon \x1b[31mlke\u202e @everyone\n# [x](https://evil)"}
	var out strings.Builder
	for _, c := range []struct {
		what string
		p    timeline.Payload
	}{
		{"rejected", &remediation.RunRejected{Run: run1, Reason: "not this node"}},
		{"expired", &remediation.RunExpired{Run: run1}},
		{"shrunk", &remediation.RunDrifted{Run: run1, Diff: []string{"default/redis is hit no more"}, Shrunk: true}},
		{"abort asked for", &remediation.RunAborting{Run: run1}},
		{"aborted", &remediation.RunAborted{Run: run1, Reason: "wrong node", Begun: "Evict the pods", Left: left}},
		{"taken over", &remediation.RunTakenOver{Run: run1, Rest: plan.Steps[5:7]}},
		{"failed", &remediation.RunFailed{Run: run1, Reason: "no such machine", Left: left}},
		{"needs nobody", &remediation.RunApproved{Run: run1, Title: plan.Title()}},
		{"started", &remediation.RunStarted{Run: run1}},
		{"step begun", &remediation.StepStarted{StepRef: ref}},
		{"step done", &remediation.StepDone{StepRef: ref}},
		{"step absent", &remediation.StepAbsent{StepRef: ref}},
		{"step failed", &remediation.StepFailed{StepRef: ref}},
		{"review", &remediation.GlassReview{Run: run1}},
		{"hostile", &remediation.StepLate{StepRef: hostile, After: time.Hour}},
	} {
		e := entry(1, at("01:00"), at("01:00"), c.p)
		if !room.Tells(codec, e.Kind) {
			fmt.Fprintf(&out, "== %s: living message only\n", c.what)
			continue
		}
		print := room.Printer{}
		fmt.Fprintf(&out, "== %s\n%s\n", c.what, strings.Join(print.Lines(room.PostOf(codec, e)), "\n"))
	}
	golden(t, "run-ends.txt", out.String())
}
