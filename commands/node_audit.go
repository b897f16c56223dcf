package commands

import (
	"context"
	"fmt"
	"slices"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/problem"
)

const auditPath = "node audit"

// auditing is `/node audit`.
func (n nodes) auditing() command.Command {
	return command.Command{
		Path: auditPath, Summary: "Name clones, pressure, odd versions and what repairs left behind on nodes",
		Description: "Nodes that share a machine-id, systemUUID, providerID, boot id or hostname: a machine that was cloned with its identity takes the cluster's network down. Then nodes under pressure, cordons and taints that may be left behind, kubelets of another version. It changes nothing; a clone fires an alert by itself within a minute.",
		Examples:    []string{"/node audit", "/node audit page:2"}, Access: people.Viewer, Options: []command.Option{pageOption}, Handle: n.audit,
	}
}

// flawsText is "1 clone, 2 others: look at /node audit".
func flawsText(flaws []fleet.Flaw) string {
	clones := 0
	for _, f := range flaws {
		if f.Kind == fleet.FlawClone {
			clones++
		}
	}
	if clones > 0 {
		return fmt.Sprintf("**%s among them**: see the audit", count(clones, "clone"))
	}
	return fmt.Sprintf("%s: see the audit", count(len(flaws), "remark"))
}

func (n nodes) audit(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := n.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	if slices.Contains(s.Missing, "nodes") {
		return command.Reply{}, problem.New(problem.Unavailable, "the cluster's nodes cannot be read").WithHint("Wardroom's role for reading needs get, list and watch on nodes")
	}
	flaws := fleet.Audit(s)
	rows, where, turn, err := paged(r, flaws, nil)
	if err != nil {
		return command.Reply{}, err
	}
	if flaws == nil {
		flaws = []fleet.Flaw{}
	}
	reply := command.Reply{Text: fmt.Sprintf("Looked at %s: nothing is amiss.", count(len(s.Nodes), "node")), Actions: turn, Data: flaws}
	if len(flaws) > 0 {
		reply.Text = fmt.Sprintf("Looked at %s: %s.%s", count(len(s.Nodes), "node"), count(len(flaws), "remark"), where)
		reply.Table = &command.TableData{Headings: []string{"WHAT", "FOUND", "DO"}}
	}
	for _, f := range rows {
		reply.Table.Rows = append(reply.Table.Rows, []string{f.Kind, f.Sentence, f.Hint})
	}
	for _, f := range rows {
		for _, name := range f.Nodes {
			act := targetAct("Show "+name, "node show", "node", name, command.Secondary)
			if f.Kind == fleet.FlawCordoned {
				act = targetAct("Uncordon "+name, "node uncordon", "node", name, command.Primary)
			}
			if len(reply.Actions) < 5 && !slices.ContainsFunc(reply.Actions, func(a command.Action) bool { return a.Label == act.Label }) {
				reply.Actions = append(reply.Actions, act)
			}
		}
	}
	return reply, nil
}
