package remediation

import (
	"context"
	"fmt"
	"slices"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Abort ends a run: at once when it has not started, else before its next step. A
// step that only waits is waited for no longer. Nothing is undone by itself: the
// run's Left says what is not as it was, and [Desk.Undo] makes a plan of that.
func (d *Desk) Abort(ctx context.Context, who Who, id RunID, reason string) (Run, error) {
	return d.act(ctx, who, id, "aborting", func(v timeline.View, r Run) (decision, error) {
		if no := d.maySteer(who, r); no != nil {
			return decision{no: no}, nil
		}
		switch {
		case r.Status == Aborting:
			return decision{}, nil
		case !r.Status.Active():
			return decision{no: refuse("over", problem.Conflict, "it is %s already", r.Status)}, nil
		case r.StartedAt.IsZero():
			return entries(r.draft(who, &RunAborted{Run: r.ID, Reason: reason}, r.ending())), nil
		}
		return entries(r.draft(who, &RunAborting{Run: r.ID, Reason: reason}, timeline.Effects{})), nil
	})
}

// Resume answers a run that has stopped. The answer must be one of those that its
// question offers. To ask once more for a destructive step needs a new approval.
func (d *Desk) Resume(ctx context.Context, who Who, id RunID, a Answer, reason string) (Run, error) {
	if a == GiveUp {
		return d.Abort(ctx, who, id, reason)
	}
	return d.act(ctx, who, id, "resuming", func(v timeline.View, r Run) (decision, error) {
		if r.Status != Asking || r.Ask == nil {
			return decision{no: refuse("not-asking", problem.Conflict, "it is %s and asks nothing", r.Status)}, nil
		}
		if no := d.mayAsk(who, r.Plan); no != nil {
			return decision{no: no}, nil
		}
		if !slices.Contains(r.Ask.Answers, a) {
			return decision{}, problem.New(problem.Invalid, "%q is no answer to that", a).WithHint("%s", problem.OneOf(r.Ask.Answers))
		}
		return entries(d.answer(v, who, r, a, reason)...), nil
	})
}

func (d *Desk) answer(v timeline.View, who Who, r Run, a Answer, reason string) []timeline.Draft {
	p := &RunResumed{Run: r.ID, Answer: a, Reason: reason}
	fx := timeline.Effects{Clear: []string{r.ID.key(answerPrefix + string(a))}}
	planned, _, _ := r.Current()
	switch a {
	case Again:
		fx.Release = []string{r.ID.stepKey(r.Step), r.onceKey(r.Step)}
		if step, known := d.step(r, planned.Name); !known || step.Destructive {
			p.Renew = true
			fx.Set = []timeline.Timer{r.expiryTimer(v.Now().Add(d.policy.Expiry))}
			for _, given := range r.Approvals {
				fx.Release = append(fx.Release, r.approverKey(given.By.String()))
			}
		}
	case DoneByMan, Anyway:
		done := &StepDone{StepRef: r.stepRef(r.Step, planned), ByHand: a == DoneByMan}
		if a == Anyway {
			done.Anyway, done.Learned = true, r.Ask.Anyway
		}
		if s := r.Steps[r.Step]; !s.Started.IsZero() {
			done.Took = since(v, s.Started)
		}
		made := r.draft(who, done, timeline.Effects{Release: []string{r.ID.stepKey(r.Step), r.onceKey(r.Step)}, Clear: []string{r.ID.key(lateSuffix)}})
		return []timeline.Draft{r.draft(who, p, fx), made}
	}
	return []timeline.Draft{r.draft(who, p, fx)}
}

// step looks a planned step up by name, in the version of the remediation that
// planned it.
func (d *Desk) step(r Run, name string) (Step, bool) {
	rem, known := d.gov.known[r.Plan.Remediation]
	if !known || rem.Spec().Version != r.Plan.Version {
		return Step{}, false
	}
	return rem.Step(name)
}

// TakeOver gives the rest of a run to a person, who carries it out by hand: the
// entry holds the commands. The locks are given back.
func (d *Desk) TakeOver(ctx context.Context, who Who, id RunID, reason string) (Run, error) {
	return d.act(ctx, who, id, "taking over", func(v timeline.View, r Run) (decision, error) {
		if no := d.maySteer(who, r); no != nil {
			return decision{no: no}, nil
		}
		if !r.Status.Active() {
			return decision{no: refuse("over", problem.Conflict, "it is %s already", r.Status)}, nil
		}
		rest := r.Plan.Steps[min(r.Step, len(r.Plan.Steps)):]
		return entries(r.draft(who, &RunTakenOver{Run: r.ID, Reason: reason, Rest: rest}, r.ending())), nil
	})
}

// Undo plans to put back what a run that is over left: its steps that restore and
// that are not so. A NotFound problem says that all is as it was.
func (d *Desk) Undo(ctx context.Context, id RunID) (Plan, error) {
	r, err := d.Get(ctx, id)
	if err != nil {
		return Plan{}, err
	}
	if r.Status.Active() {
		return Plan{}, problem.New(problem.Conflict, "%s is %s", r.ID, r.Status).WithHint("abort it first")
	}
	p, err := d.undo(ctx, r)
	if err != nil {
		return Plan{}, err
	}
	return d.govern(ctx, r.Incident, p, "")
}

func (d *Desk) undo(ctx context.Context, r Run) (Plan, error) {
	left := d.leftovers(ctx, r)
	if len(left) == 0 {
		return Plan{}, problem.New(problem.NotFound, "%s left nothing to undo", r.ID)
	}
	p := Plan{Remediation: r.Plan.Remediation, Version: r.Plan.Version, Params: r.Plan.Params, Target: r.Plan.Target,
		Tier: Routine, TierWhy: "it only puts back what was changed", Undoes: r.ID, Learned: merged(r.Plan.Learned, r.Learned()),
		At: timeline.Stamp(d.clock.Now())}
	for _, l := range left {
		p.Steps = append(p.Steps, l.Planned)
	}
	p.Facts = []string{fmt.Sprintf("%s was %s", r.ID, r.Status)}
	return p, nil
}

// leftovers are the steps still to come that restore, and are not so now: what the
// run changed before them and did not put back. What cannot become so is none: an undo
// could only fail at it.
func (d *Desk) leftovers(ctx context.Context, r Run) []Leftover {
	var left []Leftover
	if r.StartedAt.IsZero() {
		return nil
	}
	for i := r.Step; i < len(r.Plan.Steps); i++ {
		planned := r.Plan.Steps[i]
		step, known := d.step(r, planned.Name)
		if !known || !step.Restores {
			continue
		}
		seen, err := observe(ctx, step, d.state(r, i))
		if err != nil || !seen.So && seen.Failed == "" {
			left = append(left, Leftover{Step: i, Planned: planned, Unknown: err != nil})
		}
	}
	return left
}

// state is what a step of a run works on.
func (d *Desk) state(r Run, step int) State {
	s := State{Run: string(r.ID), Plan: r.Plan, Args: r.Plan.Steps[step].Args, Learned: merged(r.Plan.Learned, r.Learned()), Now: d.clock.Now()}
	if step < len(r.Steps) {
		s.Started = r.Steps[step].Started
	}
	return s
}
