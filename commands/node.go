package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

// Node is `/node`: the cluster's nodes, and the repairs that act on one.
func Node(o RepairOptions) []command.Command {
	n := nodes{repairs{o}}
	node := command.Option{Name: "node", Help: "Which node", Type: command.String, Required: true, Positional: true, Complete: n.complete}
	all := []command.Command{{
		Path: "node list", Summary: "List the nodes, the sick ones first: Ready, cordoned, which machine, how many pods",
		Examples: []string{"/node list", "/node list page:2"}, Access: people.Viewer,
		Options: []command.Option{pageOption}, Handle: n.list,
	}, {
		Path: "node show", Summary: "Show a node, its machine, and what would break without it",
		Examples: []string{"/node show node:lke13311-16405-5fafd1b46dcf"}, Access: people.Viewer,
		Options: []command.Option{node}, Form: &command.Form{Title: "Which node?", Submit: "Show", Fields: []string{"node"}, Propose: n.propose}, Handle: n.show,
	}}
	all = append(all, n.auditing())
	for _, a := range []asking{
		{path: "node cordon", repair: repair.NodeCordon, title: "Keep new pods away from which node?", summary: "Keep new pods away from a node",
			description: "Pods that run there stay: it breaks nothing now. **Undo**: `/node uncordon`."},
		{path: "node uncordon", repair: repair.NodeUncordon, title: "Let pods onto which node again?", summary: "Let new pods onto a node again",
			description: "It breaks nothing. **Undo**: `/node cordon`."},
		{path: "node drain", repair: repair.NodeDrain, title: "Move the pods of which node?", summary: "Move the pods of a node elsewhere",
			description: "Cordons the node and evicts its pods, as their budgets allow. **Breaks**: what has one replica is down until it runs elsewhere; pods that nobody makes again are lost. Pods of a node that does not answer cannot be evicted: recycle it instead. **Undo**: `/node uncordon`; pods that moved stay where they are."},
		{path: "node reboot", repair: repair.NodeReboot, title: "Restart the machine of which node?", summary: "Restart a node's machine: the SAME machine comes back with its disk",
			description: "A reboot is not a recycle: the machine, its disk and its addresses stay; `/node recycle` deletes them. Try the reboot first. Its volumes are freed before, because a restart detaches them without telling the cluster. **Breaks**: workloads with a volume there are scaled to 0 meanwhile and scaled back by the run. **No undo**: a restart cannot be taken back."},
		{path: "node recycle", repair: repair.NodeRecycle, title: "DELETE and replace the machine of which node?", summary: "Replace a node's machine: it is DELETED with its disk, and a new one made",
			description: "A recycle is not a reboot: the cloud deletes the machine and everything on its disk, and puts a new one in its place; `/node reboot` keeps both. Its volumes are freed before and attached anew afterwards. **Breaks**: workloads with a volume there are scaled to 0 meanwhile and scaled back by the run; local data is lost for good. **No undo**: what is deleted does not come back. It asks for the last four characters of the node's name."},
	} {
		a.target, a.propose, a.example = node, n.propose, "/"+a.path+" node:lke13311-16405-5fafd1b46dcf"
		all = append(all, n.command(a))
	}
	return append(all, n.rebootAll())
}

type nodes struct{ repairs }

// rebootAll declares `/node reboot-all`.
func (n nodes) rebootAll() command.Command {
	return n.command(asking{
		path: "node reboot-all", repair: repair.NodeRebootAll, title: "Restart ALL nodes, one after another?", summary: "Restart the machines of ALL nodes, one after another",
		description: "Each node is cordoned, drained as budgets allow, restarted (Linode's through its API, those that run Talos through talosctl), Ready in a new boot and uncordoned. The next one's turn comes only when nothing is worse than before the run; else it stops and asks, and `/run resume answer:anyway` goes on. Workers come first, then control-plane nodes, each only while etcd keeps its quorum without it, and the node that Wardroom runs on last. **Breaks**: what has one replica is down each time until it runs elsewhere. **No undo**: a restart cannot be taken back. It asks for the last four characters of \"every node\".",
		target:      command.Option{Name: "order", Help: "Names of nodes that come first, separated by commas; the others follow as usual", Type: command.String, Positional: true},
		example:     "/node reboot-all",
	})
}

// known are the nodes of the last snapshot, the sick ones first.
func (n nodes) known(ctx context.Context) []fleet.Node {
	s, err := n.Cluster.Snapshot(ctx, anyAge)
	if err != nil {
		return nil
	}
	return sickFirst(s.Nodes)
}

// sickFirst orders nodes: those that are not Ready, those that are cordoned, the others.
func sickFirst(all []fleet.Node) []fleet.Node {
	rank := func(n fleet.Node) int {
		switch {
		case n.Ready != fleet.True:
			return 0
		case n.Unschedulable, len(n.Pressure) > 0:
			return 1
		}
		return 2
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(x, y fleet.Node) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Name, y.Name)) })
	return all
}

func (n nodes) complete(ctx context.Context, _ timeline.View, typed string) (names []string) {
	for _, node := range n.known(ctx) {
		if strings.Contains(strings.ToLower(node.Name), strings.ToLower(typed)) {
			names = append(names, node.Name)
		}
	}
	return names
}

func (n nodes) propose(timeline.View, command.Request) (map[string][]command.Proposal, error) {
	ctx, cancel := context.WithTimeout(context.Background(), proposeWithin) // a form has no other
	defer cancel()
	var all []command.Proposal
	for _, node := range n.known(ctx) {
		all = append(all, command.Proposal{Value: node.Name, Help: nodeState(node)})
	}
	return map[string][]command.Proposal{"node": all}, nil
}

// nodeState is a node in a few words: "NOT Ready, cordoned".
func nodeState(node fleet.Node) string {
	words := []string{map[fleet.Truth]string{fleet.True: "Ready", fleet.False: "NOT Ready"}[node.Ready]}
	words[0] = cmp.Or(words[0], "readiness UNKNOWN")
	if node.Unschedulable {
		words = append(words, "cordoned")
	}
	return strings.Join(append(words, node.Pressure...), ", ")
}

// nodeRow is what --json prints of each.
type nodeRow struct {
	fleet.Node
	Pods *int `json:"pods"` // null: not known
}

func (n nodes) list(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := n.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	pods := podsByNode(s)
	all, ready := []nodeRow{}, 0
	for _, node := range sickFirst(s.Nodes) {
		row := nodeRow{Node: node}
		if pods != nil {
			count := pods[node.Name]
			row.Pods = &count
		}
		if all = append(all, row); node.Ready == fleet.True {
			ready++
		}
	}
	rows, where, turn, err := paged(r, all, nil)
	if err != nil {
		return command.Reply{}, err
	}
	reply := command.Reply{Text: fmt.Sprintf("%d of %s Ready.%s", ready, areNodes(len(all)), where), Actions: turn, Data: all}
	for _, what := range s.Missing {
		reply.Text += fmt.Sprintf("\nUNKNOWN: %s could not be read", command.Escape(what))
	}
	if flaws := fleet.Audit(s); len(flaws) > 0 {
		reply.Text += "\n" + flawsText(flaws)
		reply.Actions = append(reply.Actions, command.Action{Label: "Audit", Ask: command.Ask{Path: auditPath}, Style: command.Primary})
	}
	if len(rows) == 0 {
		return reply, nil
	}
	reply.Table = &command.TableData{Headings: []string{"NODE", "STATE", "SINCE", "MACHINE", "PODS"}}
	for _, row := range rows {
		machine, since, count := "UNKNOWN", "", "UNKNOWN"
		if row.Identity.Instance != 0 {
			machine = fmt.Sprint(row.Identity.Instance)
		}
		if !row.ReadySince.IsZero() {
			since = r.FormatTime(row.ReadySince)
		}
		if row.Pods != nil {
			count = fmt.Sprint(*row.Pods)
		}
		reply.Table.Rows = append(reply.Table.Rows, []string{row.Name, nodeState(row.Node), since, machine, count})
		if len(reply.Actions) < 5 {
			reply.Actions = append(reply.Actions, targetAct("Show "+row.Name, "node show", "node", row.Name, command.Secondary))
		}
	}
	reply.Actions = append(reply.Actions, command.Action{Label: "Reboot all", Ask: command.Ask{Path: "node reboot-all"}, Style: command.Danger})
	return reply, nil
}

func areNodes(n int) string {
	if n == 1 {
		return "1 node is"
	}
	return fmt.Sprintf("%d nodes are", n)
}

// podsByNode counts them; nil when they could not be read.
func podsByNode(s *fleet.Snapshot) map[string]int {
	if slices.Contains(s.Missing, "pods") {
		return nil
	}
	count := map[string]int{}
	for _, p := range s.Pods {
		if p.Phase != "Succeeded" && p.Phase != "Failed" {
			count[p.Node]++
		}
	}
	return count
}

// nodeData is what --json prints.
type nodeData struct {
	Node     fleet.Node      `json:"node"`
	Instance *fleet.Instance `json:"instance"` // null: it could not be read
	Blast    fleet.Blast     `json:"blast"`
	Events   []fleet.Event   `json:"events,omitempty"`
}

// shownEvents is how many of the cluster's events are shown about a node.
const shownEvents = 5

func (n nodes) show(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := n.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	i := slices.IndexFunc(s.Nodes, func(node fleet.Node) bool { return strings.EqualFold(node.Name, r.String("node")) })
	if i < 0 {
		return command.Reply{}, problem.New(problem.NotFound, "the cluster has no node %s", clipped(r.String("node"), 80)).WithHint("/node list shows those it has")
	}
	node := s.Nodes[i]
	data := nodeData{Node: node, Blast: fleet.BlastOfNode(s, node.Name, n.Blast)}
	machine := n.machine(ctx, &data)
	var b strings.Builder
	state, more, _ := strings.Cut(nodeState(node), ", ")
	fmt.Fprintf(&b, "**%s**\n%s", command.Escape(node.Name), state)
	if !node.ReadySince.IsZero() {
		fmt.Fprintf(&b, " since %s", r.FormatTime(node.ReadySince))
	}
	if more != "" {
		b.WriteString("; " + command.Escape(more))
	}
	fmt.Fprintf(&b, "\nMachine: %s, boot %s", command.Code(cmp.Or(node.Identity.ProviderID, "UNKNOWN")), command.Code(cmp.Or(node.Identity.BootID, "UNKNOWN")))
	b.WriteString("\n" + command.Escape(machine))
	for _, t := range node.Taints {
		fmt.Fprintf(&b, "\nTaint: %s", command.Code(t.Key+"="+t.Value+":"+t.Effect))
	}
	b.WriteString("\n**What would break without it**" + blastText(data.Blast))
	reply := command.Reply{Text: b.String(), Actions: nodeActs(node)}
	if e := n.events(ctx, r, &data); e.Description != "" {
		reply.Embeds = []command.Embed{e}
	}
	reply.Data = data
	return reply, nil
}

// machine says what the cloud tells of the node's machine.
func (n nodes) machine(ctx context.Context, d *nodeData) string {
	if d.Node.Identity.Instance == 0 {
		return "The cluster does not say which machine of the cloud it is"
	}
	instance, err := n.Cloud.Instance(ctx, d.Node.Identity.Instance)
	switch {
	case problem.Is(err, problem.NotFound):
		return fmt.Sprintf("Its machine %d is deleted at the cloud", d.Node.Identity.Instance)
	case err != nil:
		return fmt.Sprintf("What the cloud says of machine %d is UNKNOWN: it cannot be read", d.Node.Identity.Instance)
	}
	d.Instance = &instance
	return fmt.Sprintf("The cloud says that machine %d (%s) is %s", instance.ID, instance.Label, instance.Status)
}

// events are the newest that the cluster reports about the node. They are told by
// other people's software: a page of a phone is enough of it.
func (n nodes) events(ctx context.Context, r command.Request, d *nodeData) command.Embed {
	e := command.Embed{Title: "What the cluster reports about it"}
	var err error
	if d.Events, err = n.Cluster.Events(ctx, fleet.Object{Kind: "Node", Name: d.Node.Name}, shownEvents); err != nil {
		e.Description = "UNKNOWN: its events cannot be read"
	}
	if lines := eventLines(r, d.Events); lines != "" {
		e.Description = lines
	}
	return e
}

func nodeActs(node fleet.Node) []command.Action {
	act := func(label, path string, style command.Style) command.Action {
		return targetAct(label, path, "node", node.Name, style)
	}
	acts := []command.Action{act("Cordon", "node cordon", command.Secondary)}
	if node.Unschedulable {
		acts = []command.Action{act("Uncordon", "node uncordon", command.Primary)}
	}
	return append(acts, act("Drain", "node drain", command.Secondary), act("Reboot", "node reboot", command.Secondary), act("Recycle", "node recycle", command.Danger))
}

// targetAct offers a command on one target. What it asks for only makes a plan.
func targetAct(label, path, option, target string, style command.Style) command.Action {
	return command.Action{Label: clipped(label, 80), Ask: command.Ask{Path: path, Options: map[string]string{option: target}}, Style: style}
}
