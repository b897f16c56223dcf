package repair

import (
	"context"

	"wardroom/bot/remediation"
)

// nodeDrain moves the pods of a node elsewhere, as their budgets allow.
type nodeDrain struct {
	planner
	stepTable
}

func (nodeDrain) Spec() remediation.Spec {
	return remediation.Spec{
		Name: NodeDrain, Version: 1, Summary: "Move the pods of a node elsewhere", Tier: remediation.Disruptive,
		Access: []remediation.Access{
			{System: "kubernetes", Verb: "patch", What: "nodes", Why: stepCordon},
			{System: "kubernetes", Verb: "create", What: "pods/eviction", Why: stepEvictPods},
		},
		When:   "A node answers and is to be empty: before maintenance, or because it makes trouble. Pods of a node that does not answer cannot be evicted: reboot or recycle it instead.",
		Breaks: "What has one replica is down until it runs elsewhere. Pods that nobody makes again are lost, and so is what pods keep in emptyDir.",
		Check:  []string{"kubectl get nodes", "kubectl get pods -A -o wide"},
	}
}

func (r nodeDrain) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, s, err := r.begin(ctx, r.Spec(), params, false)
	if err != nil {
		return plan, err
	}
	if !s.ready() {
		found(&plan, NodeNotReady, remediation.Warning, "the pods of a node that does not answer stay Terminating: recycle it instead", "%s is not Ready", s.node.Name)
	}
	keepersOf(&plan, nil)
	r.judge(&plan, s, nil)
	judgeOverlaps(&plan, s.snapshot, nil)
	judgeData(&plan)
	plan.Steps = append([]remediation.PlannedStep{planCordon(s.node.Name), planEvict(s.node.Name, len(plan.Blast.Bare) > 0)}, verify(plan, used(plan.Blast.Volumes))...)
	plan.Undo = "/node uncordon lets pods come back; those that moved stay where they are"
	settle(&plan, remediation.Disruptive)
	return plan, nil
}
