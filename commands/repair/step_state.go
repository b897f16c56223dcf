package repair

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// What steps learn and later ones need, as keys of State.Learned.
const (
	learnedNode     = "node" // of the replacement
	learnedProvider = "provider_id"
	learnedBoot     = "boot_id"
	learnedMachine  = "machine_id"
	learnedInstance = "instance"
	learnedEvent    = "event"     // the cloud's newest event before the act
	learnedOthers   = "instances" // the machines of all slots before the act
)

// replicasKey is where scaling a workload records what it was.
func replicasKey(o fleet.Object) string { return "replicas " + o.Kind + " " + o.String() }

// pausedKey is where pausing a keeper records what resuming it needs.
func pausedKey(k fleet.Keeper) string {
	return "paused " + k.How + " " + k.Object.Kind + " " + k.Object.String()
}

// objectArgs are an object as the arguments of a step; objectOf reads them back.
func objectArgs(o fleet.Object) map[string]string {
	return map[string]string{"kind": o.Kind, "namespace": o.Namespace, "name": o.Name}
}

func objectOf(args map[string]string) fleet.Object {
	return fleet.Object{Kind: args["kind"], Namespace: args["namespace"], Name: args["name"]}
}

func number(text string) int {
	n, _ := strconv.Atoi(text) // what is no number is none
	return n
}

// targetOf is the node that a step works on, as it was planned: one of several where
// the step's own arguments say which machine it means, else the plan's target.
func targetOf(s remediation.State) remediation.Target {
	if !ofSeveral(s) {
		return s.Plan.Target
	}
	return remediation.Target{Kind: "node", Name: s.Args["node"], Slot: s.Args["slot"], ProvenBy: s.Args["proven_by"], Identity: fleet.Identity{
		ProviderID: s.Args[learnedProvider], BootID: s.Args[learnedBoot], MachineID: s.Args[learnedMachine], Instance: number(s.Args[learnedInstance])}}
}

// ofSeveral reports whether a step is about one of several nodes.
func ofSeveral(s remediation.State) bool { return s.Args[learnedBoot] != "" }

// bootKey is where it is recorded in which boot one of several nodes came back,
// cordonKey that it was about to be cordoned.
func bootKey(node string) string   { return learnedBoot + " " + node }
func cordonKey(node string) string { return "cordoned " + node }

// nodeNow is the node that a step works on: the replacement as soon as it is known,
// before that the target.
func nodeNow(s remediation.State) (name string, id fleet.Identity) {
	if ofSeveral(s) {
		t := targetOf(s)
		t.Identity.BootID = cmp.Or(s.Learned[bootKey(t.Name)], t.Identity.BootID)
		return t.Name, t.Identity
	}
	if name := s.Learned[learnedNode]; name != "" {
		return name, fleet.Identity{
			ProviderID: s.Learned[learnedProvider], BootID: s.Learned[learnedBoot],
			MachineID: s.Learned[learnedMachine], Instance: number(s.Learned[learnedInstance]),
		}
	}
	return s.Plan.Target.Name, s.Plan.Target.Identity
}

func learn(n fleet.Node) map[string]string {
	return map[string]string{
		learnedNode: n.Name, learnedProvider: n.Identity.ProviderID, learnedBoot: n.Identity.BootID,
		learnedMachine: n.Identity.MachineID, learnedInstance: strconv.Itoa(n.Identity.Instance),
	}
}

// findNode returns the node of this name and of this machine: another machine that
// has taken the name is not it. Where nobody provides machines, as on bare metal,
// their systems tell them apart.
func findNode(s *fleet.Snapshot, name string, id fleet.Identity) (fleet.Node, bool) {
	i := slices.IndexFunc(s.Nodes, func(n fleet.Node) bool {
		return n.Name == name && n.Identity.ProviderID == id.ProviderID && (id.ProviderID != "" || n.Identity.MachineID == id.MachineID)
	})
	if i < 0 {
		return fleet.Node{}, false
	}
	return s.Nodes[i], true
}

// fresh is the snapshot that steps are observed by. What must be known of it is named:
// a part that could not be read is an error and not an empty list.
func fresh(ctx context.Context, c snapshots, needs ...string) (*fleet.Snapshot, error) {
	s, err := c.Snapshot(ctx, stepFresh)
	if err != nil {
		return nil, err
	}
	for _, what := range needs {
		if slices.Contains(s.Missing, what) {
			return nil, problem.New(problem.Unavailable, "the cluster's %s cannot be read", what)
		}
	}
	return s, nil
}

// The parts of a snapshot as Missing names them: the API's resources.
const (
	thePods        = "pods"
	theNodes       = "nodes"
	theDeployments = "deployments"
	theSets        = "statefulsets"
	theReplicaSets = "replicasets"
	theDaemons     = "daemonsets"
	theAttachments = "volumeattachments"
	theVolumes     = "persistentvolumes"
	theDrivers     = "csinodes"
)

var errAnotherMachine = problem.New(problem.Conflict, "another machine has taken the node's name").WithHint("make a new plan")

// proveNode proves that the node is the same machine in the same life as planned.
func proveNode(ctx context.Context, c snapshots, s remediation.State) (fleet.Node, error) {
	snapshot, err := fresh(ctx, c, theNodes)
	if err != nil {
		return fleet.Node{}, err
	}
	name, id := nodeNow(s)
	n, ok := findNode(snapshot, name, id)
	if !ok {
		return n, errAnotherMachine
	}
	if n.Identity.BootID != id.BootID {
		return n, problem.New(problem.Conflict, "node %s was restarted meanwhile", name).WithHint("make a new plan")
	}
	return n, nil
}

// proveInstance proves that the slot still holds the planned machine. While the
// cloud is at that machine it is Unavailable: that may be an earlier request of ours
// whose answer was lost, and what comes of it shows in what is observed.
func proveInstance(ctx context.Context, c cloudReader, s remediation.State) error {
	t := targetOf(s)
	if !t.Identity.Proven() || t.Slot == "" {
		return problem.New(problem.Conflict, "which machine %s is, was never proven", t.Name)
	}
	holder, found, err := slotHolder(ctx, c, t.Slot)
	if err != nil {
		return err
	}
	if !found || holder != t.Identity.Instance {
		return problem.New(problem.Conflict, "slot %s no longer holds instance %d", t.Slot, t.Identity.Instance).WithHint("make a new plan")
	}
	e, busy, err := underway(ctx, c, s)
	if err == nil && busy {
		err = problem.New(problem.Unavailable, "%s is at it already: %s is %s", cloudName, e.Action, e.Status)
	}
	return err
}

// underway is an event on the target's machine that is not over.
func underway(ctx context.Context, c cloudReader, s remediation.State) (e fleet.CloudEvent, busy bool, err error) {
	instance, err := c.Instance(ctx, targetOf(s).Identity.Instance)
	if err != nil {
		return e, false, err
	}
	events, err := c.Events(ctx, int64(number(s.Learned[learnedEvent])))
	if err != nil {
		return e, false, err
	}
	i := slices.IndexFunc(events, func(e fleet.CloudEvent) bool { return !e.Over() && concerns(e, instance) })
	if i < 0 {
		return e, false, nil
	}
	return events[i], true, nil
}

// eventsSince are the cloud's events that came after the target was proven, the
// oldest first. Where that was not recorded, because a person did it, they are those
// since the step began, as far as both clocks tell.
func eventsSince(ctx context.Context, c cloudReader, s remediation.State) (since []fleet.CloudEvent, err error) {
	last, noted := s.Learned[learnedEvent]
	from := int64(0)
	if noted {
		from = int64(number(last)) + 1
	}
	events, err := c.Events(ctx, from)
	for _, e := range events {
		if noted && e.ID >= from || !noted && !e.Created.Before(s.Started.Add(-skew)) {
			since = append(since, e)
		}
	}
	return since, err
}

// slotHolder is the machine in a slot, 0 when there is none; found is false when the
// cloud has no such slot any more.
func slotHolder(ctx context.Context, c cloudReader, slot string) (instance int, found bool, err error) {
	slots, err := c.Slots(ctx)
	if err != nil {
		return 0, false, err
	}
	for _, s := range slots {
		if s.ID == slot {
			return s.Instance, true, nil
		}
	}
	return 0, false, nil
}

// machineOff reports whether a machine is proven off or deleted: nothing on it writes.
func machineOff(ctx context.Context, c cloudReader, instance int) (off bool, says string, err error) {
	i, err := c.Instance(ctx, instance)
	switch {
	case problem.Is(err, problem.NotFound):
		return true, "deleted", nil
	case err != nil:
		return false, "", err
	}
	return i.Off(), i.Status, nil
}

func so() remediation.Seen { return remediation.Seen{So: true} }

func notYet(format string, args ...any) remediation.Seen {
	return remediation.Seen{Progress: fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) remediation.Seen {
	return remediation.Seen{Failed: fmt.Sprintf(format, args...)}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
