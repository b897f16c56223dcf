package repair

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// scaler is what scaling needs of a cluster.
type scaler interface {
	snapshots
	Scale(ctx context.Context, workload fleet.Object, replicas int) error
}

// scaleToStep scales a workload to what "to" says and records what it was, for
// scaleBackStep. "from" is what it was when the plan was made: it stands in where the
// record was lost between the act and its entry.
func scaleToStep(c scaler) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			w, err := workload(ctx, c, objectOf(s.Args))
			if err != nil {
				return remediation.Seen{}, err
			}
			if w.Replicas != number(s.Args["to"]) && scaledSince(w, s) {
				return failed("%s is at %d again: somebody or something else scales it back; see who, and pause it first", w.Object, w.Replicas), nil
			}
			return remediation.Seen{So: w.Replicas == number(s.Args["to"])}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			o := objectOf(s.Args)
			w, err := workload(ctx, c, o)
			if err != nil {
				return nil, err
			}
			var learned map[string]string
			if w.Replicas != number(s.Args["to"]) {
				learned = map[string]string{replicasKey(o): strconv.Itoa(w.Replicas), generationKey(o): strconv.FormatInt(w.Generation, 10)}
			}
			return learned, c.Scale(ctx, o, number(s.Args["to"]))
		},
	}
}

// generationKey is where it is recorded which generation of a workload was scaled.
func generationKey(o fleet.Object) string { return "generation " + o.Kind + " " + o.String() }

// scaledSince: the workload was changed again after the step had scaled it, which made
// the next generation of it. What is read may still be of before that.
func scaledSince(w fleet.Workload, s remediation.State) bool {
	was, err := strconv.ParseInt(s.Learned[generationKey(objectOf(s.Args))], 10, 64)
	return err == nil && w.Generation > was+1
}

// scaleBackStep scales a workload to what was recorded.
func scaleBackStep(c scaler) remediation.Step {
	return remediation.Step{
		Repeatable: true, Restores: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			w, err := workload(ctx, c, objectOf(s.Args))
			if err != nil {
				return remediation.Seen{}, err
			}
			return remediation.Seen{So: w.Replicas == recorded(s)}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, c.Scale(ctx, objectOf(s.Args), recorded(s))
		},
	}
}

// recorded are the replicas that a workload had before this run scaled it.
func recorded(s remediation.State) int {
	if was, ok := s.Learned[replicasKey(objectOf(s.Args))]; ok {
		return number(was)
	}
	return number(s.Args["to"])
}

func workload(ctx context.Context, c snapshots, o fleet.Object) (fleet.Workload, error) {
	needs := map[string]string{"Deployment": theDeployments, "StatefulSet": theSets, "ReplicaSet": theReplicaSets, "DaemonSet": theDaemons}[o.Kind]
	s, err := fresh(ctx, c, needs)
	if err != nil {
		return fleet.Workload{}, err
	}
	i := slices.IndexFunc(s.Workloads, func(w fleet.Workload) bool { return same(w.Object, o) })
	if i < 0 {
		return fleet.Workload{}, problem.New(problem.NotFound, "the cluster has no %s %s any more", o.Kind, o)
	}
	return s.Workloads[i], nil
}

// podsGoneStep waits until no pod of a workload is left, also none that is
// Terminating: such a one may still write to its volume.
func podsGoneStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 5 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, thePods)
			if err != nil {
				return remediation.Seen{}, err
			}
			var left []fleet.Pod
			for _, p := range snapshot.Pods {
				if same(p.Owner, objectOf(s.Args)) && p.Phase != "Succeeded" && p.Phase != "Failed" {
					left = append(left, p)
				}
			}
			if len(left) == 0 {
				return so(), nil
			}
			return notYet("%s left: %s", counted(len(left), "pod"), some(left)), nil
		},
	}
}

// podsReadyStep waits until every workload has as many Ready pods as it had before,
// or as it wants by now: a person may have scaled it meanwhile.
func podsReadyStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			workloads := splitWorkloads(s.Args["workloads"])
			needs := []string{thePods, theDeployments, theSets}
			if slices.ContainsFunc(workloads, func(o fleet.Object) bool { return o.Kind == "DaemonSet" }) {
				needs = append(needs, theDaemons)
			}
			snapshot, err := fresh(ctx, c, needs...)
			if err != nil {
				return remediation.Seen{}, err
			}
			var waiting []string
			for _, o := range workloads {
				if why := unready(snapshot, o); why != "" {
					waiting = append(waiting, why)
				}
			}
			if len(waiting) == 0 {
				return so(), nil
			}
			return notYet("%d of %s Ready; %s", len(workloads)-len(waiting), counted(len(workloads), "workload"), strings.Join(waiting, "; ")), nil
		},
	}
}

// unready says what a workload lacks, "" when it lacks nothing. One that is gone, or
// that nothing is wanted of, lacks nothing.
func unready(s *fleet.Snapshot, o fleet.Object) string {
	i := slices.IndexFunc(s.Workloads, func(w fleet.Workload) bool { return same(w.Object, o) })
	if i < 0 {
		return ""
	}
	ready, why := 0, ""
	for _, p := range s.Pods {
		switch {
		case !same(p.Owner, o) || !p.Terminating.IsZero():
		case p.Ready:
			ready++
		case p.Reason != "":
			why = ": " + p.Reason
		}
	}
	if want := s.Workloads[i].Replicas; ready < want {
		return fmt.Sprintf("%s %d/%d%s", o, ready, want, why)
	}
	return ""
}

// joinWorkloads writes workloads as one argument, splitWorkloads reads them back.
func joinWorkloads(all []fleet.Object) string {
	var names []string
	for _, o := range all {
		names = append(names, o.Kind+"/"+o.String())
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func splitWorkloads(text string) (all []fleet.Object) {
	for one := range strings.SplitSeq(text, ",") {
		parts := strings.SplitN(one, "/", 3)
		switch len(parts) {
		case 3:
			all = append(all, fleet.Object{Kind: parts[0], Namespace: parts[1], Name: parts[2]})
		case 2:
			all = append(all, fleet.Object{Kind: parts[0], Name: parts[1]})
		}
	}
	return all
}
