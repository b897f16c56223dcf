package remediation_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// TestAGlassCoversWhatTookASecondPerson: what was broken for something that anybody may
// confirm, or for somebody else's run, is no consent to a recycle of one's own.
func TestAGlassCoversWhatTookASecondPerson(t *testing.T) {
	ctx := context.Background()
	for name, first := range map[string]func(b *bench){
		"routine": func(b *bench) {
			b.world.tier = remediation.Routine
			small, err := b.tryAsk("joe", "remount-volume")
			b.must(err)
			_, err = b.desk.BreakGlass(ctx, b.who("joe"), small.ID, "to be quick")
			b.must(err)
		},
		"somebody else's": func(b *bench) {
			theirs, err := b.tryAsk("chris", "recycle-node")
			b.must(err)
			_, err = b.desk.BreakGlass(ctx, b.who("joe"), theirs.ID, "to be quick")
			b.must(err)
			_, err = b.desk.Reject(ctx, b.who("chris"), theirs.ID, "not needed")
			b.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).open().run()
			b.declare(alert.SEV4)
			first(b)
			b.world.tier = remediation.Destructive
			own := b.ask("recycle-node")
			if err := b.approve("joe", own); !problem.Is(err, problem.Forbidden) {
				t.Errorf("joe approves what joe asked for: %v", err)
			}
			b.pass(time.Minute)
			if b.world.accepted != 0 {
				t.Errorf("recycled %d times", b.world.accepted)
			}
			for _, e := range b.entries() {
				if p, is := e.Payload.(*remediation.GlassBroken); is && (!p.Until.IsZero() || strings.Contains(p.Text(), "until")) {
					t.Errorf("it says that it covers: %s", p.Text())
				}
			}
		})
	}
}

// TestARunWithoutItsNewApprovalDoesNotGoOn: once a recycle has to be approved anew, it is
// not asked for because somebody says to go on.
func TestARunWithoutItsNewApprovalDoesNotGoOn(t *testing.T) {
	ctx := context.Background()
	for name, refuse := range map[string]func(b *bench, id remediation.RunID){
		"rejected": func(b *bench, id remediation.RunID) {
			_, err := b.desk.Reject(ctx, b.who("chris"), id, "do not")
			b.must(err)
		},
		"expired": func(b *bench, _ remediation.RunID) { b.pass(20 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.world.fault["recycle"] = problem.New(problem.Internal, "500")
			b.open().run()
			b.declare(alert.SEV1)
			r := b.ask("recycle-node")
			b.must(b.approve("chris", r))
			b.pass(time.Minute)
			_, err := b.desk.Resume(ctx, b.who("joe"), r.ID, remediation.Again, "")
			b.must(err)
			refuse(b, r.ID)
			r = b.get(r.ID)
			if r.Status != remediation.Asking || slices.Contains(r.Ask.Answers, remediation.Onward) {
				t.Fatalf("%s, %+v", r.Status, r.Ask)
			}
			if _, err := b.desk.Resume(ctx, b.who("joe"), r.ID, remediation.Onward, ""); !problem.Is(err, problem.Invalid) {
				t.Errorf("it goes on: %v", err)
			}
			// As a question that an earlier version recorded was answered.
			b.append(timeline.Draft{Timeline: r.Incident, Actor: joe, Payload: &remediation.RunResumed{Run: r.ID, Answer: remediation.Onward},
				Effects: timeline.Effects{Clear: []string{string(r.ID) + "/answer-onward"}}})
			b.pass(time.Minute)
			if b.world.accepted != 0 || len(b.world.calls) > 2 {
				t.Errorf("asked for without an approval: %v", b.world.calls)
			}
			if r = b.get(r.ID); r.Status != remediation.Asking || r.Ask.Code != "unapproved" {
				t.Errorf("it is %s and asks %+v", r.Status, r.Ask)
			}
			// With a new approval it is.
			delete(b.world.fault, "recycle")
			_, err = b.desk.Resume(ctx, b.who("joe"), r.ID, remediation.Again, "")
			b.must(err)
			b.must(b.approve("chris", b.get(r.ID)))
			b.pass(time.Hour)
			if r = b.get(r.ID); r.Status != remediation.Done || b.world.accepted != 1 {
				t.Errorf("it is %s, recycled %d times:\n%s", r.Status, b.world.accepted, b.told(0))
			}
		})
	}
}

// TestAGlassAgainstWhatComesUpUnderWay: a soft refusal that was not there when the run was
// approved holds it up until somebody knows better.
func TestAGlassAgainstWhatComesUpUnderWay(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	b.world.after = func(step string) {
		if step == "cordon" {
			b.world.mu.Lock()
			b.world.others = 0
			b.world.mu.Unlock()
		}
	}
	b.open().run()
	b.declare(alert.SEV1)
	r := b.ask("recycle-node")
	if _, err := b.desk.BreakGlass(ctx, b.who("nobody"), r.ID, "why not"); err == nil {
		t.Error("somebody without a role breaks the glass")
	}
	b.must(b.approve("chris", r))
	b.pass(30 * time.Minute)
	if r = b.get(r.ID); !r.HeldSoftly() || b.world.accepted != 0 {
		t.Fatalf("it is %s, waits: %q, recycled %d times", r.Status, r.Held, b.world.accepted)
	}
	held := r.Held
	_, err := b.desk.BreakGlass(ctx, b.who("chris"), r.ID, "both are dead, this is the way out")
	b.must(err)
	b.pass(time.Hour)
	if r = b.get(r.ID); r.Status != remediation.Done || b.world.accepted != 1 || r.Held != "" {
		t.Errorf("it is %s, waits: %q, recycled %d times:\n%s", r.Status, r.Held, b.world.accepted, b.told(0))
	}
	if !strings.Contains(b.told(0), "both are dead, this is the way out; against: "+held) {
		t.Errorf("what it was broken against is not told:\n%s", b.told(0))
	}
}

// TestAnIncidentThatIsOver takes what puts things back and begins nothing else.
func TestAnIncidentThatIsOver(t *testing.T) {
	ctx := context.Background()
	b := newBench(t).open().run()
	id := b.declare(alert.SEV1)
	move := func(from, to incident.Status) {
		b.append(timeline.Draft{Timeline: id, Actor: joe, Payload: &incident.StatusChanged{From: from, To: to}})
	}
	r := b.ask("recycle-node")
	b.must(b.approve("chris", r))
	b.pass(time.Minute)
	_, err := b.desk.Abort(ctx, b.who("joe"), r.ID, "")
	b.must(err)
	b.pass(10 * time.Second)
	if r = b.get(r.ID); len(r.Left) == 0 {
		t.Fatalf("%s left nothing", r.Status)
	}
	waits := b.ask("recycle-node")

	move(incident.Investigating, incident.Resolved)
	if err := b.approve("chris", waits); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "is resolved") {
		t.Errorf("what was asked for before is approved: %v", err)
	}
	if _, err := b.tryAsk("joe", "recycle-node"); !problem.Is(err, problem.Conflict) {
		t.Errorf("a recycle is asked for: %v", err)
	}
	_, err = b.desk.Reject(ctx, b.who("chris"), waits.ID, "it is over")
	b.must(err)
	p, err := b.desk.Undo(ctx, r.ID)
	b.must(err)
	back, err := b.desk.Request(ctx, b.who("joe"), id, p)
	if err != nil {
		t.Fatalf("what a resolution lists cannot be put back: %v", err)
	}
	b.must(b.approve("joe", back))
	b.pass(time.Minute)
	if back = b.get(back.ID); back.Status != remediation.Done {
		t.Errorf("it is %s:\n%s", back.Status, b.told(0))
	}

	move(incident.Resolved, incident.Closed)
	if _, err := b.desk.Request(ctx, b.who("joe"), id, p); !problem.Is(err, problem.Conflict) {
		t.Errorf("after it was closed: %v", err)
	}
}
