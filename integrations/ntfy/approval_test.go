package ntfy

import (
	"context"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/integrations/ntfy/ntfytest"
)

// recycle is a repair that is only asked for.
type recycle struct{ tier remediation.Tier }

func (r recycle) Spec() remediation.Spec {
	return remediation.Spec{Name: "node-recycle", Version: 1, Summary: "Replace a node", Tier: r.tier}
}

func (r recycle) Plan(context.Context, map[string]string) (remediation.Plan, error) {
	redis := fleet.Workload{Object: fleet.Object{Kind: "Deployment", Namespace: "default", Name: "re\u202edis"}, Replicas: 1}
	return remediation.Plan{Remediation: "node-recycle", Version: 1, Tier: r.tier, Target: remediation.Target{Kind: "node", Name: "lke13311-16405-5fafd1b46dcf", Slot: "16405-5fafd1b46dcf",
		Identity: fleet.Identity{ProviderID: "linode://1", BootID: "b1", MachineID: "m1", Instance: 1}},
		Steps: []remediation.PlannedStep{{Name: "recycle", Words: "Recycle it"}},
		Blast: fleet.Blast{Workloads: []fleet.Hit{{Workload: redis, Pods: 1, Single: true, Breaks: []string{"default/bot"}}}}}, nil
}

func (recycle) Step(string) (remediation.Step, bool) { return remediation.Step{}, false }

// ask lets joe ask for it in a new incident.
func (r *rig) ask(tier remediation.Tier) (timeline.ID, remediation.Run, *remediation.Desk) {
	r.Helper()
	id := r.declare("Nodes fail")
	r.settle()
	if _, _, err := r.desk.Acknowledge(r.Context(), incident.Who{Actor: people.Human("joe")}, id); err != nil {
		r.Fatal(err)
	}
	crew, err := people.NewDirectory([]people.Person{{Name: "joe", Roles: []people.Role{people.Responder}}, {Name: "chris", Roles: []people.Role{people.Responder}}})
	if err != nil {
		r.Fatal(err)
	}
	desk, err := remediation.NewDesk(remediation.Settings{Store: r.db, Clock: r.clock, People: crew, Policy: remediation.DefaultPolicy(), Remediations: []remediation.Remediation{recycle{tier}}})
	if err != nil {
		r.Fatal(err)
	}
	plan, err := desk.Plan(r.Context(), id, "node-recycle", nil)
	if err != nil {
		r.Fatal(err)
	}
	joe, _ := crew.ByName("joe")
	run, err := desk.Request(r.Context(), remediation.Who{Person: &joe, Actor: joe.Actor()}, id, plan)
	if err != nil {
		r.Fatal(err)
	}
	return id, run, desk
}

func TestAskingForAnApprovalWakesTheOthersOnce(t *testing.T) {
	r := newRig(t, ntfytest.Options{})
	r.room = "https://discord.com/channels/1/2"
	id, _, _ := r.ask(remediation.Destructive)
	r.until(10)
	if rang := r.ntfy.Messages("secret-topic-joe"); len(rang) != 1 {
		t.Errorf("who asked is woken for the incident alone: %+v", rang)
	}
	rang := r.ntfy.Messages("secret-topic-chris")
	if len(rang) != 1 || rang[0].Priority != 5 {
		t.Fatalf("%+v", rang)
	}
	golden(t, "testdata/approval.txt", r.ntfy.Transcript())
	if asked := r.kinds(id, oncall.KindAsked); len(asked) != 1 {
		t.Errorf("%d entries: who has no topic is not paged", len(asked))
	}
}

// TestANewApprovalWakesTheOthersAgain: whether the first request arrived is not known, so
// it is the second person's turn as much as before.
func TestANewApprovalWakesTheOthersAgain(t *testing.T) {
	r := newRig(t, ntfytest.Options{})
	id, run, desk := r.ask(remediation.Destructive)
	r.until(10)
	ref := remediation.StepRef{Run: run.ID, N: 1, Name: "recycle"}
	step := timeline.Effects{Clear: []string{string(run.ID) + "/step-1"}}
	if _, err := r.db.Update(r.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{
			{Timeline: id, Actor: people.Human("chris"), Payload: &remediation.RunApproved{Run: run.ID, Hash: run.Hash, Needs: true}, Effects: step},
			{Timeline: id, Payload: &remediation.RunStarted{Run: run.ID, Hash: run.Hash, Steps: 1}, Effects: step},
			{Timeline: id, Effects: step, Payload: &remediation.StepUnsure{StepRef: ref, Question: remediation.Question{Code: "unforeseen",
				Sentence: "it was answered with an error", Answers: []remediation.Answer{remediation.Again}}}},
		}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	joe := people.Person{Name: "joe", Roles: []people.Role{people.Responder}}
	if _, err := desk.Resume(r.Context(), remediation.Who{Person: &joe, Actor: joe.Actor()}, run.ID, remediation.Again, ""); err != nil {
		t.Fatal(err)
	}
	r.until(20)
	if asked := r.kinds(id, oncall.KindAsked); len(asked) != 2 {
		t.Errorf("%d entries, want one for each request", len(asked))
	}
	if rang := r.ntfy.Messages("secret-topic-chris"); len(rang) != 2 {
		t.Errorf("chris is woken %d times: %+v", len(rang), rang)
	}
}

func TestNobodyIsWokenForAnApprovalThatIsNotNeeded(t *testing.T) {
	t.Run("routine", func(t *testing.T) {
		r := newRig(t, ntfytest.Options{})
		r.ask(remediation.Routine)
		r.until(1)
		if rang := r.ntfy.Messages("secret-topic-chris"); len(rang) != 0 {
			t.Errorf("%+v", rang)
		}
	})
	t.Run("it was rejected while ntfy was away", func(t *testing.T) {
		r := newRig(t, ntfytest.Options{})
		r.ntfy.Fault(ntfytest.Fault{Status: 503})
		_, run, desk := r.ask(remediation.Disruptive)
		r.until(0.2)
		if _, err := desk.Reject(t.Context(), remediation.Who{Person: &people.Person{Name: "chris", Roles: []people.Role{people.Responder}}}, run.ID, "no"); err != nil {
			t.Fatal(err)
		}
		r.ntfy.Heal()
		r.clock.MoveTo(r.clock.Now().Add(time.Minute))
		r.until(5)
		if rang := r.ntfy.Messages("secret-topic-chris"); len(rang) != 0 {
			t.Errorf("%+v", rang)
		}
	})
}
