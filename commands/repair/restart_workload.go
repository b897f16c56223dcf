package repair

import (
	"context"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// workloadRestart replaces the pods of a workload one after another, as
// kubectl rollout restart does, and follows that to its end.
type workloadRestart struct {
	planner
	stepTable
}

func (workloadRestart) Spec() remediation.Spec {
	return remediation.Spec{
		Name: WorkloadRestart, Version: 1, Summary: "Replace the pods of a workload one after another", Tier: remediation.Disruptive,
		When:   "The pods of a workload run and do not do their work, as after what they depend on was away; or they wait for something that is there by now.",
		Breaks: "Of several replicas one after another is away; what has a single one may be down until its new pod is Ready.",
		Access: restartAccess(stepRestart), NoUndo: noUndoRestart,
	}
}

const noUndoRestart = "pods that were replaced do not come back; nothing of the workload is changed but the time of its last restart"

// restartAccess is what restarting workloads of these kinds needs; of all that can be
// restarted where none is named.
func restartAccess(why string, kinds ...string) (all []remediation.Access) {
	if len(kinds) == 0 {
		kinds = []string{theDeployments, theSets, theDaemons}
	}
	for _, kind := range kinds {
		all = append(all, remediation.Access{System: "kubernetes", Verb: "patch", What: kind, Why: why})
	}
	return all
}

func (r workloadRestart) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, snapshot, w, err := r.onWorkload(ctx, r.Spec(), params)
	if err != nil {
		return plan, err
	}
	if !restartable(w.Kind) {
		return plan, problem.New(problem.Unsupported, "a %s cannot be restarted by a rollout", w.Kind).WithHint("Deployments, StatefulSets and DaemonSets can")
	}
	plan.Blast = inTurn(snapshot, []fleet.Workload{w}, r.blast)
	judgeRestart(&plan, snapshot, w)
	if w.Kind != "DaemonSet" { // a DaemonSet's directories are its node's, they stay
		judgeLocalData(&plan)
	}
	plan.Steps = []remediation.PlannedStep{planRestart(w.Object), planRolledOut(w.Object), planPodsReady([]fleet.Object{bare(w.Object)}, false)}
	tier := remediation.Disruptive
	if w.Ready < w.Replicas {
		tier = remediation.Routine
	}
	settle(&plan, tier)
	if tier == remediation.Routine && plan.TierWhy == "" {
		plan.TierWhy = "it is not whole as it is"
	}
	return plan, nil
}

func restartable(kind string) bool {
	return kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet"
}

// bare is the object without its UID, as the arguments of steps have it.
func bare(o fleet.Object) fleet.Object {
	return fleet.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
}

// inTurn is what a rollout breaks: of several replicas one after another is away, a
// single one is.
func inTurn(s *fleet.Snapshot, all []fleet.Workload, o fleet.BlastOptions) fleet.Blast {
	var objects []fleet.Object
	for _, w := range all {
		objects = append(objects, w.Object)
	}
	blast := onlyPods(fleet.BlastOfWorkloads(s, objects, o))
	blast.Keepers = nil // nobody undoes a restart
	for i := range blast.Workloads {
		if h := &blast.Workloads[i]; h.Replicas > 1 && !h.Down {
			h.Pods, h.All, h.Breaks = 1, false, nil
		}
	}
	return blast
}

// judgeRestart adds what stands against a rollout of one workload.
func judgeRestart(plan *remediation.Plan, s *fleet.Snapshot, w fleet.Workload) {
	switch w.Manual {
	case "":
	case "paused":
		found(plan, RolloutManual, remediation.Hard, "kubectl rollout resume lets it go on", "%s is paused: no pod of it would be replaced", w.Object)
	default:
		found(plan, RolloutManual, remediation.Hard, "its pods are replaced when somebody deletes them", "The update strategy of %s (%s) does not replace its pods by itself", w.Object, w.Manual)
	}
	for _, k := range w.Keepers {
		if k.How == byOperator {
			found(plan, OperatorMayUndo, remediation.Warning, "", "Operator %s may take the restart for a change of its own and roll out once more", k.Object)
		}
	}
	if w.Kind != "DaemonSet" {
		return
	}
	for _, n := range s.Nodes {
		if n.Ready != fleet.True && hasPodOn(s, w.Object, n.Name) {
			found(plan, NodeNotReady, remediation.Warning, "restart or recycle it first: a rollout may wait for its pod", "%s does not answer: its pod of %s is not replaced", n.Name, w.Object)
		}
	}
}

// byOperator is how the adapter calls an operator among the keepers.
const byOperator = "operator"

func hasPodOn(s *fleet.Snapshot, o fleet.Object, node string) bool {
	for _, p := range s.Pods {
		if same(p.Owner, o) && p.Node == node {
			return true
		}
	}
	return false
}
