package repair

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// volumeRemount frees a volume and has it attached anew: what brought the services
// back on 2021-07-11 after hours, by hand.
type volumeRemount struct {
	planner
	stepTable
}

func (volumeRemount) Spec() remediation.Spec {
	return remediation.Spec{
		Name: VolumeRemount, Version: 1, Summary: "Free a volume and attach it anew, down to a Ready pod", Tier: remediation.Disruptive,
		Access: append(scalingAccess(),
			remediation.Access{System: "kubernetes", Verb: "patch", What: "nodes", Why: stepTaint},
			remediation.Access{System: "kubernetes", Verb: "delete", What: "pods", Why: stepForceDelete},
			remediation.Access{System: "linode", Verb: "read_write", What: "volumes", Why: stepDetach},
			remediation.Access{System: "linode", Verb: "read_write", What: "linodes", Why: stepDetach},
		),
		NoUndo: "it puts back by itself what it changes: replicas, keepers, the taint",
		When:   "A pod waits for its volume (ContainerCreating, FailedAttachVolume, FailedMount), or runs without it: the volume hangs on a machine that is gone or off, or is attached and the machine has no device.",
		Breaks: "Workloads that use the volume are scaled to 0 meanwhile. Never do it while a machine that does not answer may still be writing to the volume: that damages the file system.",
	}
}

// remount is what a plan knows of its volume.
type remount struct {
	snapshot  *fleet.Snapshot
	volume    fleet.Volume
	cloud     fleet.CloudVolume
	diagnosis fleet.Diagnosis
	facts     fleet.VolumeFacts
	off       []fleet.Node // that still have pods or the volume, and whose machines are proven off
}

func (r volumeRemount) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	spec := r.Spec()
	plan := remediation.Plan{Remediation: spec.Name, Version: spec.Version, Params: params, Material: map[string]string{}, At: r.clock.Now()}
	snapshot, isOld, err := r.snapshot(ctx)
	if err != nil {
		return plan, err
	}
	m := remount{snapshot: snapshot}
	if m.volume, err = FindVolume(snapshot, params["volume"]); err != nil {
		return plan, err
	}
	if m.diagnosis, m.facts, err = Diagnose(ctx, r.cluster, r.cloud, snapshot, m.volume.Name, plan.At); err != nil {
		return plan, err
	}
	plan.Target = remediation.Target{Kind: "volume", Name: m.volume.Name, Volume: m.volume.CloudID, UID: m.volume.Claim.UID}
	plan.Blast = fleet.BlastOfVolume(snapshot, m.volume.Name, r.blast)
	if m.facts.Cloud != nil {
		m.cloud = *m.facts.Cloud
	}
	plan.Facts = append([]string{m.diagnosis.String()}, m.diagnosis.Evidence...)
	if isOld {
		found(&plan, VolumeUnclear, remediation.Hard, "it heals by itself once the cluster answers", "The cluster cannot be read: what is shown is of %s", snapshot.At.UTC().Format("15:04 UTC"))
	}
	r.judge(&plan, &m)
	r.nodes(ctx, &plan, &m)
	judgeKeepers(&plan)
	judgeData(&plan)
	plan.Steps = m.steps(plan)
	plan.Material["volume "+m.volume.Name] = fmt.Sprintf("%d, case %s", m.volume.CloudID, m.diagnosis.Case)
	tier := remediation.Disruptive
	if m.cloud.Instance != 0 && !m.facts.HolderGone {
		tier = remediation.Destructive
	}
	settle(&plan, tier)
	if tier == remediation.Destructive && plan.TierWhy == "" {
		plan.TierWhy = "it detaches from a machine that exists"
	}
	return plan, nil
}

// FindVolume finds a volume by its own name, its claim's, or the cloud's label or number.
func FindVolume(s *fleet.Snapshot, name string) (fleet.Volume, error) {
	if name == "" {
		return fleet.Volume{}, problem.New(problem.Invalid, "which volume?").WithHint("/volume list shows them")
	}
	var all []fleet.Volume
	for _, v := range s.Volumes {
		_, label, _ := strings.Cut(v.Handle, "-")
		if v.Name == name {
			return v, nil
		}
		if v.Claim.String() == name || v.Claim.Name == name || label == name || v.CloudID != 0 && strconv.Itoa(v.CloudID) == name {
			all = append(all, v)
		}
	}
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		if slices.Contains(s.Missing, theVolumes) {
			return fleet.Volume{}, problem.New(problem.Unavailable, "the cluster's volumes cannot be read: whether it has %s is not known", name)
		}
		return fleet.Volume{}, problem.New(problem.NotFound, "the cluster has no volume %s", name).WithHint("/volume list shows those it has")
	}
	return fleet.Volume{}, problem.New(problem.Invalid, "%s may be %s or %s", name, all[0].Name, all[1].Name).WithHint("name the volume itself")
}

// judge adds what the diagnosis says against a remount.
func (r volumeRemount) judge(plan *remediation.Plan, m *remount) {
	d := m.diagnosis
	switch d.Case {
	case fleet.Gone:
		found(plan, VolumeGone, remediation.Hard, "restore it from a backup", "%s has no such volume any more", cloudName)
	case fleet.Unclear:
		found(plan, VolumeUnclear, remediation.Hard, "it heals by itself once both can be read", "%s", d.Says)
	case fleet.Healthy, fleet.Free, fleet.Moving:
		found(plan, VolumeNotSick, remediation.Soft, "look again in some minutes", "Nothing is wrong that a remount would mend: %s", d.Says)
	case fleet.Locked:
		found(plan, VolumeLocked, remediation.Soft, "wait; if it stays so, open a support ticket", "%s", d.Says)
	case fleet.NoDriver:
		found(plan, DriverMissing, remediation.Soft, "restart the driver's DaemonSet first", "%s", d.Says)
	}
	for _, h := range plan.Blast.Workloads {
		if !h.Scalable {
			found(plan, OwnerUnscalable, remediation.Soft, "scale it down by hand first", "%s %s cannot be scaled", h.Kind, h.Object)
		}
	}
	for _, o := range plan.Blast.Bare {
		found(plan, OwnerUnscalable, remediation.Soft, "delete it by hand first", "Nobody makes pod %s again: it is not taken down", o)
	}
	if m.cloud.Instance == 0 || d.Released {
		return
	}
	// A machine outside the cluster, or one whose node does not answer, may still write.
	i := slices.IndexFunc(m.snapshot.Nodes, func(n fleet.Node) bool { return n.Identity.Instance == m.cloud.Instance })
	if i < 0 || m.snapshot.Nodes[i].Ready != fleet.True {
		found(plan, HolderMayWrite, remediation.Hard, "turn it off or recycle its node first", "Instance %d has it and is not proven off: it may still be writing", m.cloud.Instance)
	}
}

// nodes looks at those that do not answer and have pods or the volume still: no
// kubelet takes them away. Where the machine is proven off the taint does.
func (r volumeRemount) nodes(ctx context.Context, plan *remediation.Plan, m *remount) {
	for _, n := range m.snapshot.Nodes {
		if n.Ready == fleet.True || !m.on(n.Name) {
			continue
		}
		off, says, err := machineOff(ctx, r.cloud, n.Identity.Instance)
		if err != nil {
			says = "not to be read"
		}
		if off {
			m.off = append(m.off, n)
			plan.Facts = append(plan.Facts, fmt.Sprintf("Node %s does not answer, its instance %d is %s", n.Name, n.Identity.Instance, says))
			continue
		}
		found(plan, HolderMayWrite, remediation.Hard, "turn it off or recycle it first", "Node %s has it still, does not answer, and its machine is %s", n.Name, says)
	}
}

// on reports whether a node has pods that use the volume, or the volume by the
// cluster's word.
func (m *remount) on(node string) bool {
	users := m.snapshot.UsersOf(m.volume.Name)
	return len(attachmentsOf(m.snapshot, m.volume.Name, node)) > 0 || slices.ContainsFunc(m.snapshot.Pods, func(p fleet.Pod) bool {
		return p.Node == node && slices.ContainsFunc(users, func(o fleet.Object) bool { return same(o, p.Owner) })
	})
}

func (m remount) steps(plan remediation.Plan) (steps []remediation.PlannedStep) {
	add := func(s ...remediation.PlannedStep) { steps = append(steps, s...) }
	var scaled []fleet.Hit
	for _, h := range plan.Blast.Workloads {
		if h.Scalable {
			scaled = append(scaled, h)
		}
	}
	byName(scaled)
	for _, k := range plan.Blast.Keepers {
		if k.Pause {
			add(planPause(k))
		}
	}
	for _, h := range scaled {
		add(planScaleTo(h))
	}
	for _, n := range m.off {
		add(planTaint(n.Name, n.Identity.Instance))
	}
	for _, n := range m.off {
		if len(scaled) > 0 {
			add(planForceDelete(n.Name, n.Identity.Instance, scaled))
		}
	}
	for _, h := range scaled {
		add(planPodsGone(h.Object))
	}
	add(planAttachmentsGone([]string{m.volume.Name}, ""))
	if m.cloud.Instance != 0 {
		add(planDetach(m.volume.Name, m.volume.CloudID, m.cloud.Instance))
	}
	add(planVolumeFree(m.volume.Name, m.volume.CloudID, m.cloud.Instance))
	for _, n := range m.off {
		add(planUntaint(n.Name))
	}
	wanted := false
	for _, h := range scaled {
		add(planScaleBack(h))
		wanted = wanted || h.Replicas > 0
	}
	for _, k := range plan.Blast.Keepers {
		if k.Pause {
			add(planResume(k))
		}
	}
	if wanted {
		add(verify(plan, []string{m.volume.Name})...)
	}
	return steps
}
