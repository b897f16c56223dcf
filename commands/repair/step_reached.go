package repair

import (
	"context"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// reachedKey is where it is recorded that a workload stands at what was asked for.
// From then on what was changed for that is meant to stay.
func reachedKey(o fleet.Object) string { return "reached " + o.Kind + " " + o.String() }

// reachedStep waits until a workload has as many pods as it was scaled to, all of them
// Ready, and none besides, also none that is Terminating: such a one may still write.
func reachedStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			o, want := objectOf(s.Args), number(s.Args["to"])
			w, err := workload(ctx, c, o)
			if err != nil {
				return remediation.Seen{}, err
			}
			if w.Replicas != want {
				return failed("%s is at %d: somebody else has scaled it meanwhile", o, w.Replicas), nil
			}
			snapshot, err := fresh(ctx, c, thePods)
			if err != nil {
				return remediation.Seen{}, err
			}
			pods, ready := 0, 0
			for _, p := range snapshot.Pods {
				if !same(p.Owner, o) || p.Phase == "Succeeded" || p.Phase == "Failed" {
					continue
				}
				if pods++; p.Ready {
					ready++
				}
			}
			if pods != want || ready != want {
				return notYet("%s, %d Ready, %d wanted", counted(pods, "pod"), ready, want), nil
			}
			return remediation.Seen{So: true, Learned: map[string]string{reachedKey(o): "yes"}}, nil
		},
	}
}

// unlessReached makes of a step that restores one for the night on which what it would
// put back does not come about: a run that fails or is aborted leaves it to do.
func unlessReached(s remediation.Step) remediation.Step {
	observe := s.Observe
	s.Observe = func(ctx context.Context, state remediation.State) (remediation.Seen, error) {
		o := fleet.Object{Kind: state.Args["of_kind"], Namespace: state.Args["of_namespace"], Name: state.Args["of_name"]}
		if o.Name == "" {
			o = objectOf(state.Args)
		}
		if state.Learned[reachedKey(o)] != "" {
			return so(), nil
		}
		return observe(ctx, state)
	}
	return s
}
