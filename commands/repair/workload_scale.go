package repair

import (
	"context"
	"strconv"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// mostReplicas bounds what a slip of the thumb may ask for.
const mostReplicas = 1000

// workloadScale sets the replicas of a workload. What it was is in the run's record,
// for workloadRestore. A keeper stays paused until then: it would undo it.
type workloadScale struct {
	planner
	stepTable
}

func (workloadScale) Spec() remediation.Spec {
	return remediation.Spec{
		Name: WorkloadScale, Version: 1, Summary: "Set the replicas of a workload, and remember what they were", Tier: remediation.Disruptive,
		When:   "Something has to be down for a while, as before a restore, or has to have fewer or more pods than it was declared with.",
		Breaks: "At 0 the workload is down, with whatever depends on it; below what it was, its other pods carry more. Who would undo it stays paused: nothing that it keeps is delivered meanwhile.",
		Access: scalingAccess(),
	}
}

func (r workloadScale) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, snapshot, w, err := r.onWorkload(ctx, r.Spec(), params)
	if err != nil {
		return plan, err
	}
	to, err := strconv.Atoi(params["replicas"])
	if err != nil || to < 0 || to > mostReplicas {
		return plan, problem.New(problem.Invalid, "%q is no number of replicas", params["replicas"]).WithHint("0 to %d", mostReplicas)
	}
	if !w.Scalable {
		return plan, problem.New(problem.Unsupported, "a %s cannot be scaled", w.Kind).WithHint("Deployments, StatefulSets and ReplicaSets can")
	}
	plan.Blast = takenAway(snapshot, w, to, r.blast)
	if w.Replicas == to {
		found(&plan, AlreadySo, remediation.Warning, "", "%s is at %d already", w.Object, to)
	}
	keepScaled(&plan, w, to, "/scale restore")
	judgeLocalData(&plan)
	plan.Steps = Scaling(w, to)
	plan.Undo = "/scale restore workload:" + w.String() + " puts it back to " + strconv.Itoa(w.Replicas)
	plan.Material["replicas"] = strconv.Itoa(to)
	settle(&plan, scalingTier(w.Replicas, to))
	hold(&plan, w.Object)
	return plan, nil
}

// scalingTier: what takes pods away needs a second person.
func scalingTier(from, to int) remediation.Tier {
	if to < from {
		return remediation.Disruptive
	}
	return remediation.Routine
}

// takenAway is what scaling breaks: everything of it at 0, some pods of it below what
// it was, nothing otherwise.
func takenAway(s *fleet.Snapshot, w fleet.Workload, to int, o fleet.BlastOptions) fleet.Blast {
	all := onlyPods(fleet.BlastOfWorkloads(s, []fleet.Object{w.Object}, o))
	switch {
	case to >= w.Replicas:
		return fleet.Blast{At: all.At, Unknown: all.Unknown}
	case to > 0:
		for i := range all.Workloads {
			all.Workloads[i].Pods, all.Workloads[i].All, all.Workloads[i].Single, all.Workloads[i].Breaks = w.Replicas-to, false, false, nil
		}
		all.LocalData = nil // of which pods is for the cluster to choose
	}
	return all
}

// keepScaled adds to a plan who would undo it, and the command that resumes them. An
// autoscaler stands still at 0 replicas and cannot be paused at any other number.
func keepScaled(plan *remediation.Plan, w fleet.Workload, to int, back string) {
	plan.Blast.Keepers = w.Keepers
	for _, k := range w.Keepers {
		switch {
		case !k.Pause:
		case k.Object.Kind == autoscaler && to > 0:
			found(plan, KeeperUnpausable, remediation.Soft, "change its minimum and maximum instead", "%s %s would scale it again", k.How, k.Object)
		case k.Object.Kind != autoscaler:
			found(plan, KeeperStaysPaused, remediation.Warning, back+" resumes it", "%s %s stays paused until then: nothing that it keeps is delivered meanwhile", k.How, k.Object)
		}
	}
	judgeKeepers(plan)
}

const autoscaler = "HorizontalPodAutoscaler"

// judgeLocalData says what goes with the pods.
func judgeLocalData(plan *remediation.Plan) {
	if len(plan.Blast.LocalData) > 0 {
		found(plan, LocalDataLost, remediation.Warning, "", "What %s wrote outside of volumes may be lost with the pod", list(plan.Blast.LocalData))
		plan.Material["local data"] = "lost"
	}
}

// hold locks a workload that is no part of the blast radius. It is called last.
func hold(plan *remediation.Plan, o fleet.Object) {
	lock := "workload/" + o.String()
	for _, h := range plan.Holds {
		if h == lock {
			return
		}
	}
	plan.Holds = append(plan.Holds, lock)
}

// Scaling are the steps that scale a workload, as a plan has them.
func Scaling(w fleet.Workload, to int) (steps []remediation.PlannedStep) {
	var paused []fleet.Keeper
	for _, k := range w.Keepers {
		if k.Pause && k.Object.Kind != autoscaler {
			paused = append(paused, k)
			steps = append(steps, planPause(k))
		}
	}
	steps = append(steps, planScale(w, to), planReached(w.Object, to))
	if w.Replicas != to {
		steps = append(steps, planUnscale(w))
	}
	for _, k := range paused {
		steps = append(steps, planUnpause(k, w.Object))
	}
	if to == 0 {
		return append(steps, planPodsGone(bare(w.Object)))
	}
	return append(steps, planPodsReady([]fleet.Object{bare(w.Object)}, false))
}
