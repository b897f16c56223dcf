package remediation

import (
	"context"
	"slices"
	"strings"
	"time"

	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Consent is what somebody who approves gives.
type Consent struct {
	Hash  string // of the plan that was seen, or its [ShortHash]
	Typed string // the [Confirmation] of the target; only what is destructive asks for it
}

// Confirmation is what has to be typed, in any case: the last four characters of the
// target's name.
func Confirmation(t Target) string {
	name := []rune(t.Name)
	return string(name[max(0, len(name)-4):])
}

// Approve gives a person's word for the plan that they saw. What is routine may be
// confirmed by whoever asked for it; above that it takes a second person, or a
// broken glass. The run then starts by itself.
func (d *Desk) Approve(ctx context.Context, who Who, id RunID, c Consent) (Run, error) {
	return d.act(ctx, who, id, "approving", func(v timeline.View, r Run) (decision, error) {
		alone, no, err := d.gate(v, who, r, c)
		if err != nil || no != nil {
			return decision{no: no}, err
		}
		return entries(r.draft(who, &RunApproved{Run: r.ID, Title: r.Title(), Hash: r.Hash, Alone: alone, Needs: true},
			timeline.Effects{Take: []string{r.approverKey(who.actor().String())}})), nil
	})
}

// gate says whether somebody's approval counts, and whether they go alone.
func (d *Desk) gate(v timeline.View, who Who, r Run, c Consent) (alone bool, no *refusal, err error) {
	if no := waiting(v, r); no != nil {
		return false, no, nil
	}
	if no, err := d.over(v, r.Incident, r.Plan); no != nil || err != nil {
		return false, no, err
	}
	if who.Person == nil && r.Plan.Tier >= Disruptive {
		return false, refuse("unlinked", problem.Forbidden, "%s is linked to no person: that never approves what is %s", who.Actor.Display(), r.Plan.Tier).
			hint("the person's id belongs into the configuration, under `people`"), nil
	}
	if !d.policy.Rules[r.Plan.Remediation].may(who, r.Plan.Tier) {
		return false, refuse("role", problem.Forbidden, "%s may not approve %s", who.actor().Display(), r.Plan.Remediation), nil
	}
	if !sees(c.Hash, r.Hash) {
		return false, refuse("drifted", problem.Conflict, "the plan is not the one that you saw").hint("look at it again: `/run show %s`", r.ID), nil
	}
	if r.Plan.Tier >= Disruptive && who.is(r.Requester) {
		if _, alone, err = covered(v, r.Incident, who); err != nil {
			return false, nil, err
		}
		if !alone {
			return false, refuse("self-approval", problem.Forbidden, "you asked for it yourself: a second person has to approve it").
				hint("when nobody answers: `/run break-glass`"), nil
		}
	}
	if soft := r.Plan.Against(Soft); len(soft) > 0 && r.Glass == nil {
		return false, refuse(soft[0].Code, problem.Conflict, "%s", sentences(soft)).hint("who knows better breaks the glass with a reason: `/run break-glass`"), nil
	}
	if freeze, frozen, err := Frozen(v); err != nil {
		return false, nil, err
	} else if frozen && !d.gov.restores(r.Plan) {
		return false, refuse(CodeFrozen, problem.Conflict, "repairs are frozen: %s", freeze.Reason).hint("a lead may lift the freeze with `/freeze off`"), nil
	}
	if r.Plan.Tier == Destructive && !strings.EqualFold(strings.TrimSpace(c.Typed), Confirmation(r.Plan.Target)) {
		return false, refuse("confirmation", problem.Invalid, "that is not the target's name: type the last four characters of %s", r.Plan.Target.Name).
			hint("`/run approve run:%s plan:%s confirm:…`", r.ID, ShortHash(r.Hash)), nil
	}
	return alone, nil, nil
}

// waiting refuses what a run that waits for no approval cannot take.
func waiting(v timeline.View, r Run) *refusal {
	switch {
	case r.Status == Expired || r.Status == Requested && !r.Expires.IsZero() && !v.Now().Before(r.Expires):
		return refuse("expired", problem.Conflict, "it expired: nobody approved it in time").hint("ask for it again")
	case r.Status == Approved, r.Status == Running && len(r.Approvals) > 0:
		names := make([]string, len(r.Approvals))
		for i, a := range r.Approvals {
			names[i] = a.By.Display()
		}
		return refuse("approved-already", problem.Conflict, "it was approved already, by %s", or(strings.Join(names, ", "), "nobody: it changes nothing"))
	case r.Status != Requested:
		return refuse("not-waiting", problem.Conflict, "it is %s and waits for no approval", r.Status)
	case r.Erased:
		return refuse("erased", problem.Conflict, "its plan was erased").hint("ask for it again")
	}
	return nil
}

// Reject ends a run that waits for its approval or was approved and has not started.
func (d *Desk) Reject(ctx context.Context, who Who, id RunID, reason string) (Run, error) {
	return d.act(ctx, who, id, "rejecting", func(v timeline.View, r Run) (decision, error) {
		if r.Status != Requested && r.Status != Approved {
			return decision{no: refuse("not-waiting", problem.Conflict, "it is %s and waits for no approval", r.Status)}, nil
		}
		if no := d.maySteer(who, r); no != nil {
			return decision{no: no}, nil
		}
		if !r.StartedAt.IsZero() {
			return entries(r.stopped(who, "rejected", because("the new approval was rejected", reason))), nil
		}
		return entries(r.draft(who, &RunRejected{Run: r.ID, Reason: reason}, r.ending())), nil
	})
}

// maySteer refuses who may not decide on a run. Rejecting, aborting and taking over
// make nothing worse: the role does, whatever the tier.
func (d *Desk) maySteer(who Who, r Run) *refusal {
	if !d.policy.Rules[r.Plan.Remediation].may(who, min(r.Plan.Tier, Routine)) {
		return refuse("role", problem.Forbidden, "%s may not decide on %s", who.actor().Display(), r.Plan.Remediation)
	}
	return nil
}

// How long the others are given before the glass may be broken.
const (
	glassWaitSEV1 = 5 * time.Minute
	glassWait     = 10 * time.Minute
)

// BreakGlass lets a person go on without a second one, or against soft refusals,
// with a reason; against those also while they hold up a run that was approved. With
// what they asked for themselves they may after 5 minutes of a SEV1 and 10 of a SEV2,
// and at once when nobody else is on the rota. Where a second person was needed it
// covers them in the incident for Policy.Cover; each act is still announced and
// confirmed by typing.
func (d *Desk) BreakGlass(ctx context.Context, who Who, id RunID, reason string) (Run, error) {
	return d.act(ctx, who, id, "breaking the glass for", func(v timeline.View, r Run) (decision, error) {
		if strings.TrimSpace(reason) == "" {
			return decision{}, problem.New(problem.Invalid, "say why: the reason is reviewed afterwards")
		}
		if no := waiting(v, r); no != nil && !r.HeldSoftly() {
			return decision{no: no}, nil
		}
		if no := d.mayAsk(who, r.Plan); no != nil {
			return decision{no: no}, nil
		}
		until, is, err := covered(v, r.Incident, who)
		if err != nil {
			return decision{}, err
		}
		if !is {
			until = timeline.Stamp(v.Now().Add(d.policy.Cover))
			if no, err := d.tooEarly(v, who, r); err != nil || no != nil {
				return decision{no: no}, err
			}
		}
		return entries(d.glass(who, r, reason, until)...), nil
	})
}

func (d *Desk) glass(who Who, r Run, reason string, until time.Time) []timeline.Draft {
	p := &GlassBroken{Run: r.ID, Reason: reason}
	for _, f := range r.Plan.Against(Soft) {
		p.Override = append(p.Override, f.Sentence)
	}
	fx := timeline.Effects{Clear: []string{r.ID.key(aboutSuffix)}}
	switch {
	case r.HeldSoftly():
		p.Override = []string{r.Held}
	// Nothing else took a second person, and so nothing else was weighed by tooEarly.
	case who.Person != nil && who.is(r.Requester) && r.Plan.Tier >= Disruptive:
		p.Until = until
		fx.Set = []timeline.Timer{{Key: glassKey(r.Incident, who.name()), Due: until, Timeline: r.Incident, What: TimerGlass}}
	}
	review := r.draft(Who{}, &GlassReview{Run: r.ID, Person: who.actor().Display()}, timeline.Effects{})
	review.CausedByPrevious = true
	return []timeline.Draft{r.draft(who, p, fx), review}
}

// tooEarly refuses to break the glass while others may still answer.
func (d *Desk) tooEarly(v timeline.View, who Who, r Run) (*refusal, error) {
	if r.Plan.Tier < Disruptive || !who.is(r.Requester) || !d.others(v.Now(), who, r) {
		return nil, nil
	}
	i, err := incident.Get(v, r.Incident)
	if err != nil {
		return nil, err
	}
	from, may := r.GlassFrom(i.Severity)
	if !may {
		return refuse("break-glass", problem.Forbidden, "%s is %s: the glass is for SEV1 and SEV2", i.ID, i.Severity).
			hint("raise the severity if it is worse: `/incident severity`"), nil
	}
	if v.Now().Before(from) {
		return refuse("break-glass", problem.Conflict, "the others have been asked; you may go on alone in %s", Took(from.Sub(v.Now()))), nil
	}
	return nil, nil
}

// others reports whether anybody else could approve.
func (d *Desk) others(now time.Time, who Who, r Run) bool {
	may := func(name string) bool {
		p, known := d.people.ByName(name)
		return known && name != who.name() && d.policy.Rules[r.Plan.Remediation].may(Who{Person: &p}, r.Plan.Tier)
	}
	if d.rota != nil {
		return slices.ContainsFunc(d.rota.Order(now), may)
	}
	return slices.ContainsFunc(d.people.All(), func(p people.Person) bool { return may(p.Name) })
}
