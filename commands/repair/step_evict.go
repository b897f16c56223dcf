package repair

import (
	"context"
	"fmt"
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

// evictPodsStep asks for the eviction of every pod that a node loses, also of those that
// were bound to it too late to be seen at first. While a budget forbids one it is
// Unavailable, so that it is asked again later.
//
// A pod that bears a cordon is evicted once: the one that is made in its place may come
// to the node again, however often that is evicted. Without a volume it holds nothing
// up; one with a volume is for a person to take away.
//
// A node that somebody has opened again is not emptied against them: it would never be
// empty.
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
			if snapshot, err = fresh(ctx, c, thePods); err != nil {
				return remediation.Seen{}, err
			}
			return emptied(snapshot, s), nil
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
				if !toEvict(p, s) {
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

// emptied: it is so when no pod is left on the node but those that came there again and
// hold no volume.
func emptied(snapshot *fleet.Snapshot, s remediation.State) remediation.Seen {
	left := slices.DeleteFunc(podsToLeave(snapshot, s.Args["node"]), func(p fleet.Pod) bool { return cameAgain(p, s) && len(p.Claims) == 0 })
	stay := func(p fleet.Pod) bool { return p.Terminating.IsZero() && cameAgain(p, s) }
	switch {
	case len(left) == 0:
		return so()
	case !slices.ContainsFunc(left, func(p fleet.Pod) bool { return !stay(p) }):
		return remediation.Seen{Ask: fmt.Sprintf("%s came to %s again, cordoned or not, and has a volume: scale its workload down first", some(left), s.Args["node"])}
	}
	seen := podsAre(snapshot, left)
	seen.Again = slices.ContainsFunc(left, func(p fleet.Pod) bool { return toEvict(p, s) })
	return seen
}

// cameAgain: the pod was made since the step began, and not even a cordon keeps it away.
// The cluster tells the second in which a pod was made.
func cameAgain(p fleet.Pod, s remediation.State) bool {
	return p.BearsCordon && !s.Started.IsZero() && !p.Created.Before(s.Started.Truncate(time.Second))
}

// toEvict: its eviction has yet to be asked for.
func toEvict(p fleet.Pod, s remediation.State) bool {
	return p.Terminating.IsZero() && !cameAgain(p, s)
}

// volumesLetGoStep waits until no pod that holds a volume is left on a node that is
// off. Pods that tolerate every taint stay there, and hold nothing up.
func volumesLetGoStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, thePods)
			if err != nil {
				return remediation.Seen{}, err
			}
			left := slices.DeleteFunc(podsToLeave(snapshot, s.Args["node"]), func(p fleet.Pod) bool { return len(p.Claims) == 0 })
			if len(left) == 0 {
				return so(), nil
			}
			return podsAre(snapshot, left), nil
		},
	}
}

// podsAre says which pods are left, and what keeps them.
func podsAre(snapshot *fleet.Snapshot, left []fleet.Pod) remediation.Seen {
	seen := notYet("%s left: %s", counted(len(left), "pod"), some(left))
	for _, b := range snapshot.Budgets {
		if b.Allowed <= 0 && slices.ContainsFunc(left, func(p fleet.Pod) bool { return slices.Contains(b.Covers, p.String()) }) {
			seen.Progress += "; budget " + b.Object.String() + " allows none now"
		}
	}
	return seen
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
