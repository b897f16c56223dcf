package remediation_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// answers gives a person's answer to a run that asks.
func (b *bench) answers(who string, id remediation.RunID, a remediation.Answer) {
	b.Helper()
	_, err := b.desk.Resume(context.Background(), b.who(who), id, a, "")
	b.must(err)
}

func TestAnAbortedRunSaysWhatIsLeftAndOffersTheUndo(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.slow = time.Hour })
	b.pass(time.Minute) // it waits for the new machine
	_, err := b.desk.Abort(context.Background(), b.who("joe"), r.ID, "the wrong night for it")
	b.must(err)
	b.pass(time.Second)
	r = b.wants(r.ID, remediation.Aborted)
	if len(r.Left) != 1 || r.Left[0].Planned.Name != "uncordon" || len(r.Locks) != 0 {
		t.Errorf("left %+v, locks %v", r.Left, r.Locks)
	}
	if !b.world.cordoned {
		t.Fatal("it was undone by itself")
	}
	p, err := b.desk.Undo(context.Background(), r.ID)
	b.must(err)
	if p.Tier != remediation.Routine || len(p.Steps) != 1 || p.Undoes != r.ID {
		t.Errorf("%+v", p)
	}
	// Who asks for what only puts back may confirm it, also while repairs are frozen.
	b.freeze()
	undo, err := b.desk.Request(context.Background(), b.who("joe"), timeline.Incident(1), p)
	b.must(err)
	b.must(b.consent(b.who("joe"), undo, remediation.Consent{Hash: undo.Hash}))
	b.pass(time.Minute)
	b.wants(undo.ID, remediation.Done)
	if b.world.cordoned {
		t.Error("it is not undone")
	}
	if _, err := b.desk.Undo(context.Background(), r.ID); !problem.Is(err, problem.NotFound) {
		t.Errorf("once more: %v", err)
	}
	golden(t, "aborted-and-undone", b.told(1))
	b.sound()
}

// What cannot be put back any more is no leftover: an undo would only fail at it, and
// leave the rest as it is.
func TestWhatCannotBePutBackIsNotLeft(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.slow = time.Hour })
	b.pass(time.Minute)
	b.world.gone = true
	_, err := b.desk.Abort(context.Background(), b.who("joe"), r.ID, "")
	b.must(err)
	b.pass(time.Second)
	if r = b.wants(r.ID, remediation.Aborted); len(r.Left) != 0 {
		t.Errorf("left %+v", r.Left)
	}
	if _, err := b.desk.Undo(context.Background(), r.ID); !problem.Is(err, problem.NotFound) {
		t.Errorf("the undo: %v", err)
	}
}

// A step of which there is more than was asked for is asked for again, at its usual pace
// and not while repairs are frozen; that it was accepted is recorded once.
func TestAStepIsAskedForAgainWhenThereIsMoreOfIt(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.more = 3 })
	b.pass(6 * time.Second)
	calls := len(b.world.calls)
	b.freeze()
	b.pass(time.Minute)
	if n := len(b.world.calls); calls != 2 || n != 2 {
		t.Errorf("asked for %d times, %d while frozen", calls, n-calls)
	}
	b.append(timeline.Draft{Timeline: timeline.Log, Actor: joe, Payload: &remediation.FreezeLifted{}})
	b.pass(10 * time.Minute)
	b.wants(r.ID, remediation.Done)
	if got := strings.Join(b.world.calls, " "); got != "cordon cordon cordon cordon recycle uncordon" {
		t.Errorf("asked for: %s", got)
	}
	accepted := 0
	for _, e := range b.entries() {
		if p, is := e.Payload.(*remediation.StepAccepted); is && p.Name == "cordon" {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("recorded %d times", accepted)
	}
	b.sound()
}

func TestAFreezeStopsBetweenStepsAndLetsRestoreWhatRestores(t *testing.T) {
	b := newBench(t)
	b.open().declare(alert.SEV1)
	b.world.before = func(step string) {
		if step == "cordon" {
			b.freeze()
		}
	}
	r := b.ask("recycle-node")
	b.must(b.approve("chris", r))
	b.run().pass(5 * time.Minute)
	r = b.wants(r.ID, remediation.Running)
	if b.world.accepted != 0 || !strings.Contains(r.Held, "repairs are frozen") {
		t.Fatalf("%d accepted, held %q", b.world.accepted, r.Held)
	}
	b.append(timeline.Draft{Timeline: timeline.Log, Actor: joe, Payload: &remediation.FreezeLifted{}})
	b.pass(time.Minute) // it waits for the new machine
	b.freeze()
	b.pass(10 * time.Minute)
	b.wants(r.ID, remediation.Done) // uncordon restores
	if b.world.accepted != 1 || b.world.cordoned {
		t.Errorf("%+v", b.world)
	}
	b.sound()
}

func TestTakenOverByHandItHoldsTheCommandsAndNoLocks(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.slow = time.Hour })
	b.pass(time.Minute)
	_, err := b.desk.TakeOver(context.Background(), b.who("chris"), r.ID, "I am in the console anyway")
	b.must(err)
	b.pass(time.Hour)
	r = b.wants(r.ID, remediation.TakenOver)
	if told := b.told(0); !strings.Contains(told, "kubectl uncordon "+node) || len(r.Locks) != 0 || !b.world.cordoned {
		t.Errorf("locks %v\n%s", r.Locks, told)
	}
	b.sound()
}

func TestAStepDoneByHandCountsAndTheRestGoesOn(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.panics = "recycle" })
	b.pass(time.Minute)
	b.wants(r.ID, remediation.Asking)
	b.world.machine, b.world.ready = 2, b.clock.Now().Add(time.Minute) // in the cloud's console
	b.answers("joe", r.ID, remediation.DoneByMan)
	b.pass(5 * time.Minute)
	b.wants(r.ID, remediation.Done)
	if b.world.accepted != 0 || !strings.Contains(b.told(0), "done by hand") {
		t.Error(b.told(0))
	}
	b.sound()
}

func TestAPersonGoesOnAlthoughAStepIsNotSo(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.worse = "default/site"; b.world.steps = 1 })
	b.pass(10 * time.Minute)
	r = b.wants(r.ID, remediation.Asking)
	if want := []remediation.Answer{remediation.Onward, remediation.Anyway, remediation.GiveUp}; !slices.Equal(r.Ask.Answers, want) || r.Ask.Code != "not-so" || r.Ask.Sentence != "worse than before: default/site" {
		t.Fatalf("it asks %+v", r.Ask)
	}
	b.answers("joe", r.ID, remediation.Onward)
	b.pass(time.Minute)
	b.wants(r.ID, remediation.Asking) // it is not so still
	b.answers("joe", r.ID, remediation.Anyway)
	b.pass(time.Minute)
	r = b.wants(r.ID, remediation.Done)
	if told := b.told(0); r.Learned()["accepted"] != "default/site" || !strings.Contains(told, "gone on with all the same") || strings.Contains(told, "done by hand") {
		t.Errorf("learned %v\n%s", r.Learned(), told)
	}
	b.sound()
}

// Where it is not offered, nobody goes on anyway; and what is mended goes on by itself.
func TestWhatIsMendedGoesOnOnceSomebodyLooks(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.worse = "default/site" })
	b.pass(10 * time.Minute)
	b.wants(r.ID, remediation.Asking)
	if _, err := b.desk.Resume(t.Context(), b.who("joe"), r.ID, remediation.Again, ""); !problem.Is(err, problem.Invalid) {
		t.Errorf("an answer that is not offered: %v", err)
	}
	b.world.mu.Lock()
	b.world.worse = "mended"
	b.world.mu.Unlock()
	b.answers("joe", r.ID, remediation.Onward)
	b.pass(time.Minute)
	b.wants(r.ID, remediation.Done)
	b.sound()
}

// To ask once more for what is destructive takes a second person once more.
func TestOnceMoreNeedsANewApproval(t *testing.T) {
	b, r := started(t, func(b *bench) {
		b.world.fault["recycle"] = problem.New(problem.Internal, "HTTP 500")
	})
	b.pass(time.Minute)
	b.wants(r.ID, remediation.Asking)
	b.answers("joe", r.ID, remediation.Again)
	b.pass(time.Minute)
	r = b.wants(r.ID, remediation.Requested)
	if b.world.accepted != 0 {
		t.Fatalf("%d accepted", b.world.accepted)
	}
	if err := b.approve("joe", r); !problem.Is(err, problem.Forbidden) {
		t.Errorf("self-approval: %v", err)
	}
	b.must(b.approve("chris", r))
	b.pass(10 * time.Minute)
	b.wants(r.ID, remediation.Done)
	if b.world.accepted != 1 {
		t.Errorf("%d accepted", b.world.accepted)
	}
	b.sound()
}

// Nobody approves the second try in time: the run asks again and forgets nothing.
func TestAnUnansweredRenewalAsksAgain(t *testing.T) {
	b, r := started(t, func(b *bench) {
		b.world.fault["recycle"] = problem.New(problem.Internal, "HTTP 500")
	})
	b.pass(time.Minute)
	b.answers("joe", r.ID, remediation.Again)
	b.pass(16 * time.Minute)
	b.wants(r.ID, remediation.Asking)
	b.answers("joe", r.ID, remediation.GiveUp)
	b.pass(time.Minute)
	if r = b.wants(r.ID, remediation.Aborted); len(r.Left) != 1 || b.world.accepted != 0 {
		t.Errorf("left %+v, %d accepted", r.Left, b.world.accepted)
	}
	b.sound()
}

func TestWhatCannotBeReadIsWaitedFor(t *testing.T) {
	b, r := started(t, func(b *bench) {
		b.world.after = func(step string) { b.world.down = step == "recycle" }
	})
	b.pass(30 * time.Minute)
	b.wants(r.ID, remediation.Running)
	if saw := b.engine.Saw(r.ID); !strings.Contains(saw, "how it is cannot be told now: ") {
		t.Errorf("it shows %q", saw)
	}
	b.world.down = false
	b.pass(10 * time.Minute)
	b.wants(r.ID, remediation.Done)
	if b.world.accepted != 1 {
		t.Errorf("%d accepted", b.world.accepted)
	}
	b.sound()
}

// The recycle goes on when the remount that it handed the volume to is over.
func TestARunThatHandedItsLocksGoesOnAfterwards(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.slow = 30 * time.Minute })
	b.pass(time.Minute)
	repair, err := b.tryAsk("joe", "remount-volume")
	b.must(err)
	b.must(b.consent(b.who("chris"), repair, remediation.Consent{Hash: repair.Hash, Typed: remediation.Confirmation(repair.Plan.Target)}))
	b.pass(time.Minute)
	b.wants(repair.ID, remediation.Done)
	b.wants(r.ID, remediation.Running)
	b.pass(time.Hour)
	b.wants(r.ID, remediation.Done)
	b.sound()
}

// A process that another one may have taken over from asks the outside for nothing, and
// goes on when it knows again that nobody has.
func TestWhoMayBeDeposedAsksForNothing(t *testing.T) {
	var owned atomic.Bool
	b, r := started(t, func(b *bench) {
		b.owned = func() error {
			if !owned.Load() {
				return problem.New(problem.Unavailable, "another process may own it")
			}
			return nil
		}
		b.world.after = func(step string) {
			if !owned.Load() {
				t.Errorf("%s was asked for", step)
			}
		}
	})
	b.pass(30 * time.Minute)
	b.wants(r.ID, remediation.Running)
	owned.Store(true)
	b.pass(time.Hour)
	b.wants(r.ID, remediation.Done)
	if b.world.accepted != 1 {
		t.Errorf("%d accepted", b.world.accepted)
	}
	b.sound()
}
