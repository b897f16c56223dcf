package repair

import (
	"context"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// cordoner is what cordoning needs of a cluster.
type cordoner interface {
	snapshots
	Cordon(ctx context.Context, node string, id fleet.Identity, on bool) error
}

// cordonStep keeps new pods away from the target.
func cordonStep(c cordoner) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			n, err := proveNode(ctx, c, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			seen := remediation.Seen{So: n.Unschedulable}
			if ofSeveral(s) { // recorded before it is asked for
				seen.Learned = map[string]string{cordonKey(n.Name): "yes"}
			}
			return seen, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			name, id := nodeNow(s)
			return nil, c.Cordon(ctx, name, id, true)
		},
	}
}

// uncordonStep lets new pods onto the target again, or onto what has replaced it. A
// machine that is gone needs it no more, nor does one of several nodes whose turn has
// not come.
func uncordonStep(c cordoner) remediation.Step {
	return remediation.Step{
		Repeatable: true, Restores: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, theNodes)
			if err != nil {
				return remediation.Seen{}, err
			}
			name, id := nodeNow(s)
			if ofSeveral(s) && s.Learned[cordonKey(name)] == "" && s.Learned[bootKey(name)] == "" {
				return so(), nil
			}
			n, there := findNode(snapshot, name, id)
			return remediation.Seen{So: !there || !n.Unschedulable}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			name, id := nodeNow(s)
			snapshot, err := fresh(ctx, c, theNodes)
			if err != nil {
				return nil, err
			}
			if n, there := findNode(snapshot, name, id); there {
				id = n.Identity // it may have been booted since
			}
			return nil, c.Cordon(ctx, name, id, false)
		},
	}
}
