// Package talos is the [fleet.Talos] of a team whose machines run Talos Linux. It runs
// the team's own talosctl, so that its version fits their machines and its credential
// is the one they know: without a shell, with arguments that were checked, bounded in
// time and in what it may print. What it prints is outside text.
//
// Facts about talosctl: its source, https://github.com/siderolabs/talos/tree/main/cmd/talosctl
package talos

import (
	"context"
	"log/slog"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/timeline"
)

// Runner runs talosctl with arguments, to its end. An error says that it was not run,
// or ctx's that it was ended.
type Runner func(ctx context.Context, args []string) (stdout, stderr []byte, exit int, err error)

// Options are what the adapter is made from.
type Options struct {
	Settings
	Observe bool           // only look: nothing is restarted
	Clock   timeline.Clock // of outages; nil: the machine's
	Log     *slog.Logger   // nil: says nothing
	Timeout time.Duration  // of one run of talosctl, in real time; 0: 20 s
	Run     Runner         // nil: the program that Binary names
}

// defaultTimeout is less than what a step is given to ask the outside.
const defaultTimeout = 20 * time.Second

// Talos implements [fleet.Talos]. Making it asks nothing and needs no talosctl: every
// call says what is wrong, and works once that is mended.
type Talos struct {
	Options
	state state
}

var _ fleet.Talos = (*Talos)(nil)

// New makes the adapter.
func New(o Options) *Talos {
	if o.Clock == nil {
		o.Clock = timeline.RealClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Binary == "" {
		o.Binary = DefaultBinary
	}
	if o.Run == nil {
		o.Run = program(o.Binary)
	}
	return &Talos{Options: o}
}

// CanChange reports whether machines may be restarted.
func (t *Talos) CanChange() bool { return !t.Observe }
