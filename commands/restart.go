package commands

import (
	"context"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/commands/repair"
)

// Restart is `/restart`: the pods of a workload replaced one after another, or of what
// every pod needs.
func Restart(o RepairOptions) []command.Command {
	w := workloads{repairs{o}}
	all := []command.Command{w.command(asking{
		path: "restart workload", repair: repair.WorkloadRestart, summary: "Replace the pods of a workload one after another", title: "Restart which workload?",
		description: "As `kubectl rollout restart`, followed until every pod is replaced and Ready. **Breaks**: what has one replica may be down meanwhile; a second person approves it, unless the workload is not whole as it is. **No undo**: nothing is changed that could be put back.",
		target:      w.target(), propose: w.propose, example: "/restart workload workload:default/site",
	})}
	for _, p := range []struct{ name, repair, what string }{
		{"coredns", repair.RestartCoreDNS, "the cluster's DNS"},
		{"calico", repair.RestartCalico, "the network of pods: Calico's nodes, then its controllers"},
		{"csi", repair.RestartCSI, "the driver of volumes: its nodes' pods, then its controller; every node has to register it again"},
		{"kube-proxy", repair.RestartKubeProxy, "the way from services to pods"},
	} {
		all = append(all, w.untargeted("restart "+p.name, p.repair, "Restart "+p.name+" and follow it until it is stable",
			"Replaces the pods of "+p.what+". **Breaks**: node by node, what needs it may fail for some seconds. **No undo**: nothing is changed that could be put back."))
	}
	return append(all, w.untargeted("restart core", repair.RestartCore, "Restart network, DNS, storage driver and kube-proxy one by one, then what is not back",
		"For the night on which nodes came back and pods did not: each is stable before the next one; then the workloads that were Ready before the incident and are not back by themselves, what others depend on first. **Breaks**: node by node, what needs them may fail for some seconds. **No undo**: nothing is changed that could be put back."))
}

// untargeted declares a command that asks for a repair of one thing that every cluster
// has. The incident is a parameter of its plan: it says from when on things are missed.
func (w workloads) untargeted(path, name, summary, description string) command.Command {
	return command.Command{
		Path: path, Summary: summary,
		Description: description + "\nShows the plan with what it would break, then waits for its confirmation: nothing is changed before. With `dry-run:yes` it only shows the plan, and nothing is recorded.",
		Examples:    []string{"/" + path, "/" + path + " dry-run:yes"}, Access: people.Responder, Records: true, Dry: "dry-run", Timeout: time.Minute,
		Options: []command.Option{itsIncident, dryRunOption},
		Handle: func(ctx context.Context, r command.Request) (command.Reply, error) {
			params := map[string]string{}
			id, err := w.about(ctx, r)
			if err != nil {
				return command.Reply{}, err
			}
			if id != "" {
				params["incident"] = string(id)
			}
			return w.ask(ctx, r, name, params)
		},
	}
}
