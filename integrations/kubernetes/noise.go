package kubernetes

import (
	"context"
	"log/slog"

	"github.com/go-logr/logr"
)

// quiet makes client-go write into Wardroom's log, as what is of use to somebody who
// looks for a fault in Wardroom: it reports every watch that ends, some fifteen lines
// whenever an API server restarts, on the process's standard error otherwise.
func quiet(ctx context.Context, log *slog.Logger) context.Context {
	return logr.NewContextWithSlogLogger(ctx, slog.New(debugOnly{log.Handler()}))
}

// debugOnly lowers every record to debug.
type debugOnly struct{ slog.Handler }

func (d debugOnly) Enabled(ctx context.Context, _ slog.Level) bool {
	return d.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle asks again whether it is wanted: errors come here without having been asked for.
func (d debugOnly) Handle(ctx context.Context, r slog.Record) error {
	if r.Level = slog.LevelDebug; !d.Enabled(ctx, r.Level) {
		return nil
	}
	return d.Handler.Handle(ctx, r)
}

func (d debugOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return debugOnly{d.Handler.WithAttrs(attrs)}
}

func (d debugOnly) WithGroup(name string) slog.Handler { return debugOnly{d.Handler.WithGroup(name)} }
