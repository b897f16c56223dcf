package room_test

import (
	"testing"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/remediation"
)

// TestARoomAsksAnew: a request that may have arrived takes a new approval, for which a
// second person is called as for the first; what a broken glass would end says so.
func TestARoomAsksAnew(t *testing.T) {
	w := newWatch(t)
	about := string(run1) + "/about"
	w.record("00:32", by("joe", &incident.Declared{Title: "PostgreSQL is full", Severity: alert.SEV2, StartedAt: at("00:25")}, ""))
	plan := recycle(8)
	plan.Findings = nil
	hash := plan.Hash()
	w.record("00:55",
		by("joe", &remediation.RunPlanned{Run: run1, Plan: plan, Hash: hash}, about),
		expiring(by("joe", &remediation.RunRequested{Run: run1, Title: plan.Title(), Tier: plan.Tier, Hash: hash}, about), run1, "01:10"))
	w.record("00:57", by("chris", &remediation.RunApproved{Run: run1, Title: plan.Title(), Hash: hash, Needs: true}, about))
	w.record("00:58", by("", &remediation.RunStarted{Run: run1, Title: plan.Title(), Hash: hash, Steps: 8}, about))
	for n := 1; n <= 3; n++ {
		w.begins("00:58", n, plan)
		w.ends("00:59", n, plan, 0)
	}
	w.shows("held by what a glass is for", w.record("01:00", by("", &remediation.RunHeld{Run: run1, Why: "no other node is Ready", Soft: true}, about)))
	w.shows("the glass is broken", w.record("01:01", by("chris", &remediation.GlassBroken{Run: run1, Reason: "both are dead", Override: []string{"no other node is Ready"}}, about)))
	ref, key := step(4, plan)
	w.record("01:02", by("", &remediation.StepStarted{StepRef: ref, Attempt: 1}, key))
	w.shows("asking", w.record("01:03", by("", &remediation.StepUnsure{StepRef: ref, Question: remediation.Question{Code: "unforeseen",
		Sentence: "it was answered with an error that says nothing certain", Answers: []remediation.Answer{remediation.Onward, remediation.Again, remediation.GiveUp}}}, key)))
	w.shows("asked for anew", w.record("01:04", expiring(by("joe", &remediation.RunResumed{Run: run1, Answer: remediation.Again, Renew: true},
		string(run1)+"/answer-again"), run1, "01:19")))
	w.shows("rejected", w.record("01:05", by("chris", &remediation.StepUnsure{StepRef: ref, Question: remediation.Question{Code: "rejected",
		Sentence: "the new approval was rejected: do not", Answers: []remediation.Answer{remediation.Again, remediation.DoneByMan, remediation.GiveUp}}}, key)))
	golden(t, "runs-anew.txt", w.out.String())
}
