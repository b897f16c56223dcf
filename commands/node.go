package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

// repairDesk is what asking for repairs needs of [remediation.Desk].
type repairDesk interface {
	Plan(ctx context.Context, inc timeline.ID, name string, params map[string]string) (remediation.Plan, error)
	Request(ctx context.Context, who remediation.Who, inc timeline.ID, p remediation.Plan) (remediation.Run, error)
}

// clusterViews is what looking at the cluster needs.
type clusterViews interface {
	Snapshot(ctx context.Context, maxAge time.Duration) (*fleet.Snapshot, error)
	Events(ctx context.Context, about fleet.Object, limit int) ([]fleet.Event, error)
}

// RepairOptions of `/node` and `/volume`.
type RepairOptions struct {
	Desk    repairDesk
	Cluster clusterViews
	Cloud   fleet.Cloud
	Blast   fleet.BlastOptions
	View    func(context.Context, func(timeline.View) error) error
}

const (
	// seenAge is how old what is shown may be, anyAge what is proposed while typing.
	seenAge = time.Minute
	anyAge  = 365 * 24 * time.Hour
)

// Node is `/node`: the cluster's nodes, and the repairs that act on one.
func Node(o RepairOptions) []command.Command {
	n := nodes{repairs{o}}
	node := command.Option{Name: "node", Help: "Which node", Type: command.String, Required: true, Positional: true, Complete: n.complete}
	all := []command.Command{{
		Path: "node list", Summary: "List the nodes: Ready, cordoned, which machine, how many pods",
		Examples: []string{"/node list"}, Access: people.Viewer, Handle: n.list,
	}, {
		Path: "node show", Summary: "Show a node and what would break without it",
		Examples: []string{"/node show node:lke13311-16405-5fafd1b46dcf"}, Access: people.Viewer,
		Options: []command.Option{node}, Form: &command.Form{Title: "Which node?", Submit: "Show", Fields: []string{"node"}}, Handle: n.show,
	}}
	for _, a := range []struct{ act, repair, summary, description string }{
		{"cordon", repair.NodeCordon, "Keep new pods away from a node", "Pods that run there stay. Undo: /node uncordon."},
		{"uncordon", repair.NodeUncordon, "Let new pods onto a node again", "Undo: /node cordon."},
		{"drain", repair.NodeDrain, "Move the pods of a node elsewhere", "Cordons it and evicts its pods, as their budgets allow. Undo: /node uncordon."},
		{"reboot", repair.NodeReboot, "Restart a node's machine: the same machine with its disk", "Not the same as a recycle: nothing is deleted. Its volumes are freed first, because a restart detaches them without telling the cluster. There is no undo."},
		{"recycle", repair.NodeRecycle, "Replace a node's machine: it is DELETED, its disk is lost", "Not the same as a reboot: the machine is deleted and a new one made. Its volumes are freed first and attached anew. There is no undo."},
	} {
		all = append(all, n.command("node "+a.act, a.repair, a.summary, a.description, node, "/node "+a.act+" node:lke13311-16405-5fafd1b46dcf"))
	}
	return all
}

// repairs asks for repairs.
type repairs struct{ RepairOptions }

// command is one that asks for a repair of one target.
func (a repairs) command(path, name, summary, description string, target command.Option, example string) command.Command {
	return command.Command{
		Path: path, Summary: summary, Description: "Shows the plan with what it would break, then waits for its approval. " + description,
		Examples: []string{example, example + " dry-run:yes"}, Access: people.Responder, Records: true, Timeout: time.Minute,
		Options: []command.Option{target,
			{Name: "incident", Help: "Which incident it belongs to; left out: the room's, or the only open one", Type: command.Incident, Default: "none"},
			{Name: "dry-run", Help: "Only show the plan, with its commands", Type: command.Bool},
		},
		Form: &command.Form{Title: titled(summary), Submit: "Show the plan and ask", Fields: []string{target.Name}},
		Handle: func(ctx context.Context, r command.Request) (command.Reply, error) {
			return a.ask(ctx, r, name, map[string]string{target.Name: r.String(target.Name)})
		},
	}
}

// titled is what fits over a form.
func titled(summary string) string {
	summary, _, _ = strings.Cut(summary, ":")
	return string([]rune(summary)[:min(len([]rune(summary)), command.MaxFormTitle)])
}

func (a repairs) ask(ctx context.Context, r command.Request, name string, params map[string]string) (command.Reply, error) {
	if r.Bool("dry-run") {
		p, err := a.Desk.Plan(ctx, inRoom(r), name, params)
		if err != nil {
			return command.Reply{}, err
		}
		return dryRun(r, p), nil
	}
	id, err := a.incident(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	p, err := a.Desk.Plan(ctx, id, name, params)
	if err != nil {
		return command.Reply{}, err
	}
	run, err := a.Desk.Request(ctx, whoRepairs(r), id, p)
	if err != nil {
		return command.Reply{}, err
	}
	return requested(run), nil
}

// incident is the one that a repair belongs to: the one named, the room's, or the
// only open one. A dry run needs none.
func (a repairs) incident(ctx context.Context, r command.Request) (timeline.ID, error) {
	if id := inRoom(r); id != "" {
		return id, nil
	}
	var open []incident.Incident
	err := a.View(ctx, func(v timeline.View) (err error) {
		open, err = incident.Open(v)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case len(open) == 1:
		return open[0].ID, nil
	case len(open) == 0:
		return "", problem.New(problem.Conflict, "no incident is open, and a repair belongs to one").WithHint("/incident declare opens one; dry-run:yes only shows the plan")
	}
	return "", problem.New(problem.Invalid, "%d incidents are open", len(open)).WithHint("name one: incident:%s", open[0].ID)
}

type nodes struct{ repairs }

func (n nodes) complete(ctx context.Context, _ timeline.View, typed string) []string {
	s, err := n.Cluster.Snapshot(ctx, anyAge)
	if err != nil {
		return nil
	}
	var sick, well []string
	for _, node := range s.Nodes {
		switch {
		case !strings.Contains(node.Name, strings.ToLower(typed)):
		case node.Ready == fleet.True:
			well = append(well, node.Name)
		default:
			sick = append(sick, node.Name)
		}
	}
	return append(sick, well...)
}

func (n nodes) list(ctx context.Context, _ command.Request) (command.Reply, error) {
	s, err := n.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	table := &command.TableData{Headings: []string{"NODE", "READY", "CORDONED", "MACHINE", "PODS"}}
	ready := 0
	for _, node := range s.Nodes {
		if node.Ready == fleet.True {
			ready++
		}
		machine := "UNKNOWN"
		if node.Identity.Instance != 0 {
			machine = fmt.Sprint(node.Identity.Instance)
		}
		table.Rows = append(table.Rows, []string{node.Name, readyWord(node.Ready), map[bool]string{true: "yes"}[node.Unschedulable], machine, fmt.Sprint(podsOn(s, node.Name))})
	}
	return command.Reply{Text: fmt.Sprintf("%d of %d nodes are Ready.", ready, len(s.Nodes)), Table: table, Data: s.Nodes}, nil
}

func readyWord(t fleet.Truth) string {
	switch t {
	case fleet.True:
		return "yes"
	case fleet.False:
		return "NO"
	}
	return "UNKNOWN"
}

func podsOn(s *fleet.Snapshot, node string) (count int) {
	for _, p := range s.Pods {
		if p.Node == node {
			count++
		}
	}
	return count
}

// nodeData is what --json prints.
type nodeData struct {
	Node  fleet.Node  `json:"node"`
	Blast fleet.Blast `json:"blast"`
}

func (n nodes) show(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := n.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	i := slices.IndexFunc(s.Nodes, func(node fleet.Node) bool { return node.Name == r.String("node") })
	if i < 0 {
		return command.Reply{}, problem.New(problem.NotFound, "the cluster has no node %s", r.String("node")).WithHint("/node list shows those it has")
	}
	node := s.Nodes[i]
	blast := fleet.BlastOfNode(s, node.Name, n.Blast)
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\nReady: %s", command.Escape(node.Name), readyWord(node.Ready))
	if !node.ReadySince.IsZero() {
		fmt.Fprintf(&b, " since %s", r.FormatTime(node.ReadySince))
	}
	if node.Unschedulable {
		b.WriteString(", cordoned")
	}
	fmt.Fprintf(&b, "\nMachine: %s, boot %s", command.Code(cmp.Or(node.Identity.ProviderID, "UNKNOWN")), command.Code(cmp.Or(node.Identity.BootID, "UNKNOWN")))
	for _, t := range node.Taints {
		fmt.Fprintf(&b, "\nTaint: %s", command.Code(t.Key+"="+t.Value+":"+t.Effect))
	}
	b.WriteString("\n**What would break without it**")
	for _, l := range blast.Lines() {
		b.WriteString("\n" + command.Escape(strings.TrimSpace(l)))
	}
	act := func(label, path string, style command.Style) command.Action {
		return command.Action{Label: label, Ask: command.Ask{Path: path, Options: map[string]string{"node": node.Name}}, Style: style}
	}
	acts := []command.Action{act("Cordon", "node cordon", command.Secondary)}
	if node.Unschedulable {
		acts = []command.Action{act("Uncordon", "node uncordon", command.Primary)}
	}
	acts = append(acts, act("Drain", "node drain", command.Secondary), act("Reboot", "node reboot", command.Secondary), act("Recycle", "node recycle", command.Danger))
	return command.Reply{Text: b.String(), Actions: acts, Data: nodeData{node, blast}}, nil
}
