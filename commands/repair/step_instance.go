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

// shutter is what turning a machine off needs of a cloud.
type shutter interface {
	cloudReader
	Shutdown(ctx context.Context, instance int) error
}

// shutdownStep turns the target's machine off, so that nothing on it writes any more.
// A machine that the platform itself turned off is not booted again by its watchdog: a
// plan that has this step also has one that turns the machine on and restores.
// https://techdocs.akamai.com/cloud-computing/docs/recover-from-unexpected-shutdowns-with-lassie
func shutdownStep(cluster snapshots, c shutter) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			off, says, err := machineOff(ctx, c, number(s.Args["instance"]))
			return remediation.Seen{So: off || says == "shutting_down", Progress: says}, err
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			if _, err := proveNode(ctx, cluster, s); err != nil {
				return err
			}
			return proveInstance(ctx, c, s)
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, c.Shutdown(ctx, number(s.Args["instance"]))
		},
	}
}

// instanceOffStep waits until the machine is proven off or deleted.
func instanceOffStep(c cloudReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 5 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			off, says, err := machineOff(ctx, c, number(s.Args["instance"]))
			if err != nil {
				return remediation.Seen{}, err
			}
			return remediation.Seen{So: off, Progress: "instance " + s.Args["instance"] + " is " + says}, nil
		},
	}
}

// booter is what turning a machine on needs of a cloud.
type booter interface {
	cloudReader
	Boot(ctx context.Context, instance int) error
}

// bootStep turns the machine on that is to come back with its disk. It restores: a run
// that ends before it would leave the machine off.
func bootStep(cluster snapshots, c booter) remediation.Step {
	return remediation.Step{
		Repeatable: true, Restores: true, Late: 5 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			i, err := c.Instance(ctx, number(s.Args["instance"]))
			if problem.Is(err, problem.NotFound) {
				return failed("instance %s is deleted", s.Args["instance"]), nil
			}
			return remediation.Seen{So: i.Status == "running", Progress: "instance " + s.Args["instance"] + " is " + i.Status}, err
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			if _, err := proveNode(ctx, cluster, s); err != nil {
				return err
			}
			return proveInstance(ctx, c, s)
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, c.Boot(ctx, number(s.Args["instance"]))
		},
	}
}

// bootKeptStep turns a machine on that was to be replaced and was not. Once another one
// is in its slot, or it is deleted, there is nothing to do.
func bootKeptStep(cluster snapshots, c booter) remediation.Step {
	step := bootStep(cluster, c)
	observe := step.Observe
	step.Observe = func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
		holder, found, err := slotHolder(ctx, c, s.Args["slot"])
		if err != nil || !found || holder != number(s.Args["instance"]) {
			return remediation.Seen{So: err == nil}, err
		}
		seen, err := observe(ctx, s)
		return remediation.Seen{So: seen.So || seen.Failed != "", Progress: seen.Progress}, err // failed: it is deleted
	}
	return step
}

// tainter is what the out-of-service taint needs of a cluster.
type tainter interface {
	snapshots
	Taint(ctx context.Context, node string, id fleet.Identity, t fleet.Taint, on bool) error
}

// taintStep tells the cluster that the target's machine is off for certain: its pods
// are removed and its volumes detached at once. It is proven just before.
func taintStep(c tainter, cloud cloudReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			n, there, err := taintedNode(ctx, c, s)
			return remediation.Seen{So: err == nil && (!there || slices.Contains(n.Taints, fleet.OutOfService))}, err
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			off, says, err := machineOff(ctx, cloud, number(s.Args["instance"]))
			if err == nil && !off {
				err = problem.New(problem.Conflict, "instance %s is %s: it may still be writing", s.Args["instance"], says).
					WithHint("the taint is only for a machine that is off for certain")
			}
			return err
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, setTaint(ctx, c, s, true)
		},
	}
}

// untaintStep takes the taint off again. A node that is gone has taken it along.
func untaintStep(c tainter) remediation.Step {
	return remediation.Step{
		Repeatable: true, Restores: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			n, there, err := taintedNode(ctx, c, s)
			return remediation.Seen{So: err == nil && (!there || !slices.Contains(n.Taints, fleet.OutOfService))}, err
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, setTaint(ctx, c, s, false)
		},
	}
}

// taintedNode is the node that the step names, whichever machine bears its name by
// now: a replacement that kept the name may have kept the taint.
func taintedNode(ctx context.Context, c snapshots, s remediation.State) (fleet.Node, bool, error) {
	snapshot, err := fresh(ctx, c, theNodes)
	if err != nil {
		return fleet.Node{}, false, err
	}
	i := slices.IndexFunc(snapshot.Nodes, func(n fleet.Node) bool { return n.Name == s.Args["node"] })
	if i < 0 {
		return fleet.Node{}, false, nil
	}
	return snapshot.Nodes[i], true, nil
}

func setTaint(ctx context.Context, c tainter, s remediation.State, on bool) error {
	n, there, err := taintedNode(ctx, c, s)
	if err != nil || !there {
		return err
	}
	if on && n.Identity.Instance != number(s.Args["instance"]) {
		return errAnotherMachine
	}
	return c.Taint(ctx, n.Name, n.Identity, fleet.OutOfService, on)
}

// targetProvenStep proves the target once more before what cannot be undone, and
// notes where the cloud's events stand: what comes later may be ours.
func targetProvenStep(cluster snapshots, c cloudReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			if _, err := proveNode(ctx, cluster, s); err != nil {
				return unlessRefused(err)
			}
			// An event that this run itself brought about may not be over yet.
			if e, busy, err := underway(ctx, c, s); err == nil && busy {
				return notYet("%s is at it: %s is %s", cloudName, e.Action, e.Status), nil
			}
			if err := proveInstance(ctx, c, s); err != nil {
				return unlessRefused(err)
			}
			events, err := c.Events(ctx, 0)
			if err != nil {
				return remediation.Seen{}, err
			}
			var last int64
			for _, e := range events {
				last = max(last, e.ID)
			}
			slots, err := c.Slots(ctx)
			if err != nil {
				return remediation.Seen{}, err
			}
			var others []string
			for _, slot := range slots {
				others = append(others, strconv.Itoa(slot.Instance))
			}
			return remediation.Seen{So: true, Learned: map[string]string{
				learnedEvent: strconv.FormatInt(last, 10), learnedOthers: strings.Join(others, ","),
			}}, nil
		},
	}
}

// unlessRefused: what stands against the act does not go away by waiting.
func unlessRefused(err error) (remediation.Seen, error) {
	if problem.Is(err, problem.Conflict) {
		return failed("%s", sentence(err)), nil
	}
	return remediation.Seen{}, err
}
