package remediation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Codes of what the governor finds. A plan that finds the same uses the same code:
// it is then shown once, with the plan's sentence.
const (
	CodeIdentity      = "identity-unproven" // hard
	CodeProviderBusy  = "provider-busy"     // hard: an event on the machine is not over
	CodeSameAct       = "same-act"          // hard: it is under way already
	CodeLocked        = "locked"            // hard: another run has the target
	CodeFrozen        = "frozen"            // hard
	CodeMinHealthy    = "min-healthy"       // soft; a warning on three nodes or fewer
	CodeLastReady     = "last-ready-node"   // soft
	CodeCoolDown      = "cool-down"         // soft
	CodeStaleBackup   = "stale-backup"      // soft; plans find it
	CodeHealthUnknown = "health-unknown"    // soft: how many nodes are Ready cannot be read
)

// nodesLock makes acts on nodes one at a time in the cluster.
const nodesLock = lockPrefix + "nodes"

// smallCluster is up to how many nodes min_healthy only warns.
const smallCluster = 3

// factAge is how old a snapshot may be that the governor decides on.
const factAge = time.Minute

// governor says when a repair must not be made.
type governor struct {
	policy  Policy
	clock   timeline.Clock
	known   map[string]Remediation
	cluster fleet.Cluster // nil: there is none
	busy    func(context.Context, Target) ([]fleet.CloudEvent, error)
}

// nodeAct reports whether a plan acts on a node in a way that its pods notice.
func (g *governor) nodeAct(p Plan) bool {
	if p.Target.Kind != "node" && p.Target.Kind != EveryNode || p.Undoes != "" {
		return false
	}
	rem, known := g.known[p.Remediation]
	return p.Tier >= Disruptive || known && rem.Spec().Tier >= Disruptive
}

// locks are what a run of the plan holds, sorted.
func (g *governor) locks(p Plan) []string {
	if p.Tier == Observe {
		return nil
	}
	locks := []string{lockPrefix + p.Target.Kind + "/" + p.Target.Name}
	if g.nodeAct(p) {
		locks = append(locks, nodesLock)
	}
	for _, v := range p.Blast.Volumes {
		locks = append(locks, lockPrefix+"volume/"+v.Volume)
	}
	for _, h := range p.Holds {
		locks = append(locks, lockPrefix+h)
	}
	return sorted(locks)
}

// restores reports whether a plan only puts back what was changed.
func (g *governor) restores(p Plan) bool {
	rem, known := g.known[p.Remediation]
	if !known || len(p.Steps) == 0 {
		return false
	}
	for _, planned := range p.Steps {
		step, has := rem.Step(planned.Name)
		if !has || !(step.Restores || step.Do == nil) {
			return false
		}
	}
	return true
}

// facts asks the outside. It is Unavailable when that cannot be asked at present.
func (g *governor) facts(ctx context.Context, p Plan) ([]Finding, error) {
	if !g.nodeAct(p) {
		return nil, nil
	}
	var found []Finding
	if !p.Target.proven() {
		found = append(found, Finding{Code: CodeIdentity, Strength: Hard,
			Sentence: fmt.Sprintf("it is not proven which machine %s is", p.Target.Name),
			Hint:     "cluster and cloud must agree on it: look with `/node show`"})
	}
	if g.busy != nil {
		events, err := g.busy(ctx, p.Target)
		if err != nil {
			return found, err
		}
		for _, e := range events {
			found = append(found, Finding{Code: CodeProviderBusy, Strength: Hard,
				Sentence: fmt.Sprintf("the cloud is at it already: %s is %s since %s", e.Action, e.Status, e.Created.UTC().Format("15:04 UTC")),
				Hint:     "wait until that is over"})
		}
	}
	if g.cluster == nil {
		return found, nil
	}
	s, err := g.cluster.Snapshot(ctx, factAge)
	if err != nil {
		return found, err
	}
	return append(found, g.health(s, p.Target)...), nil
}

// proven reports whether it is certain which machine the target is. A plan for all
// nodes proves each of them itself.
func (t Target) proven() bool {
	return t.Identity.Proven() || t.ProvenBy != "" && t.Identity.BootID != "" || t.Kind == EveryNode
}

// health counts the nodes other than the target.
func (g *governor) health(s *fleet.Snapshot, target Target) []Finding {
	ready := 0
	for _, n := range s.Nodes {
		if n.Name != target.Name && n.Ready == fleet.True && !n.Unschedulable {
			ready++
		}
	}
	if target.Kind == EveryNode && ready == len(s.Nodes) {
		ready-- // the one whose turn it is
	}
	switch {
	case ready == 0:
		return []Finding{{Code: CodeLastReady, Strength: Soft, Sentence: "no other node is Ready: everything would be down"}}
	case ready < g.policy.MinHealthy:
		f := Finding{Code: CodeMinHealthy, Strength: Soft, Sentence: fmt.Sprintf("only %s would be left Ready, %d are wanted", count(ready, "node"), g.policy.MinHealthy)}
		if len(s.Nodes) <= smallCluster {
			f.Strength = Warning
		}
		return []Finding{f}
	}
	return nil
}

// rules are the refusals that follow from what is recorded. hand lists the runs that
// give locks to this one: it repairs their damage. self is the plan's own run, "" before it has one.
func (g *governor) rules(v timeline.View, incident timeline.ID, p Plan, self RunID) (found []Finding, hand []Run, err error) {
	if p.Tier == Observe {
		return nil, nil, nil
	}
	freeze, frozen, err := Frozen(v)
	if err != nil {
		return nil, nil, err
	}
	if frozen && !g.restores(p) {
		found = append(found, Finding{Code: CodeFrozen, Strength: Hard, Sentence: "repairs are frozen: " + freeze.Reason, Hint: "a lead may lift the freeze with `/freeze off`"})
	}
	active, err := ActiveRuns(v)
	if err != nil {
		return nil, nil, err
	}
	wanted := g.locks(p)
	for _, other := range active {
		switch {
		case other.ID == self:
		case other.Plan.Remediation == p.Remediation && sameTarget(other.Plan.Target, p.Target) && other.Plan.Undoes == p.Undoes:
			found = append(found, Finding{Code: CodeSameAct, Strength: Hard, Sentence: fmt.Sprintf("%s does the same and is %s", other.ID, other.Status), Hint: "look at it, or abort it first"})
		case !overlap(other.Locks, wanted):
		case g.hands(other, incident) && (!g.nodeAct(p) || sameTarget(other.Plan.Target, p.Target)):
			hand = append(hand, other)
		default:
			found = append(found, Finding{Code: CodeLocked, Strength: Hard, Sentence: fmt.Sprintf("%s (%s) is %s and holds what it would touch", other.ID, other.Title(), other.Status),
				Hint: "wait until it is over, or abort it first"})
		}
	}
	cooling, err := g.coolDown(v, incident, p)
	return append(found, cooling...), hand, err
}

func sameTarget(a, b Target) bool { return a.Kind == b.Kind && a.Name == b.Name }

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// hands reports whether a run gives its locks to a repair of the same incident: it
// has stopped, or all that it still does now is to wait for what is late or for what
// it cannot bring about. An act on another node does not get them: one at a time means
// until it is over.
func (g *governor) hands(r Run, incident timeline.ID) bool {
	if r.Incident != incident {
		return false
	}
	if r.Status == Asking {
		return true
	}
	_, s, is := r.Current()
	return r.Status == Running && is && s.Mark == Begun && (s.Waits || s.Late && s.Accepted)
}

// coolDown refuses an act on a node too soon after another, unless it repairs that one.
func (g *governor) coolDown(v timeline.View, incident timeline.ID, p Plan) ([]Finding, error) {
	if !g.nodeAct(p) {
		return nil, nil
	}
	since := v.Now().Add(-g.policy.CoolDown)
	recent, err := Runs.Select(v, timeline.Query{Where: []timeline.Where{
		{Column: "is_active", Value: false}, {Column: "ended_at", Op: ">", Value: since.UnixMicro()}}})
	if err != nil {
		return nil, err
	}
	for _, r := range recent {
		if !g.nodeAct(r.Plan) || r.StartedAt.IsZero() {
			continue
		}
		if r.Status == Failed && r.Incident == incident && r.Plan.Remediation != p.Remediation && overlap(g.targets(r.Plan), g.targets(p)) {
			continue
		}
		return []Finding{{Code: CodeCoolDown, Strength: Soft,
			Sentence: fmt.Sprintf("%s ended less than %s ago: see first what came of it", r.ID, Took(g.policy.CoolDown))}}, nil
	}
	return nil, nil
}

// targets are the locks without the one that all acts on nodes share.
func (g *governor) targets(p Plan) []string {
	return slices.DeleteFunc(g.locks(p), func(l string) bool { return l == nodesLock })
}

// merge adds findings whose code the plan does not have yet. Of two strengths the
// stronger one holds.
func merge(into, found []Finding) []Finding {
	for _, f := range found {
		at := slices.IndexFunc(into, func(o Finding) bool { return o.Code == f.Code })
		switch {
		case at < 0:
			into = append(into, f)
		case f.Strength == Hard || f.Strength == Soft && into[at].Strength == Warning:
			into = slices.Clone(into)
			into[at].Strength = f.Strength
		}
	}
	return into
}

// ownFirst puts what Wardroom itself is at before what was found outside: a machine that
// a run is replacing is deleted at the cloud because of that run.
func ownFirst(list []Finding) []Finding {
	own := func(f Finding) bool { return f.Code == CodeSameAct || f.Code == CodeLocked || f.Code == CodeFrozen }
	slices.SortStableFunc(list, func(x, y Finding) int {
		switch {
		case own(x) == own(y):
			return 0
		case own(x):
			return -1
		}
		return 1
	})
	return list
}

// Against returns the findings of a strength.
func (p Plan) Against(strength Strength) (list []Finding) {
	for _, f := range p.Findings {
		if f.Strength == strength {
			list = append(list, f)
		}
	}
	return list
}

// unknownHealth stands in a plan for facts that could not be asked.
func unknownHealth(err error) Finding {
	return Finding{Code: CodeHealthUnknown, Strength: Soft, Sentence: "how the other nodes are cannot be read: " + err.Error()}
}

func isUnavailable(err error) bool { return problem.Is(err, problem.Unavailable) }
