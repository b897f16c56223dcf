package remediation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// order is a rota.
type order []string

func (o order) Order(time.Time) []string { return o }

func (b *bench) freeze() {
	b.Helper()
	_, err := b.store.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) {
		return remediation.SetFreeze(v, joe, timeline.Ref{}, "the backup is being restored", time.Time{})
	})
	b.must(err)
}

func (b *bench) consent(who remediation.Who, r remediation.Run, c remediation.Consent) error {
	_, err := b.desk.Approve(context.Background(), who, r.ID, c)
	return err
}

func (b *bench) breakGlass(who string, r remediation.Run, reason string) error {
	_, err := b.desk.BreakGlass(context.Background(), b.who(who), r.ID, reason)
	return err
}

// through is a person as one of their linked identities.
func (b *bench) through(name string, identity people.Actor) remediation.Who {
	who := b.who(name)
	who.Actor = identity
	return who
}

// TestRefused tries what must not be. What people read stands in the golden file, one
// entry of the timeline for each refusal.
func TestRefused(t *testing.T) {
	asked := func(try func(b *bench, r remediation.Run) error) func(*bench) error {
		return func(b *bench) error { return try(b, b.ask("recycle-node")) }
	}
	tests := []struct {
		name     string
		prepare  func(*bench)
		severity alert.Severity
		try      func(*bench) error
		want     problem.Code
		code     string // "": refused for how it was put, which is no entry
	}{
		{name: "a viewer asks", want: problem.Forbidden, code: "role",
			try: func(b *bench) error { _, err := b.tryAsk("viv", "recycle-node"); return err }},
		{name: "a viewer approves", want: problem.Forbidden, code: "role",
			try: asked(func(b *bench, r remediation.Run) error { return b.approve("viv", r) })},
		{name: "an account that is linked to nobody asks", want: problem.Forbidden, code: "unlinked",
			try: func(b *bench) error { _, err := b.tryAsk("stranger", "recycle-node"); return err }},
		{name: "an account that is linked to nobody approves, whatever role the chat gave it", want: problem.Forbidden, code: "unlinked",
			try: asked(func(b *bench, r remediation.Run) error {
				who := b.who("stranger")
				who.Roles = []people.Role{people.Lead}
				return b.consent(who, r, remediation.Consent{Hash: r.Hash, Typed: "6dcf"})
			})},
		{name: "whoever asked approves", want: problem.Forbidden, code: "self-approval",
			try: asked(func(b *bench, r remediation.Run) error { return b.approve("joe", r) })},
		{name: "whoever asked approves under another identity of theirs", want: problem.Forbidden, code: "self-approval",
			try: func(b *bench) error {
				p, err := b.desk.Plan(context.Background(), timeline.Incident(1), "recycle-node", nil)
				b.must(err)
				r, err := b.desk.Request(context.Background(), b.through("joe", people.Actor{Kind: people.KindUnknown, Name: "discord 1234"}), timeline.Incident(1), p)
				b.must(err)
				return b.consent(b.through("joe", people.Actor{Kind: people.KindUnknown, Name: "uid 1000"}), r, remediation.Consent{Hash: r.Hash, Typed: "6dcf"})
			}},
		{name: "one person approves twice", want: problem.Conflict, code: "approved-already",
			try: asked(func(b *bench, r remediation.Run) error {
				b.must(b.approve("chris", r))
				return b.consent(b.through("chris", people.Actor{Kind: people.KindUnknown, Name: "uid 1001"}), r, remediation.Consent{Hash: r.Hash, Typed: "6dcf"})
			})},
		{name: "too late", want: problem.Conflict, code: "expired",
			try: asked(func(b *bench, r remediation.Run) error { b.pass(16 * time.Minute); return b.approve("chris", r) })},
		{name: "another plan than the one that was seen", want: problem.Conflict, code: "drifted",
			try: asked(func(b *bench, r remediation.Run) error {
				return b.consent(b.who("chris"), r, remediation.Consent{Hash: strings.Repeat("0", 64), Typed: "6dcf"})
			})},
		{name: "a hash too short to name a plan", want: problem.Conflict, code: "drifted",
			try: asked(func(b *bench, r remediation.Run) error {
				return b.consent(b.who("chris"), r, remediation.Consent{Hash: r.Hash[:4], Typed: "6dcf"})
			})},
		{name: "the same act is in flight", want: problem.Conflict, code: remediation.CodeSameAct,
			try: asked(func(b *bench, _ remediation.Run) error { _, err := b.tryAsk("joe", "recycle-node"); return err })},
		{name: "another act on nodes is in flight", want: problem.Conflict, code: remediation.CodeLocked,
			try: asked(func(b *bench, r remediation.Run) error {
				b.must(b.approve("chris", r))
				b.pass(time.Minute) // it waits for the new machine
				b.wants(r.ID, remediation.Running)
				b.world.volumes = nil // they have nothing in common but that they are nodes
				_, err := b.tryAsk("joe", "reboot-node")
				return err
			})},
		{name: "frozen", want: problem.Conflict, code: remediation.CodeFrozen,
			try: func(b *bench) error { b.freeze(); _, err := b.tryAsk("joe", "recycle-node"); return err }},
		{name: "frozen after it was asked for", want: problem.Conflict, code: remediation.CodeFrozen,
			try: asked(func(b *bench, r remediation.Run) error { b.freeze(); return b.approve("chris", r) })},
		{name: "frozen, and the glass is broken", want: problem.Conflict, code: remediation.CodeFrozen,
			try: asked(func(b *bench, r remediation.Run) error {
				b.pass(6 * time.Minute)
				b.must(b.breakGlass("joe", r, "nobody answers"))
				b.freeze()
				return b.approve("joe", r)
			})},
		{name: "the last Ready node", want: problem.Conflict, code: remediation.CodeLastReady, prepare: func(b *bench) { b.world.others = 0 },
			try: asked(func(b *bench, r remediation.Run) error { return b.approve("chris", r) })},
		{name: "too few other nodes", want: problem.Conflict, code: remediation.CodeMinHealthy, prepare: func(b *bench) { b.world.others = 1 },
			try: asked(func(b *bench, r remediation.Run) error { return b.approve("chris", r) })},
		{name: "how the other nodes are cannot be read", want: problem.Conflict, code: remediation.CodeHealthUnknown, prepare: func(b *bench) { b.world.blindNodes = true },
			try: asked(func(b *bench, r remediation.Run) error { return b.approve("chris", r) })},
		{name: "a machine that nobody can prove", want: problem.Conflict, code: remediation.CodeIdentity, prepare: func(b *bench) { b.world.boot = "" },
			try: func(b *bench) error { _, err := b.tryAsk("joe", "recycle-node"); return err }},
		{name: "the cloud is at it", want: problem.Conflict, code: remediation.CodeProviderBusy, prepare: func(b *bench) { b.world.busy = true },
			try: func(b *bench) error { _, err := b.tryAsk("joe", "recycle-node"); return err }},
		{name: "too soon after another act on a node", want: problem.Conflict, code: remediation.CodeCoolDown,
			try: asked(func(b *bench, r remediation.Run) error {
				b.must(b.approve("chris", r))
				b.pass(10 * time.Minute)
				b.wants(r.ID, remediation.Done)
				again, err := b.tryAsk("joe", "reboot-node")
				b.must(err)
				return b.consent(b.who("chris"), again, remediation.Consent{Hash: again.Hash, Typed: "er-0"})
			})},
		{name: "the wrong name is typed", want: problem.Invalid, code: "confirmation",
			try: asked(func(b *bench, r remediation.Run) error {
				return b.consent(b.who("chris"), r, remediation.Consent{Hash: r.Hash, Typed: "11aa"})
			})},
		{name: "nothing is typed", want: problem.Invalid, code: "confirmation",
			try: asked(func(b *bench, r remediation.Run) error {
				return b.consent(b.who("chris"), r, remediation.Consent{Hash: r.Hash})
			})},
		{name: "the glass of a SEV1 is broken after four minutes", want: problem.Conflict, code: "break-glass",
			try: asked(func(b *bench, r remediation.Run) error {
				b.pass(4 * time.Minute)
				return b.breakGlass("joe", r, "nobody answers")
			})},
		{name: "the glass of a SEV2 is broken after nine minutes", severity: alert.SEV2, want: problem.Conflict, code: "break-glass",
			try: asked(func(b *bench, r remediation.Run) error {
				b.pass(9 * time.Minute)
				return b.breakGlass("joe", r, "nobody answers")
			})},
		{name: "the glass of a SEV3 is broken", severity: alert.SEV3, want: problem.Forbidden, code: "break-glass",
			try: asked(func(b *bench, r remediation.Run) error {
				b.pass(14 * time.Minute)
				return b.breakGlass("joe", r, "nobody answers")
			})},
		{name: "a viewer breaks the glass", want: problem.Forbidden, code: "role",
			try: asked(func(b *bench, r remediation.Run) error { return b.breakGlass("viv", r, "I can see it") })},
		{name: "the glass is broken without a reason", want: problem.Invalid,
			try: asked(func(b *bench, r remediation.Run) error { return b.breakGlass("joe", r, " ") })},
		{name: "alone behind a broken glass, the wrong name is typed", want: problem.Invalid, code: "confirmation", prepare: func(b *bench) { b.rota = order{"joe"} },
			try: asked(func(b *bench, r remediation.Run) error {
				b.must(b.breakGlass("joe", r, "nobody else is there"))
				return b.consent(b.who("joe"), r, remediation.Consent{Hash: r.Hash, Typed: "yes!"})
			})},
	}
	text := ""
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			if tt.prepare != nil {
				tt.prepare(b)
			}
			b.open().run()
			b.declare(max(tt.severity, alert.SEV1))
			err := tt.try(b)
			if problem.CodeOf(err) != tt.want {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			p, _ := errors.AsType[*problem.Error](err)
			text += fmt.Sprintf("%s\n  answer: %s\n", tt.name, p.Message)
			if p.Hint != "" {
				text += "  hint:   " + p.Hint + "\n"
			}
			var refused []timeline.Entry
			for _, e := range b.entries() {
				if e.Kind == "run.refused" {
					refused = append(refused, e)
				}
			}
			if tt.code == "" {
				if len(refused) > 0 {
					t.Errorf("it was recorded: %s", b.told(0))
				}
				return
			}
			if len(refused) != 1 || refused[0].Payload.(*remediation.RunRefused).Code != tt.code {
				t.Fatalf("want one refusal %q in the timeline:\n%s", tt.code, b.told(0))
			}
			text += fmt.Sprintf("  entry:  %s: %s\n", refused[0].Actor.Display(), refused[0].Payload.Text())
			if b.world.accepted > 1 || tt.code != remediation.CodeCoolDown && tt.code != remediation.CodeLocked && tt.code != "approved-already" && b.world.accepted > 0 {
				t.Errorf("%d recycles were accepted", b.world.accepted)
			}
			b.sound()
		})
	}
	golden(t, "refused", text)
}

// Two people press the button in the same moment: one word counts.
func TestOfTwoRacingApprovalsOneCounts(t *testing.T) {
	b := newBench(t)
	b.people = append(b.people, people.Person{Name: "dana", Roles: []people.Role{people.Responder}})
	b.open().declare(alert.SEV1)
	for n := 1; n <= 5; n++ {
		r := b.ask("recycle-node")
		begin := make(chan struct{})
		errs := make([]error, 6)
		var racers sync.WaitGroup
		for i := range errs {
			racers.Go(func() { <-begin; errs[i] = b.approve([]string{"chris", "dana"}[i%2], r) })
		}
		close(begin)
		racers.Wait()
		won := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err != nil })
		lost := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
		if len(won) != 1 || len(b.wants(r.ID, remediation.Approved).Approvals) != 1 {
			t.Fatalf("%d approvals counted: %v", len(won), errs)
		}
		for _, err := range lost {
			if !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "it was approved already, by ") {
				t.Errorf("got %v", err)
			}
		}
		approved := 0
		for _, e := range b.entries() {
			if e.Kind == "run.approved" {
				approved++
			}
		}
		if approved != n {
			t.Errorf("%d entries of approvals, want %d", approved, n)
		}
		_, err := b.desk.Reject(context.Background(), b.who("joe"), r.ID, "once more")
		b.must(err)
	}
	b.sound()
}

// What was approved is no longer what would be done: nothing starts.
func TestAPlanThatDriftsAfterItsApprovalNeedsANewOne(t *testing.T) {
	b := newBench(t)
	b.open().declare(alert.SEV1)
	r := b.ask("recycle-node")
	b.must(b.approve("chris", r))
	b.world.volumes = append(b.world.volumes, "pvc-0123456789abcdef")
	b.world.boot = "boot-2"
	b.run().pass(time.Minute)
	r = b.wants(r.ID, remediation.Requested)
	if len(r.Approvals) != 0 || len(b.world.calls) != 0 {
		t.Errorf("approvals %v, asked for %v", r.Approvals, b.world.calls)
	}
	golden(t, "drifted", b.told(1))
	b.must(b.approve("chris", r)) // the new plan
	b.pass(10 * time.Minute)
	b.wants(r.ID, remediation.Done)
	b.sound()
}

func TestAPlanThatShrinksKeepsItsApproval(t *testing.T) {
	b := newBench(t)
	b.open().declare(alert.SEV1)
	r := b.ask("recycle-node")
	b.must(b.approve("chris", r))
	b.world.volumes = nil
	b.run().pass(10 * time.Minute)
	if r = b.wants(r.ID, remediation.Done); len(r.Approvals) != 1 {
		t.Errorf("approvals %v", r.Approvals)
	}
	if !strings.Contains(b.told(0), "less than was approved would break") {
		t.Error("nobody was told")
	}
}

func TestABrokenGlass(t *testing.T) {
	tests := map[string]struct {
		severity alert.Severity
		prepare  func(*bench)
		wait     time.Duration
	}{
		"five minutes of a SEV1":           {severity: alert.SEV1, wait: 5 * time.Minute},
		"ten minutes of a SEV2":            {severity: alert.SEV2, wait: 10 * time.Minute},
		"at once, nobody else on the rota": {severity: alert.SEV3, prepare: func(b *bench) { b.rota = order{"joe", "viv"} }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.policy.CoolDown = 0
			if tt.prepare != nil {
				tt.prepare(b)
			}
			b.open().run().declare(tt.severity)
			r := b.ask("recycle-node")
			b.pass(tt.wait)
			b.must(b.breakGlass("joe", r, "nobody answers"))
			b.must(b.approve("joe", r))
			b.pass(10 * time.Minute)
			r = b.wants(r.ID, remediation.Done)
			if !r.Approvals[0].Alone {
				t.Errorf("%+v", r.Approvals)
			}
			// It covers joe for two hours, without another wait, and the confirmation is still typed.
			next, err := b.tryAsk("joe", "reboot-node")
			b.must(err)
			err = b.consent(b.who("joe"), next, remediation.Consent{Hash: next.Hash})
			if !problem.Is(err, problem.Invalid) {
				t.Errorf("without typing: %v", err)
			}
			_, err = b.desk.Reject(context.Background(), b.who("joe"), next.ID, "")
			b.must(err)
			b.pass(2 * time.Hour)
			last := b.ask("reboot-node")
			err = b.consent(b.who("joe"), last, remediation.Consent{Hash: last.Hash, Typed: "er-0"})
			if !problem.Is(err, problem.Forbidden) {
				t.Errorf("after two hours: %v", err)
			}
			if told := b.told(0); !strings.Contains(told, "Follow-up: review why joe went on alone") || !strings.Contains(told, "alone, with the glass broken") {
				t.Error(told)
			}
			b.sound()
		})
	}
}

func TestASoftRefusalGivesWayToABrokenGlass(t *testing.T) {
	b := newBench(t)
	b.world.others = 0
	b.open().run().declare(alert.SEV1)
	r := b.ask("recycle-node")
	if err := b.approve("chris", r); !problem.Is(err, problem.Conflict) {
		t.Fatalf("got %v", err)
	}
	b.must(b.breakGlass("chris", r, "it is down anyway")) // a second person: nobody has to be waited for
	b.must(b.approve("chris", r))
	b.pass(10 * time.Minute)
	b.wants(r.ID, remediation.Done)
	if told := b.told(0); !strings.Contains(told, "against: no other node is Ready") {
		t.Error(told)
	}
}

// What a recycle left behind is repaired although the recycle holds the volume.
func TestTheRemountOfWhatARecycleLeftBehindIsNotRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*world)
		pass    time.Duration
		origin  remediation.Status
		hands   bool
	}{
		"the recycle asks a person": {func(w *world) { w.lose, w.foreign = "before", true }, time.Minute, remediation.Asking, true},
		"the recycle is late":       {func(w *world) { w.blind = time.Hour }, 10 * time.Minute, remediation.Running, true},
		"the recycle waits":         {func(w *world) { w.slow = time.Hour }, time.Minute, remediation.Running, true},
		"the recycle failed": {func(w *world) { w.fault["recycle"] = problem.New(problem.Forbidden, "the token may not") },
			time.Minute, remediation.Failed, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, origin := started(t, func(b *bench) { tt.prepare(b.world) })
			b.pass(tt.pass)
			b.wants(origin.ID, tt.origin)
			r, err := b.tryAsk("joe", "remount-volume")
			b.must(err)
			b.must(b.consent(b.who("chris"), r, remediation.Consent{Hash: r.Hash, Typed: "4C1F"}))
			b.pass(time.Second)
			r = b.wants(r.ID, remediation.Done)
			if (r.Repairs == origin.ID) != tt.hands {
				t.Errorf("it repairs %q", r.Repairs)
			}
			if handed := strings.Contains(b.told(0), "hands volume pvc-bb1d06139b334c1f to "+string(r.ID)); handed != tt.hands {
				t.Errorf("handed: %t\n%s", handed, b.told(0))
			}
			b.sound()
		})
	}
}

func TestTheOneToAskComesFirst(t *testing.T) {
	b := newBench(t)
	b.people = append(b.people, people.Person{Name: "dana", Roles: []people.Role{people.Lead}}, people.Person{Name: "eve", Roles: []people.Role{people.Responder}})
	b.rota = order{"joe", "eve", "viv", "nobody"}
	b.open().declare(alert.SEV1)
	r := b.ask("recycle-node")
	if got := b.desk.Approvers(b.clock.Now(), r); !slices.Equal(got, []string{"eve", "chris", "dana"}) {
		t.Errorf("got %v", got)
	}
}
