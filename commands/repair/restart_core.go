package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/bot/watch"
)

// NotBack compares the cluster with how it was before an incident;
// [watch.Baseline] does.
type NotBack func(ctx context.Context, id timeline.ID) (watch.Comparison, error)

// coreRestart restarts what every pod needs, one after another, each stable before the
// next, then the workloads that were Ready before the incident and are not back by
// themselves: what was done by hand, one by one, after the outage of all services of
// which seed 003 tells.
type coreRestart struct {
	planner
	stepTable
}

func (coreRestart) Spec() remediation.Spec {
	return remediation.Spec{
		Name: RestartCore, Version: 1, Summary: "Restart network, DNS, storage driver and kube-proxy one by one, then what is not back", Tier: remediation.Routine,
		When:   "Nodes went down and are back, and the pods on them are not, or do not work: network, DNS or storage did not come back with them.",
		Breaks: "Node by node, what needs the core may fail for some seconds. The workloads that are restarted afterwards are those that are not whole.",
		Access: restartAccess(stepRestart + ", " + stepRestartLeft), NoUndo: noUndoRestart,
	}
}

func (r coreRestart) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	spec := r.Spec()
	plan := remediation.Plan{Remediation: spec.Name, Version: spec.Version, Params: params, Material: map[string]string{}, At: r.clock.Now(),
		Target: remediation.Target{Kind: "core", Name: theCluster}}
	snapshot, isOld, err := r.snapshot(ctx)
	if err != nil {
		return plan, err
	}
	tooOld(&plan, snapshot, isOld)
	var core []fleet.Workload
	for _, p := range coreParts {
		all := p.of(snapshot)
		if len(all) == 0 {
			if err := noPart(snapshot, p); problem.Is(err, problem.Unavailable) {
				return plan, err
			}
			plan.Facts = append(plan.Facts, "There is no "+p.name+" to restart")
		}
		r.restart(&plan, snapshot, p, all)
		core = append(core, all...)
	}
	if len(core) == 0 {
		return plan, problem.New(problem.NotFound, "the cluster shows none of its core services").WithHint("/workload list shows what there is")
	}
	left := r.notBackOf(ctx, &plan, snapshot, core)
	plan.Blast = inTurn(snapshot, slices.Concat(core, left), r.blast)
	plan.Blast.LocalData = nil
	plan.Steps = append(plan.Steps, afterwards(left)...)
	plan.Steps = append(plan.Steps, planPodsReady(objectsOf(slices.Concat(core, left)), false))
	verifyByProbes(&plan, snapshot)
	settle(&plan, remediation.Routine)
	return plan, nil
}

// notBackOf are the workloads beside the core that are not back, those that others
// depend on first.
func (r coreRestart) notBackOf(ctx context.Context, plan *remediation.Plan, s *fleet.Snapshot, core []fleet.Workload) (left []fleet.Workload) {
	unknown := func(format string, args ...any) {
		found(plan, NotBackUnknown, remediation.Warning, "/workload list shows what is not Ready", format, args...)
	}
	incident := timeline.ID(plan.Params["incident"])
	if r.notBack == nil || incident == "" {
		unknown("What is not back cannot be told without an incident and a baseline: only the core is restarted")
		return nil
	}
	compared, err := r.notBack(ctx, incident)
	if err != nil {
		unknown("What is not back cannot be told: %s", sentence(err))
		return nil
	}
	if len(compared.Unknown) > 0 {
		unknown("Not all of what is not back can be told: %s", strings.Join(compared.Unknown, "; "))
	}
	for _, lost := range compared.Lost {
		i := slices.IndexFunc(s.Workloads, func(w fleet.Workload) bool { return w.Kind == lost.Kind && w.String() == lost.Name })
		switch {
		case slices.ContainsFunc(core, func(w fleet.Workload) bool { return w.Kind == lost.Kind && w.String() == lost.Name }):
		case i < 0 || !restartable(lost.Kind) || s.Workloads[i].Replicas == 0 || s.Workloads[i].Manual != "":
			plan.Facts = append(plan.Facts, "Not back, and not to be mended by a restart: "+lost.String())
		default:
			plan.Facts = append(plan.Facts, "Not back: "+lost.String())
			left = append(left, s.Workloads[i])
		}
	}
	return neededFirst(left)
}

// neededFirst orders workloads so that what another one depends on comes before it,
// and by name otherwise. A circle of declarations is broken by name.
func neededFirst(all []fleet.Workload) (ordered []fleet.Workload) {
	slices.SortFunc(all, func(x, y fleet.Workload) int { return strings.Compare(x.String(), y.String()) })
	for len(all) > 0 {
		i := slices.IndexFunc(all, func(w fleet.Workload) bool {
			return !slices.ContainsFunc(all, func(o fleet.Workload) bool { return o.String() != w.String() && slices.Contains(o.UsedBy, w.String()) })
		})
		i = max(i, 0)
		ordered = append(ordered, all[i])
		all = slices.Delete(all, i, i+1)
	}
	return ordered
}

// afterwards restarts what is still not back once the core is stable. What others of
// them depend on is given time to be Ready before those; one that does not come back
// keeps none of the others from being tried.
func afterwards(left []fleet.Workload) (steps []remediation.PlannedStep) {
	if len(left) == 0 {
		return nil
	}
	steps = append(steps, planGivenTime(objectsOf(left), "Give what is not back %s to come back by itself"))
	for i, w := range left {
		steps = append(steps, planRestartLeft(w.Object))
		needed := slices.ContainsFunc(left[i+1:], func(o fleet.Workload) bool { return slices.Contains(w.UsedBy, o.String()) })
		if needed {
			steps = append(steps, planGivenTime(objectsOf(left[i:i+1]), fmt.Sprintf("Give %s", w.Object)+" %s: others depend on it"))
		}
	}
	return steps
}
