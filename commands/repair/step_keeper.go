package repair

import (
	"context"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// pauser is what pausing a keeper needs of a cluster.
type pauser interface {
	Pause(ctx context.Context, k fleet.Keeper, on bool, was string) (learned string, err error)
}

// pauseStep pauses what would undo the repair and records what resuming it needs. It
// cannot be observed but by asking for it, which may be repeated.
func pauseStep(c pauser) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: time.Minute,
		Observe: func(_ context.Context, s remediation.State) (remediation.Seen, error) {
			k := keeperOf(s.Args)
			if _, paused := s.Learned[pausedKey(k)]; paused {
				return so(), nil
			}
			// It is recorded with the start of the step: should the answer be lost and the
			// run end, it may be paused all the same.
			return remediation.Seen{Learned: map[string]string{pausingKey(k): "asked"}}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			k := keeperOf(s.Args)
			was, err := c.Pause(ctx, k, true, "")
			if err != nil {
				return nil, err
			}
			return map[string]string{pausedKey(k): was}, nil
		},
	}
}

// resumeStep resumes it as it was.
func resumeStep(c pauser) remediation.Step {
	return remediation.Step{
		Repeatable: true, Restores: true, Late: time.Minute,
		Observe: func(_ context.Context, s remediation.State) (remediation.Seen, error) {
			k := keeperOf(s.Args)
			_, pausing := s.Learned[pausingKey(k)]
			_, paused := s.Learned[pausedKey(k)]
			_, resumed := s.Learned[resumedKey(k)]
			return remediation.Seen{So: resumed || !paused && !pausing}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			k := keeperOf(s.Args)
			was, known := s.Learned[pausedKey(k)]
			if !known { // the answer was lost: pausing once more tells how it was
				var err error
				if was, err = c.Pause(ctx, k, true, ""); err != nil {
					return nil, err
				}
			}
			if _, err := c.Pause(ctx, k, false, was); err != nil {
				return nil, err
			}
			return map[string]string{resumedKey(k): "yes"}, nil
		},
	}
}

func pausingKey(k fleet.Keeper) string {
	return "pausing " + k.How + " " + k.Object.Kind + " " + k.Object.String()
}

func resumedKey(k fleet.Keeper) string {
	return "resumed " + k.How + " " + k.Object.Kind + " " + k.Object.String()
}

func keeperArgs(k fleet.Keeper) map[string]string {
	args := objectArgs(k.Object)
	args["how"] = k.How
	return args
}

func keeperOf(args map[string]string) fleet.Keeper {
	return fleet.Keeper{How: args["how"], Object: objectOf(args), Pause: true}
}
