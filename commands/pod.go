package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

// Pod is `/pod`: single pods, what they have written, and the last resort.
func Pod(o RepairOptions) []command.Command {
	p := pods{repairs{o}}
	return []command.Command{{
		Path: "pod list", Summary: "List the pods, those that are not Ready first: where they are, and why",
		Examples: []string{"/pod list", "/pod list workload:default/redis", "/pod list node:lke13311-16405-5fafd1b46dcf"}, Access: people.Viewer,
		Options: []command.Option{
			{Name: "workload", Help: "Of this workload alone", Type: command.String, Complete: workloads{p.repairs}.complete},
			{Name: "node", Help: "On this node alone", Type: command.String, Complete: nodes{p.repairs}.complete},
			namespaceOption, pageOption},
		Handle: p.list,
	}, {
		Path: "pod logs", Summary: "Give what a pod has written last, as a file without secrets",
		Description: "The file holds the last lines, with a time before each; secrets of known shape are taken out. Only you see it. A pod that has not run has written nothing: then the answer says why it does not run.",
		Examples:    []string{"/pod logs pod:default/redis-0", "/pod logs pod:default/redis-0 previous:yes lines:2000"}, Access: people.Responder, Records: true,
		Visibility: command.Private, Timeout: time.Minute,
		Options: []command.Option{p.target(),
			{Name: "container", Help: "Which of its containers; left out: the main one", Type: command.String},
			{Name: "previous", Help: "Of the container before its last restart", Type: command.Bool},
			{Name: "lines", Help: "How many lines, at most 10000", Type: command.Int, Default: "500"}},
		Form: &command.Form{Title: "The logs of which pod?", Submit: "Give them", Fields: []string{"pod"}, Propose: p.propose}, Handle: p.logs,
	}, p.command(asking{
		path: "pod force-delete", repair: repair.PodForceDelete, summary: "Delete a pod without waiting for its node: the last resort", title: "FORCE-DELETE which pod?",
		description: "For a pod that stays Terminating on a node that is lost. The cluster forgets it and makes another; **where its machine still runs, so do its containers, unseen**, and two may write to one volume. The plan says what is known of that machine. **No undo**. It asks for the last four characters of the pod's name.",
		target:      p.target(), propose: p.propose, example: "/pod force-delete pod:default/redis-0",
	})}
}

type pods struct{ repairs }

func (p pods) target() command.Option {
	return command.Option{Name: "pod", Help: "Which pod: its namespace and name", Type: command.String, Required: true, Positional: true, Complete: p.complete}
}

// known are the pods of the last snapshot, those that are not Ready first.
func (p pods) known(ctx context.Context) (*fleet.Snapshot, []fleet.Pod) {
	s, err := p.Cluster.Snapshot(ctx, anyAge)
	if err != nil {
		return nil, nil
	}
	return s, unreadyFirst(slices.Clone(s.Pods))
}

func (p pods) complete(ctx context.Context, _ timeline.View, typed string) (names []string) {
	_, all := p.known(ctx)
	for _, pod := range all {
		if strings.Contains(strings.ToLower(pod.String()), strings.ToLower(typed)) {
			names = append(names, pod.String())
		}
	}
	return names
}

func (p pods) propose(timeline.View, command.Request) (map[string][]command.Proposal, error) {
	ctx, cancel := context.WithTimeout(context.Background(), proposeWithin) // a form has no other
	defer cancel()
	var proposed []command.Proposal
	s, all := p.known(ctx)
	for _, pod := range all {
		proposed = append(proposed, command.Proposal{Value: pod.String(), Help: podState(s, pod)})
	}
	return map[string][]command.Proposal{"pod": proposed}, nil
}

// podRow is what --json prints of each.
type podRow struct {
	fleet.Pod
	State string `json:"state"` // in words, with what is known of its node
}

func (p pods) list(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := p.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	if slices.Contains(s.Missing, "pods") {
		return command.Reply{}, problem.New(problem.Unavailable, "the cluster's pods cannot be read")
	}
	fits, turn, err := podFilter(r, s)
	if err != nil {
		return command.Reply{}, err
	}
	all, bad := []podRow{}, 0
	for _, pod := range unreadyFirst(slices.Clone(s.Pods)) {
		if !fits(pod) {
			continue
		}
		if all = append(all, podRow{pod, podState(s, pod)}); !pod.Ready && pod.Phase != "Succeeded" {
			bad++
		}
	}
	rows, where, acts, err := paged(r, all, turn)
	if err != nil {
		return command.Reply{}, err
	}
	reply := command.Reply{Text: fmt.Sprintf("%s, %d not Ready.%s", count(len(all), "pod"), bad, where) + unread(s), Actions: acts, Data: all}
	if len(rows) == 0 {
		return reply, nil
	}
	reply.Table = &command.TableData{Headings: []string{"POD", "STATE", "NODE", "SINCE"}}
	for _, row := range rows {
		since := ""
		if !row.Since.IsZero() {
			since = r.FormatTime(row.Since)
		}
		reply.Table.Rows = append(reply.Table.Rows, []string{row.String(), clipped(row.State, 60), row.Node, since})
		if len(reply.Actions) < 5 {
			reply.Actions = append(reply.Actions, targetAct("Logs of "+row.Name, "pod logs", "pod", row.String(), command.Secondary))
		}
	}
	if i := slices.IndexFunc(rows, func(row podRow) bool { return !row.Terminating.IsZero() }); i >= 0 {
		reply.Actions = append(reply.Actions, targetAct("Force-delete "+rows[i].Name, "pod force-delete", "pod", rows[i].String(), command.Danger))
	}
	return reply, nil
}

// podFilter is which pods are asked for, and the options that say so.
func podFilter(r command.Request, s *fleet.Snapshot) (fits func(fleet.Pod) bool, turn map[string]string, err error) {
	turn = map[string]string{}
	for _, name := range []string{"workload", "node", "namespace"} {
		if v := r.String(name); v != "" {
			turn[name] = v
		}
	}
	var owner fleet.Workload
	if name := turn["workload"]; name != "" {
		if owner, err = repair.FindWorkload(s, name); err != nil {
			return nil, nil, err
		}
	}
	return func(p fleet.Pod) bool {
		return (turn["node"] == "" || strings.EqualFold(p.Node, turn["node"])) && (turn["namespace"] == "" || p.Namespace == turn["namespace"]) &&
			(owner.Name == "" || p.Owner.Kind == owner.Kind && p.Owner.Namespace == owner.Namespace && p.Owner.Name == owner.Name)
	}, turn, nil
}

// mostLines bounds what may be asked for.
const mostLines = 10000

func (p pods) logs(ctx context.Context, r command.Request) (command.Reply, error) {
	lines := r.Int("lines")
	if lines < 1 || lines > mostLines {
		return command.Reply{}, problem.New(problem.Invalid, "%d is no number of lines to show", lines).WithHint("1 to %d", mostLines)
	}
	s, err := p.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	pod, err := repair.FindPod(s, r.String("pod"))
	if err != nil {
		return command.Reply{}, err
	}
	container := r.String("container")
	if container == "" && len(pod.Containers) > 0 {
		container = pod.Containers[0]
	}
	lost := pod.Node == "" || !slices.Contains(s.Missing, "nodes") && !slices.ContainsFunc(s.Nodes, func(n fleet.Node) bool { return n.Name == pod.Node })
	if lost {
		return p.noLogs(ctx, r, s, pod, "It has no node that could have kept them.")
	}
	text, err := p.Cluster.Logs(ctx, pod.Object, fleet.LogOptions{Container: container, Previous: r.Bool("previous"), Lines: lines})
	if problem.Is(err, problem.Conflict) {
		return p.noLogs(ctx, r, s, pod, sentenceOf(err)+".")
	}
	if err != nil {
		return command.Reply{}, err
	}
	clean, redacted := timeline.Redact(strings.ToValidUTF8(string(text), "�"))
	reply := command.Reply{Text: fmt.Sprintf("**%s**, container %s: %s.", command.Escape(pod.String()), command.Code(container), command.Escape(podState(s, pod)))}
	if redacted {
		reply.Text += " Secrets were taken out of it."
	}
	if strings.TrimSpace(clean) == "" {
		reply.Text += "\nIt has written nothing."
	} else {
		reply.Files = []command.File{{Name: logName(pod, container), ContentType: "text/plain; charset=utf-8", Body: []byte(clean)}}
		reply.Text += fmt.Sprintf(" %s.", count(strings.Count(strings.TrimRight(clean, "\n"), "\n")+1, "line"))
	}
	reply.Actions = p.logActs(pod, container, r.Bool("previous"))
	return reply, nil
}

// logName is a file's name of names from outside.
func logName(pod fleet.Pod, container string) string {
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}
	return clipped(strings.Map(plain, pod.Namespace+"-"+pod.Name+"-"+container), 120) + ".log"
}

// noLogs says why there are none, and what the cluster tells of the pod instead.
func (p pods) noLogs(ctx context.Context, r command.Request, s *fleet.Snapshot, pod fleet.Pod, why string) (command.Reply, error) {
	reply := command.Reply{Text: fmt.Sprintf("**%s** has no logs to show: %s\n%s", command.Escape(pod.String()), command.Escape(podState(s, pod)), command.Escape(why))}
	events, err := p.Cluster.Events(ctx, pod.Object, shownEvents)
	e := command.Embed{Title: "What the cluster reports about it", Description: eventLines(r, events)}
	if err != nil {
		e.Description = "UNKNOWN: its events cannot be read"
	}
	if e.Description != "" {
		reply.Embeds = []command.Embed{e}
	}
	reply.Actions = p.logActs(pod, "", false)
	return reply, nil
}

// sentenceOf is what a person may read of a problem.
func sentenceOf(err error) string {
	if p, is := err.(*problem.Error); is {
		return p.Message
	}
	return "they cannot be had"
}

func (p pods) logActs(pod fleet.Pod, container string, previous bool) (acts []command.Action) {
	with := func(label string, options ...string) {
		a := targetAct(label, "pod logs", "pod", pod.String(), command.Secondary)
		for i := 0; i+1 < len(options); i += 2 {
			a.Ask.Options[options[i]] = options[i+1]
		}
		acts = append(acts, a)
	}
	if container != "" && !previous {
		with("Before its last restart", "previous", "yes", "container", container)
	}
	for _, other := range pod.Containers {
		if container != "" && other != container && len(acts) < 4 {
			with("Container "+other, "container", other)
		}
	}
	if repair.Lasts(pod.Owner.Kind) {
		acts = append(acts, targetAct("Show its workload", "workload show", "workload", pod.Owner.Kind+"/"+pod.Owner.String(), command.Secondary))
	}
	return acts
}
