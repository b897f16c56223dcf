package repair

import (
	"context"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// restartedStep waits until the same machine is back in another life.
func restartedStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, theNodes)
			if err != nil {
				return remediation.Seen{}, err
			}
			t := targetOf(s)
			n, there := findNode(snapshot, t.Name, t.Identity)
			switch {
			case !there:
				return notYet("node %s is not in the cluster", t.Name), nil
			case n.Identity.BootID == "" || n.Identity.BootID == t.Identity.BootID:
				return notYet("node %s has not reported its new boot yet", n.Name), nil
			case ofSeveral(s):
				return remediation.Seen{So: true, Learned: map[string]string{bootKey(n.Name): n.Identity.BootID}}, nil
			}
			return remediation.Seen{So: true, Learned: learn(n)}, nil
		},
	}
}

// nodeReadyStep waits until the node is Ready under the identity that is known of it.
func nodeReadyStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 25 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			n, err := knownNode(ctx, c, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			return remediation.Seen{So: n.Ready == fleet.True, Progress: nodeFact(n)}, nil
		},
	}
}

// csiRegisteredStep waits until the node has registered the driver of its volumes:
// without it nothing is mounted there.
func csiRegisteredStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 5 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			n, err := knownNode(ctx, c, s, theDrivers)
			if err != nil {
				return remediation.Seen{}, err
			}
			for driver := range strings.SplitSeq(s.Args["drivers"], ",") {
				if !slices.Contains(n.Drivers, driver) {
					return notYet("node %s has not registered %s", n.Name, driver), nil
				}
			}
			return so(), nil
		},
	}
}

// daemonsReadyStep waits until the node's own pods are Ready: those that are there, and
// one of each DaemonSet that has a pod on every other Ready node, unless the cluster
// wants no more of it than there are. One that lacked pods before the run, as the run
// itself has noted, is not waited for.
func daemonsReadyStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 8 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, thePods, theNodes)
			if err != nil {
				return remediation.Seen{}, err
			}
			node, _ := nodeNow(s)
			waiting := slices.DeleteFunc(daemonsWaiting(snapshot, node, s.Now), func(o fleet.Object) bool { return s.Learned[lackedKey(o)] != "" })
			if len(waiting) == 0 {
				return so(), nil
			}
			return notYet("not Ready on %s: %s", node, list(waiting)), nil
		},
	}
}

func daemonsWaiting(s *fleet.Snapshot, node string, now time.Time) (waiting []fleet.Object) {
	on := map[fleet.Object][]string{} // the nodes on which each has a pod; "": it has no node yet
	ready := map[fleet.Object]bool{}
	for _, p := range s.Pods {
		if !p.Daemon {
			continue
		}
		o := fleet.Object{Kind: p.Owner.Kind, Namespace: p.Owner.Namespace, Name: p.Owner.Name}
		if !slices.Contains(on[o], p.Node) {
			on[o] = append(on[o], p.Node)
		}
		ready[o] = ready[o] || p.Node == node && p.Ready && p.Terminating.IsZero()
	}
	isNew := now.Sub(nodeNamed(s, node).Created) < countedIn
	for o, nodes := range on {
		expected := everywhere(s, nodes, node) && (isNew || slices.Contains(nodes, "") || !complete(s, o))
		if !ready[o] && (slices.Contains(nodes, node) || expected) {
			waiting = append(waiting, o)
		}
	}
	slices.SortFunc(waiting, func(x, y fleet.Object) int { return strings.Compare(x.String(), y.String()) })
	return waiting
}

// countedIn is how long it may take until a node that has just joined is counted in what
// DaemonSets tell of themselves.
const countedIn = time.Minute

// complete: the DaemonSet has a pod for every node that it is meant for, as it tells
// itself. Where it does not tell, that is not known.
func complete(s *fleet.Snapshot, o fleet.Object) bool {
	i := slices.IndexFunc(s.Workloads, func(w fleet.Workload) bool { return same(w.Object, o) })
	return i >= 0 && s.Workloads[i].Observed >= s.Workloads[i].Generation && s.Workloads[i].Current >= s.Workloads[i].Replicas
}

// everywhere reports whether nodes has every Ready node but one.
func everywhere(s *fleet.Snapshot, nodes []string, but string) bool {
	return !slices.ContainsFunc(s.Nodes, func(n fleet.Node) bool {
		return n.Name != but && n.Ready == fleet.True && !slices.Contains(nodes, n.Name)
	})
}

// knownNode is the node that the step works on, which must be in the cluster.
func knownNode(ctx context.Context, c snapshots, s remediation.State, needs ...string) (fleet.Node, error) {
	snapshot, err := fresh(ctx, c, append(needs, theNodes)...)
	if err != nil {
		return fleet.Node{}, err
	}
	name, id := nodeNow(s)
	n, there := findNode(snapshot, name, id)
	if !there {
		return n, problem.New(problem.Unavailable, "node %s is not in the cluster at present", name)
	}
	return n, nil
}
