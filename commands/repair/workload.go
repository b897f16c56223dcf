package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// FindWorkload finds a workload by its name, its namespace and name, or its kind,
// namespace and name: "redis", "default/redis", "Deployment/default/redis".
func FindWorkload(s *fleet.Snapshot, name string) (fleet.Workload, error) {
	if name == "" {
		return fleet.Workload{}, problem.New(problem.Invalid, "which workload?").WithHint("/workload list shows them")
	}
	var all []fleet.Workload
	for _, w := range s.Workloads {
		if w.String() == name || w.Name == name || strings.EqualFold(w.Kind+"/"+w.String(), name) {
			all = append(all, w)
		}
	}
	if len(all) > 1 { // one that runs by itself is meant rather than a Job of the same name
		if lasting := slices.DeleteFunc(slices.Clone(all), func(w fleet.Workload) bool { return !Lasts(w.Kind) }); len(lasting) > 0 {
			all = lasting
		}
	}
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		for _, kind := range []string{theDeployments, theSets, theDaemons} {
			if slices.Contains(s.Missing, kind) {
				return fleet.Workload{}, problem.New(problem.Unavailable, "the cluster's %s cannot be read: whether it has %s is not known", kind, name)
			}
		}
		return fleet.Workload{}, problem.New(problem.NotFound, "the cluster has no workload %s", name).WithHint("/workload list shows those it has")
	}
	return fleet.Workload{}, problem.New(problem.Invalid, "%s may be %s or %s", name, kindly(all[0].Object), kindly(all[1].Object)).WithHint("name it like that")
}

// Lasts reports whether a kind of workload keeps its pods for good, as no Job does.
func Lasts(kind string) bool {
	return kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet" || kind == "ReplicaSet"
}

// kindly is "Deployment/default/redis".
func kindly(o fleet.Object) string { return o.Kind + "/" + o.String() }

// onWorkload starts a plan for a workload.
func (p planner) onWorkload(ctx context.Context, spec remediation.Spec, params map[string]string) (remediation.Plan, *fleet.Snapshot, fleet.Workload, error) {
	plan := remediation.Plan{Remediation: spec.Name, Version: spec.Version, Params: params, Material: map[string]string{}, At: p.clock.Now()}
	snapshot, isOld, err := p.snapshot(ctx)
	if err != nil {
		return plan, nil, fleet.Workload{}, err
	}
	w, err := FindWorkload(snapshot, params["workload"])
	if err != nil {
		return plan, nil, w, err
	}
	plan.Target = workloadTarget(w)
	tooOld(&plan, snapshot, isOld)
	plan.Facts = append(plan.Facts, workloadFact(w))
	return plan, snapshot, w, nil
}

func workloadTarget(w fleet.Workload) remediation.Target {
	return remediation.Target{Kind: "workload", Name: w.String(), UID: w.UID}
}

// tooOld refuses a plan from a snapshot of before the cluster went away.
func tooOld(plan *remediation.Plan, s *fleet.Snapshot, isOld bool) {
	if isOld {
		found(plan, ClusterUnread, remediation.Hard, "it heals by itself once the cluster answers", "The cluster cannot be read: what is shown is of %s", s.At.UTC().Format("15:04 UTC"))
	}
}

func workloadFact(w fleet.Workload) string {
	return fmt.Sprintf("%s %s: %d of %d Ready", w.Kind, w.Object, w.Ready, w.Replicas)
}

// hitOf is a workload as the steps' words want it.
func hitOf(w fleet.Workload) fleet.Hit { return fleet.Hit{Workload: w} }

// onlyPods is a blast radius of an act that takes pods away and leaves their volumes
// where they are: backups have nothing to do with it.
func onlyPods(b fleet.Blast) fleet.Blast {
	b.Volumes, b.Backups, b.Stale, b.Unbacked = nil, nil, nil, nil
	return b
}
