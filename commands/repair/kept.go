package repair

import (
	"fmt"
	"slices"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// Kept is what runs of an incident were made to leave changed, and no later run has put
// back: nodes that are cordoned, workloads that are scaled. Each comes with what puts it
// back. It goes by the record: what people put back by hand is listed all the same. What
// a run failed to put back is not: that is the run's own.
func Kept(v timeline.View, id timeline.ID) ([]room.Leftover, error) {
	runs, err := ended(v)
	if err != nil {
		return nil, err
	}
	return append(keptNodes(runs, id), keptWorkloads(runs, id)...), nil
}

// keptNodes are the nodes that were cordoned last by a run of the incident.
func keptNodes(runs []remediation.Run, id timeline.ID) (kept []room.Leftover) {
	decided := map[string]bool{}
	for _, r := range runs {
		for i, step := range slices.Backward(r.Steps) {
			planned := r.Plan.Steps[i]
			node := planned.Args["node"]
			// A cordon that was there before is not the run's; a node that was replaced meanwhile
			// is not cordoned, and nothing had to be done for that.
			cordons := planned.Name == stepCordon && !step.Started.IsZero()
			if !cordons && planned.Name != stepUncordon || decided[node] || step.Mark != remediation.So {
				continue
			}
			decided[node] = true
			if !cordons || r.Incident != id || leaves(r, stepUncordon, planned.Args) {
				continue
			}
			kept = append(kept, room.Leftover{Text: fmt.Sprintf("%s left %s cordoned: no new pods go there", r.ID, node),
				Undo: putBack("Uncordon "+node, "node uncordon", "node", node)})
		}
	}
	return kept
}

// keptWorkloads are the workloads that were scaled last by a run of the incident.
func keptWorkloads(runs []remediation.Run, id timeline.ID) (kept []room.Leftover) {
	var seen []fleet.Object
	for _, r := range runs {
		for _, planned := range r.Plan.Steps {
			o := objectOf(planned.Args)
			if planned.Name != stepScaleTo || slices.ContainsFunc(seen, func(other fleet.Object) bool { return same(other, o) }) {
				continue
			}
			seen = append(seen, o)
			was, known := rememberedOf(runs, o)
			if !known || was.left == was.replicas {
				continue
			}
			newest := runs[slices.IndexFunc(runs, func(other remediation.Run) bool { return other.ID == was.run })]
			if newest.Incident != id || len(newest.Left) > 0 {
				continue
			}
			l := room.Leftover{Text: fmt.Sprintf("%s left %s at %d, it was %d", newest.ID, o, was.left, was.replicas),
				Undo: putBack(fmt.Sprintf("Put %s back to %d", o.Name, was.replicas), "scale restore", "workload", o.Kind+"/"+o.String())}
			if newest.Plan.Remediation == RedisCollapse {
				l.Undo = putBack("Expand "+o.Name, "redis expand", "redis", newest.Plan.Params["redis"])
			}
			kept = append(kept, l)
		}
	}
	return kept
}

// leaves reports whether a step is among what a run failed to put back.
func leaves(r remediation.Run, step string, args map[string]string) bool {
	return slices.ContainsFunc(r.Left, func(l remediation.Leftover) bool {
		return l.Planned.Name == step && l.Planned.Args["node"] == args["node"]
	})
}

// putBack asks for the plan of a repair; without a name it is of the only one.
func putBack(label, path, option, name string) *command.Action {
	ask := command.Ask{Path: path}
	if name != "" {
		ask.Options = map[string]string{option: name}
	}
	return &command.Action{Label: label, Style: command.Secondary, Ask: ask}
}
