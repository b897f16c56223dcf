package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// restarter is what a rollout restart needs of a cluster.
type restarter interface {
	snapshots
	Restart(ctx context.Context, workload fleet.Object, at time.Time) error
}

// restartStep begins a rollout restart. It is marked with the start of the step, so
// that repeating it, also by another process, begins no second one.
func restartStep(c restarter) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			w, err := workload(ctx, c, objectOf(s.Args))
			if err != nil {
				return remediation.Seen{}, err
			}
			return remediation.Seen{So: !s.Started.IsZero() && !w.Restarted.Before(s.Started.Truncate(time.Second))}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, c.Restart(ctx, objectOf(s.Args), s.Started)
		},
	}
}

// restartLeftStep is the same for a workload that may be back by the time it comes to
// it, or gone: then nothing is done.
func restartLeftStep(c restarter) remediation.Step {
	step := restartStep(c)
	restart := step.Observe
	step.Observe = func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
		snapshot, err := fresh(ctx, c, thePods, theDeployments, theSets, theDaemons)
		if err != nil {
			return remediation.Seen{}, err
		}
		if s.Started.IsZero() && unready(snapshot, objectOf(s.Args)) == "" {
			return so(), nil
		}
		return restart(ctx, s)
	}
	return step
}

// rolledOutStep waits until every pod of a workload is of its newest template and
// Ready, and the old ones are gone, as kubectl rollout status does. The pods of a
// DaemonSet on nodes that do not answer are not waited for: nothing can replace them.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#complete-deployment
func rolledOutStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			o := objectOf(s.Args)
			w, err := workload(ctx, c, o)
			if err != nil {
				return remediation.Seen{}, err
			}
			snapshot, err := fresh(ctx, c, thePods, theNodes)
			if err != nil {
				return remediation.Seen{}, err
			}
			lost := 0
			if w.Kind == "DaemonSet" {
				lost = onLostNodes(snapshot, o)
			}
			want := max(w.Replicas-lost, 0)
			switch {
			case w.Observed < w.Generation:
				return notYet("%s: the cluster has not taken it in yet", o), nil
			case w.Updated < want, w.Ready < want, w.Kind != "DaemonSet" && w.Current > w.Updated:
				return notYet("%s: %d of %d replaced, %d Ready%s", o, w.Updated, want, w.Ready, whyUnready(snapshot, o)), nil
			}
			return so(), nil
		},
	}
}

func onLostNodes(s *fleet.Snapshot, o fleet.Object) (n int) {
	for _, node := range s.Nodes {
		if node.Ready != fleet.True && hasPodOn(s, o, node.Name) {
			n++
		}
	}
	return n
}

// whyUnready is ": CrashLoopBackOff", of the first pod that tells.
func whyUnready(s *fleet.Snapshot, o fleet.Object) string {
	for _, p := range s.Pods {
		if same(p.Owner, o) && !p.Ready && p.Terminating.IsZero() && p.Reason != "" {
			return ": " + p.Reason
		}
	}
	return ""
}

// registeredOnStep waits until every node that answers and has a pod of the driver's
// DaemonSet has registered its drivers.
func registeredOnStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 5 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, thePods, theNodes, theDrivers)
			if err != nil {
				return remediation.Seen{}, err
			}
			var waiting []string
			for _, n := range snapshot.Nodes {
				if n.Ready != fleet.True || !hasPodOn(snapshot, objectOf(s.Args), n.Name) {
					continue
				}
				for driver := range strings.SplitSeq(s.Args["drivers"], ",") {
					if !slices.Contains(n.Drivers, driver) {
						waiting = append(waiting, fmt.Sprintf("%s lacks %s", n.Name, driver))
					}
				}
			}
			if len(waiting) > 0 {
				return notYet("%s", strings.Join(waiting, "; ")), nil
			}
			return so(), nil
		},
	}
}

// patience is how long workloads are given to be Ready by themselves.
const patience = 2 * time.Minute

// givenTimeStep waits until workloads are Ready, and no longer than that.
func givenTimeStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			if !s.Started.IsZero() && s.Now.Sub(s.Started) >= patience {
				return so(), nil
			}
			snapshot, err := fresh(ctx, c, thePods, theDeployments, theSets, theDaemons)
			if err != nil {
				return remediation.Seen{}, err
			}
			var waiting []string
			for _, o := range splitWorkloads(s.Args["workloads"]) {
				if why := unready(snapshot, o); why != "" {
					waiting = append(waiting, why)
				}
			}
			if len(waiting) == 0 {
				return so(), nil
			}
			return notYet("%s", strings.Join(waiting, "; ")), nil
		},
	}
}
