package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"wardroom/bot"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
	"wardroom/commands/repair/runbook"
)

const (
	// runbookFolder is where the server writes the runbook, in the data folder.
	runbookFolder = "runbook"
	// runbookFirst leaves the start to alerts that wait.
	runbookFirst = time.Minute
	runbookEvery = 24 * time.Hour
	// runbookWithin bounds what is asked of the cluster and the cloud for it, in real time.
	runbookWithin = 2 * time.Minute
)

func (p *program) newRunbook() *cobra.Command {
	group := &cobra.Command{
		Use:   "runbook",
		Short: "Write every repair as pages for the night Wardroom is down",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var general bool
	export := &cobra.Command{
		Use:   "export FOLDER",
		Short: "Write every repair as Markdown and HTML, with its exact commands",
		Long: "Writes a page for each repair: what it does, when to use it, what it breaks, each step with\n" +
			"its commands, how to see that it worked, how to undo it. Where the configuration names a\n" +
			"cluster, there is also a page for each of its nodes and volumes with their own names. It\n" +
			"only reads, needs no running server and may be repeated. A server writes the same daily\n" +
			"into the folder `" + runbookFolder + "` of its data folder: keep a copy elsewhere.",
		Example: "  wardroom runbook export /srv/runbook\n  wardroom runbook export docs/runbook --general",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, _, err := p.load()
			if err != nil {
				return err
			}
			f, err := fleetOf(cfg)
			if err != nil {
				return err
			}
			var ports *repair.Ports
			if f.cluster != nil && !general {
				sys := &system{settings: settings{config: cfg, clock: timeline.RealClock{}, log: shellLog(), fleet: f.live()}}
				m, err := sys.reachMachines()
				if err != nil {
					return err
				}
				ports = &m.ports
			}
			ctx, cancel := context.WithTimeout(c.Context(), runbookWithin)
			defer cancel()
			written, err := runbook.Export(ctx, args[0], ports)
			if written > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "wrote %d files, begin with %s\n", written, filepath.Join(args[0], "index.html"))
			}
			return err
		},
	}
	export.Flags().BoolVar(&general, "general", false, "with placeholders only: do not ask the cluster for its names")
	group.AddCommand(export)
	return group
}

// runbookService writes the runbook into the data folder, a minute after the start and
// then daily.
func (v *server) runbookService() bot.Service {
	var ports *repair.Ports
	if v.machines.cluster != nil {
		ports = &v.machines.ports
	}
	w := runbookWriter{dir: filepath.Join(v.data, runbookFolder), ports: ports, clock: v.clock, log: v.log.With("system", "runbook")}
	return bot.Service{Name: "runbook", Run: w.run}
}

type runbookWriter struct {
	dir   string
	ports *repair.Ports // nil: there is no cluster
	clock timeline.Clock
	log   *slog.Logger
}

// run writes until ctx ends; it returns nil then. What fails is logged and tried again
// the next day: the pages of the day before are there still.
func (w runbookWriter) run(ctx context.Context) error {
	for next := w.clock.Now().Add(runbookFirst); ; next = w.clock.Now().Add(runbookEvery) {
		alarm, stop := w.clock.At(next)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-alarm:
		}
		stop()
		if err := w.write(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "the runbook is not as of today", slog.String("folder", w.dir), slog.Any("error", err), slog.Any("cause", errors.Unwrap(err)))
		}
	}
}

func (w runbookWriter) write(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, runbookWithin)
	defer cancel()
	_, err := runbook.Export(within, w.dir, w.ports)
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.New(problem.Unavailable, "cluster and cloud did not answer within %v", runbookWithin).Because(err)
	}
	return err
}
