package repair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// snapshots is what plans and most steps need of a cluster.
type snapshots interface {
	Snapshot(ctx context.Context, maxAge time.Duration) (*fleet.Snapshot, error)
}

// cloudReader is what plans need of a cloud.
type cloudReader interface {
	Slots(ctx context.Context) ([]fleet.Slot, error)
	Instance(ctx context.Context, id int) (fleet.Instance, error)
	Volumes(ctx context.Context) ([]fleet.CloudVolume, error)
	Volume(ctx context.Context, id int) (fleet.CloudVolume, error)
	Events(ctx context.Context, from int64) ([]fleet.CloudEvent, error)
}

// volumeViews is what plans and diagnoses need of a cluster.
type volumeViews interface {
	snapshots
	Events(ctx context.Context, about fleet.Object, limit int) ([]fleet.Event, error)
}

// planner reads what plans are made from.
type planner struct {
	cluster volumeViews
	cloud   cloudReader
	redis   redisReader
	clock   timeline.Clock
	blast   fleet.BlastOptions
	past    Past
	notBack NotBack
	talos   talosReader
}

// snapshot is the newest there is. Where the cluster cannot be read now, the last one
// is returned and missing says so: it shows what was, and proves nothing.
func (p planner) snapshot(ctx context.Context) (s *fleet.Snapshot, isOld bool, err error) {
	s, err = p.cluster.Snapshot(ctx, planFresh)
	if err == nil || !problem.Is(err, problem.Unavailable) {
		return s, false, err
	}
	old, oldErr := p.cluster.Snapshot(ctx, lastKnown)
	if oldErr != nil || old == nil {
		return nil, false, err
	}
	known := *old
	known.Missing = append(slices.Clone(old.Missing), "the cluster since "+old.At.UTC().Format("15:04 UTC"))
	return &known, true, nil
}

// subject is a node that a plan is about, with all that was read of it.
type subject struct {
	snapshot *fleet.Snapshot
	node     fleet.Node
	instance fleet.Instance // only its ID where the cloud does not tell of it
	slot     fleet.Slot
	slots    []fleet.Slot
	provenBy string // who told which machine it is, in place of the cloud
}

// ready: the node answers, so its pods can be evicted and its volumes unmounted.
func (s subject) ready() bool { return s.node.Ready == fleet.True }

// begin starts a plan for a node: it is found, its identity is read on both sides and
// compared. wholeProof asks for the cloud's word as well, without which the plan is
// refused; acts that the cluster alone carries out do not need it.
func (p planner) begin(ctx context.Context, spec remediation.Spec, params map[string]string, wholeProof bool) (remediation.Plan, subject, error) {
	plan := remediation.Plan{Remediation: spec.Name, Version: spec.Version, Params: params, Tier: spec.Tier, Material: map[string]string{}, At: p.clock.Now()}
	var s subject
	name := params["node"]
	if name == "" {
		return plan, s, problem.New(problem.Invalid, "which node?").WithHint("/node list shows them")
	}
	snapshot, isOld, err := p.snapshot(ctx)
	if err != nil {
		return plan, s, err
	}
	i := slices.IndexFunc(snapshot.Nodes, func(n fleet.Node) bool { return n.Name == name })
	if i < 0 && slices.Contains(snapshot.Missing, theNodes) {
		return plan, s, problem.New(problem.Unavailable, "the cluster's nodes cannot be read: whether it has %s is not known", name)
	}
	if i < 0 {
		return plan, s, problem.New(problem.NotFound, "the cluster has no node %s", name).WithHint("/node list shows those it has")
	}
	s.snapshot, s.node = snapshot, snapshot.Nodes[i]
	plan.Target = remediation.Target{Kind: "node", Name: name, Identity: s.node.Identity}
	plan.Blast = fleet.BlastOfNode(snapshot, name, p.blast)
	if isOld {
		found(&plan, IdentityUnproven, remediation.Hard, "it heals by itself once the cluster answers", "The cluster cannot be read: what is shown is of %s", snapshot.At.UTC().Format("15:04 UTC"))
	}
	plan.Facts = append(plan.Facts, nodeFact(s.node))
	p.prove(ctx, &plan, &s, wholeProof)
	return plan, s, nil
}

// prove compares what cluster and cloud say of the machine.
func (p planner) prove(ctx context.Context, plan *remediation.Plan, s *subject, wholeProof bool) {
	strength := remediation.Warning
	if wholeProof {
		strength = remediation.Hard
	}
	id := s.node.Identity
	for _, other := range s.snapshot.Nodes {
		if other.Name != s.node.Name && id.Shares(other.Identity) {
			found(plan, ClonedIdentity, remediation.Hard, "a cloned node confuses the control plane: take the clone away first", "%s and %s have one identity", s.node.Name, other.Name)
		}
	}
	if s.node.Provider() == fleet.OnTalos && id.BootID != "" {
		p.proveTalos(ctx, plan, s.node, strength)
		return
	}
	if id.ProviderID == "" || id.BootID == "" {
		found(plan, IdentityUnproven, remediation.Hard, "wait until the node has registered", "The cluster does not say which machine %s is", s.node.Name)
		return
	}
	if id.Instance == 0 {
		found(plan, IdentityUnproven, strength, "", "%s has no machine at %s: %s", s.node.Name, cloudName, id.ProviderID)
		return
	}
	s.instance.ID = id.Instance // by the cluster's word, for what people read while the cloud is silent
	var instance fleet.Instance
	var err error
	if s.slots, err = p.cloud.Slots(ctx); err == nil {
		instance, err = p.cloud.Instance(ctx, id.Instance)
	}
	if err != nil {
		p.unproven(plan, strength, id.Instance, err)
		return
	}
	s.instance = instance
	i := slices.IndexFunc(s.slots, func(slot fleet.Slot) bool { return slot.Instance == id.Instance })
	if i < 0 {
		found(plan, IdentityUnproven, strength, "", "No slot of a %s pool holds instance %d", cloudName, id.Instance)
		return
	}
	s.slot = s.slots[i]
	plan.Target.Slot = s.slot.ID
	plan.Facts = append(plan.Facts, fmt.Sprintf("%s: instance %d (%s) in slot %s is %s", cloudName, s.instance.ID, s.instance.Label, s.slot.ID, s.instance.Status))
	p.unfinished(ctx, plan, s.instance, strength)
}

func (p planner) unproven(plan *remediation.Plan, strength remediation.Strength, instance int, err error) {
	if problem.Is(err, problem.NotFound) {
		found(plan, IdentityUnproven, strength, "its slot holds another machine by now, or none", "Instance %d is deleted at %s", instance, cloudName)
		return
	}
	found(plan, IdentityUnproven, strength, "it heals by itself once "+cloudName+" answers", "%s cannot be asked which machine it is: %s", cloudName, sentence(err))
	plan.Blast.Unknown = append(plan.Blast.Unknown, cloudName)
}

// unfinished refuses while the cloud is at the machine already.
func (p planner) unfinished(ctx context.Context, plan *remediation.Plan, instance fleet.Instance, strength remediation.Strength) {
	events, err := p.cloud.Events(ctx, 0)
	if err != nil {
		found(plan, IdentityUnproven, strength, "", "%s's events cannot be read: %s", cloudName, sentence(err))
		plan.Blast.Unknown = append(plan.Blast.Unknown, cloudName+"'s events")
		return
	}
	for _, e := range events {
		if !e.Over() && concerns(e, instance) {
			found(plan, EventUnfinished, strength, "wait until it is over, then look again", "%s is at it already: %s of %s is %s", cloudName, e.Action, e.Created.UTC().Format("15:04 UTC"), e.Status)
			return
		}
	}
}

// concerns reports whether an event changes a machine or the pools it may be in.
func concerns(e fleet.CloudEvent, i fleet.Instance) bool {
	if e.Is("linode", i.ID) {
		return true
	}
	return strings.HasPrefix(e.Action, "lke_") && (i.Cluster != 0 && e.Is("lkecluster", i.Cluster) || isLabelled(e, i))
}

// isLabelled: events of pools and nodes name the machine by its label or its tail,
// "16405-5fafd1b46dcf" of "lke13311-16405-5fafd1b46dcf".
func isLabelled(e fleet.CloudEvent, i fleet.Instance) bool {
	for _, entity := range []fleet.Entity{e.Entity, e.Second} {
		for _, text := range []string{entity.ID, entity.Label} {
			if text != "" && (text == i.Label || strings.HasSuffix(i.Label, "-"+text)) {
				return true
			}
		}
	}
	return false
}

// judge adds the findings that follow from the blast radius of taking a node away.
func (p planner) judge(plan *remediation.Plan, s subject, scaled []fleet.Object) {
	b := plan.Blast
	if b.LastReady {
		found(plan, LastReadyNode, remediation.Soft, "bring another node up first", "%s is the last Ready node", s.node.Name)
	}
	if b.Own {
		found(plan, OwnNode, remediation.Soft, "run Wardroom elsewhere, or do it by hand with the commands", "Wardroom itself runs on %s", s.node.Name)
	}
	if b.Control {
		found(plan, ControlPlaneNode, remediation.Warning, "", "%s is a control-plane node", s.node.Name)
	}
	if len(b.Bare) > 0 {
		found(plan, BarePodsLost, remediation.Warning, "", "Nobody makes %s again", list(b.Bare))
	}
	if !b.Capacity.Fits() {
		found(plan, NoCapacity, remediation.Warning, "pods may stay Pending until the node is back", "There is no room elsewhere for all that would move")
	}
	for _, budget := range b.Blocking {
		if !onlyCovers(s.snapshot, budget, scaled) {
			found(plan, BudgetBlocks, remediation.Warning, "eviction waits until the budget allows it", "Budget %s allows no eviction now", budget.Object)
		}
	}
	judgeKeepers(plan)
}

// judgeOverlaps refuses to begin what could not be finished: a pod under more than one
// budget is never evicted. Those of workloads that are scaled to 0 are not evicted.
func judgeOverlaps(plan *remediation.Plan, s *fleet.Snapshot, scaled []fleet.Object) {
	for _, o := range plan.Blast.Overlaps {
		i := slices.IndexFunc(s.Pods, func(p fleet.Pod) bool { return p.Object == o.Pod })
		if i >= 0 && slices.ContainsFunc(scaled, func(w fleet.Object) bool { return same(w, s.Pods[i].Owner) }) {
			continue
		}
		found(plan, BudgetsOverlap, remediation.Hard, "leave one budget for it: kubectl delete the others, or change their selectors", "%s: it cannot be evicted", o)
	}
}

func judgeKeepers(plan *remediation.Plan) {
	for _, k := range plan.Blast.Keepers {
		if !k.Pause {
			found(plan, KeeperUnpausable, remediation.Soft, "pause it by hand first", "%s %s would undo it, and Wardroom cannot pause it", k.How, k.Object)
		}
	}
}

// judgeData adds the findings about what may be lost for good.
func judgeData(plan *remediation.Plan) {
	b := plan.Blast
	if len(b.LocalData) > 0 {
		found(plan, LocalDataLost, remediation.Warning, "", "Local data of %s is lost", list(b.LocalData))
		plan.Material["local data"] = "lost"
	}
	for _, o := range b.Stale {
		found(plan, StaleBackup, remediation.Soft, fmt.Sprintf("kubectl -n %s create job --from=cronjob/%s %s-now makes one", o.Namespace, o.Name, o.Name), "The last backup %s is stale", o)
	}
	for _, o := range b.Unbacked {
		found(plan, NoBackup, remediation.Warning, "", "No backup of %s is known", o)
	}
	for _, backup := range b.Backups {
		plan.Material["backup "+backup.String()] = map[bool]string{true: "stale", false: "fresh"}[slices.Contains(b.Stale, backup.Object)]
	}
}

// settle computes the tier and fills in what the hash and the locks need. It is the
// last thing that happens to a plan.
func settle(plan *remediation.Plan, tier remediation.Tier) {
	b := plan.Blast
	var why []string
	lost := plan.Material["local data"] == "lost"
	if b.AllDown() && !lost && tier > remediation.Routine {
		tier--
		why = append(why, "everything it hits is down already")
	}
	if len(b.Unknown) > 0 {
		if tier < remediation.Destructive {
			tier++
		}
		why = append(why, "not everything could be read")
		found(plan, NotEverythingKnown, remediation.Warning, "", "UNKNOWN: %s", strings.Join(b.Unknown, ", "))
	}
	plan.Tier, plan.TierWhy = tier, strings.Join(why, "; ")
	for _, h := range b.Workloads {
		plan.Material["workload "+h.Kind+" "+h.String()] = fmt.Sprintf("replicas %d", h.Replicas)
		plan.Holds = append(plan.Holds, "workload/"+h.Object.String())
	}
	for _, v := range b.Volumes {
		plan.Material["volume "+v.Volume] = cmp.Or(plan.Material["volume "+v.Volume], strconv.Itoa(v.Cloud))
	}
	slices.SortStableFunc(plan.Findings, func(x, y remediation.Finding) int { return cmp.Compare(rank(x.Strength), rank(y.Strength)) })
}

func rank(s remediation.Strength) int {
	return slices.Index([]remediation.Strength{remediation.Hard, remediation.Soft, remediation.Warning}, s)
}

// onlyCovers reports whether all pods of a budget belong to workloads that are scaled
// to 0, which budgets do not forbid.
func onlyCovers(s *fleet.Snapshot, b fleet.Budget, scaled []fleet.Object) bool {
	for _, p := range s.Pods {
		if slices.Contains(b.Covers, p.String()) && !slices.ContainsFunc(scaled, func(o fleet.Object) bool { return same(o, p.Owner) }) {
			return false
		}
	}
	return true
}

// same compares objects without their UIDs.
func same(x, y fleet.Object) bool {
	return x.Kind == y.Kind && x.Namespace == y.Namespace && x.Name == y.Name
}

func nodeFact(n fleet.Node) string {
	word := map[fleet.Truth]string{fleet.True: "Ready", fleet.False: "not Ready"}[n.Ready]
	text := fmt.Sprintf("Node %s is %s", n.Name, cmp.Or(word, "of unknown readiness"))
	if !n.ReadySince.IsZero() {
		text += " since " + n.ReadySince.UTC().Format("2006-01-02 15:04 UTC")
	}
	if n.Unschedulable {
		text += ", cordoned"
	}
	if len(n.Pressure) > 0 {
		text += ", " + strings.Join(n.Pressure, ", ")
	}
	return text
}

func list(objects []fleet.Object) string {
	var names []string
	for _, o := range objects {
		names = append(names, o.String())
	}
	return strings.Join(names, ", ")
}

// hint is what an error proposes to do about it; "" when it does not.
func hint(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Hint
	}
	return ""
}

// sentence is what a person may read of an error.
func sentence(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Message
	}
	return "an internal error"
}
