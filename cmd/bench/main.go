// Command bench measures the built wardroom against the machine it runs on: it
// drives `wardroom serve` over TCP with authentication, every fingerprint new,
// beside a raw append and fdatasync on the same disk in the same run, and prints
// ratios. Absolute numbers do not transfer between machines; ratios do.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/wardroom", "the wardroom to measure")
	flag.StringVar(&o.dir, "dir", "", "where databases are made; on the disk to be measured, not a tmpfs (default: a folder beside the binary)")
	flag.IntVar(&o.rounds, "rounds", 3, "interleaved rounds; the median counts")
	flag.StringVar(&o.only, "only", "", "one load alone, for example 64x1 (clients x alerts)")
	flag.DurationVar(&o.window, "window", defaultWindow, "how long each load lasts")
	flag.IntVar(&o.start, "start", 800_000, "entries in the database whose start is timed; 0 leaves it out")
	flag.IntVar(&o.export, "export", 100_000, "entries in the incident that is exported; 0 leaves it out")
	flag.BoolVar(&o.check, "check", false, "fail when a ratio misses its goal")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
