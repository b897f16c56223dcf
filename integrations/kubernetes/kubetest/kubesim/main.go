// Command kubesim is a simulated Kubernetes cluster on a simulated Linode, in a
// process of its own that outlives the bot: the two share one truth and one clock.
// The bot talks to the cluster's API with a kubeconfig and to Linode's with a token;
// a test (kubetest.Dial, linodetest.Dial) or curl drives both at their controls:
//
//	kubesim --control 127.0.0.1:4103 --linode-control 127.0.0.1:4101 --scale 0.01
//	curl -d '{"node":{"name":"lke13311-16405-5fafd1b46dcf","linode":28412345}}' 127.0.0.1:4103/node
//	curl -d '{"workload":{"name":"default/redis","volume":"pvc-bb1d06139b334c1f","disk":55501}}' 127.0.0.1:4103/workload
//	curl -d '{"token":"simulated-act-token"}' 127.0.0.1:4103/kubeconfig
//	curl -d '{"fault":{"verb":"patch","resource":"nodes","lost":true,"times":1}}' 127.0.0.1:4103/fault
//	curl 127.0.0.1:4103/pods -d ''
//
// With --at its clock stands still there and is moved by the control's advance:
//
//	curl -d '{"to":"2021-07-11T01:30:00Z"}' 127.0.0.1:4103/advance
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

	"golang.org/x/sync/errgroup"

	"wardroom/bot/scenario"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "kubesim:", err)
		os.Exit(1)
	}
}

// Ready is the line that says where everything is.
type Ready struct {
	URL     string      `json:"url"`     // of the cluster's API
	Control string      `json:"control"` // of the cluster
	Linode  ReadyLinode `json:"linode"`
}

// ReadyLinode is the cloud's part of it.
type ReadyLinode struct {
	linodetest.Info
	Control string `json:"control"`
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("kubesim", flag.ContinueOnError)
	flags.SetOutput(log)
	logger := slog.New(slog.NewTextHandler(log, nil))
	cloudOpt, opt := linodetest.Options{Log: logger}, kubetest.Options{Log: logger}
	flags.StringVar(&opt.Listen, "listen", "127.0.0.1:0", "address of the cluster's API")
	control := flags.String("control", "127.0.0.1:0", "address of the cluster's control, which must stay private")
	flags.StringVar(&cloudOpt.Listen, "linode-listen", "127.0.0.1:0", "address of Linode's API")
	cloudControl := flags.String("linode-control", "127.0.0.1:0", "address of Linode's control, which must stay private")
	flags.IntVar(&cloudOpt.Cluster, "cluster", 0, "the id of the cluster (13311)")
	flags.StringVar(&cloudOpt.User, "user", "", "whose the Linode tokens are")
	flags.BoolVar(&cloudOpt.Rename, "rename", false, "give a replaced machine another name")
	scale := flags.Float64("scale", 1, "how long everything takes: 0.01 makes a minute of 600 ms")
	at := flags.String("at", "", "let the clock stand still at a time, as 2021-07-11T00:25:00Z")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cloudOpt.Timing.Scale, opt.Timing.Scale = *scale, *scale
	if *at != "" {
		t, err := time.Parse(time.RFC3339, *at)
		if err != nil {
			return fmt.Errorf("--at: %w", err)
		}
		clock := scenario.NewClock(t)
		cloudOpt.Now, opt.Now, opt.Move = clock.Now, clock.Now, clock.MoveTo
	}
	cloud, err := linodetest.New(cloudOpt)
	if err != nil {
		return err
	}
	defer cloud.Close()
	opt.Cloud = kubetest.OnLinode(cloud)
	cluster, err := kubetest.New(opt)
	if err != nil {
		return err
	}
	defer cluster.Close()

	group, ctx := errgroup.WithContext(ctx)
	serve := func(address string, h http.Handler) (url string, err error) {
		in, err := net.Listen("tcp", address)
		if err != nil {
			return "", fmt.Errorf("control: %w", err)
		}
		web := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		context.AfterFunc(ctx, func() { web.Close() })
		group.Go(func() error {
			if err := web.Serve(in); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		return "http://" + in.Addr().String(), nil
	}
	ready := Ready{URL: cluster.URL(), Linode: ReadyLinode{Info: cloud.Info()}}
	group.Go(func() error {
		if ready.Control, err = serve(*control, cluster.Control()); err != nil {
			return err
		}
		if ready.Linode.Control, err = serve(*cloudControl, cloud.Control()); err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(ready)
	})
	return group.Wait()
}
