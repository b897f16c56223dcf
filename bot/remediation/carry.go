package remediation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// start makes the plan of an approved run anew and begins it when it is still what
// was approved.
func (e *Engine) start(ctx context.Context, r Run, c *carried) (bool, time.Time, error) {
	if !r.StartedAt.IsZero() { // approved once more, for one step: never planned again
		return true, time.Time{}, e.record(ctx, r, func(timeline.View, Run) ([]timeline.Draft, error) {
			p := &RunStarted{Run: r.ID, Title: r.Title(), Hash: r.Hash, Steps: len(r.Plan.Steps), Onward: true}
			return []timeline.Draft{r.draft(Who{}, p, timeline.Effects{Clear: []string{r.ID.key(expirySuffix)}})}, nil
		})
	}
	var plan Plan
	err := call(ctx, func(ctx context.Context) (err error) {
		plan, err = e.desk.replan(ctx, r)
		return err
	})
	switch {
	case isUnavailable(err), errors.Is(err, context.DeadlineExceeded):
		return false, e.backOff(c, usualEvery), nil
	case ctx.Err() != nil:
		return false, time.Time{}, nil
	case err != nil:
		return true, time.Time{}, e.record(ctx, r, func(timeline.View, Run) ([]timeline.Draft, error) {
			return e.ended(r, "it cannot be planned: "+sentence(err), nil), nil
		})
	}
	diff, shrunk := plan.Diff(r.Plan)
	return true, time.Time{}, e.record(ctx, r, func(v timeline.View, _ Run) ([]timeline.Draft, error) {
		return e.startDrafts(v, r, plan, diff, shrunk)
	})
}

// startDrafts begins a run, or says why not.
func (e *Engine) startDrafts(v timeline.View, r Run, plan Plan, diff []string, shrunk bool) ([]timeline.Draft, error) {
	found, hand, err := e.desk.gov.rules(v, r.Incident, plan, r.ID)
	if err != nil {
		return nil, err
	}
	if hard := ownFirst(merge(plan.Against(Hard), hardOf(found))); len(hard) > 0 {
		no := r.draft(Who{}, &RunRefused{Run: r.ID, What: "starting " + string(r.ID), Code: hard[0].Code, Reason: sentences(hard)}, timeline.Effects{})
		return append([]timeline.Draft{no}, e.ended(r, sentences(hard), nil)...), nil
	}
	hash := plan.Hash()
	var drafts []timeline.Draft
	if hash != r.Hash {
		drafted := &RunDrifted{Run: r.ID, From: r.Hash, To: hash, Diff: diff, Shrunk: shrunk}
		fx := timeline.Effects{}
		if !shrunk {
			fx.Set = []timeline.Timer{r.expiryTimer(v.Now().Add(e.desk.policy.Expiry))}
			for _, a := range r.Approvals {
				fx.Release = append(fx.Release, r.approverKey(a.By.String()))
			}
		}
		drafts = append(drafts, r.draft(Who{}, &RunPlanned{Run: r.ID, Plan: plan, Hash: hash}, timeline.Effects{}), r.draft(Who{}, drafted, fx))
		if !shrunk {
			return drafts, nil
		}
	}
	locks := e.desk.gov.locks(plan)
	for _, from := range hand {
		given := slices.DeleteFunc(slices.Clone(from.Locks), func(l string) bool { return !slices.Contains(locks, l) })
		drafts = append(drafts, from.draft(Who{}, &RunHanded{Run: from.ID, To: r.ID, Locks: given}, timeline.Effects{Release: given, Clear: []string{from.ID.key(aboutSuffix)}}))
	}
	p := &RunStarted{Run: r.ID, Title: plan.Title(), Hash: hash, Steps: len(plan.Steps)}
	return append(drafts, r.draft(Who{}, p, timeline.Effects{Take: locks, Clear: []string{r.ID.key(expirySuffix)}})), nil
}

func hardOf(list []Finding) []Finding { return Plan{Findings: list}.Against(Hard) }

// ended is the end of a run that cannot go on.
func (e *Engine) ended(r Run, reason string, left []Leftover, suggest ...Suggestion) []timeline.Draft {
	return []timeline.Draft{r.draft(Who{}, &RunFailed{Run: r.ID, Reason: reason, Left: left, Suggest: suggest}, r.ending())}
}

// abort ends a run between two steps and lists what is not as it was.
func (e *Engine) abort(ctx context.Context, r Run) (bool, time.Time, error) {
	left := e.desk.leftovers(ctx, r)
	if ctx.Err() != nil {
		return false, time.Time{}, nil
	}
	p := &RunAborted{Run: r.ID, Reason: r.Why, Left: left}
	if planned, s, is := r.Current(); is && s.Mark != Pending {
		p.Begun = or(planned.Words, planned.Name)
	}
	return true, time.Time{}, e.record(ctx, r, func(timeline.View, Run) ([]timeline.Draft, error) {
		return []timeline.Draft{r.draft(Who{}, p, r.ending())}, nil
	})
}

// fail ends a run at a step that cannot become so.
func (e *Engine) fail(ctx context.Context, r Run, reason string, suggest ...Suggestion) (bool, time.Time, error) {
	left := e.desk.leftovers(ctx, r)
	if ctx.Err() != nil {
		return false, time.Time{}, nil
	}
	planned, _, _ := r.Current()
	return true, time.Time{}, e.record(ctx, r, func(timeline.View, Run) ([]timeline.Draft, error) {
		step := r.draft(Who{}, &StepFailed{StepRef: r.stepRef(r.Step, planned), Reason: reason},
			timeline.Effects{Clear: []string{r.ID.stepKey(r.Step)}})
		return append([]timeline.Draft{step}, e.ended(r, reason, left, suggest...)...), nil
	})
}

// Codes of questions.
const (
	askErased  = "erased"        // the plan or something learned was erased
	askUnknown = "unknown-step"  // this version does not know the step, or means something else by it
	askPanic   = "defect"        // a step has a defect
	askError   = "unforeseen"    // an error that says nothing
	askBlind   = "unobservable"  // how it is cannot be told
	askForeign = "somebody-else" // somebody else did it
	askTwice   = "twice-absent"  // it was asked for twice and never arrived
	askPerson  = "not-so"        // a step found what a person has to decide on
	askNobody  = "unapproved"    // no approval stands any more
)

// ask stops a run until a person has answered.
func (e *Engine) ask(ctx context.Context, r Run, code, question string, answers ...Answer) (bool, time.Time, error) {
	return e.stop(ctx, r, Question{Code: code, Sentence: question, Answers: append(answers, GiveUp)})
}

// stop is ask with the whole question.
func (e *Engine) stop(ctx context.Context, r Run, question Question) (bool, time.Time, error) {
	planned, _, _ := r.Current()
	return true, time.Time{}, e.record(ctx, r, func(timeline.View, Run) ([]timeline.Draft, error) {
		p := &StepUnsure{StepRef: r.stepRef(r.Step, planned), Question: question}
		return []timeline.Draft{r.draft(Who{}, p, timeline.Effects{Clear: []string{r.ID.stepKey(r.Step), r.ID.key(lateSuffix)}})}, nil
	})
}

// hold says once why the next step does not start, and looks again later.
func (e *Engine) hold(ctx context.Context, r Run, c *carried, every time.Duration, why string) (bool, time.Time, error) {
	return e.holdFor(ctx, r, c, every, RunHeld{Run: r.ID, Why: why})
}

func (e *Engine) holdFor(ctx context.Context, r Run, c *carried, every time.Duration, p RunHeld) (bool, time.Time, error) {
	due := e.desk.clock.Now().Add(every)
	if r.Held == p.Why && r.Soft == p.Soft {
		return false, due, nil
	}
	held := r
	held.Held, held.Soft = p.Why, p.Soft
	c.looked = stateOf(held)
	return false, due, e.record(ctx, r, func(timeline.View, Run) ([]timeline.Draft, error) {
		return []timeline.Draft{r.draft(Who{}, &p, timeline.Effects{})}, nil
	})
}

// defect is a panic of a step.
type defect struct{ what any }

func (d *defect) Error() string { return fmt.Sprintf("a defect: %v", d.what) }

// call asks the outside once. A panic comes back as an error: a broken step must not
// take the others down with it.
func call(ctx context.Context, f func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	defer func() {
		if what := recover(); what != nil {
			err = &defect{what}
		}
	}()
	return f(ctx)
}

func observe(ctx context.Context, step Step, s State) (seen Seen, err error) {
	if step.Observe == nil {
		return Seen{}, &defect{"the step cannot be observed"}
	}
	err = call(ctx, func(ctx context.Context) (err error) {
		seen, err = step.Observe(ctx, s)
		return err
	})
	return seen, err
}

// sentence is what people are told of an error.
func sentence(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Message
	}
	return err.Error()
}
