package repair

import (
	"context"
	"slices"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// nodeReboot restarts the machine of a node: the same machine comes back with its
// disk. Its volumes are freed first, because a restart detaches them without telling
// the cluster.
// https://github.com/linode/linode-blockstorage-csi-driver/issues/390
type nodeReboot struct {
	planner
	stepTable
}

func (nodeReboot) Spec() remediation.Spec {
	return remediation.Spec{
		Name: NodeReboot, Version: 1, Summary: "Restart the machine of a node: the same machine with its disk", Tier: remediation.Disruptive,
		Access: append(freeingAccess(), remediation.Access{System: "linode", Verb: "read_write", What: "linodes", Why: stepReboot}, rebootsTalos),
		NoUndo: "a restart cannot be taken back; workloads are scaled back and the node is uncordoned by the run itself",
		When:   "A node does not answer, or does while its machine misbehaves. Try it before a recycle: the machine, its disk and its addresses stay.",
		Breaks: "Workloads with a volume on the node are scaled to 0 meanwhile and scaled back at the end; other pods run elsewhere, or wait. Volumes are freed first, because a restart detaches them without telling the cluster.",
	}
}

func (r nodeReboot) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, s, err := r.begin(ctx, r.Spec(), params, true)
	if err != nil {
		return plan, err
	}
	if s.node.Provider() == fleet.OnTalos {
		r.throughTalos(ctx, &plan, s)
		return plan, nil
	}
	f := r.freeing(&plan, s)
	r.judge(&plan, s, f.scaledObjects())
	if !f.hung {
		judgeOverlaps(&plan, s.snapshot, f.scaledObjects())
	}
	judgeData(&plan)
	plan.Facts = append(plan.Facts, "A reboot keeps the machine and its disk; /node recycle replaces both", f.fact())
	restart := planReboot(s)
	if f.hung { // it is off by then: a machine that is off is booted, not rebooted
		restart = planBoot(s)
	}
	plan.Steps = append(f.steps(), planProven(s), restart, planRestarted(s.node.Name))
	plan.Steps = append(plan.Steps, f.returned()...)
	plan.Steps = append(plan.Steps, f.back(plan)...)
	settle(&plan, remediation.Disruptive)
	return plan, nil
}

// throughTalos plans the restart of a machine that runs Talos. Nothing outside detaches
// its volumes behind the cluster's back: it is emptied as a drain does, where it answers,
// and else stops its pods as it goes down.
func (r nodeReboot) throughTalos(ctx context.Context, plan *remediation.Plan, s subject) {
	s.provenBy = plan.Target.ProvenBy
	few := false
	if s.node.ControlPlane {
		few = r.judgeEtcd(ctx, plan, s.snapshot, []string{s.node.Name})
	}
	if silent(s.node) {
		found(plan, NodeNotReady, remediation.Warning, "", "%s is not Ready: its pods cannot be evicted, and stop with the machine", s.node.Name)
	}
	keepersOf(plan, nil)
	r.judge(plan, s, nil)
	if !silent(s.node) {
		judgeOverlaps(plan, s.snapshot, nil)
	}
	judgeData(plan)
	plan.Steps = append(r.turn(s, few), verify(*plan, nil)...)
	settle(plan, remediation.Disruptive)
}

// freeingAccess is what freeing the volumes of a node needs.
func freeingAccess() []remediation.Access {
	return append(scalingAccess(),
		remediation.Access{System: "kubernetes", Verb: "patch", What: "nodes", Why: stepCordon + ", " + stepTaint},
		remediation.Access{System: "kubernetes", Verb: "create", What: "pods/eviction", Why: stepEvictPods},
		remediation.Access{System: "linode", Verb: "read_write", What: "volumes", Why: stepDetach},
		remediation.Access{System: "linode", Verb: "read_write", What: "linodes", Why: stepShutdown + ", " + stepDetach},
		remediation.Access{System: "linode", Verb: "read_only", What: "events", Why: stepTargetProven},
	)
}

// scalingAccess is what taking workloads to 0 and back needs, with whoever would undo it.
func scalingAccess() []remediation.Access { return scalingAccessOf(stepScaleTo, stepPause) }

// setScalingAccessOf is what scaling StatefulSets alone needs.
func setScalingAccessOf(scale, keeper string) []remediation.Access {
	return slices.DeleteFunc(scalingAccessOf(scale, keeper), func(a remediation.Access) bool {
		return a.What == "deployments/scale" || a.What == "replicasets/scale"
	})
}

// scalingAccessOf is the same for the steps of these names.
func scalingAccessOf(scale, keeper string) (all []remediation.Access) {
	for _, what := range []string{"deployments/scale", "statefulsets/scale", "replicasets/scale"} {
		all = append(all, remediation.Access{System: "kubernetes", Verb: "patch", What: what, Why: scale})
	}
	for _, what := range []string{"applications.argoproj.io", "kustomizations.kustomize.toolkit.fluxcd.io", "helmreleases.helm.toolkit.fluxcd.io"} {
		all = append(all, remediation.Access{System: "kubernetes", Verb: "patch", What: what, Why: keeper})
	}
	return all
}
