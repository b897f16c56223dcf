package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"wardroom/bot"
	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/commands"
	"wardroom/integrations/alertmanager"
	"wardroom/integrations/generic"
	"wardroom/integrations/web"
)

// sources are who may send alerts. Those for whom nothing is configured must show
// the webhook token. more are senders of the documented form beside them.
func sources(cfg config.Intake, token config.Secret, log *slog.Logger, more ...string) ([]alert.Source, error) {
	accept := func(c config.Credentials) alert.Credential {
		if c.IsZero() {
			c.Token = token
		}
		return c.Accept()
	}
	all := []alert.Source{alertmanager.New("", accept(cfg.Alertmanager.Inbound), log)}
	native := slices.Contains(more, generic.DefaultName)
	var faults []error
	for _, g := range cfg.Generic {
		var mapping *generic.Mapping
		if !g.Map.IsZero() {
			mapping = &generic.Mapping{}
			if err := g.Map.Decode(mapping); err != nil {
				faults = append(faults, err)
				continue
			}
		}
		source, err := generic.New(g.Name, accept(g.Inbound), mapping, log)
		if err != nil {
			faults = append(faults, mappingFault(g.Map, err))
			continue
		}
		native = native || g.Name == generic.DefaultName
		all = append(all, source)
	}
	if !native {
		more = append(more, generic.DefaultName)
	}
	for _, name := range more {
		source, err := generic.New(name, accept(config.Credentials{}), nil, log)
		if err != nil {
			return nil, err
		}
		all = append(all, source)
	}
	return all, errors.Join(faults...)
}

// mappingFault gives the mistakes of a mapping their lines.
func mappingFault(section config.Section, err error) error {
	if key, ok := errors.AsType[*generic.KeyError](err); ok {
		return section.Fail(key.Key, "%v", key.Err)
	}
	return err
}

// webhookPath is where a sender posts to.
func webhookPath(sender string) string { return "/webhooks/" + sender }

// alertmanagers are how the configured replicas are reached.
func (s *system) alertmanagers() alertmanager.PullerOptions {
	am := s.config.Intake.Alertmanager
	o := alertmanager.PullerOptions{Clock: s.clock, Authorize: authorize(am.Auth)}
	for _, u := range am.URLs {
		o.URLs = append(o.URLs, u.String())
	}
	return o
}

// silencer places silences at Alertmanager; nil where its address is not known, and
// in observe mode, in which nothing outside is changed.
func (s *system) silencer() commands.Silencer {
	if s.config == nil || s.config.Mode != config.Act || len(s.config.Intake.Alertmanager.URLs) == 0 {
		return nil
	}
	placer, err := alertmanager.NewSilencer(s.alertmanagers())
	if err != nil {
		s.log.Warn("silences are noted only", slog.Any("error", err))
		return nil
	}
	return placer
}

// readback asks Alertmanager what fires, where its address is configured.
func (s *system) readback() error {
	if len(s.config.Intake.Alertmanager.URLs) == 0 {
		return nil
	}
	puller, err := alertmanager.NewPuller(s.alertmanagers())
	if err != nil {
		return err
	}
	s.app.Add(bot.Service{Name: "read back", Run: alert.NewReadback(puller, "Alertmanager", s.db, s.intake, s.clock, s.log).Run})
	return nil
}

func authorize(c config.Credentials) func(*http.Request) {
	switch {
	case !c.Token.IsZero():
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.Token.Reveal()) }
	case c.Username != "":
		return func(r *http.Request) { r.SetBasicAuth(c.Username, c.Password.Reveal()) }
	}
	return nil
}

// front is the web server of a system.
func (s *system) front(o web.Options, token config.Secret, more ...string) (*web.Server, error) {
	var err error
	if o.Sources, err = sources(s.config.Intake, token, s.log, more...); err != nil {
		return nil, err
	}
	o.Intake, o.Healthy, o.Version, o.Log = s.intake, s.db.Healthy, versionText(), s.log
	server, err := web.New(o)
	if err != nil {
		return nil, err
	}
	if err := s.mountWaking(server); err != nil {
		return nil, err
	}
	return server, server.Metrics().FollowerLag(s.lag)
}

// lagTimeout bounds what a scrape waits for.
const lagTimeout = 2 * time.Second

func (s *system) lag() map[string]int64 {
	ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
	defer cancel()
	lag, err := s.app.Runtime.Lag(ctx)
	if err != nil {
		s.log.Warn("cannot tell how far followers are", slog.Any("error", err))
	}
	return lag
}

// webService runs a web server beside the followers.
func webService(name string, server *web.Server) bot.Service {
	return bot.Service{Name: name, Open: server.Start, Run: func(ctx context.Context) error {
		select {
		case err := <-server.Failed():
			return err
		case <-ctx.Done():
		}
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		if err := server.Stop(stopping); err != nil {
			return fmt.Errorf("requests did not finish: %w", err)
		}
		return nil
	}}
}
