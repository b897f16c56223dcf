package repair

import (
	"context"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// nodeCordon keeps new pods away from a node; those that run there stay.
type nodeCordon struct {
	planner
	stepTable
}

func (nodeCordon) Spec() remediation.Spec {
	return remediation.Spec{
		Name: NodeCordon, Version: 1, Summary: "Keep new pods away from a node", Tier: remediation.Routine,
		Access: []remediation.Access{{System: "kubernetes", Verb: "patch", What: "nodes", Why: stepCordon}},
		When:   "A node is suspect, or is to be repaired soon: nothing more is to start there, and what runs there is to go on.",
		Breaks: "Nothing. There is less room for new pods while it lasts.",
		Check:  []string{"kubectl get nodes"}, // SchedulingDisabled
	}
}

func (r nodeCordon) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, s, err := r.begin(ctx, r.Spec(), params, false)
	if err != nil {
		return plan, err
	}
	plan.Blast = onlyNode(plan.Blast) // its pods stay
	if s.node.Unschedulable {
		found(&plan, AlreadySo, remediation.Warning, "", "%s is cordoned already", s.node.Name)
	}
	plan.Steps = []remediation.PlannedStep{planCordon(s.node.Name)}
	plan.Undo = "/node uncordon"
	settle(&plan, remediation.Routine)
	return plan, nil
}

// onlyNode is a blast radius without what happens to pods.
func onlyNode(b fleet.Blast) fleet.Blast {
	return fleet.Blast{At: b.At, Unknown: b.Unknown, Control: b.Control, Own: b.Own, LastReady: b.LastReady}
}
