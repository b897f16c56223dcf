package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/integrations/probe"
)

// addressEnv has the address of the pod; deploy/kubernetes/probe fills it, as nodeEnv,
// from the downward API.
const addressEnv = "WARDROOM_POD_IP"

// newProbe is the one subcommand that runs on the nodes of the cluster that is
// repaired, in a pod without credentials. It has nothing to do with the database.
func newProbe() *cobra.Command {
	var listen, address string
	var once bool
	o := probe.Options{Resolver: &net.Resolver{PreferGo: true}, Asker: probe.NewHTTP()} // Go's own has no cache
	c := &cobra.Command{
		Use:   "probe",
		Short: "On a node of the cluster: say whether DNS and pod network work there",
		Long: "Runs in a pod on every node (deploy/kubernetes/probe). Every five seconds it resolves a name\n" +
			"anew and asks the probes on other nodes. Its /readyz is 200 after two good rounds in a row\n" +
			"and 503 after three failing ones, with the reason as JSON; /healthz only says that it runs;\n" +
			"/metrics has the same in numbers. It needs no configuration, no database and no credential.",
		Example: "  wardroom probe --listen :8642\n  wardroom probe --once --peers wardroom-probe.wardroom.svc.cluster.local",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			on, err := config.ParseAddr(listen)
			if err != nil {
				return problem.New(problem.Invalid, "--listen %v", err)
			}
			o.Port, o.Node = uint16(on.Port), cmp.Or(o.Node, os.Getenv(nodeEnv))
			if address = cmp.Or(address, os.Getenv(addressEnv)); address != "" {
				if o.Address, err = netip.ParseAddr(address); err != nil {
					return problem.New(problem.Invalid, "--address: %q is no IP address", address)
				}
			}
			if o.Log = newLog(config.Default().Log).With("system", "probe"); once {
				o.Log = slog.New(slog.DiscardHandler) // the report says it all
				return lookOnce(c, probe.New(o))
			}
			return runProbe(c.Context(), o, on.String())
		},
	}
	f := c.Flags()
	f.StringVar(&listen, "listen", fmt.Sprintf(":%d", probe.DefaultPort), "the `address` where it answers; probes on other nodes are asked on the same port")
	f.StringVar(&o.Name, "name", probe.DefaultName, "the `name` that DNS has to resolve")
	f.StringVar(&o.Peers, "peers", probe.DefaultPeers, "the `name` under which DNS has the addresses of all probes")
	f.StringVar(&o.Node, "node", "", "the `name` of the node that it runs on (default: $"+nodeEnv+")")
	f.StringVar(&address, "address", "", "the `address` of its own pod (default: $"+addressEnv+")")
	f.BoolVar(&once, "once", false, "look until it is sure, print what it sees, and end: with 0 when it is ready")
	return c
}

func runProbe(ctx context.Context, o probe.Options, listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return problem.New(problem.Unavailable, "it cannot listen on %s: %v", listen, err)
	}
	if at, is := l.Addr().(*net.TCPAddr); is {
		o.Port = at.AddrPort().Port()
	}
	p := probe.New(o)
	o.Log.InfoContext(ctx, "probing", slog.String("listen", l.Addr().String()), slog.String("name", o.Name), slog.String("peers", o.Peers))
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return p.Serve(ctx, l) })
	both.Go(func() error { p.Run(ctx); return nil })
	return both.Wait()
}

// lookOnce looks as often as it takes to be sure, one round after another.
func lookOnce(c *cobra.Command, p *probe.Probe) error {
	var r probe.Report
	for range probe.Falls {
		if r = p.Look(c.Context()); r.Ready {
			break
		}
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), string(text))
	if !r.Ready {
		return problem.New(problem.Unavailable, "%s", r.Reason)
	}
	return nil
}
