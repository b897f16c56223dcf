package repair

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// nodeRebootAll restarts every node's machine, one after another: each is emptied as
// budgets allow, restarted, Ready in a new boot and open for pods again, and nothing
// may be worse than when the run began before the next one's turn comes.
type nodeRebootAll struct {
	planner
	stepTable
}

func (nodeRebootAll) Spec() remediation.Spec {
	return remediation.Spec{
		Name: NodeRebootAll, Version: 1, Summary: "Restart the machines of all nodes, one after another", Tier: remediation.Destructive,
		Access: []remediation.Access{
			{System: "kubernetes", Verb: "patch", What: "nodes", Why: stepCordon},
			{System: "kubernetes", Verb: "create", What: "pods/eviction", Why: stepEvictPods},
			{System: "linode", Verb: "read_write", What: "linodes", Why: stepReboot},
			{System: "linode", Verb: "read_write", What: "volumes", Why: stepReleaseLeft},
			{System: "linode", Verb: "read_only", What: "events", Why: stepTargetProven},
			rebootsTalos,
		},
		NoUndo: "a restart cannot be taken back; each node is uncordoned by the run itself",
		When:   "Nodes are Ready and the cluster is still confused about what runs where, or pods on different nodes do not reach each other, and restarting the core has not helped. It takes some minutes for each node.",
		Breaks: "Every pod is moved at least once, most of them more often: what has one replica is down each time until it runs elsewhere. Pods that nobody makes again are lost, and so is what pods keep in emptyDir. Of etcd, which a managed control plane keeps out of sight, one member at a time is away.",
	}
}

// rebootsTalos is what restarting a machine through Talos needs: the role of the
// talosconfig. https://docs.siderolabs.com/talos/v1.9/security/rbac
var rebootsTalos = remediation.Access{System: "talos", Verb: "reboot", What: "os:operator", Why: stepRebootTalos}

// everyNode is the target: what is typed to confirm it are its last four characters.
const everyNode = "every node"

// mostNodes is for how many nodes one run has room for the steps.
const mostNodes = 60

func (r nodeRebootAll) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	spec := r.Spec()
	plan := remediation.Plan{Remediation: spec.Name, Version: spec.Version, Params: params, Material: map[string]string{}, At: r.clock.Now(),
		Target: remediation.Target{Kind: remediation.EveryNode, Name: everyNode}}
	snapshot, isOld, err := r.snapshot(ctx)
	if err != nil {
		return plan, err
	}
	tooOld(&plan, snapshot, isOld)
	nodes, err := inOrder(snapshot, r.blast.Own, params["order"])
	if err != nil {
		return plan, err
	}
	names := namesOf(nodes)
	plan.Blast = fleet.BlastInTurn(snapshot, names, r.blast)
	keepersOf(&plan, nil)
	plan.Facts = append(plan.Facts, r.orderFact(names))
	few := r.judgeControl(ctx, &plan, snapshot, nodes)
	r.judgeTurns(&plan, snapshot)
	judgeData(&plan)
	if len(nodes) > mostNodes {
		found(&plan, TooManyNodes, remediation.Hard, "restart them with /node reboot", "There are %d nodes, and one run has room for %d", len(nodes), mostNodes)
		nodes = nodes[:mostNodes]
	}
	plan.Steps = append(plan.Steps, planNoteReady())
	one := r.askingOnce(nodes)
	for _, n := range nodes {
		s := one.turnOf(ctx, &plan, snapshot, n)
		plan.Steps = append(plan.Steps, one.turn(s, few)...)
		plan.Steps = append(plan.Steps, s.asOneOfSeveral(planNotWorse(n.Name)))
		plan.Holds = append(plan.Holds, "node/"+n.Name)
	}
	settle(&plan, remediation.Destructive)
	return plan, nil
}

// inOrder are the nodes as their turns come: those that are named first, then workers,
// then control-plane nodes, and the one that Wardroom itself runs on last.
func inOrder(s *fleet.Snapshot, own, named string) ([]fleet.Node, error) {
	if slices.Contains(s.Missing, theNodes) || len(s.Nodes) == 0 {
		return nil, problem.New(problem.Unavailable, "the cluster's nodes cannot be read")
	}
	var first []string
	for name := range strings.SplitSeq(named, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
		case slices.Contains(first, name):
			return nil, problem.New(problem.Invalid, "%s is named twice", name)
		case !slices.ContainsFunc(s.Nodes, func(n fleet.Node) bool { return n.Name == name }):
			return nil, problem.New(problem.Invalid, "the cluster has no node %s", name).WithHint("/node list shows those it has")
		default:
			first = append(first, name)
		}
	}
	rank := func(n fleet.Node) int {
		switch i := slices.Index(first, n.Name); {
		case i >= 0:
			return i - len(first)
		case n.Name == own:
			return 2
		case n.ControlPlane:
			return 1
		}
		return 0
	}
	nodes := slices.Clone(s.Nodes)
	slices.SortFunc(nodes, func(x, y fleet.Node) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Name, y.Name)) })
	return nodes, nil
}

func namesOf(nodes []fleet.Node) (names []string) {
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return names
}

func (p planner) orderFact(names []string) string {
	text := "In turn: " + strings.Join(names, ", ")
	if p.blast.Own != "" && slices.Contains(names, p.blast.Own) {
		text += "; Wardroom itself runs on " + p.blast.Own
	}
	return text
}

// judgeControl finds what stands against restarting the control plane, if the cluster
// shows it.
func (p planner) judgeControl(ctx context.Context, plan *remediation.Plan, s *fleet.Snapshot, nodes []fleet.Node) (few bool) {
	var control []string
	for _, n := range nodes {
		if n.ControlPlane {
			control = append(control, n.Name)
		}
	}
	if len(control) == 0 {
		plan.Facts = append(plan.Facts, "The control plane is managed: no node of it is in the cluster, and there is no etcd to count")
		return false
	}
	found(plan, ControlPlaneNode, remediation.Warning, "", "Control-plane nodes are restarted, too: %s", strings.Join(control, ", "))
	return p.judgeEtcd(ctx, plan, s, control)
}

// judgeTurns adds the findings that follow from taking one node after another away.
func (p planner) judgeTurns(plan *remediation.Plan, s *fleet.Snapshot) {
	b := plan.Blast
	if b.LastReady {
		found(plan, LastReadyNode, remediation.Soft, "bring another node up first", "There is no other Ready node for what has to move")
	}
	if b.Own {
		found(plan, OwnNode, remediation.Warning, "the run goes on where Wardroom starts again", "Wardroom itself is moved with the pods of %s, and away meanwhile", p.blast.Own)
	}
	if len(b.Bare) > 0 {
		found(plan, BarePodsLost, remediation.Warning, "", "Nobody makes %s again", list(b.Bare))
	}
	if !b.Capacity.Fits() {
		found(plan, NoCapacity, remediation.Warning, "pods may stay Pending until the node is back", "There is no room elsewhere for all that would move")
	}
	for _, budget := range b.Blocking {
		found(plan, BudgetBlocks, remediation.Warning, "eviction waits until the budget allows it", "Budget %s allows no eviction now", budget.Object)
	}
	judgeOverlaps(plan, s, nil)
	for _, n := range s.Nodes {
		if n.Unschedulable {
			plan.Facts = append(plan.Facts, n.Name+" is cordoned, and stays so")
		}
	}
}

// askingOnce is the planner for one plan: what is asked of cloud and machines for each
// node is asked once for all of them.
func (p planner) askingOnce(nodes []fleet.Node) planner {
	once := &askedOnce{talosReader: p.talos}
	for _, n := range nodes {
		if n.Provider() == fleet.OnTalos && n.Address != "" {
			once.addresses = append(once.addresses, n.Address)
		}
	}
	p.talos, p.cloud = once, &readOnce{cloudReader: p.cloud}
	return p
}

// readOnce is the cloud for one plan.
type readOnce struct {
	cloudReader
	slots, events bool // were read
	allSlots      []fleet.Slot
	allEvents     []fleet.CloudEvent
	slotsErr      error
	eventsErr     error
}

func (r *readOnce) Slots(ctx context.Context) ([]fleet.Slot, error) {
	if !r.slots {
		r.slots = true
		r.allSlots, r.slotsErr = r.cloudReader.Slots(ctx)
	}
	return r.allSlots, r.slotsErr
}

// Events are those of the first question: a plan asks for all there are.
func (r *readOnce) Events(ctx context.Context, from int64) ([]fleet.CloudEvent, error) {
	if !r.events {
		r.events = true
		r.allEvents, r.eventsErr = r.cloudReader.Events(ctx, from)
	}
	return r.allEvents, r.eventsErr
}

func planNoteReady() remediation.PlannedStep {
	return planned(stepNoteReady, nil, []string{"kubectl get nodes", "kubectl get pods -A -o wide"}, "Note what is Ready now")
}

func planNotWorse(node string) remediation.PlannedStep {
	return planned(stepNotWorse, nodeArgs(node), []string{"kubectl get nodes", "kubectl get pods -A -o wide"},
		"Check that nothing is worse than before the run, after %s; else ask", node)
}
