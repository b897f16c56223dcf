package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
)

// local answers in this process, on a store that it opened.
type local struct {
	runner     *command.Runner
	store      socket.Viewer
	prominence func(timeline.Kind) timeline.Prominence
	caller     command.Caller
	settle     func(context.Context) error // waits for what follows from a request; nil when nothing does
	idle       io.Writer                   // is told of runs that nobody carries out; nil: a server does
	close      func() error
}

// filePoll is how often a file that another process writes is looked at.
const filePoll = time.Second

func (l *local) Ask(ctx context.Context, ask command.Ask, room timeline.ID) (command.Reply, error) {
	caller := l.caller
	caller.Room = room
	before := l.runs(ctx)
	reply, err := l.runner.Run(ctx, caller, ask)
	l.tellIdle(before, l.runs(ctx))
	if l.settle != nil {
		// Also after a refusal, which is an entry.
		err = errors.Join(err, l.settle(ctx))
	}
	return reply, err
}

// runs are the repairs that are not over, where nobody carries them out.
func (l *local) runs(ctx context.Context) (active []remediation.Run) {
	if l.idle == nil {
		return nil
	}
	// The command itself fails on a store that cannot be read.
	_ = l.store.View(ctx, func(v timeline.View) (err error) {
		active, err = remediation.ActiveRuns(v)
		return err
	})
	return active
}

// tellIdle says of each run that the command has changed that it waits for a server:
// only a server carries repairs out, and an approval does not wait for ever.
func (l *local) tellIdle(before, after []remediation.Run) {
	for _, r := range after {
		if slices.ContainsFunc(before, func(b remediation.Run) bool { return b.ID == r.ID && b.Status == r.Status }) {
			continue
		}
		fmt.Fprintf(l.idle, "wardroom: no server is running: %s is %s, and nothing of it is carried out before `wardroom serve` runs", r.ID, r.Status)
		if !r.Expires.IsZero() && (r.Status == remediation.Requested || r.Status == remediation.Approved) {
			fmt.Fprintf(l.idle, "; it expires at %s", r.Expires.UTC().Format("15:04 UTC"))
		}
		fmt.Fprintln(l.idle)
	}
}

func (l *local) Entries(ctx context.Context, id timeline.ID, after int64, wait time.Duration) (socket.Page, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		page, err := socket.ReadPage(ctx, l.store, l.prominence, id, after)
		if err != nil || len(page.Entries) > 0 || wait == 0 {
			return page, err
		}
		again := time.NewTimer(filePoll)
		select {
		case <-again.C:
		case <-over.C:
			return page, nil
		case <-ctx.Done():
			again.Stop()
			return page, ctx.Err()
		}
	}
}

func (l *local) Complete(ctx context.Context, path, option, typed string) ([]command.Proposal, error) {
	return l.runner.Complete(ctx, l.caller, path, option, typed)
}

func (l *local) Close() error { return l.close() }
