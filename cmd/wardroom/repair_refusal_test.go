package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

// refusedCase is something that must not be: tried by typing and by tapping in Discord,
// and in the shell, each time refused with the same reason. What is approved is what
// stood on the screen when it was asked for.
type refusedCase struct {
	name    string
	prepare func(r *repairs)
	by      string // who tries it
	ask     bool   // to recycle the node; else to approve the run that waits
	code    string // of the refusal in the timeline
	reason  string
}

func refusedCases() []refusedCase {
	asked := func(r *repairs) { r.recycle() }
	return []refusedCase{
		{name: "no role: asks", by: "viv", ask: true, code: noRole, reason: "node recycle needs a responder, and viv is none"},
		{name: "no role: approves", by: "viv", prepare: asked, code: noRole, reason: "run approve needs a responder, and viv is none"},
		{name: "a role that the team's rule does not name: asks", by: "chris", ask: true, code: "role", reason: "hris may not make the repair node-recycle"},
		{name: "a role that the team's rule does not name: approves", by: "chris", prepare: asked, code: "role", reason: "hris may not approve node-recycle"},
		{name: "self-approval", by: "joe", prepare: asked, code: "self-approval", reason: "ou asked for it yourself: a second person has to approve it"},
		{name: "expired", by: "dana", code: "expired", reason: "t expired: nobody approved it in time",
			prepare: func(r *repairs) { r.recycle(); r.pass(16 * time.Minute) }},
		{name: "drifted", by: "dana", code: "drifted", reason: "he plan is not the one that you saw",
			prepare: func(r *repairs) { r.recycle(); r.drift() }},
		{name: "the same act in flight: waits", by: "dana", ask: true, prepare: asked, code: remediation.CodeSameAct, reason: "INC-1/run-1 does the same and is requested"},
		{name: "the same act in flight: runs", by: "dana", ask: true, code: remediation.CodeSameAct, reason: "INC-1/run-1 does the same and is running",
			prepare: func(r *repairs) { r.recycle(); r.approvedBy("dana"); r.pass(time.Minute) }},
		{name: "frozen: asks", by: "dana", ask: true, code: remediation.CodeFrozen, reason: "epairs are frozen: the backup is being restored",
			prepare: func(r *repairs) { r.freeze() }},
		{name: "frozen: approves", by: "dana", code: remediation.CodeFrozen, reason: "epairs are frozen: the backup is being restored",
			prepare: func(r *repairs) { r.recycle(); r.freeze() }},
		{name: "the role in the cluster lacks a verb: asks", by: "dana", ask: true, code: remediation.AccessDenied, reason: "ardroom's role in kubernetes may not patch deployments/scale, which the step scale-to needs",
			prepare: func(r *repairs) { r.world.kube.Deny(kubetest.ActToken, "patch deployments/scale") }},
		{name: "last Ready node", by: "dana", code: remediation.CodeLastReady, reason: "is the last Ready node",
			prepare: func(r *repairs) {
				r.world.kube.Hang(siteNode)
				r.world.kube.Hang(spareNode)
				r.pass(2 * time.Minute)
				r.recycle()
			}},
		{name: "unproven identity: the machine is deleted", by: "dana", ask: true, code: remediation.CodeIdentity, reason: "nstance 28412345 is deleted at Linode",
			prepare: func(r *repairs) {
				if err := r.world.linode.Act(console, linodetest.Act{Do: "delete", Linode: redisHost}); err != nil {
					r.t.Fatal(err)
				}
				r.pass(30 * time.Second) // the cluster has not noticed yet
			}},
		{name: "unproven identity: Linode does not answer", by: "dana", ask: true, code: remediation.CodeIdentity, reason: "inode cannot be asked which machine it is",
			prepare: func(r *repairs) { r.world.linode.Fault(linodetest.Fault{Status: 503}) }},
	}
}

// noRole stands for a refusal before the repairs' own gate: whoever it is may not ask
// for this at all.
const noRole = "command.refused"

// freeze is joe's.
func (r *repairs) freeze() {
	r.t.Helper()
	r.says(r.slash("joe", "/freeze on reason:the backup is being restored"), "Repairs are frozen")
}

// drift puts PostgreSQL onto the node after the plan was shown, and lets dana approve the
// plan of before: that counts for nothing once the plan is made anew.
func (r *repairs) drift() {
	r.t.Helper()
	r.world.kube.AddWorkload(kubetest.Workload{Name: "default/postgres", Kind: "Deployment", Node: redisNode, Volume: "pvc-a14c0fe2d9b74e60", Disk: 41009})
	r.pass(30 * time.Second)
	r.slash("dana", approveLine(r.asked))
	now := r.wants(remediation.Requested)
	if now.Hash == r.asked.Hash || len(now.Approvals) > 0 {
		r.t.Fatalf("the plan is %s as before, or approved: %v", now.Hash, now.Approvals)
	}
	if told := strings.Join(r.told("INC-1"), "\n"); !strings.Contains(told, "is no longer what was approved") || !strings.Contains(told, "pvc-a14c0fe2d9b74e60") {
		r.t.Errorf("what has changed is not told:\n%s", told)
	}
}

func (r *repairs) approvedBy(person string) {
	r.t.Helper()
	r.slash(person, approveLine(r.run()))
	r.wants(remediation.Running)
}

// refusedBy is how many refusals with this reason are recorded in the incident, and
// whether each tells who was refused.
func (r *repairs) refusedBy(person, code, reason string) (n int) {
	r.t.Helper()
	for _, id := range []timeline.ID{"INC-1", timeline.Log} {
		for _, e := range r.entries(id) {
			switch p := e.Payload.(type) {
			case *remediation.RunRefused:
				if p.Code != code || !strings.Contains(p.Reason, reason) {
					continue
				}
			case *command.Refused:
				if code != noRole || !strings.Contains(p.Reason, reason) {
					continue
				}
			default:
				continue
			}
			if n++; e.Actor.Name != person {
				r.t.Errorf("the refusal is said to be %s's: %s", e.Actor, e.Payload.Text())
			}
		}
	}
	return n
}

// tries lets a person try it on each surface.
func (c refusedCase) tries(r *repairs) []readOut {
	r.t.Helper()
	if c.ask {
		shown := r.slash(c.by, "/node show node:"+redisNode)
		r.walk.Reset()
		return []readOut{
			r.slash(c.by, "/node recycle node:"+redisNode),
			r.press(c.by, shown.seen.Answer, "Recycle"),
			r.shell(c.by, "node", "recycle", redisNode, "--incident", "INC-1"),
			r.shell(c.by, "node", "recycle", redisNode),
		}
	}
	run := r.asked
	form := r.press(c.by, r.asking, "Approve")
	if form.seen.Modal != nil { // who may not is told so before a form opens
		form = r.fill(c.by, form, map[string]string{"confirm": remediation.Confirmation(run.Plan.Target)})
	}
	return []readOut{form, r.slash(c.by, approveLine(run)), r.shell(c.by, approveWords(run)...)}
}

// TestRefusedOnEverySurface tries what must not be. What people did and read, and what
// the timeline says of it, stands in the golden file.
func TestRefusedOnEverySurface(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, c := range refusedCases() {
		t.Run(c.name, func(t *testing.T) {
			r := newRepairs(t, repairOptions{config: leadsAlone(strings.HasPrefix(c.name, "a role"))})
			if c.prepare != nil {
				c.prepare(r)
			}
			r.walk.Reset()
			before := r.run()
			writes := len(r.world.linode.Writes()) + len(r.world.kube.Writes())
			tried := c.tries(r)
			for i, told := range tried {
				if !strings.Contains(told.text, c.reason) {
					t.Errorf("surface %d does not tell the reason %q:\n%s", i, c.reason, told.text)
				}
			}
			if last := tried[len(tried)-1]; !last.error {
				t.Error("the shell ends as if it had been done")
			}
			if n := r.refusedBy(c.by, c.code, c.reason); n < len(tried) {
				t.Errorf("%d of %d refusals are recorded\n%s", n, len(tried), strings.Join(append(r.told("INC-1"), r.told(timeline.Log)...), "\n"))
			}
			if now := r.run(); now.ID != before.ID || now.Status != before.Status || len(now.Approvals) != len(before.Approvals) {
				t.Errorf("%s was %s and is %s, approved by %v", now.ID, before.Status, now.Status, now.Approvals)
			}
			if n := len(r.world.linode.Writes()) + len(r.world.kube.Writes()); n != writes {
				t.Errorf("%d changes were asked for", n-writes)
			}
			fmt.Fprintf(&all, "== %s\n%s", c.name, r.walk.String())
			for _, line := range append(r.told("INC-1"), r.told(timeline.Log)...) {
				if strings.Contains(line, c.reason) {
					fmt.Fprintf(&all, "   timeline: %s\n", line)
				}
			}
			all.WriteString("\n")
		})
	}
	goldenText(t, "refusals.txt", withoutPlans(all.String()))
}

// TestOnePersonIsOnePersonUnderEveryIdentity: two accounts of one chat, or an account and
// a Unix user, are one person when the configuration says so, whichever asked first.
func TestOnePersonIsOnePersonUnderEveryIdentity(t *testing.T) {
	t.Parallel()
	inDiscord := func(account string) (ask, approve func(r *repairs) readOut) {
		return func(r *repairs) readOut { return r.slash(account, "/node recycle node:"+redisNode) },
			func(r *repairs) readOut { return r.slash(account, approveLine(r.run())) }
	}
	inShell := func(user string) (ask, approve func(r *repairs) readOut) {
		return func(r *repairs) readOut { return r.shell(user, "node", "recycle", redisNode) },
			func(r *repairs) readOut { return r.shell(user, approveWords(r.run())...) }
	}
	joeAsks, joeApproves := inDiscord("joe")
	joeAsksInShell, joeApprovesInShell := inShell("joe")
	danaAsks, danaApproves := inDiscord("dana")
	phoneAsks, phoneApproves := inDiscord("dana-phone")
	danaAsksInShell, danaApprovesInShell := inShell("dana")
	tests := map[string]struct {
		person       string
		ask, approve func(r *repairs) readOut
	}{
		"Discord, then the shell over the socket": {"joe", joeAsks, joeApprovesInShell},
		"the shell over the socket, then Discord": {"joe", joeAsksInShell, joeApproves},
		"two accounts of Discord":                 {"dana", danaAsks, phoneApproves},
		"the other account first":                 {"dana", phoneAsks, danaApproves},
		"the other account, then the shell":       {"dana", phoneAsks, danaApprovesInShell},
		"the shell, then the other account":       {"dana", danaAsksInShell, phoneApproves},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRepairs(t, repairOptions{})
			r.says(tt.ask(r), "waits until")
			if run := r.wants(remediation.Requested); run.Requester.Name != tt.person {
				t.Errorf("it was asked for by %s", run.Requester)
			}
			r.says(tt.approve(r), "ou asked for it yourself: a second person has to approve it")
			if n := r.refusedBy(tt.person, "self-approval", "a second person"); n != 1 {
				t.Errorf("%d refusals are recorded", n)
			}
			r.wants(remediation.Requested)
			if len(r.recycles()) > 0 {
				t.Error("it was carried out")
			}
		})
	}
}

// TestTwoApprovalsAtOnceCountOnce lets two clients approve in the same moment: two
// persons, and one person in two places.
func TestTwoApprovalsAtOnceCountOnce(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]string{"two persons": "dana", "one person in two places": "chris"} {
		t.Run(name, func(t *testing.T) {
			r := newRepairs(t, repairOptions{})
			run := r.recycle()
			var answers [2]string
			var together sync.WaitGroup
			release := r.app.Runtime.Hold()
			together.Go(func() {
				seen, err := r.chat.As("chris").Slash(r.soon(), r.room(), approveLine(run))
				if err != nil || seen.Answer == nil {
					t.Errorf("chris in Discord: %v %s", err, seen.Failed)
					return
				}
				answers[0] = r.chat.Shown(seen.Answer)
			})
			together.Go(func() { answers[1] = r.typed(second, approveWords(run)...).text })
			together.Wait()
			release()
			r.pass(0)
			approved, already := 0, 0
			for _, a := range answers {
				switch {
				case strings.Contains(a, "is approved"):
					approved++
				case strings.Contains(a, "t was approved already, by "):
					already++
				}
			}
			if approved != 1 || already != 1 {
				t.Errorf("they were told %q", answers)
			}
			if now := r.wants(remediation.Running); len(now.Approvals) != 1 {
				t.Errorf("approved by %v", now.Approvals)
			}
			if codes := r.refusals(); len(codes) != 1 || codes[0] != "approved-already" {
				t.Errorf("refused: %v", codes)
			}
			r.pass(20 * time.Minute)
			r.wants(remediation.Done)
			if n := len(r.recycles()); n != 1 {
				t.Errorf("Linode was asked for %d recycles", n)
			}
		})
	}
}

// TestTheRemountOfWhatTheRecycleLeftIsNotRefused: a recycle leaves its volume in limbo.
// The remount is asked for in the shell and approved in Discord, after the recycle has
// failed, and also while it still holds the volume and waits for it: then it gets the
// lock, and a remount of another incident does not.
func TestTheRemountOfWhatTheRecycleLeftIsNotRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after time.Duration
		is    remediation.Status
		hands bool
	}{
		"the recycle has failed":           {6 * time.Minute, remediation.Failed, false},
		"the recycle waits for the volume": {4*time.Minute + 15*time.Second, remediation.Running, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepairs(t, repairOptions{world: func(w *stageWorld) {
				w.linode.Fault(linodetest.Fault{When: "recycle", Volume: redisDisk, Effect: linodetest.Limbo, Times: 1, Message: "The volume could not be attached"})
			}})
			r.recycle()
			r.approvedBy("chris")
			r.pass(tt.after)
			stuck := r.wants(tt.is)
			if tt.hands {
				r.says(r.shell("joe", "incident", "declare", "Something else", "--severity", "SEV3"), "INC-2 is open")
				r.says(r.shell("joe", "volume", "remount", redisDisk, "--incident", "INC-2"), "INC-1/run-1", "holds what it would touch")
				if told := strings.Join(r.told("INC-2"), "\n"); !strings.Contains(told, "Refused: volume-remount") {
					t.Errorf("the refusal is not in the other incident's timeline:\n%s", told)
				}
			}
			r.says(r.shell("joe", "volume", "remount", redisDisk, "--incident", "INC-1"), "volume-remount of "+redisDisk, "waits until")
			remount := r.wants(remediation.Requested)
			r.says(r.slash("chris", approveLine(remount)), "is approved")
			r.pass(20 * time.Minute)
			r.wants(remediation.Done)
			told := strings.Join(r.told("INC-1"), "\n")
			if handed := strings.Contains(told, "hands volume "+redisDisk+", workload default/redis to "+string(remount.ID)); handed != tt.hands || (remount.Repairs == stuck.ID) != tt.hands {
				t.Errorf("handed %t, repairs %q:\n%s", handed, remount.Repairs, told)
			}
			if !r.redisReady() {
				t.Error("Redis is not Ready")
			}
			if codes := r.refusals(); len(codes) > 0 {
				t.Errorf("refused: %v", codes)
			}
			if n := len(r.recycles()); n != 1 {
				t.Errorf("Linode was asked for %d recycles", n)
			}
		})
	}
}
