package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
)

const defaultWindow = 3 * time.Second

type options struct {
	binary, dir   string
	only          string // one shape, as 64x1
	rounds        int
	window        time.Duration
	start, export int
	check         bool
}

// shape is one load of the table.
type shape struct {
	clients, alerts int
	goal            float64 // alerts durable per second ÷ fdatasync per second; 0: none
}

var shapes = []shape{
	{1, 1, 0}, {1, 10, 0}, {1, 100, 0},
	{16, 1, 0}, {16, 10, 0}, {16, 100, 0},
	{64, 1, 3}, {64, 10, 6}, {64, 100, 0},
}

// measured is one round of one shape.
type measured struct {
	result
	raw  float64       // fdatasync per second, just before
	lag  time.Duration // from the last answer until correlation had drained
	rss  float64
	rate float64 // alerts per second, the clock stopped when correlation had drained
}

func (m measured) ratio() float64 { return m.rate / m.raw }

// String is how -only names it.
func (s shape) String() string { return fmt.Sprintf("%dx%d", s.clients, s.alerts) }

// chosen are the shapes to measure.
func (o options) chosen() ([]shape, error) {
	if o.only == "" {
		return shapes, nil
	}
	i := slices.IndexFunc(shapes, func(s shape) bool { return s.String() == o.only })
	if i < 0 {
		return nil, fmt.Errorf("-only %s: there is no such load; there are %v", o.only, shapes)
	}
	return shapes[i : i+1], nil
}

func run(ctx context.Context, o options) error {
	shapes, err := o.chosen()
	if err != nil {
		return err
	}
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return err
	}
	o.binary = binary
	if o.dir == "" {
		o.dir = filepath.Dir(binary)
	}
	if onTmpfs(o.dir) {
		return fmt.Errorf("%s is a tmpfs, where nothing is ever durable; choose another with -dir", o.dir)
	}
	root, err := os.MkdirTemp(o.dir, "bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)

	var missed []error
	fmt.Printf("%-16s %12s %12s %9s %9s %9s %9s %8s %8s\n", "clients×alerts", "requests/s", "alerts/s", "p50", "p99", "lag", "fdatasync", "ratio", "RSS MiB")
	rounds := make([][]measured, len(shapes))
	for range o.rounds { // interleaved, so that a slow minute strikes every shape
		for i, s := range shapes {
			m, err := measure(ctx, o, filepath.Join(root, fmt.Sprintf("%d-%d-%d", s.clients, s.alerts, len(rounds[i]))), s)
			if err != nil {
				return fmt.Errorf("%d clients × %d alerts: %w", s.clients, s.alerts, err)
			}
			rounds[i] = append(rounds[i], m)
		}
	}
	for i, s := range shapes {
		m := median(rounds[i])
		fmt.Printf("%-16s %12.0f %12.0f %9s %9s %9s %9.0f %7.2fx %8.0f\n", fmt.Sprintf("%d × %d", s.clients, s.alerts),
			m.perSecond(), m.rate, short(m.p50), short(m.p99), short(m.lag), m.raw, m.ratio(), m.rss)
		if s.goal > 0 && m.ratio() < s.goal {
			missed = append(missed, fmt.Errorf("%d clients × %d alerts: %.2fx of fdatasync, the goal is %.0fx", s.clients, s.alerts, m.ratio(), s.goal))
		}
	}
	if o.export > 0 {
		if err := timeExport(ctx, o, filepath.Join(root, "export")); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	if o.start > 0 {
		if err := timeStart(ctx, o, filepath.Join(root, "start")); err != nil {
			return fmt.Errorf("start: %w", err)
		}
	}
	for _, err := range missed {
		fmt.Println("missed:", err)
	}
	if o.check {
		return errors.Join(missed...)
	}
	return nil
}

func measure(ctx context.Context, o options, dir string, s shape) (measured, error) {
	var m measured
	if err := os.Mkdir(dir, 0o700); err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	raw, err := baseline(dir, o.window/3)
	if err != nil {
		return m, err
	}
	srv, err := serve(ctx, o.binary, dir)
	if err != nil {
		return m, err
	}
	defer srv.stop()
	before := cpu(srv.cmd.Process.Pid)
	begin := time.Now()
	r, err := load{srv.addr, srv.token, s.clients, s.alerts, new(atomic.Uint64), "page"}.run(ctx, o.window, 0)
	if err != nil {
		return m, err
	}
	lag, err := srv.drained(ctx)
	if err != nil {
		return m, err
	}
	took := time.Since(begin)
	if others := cpu(srv.cmd.Process.Pid).others(before); others > 0.10 {
		fmt.Printf("note: something else used %.0f %% of the CPU during %d × %d; read it with care\n", others*100, s.clients, s.alerts)
	}
	return measured{r, raw, lag, srv.rss(), float64(r.requests*s.alerts) / took.Seconds()}, nil
}

func median(rounds []measured) measured {
	sorted := slices.SortedFunc(slices.Values(rounds), func(a, b measured) int {
		if a.ratio() < b.ratio() {
			return -1
		}
		return 1
	})
	return sorted[len(sorted)/2]
}

// fill sends n alerts, 100 in a request.
func fill(ctx context.Context, srv *server, n int) error {
	l := load{srv.addr, srv.token, 16, 100, new(atomic.Uint64), "page"}
	if _, err := l.run(ctx, 10*time.Minute, n/100); err != nil {
		return err
	}
	_, err := srv.drained(ctx)
	return err
}

// timeStart times start to ready on a database of o.start entries.
func timeStart(ctx context.Context, o options, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	srv, err := serve(ctx, o.binary, dir)
	if err != nil {
		return err
	}
	empty := srv.ready
	if err := fill(ctx, srv, o.start); err != nil {
		srv.stop()
		return err
	}
	srv.stop()
	var full []time.Duration
	for range 5 {
		if srv, err = serve(ctx, o.binary, dir); err != nil {
			return err
		}
		full = append(full, srv.ready)
		srv.stop()
	}
	slices.Sort(full)
	fmt.Printf("start to ready with %d alerts recorded: %s (empty database: %s; ratio %.2fx; goal 100ms)\n",
		o.start, short(full[len(full)/2]), short(empty), full[len(full)/2].Seconds()/empty.Seconds())
	return nil
}

// timeExport times the export of the log beside reading its rows and nothing else.
func timeExport(ctx context.Context, o options, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	srv, err := serve(ctx, o.binary, dir)
	if err != nil {
		return err
	}
	if err := fill(ctx, srv, o.export); err != nil {
		srv.stop()
		return err
	}
	srv.stop()
	begin := time.Now()
	cmd := exec.CommandContext(ctx, o.binary, "export", "log", "--format", "json", "--data", dir)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", cmd, err)
	}
	exported := time.Since(begin)
	bare, rows, err := bareLoop(ctx, filepath.Join(dir, "wardroom.db"))
	if err != nil {
		return err
	}
	fmt.Printf("export of %d entries (%d MiB): %s; a bare loop over the rows: %s; ratio %.2fx\n",
		rows, len(out)>>20, short(exported), short(bare), exported.Seconds()/bare.Seconds())
	return nil
}

func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
