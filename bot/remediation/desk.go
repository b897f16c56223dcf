package remediation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Rota says in which order people are woken.
type Rota interface {
	Order(t time.Time) []string
}

// Settings are what repairs are made with.
type Settings struct {
	Store        timeline.Store
	Clock        timeline.Clock
	Remediations []Remediation
	Policy       Policy
	People       *people.Directory
	Rota         Rota          // nil: everybody in People who may
	Cluster      fleet.Cluster // for the governor; nil: there is none
	// Busy returns the cloud's events on a target that are not over; nil: the plans
	// look by themselves.
	Busy func(context.Context, Target) ([]fleet.CloudEvent, error)
}

// Desk is where people ask for repairs and decide on them. Every method checks and
// records in one step inside the door and returns the run as it is then. What is
// refused by a rule is recorded with its reason, too, and comes back as a problem:
// Forbidden for who may not, Conflict for what must not be now, Invalid for what was
// mistyped. Gates compare persons, never accounts. Methods are not repeatable unless
// they say so: a run that has moved on is a Conflict.
type Desk struct {
	store  timeline.Store
	clock  timeline.Clock
	policy Policy
	people *people.Directory
	rota   Rota
	gov    *governor
}

// NewDesk fails when two remediations have one name.
func NewDesk(s Settings) (*Desk, error) {
	known := map[string]Remediation{}
	for _, r := range s.Remediations {
		name := r.Spec().Name
		if _, twice := known[name]; twice || name == "" {
			return nil, fmt.Errorf("remediation: two are named %q, or one has no name", name)
		}
		known[name] = r
	}
	return &Desk{store: s.Store, clock: s.Clock, policy: s.Policy, people: s.People, rota: s.Rota,
		gov: &governor{policy: s.Policy, clock: s.Clock, known: known, cluster: s.Cluster, busy: s.Busy}}, nil
}

// Specs returns what there is, by name.
func (d *Desk) Specs() []Spec {
	var list []Spec
	for _, name := range slices.Sorted(maps.Keys(d.gov.known)) {
		list = append(list, d.gov.known[name].Spec())
	}
	return list
}

// Get returns a run, or a NotFound problem.
func (d *Desk) Get(ctx context.Context, id RunID) (r Run, err error) {
	err = d.store.View(ctx, func(v timeline.View) (err error) {
		r, err = GetRun(v, id)
		return err
	})
	return r, err
}

// Plan says what a repair would do now, with all that stands against it. It records
// nothing and changes nothing: it is the dry run. inc may be empty.
func (d *Desk) Plan(ctx context.Context, inc timeline.ID, name string, params map[string]string) (Plan, error) {
	rem, known := d.gov.known[name]
	if !known {
		return Plan{}, problem.New(problem.NotFound, "there is no repair %q", name)
	}
	p, err := rem.Plan(ctx, params)
	if err != nil {
		return Plan{}, err
	}
	return d.govern(ctx, inc, p, "")
}

// govern adds the team's tier and what the governor finds.
func (d *Desk) govern(ctx context.Context, inc timeline.ID, p Plan, self RunID) (Plan, error) {
	if rule := d.policy.Rules[p.Remediation]; rule.Tier > p.Tier && p.Tier > Observe {
		p.Tier, p.TierWhy = rule.Tier, "the configuration asks for it"
	}
	found, err := d.gov.facts(ctx, p)
	if isUnavailable(err) {
		found = append(found, unknownHealth(err))
	} else if err != nil {
		return Plan{}, err
	}
	err = d.store.View(ctx, func(v timeline.View) error {
		rules, _, err := d.gov.rules(v, inc, p, self)
		found = append(found, rules...)
		return err
	})
	p.Findings = merge(p.Findings, found)
	return p, err
}

// replan makes the plan of a run anew.
func (d *Desk) replan(ctx context.Context, r Run) (Plan, error) {
	if r.Plan.Undoes != "" {
		origin, err := d.Get(ctx, r.Plan.Undoes)
		if err != nil {
			return Plan{}, err
		}
		p, err := d.undo(ctx, origin)
		if err != nil {
			return Plan{}, err
		}
		return d.govern(ctx, r.Incident, p, r.ID)
	}
	rem, known := d.gov.known[r.Plan.Remediation]
	if !known {
		return Plan{}, problem.New(problem.NotFound, "this version knows no repair %q", r.Plan.Remediation)
	}
	p, err := rem.Plan(ctx, r.Plan.Params)
	if err != nil {
		return Plan{}, err
	}
	return d.govern(ctx, r.Incident, p, r.ID)
}

// refusal is a rule's no, which is recorded.
type refusal struct {
	code string
	*problem.Error
}

func refuse(code string, c problem.Code, format string, args ...any) *refusal {
	return &refusal{code: code, Error: problem.New(c, format, args...)}
}

func (r *refusal) hint(format string, args ...any) *refusal {
	r.Error = r.Error.WithHint(format, args...)
	return r
}

// decision of an act on a run: entries, or a refusal.
type decision struct {
	drafts []timeline.Draft
	no     *refusal
}

func entries(drafts ...timeline.Draft) decision { return decision{drafts: drafts} }

// act lets an act on one run through the door.
func (d *Desk) act(ctx context.Context, who Who, id RunID, what string, decide func(v timeline.View, r Run) (decision, error)) (Run, error) {
	var no *refusal
	_, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		no = nil
		r, err := GetRun(v, id)
		if err != nil {
			return timeline.Decision{}, err
		}
		made, err := decide(v, r)
		if err != nil {
			return timeline.Decision{}, err
		}
		if no = made.no; no != nil {
			made.drafts = []timeline.Draft{r.draft(who, &RunRefused{Run: r.ID, What: what + " " + string(r.ID), Code: no.code, Reason: no.Message}, timeline.Effects{})}
		}
		return timeline.Decision{Entries: made.drafts}, nil
	})
	if err != nil {
		return Run{}, err
	}
	r, err := d.Get(ctx, id)
	if err == nil && no != nil {
		err = no.Error
	}
	return r, err
}

// Request asks for a run of the plan in an incident. A plan that changes nothing
// starts at once, any other waits for [Desk.Approve].
func (d *Desk) Request(ctx context.Context, who Who, inc timeline.ID, p Plan) (Run, error) {
	if !inc.IsIncident() {
		return Run{}, problem.New(problem.Invalid, "a repair belongs to an incident").WithHint("declare one first: `/incident declare`")
	}
	var no *refusal
	var id RunID
	_, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		r, refused, err := d.request(v, who, inc, p)
		if no = refused; err != nil {
			return timeline.Decision{}, err
		}
		if no != nil {
			return timeline.Decision{Entries: []timeline.Draft{{Timeline: inc, Actor: who.actor(), Cause: who.Cause,
				Payload: &RunRefused{What: p.Title(), Code: no.code, Reason: no.Message}}}}, nil
		}
		id = r.ID
		return timeline.Decision{Entries: d.asking(v, who, r)}, nil
	})
	if err != nil {
		return Run{}, err
	}
	if no != nil {
		return Run{}, no.Error
	}
	return d.Get(ctx, id)
}

// request makes the run that a plan would be, or says why not.
func (d *Desk) request(v timeline.View, who Who, inc timeline.ID, p Plan) (Run, *refusal, error) {
	if no, err := d.over(v, inc, p); no != nil || err != nil {
		return Run{}, no, err
	}
	if no := d.mayAsk(who, p); no != nil {
		return Run{}, no, nil
	}
	found, hand, err := d.gov.rules(v, inc, p, "")
	if err != nil {
		return Run{}, nil, err
	}
	p.Findings = merge(p.Findings, found)
	if hard := ownFirst(p.Against(Hard)); len(hard) > 0 {
		return Run{}, refuse(hard[0].Code, problem.Conflict, "%s", sentences(hard)).hint("%s", hard[0].Hint), nil
	}
	runs, err := RunsOf(v, inc)
	if err != nil {
		return Run{}, nil, err
	}
	number := 1
	if len(runs) > 0 {
		number = runs[len(runs)-1].Number + 1
	}
	r := Run{ID: runID(inc, number), Incident: inc, Plan: p}
	if len(hand) > 0 {
		r.Repairs = hand[0].ID
	}
	return r, nil, nil
}

// over refuses what would begin in an incident that is over. What only puts back what
// was changed may still be done until it is closed: a resolution lists it.
func (d *Desk) over(v timeline.View, inc timeline.ID, p Plan) (*refusal, error) {
	i, err := incident.Get(v, inc)
	switch {
	case err != nil || i.Open() || i.Status != incident.Closed && d.gov.restores(p):
		return nil, err
	case i.MergedInto != "":
		return refuse("incident-over", problem.Conflict, "%s was merged into %s", inc, i.MergedInto).hint("ask for it in %s", i.MergedInto), nil
	}
	return refuse("incident-over", problem.Conflict, "%s is %s", inc, i.Status).hint("reopen it, or declare another one: `/incident declare`"), nil
}

func (d *Desk) mayAsk(who Who, p Plan) *refusal {
	if who.Person == nil && p.Tier >= Disruptive {
		return refuse("unlinked", problem.Forbidden, "%s is linked to no person: that may not ask for what is %s", who.Actor.Display(), p.Tier).
			hint("the person's id belongs into the configuration, under `people`")
	}
	if p.Tier > Observe && !d.policy.Rules[p.Remediation].may(who, p.Tier) {
		return refuse("role", problem.Forbidden, "%s may not make the repair %s", who.actor().Display(), p.Remediation)
	}
	return nil
}

// asking are the entries of a new run.
func (d *Desk) asking(v timeline.View, who Who, r Run) []timeline.Draft {
	p, hash := r.Plan, r.Plan.Hash()
	due := r.expiryTimer(v.Now().Add(d.policy.Expiry))
	asked := &RunRequested{Run: r.ID, Title: p.Title(), Tier: p.Tier, Hash: hash, Repairs: r.Repairs}
	for _, f := range p.Against(Soft) {
		asked.Against = append(asked.Against, f.Sentence)
	}
	drafts := []timeline.Draft{
		r.draft(who, &RunPlanned{Run: r.ID, Plan: p, Hash: hash}, timeline.Effects{}),
		r.draft(who, asked, timeline.Effects{Set: []timeline.Timer{due}}),
	}
	if p.Tier == Observe {
		free := r.draft(Who{}, &RunApproved{Run: r.ID, Title: p.Title(), Hash: hash}, timeline.Effects{})
		free.CausedByPrevious = true
		drafts = append(drafts, free)
	}
	return drafts
}

func sentences(list []Finding) string {
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = f.Sentence
	}
	return strings.Join(words, "; ")
}
