package repair

import (
	"context"

	"wardroom/bot/remediation"
)

// nodeUncordon lets new pods onto a node again.
type nodeUncordon struct {
	planner
	stepTable
}

func (nodeUncordon) Spec() remediation.Spec {
	return remediation.Spec{
		Name: NodeUncordon, Version: 1, Summary: "Let new pods onto a node again", Tier: remediation.Routine,
		Access: []remediation.Access{{System: "kubernetes", Verb: "patch", What: "nodes", Why: stepUncordon}},
		When:   "A node was cordoned, by a person or by a repair that was stopped, and is well again.",
		Breaks: "Nothing.",
		Check:  []string{"kubectl get nodes"},
	}
}

func (r nodeUncordon) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, s, err := r.begin(ctx, r.Spec(), params, false)
	if err != nil {
		return plan, err
	}
	plan.Blast = onlyNode(plan.Blast)
	plan.Blast.LastReady = false // nothing is taken away
	if !s.node.Unschedulable {
		found(&plan, AlreadySo, remediation.Warning, "", "%s is not cordoned", s.node.Name)
	}
	plan.Steps = []remediation.PlannedStep{planUncordon(s.node.Name)}
	plan.Undo = "/node cordon"
	settle(&plan, remediation.Routine)
	return plan, nil
}
