package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

// Scale is `/scale`: the replicas of a workload, and back to what they were.
func Scale(o RepairOptions) []command.Command {
	w := workloads{repairs{o}}
	return []command.Command{w.command(asking{
		path: "scale set", repair: repair.WorkloadScale, summary: "Set the replicas of a workload; what they were is remembered", title: "Scale which workload, to how many?",
		description: "Scales a Deployment, StatefulSet or ReplicaSet and waits until it has so many Ready pods. **Breaks**: at 0 it is down, with whatever depends on it; a second person approves what takes pods away. Who would undo it, as Argo CD or Flux, is paused and stays paused until `/scale restore`. **Undo**: `/scale restore`.",
		target:      w.target(), propose: w.proposeScale, example: "/scale set workload:default/redis replicas:0",
		more: []command.Option{{Name: "replicas", Help: "How many it is to have; 0 takes it down", Type: command.Int, Required: true, Positional: true}},
	}), w.command(asking{
		path: "scale restore", repair: repair.WorkloadRestore, summary: "Put a workload back to what it was before it was scaled", title: "Put which workload back?",
		description: "Goes by what the repair that scaled it has recorded, also after a restart of Wardroom and over several scalings; resumes who was paused for that. **Breaks**: nothing, unless it has more pods now than before. **Undo**: `/scale set`.",
		target:      w.target(), propose: w.proposeScaled, example: "/scale restore workload:default/redis",
	})}
}

// proposeScale offers every workload that can be scaled, the sick ones first, and the
// numbers that are usual.
func (w workloads) proposeScale(_ timeline.View, r command.Request) (map[string][]command.Proposal, error) {
	s, done := w.soon()
	defer done()
	all := map[string][]command.Proposal{}
	if s == nil {
		return all, nil
	}
	usual := []int{0, 1, 2, 3, 5}
	for _, one := range sickestFirst(s) {
		if !one.Scalable {
			continue
		}
		all["workload"] = append(all["workload"], command.Proposal{Value: nameOf(s, one), Help: readiness(one)})
		if nameOf(s, one) == r.String("workload") && !slices.Contains(usual, one.Replicas) {
			usual = append(usual, one.Replicas)
		}
	}
	slices.Sort(usual)
	for _, n := range usual {
		help := ""
		if n == 0 {
			help = "takes it down"
		}
		all["replicas"] = append(all["replicas"], command.Proposal{Value: strconv.Itoa(n), Help: help})
	}
	return all, nil
}

// proposeScaled offers what repairs have scaled and not put back.
func (w workloads) proposeScaled(v timeline.View, _ command.Request) (map[string][]command.Proposal, error) {
	scaled, err := repair.Scaled(v)
	if err != nil || len(scaled) == 0 {
		return nil, err
	}
	var all []command.Proposal
	for o, was := range scaled {
		all = append(all, command.Proposal{Value: o.Kind + "/" + o.String(), Label: o.String(), Help: fmt.Sprintf("%s, back to %d", o.Kind, was)})
	}
	slices.SortFunc(all, func(x, y command.Proposal) int { return strings.Compare(x.Value, y.Value) })
	return map[string][]command.Proposal{"workload": all}, nil
}

// soon is the last snapshot, for a form that cannot wait; nil when there is none.
func (w workloads) soon() (*fleet.Snapshot, func()) {
	ctx, cancel := context.WithTimeout(context.Background(), proposeWithin) // a form has no other
	s, err := w.Cluster.Snapshot(ctx, anyAge)
	if err != nil {
		return nil, cancel
	}
	return s, cancel
}
