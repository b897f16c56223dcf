// Command linodesim is the simulated Linode in a process of its own, to be talked to
// by a bot at --listen and driven by a test (linodetest.Dial) or by curl at --control:
//
//	linodesim --listen 127.0.0.1:4100 --control 127.0.0.1:4101 --scale 0.01
//	curl -d '{"node":{"name":"lke13311-16405-5fafd1b46dcf","linode":28412345}}' 127.0.0.1:4101/node
//	curl -d '{"user":"chris","act":{"do":"reboot","linode":28412345}}' 127.0.0.1:4101/act
//	curl -d '{"fault":{"method":"POST","path":"/recycle","lost":true,"times":1}}' 127.0.0.1:4101/fault
//
// It prints one line of JSON when it is ready and holds everything in memory.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"wardroom/integrations/linode/linodetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "linodesim:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("linodesim", flag.ContinueOnError)
	flags.SetOutput(log)
	opt := linodetest.Options{Log: slog.New(slog.NewTextHandler(log, nil))}
	flags.StringVar(&opt.Listen, "listen", "127.0.0.1:0", "address of the API")
	control := flags.String("control", "127.0.0.1:0", "address of the control, which must stay private")
	flags.IntVar(&opt.Cluster, "cluster", 0, "the id of the cluster (13311)")
	flags.StringVar(&opt.User, "user", "", "whose the tokens are")
	flags.BoolVar(&opt.Rename, "rename", false, "give a replaced machine another name")
	flags.Float64Var(&opt.Timing.Scale, "scale", 1, "how long jobs take: 0.01 makes a minute of 600 ms")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := linodetest.New(opt)
	if err != nil {
		return err
	}
	defer s.Close()
	in, err := net.Listen("tcp", *control)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	web := &http.Server{Handler: s.Control(), ReadHeaderTimeout: 10 * time.Second}
	end := context.AfterFunc(ctx, func() { web.Close() })
	defer end()
	err = json.NewEncoder(out).Encode(struct {
		linodetest.Info
		Control string `json:"control"`
	}{s.Info(), "http://" + in.Addr().String()})
	if err != nil {
		return err
	}
	if err := web.Serve(in); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
