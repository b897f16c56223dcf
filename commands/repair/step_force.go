package repair

import (
	"context"
	"slices"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// taintTime is how long the out-of-service taint is given before pods are deleted by
// force: the cluster collects such pods every 20 s.
const taintTime = 3 * time.Minute

// deleter is what deleting pods needs of a cluster.
type deleter interface {
	snapshots
	DeletePod(ctx context.Context, pod fleet.Object, force bool) error
}

// forceDeleteStep deletes by force what the taint has not taken off a node: the last
// resort, and only where the machine is proven off just before. By then the workloads
// are scaled to 0, so nothing comes in the place of what is deleted.
// https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/
func forceDeleteStep(c deleter, cloud cloudReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 2 * taintTime,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			left, err := podsOf(ctx, c, s)
			if err != nil || len(left) == 0 {
				return remediation.Seen{So: err == nil}, err
			}
			return notYet("%s left: %s", counted(len(left), "pod"), some(left)), nil
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			off, says, err := machineOff(ctx, cloud, number(s.Args["instance"]))
			if err == nil && !off {
				err = problem.New(problem.Conflict, "instance %s is %s: its pods may still be writing", s.Args["instance"], says)
			}
			return err
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			if s.Now.Sub(s.Started) < taintTime {
				return nil, problem.New(problem.Unavailable, "the taint is given %s", taintTime)
			}
			left, err := podsOf(ctx, c, s)
			if err != nil {
				return nil, err
			}
			gone := 0
			for _, p := range left {
				switch err := c.DeletePod(ctx, p.Object, true); {
				case problem.Is(err, problem.NotFound): // it went since that was read
					gone++
				case err != nil:
					return nil, err
				}
			}
			if gone > 0 {
				return nil, problem.New(problem.Unavailable, "%s went meanwhile, what is left is looked at again", counted(gone, "pod"))
			}
			return nil, nil
		},
	}
}

// podsOf are the pods of the step's workloads that are left on its node.
func podsOf(ctx context.Context, c snapshots, s remediation.State) ([]fleet.Pod, error) {
	snapshot, err := fresh(ctx, c, thePods)
	if err != nil {
		return nil, err
	}
	workloads := splitWorkloads(s.Args["workloads"])
	return slices.DeleteFunc(podsToLeave(snapshot, s.Args["node"]), func(p fleet.Pod) bool {
		return !slices.ContainsFunc(workloads, func(o fleet.Object) bool { return same(o, p.Owner) })
	}), nil
}
