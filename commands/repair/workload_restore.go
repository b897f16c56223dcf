package repair

import (
	"context"
	"fmt"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// workloadRestore puts the replicas of a workload back to what they were before
// Wardroom scaled it, and resumes who was paused for that.
type workloadRestore struct {
	planner
	stepTable
}

func (workloadRestore) Spec() remediation.Spec {
	return remediation.Spec{
		Name: WorkloadRestore, Version: 1, Summary: "Put the replicas of a workload back to what they were before they were scaled", Tier: remediation.Routine,
		When:   "A repair has scaled the workload and it is to be as before: after /scale set, or after a repair that failed half-way.",
		Breaks: "Nothing, unless it has more pods now than before: those that are too many go.",
		Access: scalingAccessOf(stepScaleBack, stepResume),
	}
}

func (r workloadRestore) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, snapshot, w, err := r.onWorkload(ctx, r.Spec(), params)
	if err != nil {
		return plan, err
	}
	was, known, err := r.remembered(ctx, w.Object)
	if err != nil {
		return plan, err
	}
	if !known {
		return plan, problem.New(problem.NotFound, "nothing is recorded of %s that could be restored: no repair has scaled it, or it was put back", w.Object).WithHint("/scale set sets a number")
	}
	plan.Facts = append(plan.Facts, was.fact())
	plan.Blast = takenAway(snapshot, w, was.replicas, r.blast)
	plan.Blast.Keepers = nil // they are resumed
	switch {
	case w.Replicas == was.replicas:
		found(&plan, AlreadySo, remediation.Warning, "", "%s is at %d already", w.Object, was.replicas)
	case w.Replicas != was.left:
		found(&plan, ChangedSince, remediation.Warning, "see first who did that", "%s was left at %d and is at %d now: somebody else has scaled it since", w.Object, was.left, w.Replicas)
	}
	plan.Learned = was.learned
	w.Replicas, was.left = was.replicas, w.Replicas // what it is put back to, and from
	plan.Steps = []remediation.PlannedStep{planScaleBack(hitOf(w))}
	for _, k := range was.keepers {
		plan.Steps = append(plan.Steps, planResume(k))
	}
	if was.replicas > 0 {
		plan.Steps = append(plan.Steps, planPodsReady([]fleet.Object{w.Object}, false))
	}
	plan.Undo = fmt.Sprintf("/scale set workload:%s replicas:%d", w.Object, was.left)
	settle(&plan, remediation.Routine)
	hold(&plan, w.Object)
	return plan, nil
}
