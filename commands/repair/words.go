package repair

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// The planned steps: their arguments, what people read, and the exact commands by
// which a person does the same by hand.

func planned(name string, args map[string]string, commands []string, format string, values ...any) remediation.PlannedStep {
	return remediation.PlannedStep{Name: name, Args: args, Words: fmt.Sprintf(format, values...), Commands: commands}
}

func nodeArgs(node string) map[string]string { return map[string]string{"node": node} }

func planCordon(node string) remediation.PlannedStep {
	return planned(stepCordon, nodeArgs(node), []string{"kubectl cordon " + word(node)}, "Cordon %s: no new pods go there", node)
}

func planUncordon(node string) remediation.PlannedStep {
	return planned(stepUncordon, nodeArgs(node), []string{"kubectl uncordon " + word(node)}, "Uncordon %s: pods may go there again", node)
}

// planEvict: kubectl evicts pods that nobody makes again only when it is forced to.
func planEvict(node string, bare bool) remediation.PlannedStep {
	command := "kubectl drain " + word(node) + " --ignore-daemonsets --delete-emptydir-data"
	if bare {
		command += " --force"
	}
	return planned(stepEvictPods, nodeArgs(node), []string{command},
		"Evict the pods of %s, as budgets allow", node)
}

func planLetGo(node string) remediation.PlannedStep {
	return planned(stepVolumesLetGo, nodeArgs(node), []string{"kubectl get pods -A --field-selector spec.nodeName=" + word(node)},
		"Wait until the pods of %s that hold volumes are gone", node)
}

func planShutdown(s subject) remediation.PlannedStep {
	id := strconv.Itoa(s.instance.ID)
	return planned(stepShutdown, map[string]string{"instance": id}, []string{"linode-cli linodes shutdown " + id},
		"Turn instance %s off: its node does not answer and may still be writing", id)
}

func planOff(s subject) remediation.PlannedStep {
	id := strconv.Itoa(s.instance.ID)
	return planned(stepInstanceOff, map[string]string{"instance": id}, []string{"linode-cli linodes view " + id + " --format status"}, "Wait until instance %s is off", id)
}

func planTaint(node string, instance int) remediation.PlannedStep {
	return planned(stepTaint, map[string]string{"node": node, "instance": strconv.Itoa(instance)},
		[]string{"kubectl taint nodes " + word(node) + " node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"},
		"Taint %s out of service: the cluster takes its pods and volumes away", node)
}

func planUntaint(node string) remediation.PlannedStep {
	return planned(stepUntaint, nodeArgs(node),
		[]string{"kubectl taint nodes " + word(node) + " node.kubernetes.io/out-of-service=nodeshutdown:NoExecute-"}, "Take that taint off %s again", node)
}

func planPause(k fleet.Keeper) remediation.PlannedStep {
	return planned(stepPause, keeperArgs(k), pauseCommand(k, true), "Pause %s %s, which would undo it", k.How, k.Object)
}

func planResume(k fleet.Keeper) remediation.PlannedStep {
	return planned(stepResume, keeperArgs(k), pauseCommand(k, false), "Resume %s %s", k.How, k.Object)
}

// pauseCommand is how a person pauses a keeper as [fleet.Cluster.Pause] does, or
// resumes one that was not paused before; nil where there is no one way.
func pauseCommand(k fleet.Keeper, on bool) []string {
	kubectl := "kubectl -n " + word(k.Object.Namespace)
	switch {
	case k.Object.Kind == "Kustomization":
		return []string{fmt.Sprintf(`%s patch kustomizations.kustomize.toolkit.fluxcd.io %s --type merge -p '{"spec":{"suspend":%t}}'`, kubectl, word(k.Object.Name), on)}
	case k.Object.Kind == "HelmRelease":
		return []string{fmt.Sprintf(`%s patch helmreleases.helm.toolkit.fluxcd.io %s --type merge -p '{"spec":{"suspend":%t}}'`, kubectl, word(k.Object.Name), on)}
	case k.Object.Kind == "Application" && on:
		return []string{kubectl + " annotate applications.argoproj.io " + word(k.Object.Name) + " argocd.argoproj.io/skip-reconcile=true --overwrite"}
	case k.Object.Kind == "Application":
		return []string{kubectl + " annotate applications.argoproj.io " + word(k.Object.Name) + " argocd.argoproj.io/skip-reconcile-"}
	case k.Object.Kind == "HorizontalPodAutoscaler": // it stands still while there are 0 replicas
		return []string{kubectl + " get horizontalpodautoscalers " + word(k.Object.Name)}
	}
	return nil
}

func scaleCommand(o fleet.Object, replicas int) []string {
	return []string{fmt.Sprintf("kubectl -n %s scale %s/%s --replicas=%d", word(o.Namespace), strings.ToLower(o.Kind), word(o.Name), replicas)}
}

func planScaleTo(h fleet.Hit) remediation.PlannedStep {
	args := objectArgs(h.Object)
	args["to"], args["from"] = "0", strconv.Itoa(h.Replicas)
	return planned(stepScaleTo, args, scaleCommand(h.Object, 0), "Scale %s from %d to 0: its volume is let go", h.Object, h.Replicas)
}

func planScaleBack(h fleet.Hit) remediation.PlannedStep {
	args := objectArgs(h.Object)
	args["to"] = strconv.Itoa(h.Replicas)
	return planned(stepScaleBack, args, scaleCommand(h.Object, h.Replicas), "Scale %s back to %d", h.Object, h.Replicas)
}

func planPodsGone(o fleet.Object) remediation.PlannedStep {
	return planned(stepPodsGone, objectArgs(o), []string{"kubectl -n " + word(o.Namespace) + " get pods"}, "Wait until no pod of %s is left", o)
}

// planForceDelete: by hand it takes all pods of a namespace on that node, which is off.
func planForceDelete(node string, instance int, scaled []fleet.Hit) remediation.PlannedStep {
	var all []fleet.Object
	var commands []string
	for _, h := range scaled {
		all = append(all, fleet.Object{Kind: h.Kind, Namespace: h.Namespace, Name: h.Name})
		command := "kubectl -n " + word(h.Namespace) + " delete pods --field-selector spec.nodeName=" + word(node) + " --force --grace-period=0"
		if !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	return planned(stepForceDelete, map[string]string{"node": node, "instance": strconv.Itoa(instance), "workloads": joinWorkloads(all)}, commands,
		"Only if the taint does not take the pods off %s within 3 min: delete them by force", node)
}

// planAttachmentsGone waits on one node, or on all when it is "".
func planAttachmentsGone(volumes []string, node string) remediation.PlannedStep {
	args := map[string]string{"volumes": strings.Join(volumes, ",")}
	if node != "" {
		args["node"] = node
	}
	return planned(stepAttachmentsGone, args, []string{"kubectl get volumeattachments"}, "Wait until the cluster has let go of %s", these(volumes, "volume"))
}

func volumeArgs(name string, cloud, holder int) map[string]string {
	return map[string]string{"name": name, "volume": strconv.Itoa(cloud), "holder": strconv.Itoa(holder)}
}

func planDetach(name string, cloud, holder int) remediation.PlannedStep {
	return planned(stepDetach, volumeArgs(name, cloud, holder), []string{fmt.Sprintf("linode-cli volumes detach %d", cloud)},
		"Detach %s at %s, if instance %d still has it", name, cloudName, holder)
}

func planVolumeFree(name string, cloud, holder int) remediation.PlannedStep {
	return planned(stepVolumeFree, volumeArgs(name, cloud, holder), []string{fmt.Sprintf("linode-cli volumes view %d --format linode_id,status", cloud)},
		"Wait until %s says that nothing has %s", cloudName, name)
}

func planProven(s subject) remediation.PlannedStep {
	return planned(stepTargetProven, map[string]string{"slot": s.slot.ID, "instance": strconv.Itoa(s.instance.ID)},
		append(poolsList(s), "linode-cli events list"),
		"Prove once more that slot %s holds instance %d and nothing is under way", cmp.Or(s.slot.ID, "UNKNOWN"), s.instance.ID)
}

// poolsList is how a person sees which slot holds which machine; nil while the cluster's
// number at the cloud is not known.
func poolsList(s subject) []string {
	if s.instance.Cluster == 0 {
		return nil
	}
	return []string{fmt.Sprintf("linode-cli lke pools-list %d", s.instance.Cluster)}
}

func instanceArgs(s subject) map[string]string {
	return map[string]string{"slot": s.slot.ID, "instance": strconv.Itoa(s.instance.ID), "cluster": strconv.Itoa(s.instance.Cluster)}
}

// planRecycle has no command while the slot is not known: no line is shown that would
// hit something else.
func planRecycle(s subject) remediation.PlannedStep {
	var commands []string
	if s.instance.Cluster != 0 && s.slot.ID != "" {
		commands = []string{fmt.Sprintf("linode-cli lke node-recycle %d %s", s.instance.Cluster, word(s.slot.ID))}
	}
	return planned(stepRecycle, instanceArgs(s), commands, "RECYCLE: %s deletes instance %d and makes a new one", cloudName, s.instance.ID)
}

func planReplaced(s subject) remediation.PlannedStep {
	return planned(stepReplaced, instanceArgs(s), append(poolsList(s), "kubectl get nodes -o custom-columns=NAME:.metadata.name,ID:.spec.providerID"),
		"Wait for the new machine, known by its identity though the name may stay")
}

func planReboot(s subject) remediation.PlannedStep {
	return planned(stepReboot, instanceArgs(s), []string{fmt.Sprintf("linode-cli linodes reboot %d", s.instance.ID)},
		"REBOOT: %s restarts instance %d, the same machine with its disk", cloudName, s.instance.ID)
}

func planBoot(s subject) remediation.PlannedStep {
	return planned(stepBoot, instanceArgs(s), []string{fmt.Sprintf("linode-cli linodes boot %d", s.instance.ID)},
		"BOOT: turn instance %d on again, the same machine with its disk", s.instance.ID)
}

func planBootKept(s subject) remediation.PlannedStep {
	return planned(stepBootKept, instanceArgs(s), []string{fmt.Sprintf("linode-cli linodes boot %d", s.instance.ID)},
		"Turn instance %d on again, unless it was replaced", s.instance.ID)
}

func planRestarted(node string) remediation.PlannedStep {
	return planned(stepRestarted, nodeArgs(node), []string{"kubectl get node " + word(node) + " -o jsonpath='{.status.nodeInfo.bootID}'"}, "Wait until %s reports a new boot", node)
}

func planReady(node string) remediation.PlannedStep {
	return planned(stepNodeReady, nodeArgs(node), []string{"kubectl get nodes"}, "Wait until the node is Ready")
}

func planRegistered(drivers []string) remediation.PlannedStep {
	return planned(stepCSIRegistered, map[string]string{"drivers": strings.Join(drivers, ",")}, []string{"kubectl get csinodes -o yaml"},
		"Wait until it has registered %s", strings.Join(drivers, ", "))
}

func planDaemons(node string) remediation.PlannedStep {
	return planned(stepDaemonsReady, nodeArgs(node), []string{"kubectl get pods -A -o wide"}, "Wait until the node's own pods are Ready: network, storage")
}

func planUsable(volumes []string) remediation.PlannedStep {
	return planned(stepVolumesUsable, map[string]string{"volumes": strings.Join(volumes, ",")}, []string{"kubectl get volumeattachments", "linode-cli volumes list"},
		"Check that %s attached and the machine has the device", isAre(volumes, "volume"))
}

func planPodsReady(all []fleet.Object, withVolume bool) remediation.PlannedStep {
	what := "Ready"
	if withVolume {
		what = "Ready with their volumes"
	}
	return planned(stepPodsReady, map[string]string{"workloads": joinWorkloads(all)}, []string{"kubectl get pods -A"}, "Check that the pods are %s: %s", what, list(all))
}

// these is the one name, or how many there are.
func these(names []string, what string) string {
	if len(names) == 1 {
		return names[0]
	}
	return counted(len(names), what)
}

func isAre(names []string, what string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return counted(len(names), what) + " are"
}

// word is one word of a shell. Names of clusters and clouds need no quotes; a name
// that does is quoted, so that no copied line does anything else.
func word(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._/:", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func planOpenTicket(t fleet.Ticket) remediation.PlannedStep {
	volume := strconv.Itoa(t.Volume)
	return planned(stepOpenTicket, map[string]string{"subject": t.Summary, "text": t.Body, "volume": volume},
		[]string{fmt.Sprintf(`linode-cli tickets create --volume_id %s --summary %s --description "$(cat)"   # paste the text, Enter, Ctrl-D`, volume, word(t.Summary))},
		"Open a ticket with %s's support about volume %s: %s", cloudName, volume, t.Summary)
}

func planTicketThere(t fleet.Ticket) remediation.PlannedStep {
	return planned(stepTicketThere, map[string]string{"subject": t.Summary, "volume": strconv.Itoa(t.Volume)}, []string{"linode-cli tickets list"}, "Check that the ticket is there")
}
