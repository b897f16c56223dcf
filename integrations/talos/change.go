package talos

import (
	"context"
	"errors"
	"log/slog"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// Reboot implements [fleet.Talos]. It is asked for once; talosctl is told not to wait,
// what comes of it shows in the cluster.
func (t *Talos) Reboot(ctx context.Context, address string) (err error) {
	if t.Observe {
		return problem.New(problem.Forbidden, "Wardroom only observes: it restarts no machine").WithHint("`mode: act` in the configuration")
	}
	at, err := nodes([]string{address})
	if err != nil {
		return err
	}
	a, err := t.ask(ctx, "--nodes", at, "reboot", "--wait=false")
	t.state.note(t.Clock.Now(), err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &fleet.Maybe{Err: err}
	case err != nil:
		return err // it was not run
	case a.exit == 0:
		t.Log.InfoContext(ctx, "a machine was asked to restart", slog.String("address", address))
		return nil
	}
	failed := a.failure()
	if problem.Is(failed, problem.Forbidden) || a.neverSent() {
		return failed
	}
	return &fleet.Maybe{Err: failed}
}
