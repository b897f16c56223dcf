package repair

import (
	"fmt"
	"strconv"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

func planScale(w fleet.Workload, to int) remediation.PlannedStep {
	args := objectArgs(w.Object)
	args["to"], args["from"] = strconv.Itoa(to), strconv.Itoa(w.Replicas)
	return planned(stepScaleTo, args, scaleCommand(w.Object, to), "Scale %s from %d to %d", w.Object, w.Replicas, to)
}

func planForceDeletePod(o fleet.Object) remediation.PlannedStep {
	return planned(stepForceDeletePod, objectArgs(o), []string{fmt.Sprintf("kubectl -n %s delete pod %s --force --grace-period=0", word(o.Namespace), word(o.Name))},
		"FORCE-DELETE %s: the cluster forgets it, whether or not it still runs", o)
}

func planPodGone(o fleet.Object) remediation.PlannedStep {
	return planned(stepPodGone, objectArgs(o), podsCommand(o), "Check that %s is gone", o)
}

func planReached(o fleet.Object, to int) remediation.PlannedStep {
	args := objectArgs(o)
	args["to"] = strconv.Itoa(to)
	if to == 0 {
		return planned(stepReached, args, podsCommand(o), "Wait until no pod of %s is left", o)
	}
	return planned(stepReached, args, podsCommand(o), "Wait until %s has %s, all of them Ready", o, counted(to, "pod"))
}

func podsCommand(o fleet.Object) []string {
	return []string{"kubectl -n " + word(o.Namespace) + " get pods"}
}

func planUnscale(w fleet.Workload) remediation.PlannedStep {
	args := objectArgs(w.Object)
	args["to"] = strconv.Itoa(w.Replicas)
	return planned(stepUnscale, args, scaleCommand(w.Object, w.Replicas), "Only if it does not come to that: scale %s back to %d", w.Object, w.Replicas)
}

func planUnpause(k fleet.Keeper, of fleet.Object) remediation.PlannedStep {
	args := keeperArgs(k)
	args["of_kind"], args["of_namespace"], args["of_name"] = of.Kind, of.Namespace, of.Name
	return planned(stepUnpause, args, pauseCommand(k, false), "Only if it does not come to that: resume %s %s", k.How, k.Object)
}

func restartCommand(o fleet.Object) string {
	return fmt.Sprintf("kubectl -n %s rollout restart %s/%s", word(o.Namespace), strings.ToLower(o.Kind), word(o.Name))
}

func planRestart(o fleet.Object) remediation.PlannedStep {
	return planned(stepRestart, objectArgs(o), []string{restartCommand(o)}, "Restart %s: its pods are replaced one after another", o)
}

func planRestartLeft(o fleet.Object) remediation.PlannedStep {
	return planned(stepRestartLeft, objectArgs(o), []string{restartCommand(o)}, "If %s is still not back, restart it", o)
}

func planRolledOut(o fleet.Object) remediation.PlannedStep {
	command := fmt.Sprintf("kubectl -n %s rollout status %s/%s", word(o.Namespace), strings.ToLower(o.Kind), word(o.Name))
	return planned(stepRolledOut, objectArgs(o), []string{command}, "Wait until %s is stable: all its pods replaced and Ready", o)
}

func planRegisteredOn(o fleet.Object, drivers []string) remediation.PlannedStep {
	args := objectArgs(o)
	args["drivers"] = strings.Join(drivers, ",")
	return planned(stepRegisteredOn, args, []string{"kubectl get csinodes -o yaml"}, "Check that every node has registered %s", strings.Join(drivers, ", "))
}

// planGivenTime fills how long into words.
func planGivenTime(all []fleet.Object, words string) remediation.PlannedStep {
	return planned(stepGivenTime, map[string]string{"workloads": joinWorkloads(all)}, []string{"kubectl get pods -A"}, words, "up to 2 min")
}

func planProbed(o fleet.Object) remediation.PlannedStep {
	return planned(stepProbed, objectArgs(o), []string{"kubectl -n " + word(o.Namespace) + " get pods -l " + ProbeLabel + "=" + ProbeName + " -o wide"},
		"Check that DNS resolves and pods on other nodes answer, as the probe on each node says")
}
