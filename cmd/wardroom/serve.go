package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/spf13/cobra"

	"wardroom/bot"
	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
	"wardroom/integrations/web"
)

func (p *program) newServe() *cobra.Command {
	var listen, public string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Receive alerts, run incidents, show the status page",
		Long: "Runs Wardroom until it is told to stop (SIGINT, SIGTERM). Without a configuration it\n" +
			"works on its defaults: 127.0.0.1:8080, a database and a webhook token in the data\n" +
			"folder, and whoever started it as the one person who may ask for things.",
		Example: "  wardroom serve\n  wardroom serve --listen :8080 --data /var/lib/wardroom\n  wardroom serve --public wardroom.example.org",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, data, err := p.load()
			if err != nil {
				return err
			}
			if listen != "" {
				if cfg.Listen, err = config.ParseAddr(listen); err != nil {
					return problem.New(problem.Invalid, "--listen %v", err)
				}
			}
			if public != "" {
				if cfg.Public.Host, err = config.ParseDomain(public); err != nil {
					return problem.New(problem.Invalid, "--public %v", err)
				}
			}
			return serve(c.Context(), cfg, data, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "the `address` of webhooks, page and metrics (default: the configuration's, else 127.0.0.1:8080)")
	c.Flags().StringVar(&public, "public", "", "additionally serve this `host` on ports 80 and 443 with a certificate of its own")
	return c
}

// ballast is how many bytes are set aside, and never touched, so that they take no
// memory: the collector sees a heap of that size more. What a Wardroom keeps is small, so
// it would run 25 times a second under load to keep garbage below the same few megabytes.
// This lets as much garbage gather, and no more however large the heap becomes.
const ballast = 24 << 20

// serve runs a Wardroom on data until ctx ends.
func serve(ctx context.Context, cfg *config.Config, data string, out io.Writer) error {
	defer runtime.KeepAlive(make([]byte, ballast))
	log := newLog(cfg.Log)
	slog.SetDefault(log)
	for _, w := range cfg.Warnings {
		log.Warn(w.Error())
	}
	external, err := externalPages(cfg, log)
	if err != nil {
		return err
	}
	chat, err := discordOf(cfg)
	if err != nil {
		return err
	}
	machines, err := fleetOf(cfg)
	if err != nil {
		return err
	}
	metrics := web.NewMetrics(versionText())
	door := &standbyDoor{addr: cfg.Listen.String(), log: log}
	sys, err := wire(ctx, settings{config: cfg, data: data, clock: timeline.RealClock{}, log: log, meter: metrics.Meter,
		pages: external, discord: chat, fleet: machines, standby: door.stand})
	door.close()
	if err != nil {
		return err
	}
	v := &server{system: sys, metrics: metrics, out: out}
	if err := v.compose(); err != nil {
		return errors.Join(err, sys.db.Close())
	}
	return sys.app.Run(ctx, v.started)
}

// server is a system with its doors to the outside.
type server struct {
	*system
	metrics *web.Metrics
	out     io.Writer
	ready   atomic.Bool

	front *web.Server
	page  *pageListener // nil when the status page has no listener of its own
	token config.Secret
}

var errStarting = errors.New("Wardroom is starting")

func (v *server) compose() (err error) {
	if v.token, err = webhookToken(v.data); err != nil {
		return err
	}
	o := web.Options{
		Listen: v.config.Listen.String(), Metrics: v.metrics, Ready: v.readiness,
		MetricsCredential: alert.Credential{}.Bearer(v.config.Metrics.Token.Reveal()),
		Public: web.Public{Host: v.config.Public.Host, Email: v.config.Public.Email, Cache: certificateFolder(v.data, v.config.Public),
			Issuer: issuerOf(v.config.Public), HTTPS: v.config.Public.HTTPS.String(), HTTP: v.config.Public.HTTP.String()},
		Links: []web.Link{{Path: cmp.Or(v.pageURL(), "/status/"), Text: "Status page", Help: "what the public reads"}},
	}
	if v.front, err = v.system.front(o, v.token); err != nil {
		return err
	}
	if err = v.metrics.Gauge("ready", "1 while alerts can be recorded, as /readyz says it; else 0.", v.isReady); err != nil {
		return err
	}
	if v.config.StatusPage.Listen.IsZero() {
		err = v.front.Mount("/status/", http.StripPrefix("/status", v.own))
	} else {
		v.page = newPageListener(v.config.StatusPage.Listen.String(), v.own, v.log)
		v.app.Add(v.page.service())
	}
	if err != nil {
		return err
	}
	if v.guild != nil {
		if err := v.front.Mount("/discord/interactions", v.guild.bot.Interactions()); err != nil {
			return err
		}
		if err := v.guild.metrics.register(v.metrics, v.guild.client, v.guild.bot); err != nil {
			return err
		}
		v.attend()
		v.app.Add(bot.Service{Name: "what works", Run: v.watchWorking})
	}
	v.operate()
	if err := v.registerMachines(v.metrics); err != nil {
		return err
	}
	if err := v.readback(); err != nil {
		return err
	}
	v.app.Add(v.socketService(), v.checks(), v.runbookService(), bot.Service{Name: "record", Run: untilDeposed(v.db)}, webService("web", v.front))
	return nil
}

func (v *server) pageURL() string {
	if u := v.config.StatusPage.URL; u != nil {
		return u.String()
	}
	return ""
}

func (v *server) readiness() error {
	if !v.ready.Load() {
		return errStarting
	}
	return nil
}

// isReady is readiness with the store's own, as a number.
func (v *server) isReady() float64 {
	if v.readiness() != nil || v.db.Healthy() != nil {
		return 0
	}
	return 1
}

// socketService lets the shell in.
func (v *server) socketService() bot.Service {
	var s *socket.Server
	return bot.Service{
		Name: "socket",
		Open: func(context.Context) (err error) {
			s, err = socket.Listen(socket.Options{Path: filepath.Join(v.data, socket.FileName), Runner: v.runner, Store: v.db,
				Group: shared(v.config.People), Prominence: v.codec.Prominence, People: v.config.People, Log: v.log})
			return err
		},
		Run: func(ctx context.Context) error { return s.Run(ctx) },
	}
}

// shared reports whether the configuration knows other Unix users than the one
// that runs the server: they reach the socket through its group.
func shared(d *people.Directory) bool {
	return slices.ContainsFunc(d.All(), func(p people.Person) bool {
		return slices.ContainsFunc(p.UIDs, func(uid int) bool { return uid != os.Getuid() })
	})
}

// started tells whoever runs it where everything is.
func (v *server) started() {
	v.ready.Store(true)
	base := "http://" + v.front.Addr()
	status := base + "/status/"
	if v.page != nil {
		status = "http://" + v.page.addr() + "/"
	}
	fmt.Fprintf(v.out, "Wardroom %s is ready.\n", versionText())
	fmt.Fprintf(v.out, "  alerts        POST %s/webhooks/alertmanager (or %s)\n", base, webhookPath("generic"))
	fmt.Fprintf(v.out, "  token         %s\n", filepath.Join(v.data, tokenFile))
	fmt.Fprintf(v.out, "  status page   %s\n", status)
	fmt.Fprintf(v.out, "  health        %s/healthz, /readyz, /metrics\n", base)
	fmt.Fprintf(v.out, "  database      %s\n", v.db.Path())
	if host := v.config.Public.Host; host != "" {
		fmt.Fprintf(v.out, "  public        https://%s/\n", host)
	}
	fmt.Fprintf(v.out, "In another terminal: wardroom incident list\n")
	v.log.Info("ready", slog.String("listen", v.front.Addr()))
}
