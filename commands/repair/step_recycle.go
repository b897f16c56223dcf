package repair

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// settleTime is how long after a request whose answer was lost its event may still
// be missing from the cloud's feed.
const settleTime = 2 * time.Minute

// skew is how far the cloud's clock may be behind ours.
const skew = time.Minute

// recycler is what replacing a machine needs of a cloud.
type recycler interface {
	cloudReader
	Recycle(ctx context.Context, slot string) error
}

// recycleStep has the cloud delete the machine in the target's slot and put a new one
// in its place. The request is never repeated: whether a lost one arrived is read out
// of the cloud's events.
// https://techdocs.akamai.com/linode-api/reference/post-lke-cluster-node-recycle
func recycleStep(cluster snapshots, c recycler) remediation.Step {
	return remediation.Step{
		Destructive: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			holder, found, err := slotHolder(ctx, c, s.Args["slot"])
			if err != nil {
				return remediation.Seen{}, err
			}
			if !found || holder != number(s.Args["instance"]) {
				return so(), nil
			}
			if s.Started.IsZero() {
				return notYet("slot %s holds instance %d", s.Args["slot"], holder), nil
			}
			return seeRecycle(ctx, c, s)
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			if _, err := proveNode(ctx, cluster, s); err != nil {
				return err
			}
			return proveInstance(ctx, c, s)
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, c.Recycle(ctx, s.Args["slot"])
		},
		Reconcile: func(ctx context.Context, s remediation.State) (remediation.Verdict, error) {
			return reconcileRecycle(ctx, c, s)
		},
	}
}

// seeRecycle says what the events say while the slot still holds the old machine.
func seeRecycle(ctx context.Context, c cloudReader, s remediation.State) (remediation.Seen, error) {
	ours, _, err := recycleEvents(ctx, c, s)
	if err != nil || len(ours) == 0 {
		return notYet("%s shows no event of it yet", cloudName), err
	}
	switch last := ours[len(ours)-1]; last.Status {
	case "failed", "canceled":
		return failed("%s's event %d, %s, is %s%s", cloudName, last.ID, last.Action, last.Status, afterColon(last.Message)), nil
	default:
		return notYet("%s is %s, %d %%", last.Action, last.Status, last.Percent), nil
	}
}

func afterColon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// recycleEvents are the events since the step began that may be its own, the oldest
// first, and whether the feed has any event at all that is later than the request.
func recycleEvents(ctx context.Context, c cloudReader, s remediation.State) (ours []fleet.CloudEvent, later bool, err error) {
	// The slot's machine may be deleted by now: its label is in its node's name.
	old := fleet.Instance{ID: number(s.Args["instance"]), Label: s.Plan.Target.Name, Cluster: number(s.Args["cluster"])}
	events, err := eventsSince(ctx, c, s)
	if err != nil {
		return nil, false, err
	}
	for _, e := range events {
		later = later || e.Created.After(s.Started.Add(settleTime))
		if isReplacing(e) && concerns(e, old) {
			ours = append(ours, e)
		}
	}
	return ours, later, nil
}

func isReplacing(e fleet.CloudEvent) bool {
	switch e.Action {
	case "lke_node_recycle", "lke_pool_recycle", "lke_cluster_recycle", "linode_delete":
		return true
	}
	return false
}

// reconcileRecycle tells whether a request whose answer was lost arrived. An event
// that may be ours counts as ours. That there is none proves something only after the
// settle time, and then with later events in the feed, or with two empty answers once
// twice that time is over; and only while the slot still holds the old machine.
func reconcileRecycle(ctx context.Context, c cloudReader, s remediation.State) (remediation.Verdict, error) {
	foreign, err := startedBefore(ctx, c, s)
	if err != nil || foreign {
		return verdictIf(foreign, remediation.Foreign), err
	}
	ours, later, err := recycleEvents(ctx, c, s)
	if err != nil || len(ours) > 0 {
		return verdictIf(len(ours) > 0, remediation.Arrived), err
	}
	holder, found, err := slotHolder(ctx, c, s.Args["slot"])
	if err != nil {
		return remediation.Unsure, err
	}
	if !found || holder != number(s.Args["instance"]) {
		return remediation.Arrived, nil
	}
	waited := s.Now.Sub(s.Started)
	if waited < settleTime || !later && waited < 2*settleTime {
		return remediation.Unsure, nil
	}
	if !later { // the second empty answer
		if ours, _, err = recycleEvents(ctx, c, s); err != nil || len(ours) > 0 {
			return verdictIf(len(ours) > 0, remediation.Arrived), err
		}
	}
	return remediation.Absent, nil
}

func verdictIf(is bool, v remediation.Verdict) remediation.Verdict {
	if is {
		return v
	}
	return remediation.Unsure
}

// startedBefore: somebody replaced the machine between the last look and our request.
func startedBefore(ctx context.Context, c cloudReader, s remediation.State) (bool, error) {
	events, err := eventsSince(ctx, c, s)
	if err != nil {
		return false, err
	}
	old := fleet.Instance{ID: number(s.Args["instance"]), Label: s.Plan.Target.Name, Cluster: number(s.Args["cluster"])}
	return slices.ContainsFunc(events, func(e fleet.CloudEvent) bool {
		return e.Status != "failed" && e.Status != "canceled" && isReplacing(e) && concerns(e, old) && e.Created.Before(s.Started.Add(-skew))
	}), nil
}

// replacedStep waits until the machine that has come in place of the old one is known
// to the cluster: by its identity, though the name may have stayed.
func replacedStep(cluster snapshots, c cloudReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 15 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			slots, err := c.Slots(ctx)
			if err != nil {
				return remediation.Seen{}, err
			}
			instance := newMachine(slots, s)
			if instance == 0 {
				return notYet("the new machine is being made"), nil
			}
			snapshot, err := fresh(ctx, cluster, theNodes)
			if err != nil {
				return remediation.Seen{}, err
			}
			for _, n := range snapshot.Nodes {
				if n.Identity.Instance == instance && n.Identity.Proven() {
					return remediation.Seen{So: true, Learned: learn(n)}, nil
				}
			}
			return notYet("instance %d has not joined the cluster yet", instance), nil
		},
	}
}

// newMachine is the one in the target's slot or, when that slot is no more, the one
// that no slot of its pool held before; 0 while there is none. An empty slot is still
// the target's: what is new beside it was made by somebody else, as an autoscaler.
func newMachine(slots []fleet.Slot, s remediation.State) int {
	pool, _, _ := strings.Cut(s.Args["slot"], "-")
	before := strings.Split(s.Learned[learnedOthers], ",")
	old := number(s.Args["instance"])
	other := 0
	for _, slot := range slots {
		switch {
		case slot.ID == s.Args["slot"] && slot.Instance == old:
			return 0
		case slot.ID == s.Args["slot"]:
			return slot.Instance
		case slot.Instance == 0 || slot.Instance == old || strconv.Itoa(slot.Pool) != pool:
		case s.Learned[learnedOthers] != "" && !slices.Contains(before, strconv.Itoa(slot.Instance)):
			other = slot.Instance
		}
	}
	return other
}

// rebooter is what restarting a machine needs of a cloud.
type rebooter interface {
	cloudReader
	Reboot(ctx context.Context, instance int) error
}

// rebootStep restarts the target's machine: the same machine comes back, with its
// disk. A second request would restart it a second time, so it is not repeated.
func rebootStep(cluster snapshots, c rebooter) remediation.Step {
	return remediation.Step{
		Late: 5 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			if s.Started.IsZero() {
				return notYet("instance %s has not been asked to restart", s.Args["instance"]), nil
			}
			v, last, err := seeReboot(ctx, cluster, c, s)
			switch {
			case err != nil:
				return remediation.Seen{}, err
			case v == remediation.Arrived && (last.Status == "failed" || last.Status == "canceled"):
				return failed("%s's event %d, %s, is %s%s", cloudName, last.ID, last.Action, last.Status, afterColon(last.Message)), nil
			}
			return remediation.Seen{So: v == remediation.Arrived && (last.Status == "" || last.Over()), Progress: "restarting"}, nil
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			if _, err := proveNode(ctx, cluster, s); err != nil {
				return err
			}
			return proveInstance(ctx, c, s)
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, c.Reboot(ctx, number(s.Args["instance"]))
		},
		Reconcile: func(ctx context.Context, s remediation.State) (remediation.Verdict, error) {
			v, _, err := seeReboot(ctx, cluster, c, s)
			return v, err
		},
	}
}

// seeReboot looks for the restart in the node's boot id and in the cloud's events. A
// reboot by the watchdog or by somebody else is the restart that was wanted, too.
func seeReboot(ctx context.Context, cluster snapshots, c cloudReader, s remediation.State) (remediation.Verdict, fleet.CloudEvent, error) {
	var last fleet.CloudEvent
	if _, err := proveNode(ctx, cluster, s); problem.Is(err, problem.Conflict) {
		return remediation.Arrived, last, nil
	}
	events, err := eventsSince(ctx, c, s)
	if err != nil {
		return remediation.Unsure, last, err
	}
	later := false
	for _, e := range events {
		later = later || e.Created.After(s.Started.Add(settleTime))
		if (e.Action == "linode_reboot" || e.Action == "lassie_reboot" || e.Action == "host_reboot") && e.Is("linode", number(s.Args["instance"])) {
			last = e
		}
	}
	waited := s.Now.Sub(s.Started)
	switch {
	case last.ID != 0:
		return remediation.Arrived, last, nil
	case waited < settleTime || !later && waited < 2*settleTime:
		return remediation.Unsure, last, nil
	}
	return remediation.Absent, last, nil
}
