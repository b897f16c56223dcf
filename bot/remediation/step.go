package remediation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// step carries the current step on: observe, ask for it, observe until it is so.
func (e *Engine) step(ctx context.Context, r Run, c *carried) (bool, time.Time, error) {
	if r.Erased {
		return e.ask(ctx, r, askErased, "what it needs to go on was erased from the record")
	}
	planned, s, is := r.Current()
	if !is {
		return true, time.Time{}, e.record(ctx, r, func(v timeline.View, _ Run) ([]timeline.Draft, error) {
			p := &RunDone{Run: r.ID, Title: r.Title(), Took: since(v, r.StartedAt)}
			return []timeline.Draft{r.draft(Who{}, p, r.ending())}, nil
		})
	}
	step, known := e.desk.step(r, planned.Name)
	if !known {
		return e.ask(ctx, r, askUnknown, fmt.Sprintf("this version of Wardroom does not know the step %q of %s version %d", planned.Name, r.Plan.Remediation, r.Plan.Version), Onward, DoneByMan)
	}
	seen, err := observe(ctx, step, e.desk.state(r, r.Step))
	switch {
	case ctx.Err() != nil:
		return false, time.Time{}, nil
	case err != nil:
		return e.unseen(ctx, r, c, step, err)
	case seen.Failed != "":
		return e.fail(ctx, r, seen.Failed, seen.Suggest...)
	case seen.So:
		return e.done(ctx, r, planned, seen)
	case seen.Ask != "":
		question := Question{Code: askPerson, Sentence: seen.Ask, Answers: []Answer{Onward, GiveUp}, Anyway: seen.Anyway}
		if seen.Anyway != nil {
			question.Answers = []Answer{Onward, Anyway, GiveUp}
		}
		return e.stop(ctx, r, question)
	}
	e.saw(r.ID, seen.Progress)
	if s.Mark == Pending {
		return e.begin(ctx, r, c, step, planned, seen)
	}
	return e.follow(ctx, r, c, step, planned, seen.Again && step.Repeatable)
}

// unseen goes on after a step could not be observed.
func (e *Engine) unseen(ctx context.Context, r Run, c *carried, step Step, err error) (bool, time.Time, error) {
	if _, broken := errors.AsType[*defect](err); broken {
		return e.ask(ctx, r, askPanic, err.Error(), Onward, DoneByMan)
	}
	switch problem.CodeOf(err) {
	case problem.Unavailable, problem.Internal:
		e.saw(r.ID, "how it is cannot be told now: "+sentence(err))
		return false, e.backOff(c, every(step)), nil
	}
	return e.ask(ctx, r, askBlind, "how it is cannot be told: "+sentence(err), Onward, DoneByMan)
}

// since is how long ago began was recorded: 0 on a clock that went back since.
func since(v timeline.View, began time.Time) time.Duration { return max(v.Now().Sub(began), 0) }

func every(step Step) time.Duration {
	if step.Every > 0 {
		return step.Every
	}
	return usualEvery
}

func (e *Engine) done(ctx context.Context, r Run, planned PlannedStep, seen Seen) (bool, time.Time, error) {
	return true, time.Time{}, e.record(ctx, r, func(v timeline.View, now Run) ([]timeline.Draft, error) {
		p := &StepDone{StepRef: r.stepRef(r.Step, planned), Learned: seen.Learned, Already: true}
		if s := now.Steps[r.Step]; s.Attempts > 0 {
			p.Took, p.Already = since(v, s.Started), false
		}
		// The claim of a destructive request stays until the run ends.
		fx := timeline.Effects{Release: []string{r.ID.stepKey(r.Step)}, Clear: []string{r.ID.key(lateSuffix)}}
		return []timeline.Draft{r.draft(Who{}, p, fx)}, nil
	})
}

// begin records that the step is asked for, and asks.
func (e *Engine) begin(ctx context.Context, r Run, c *carried, step Step, planned PlannedStep, seen Seen) (bool, time.Time, error) {
	if again, due, err, ok := e.mayAct(ctx, r, c, step); !ok {
		return again, due, err
	}
	why := ""
	err := e.record(ctx, r, func(v timeline.View, now Run) ([]timeline.Draft, error) {
		fx, held, err := e.claims(v, now, step)
		if why = held; why != "" || err != nil {
			return nil, err
		}
		p := &StepStarted{StepRef: r.stepRef(r.Step, planned), Attempt: now.Steps[r.Step].Attempts + 1, Waits: step.Do == nil, Learned: seen.Learned}
		return []timeline.Draft{r.draft(Who{}, p, fx)}, nil
	})
	if err != nil {
		return false, time.Time{}, err
	}
	if why != "" {
		return e.hold(ctx, r, c, every(step), why)
	}
	now, err := e.desk.Get(ctx, r.ID)
	if err != nil || now.Status != Running || now.Step != r.Step || now.Steps[now.Step].Mark != Begun {
		return true, time.Time{}, err // it was aborted meanwhile
	}
	c.looked = stateOf(now)
	if step.Do == nil {
		return false, e.desk.clock.Now().Add(every(step)), nil
	}
	return e.do(ctx, now, c, step, planned)
}

// claims are what the start of a step takes, or why it has to wait.
func (e *Engine) claims(v timeline.View, r Run, step Step) (fx timeline.Effects, held string, err error) {
	fx.Take = []string{r.ID.stepKey(r.Step)}
	if step.Do != nil {
		if freeze, frozen, err := Frozen(v); err != nil || frozen && !step.Restores {
			return fx, "repairs are frozen: " + freeze.Reason, err
		}
		for _, l := range e.desk.gov.locks(r.Plan) {
			if slices.Contains(r.Locks, l) {
				continue
			}
			if ref, taken, err := v.Claim(l); err != nil {
				return fx, "", err
			} else if taken {
				return fx, fmt.Sprintf("%s is held by another run (%s)", plain([]string{l})[0], ref), nil
			}
			fx.Take = append(fx.Take, l)
		}
		if step.Destructive {
			fx.Take = append(fx.Take, r.onceKey(r.Step))
		}
	}
	if s := r.Steps[r.Step]; step.Late > 0 && !s.Late {
		from := s.Started
		if from.IsZero() {
			from = v.Now()
		}
		fx.Set = []timeline.Timer{r.lateTimer(r.Step, from.Add(step.Late))}
	}
	return fx, "", nil
}

// mayAct proves the target and asks the governor just before a request that may not
// be repeated.
func (e *Engine) mayAct(ctx context.Context, r Run, c *carried, step Step) (again bool, due time.Time, err error, ok bool) {
	if step.Do == nil {
		return false, time.Time{}, nil, true
	}
	if len(r.Approvals) == 0 {
		again, due, err = e.ask(ctx, r, askNobody, "nobody has approved it", Again, DoneByMan)
		return again, due, err, false
	}
	if step.Prove != nil {
		err := call(ctx, func(ctx context.Context) error { return step.Prove(ctx, e.desk.state(r, r.Step)) })
		if err != nil && ctx.Err() == nil {
			again, due, err = e.unproven(ctx, r, c, step, err)
			return again, due, err, false
		}
	}
	if step.Repeatable {
		return false, time.Time{}, nil, ctx.Err() == nil
	}
	var found []Finding
	err = call(ctx, func(ctx context.Context) (err error) {
		found, err = e.desk.gov.facts(ctx, r.Plan)
		return err
	})
	if ctx.Err() != nil {
		return false, time.Time{}, nil, false
	}
	if err != nil {
		again, due, err = e.hold(ctx, r, c, longestWait/4, "what stands against it cannot be asked")
		return again, due, err, false
	}
	for _, f := range found {
		overridden := f.Strength == Warning || f.Strength == Soft && r.Glass != nil
		if !overridden {
			again, due, err = e.holdFor(ctx, r, c, every(step), RunHeld{Run: r.ID, Why: f.Sentence, Soft: f.Strength == Soft})
			return again, due, err, false
		}
	}
	return false, time.Time{}, nil, true
}

func (e *Engine) unproven(ctx context.Context, r Run, c *carried, step Step, err error) (bool, time.Time, error) {
	if _, broken := errors.AsType[*defect](err); broken {
		return e.ask(ctx, r, askPanic, err.Error(), Onward, DoneByMan)
	}
	switch problem.CodeOf(err) {
	case problem.Unavailable, problem.Internal:
		return false, e.backOff(c, every(step)), nil
	}
	return e.fail(ctx, r, "the target is not what was approved: "+sentence(err))
}

// do asks for the step, whose start is durable.
func (e *Engine) do(ctx context.Context, r Run, c *carried, step Step, planned PlannedStep) (bool, time.Time, error) {
	c.notArrived = false
	var learned map[string]string
	err := call(ctx, func(ctx context.Context) (err error) {
		if e.Owned != nil {
			if err := e.Owned(); err != nil {
				return err
			}
		}
		learned, err = step.Do(ctx, e.desk.state(r, r.Step))
		return err
	})
	if err == nil {
		c.failures, c.asked = 0, e.desk.clock.Now()
		if r.Steps[r.Step].Accepted && len(learned) == 0 { // that it was is on record
			return false, c.asked.Add(every(step)), nil
		}
		return true, time.Time{}, e.accepted(context.WithoutCancel(ctx), r, planned, learned, false)
	}
	if ctx.Err() != nil {
		return false, time.Time{}, nil
	}
	if _, maybe := errors.AsType[*fleet.Maybe](err); maybe || errors.Is(err, context.DeadlineExceeded) {
		return false, e.backOff(c, every(step)), nil
	}
	if _, broken := errors.AsType[*defect](err); broken {
		return e.ask(ctx, r, askPanic, err.Error(), Onward, DoneByMan)
	}
	switch problem.CodeOf(err) {
	case problem.Unavailable:
		c.notArrived = true
		return false, e.backOff(c, every(step)), nil
	case problem.Internal:
		return e.ask(ctx, r, askError, "it was answered with an error that says nothing certain: "+sentence(err), Onward, Again, DoneByMan)
	}
	return e.fail(ctx, r, sentence(err))
}

// accepted records that the request arrived, whatever has become of the run
// meanwhile: what was learned must not be lost.
func (e *Engine) accepted(ctx context.Context, r Run, planned PlannedStep, learned map[string]string, found bool) error {
	_, err := e.desk.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		now, err := GetRun(v, r.ID)
		if err != nil || now.Step != r.Step {
			return timeline.Decision{}, err
		}
		p := &StepAccepted{StepRef: r.stepRef(r.Step, planned), Learned: learned, Found: found}
		return timeline.Decision{Entries: []timeline.Draft{r.draft(Who{}, p, timeline.Effects{Clear: []string{r.ID.stepKey(r.Step)}})}}, nil
	})
	return err
}

// follow goes on with a step that was begun and is not so yet, by this process or
// by an earlier one. What was accepted is asked for again only where there is more of it.
func (e *Engine) follow(ctx context.Context, r Run, c *carried, step Step, planned PlannedStep, more bool) (bool, time.Time, error) {
	s := r.Steps[r.Step]
	switch {
	case s.Accepted && !more || s.Waits || step.Do == nil:
		c.failures = 0
		return false, e.desk.clock.Now().Add(every(step)), nil
	case s.Accepted && e.desk.clock.Now().Before(c.asked.Add(every(step))):
		return false, c.asked.Add(every(step)), nil
	case step.Repeatable || c.notArrived:
		if why, err := e.frozen(ctx, step); err != nil {
			return false, time.Time{}, err
		} else if why != "" {
			return e.hold(ctx, r, c, every(step), why)
		}
		if again, due, err, ok := e.mayAct(ctx, r, c, step); !ok {
			return again, due, err
		}
		return e.do(ctx, r, c, step, planned)
	case step.Reconcile == nil:
		return e.ask(ctx, r, askError, "whether the request arrived cannot be told", Onward, Again, DoneByMan)
	}
	var verdict Verdict
	err := call(ctx, func(ctx context.Context) (err error) {
		verdict, err = step.Reconcile(ctx, e.desk.state(r, r.Step))
		return err
	})
	if ctx.Err() != nil {
		return false, time.Time{}, nil
	}
	if err != nil {
		return e.unseen(ctx, r, c, step, err)
	}
	return e.judged(ctx, r, step, planned, verdict)
}

// frozen says why a step may not be asked for now; "" when it may.
func (e *Engine) frozen(ctx context.Context, step Step) (why string, err error) {
	err = e.desk.store.View(ctx, func(v timeline.View) error {
		freeze, frozen, err := Frozen(v)
		if frozen && !step.Restores {
			why = "repairs are frozen: " + freeze.Reason
		}
		return err
	})
	return why, err
}

// judged acts on what became of a request whose answer was lost.
func (e *Engine) judged(ctx context.Context, r Run, step Step, planned PlannedStep, verdict Verdict) (bool, time.Time, error) {
	switch verdict {
	case Arrived:
		return true, time.Time{}, e.accepted(ctx, r, planned, nil, true)
	case Foreign:
		return e.ask(ctx, r, askForeign, "somebody else has done it meanwhile", Onward, DoneByMan)
	case Absent:
		return true, time.Time{}, e.record(ctx, r, func(_ timeline.View, now Run) ([]timeline.Draft, error) {
			gone := r.draft(Who{}, &StepAbsent{r.stepRef(r.Step, planned)},
				timeline.Effects{Release: []string{r.ID.stepKey(r.Step), r.onceKey(r.Step)}})
			if now.Steps[r.Step].Attempts < mostAttempts {
				return []timeline.Draft{gone}, nil
			}
			question := Question{Code: askTwice, Sentence: "it was asked for twice and never arrived", Answers: []Answer{Again, DoneByMan, GiveUp}}
			stop := r.draft(Who{}, &StepUnsure{r.stepRef(r.Step, planned), question}, timeline.Effects{Clear: []string{r.ID.stepKey(r.Step), r.ID.key(lateSuffix)}})
			stop.CausedByPrevious = true
			return []timeline.Draft{gone, stop}, nil
		})
	}
	return false, e.desk.clock.Now().Add(every(step)), nil
}

// mostAttempts is how often what may not be repeated is asked for under one approval,
// when the earlier request is proven never to have arrived.
const mostAttempts = 2
