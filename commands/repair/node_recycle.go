package repair

import (
	"context"

	"wardroom/bot/remediation"
)

// nodeRecycle has the cloud delete the machine of a node and make a new one in its
// place. Everything on the machine's disk is lost; its volumes are freed first.
type nodeRecycle struct {
	planner
	stepTable
}

func (nodeRecycle) Spec() remediation.Spec {
	return remediation.Spec{
		Name: NodeRecycle, Version: 1, Summary: "Replace the machine of a node: it is deleted, its disk is lost", Tier: remediation.Destructive,
		Access: append(freeingAccess(), remediation.Access{System: "linode", Verb: "read_write", What: "lke", Why: stepRecycle}),
		NoUndo: "the machine and its disk are deleted; workloads are scaled back by the run itself",
		When:   "A reboot did not help, or the machine is broken for good.",
		Breaks: "The machine and everything on its disk are lost for good. Workloads with a volume on the node are scaled to 0 meanwhile and scaled back at the end. The new machine may have another name and other addresses.",
	}
}

func (r nodeRecycle) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, s, err := r.begin(ctx, r.Spec(), params, true)
	if err != nil {
		return plan, err
	}
	f := r.freeing(&plan, s)
	r.judge(&plan, s, f.scaledObjects())
	if !f.hung {
		judgeOverlaps(&plan, s.snapshot, f.scaledObjects())
	}
	judgeData(&plan)
	for _, v := range plan.Blast.Volumes {
		if v.Cloud == 0 { // it may be on the machine's own disk
			found(&plan, LocalDataLost, remediation.Warning, "", "Volume %s is none of %s's: what it has on the machine is lost", v.Volume, cloudName)
			plan.Material["local data"] = "lost"
		}
	}
	plan.Facts = append(plan.Facts, "A recycle deletes the machine and its disk; /node reboot keeps both", f.fact())
	plan.Steps = append(f.steps(), planProven(s), planRecycle(s))
	if f.hung { // a run that ends before that leaves its machine off
		plan.Steps = append(plan.Steps, planBootKept(s))
	}
	plan.Steps = append(plan.Steps, planReplaced(s))
	plan.Steps = append(plan.Steps, f.returned()...)
	plan.Steps = append(plan.Steps, f.back(plan)...)
	settle(&plan, remediation.Destructive)
	return plan, nil
}
