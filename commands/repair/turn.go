package repair

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// turnOf looks at one of several nodes whose turn will come, and adds to the plan what
// was found of it: which machine it is, and what stands against restarting that.
func (p planner) turnOf(ctx context.Context, plan *remediation.Plan, snapshot *fleet.Snapshot, n fleet.Node) subject {
	s := subject{snapshot: snapshot, node: n, instance: fleet.Instance{ID: n.Identity.Instance}}
	one := remediation.Plan{Target: remediation.Target{Kind: "node", Name: n.Name, Identity: n.Identity}}
	if n.Provider() == fleet.NobodyKnown {
		unrestartable(&one, n)
	} else {
		p.prove(ctx, &one, &s, true)
	}
	s.provenBy = one.Target.ProvenBy
	if !s.ready() {
		one.Facts = append(one.Facts, nodeFact(n))
	}
	if silent(n) && n.Provider() == fleet.OnLinode {
		found(&one, NodeSilent, remediation.Hard, "/node reboot or /node recycle frees its volumes first", "%s does not answer: its pods cannot be evicted, and its machine may still be writing", n.Name)
	} else if !s.ready() {
		found(&one, NodeNotReady, remediation.Warning, "", "%s is not Ready", n.Name)
	}
	plan.Facts = append(plan.Facts, one.Facts...)
	plan.Findings = append(plan.Findings, one.Findings...)
	plan.Blast.Unknown = append(plan.Blast.Unknown, slices.DeleteFunc(one.Blast.Unknown, func(what string) bool { return slices.Contains(plan.Blast.Unknown, what) })...)
	return s
}

// unrestartable refuses a node whose machine nobody is known to restart.
func unrestartable(plan *remediation.Plan, n fleet.Node) {
	machine := n.Identity.ProviderID
	if machine == "" {
		machine = "unknown to the cluster"
	}
	found(plan, ProviderUnknown, remediation.Hard, "restart it by hand; a repair restarts machines of "+cloudName+", and those that run Talos",
		"Nobody is known who could restart %s: its machine is %s, its system %q", n.Name, machine, n.System)
}

// silent: the node's kubelet does not speak at all, so no pod of it can be evicted.
func silent(n fleet.Node) bool { return n.Ready == fleet.Unknown }

// turn are the steps of one node: emptied, restarted, Ready, open for pods again. few
// says that etcd has too few members for any of them to be away, and that people know.
func (p planner) turn(s subject, few bool) (steps []remediation.PlannedStep) {
	node := s.node.Name
	onTalos := s.node.Provider() == fleet.OnTalos
	add := func(planned ...remediation.PlannedStep) {
		for _, one := range planned {
			steps = append(steps, s.asOneOfSeveral(one))
		}
	}
	if s.node.ControlPlane {
		add(planQuorum(s, few))
	}
	if !s.node.Unschedulable {
		add(planCordon(node))
	}
	if !silent(s.node) {
		add(planEvict(node, slices.ContainsFunc(podsToLeave(s.snapshot, node), func(p fleet.Pod) bool { return p.Owner == (fleet.Object{}) })), planDetached(node))
	}
	if onTalos {
		add(planRebootTalos(s))
	} else {
		add(planReleaseLeft(s), planProven(s), planReboot(s))
	}
	ready := planReady(node)
	ready.Words = fmt.Sprintf("Wait until %s is Ready", node)
	add(planRestarted(node), ready)
	if len(s.node.Drivers) > 0 {
		registered := planRegistered(slices.Sorted(slices.Values(s.node.Drivers)))
		registered.Words = fmt.Sprintf("Wait until %s has registered %s", node, strings.Join(s.node.Drivers, ", "))
		add(registered)
	}
	daemons := planDaemons(node)
	daemons.Words = fmt.Sprintf("Wait until the own pods of %s are Ready: network, storage", node)
	add(daemons)
	if !s.node.Unschedulable {
		add(planUncordon(node))
	}
	return steps
}

// asOneOfSeveral lets a step say by itself which machine it means: the plan's target
// does not.
func (s subject) asOneOfSeveral(step remediation.PlannedStep) remediation.PlannedStep {
	id := s.node.Identity
	args := map[string]string{"node": s.node.Name, learnedProvider: id.ProviderID, learnedBoot: id.BootID, learnedMachine: id.MachineID,
		"slot": s.slot.ID, "proven_by": s.provenBy}
	if id.Instance != 0 {
		args[learnedInstance] = strconv.Itoa(id.Instance)
	}
	maps.DeleteFunc(args, func(_, v string) bool { return v == "" })
	maps.Copy(args, step.Args)
	step.Args = args
	return step
}

func planDetached(node string) remediation.PlannedStep {
	return planned(stepNodeDetached, nodeArgs(node), []string{"kubectl get volumeattachments"}, "Wait until the cluster has let go of the volumes on %s", node)
}

func planReleaseLeft(s subject) remediation.PlannedStep {
	return planned(stepReleaseLeft, instanceArgs(s), []string{"linode-cli volumes list --format id,label,linode_id"},
		"Detach at %s what instance %d still has of the cluster's volumes", cloudName, s.instance.ID)
}

func planRebootTalos(s subject) remediation.PlannedStep {
	return planned(stepRebootTalos, map[string]string{"address": s.node.Address}, []string{"talosctl --nodes " + word(s.node.Address) + " reboot --wait=false"},
		"REBOOT: Talos restarts %s (%s), the same machine with its disk", s.node.Name, s.node.Address)
}

// planQuorum names the machines to ask by hand; the step asks those that there are.
func planQuorum(s subject, few bool) remediation.PlannedStep {
	args := map[string]string{}
	if few {
		args["few"] = "yes"
	}
	command := "kubectl -n kube-system get pods -l component=etcd,tier=control-plane -o wide"
	if s.node.Provider() == fleet.OnTalos {
		var addresses []string
		for _, n := range s.snapshot.Nodes {
			if n.ControlPlane && n.Address != "" {
				addresses = append(addresses, word(n.Address))
			}
		}
		slices.Sort(addresses)
		command = "talosctl --nodes " + strings.Join(addresses, ",") + " etcd status"
	}
	return planned(stepEtcdQuorum, args, []string{command}, "Check that etcd keeps its quorum without %s", s.node.Name)
}
