package repair

import (
	"context"
	"slices"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// evicter is what emptying a node needs of a cluster.
type evicter interface {
	snapshots
	Evict(ctx context.Context, pod fleet.Object) error
}

// evictPodsStep asks for the eviction of every pod that a node loses. While a budget
// forbids one it is Unavailable, so that it is asked again later. A node that somebody
// has opened again is not emptied against them: it would never be empty.
func evictPodsStep(c evicter) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, theNodes)
			if err != nil {
				return remediation.Seen{}, err
			}
			n, there := findNode(snapshot, s.Args["node"], s.Plan.Target.Identity)
			if there && !n.Unschedulable {
				return failed("somebody has uncordoned %s meanwhile: pods come there again", n.Name), nil
			}
			return podsLeft(ctx, c, s, podsToLeave)
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			if _, err := proveNode(ctx, c, s); err != nil {
				return nil, err
			}
			snapshot, err := fresh(ctx, c, thePods)
			if err != nil {
				return nil, err
			}
			var first error
			refused, gone := 0, 0
			for _, p := range podsToLeave(snapshot, s.Args["node"]) {
				if !p.Terminating.IsZero() {
					continue
				}
				switch err := c.Evict(ctx, p.Object); {
				case err == nil:
				case problem.Is(err, problem.NotFound): // it went since that was read
					gone++
				case problem.Is(err, problem.Conflict):
					refused++
				case first == nil:
					first = err
				}
			}
			if first == nil && refused > 0 {
				first = problem.New(problem.Unavailable, "budgets do not allow the eviction of %s now", counted(refused, "pod"))
			}
			if first == nil && gone > 0 {
				first = problem.New(problem.Unavailable, "%s went meanwhile, what is left is looked at again", counted(gone, "pod"))
			}
			return nil, first
		},
	}
}

// volumesLetGoStep waits until no pod that holds a volume is left on a node that is
// off. Pods that tolerate every taint stay there, and hold nothing up.
func volumesLetGoStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			return podsLeft(ctx, c, s, func(s *fleet.Snapshot, node string) []fleet.Pod {
				return slices.DeleteFunc(podsToLeave(s, node), func(p fleet.Pod) bool { return len(p.Claims) == 0 })
			})
		},
	}
}

// podsLeft: it is so when none of the pods that count is left on the node.
func podsLeft(ctx context.Context, c snapshots, s remediation.State, count func(*fleet.Snapshot, string) []fleet.Pod) (remediation.Seen, error) {
	snapshot, err := fresh(ctx, c, thePods)
	if err != nil {
		return remediation.Seen{}, err
	}
	left := count(snapshot, s.Args["node"])
	if len(left) == 0 {
		return so(), nil
	}
	seen := notYet("%s left: %s", counted(len(left), "pod"), some(left))
	for _, b := range snapshot.Budgets {
		if b.Allowed <= 0 && slices.ContainsFunc(left, func(p fleet.Pod) bool { return slices.Contains(b.Covers, p.String()) }) {
			seen.Progress += "; budget " + b.Object.String() + " allows none now"
		}
	}
	return seen, nil
}

// podsToLeave are the pods that must leave a node: not those of DaemonSets, not static
// ones, not those that have come to their end.
func podsToLeave(s *fleet.Snapshot, node string) (pods []fleet.Pod) {
	for _, p := range s.Pods {
		if p.Node == node && !p.Daemon && !p.Mirror && p.Phase != "Succeeded" && p.Phase != "Failed" {
			pods = append(pods, p)
		}
	}
	return pods
}

// some names the first pods of many.
func some(pods []fleet.Pod) string {
	const most = 3
	var objects []fleet.Object
	for _, p := range pods[:min(len(pods), most)] {
		objects = append(objects, p.Object)
	}
	text := list(objects)
	if len(pods) > most {
		text += ", …"
	}
	return text
}
