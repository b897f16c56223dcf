package bot_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

func newApp(t *testing.T) (*bot.App, *[]string) {
	t.Helper()
	codec, err := timeline.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	var order []string
	app := bot.New(db, timeline.RealClock{}, slog.New(slog.DiscardHandler))
	app.OnStop(func(context.Context) error { order = append(order, "first cleanup"); return nil })
	app.OnStop(func(context.Context) error { order = append(order, "second cleanup"); return nil })
	return app, &order
}

func until(ctx context.Context) error { <-ctx.Done(); return nil }

func TestCleanupsRunInReverseAfterServices(t *testing.T) {
	app, order := newApp(t)
	app.Add(bot.Service{Name: "one", Run: func(ctx context.Context) error {
		<-ctx.Done()
		*order = append(*order, "service")
		return nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	if err := app.Run(ctx, cancel); err != nil {
		t.Fatal(err)
	}
	if want := []string{"service", "second cleanup", "first cleanup"}; !slices.Equal(*order, want) {
		t.Errorf("order is %v", *order)
	}
}

func TestAServiceThatFailsStopsTheApp(t *testing.T) {
	app, order := newApp(t)
	app.Add(bot.Service{Name: "steady", Run: until},
		bot.Service{Name: "broken", Run: func(context.Context) error { return errors.New("the cable was pulled") }})
	err := app.Run(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "broken: the cable was pulled") {
		t.Errorf("got %v", err)
	}
	if len(*order) != 2 {
		t.Errorf("cleanups ran: %v", *order)
	}
}

func TestAnAddressInUseStopsTheStart(t *testing.T) {
	app, order := newApp(t)
	ran := false
	app.Add(bot.Service{Name: "web", Open: func(context.Context) error { return errors.New("address in use") },
		Run: func(context.Context) error { ran = true; return nil }})
	if err := app.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "web: address in use") {
		t.Errorf("got %v", err)
	}
	if ran || len(*order) != 2 {
		t.Errorf("ran %t, cleanups %v", ran, *order)
	}
}

func TestAStuckServiceDoesNotHoldUpTheStop(t *testing.T) {
	app, order := newApp(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	app.Add(bot.Service{Name: "stuck", Run: func(context.Context) error { <-release; return nil }})
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := app.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if len(*order) != 2 {
		t.Errorf("cleanups ran: %v", *order)
	}
}
