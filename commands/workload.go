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
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

// Workload is `/workload`: what runs in the cluster, and what of it does not.
func Workload(o RepairOptions) []command.Command {
	w := workloads{repairs{o}}
	return []command.Command{{
		Path: "workload list", Summary: "List the workloads, the sick ones first: how many pods are Ready, and why others are not",
		Examples: []string{"/workload list", "/workload list namespace:default page:2"}, Access: people.Viewer,
		Options: []command.Option{namespaceOption, pageOption}, Handle: w.list,
	}, {
		Path: "workload show", Summary: "Show a workload, its pods, who keeps it, and what would break without it",
		Examples: []string{"/workload show workload:default/redis"}, Access: people.Viewer,
		Options: []command.Option{w.target()}, Form: &command.Form{Title: "Which workload?", Submit: "Show", Fields: []string{"workload"}, Propose: w.propose}, Handle: w.show,
	}}
}

var namespaceOption = command.Option{Name: "namespace", Help: "Of this namespace alone", Type: command.String}

type workloads struct{ repairs }

func (w workloads) target() command.Option {
	return command.Option{Name: "workload", Help: "Which workload: its namespace and name", Type: command.String, Required: true, Positional: true, Complete: w.complete}
}

// sickestFirst are the workloads that last: those that nothing is Ready of, those that
// lack pods, those that are scaled to 0, the others.
func sickestFirst(s *fleet.Snapshot) []fleet.Workload {
	rank := func(w fleet.Workload) int {
		switch {
		case w.Replicas > 0 && w.Ready == 0:
			return 0
		case w.Ready < w.Replicas:
			return 1
		case w.Replicas == 0:
			return 2
		}
		return 3
	}
	all := slices.DeleteFunc(slices.Clone(s.Workloads), func(w fleet.Workload) bool { return w.Kind == "Job" || w.Kind == "CronJob" })
	slices.SortStableFunc(all, func(x, y fleet.Workload) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), strings.Compare(x.String(), y.String()), strings.Compare(x.Kind, y.Kind))
	})
	return all
}

// nameOf is "default/redis", with its kind before it where another workload has that
// name, too.
func nameOf(s *fleet.Snapshot, w fleet.Workload) string {
	if slices.ContainsFunc(s.Workloads, func(o fleet.Workload) bool {
		return o.String() == w.String() && o.Kind != w.Kind && repair.Lasts(o.Kind)
	}) {
		return w.Kind + "/" + w.String()
	}
	return w.String()
}

// readiness is "1 of 2 Ready", "scaled to 0".
func readiness(w fleet.Workload) string {
	switch {
	case w.Replicas == 0 && repair.Lasts(w.Kind) && w.Kind != "DaemonSet":
		return "scaled to 0"
	case w.Ready == 0 && w.Replicas > 0:
		return fmt.Sprintf("NOT Ready, 0 of %d", w.Replicas)
	}
	return fmt.Sprintf("%d of %d Ready", w.Ready, w.Replicas)
}

func (w workloads) complete(ctx context.Context, _ timeline.View, typed string) (names []string) {
	s, err := w.Cluster.Snapshot(ctx, anyAge)
	if err != nil {
		return nil
	}
	for _, one := range sickestFirst(s) {
		if name := nameOf(s, one); strings.Contains(strings.ToLower(name), strings.ToLower(typed)) {
			names = append(names, name)
		}
	}
	return names
}

func (w workloads) propose(timeline.View, command.Request) (map[string][]command.Proposal, error) {
	s, done := w.soon()
	defer done()
	if s == nil {
		return nil, nil
	}
	var all []command.Proposal
	for _, one := range sickestFirst(s) {
		all = append(all, command.Proposal{Value: nameOf(s, one), Help: readiness(one)})
	}
	return map[string][]command.Proposal{"workload": all}, nil
}

func (w workloads) list(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := w.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	turn, all, sick := map[string]string{}, []fleet.Workload{}, 0
	for _, one := range sickestFirst(s) {
		if in := r.String("namespace"); in != "" {
			if turn["namespace"] = in; one.Namespace != in {
				continue
			}
		}
		if all = append(all, one); one.Ready < one.Replicas {
			sick++
		}
	}
	rows, where, acts, err := paged(r, all, turn)
	if err != nil {
		return command.Reply{}, err
	}
	reply := command.Reply{Text: fmt.Sprintf("%s, %d not whole.%s", count(len(all), "workload"), sick, where), Actions: acts, Data: all}
	reply.Text += unread(s)
	if len(rows) == 0 {
		return reply, nil
	}
	if sick > 0 {
		reply.Actions = append(reply.Actions, command.Action{Label: "Restart core", Ask: command.Ask{Path: "restart core"}, Style: command.Secondary})
	}
	for _, one := range all {
		if act := w.redisAct(one); len(act) > 0 { // it leads to the others' names
			reply.Actions = append(reply.Actions, act...)
			break
		}
	}
	reply.Table = &command.TableData{Headings: []string{"WORKLOAD", "KIND", "STATE", "WHY"}}
	for _, one := range rows {
		reply.Table.Rows = append(reply.Table.Rows, []string{one.String(), one.Kind, readiness(one), clipped(whyNot(s, one), 60)})
		if len(reply.Actions) < 5 {
			reply.Actions = append(reply.Actions, targetAct("Show "+one.String(), "workload show", "workload", nameOf(s, one), command.Secondary))
		}
	}
	return reply, nil
}

// unread says what a snapshot does not hold.
func unread(s *fleet.Snapshot) string {
	var b strings.Builder
	for _, what := range s.Missing {
		fmt.Fprintf(&b, "\nUNKNOWN: %s could not be read", command.Escape(what))
	}
	return b.String()
}

// whyNot is what keeps the first of its pods from being Ready; "" when nothing does.
func whyNot(s *fleet.Snapshot, w fleet.Workload) string {
	if w.Ready >= w.Replicas {
		return ""
	}
	for _, p := range podsOf(s, w.Object) {
		if !p.Ready {
			return podState(s, p)
		}
	}
	if slices.Contains(s.Missing, "pods") {
		return "UNKNOWN"
	}
	return "it has no pods"
}

// podsOf are the pods of a workload, those that are not Ready first.
func podsOf(s *fleet.Snapshot, o fleet.Object) []fleet.Pod {
	return unreadyFirst(slices.DeleteFunc(slices.Clone(s.Pods), func(p fleet.Pod) bool {
		return p.Owner.Kind != o.Kind || p.Owner.Namespace != o.Namespace || p.Owner.Name != o.Name
	}))
}

func unreadyFirst(all []fleet.Pod) []fleet.Pod {
	rank := func(p fleet.Pod) int {
		switch {
		case p.Phase == "Succeeded":
			return 2
		case p.Ready:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(x, y fleet.Pod) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), strings.Compare(x.String(), y.String()))
	})
	return all
}

// repairable: a rollout restart replaces its pods.
func repairable(w fleet.Workload) bool {
	return w.Replicas > 0 && (w.Kind == "Deployment" || w.Kind == "StatefulSet" || w.Kind == "DaemonSet")
}

// podState is a pod in a few words. What a node that is lost or does not answer told
// last is no longer known to be so.
func podState(s *fleet.Snapshot, p fleet.Pod) string {
	state := cmp.Or(p.Reason, p.Phase)
	if p.Ready {
		state = "Ready"
	}
	if !p.Terminating.IsZero() {
		state = "Terminating"
	}
	i := slices.IndexFunc(s.Nodes, func(n fleet.Node) bool { return n.Name == p.Node })
	switch {
	case p.Phase == "Succeeded" || p.Phase == "Failed":
		return state
	case p.Node == "" && p.Reason != "":
		return "waits for a node: " + p.Reason
	case p.Node == "":
		return "waits for a node"
	case slices.Contains(s.Missing, "nodes"):
		return state
	case i < 0:
		return "LOST: its node is gone (" + state + ")"
	case s.Nodes[i].Ready != fleet.True:
		return "UNKNOWN: its node does not answer (" + state + ")"
	}
	return state
}

// workloadData is what --json prints.
type workloadData struct {
	Workload fleet.Workload `json:"workload"`
	Pods     []fleet.Pod    `json:"pods"`
	Blast    fleet.Blast    `json:"blast"`
	Was      *int           `json:"was,omitempty"` // before repairs scaled it
	Events   []fleet.Event  `json:"events,omitempty"`
}

// shownPods is how many pods of a workload are shown; a phone's page.
const shownPods = 10

func (w workloads) show(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := w.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	one, err := repair.FindWorkload(s, r.String("workload"))
	if err != nil {
		return command.Reply{}, err
	}
	data := workloadData{Workload: one, Pods: podsOf(s, one.Object), Blast: fleet.BlastOfWorkloads(s, []fleet.Object{one.Object}, w.Blast)}
	if err := w.was(ctx, &data); err != nil {
		return command.Reply{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** (%s)\n%s", command.Escape(one.String()), one.Kind, readiness(one))
	if data.Was != nil {
		fmt.Fprintf(&b, "; a repair has scaled it, it was %d before", *data.Was)
	}
	b.WriteString(unread(s))
	for _, p := range data.Pods[:min(len(data.Pods), shownPods)] {
		fmt.Fprintf(&b, "\n- %s%s: %s", command.Escape(p.Name), on(p), command.Escape(podState(s, p)))
		if since := cmp.Or(p.Terminating, p.Since); !since.IsZero() {
			b.WriteString(" since " + r.FormatTime(since))
		}
	}
	if n := len(data.Pods) - shownPods; n > 0 {
		fmt.Fprintf(&b, "\n- and %s more", count(n, "pod"))
	}
	for _, k := range one.Keepers {
		fmt.Fprintf(&b, "\nKept by %s %s", command.Escape(k.How), command.Escape(k.Object.String()))
	}
	lost := data.Blast
	lost.Volumes, lost.Backups = nil, nil // they stay where they are
	b.WriteString("\n**What would break without it**" + blastText(lost))
	reply := command.Reply{Text: b.String(), Actions: w.acts(s, one, data)}
	if e := w.told(ctx, r, &data); e.Description != "" {
		reply.Embeds = []command.Embed{e}
	}
	reply.Data = data
	return reply, nil
}

func on(p fleet.Pod) string {
	if p.Node == "" {
		return ""
	}
	return " on " + command.Escape(p.Node)
}

// was reads what the workload was before repairs scaled it.
func (w workloads) was(ctx context.Context, d *workloadData) error {
	return w.View(ctx, func(v timeline.View) error {
		scaled, err := repair.Scaled(v)
		o := d.Workload.Object
		if was, is := scaled[fleet.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}]; is {
			d.Was = &was
		}
		return err
	})
}

// told is what the cluster reports about the workload and the first of its pods.
func (w workloads) told(ctx context.Context, r command.Request, d *workloadData) command.Embed {
	about := []fleet.Object{d.Workload.Object}
	if len(d.Pods) > 0 && !d.Pods[0].Ready {
		about = append(about, d.Pods[0].Object)
	}
	e := command.Embed{Title: "What the cluster reports about it"}
	for _, o := range about {
		events, err := w.Cluster.Events(ctx, o, shownEvents)
		if err != nil {
			e.Description = "UNKNOWN: its events cannot be read"
			return e
		}
		d.Events = append(d.Events, events...)
	}
	slices.SortStableFunc(d.Events, func(x, y fleet.Event) int { return y.At.Compare(x.At) })
	e.Description = eventLines(r, d.Events)
	return e
}

// eventLines are the newest events. They are told by other people's software: a page
// of a phone is enough of it.
func eventLines(r command.Request, all []fleet.Event) string {
	var lines []string
	for _, event := range all[:min(len(all), shownEvents)] {
		lines = append(lines, r.FormatTime(event.At)+" "+command.Escape(clipped(strings.Join(strings.Fields(event.Reason+": "+event.Message), " "), 200)))
	}
	return strings.Join(lines, "\n")
}

func (w workloads) acts(s *fleet.Snapshot, one fleet.Workload, d workloadData) (acts []command.Action) {
	name := nameOf(s, one)
	if d.Was != nil {
		acts = append(acts, targetAct(fmt.Sprintf("Back to %d", *d.Was), "scale restore", "workload", name, command.Primary))
	}
	acts = append(acts, w.redisAct(one)...)
	if len(d.Pods) > 0 {
		acts = append(acts, targetAct("Pods", "pod list", "workload", name, command.Secondary), targetAct("Logs of "+d.Pods[0].Name, "pod logs", "pod", d.Pods[0].String(), command.Secondary))
	}
	if repairable(one) {
		style := command.Secondary
		if one.Ready < one.Replicas {
			style = command.Primary
		}
		acts = append(acts, targetAct("Restart", "restart workload", "workload", name, style))
	}
	if one.Scalable {
		scale := targetAct("Scale", "scale set", "workload", name, command.Secondary)
		scale.Form = true
		acts = append(acts, scale)
	}
	return acts
}
