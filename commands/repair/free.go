package repair

import (
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// freeing is how a node is emptied and its volumes are let go, in the safe order: the
// node takes no new pods; a machine that does not answer is turned off and proven off;
// owners of volumes are scaled to 0 and the other pods leave; the VolumeAttachments
// go; what the cloud still attaches is detached there. Only then may the machine be
// touched. The reverse order was the root cause of 2021-07-11.
// https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#non-graceful-node-shutdown
type freeing struct {
	s       subject
	scaled  []fleet.Hit    // workloads that are scaled to 0
	keepers []fleet.Keeper // that are paused meanwhile
	volumes []fleet.Held   // of the cloud, on the node
	hung    bool           // the node does not answer: its pods cannot be evicted
	bare    []fleet.Object // pods that nobody makes again
}

func (p planner) freeing(plan *remediation.Plan, s subject) freeing {
	f := freeing{s: s, hung: !s.ready(), bare: plan.Blast.Bare}
	for _, h := range plan.Blast.Workloads {
		if !holdsVolume(plan.Blast, h.Object) || !allHere(s.snapshot, h.Object, s.node.Name) {
			continue // eviction moves those whose other pods go on elsewhere
		}
		if !h.Scalable {
			found(plan, OwnerUnscalable, remediation.Soft, "scale it down by hand first", "%s %s holds a volume and cannot be scaled", h.Kind, h.Object)
			continue
		}
		f.scaled = append(f.scaled, h)
		for _, k := range h.Keepers {
			if k.Pause && !slices.Contains(f.keepers, k) {
				f.keepers = append(f.keepers, k)
			}
		}
	}
	byName(f.scaled)
	keepersOf(plan, f.scaled)
	for _, v := range plan.Blast.Volumes {
		if v.Cloud != 0 {
			f.volumes = append(f.volumes, v)
		}
	}
	if f.hung {
		found(plan, NodeNotReady, remediation.Warning, "", "%s is not Ready: its machine is turned off first, then its pods are removed", s.node.Name)
	}
	return f
}

// steps are everything before the machine is touched.
func (f freeing) steps() (steps []remediation.PlannedStep) {
	node, instance := f.s.node.Name, f.s.node.Identity.Instance
	add := func(s ...remediation.PlannedStep) { steps = append(steps, s...) }
	add(planCordon(node))
	if f.hung {
		add(planShutdown(f.s), planOff(f.s))
	}
	for _, k := range f.keepers {
		add(planPause(k))
	}
	for _, h := range f.scaled {
		add(planScaleTo(h))
	}
	if f.hung {
		add(planTaint(node, instance), planLetGo(node))
	} else {
		add(planEvict(node, len(f.bare) > 0))
	}
	if len(f.volumes) > 0 {
		add(planAttachmentsGone(f.names(), node))
		for _, v := range f.volumes {
			add(planRelease(v, node, instance))
		}
	}
	if f.hung {
		add(planUntaint(node))
	}
	return steps
}

// planRelease detaches only what this machine still has after the cluster has let go.
func planRelease(v fleet.Held, node string, instance int) remediation.PlannedStep {
	s := planDetach(v.Volume, v.Cloud, instance)
	s.Args["node"] = node
	return s
}

// back are the steps that put things as they were, after the machine is back.
func (f freeing) back(plan remediation.Plan) (steps []remediation.PlannedStep) {
	for _, h := range f.scaled {
		steps = append(steps, planScaleBack(h))
	}
	for _, k := range f.keepers {
		steps = append(steps, planResume(k))
	}
	return append(steps, verify(plan, used(f.volumes))...)
}

// verify are the checks that what is hit works again.
func verify(plan remediation.Plan, volumes []string) (steps []remediation.PlannedStep) {
	if len(volumes) > 0 {
		steps = append(steps, planUsable(volumes))
	}
	var all []fleet.Object
	for _, h := range plan.Blast.Workloads {
		if h.Replicas > 0 && h.Kind != "Job" { // a Job runs to its end
			all = append(all, fleet.Object{Kind: h.Kind, Namespace: h.Namespace, Name: h.Name})
		}
	}
	if len(all) > 0 {
		steps = append(steps, planPodsReady(all, len(volumes) > 0))
	}
	return steps
}

// names are all volumes that have to leave the machine.
func (f freeing) names() (names []string) {
	for _, v := range f.volumes {
		names = append(names, v.Volume)
	}
	return names
}

// used are the volumes that pods want back afterwards.
func used(volumes []fleet.Held) (names []string) {
	for _, v := range volumes {
		if len(v.By) > 0 {
			names = append(names, v.Volume)
		}
	}
	return names
}

func (f freeing) scaledObjects() (all []fleet.Object) {
	for _, h := range f.scaled {
		all = append(all, h.Object)
	}
	return all
}

// drivers are those of the cluster's cloud volumes: what the node has to register
// again, whatever it has registered at the moment.
func (f freeing) drivers() (drivers []string) {
	for _, v := range f.s.snapshot.Volumes {
		if v.CloudID != 0 && v.Driver != "" && !slices.Contains(drivers, v.Driver) {
			drivers = append(drivers, v.Driver)
		}
	}
	slices.Sort(drivers)
	return drivers
}

// returned are the checks that the machine itself is back.
func (f freeing) returned() (steps []remediation.PlannedStep) {
	node := f.s.node.Name
	steps = append(steps, planReady(node))
	if d := f.drivers(); len(d) > 0 {
		steps = append(steps, planRegistered(d))
	}
	steps = append(steps, planDaemons(node))
	if !f.s.node.Unschedulable {
		steps = append(steps, planUncordon(node))
	}
	return steps
}

func (f freeing) fact() string {
	if len(f.volumes)+len(f.scaled) == 0 {
		return "It holds no volume that would have to be freed first"
	}
	return fmt.Sprintf("%s freed first; %s scaled to 0 meanwhile", counted(len(f.volumes), "volume"), counted(len(f.scaled), "workload"))
}

// keepersOf leaves in a plan those who would undo it: the keepers of what it scales.
// Nobody undoes an eviction.
func keepersOf(plan *remediation.Plan, scaled []fleet.Hit) {
	plan.Blast.Keepers = nil
	for _, h := range scaled {
		for _, k := range h.Keepers {
			if !slices.Contains(plan.Blast.Keepers, k) {
				plan.Blast.Keepers = append(plan.Blast.Keepers, k)
			}
		}
	}
}

// byName orders hits so that the steps of a plan do not depend on who is down now.
func byName(hits []fleet.Hit) {
	slices.SortFunc(hits, func(x, y fleet.Hit) int { return strings.Compare(x.Object.String(), y.Object.String()) })
}

func holdsVolume(b fleet.Blast, o fleet.Object) bool {
	return slices.ContainsFunc(b.Volumes, func(v fleet.Held) bool {
		return slices.ContainsFunc(v.By, func(by fleet.Object) bool { return same(by, o) })
	})
}

// allHere reports whether a workload has no pod on any other node.
func allHere(s *fleet.Snapshot, o fleet.Object, node string) bool {
	return !slices.ContainsFunc(s.Pods, func(p fleet.Pod) bool {
		return same(p.Owner, o) && p.Node != node && p.Node != "" && p.Phase != "Succeeded" && p.Phase != "Failed"
	})
}
