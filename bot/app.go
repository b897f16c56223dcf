// Package bot puts the parts of the domain together into a running Wardroom. It
// knows no vendor: what it runs is handed to it by the composition root.
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"wardroom/bot/timeline"
)

// App runs one Wardroom: the followers and timers of a store, and services
// beside them. Add everything, then Start and Stop, or Run.
type App struct {
	Store   timeline.Store
	Runtime *timeline.Runtime
	// Patience bounds how long a stop waits for followers to come to rest: what is on
	// disk is followed after the next start. New sets 5 s.
	Patience time.Duration

	log      *slog.Logger
	services []Service
	cleanups []func(context.Context) error

	running, following *part // services, and the runtime
}

// part is goroutines that stop together.
type part struct {
	cancel context.CancelFunc
	group  *errgroup.Group
	done   <-chan struct{}
}

func newPart(ctx context.Context, run ...func(context.Context) error) *part {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	group, inner := errgroup.WithContext(ctx)
	for _, r := range run {
		group.Go(func() error { return r(inner) })
	}
	return &part{cancel, group, inner.Done()}
}

// stop ends the part and waits for it until ctx ends.
func (p *part) stop(ctx context.Context) error {
	p.cancel()
	done := make(chan error, 1)
	go func() { done <- p.group.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Service is something that runs beside the followers.
type Service struct {
	Name string
	// Open binds what Run serves, so that an address in use stops the start; may be nil.
	Open func(context.Context) error
	// Run serves until its context ends and returns nil then. An error stops the app.
	Run func(context.Context) error
	// Begun is closed when Run has begun; Start waits for it. nil: nobody waits.
	Begun <-chan struct{}
}

// New makes an app without services.
func New(store timeline.Store, clock timeline.Clock, log *slog.Logger) *App {
	return &App{Store: store, Runtime: timeline.NewRuntime(store, clock, log), Patience: settleTimeout, log: log}
}

// Add adds services; they open in this order and stop together.
func (a *App) Add(services ...Service) { a.services = append(a.services, services...) }

// OnStop adds a cleanup. Cleanups run after every service has stopped, the last
// added first.
func (a *App) OnStop(f func(context.Context) error) { a.cleanups = append(a.cleanups, f) }

// Start opens every service and starts following. When it fails, everything that
// it began is stopped again. ctx bounds the start alone.
func (a *App) Start(ctx context.Context) error {
	if err := a.Runtime.KeepHeads(ctx); err != nil {
		return errors.Join(fmt.Errorf("record heads: %w", err), a.clean(ctx))
	}
	for _, s := range a.services {
		if s.Open == nil {
			continue
		}
		if err := s.Open(ctx); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s.Name, err), a.clean(ctx))
		}
	}
	a.following = newPart(ctx, a.Runtime.Run)
	select {
	case <-a.Runtime.Begun():
	case <-a.following.done: // why is what Stop returns
	case <-ctx.Done():
		return errors.Join(ctx.Err(), a.following.stop(context.WithoutCancel(ctx)), a.clean(ctx))
	}
	var services []func(context.Context) error
	for _, s := range a.services {
		services = append(services, func(ctx context.Context) error {
			if err := s.Run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			return nil
		})
	}
	a.running = newPart(ctx, services...)
	for _, s := range a.services {
		if s.Begun == nil {
			continue
		}
		select {
		case <-s.Begun:
		case <-a.running.done: // why is what Stop returns
		case <-ctx.Done(): // whoever gave up stops it
		}
	}
	return nil
}

// Settle returns when nothing is in flight; see [timeline.Runtime.Settle].
func (a *App) Settle(ctx context.Context) error { return a.Runtime.Settle(ctx) }

// settleTimeout is the patience of a new app.
const settleTimeout = 5 * time.Second

// Stop ends every service, lets the followers come to rest, ends them, and
// cleans up. It waits until ctx ends at the longest, and returns the error that
// stopped the app before, if one did.
func (a *App) Stop(ctx context.Context) error {
	err := a.running.stop(ctx)
	resting, cancel := context.WithTimeout(ctx, a.Patience)
	defer cancel()
	select {
	case <-a.following.done:
	default:
		if err := a.Runtime.Settle(resting); err != nil {
			a.log.Warn("followers have not come to rest; they go on at the next start")
		}
	}
	return errors.Join(err, a.following.stop(ctx), a.clean(ctx))
}

func (a *App) clean(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Backward(a.cleanups) {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}

// stopTimeout bounds a graceful stop.
const stopTimeout = 20 * time.Second

// Run starts the app, runs it until ctx ends or a service fails, and stops it.
// started, when not nil, is called once everything is open.
func (a *App) Run(ctx context.Context, started func()) error {
	if err := a.Start(ctx); err != nil {
		return err
	}
	if started != nil {
		started()
	}
	select {
	case <-ctx.Done():
	case <-a.running.done:
	case <-a.following.done:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return a.Stop(stopping)
}
