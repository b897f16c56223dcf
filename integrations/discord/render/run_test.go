package render

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
)

const node = "lke13311-16405-5fafd1b46dcf"

// run is the recycle of that night at a step of eight.
func run(status remediation.Status, step int) remediation.Run {
	r := remediation.Run{ID: "INC-1/run-1", Incident: "INC-1", Number: 1, Status: status, Hash: "5f0c9c1e2ab3d4e5f6",
		Requester: people.Human("joe"), RequestedAt: at("00:55"), Step: step,
		Plan: remediation.Plan{Remediation: "node-recycle", Tier: remediation.Destructive, Target: remediation.Target{Kind: "node", Name: node}}}
	for i, words := range []string{"Cordon " + node, "Scale default/postgres from 1 to 0", "Scale default/redis from 1 to 0", "RECYCLE: Linode deletes instance 28412345 and makes a new one",
		"Wait until the node is Ready", "Uncordon " + node, "Scale default/redis back to 1", "Check that the pods are Ready with their volumes"} {
		r.Plan.Steps = append(r.Plan.Steps, remediation.PlannedStep{Words: words})
		st := remediation.StepState{Mark: remediation.Pending}
		if i < step {
			st = remediation.StepState{Mark: remediation.So, Started: at("01:00"), Ended: at("01:00").Add(time.Duration(i+1) * 7 * time.Second)}
		}
		r.Steps = append(r.Steps, st)
	}
	return r
}

func livingRun(r remediation.Run, saw string) room.LivingRun {
	return room.LivingRun{ID: r.ID, Title: r.Title(), Tier: r.Plan.Tier, Status: r.Status, By: "joe", At: r.RequestedAt,
		Progress: remediation.ProgressOf(r, saw, at("01:30")), Acts: room.RunActs(r, true)}
}

func TestALivingMessageWithRepairs(t *testing.T) {
	asked := livingRun(run(remediation.Requested, 0), "")
	asked.Asked, asked.GlassFrom = `A second person has to approve it and type "6dcf": chris or anna, until 01:10 UTC`, at("01:05")
	asked.Breaks = []string{"default/postgres goes down: its only replica; breaks default/hastebin, default/site", "default/redis goes down: its only replica; breaks default/bot",
		"Volume pvc-bb1d06139b334c1f of default/redis has to move", "Backup default/postgres-backup is stale: 2 days ago"}
	asked.More, asked.Against = 3, []string{"The last backup default/postgres-backup is stale"}

	going := run(remediation.Running, 4)
	going.Steps[4] = remediation.StepState{Mark: remediation.Begun, Started: at("01:05")}
	running := livingRun(going, "the machine boots")
	running.Started, running.Since = true, at("01:05")

	going = run(remediation.Running, 4)
	going.Steps[4] = remediation.StepState{Mark: remediation.Begun, Started: at("01:05"), Late: true}
	late := livingRun(going, "")
	late.Started, late.Since, late.Late = true, at("01:05"), true

	stopped := run(remediation.Asking, 3)
	stopped.Steps[3] = remediation.StepState{Mark: remediation.Unclear, Started: at("01:05")}
	stopped.Ask = &remediation.Question{Sentence: "somebody else has done it meanwhile", Answers: []remediation.Answer{remediation.Onward, remediation.DoneByMan, remediation.GiveUp}}
	asking := livingRun(stopped, "")
	asking.Started, asking.Since = true, at("01:05")

	over := run(remediation.Failed, 4)
	over.Why, over.Left = "the machine is gone", []remediation.Leftover{{Step: 5, Planned: over.Plan.Steps[5]}}
	left := livingRun(over, "")
	left.ID, left.Left = "INC-1/run-2", []string{over.Plan.Steps[5].Words}

	for name, runs := range map[string][]room.LivingRun{
		"living-run-asked": {asked}, "living-run-running": {running}, "living-run-late": {late}, "living-run-asking": {asking}, "living-run-left": {left}, "living-runs": {asked, left},
	} {
		l := living()
		l.Runs = runs
		if name == "living-runs" {
			l.MoreRuns = 2
		}
		m := newRenderer().Living(l, nil)
		legal(t, m)
		golden(t, name, m)
		again := l
		again.Runs = append([]room.LivingRun(nil), runs...)
		for i, r := range runs {
			if r.Status == remediation.Running {
				moved := run(r.Status, 4)
				moved.Steps[4] = remediation.StepState{Mark: remediation.Begun, Started: at("01:05"), Late: r.Late}
				again.Runs[i].Progress = remediation.ProgressOf(moved, map[bool]string{false: "the machine boots"}[r.Late], at("01:40"))
			}
		}
		golden(t, name, newRenderer().Living(again, nil)) // ten minutes later it says the same
	}
}

func TestAnApprovalIsForThePlanThatWasSeen(t *testing.T) {
	l := living()
	l.Runs = []room.LivingRun{livingRun(run(remediation.Requested, 0), "")}
	m := newRenderer().Living(l, nil)
	raw := fmt.Sprint(m.Components)
	if want := "form/run/approve?plan=5f0c9c1e2ab3&run=INC-1/run-1"; !strings.Contains(raw, want) {
		t.Errorf("%s lacks %s", raw, want)
	}
}

func TestPostsOfRepairs(t *testing.T) {
	r := run(remediation.Requested, 0)
	item := func(texts ...string) (lines []room.Detail) {
		for _, text := range texts {
			lines = append(lines, room.Detail{Text: text})
		}
		return lines
	}
	head := func(text string) []room.Detail { return []room.Detail{{Text: text, As: room.Head}} }
	lines := func(parts ...[]room.Detail) (all []room.Detail) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	asked := post(30, "00:55", "joe", "Asks for node-recycle of "+node+": destructive (INC-1/run-1)", room.Trouble)
	asked.Mentions, asked.Acts, asked.Whole = []string{"joe", "chris"}, room.RunActs(r, true), "/run show run:INC-1/run-1"
	asked.More = lines(head(`A second person has to approve it and type "6dcf": chris or anna, until 01:10 UTC`), head("What it breaks"),
		item("default/postgres goes down: its only replica; breaks default/hastebin, default/site", "default/redis goes down: its only replica; breaks default/bot"), head("8 steps"))
	for i, s := range r.Plan.Steps {
		asked.More = append(asked.More, room.Detail{Text: fmt.Sprintf("%d. %s", i+1, s.Words), As: room.Step})
	}
	long := asked
	long.More = lines(asked.More, item(strings.Split(strings.Repeat("31. one more of many steps|", 40), "|")...))
	taken := post(31, "01:40", "chris", "Does the rest of INC-1/run-1 by hand, 1 step", room.Human)
	taken.More = lines(item("Uncordon "+node), []room.Detail{{Text: "kubectl uncordon " + node + " # `$(id)`", As: room.Code}})
	failed := post(32, "01:45", "Wardroom", "INC-1/run-1 failed at step 5 of 8, Wait until the node is Ready: the machine is gone", room.Alarm)
	over := run(remediation.Failed, 4)
	over.Left = []remediation.Leftover{{}}
	failed.Mentions, failed.Acts, failed.More = []string{"joe"}, room.RunActs(over, false), lines(head("Not as it was, still to do"), item("Uncordon "+node))
	late := post(33, "01:30", "Wardroom", "INC-1/run-1 step 5 is late", room.Trouble)
	late.Acts = room.RunActs(run(remediation.Running, 4), false)
	for name, p := range map[string]room.Post{"post-run-asked": asked, "post-run-asked-long": long, "post-run-taken-over": taken, "post-run-failed": failed, "post-run-late": late} {
		messages := newRenderer().Post(one(p))
		if len(messages) != 1 {
			t.Fatalf("%s: %d messages", name, len(messages))
		}
		legal(t, messages[0])
		if got, ok := EntryOf(seen(t, messages[0])); !ok || got != p.Entry {
			t.Errorf("%s: its entry is %v", name, got)
		}
		golden(t, name, messages[0])
	}
}
