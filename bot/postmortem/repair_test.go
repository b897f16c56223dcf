package postmortem_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/postmortem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

const (
	node   = "lke13311-16405-5fafd1b46dcf"
	volume = "pvc-bb1d06139b334c1f"
)

func object(name string) fleet.Object {
	return fleet.Object{Kind: "Deployment", Namespace: "default", Name: name}
}

func planned(words ...string) (steps []remediation.PlannedStep) {
	for _, w := range words {
		steps = append(steps, remediation.PlannedStep{Name: strings.ToLower(strings.Fields(w)[0]), Words: w, Commands: []string{"kubectl " + strings.ToLower(w)}})
	}
	return steps
}

// repaired is the night with its repairs: a recycle that leaves a volume in limbo,
// broken glass, and the remount.
func repaired(t *testing.T) night {
	n := night{rig: newRig(t, time.Date(2021, 7, 11, 0, 30, 0, 0, time.UTC)), id: inc1, joe: people.Human("joe")}
	chris, bot := people.Human("chris"), people.Bot
	n.by(n.joe, "00:32", "", &incident.Declared{Title: "Cascading node failures", Severity: alert.SEV2, StartedAt: n.at("00:31")})
	const run1, run2 = remediation.RunID("INC-1/run-1"), remediation.RunID("INC-1/run-2")
	recycle := remediation.Plan{Remediation: "node-recycle", Tier: remediation.Destructive, Target: remediation.Target{Kind: "node", Name: node},
		Facts: []string{"Node " + node + " is NotReady since 00:31 UTC"}, Steps: planned("Cordon "+node, "RECYCLE: Linode makes a new machine", "Uncordon "+node),
		Blast: fleet.Blast{Workloads: []fleet.Hit{{Workload: fleet.Workload{Object: object("redis"), Replicas: 1}, Pods: 1, Single: true, Breaks: []string{"default/bot"}}},
			Volumes: []fleet.Held{{Volume: volume, By: []fleet.Object{object("redis")}}}},
		Findings: []remediation.Finding{{Code: "stale-backup", Strength: remediation.Warning, Sentence: "The last backup default/redis-backup is stale"}}}
	ask := func(at string, who people.Actor, id remediation.RunID, p remediation.Plan) {
		n.by(who, at, "", &remediation.RunPlanned{Run: id, Plan: p, Hash: p.Hash()})
		n.by(who, at, "", &remediation.RunRequested{Run: id, Title: p.Title(), Tier: p.Tier, Hash: p.Hash()})
	}
	ref := func(id remediation.RunID, p remediation.Plan, k int) remediation.StepRef {
		return remediation.StepRef{Run: id, N: k, Name: p.Steps[k-1].Name, Words: p.Steps[k-1].Words}
	}
	step := func(from, to string, r remediation.StepRef) {
		n.by(bot, from, "", &remediation.StepStarted{StepRef: r, Attempt: 1})
		n.by(bot, to, "", &remediation.StepDone{StepRef: r, Took: n.at(to).Sub(n.at(from))})
	}
	ask("00:55", n.joe, run1, recycle)
	n.by(n.joe, "00:55", "", &remediation.RunRefused{Run: run1, What: "approving INC-1/run-1", Code: "self-approval", Reason: "you asked for it yourself: a second person has to approve it"})
	n.by(chris, "00:56", "", &remediation.RunApproved{Run: run1, Title: recycle.Title(), Hash: recycle.Hash(), Needs: true})
	wider := recycle
	wider.Blast.Workloads = append([]fleet.Hit{{Workload: fleet.Workload{Object: object("postgres"), Replicas: 1}, Pods: 1, Single: true}}, recycle.Blast.Workloads...)
	wider.Material = map[string]string{"workload Deployment default/postgres": "replicas 1"}
	n.by(bot, "00:56", "", &remediation.RunPlanned{Run: run1, Plan: wider, Hash: wider.Hash()})
	n.by(bot, "00:56", "", &remediation.RunDrifted{Run: run1, From: recycle.Hash(), To: wider.Hash(), Diff: []string{"default/postgres is hit, too"}})
	n.by(n.joe, "01:00", "", &remediation.GlassBroken{Run: run1, Reason: "chris sleeps again", Until: n.at("03:00")})
	n.by(bot, "01:00", "", &remediation.GlassReview{Run: run1, Person: "joe"})
	n.by(n.joe, "01:00", "", &remediation.RunApproved{Run: run1, Title: wider.Title(), Hash: wider.Hash(), Needs: true, Alone: true})
	n.by(bot, "01:00", "", &remediation.RunStarted{Run: run1, Title: wider.Title(), Hash: wider.Hash(), Steps: 3})
	step("01:00", "01:01", ref(run1, wider, 1))
	machine := ref(run1, wider, 2)
	n.by(bot, "01:01", "", &remediation.StepStarted{StepRef: machine, Attempt: 1})
	n.by(bot, "01:26", "", &remediation.StepLate{StepRef: machine, After: 25 * time.Minute})
	n.by(bot, "01:30", "", &remediation.StepFailed{StepRef: machine, Reason: "the volume does not come"})
	n.by(bot, "01:30", "", &remediation.RunFailed{Run: run1, Reason: "the volume does not come", Left: []remediation.Leftover{{Step: 2, Planned: wider.Steps[2]}}})

	remount := remediation.Plan{Remediation: "volume-remount", Tier: remediation.Disruptive, Target: remediation.Target{Kind: "volume", Name: volume},
		Facts: []string{"limbo (C): Linode says attached, the machine has no device"}, Steps: planned("Scale default/redis from 1 to 0", "Check that the pods are Ready with their volumes: default/redis"),
		Blast: fleet.Blast{Workloads: []fleet.Hit{{Workload: fleet.Workload{Object: object("redis"), Replicas: 1}, Down: true, Single: true, Breaks: []string{"default/bot"}}}}}
	ask("01:35", n.joe, run2, remount)
	n.by(chris, "01:36", "", &remediation.RunApproved{Run: run2, Title: remount.Title(), Hash: remount.Hash(), Needs: true})
	n.by(bot, "01:36", "", &remediation.RunStarted{Run: run2, Title: remount.Title(), Hash: remount.Hash(), Steps: 2})
	n.by(bot, "01:36", "", &remediation.StepDone{StepRef: ref(run2, remount, 1), Already: true})
	step("01:36", "01:41", ref(run2, remount, 2))
	n.by(bot, "01:41", "", &remediation.RunDone{Run: run2, Title: remount.Title(), Took: 5 * time.Minute})
	n.by(n.joe, "02:00", "", &incident.StatusChanged{From: incident.Investigating, To: incident.Resolved})
	return n
}

func TestAnExportTellsTheRepairs(t *testing.T) {
	n := repaired(t)
	_, body := export(t, n.rig, inc1, postmortem.Options{People: joePeople})
	var out strings.Builder
	for _, part := range []string{"# ⚠️ Leadup", "# 🙋🏿‍♂️ Response", "# 🙆🏽‍♀️ Recovery", "# ☑️ Follow-up tasks"} {
		at := strings.Index(body, part)
		if at < 0 {
			t.Fatalf("no %s", part)
		}
		section, _, _ := strings.Cut(body[at+1:], "\n# ")
		fmt.Fprintf(&out, "#%s\n", section)
	}
	golden := filepath.Join("testdata", "repairs.md")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("-update writes the golden file\n%s", diff)
	}
}

func TestTheJSONExportHoldsEveryStep(t *testing.T) {
	_, body := export(t, repaired(t).rig, inc1, postmortem.Options{Format: postmortem.JSON})
	var doc struct{ Repairs []postmortem.Repair }
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Repairs) != 2 || len(doc.Repairs[0].Steps) != 3 || doc.Repairs[0].Status != remediation.Failed || doc.Repairs[1].Status != remediation.Done {
		t.Fatalf("%+v", doc.Repairs)
	}
	if s := doc.Repairs[1].Steps[1]; s.Seconds == nil || *s.Seconds != 300 || s.Outcome != "done" {
		t.Errorf("%+v", s)
	}
	if a := doc.Repairs[0].Agreed; len(a) != 2 || !a[0].Void || a[1].Void || !a[1].Alone {
		t.Errorf("%+v", a)
	}
}

// A plan that was erased is told nowhere, though its run is.
func TestAnErasedPlanIsNotInTheExport(t *testing.T) {
	n := repaired(t)
	var refs []timeline.Ref
	n.view(func(v timeline.View) {
		entries, err := v.Entries(inc1, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Kind == "run.planned" {
				refs = append(refs, e.Ref)
			}
		}
	})
	n.record(n.at("02:10"), timeline.Draft{Timeline: inc1, Actor: n.joe, Payload: &timeline.Erasure{Refs: refs, Reason: "a token"}, Effects: timeline.Effects{Erase: refs}})
	for _, f := range postmortem.Formats {
		_, body := export(t, n.rig, inc1, postmortem.Options{Format: f})
		for _, gone := range []string{"limbo", "only replica", "redis-backup"} {
			if strings.Contains(body, gone) {
				t.Errorf("%s still tells %q", f, gone)
			}
		}
		if !strings.Contains(body, "RECYCLE") {
			t.Errorf("%s does not tell the steps that were carried out", f)
		}
	}
}
