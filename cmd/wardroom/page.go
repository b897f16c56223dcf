package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"wardroom/bot"
	"wardroom/bot/config"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/integrations/ownpage"
	atlassian "wardroom/integrations/statuspage"
)

// ownPage is the built-in status page of a store.
func ownPage(cfg *config.Config, store timeline.Store, clock timeline.Clock, log *slog.Logger) *ownpage.Page {
	o := ownpage.Options{Title: cfg.StatusPage.Title, Zone: cfg.Timezone, Store: store, Clock: clock, Log: log}
	if u := cfg.StatusPage.URL; u != nil {
		o.BaseURL = u.String()
	}
	return ownpage.New(o)
}

// externalPages are the configured pages of other providers. In observe mode there
// are none: whoever posts holds a credential that writes.
func externalPages(cfg *config.Config, log *slog.Logger) ([]statuspage.Page, error) {
	section := cfg.StatusPage.Statuspage
	if section.IsZero() {
		return nil, nil
	}
	o, err := atlassian.Decode(section)
	if err != nil {
		return nil, err
	}
	for _, c := range cfg.StatusPage.Components {
		o.Names = append(o.Names, c.Name)
	}
	if cfg.Mode != config.Act {
		log.Warn("nothing is posted to Statuspage in observe mode; `mode: act` in the configuration allows it", slog.String("page", o.PageID))
		return nil, nil
	}
	return []statuspage.Page{atlassian.New(o)}, nil
}

// pageListener serves the status page apart from everything else, so that a
// crowd cannot starve the tool.
type pageListener struct {
	address  string
	http     *http.Server
	listener net.Listener
}

func newPageListener(address string, page http.Handler, log *slog.Logger) *pageListener {
	return &pageListener{address: address, http: &http.Server{
		Handler: page, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

func (p *pageListener) addr() string { return p.listener.Addr().String() }

func (p *pageListener) service() bot.Service {
	return bot.Service{Name: "status page",
		Open: func(ctx context.Context) (err error) {
			p.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", p.address)
			return err
		},
		Run: func(ctx context.Context) error {
			served := make(chan error, 1)
			go func() { served <- p.http.Serve(p.listener) }()
			select {
			case err := <-served:
				if errors.Is(err, http.ErrServerClosed) {
					return nil
				}
				return fmt.Errorf("status page: %w", err)
			case <-ctx.Done():
			}
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return p.http.Shutdown(stopping)
		},
	}
}
