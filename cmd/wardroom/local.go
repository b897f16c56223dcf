package main

import (
	"context"
	"errors"
	"time"

	"wardroom/bot/command"
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
	close      func() error
}

// filePoll is how often a file that another process writes is looked at.
const filePoll = time.Second

func (l *local) Ask(ctx context.Context, ask command.Ask, room timeline.ID) (command.Reply, error) {
	caller := l.caller
	caller.Room = room
	reply, err := l.runner.Run(ctx, caller, ask)
	if l.settle != nil {
		// Also after a refusal, which is an entry.
		err = errors.Join(err, l.settle(ctx))
	}
	return reply, err
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
