package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
	"wardroom/storage"
)

// settleTimeout bounds how long a single command waits for what follows from it: a
// status page or a chat that is down is told by the next server instead, and whoever
// types has seen the answer late enough.
const settleTimeout = 3 * time.Second

// closeTimeout bounds how long a single command waits for what is on its way to end.
const closeTimeout = 15 * time.Second

// open answers the shell: the running server, else this process, which then owns
// the database until it is closed.
func (p *program) open(ctx context.Context) (Asker, error) {
	cfg, data, err := p.load()
	if err != nil {
		return nil, err
	}
	client, err := socket.Dial(filepath.Join(data, socket.FileName))
	if !errors.Is(err, socket.ErrNobody) {
		return client, err
	}
	external, err := externalPages(cfg, shellLog())
	if err != nil {
		return nil, err
	}
	chat, err := discordOf(cfg)
	if err != nil {
		return nil, err
	}
	machines, err := fleetOf(cfg)
	if err != nil {
		return nil, err
	}
	own := settings{config: cfg, data: data, clock: timeline.RealClock{}, log: shellLog(), pages: external, discord: chat, fleet: machines.live()}
	made := own.record().missing()
	sys, err := wire(ctx, own)
	if errors.Is(err, storage.ErrOwned) {
		// Somebody works on the database without a socket: what only reads still works.
		return look(ctx, own)
	}
	if err != nil {
		return nil, err
	}
	if made && !p.shell.json { // there standard error is for problems, as JSON
		// A mistyped folder would otherwise seem to be a quiet night.
		fmt.Fprintf(os.Stderr, "A new record was made: there was none in %s. --data names another folder.\n", absolute(data))
	}
	sys.app.Patience = time.Second // the command itself has waited already
	if err := sys.app.Start(ctx); err != nil {
		return nil, err
	}
	return &local{
		runner: sys.runner, store: sys.db, prominence: sys.codec.Prominence, caller: ownCaller(cfg.People), idle: os.Stderr,
		settle: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, settleTimeout)
			defer cancel()
			if err := sys.app.Settle(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return nil
		},
		close: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
			defer cancel()
			return sys.app.Stop(ctx)
		},
	}, nil
}

// absolute is where a folder is, whoever reads it from wherever.
func absolute(folder string) string {
	if whole, err := filepath.Abs(folder); err == nil {
		return whole
	}
	return folder
}

// peek answers what only reads: the running server, else the file as it is.
func (p *program) peek(ctx context.Context) (Asker, error) {
	cfg, data, err := p.load()
	if err != nil {
		return nil, err
	}
	client, err := socket.Dial(filepath.Join(data, socket.FileName))
	if !errors.Is(err, socket.ErrNobody) {
		return client, err
	}
	machines, err := fleetOf(cfg)
	if err != nil {
		return nil, err
	}
	return look(ctx, settings{config: cfg, data: data, clock: timeline.RealClock{}, log: shellLog(), fleet: machines.live()})
}

// look answers from the file as it is, and leaves its lock alone.
func look(ctx context.Context, s settings) (Asker, error) {
	sys, err := inspect(ctx, s)
	if err != nil {
		return nil, err
	}
	return &local{runner: sys.runner, store: sys.db, prominence: sys.codec.Prominence, caller: ownCaller(s.config.People), close: sys.db.Close}, nil
}

// ownCaller is the person whose process this is.
func ownCaller(directory *people.Directory) command.Caller {
	return socket.Caller(directory, os.Getuid())
}

// shellLog keeps a single command quiet but for warnings.
func shellLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
