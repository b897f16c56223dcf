package remediation_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

var letters = rapid.StringMatching(`[a-z]{1,8}`)

// anyPlan is a plan of any shape, with everything that people read in it.
func anyPlan(t *rapid.T) remediation.Plan {
	p := remediation.Plan{
		Remediation: letters.Draw(t, "remediation"), Version: rapid.IntRange(1, 9).Draw(t, "version"),
		Tier: remediation.Tier(rapid.IntRange(1, 3).Draw(t, "tier")),
		Target: remediation.Target{Kind: "node", Name: letters.Draw(t, "node"), Slot: "1-a",
			Identity: fleet.Identity{ProviderID: "linode://1", BootID: letters.Draw(t, "boot"), MachineID: "0a", Instance: rapid.IntRange(1, 1e6).Draw(t, "instance")}},
		Material: map[string]string{"backup": rapid.SampledFrom([]string{"fresh", "stale"}).Draw(t, "backup")},
		Facts:    []string{"Ready since 2021-07-10"}, At: night,
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "workloads") {
		w := fleet.Workload{Object: fleet.Object{Kind: "Deployment", Namespace: "default", Name: fmt.Sprint("w", i)}, Replicas: rapid.IntRange(1, 5).Draw(t, "replicas")}
		p.Blast.Workloads = append(p.Blast.Workloads, fleet.Hit{Workload: w, Pods: 1})
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "volumes") {
		p.Blast.Volumes = append(p.Blast.Volumes, fleet.Held{Volume: fmt.Sprint("pvc-", i)})
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "steps") {
		p.Steps = append(p.Steps, remediation.PlannedStep{Name: fmt.Sprint("step", i), Args: map[string]string{"of": letters.Draw(t, "arg")}, Words: "Do it"})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "findings") {
		p.Findings = append(p.Findings, remediation.Finding{Code: fmt.Sprint("code", i), Strength: remediation.Warning, Sentence: "3 of 4"})
	}
	return p
}

// later is the same plan made anew after a while: pods have other names, phases and
// ages, percentages have moved, lists come in another order.
func later(t *rapid.T, p remediation.Plan) remediation.Plan {
	shuffled := func(what string, n int, swap func(i, j int)) {
		for i := n - 1; i > 0; i-- {
			swap(i, rapid.IntRange(0, i).Draw(t, what))
		}
	}
	p.At = p.At.Add(time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "waited")))
	p.Facts = []string{"Ready since " + letters.Draw(t, "fact")}
	p.TierWhy = letters.Draw(t, "why")
	workloads := append([]fleet.Hit(nil), p.Blast.Workloads...)
	for i := range workloads {
		workloads[i].Ready = rapid.IntRange(0, 9).Draw(t, "ready")
		workloads[i].Pods = rapid.IntRange(1, 9).Draw(t, "pods")
		workloads[i].Breaks, workloads[i].All = []string{letters.Draw(t, "breaks")}, rapid.Bool().Draw(t, "all")
		workloads[i].Generation = rapid.Int64().Draw(t, "generation")
		workloads[i].UID = letters.Draw(t, "uid")
	}
	shuffled("workload", len(workloads), func(i, j int) { workloads[i], workloads[j] = workloads[j], workloads[i] })
	p.Blast.Workloads = workloads
	volumes := append([]fleet.Held(nil), p.Blast.Volumes...)
	shuffled("volume", len(volumes), func(i, j int) { volumes[i], volumes[j] = volumes[j], volumes[i] })
	p.Blast.Volumes = volumes
	findings := append([]remediation.Finding(nil), p.Findings...)
	for i := range findings {
		findings[i].Sentence = fmt.Sprintf("%d%% since %s", rapid.IntRange(0, 100).Draw(t, "percent"), letters.Draw(t, "age"))
	}
	shuffled("finding", len(findings), func(i, j int) { findings[i], findings[j] = findings[j], findings[i] })
	p.Findings = findings
	steps := append([]remediation.PlannedStep(nil), p.Steps...)
	for i := range steps {
		steps[i].Words = letters.Draw(t, "words")
	}
	p.Steps = steps
	return p
}

func TestTheHashSurvivesWaitingAndPodsThatComeAndGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPlan(t)
		now := later(t, p)
		if p.Hash() != now.Hash() {
			words, _ := now.Diff(p)
			t.Fatalf("%+v\n%+v\n%v", p, now, words)
		}
		if words, shrunk := now.Diff(p); len(words) > 0 || !shrunk {
			t.Fatalf("it differs in %v", words)
		}
	})
}

// material are the changes that an approval does not cover.
var material = map[string]func(*rapid.T, *remediation.Plan){
	"a new volume": func(_ *rapid.T, p *remediation.Plan) {
		p.Blast.Volumes = append(p.Blast.Volumes[:len(p.Blast.Volumes):len(p.Blast.Volumes)], fleet.Held{Volume: "pvc-new"})
	},
	"another boot":     func(_ *rapid.T, p *remediation.Plan) { p.Target.Identity.BootID += "x" },
	"another machine":  func(_ *rapid.T, p *remediation.Plan) { p.Target.Identity.Instance++ },
	"another provider": func(_ *rapid.T, p *remediation.Plan) { p.Target.Identity.ProviderID += "0" },
	"another slot":     func(_ *rapid.T, p *remediation.Plan) { p.Target.Slot = "1-b" },
	"one step more": func(_ *rapid.T, p *remediation.Plan) {
		p.Steps = append(p.Steps[:len(p.Steps):len(p.Steps)], remediation.PlannedStep{Name: "more"})
	},
	"another step": func(t *rapid.T, p *remediation.Plan) {
		p.Steps = append([]remediation.PlannedStep(nil), p.Steps...)
		p.Steps[rapid.IntRange(0, len(p.Steps)-1).Draw(t, "which")].Name = "other"
	},
	"another argument": func(t *rapid.T, p *remediation.Plan) {
		p.Steps = append([]remediation.PlannedStep(nil), p.Steps...)
		p.Steps[rapid.IntRange(0, len(p.Steps)-1).Draw(t, "which")].Args = map[string]string{"of": "SOMETHING ELSE"}
	},
	"one workload more": func(_ *rapid.T, p *remediation.Plan) {
		more := fleet.Workload{Object: fleet.Object{Kind: "StatefulSet", Namespace: "default", Name: "postgres"}, Replicas: 1}
		p.Blast.Workloads = append(p.Blast.Workloads[:len(p.Blast.Workloads):len(p.Blast.Workloads)], fleet.Hit{Workload: more})
	},
	"the last Ready node": func(_ *rapid.T, p *remediation.Plan) { p.Blast.LastReady = true },
	"Wardroom's own node": func(_ *rapid.T, p *remediation.Plan) { p.Blast.Own = true },
	"what is not known": func(_ *rapid.T, p *remediation.Plan) {
		p.Blast.Unknown = append(p.Blast.Unknown[:len(p.Blast.Unknown):len(p.Blast.Unknown)], "poddisruptionbudgets")
	},
	"a new finding": func(_ *rapid.T, p *remediation.Plan) {
		p.Findings = append(p.Findings[:len(p.Findings):len(p.Findings)], remediation.Finding{Code: "new", Strength: remediation.Warning})
	},
	"the backup's age class": func(_ *rapid.T, p *remediation.Plan) { p.Material = map[string]string{"backup": "none"} },
	"another version":        func(_ *rapid.T, p *remediation.Plan) { p.Version++ },
}

func TestTheHashChangesWithWhatAnApprovalDoesNotCover(t *testing.T) {
	for name, change := range material {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := anyPlan(t)
				now := later(t, p)
				change(t, &now)
				if p.Hash() == now.Hash() {
					t.Fatalf("the hash is the same of\n%+v\n%+v", p, now)
				}
				if words, shrunk := now.Diff(p); len(words) == 0 || shrunk {
					t.Fatalf("not told, or taken for less: %v", words)
				}
			})
		})
	}
}

// What is the finding's strength is material, too: a warning that became a refusal.
func TestTheHashChangesWhenAWarningBecomesARefusal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPlan(t)
		p.Findings = append(p.Findings, remediation.Finding{Code: "last", Strength: remediation.Warning})
		now := later(t, p)
		for i := range now.Findings {
			if now.Findings[i].Code == "last" {
				now.Findings[i].Strength = remediation.Soft
			}
		}
		if p.Hash() == now.Hash() {
			t.Fatal("the hash is the same")
		}
	})
}
