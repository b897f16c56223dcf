package repair

import (
	"context"
	"fmt"
	"slices"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// podForceDelete takes a pod out of the cluster's record without waiting for its node.
// Its containers may go on running there, unknown to the cluster: the last resort.
// https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/
type podForceDelete struct {
	planner
	stepTable
}

func (podForceDelete) Spec() remediation.Spec {
	return remediation.Spec{
		Name: PodForceDelete, Version: 1, Summary: "Delete a pod without waiting for its node", Tier: remediation.Destructive,
		When:   "A pod stays Terminating because its node is gone or does not answer, and its machine is proven off.",
		Breaks: "The cluster forgets the pod. Where its machine still runs, its containers go on unseen: two of them may then write to one volume.",
		Access: []remediation.Access{{System: "kubernetes", Verb: "delete", What: "pods", Why: stepForceDeletePod}},
		NoUndo: "a pod that is deleted does not come back; its workload makes another one",
	}
}

// FindPod finds a pod by its namespace and name, or by its name where that is one pod's alone.
func FindPod(s *fleet.Snapshot, name string) (fleet.Pod, error) {
	if name == "" {
		return fleet.Pod{}, problem.New(problem.Invalid, "which pod?").WithHint("/pod list shows them")
	}
	var all []fleet.Pod
	for _, p := range s.Pods {
		if p.String() == name || p.Name == name {
			all = append(all, p)
		}
	}
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		if slices.Contains(s.Missing, thePods) {
			return fleet.Pod{}, problem.New(problem.Unavailable, "the cluster's pods cannot be read: whether it has %s is not known", name)
		}
		return fleet.Pod{}, problem.New(problem.NotFound, "the cluster has no pod %s", name).WithHint("/pod list shows those it has")
	}
	return fleet.Pod{}, problem.New(problem.Invalid, "%s may be %s or %s", name, all[0], all[1]).WithHint("name it with its namespace")
}

func (r podForceDelete) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	spec := r.Spec()
	plan := remediation.Plan{Remediation: spec.Name, Version: spec.Version, Params: params, Material: map[string]string{}, At: r.clock.Now()}
	snapshot, isOld, err := r.snapshot(ctx)
	if err != nil {
		return plan, err
	}
	pod, err := FindPod(snapshot, params["pod"])
	if err != nil {
		return plan, err
	}
	if pod.Mirror {
		return plan, problem.New(problem.Unsupported, "%s is a static pod: its node keeps it, and it goes with it", pod)
	}
	plan.Target = remediation.Target{Kind: "pod", Name: pod.String(), UID: pod.UID}
	tooOld(&plan, snapshot, isOld)
	plan.Blast = fleet.BlastOfPod(snapshot, pod.Object, r.blast)
	plan.Blast.Backups, plan.Blast.Stale, plan.Blast.Unbacked, plan.Blast.Keepers = nil, nil, nil, nil
	r.mayRun(ctx, &plan, snapshot, pod)
	judgeLocalData(&plan)
	if len(plan.Blast.Bare) > 0 {
		found(&plan, BarePodsLost, remediation.Warning, "", "Nobody makes %s again", list(plan.Blast.Bare))
	}
	plan.Steps = []remediation.PlannedStep{planForceDeletePod(pod.Object)}
	if o := pod.Owner; Lasts(o.Kind) && slices.ContainsFunc(snapshot.Workloads, func(w fleet.Workload) bool { return same(w.Object, o) && w.Replicas > 0 }) {
		plan.Steps = append(plan.Steps, planPodsReady([]fleet.Object{bare(o)}, len(pod.Claims) > 0))
	} else {
		plan.Steps = append(plan.Steps, planPodGone(pod.Object))
	}
	settle(&plan, remediation.Destructive)
	plan.Tier, plan.TierWhy = remediation.Destructive, "" // what may still run is no less so for being down
	return plan, nil
}

// mayRun says what is known of whether the pod's containers still run.
func (r podForceDelete) mayRun(ctx context.Context, plan *remediation.Plan, s *fleet.Snapshot, pod fleet.Pod) {
	say := func(format string, args ...any) { plan.Facts = append(plan.Facts, fmt.Sprintf(format, args...)) }
	if pod.Node == "" {
		say("It was never given to a node: nothing of it runs")
		return
	}
	i := slices.IndexFunc(s.Nodes, func(n fleet.Node) bool { return n.Name == pod.Node })
	if i < 0 {
		if slices.Contains(s.Missing, theNodes) {
			r.writes(plan, s, pod, "whether its node %s answers cannot be read", pod.Node)
			return
		}
		say("Its node %s is no longer in the cluster", pod.Node)
		r.writes(plan, s, pod, "the machine of %s may still run", pod.Node)
		return
	}
	node := s.Nodes[i]
	if node.Ready == fleet.True {
		found(plan, PodNodeAnswers, remediation.Soft, "/restart workload replaces it, /node drain moves it", "Its node %s answers: it takes the pod away by itself, and knows when its containers have ended", node.Name)
		return
	}
	off, says, err := machineOff(ctx, r.cloud, node.Identity.Instance)
	if err != nil || node.Identity.Instance == 0 {
		off, says = false, "not to be read"
	}
	say("Its node %s does not answer, its machine is %s", node.Name, says)
	if !off {
		r.writes(plan, s, pod, "its machine is %s", says)
	}
}

// writes: a pod that may still run is the worse the more it may write to.
func (podForceDelete) writes(plan *remediation.Plan, s *fleet.Snapshot, pod fleet.Pod, format string, args ...any) {
	strength := remediation.Warning
	if len(s.VolumesOf(pod)) > 0 || pod.Owner.Kind == "StatefulSet" {
		strength = remediation.Soft
	}
	found(plan, HolderMayWrite, strength, "turn it off or recycle its node first", "It is not proven to have ended: "+format, args...)
}

// forceDeletePodStep deletes one pod by its UID: one that was made again under its
// name is not hit, so it may be repeated.
func forceDeletePodStep(c deleter) remediation.Step {
	return remediation.Step{
		Repeatable: true, Destructive: true, Late: 2 * taintTime,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, thePods)
			if err != nil {
				return remediation.Seen{}, err
			}
			return remediation.Seen{So: !isThere(snapshot, s)}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			o := objectOf(s.Args)
			o.UID = s.Plan.Target.UID
			err := c.DeletePod(ctx, o, true)
			if problem.Is(err, problem.NotFound) { // it went since that was read
				err = problem.New(problem.Unavailable, "it went meanwhile, what is left is looked at again")
			}
			return nil, err
		},
	}
}

// podGoneStep checks that a pod that nobody makes again is gone.
func podGoneStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: taintTime,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, thePods)
			if err != nil {
				return remediation.Seen{}, err
			}
			return remediation.Seen{So: !isThere(snapshot, s)}, nil
		},
	}
}

// isThere: the pod of this name and UID.
func isThere(s *fleet.Snapshot, state remediation.State) bool {
	return slices.ContainsFunc(s.Pods, func(p fleet.Pod) bool {
		return same(p.Object, objectOf(state.Args)) && p.UID == state.Plan.Target.UID
	})
}
