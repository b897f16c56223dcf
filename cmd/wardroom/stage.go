package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/postmortem"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/web"
	"wardroom/storage"
)

// open wires the system that the scenario is played on, with a real web server
// on a free port of the loopback address.
func (s *stage) open(ctx context.Context, cfg *config.Config, salts io.Reader) error {
	codec, err := newCodec()
	if err != nil {
		return err
	}
	s.show.codec = codec
	with := settings{config: cfg, data: s.dir, clock: s.clock, rand: salts, marked: storage.Rehearsal,
		log: shellLog(), rooms: []room{{"screen", s.show}}, discord: s.stageDiscord(), fleet: s.world.settings().in(cfg.Mode)}
	if s.adjust != nil {
		s.adjust(&with)
	}
	if s.system, err = wire(ctx, with); err != nil {
		return err
	}
	s.show.view, s.show.sight = s.db.View, s.system.sight()
	// So that the same night leaves the same record.
	s.app.Runtime.InTurn()
	s.attend()
	s.operate()
	token, err := webhookToken(s.dir)
	if err != nil {
		return errors.Join(err, s.db.Close())
	}
	s.token = token.Reveal()
	front, err := s.system.front(web.Options{Listen: "127.0.0.1:0"}, token, s.file.Senders()...)
	if err != nil {
		return errors.Join(err, s.db.Close())
	}
	s.app.Add(webService("web", front))
	if err := s.app.Start(ctx); err != nil {
		return err
	}
	s.url = "http://" + front.Addr()
	return s.meet(ctx)
}

func (s *stage) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	defer s.world.close()
	defer s.chat.Close()
	return s.app.Stop(ctx)
}

// newestRoom is the newest open incident: where people talk.
func (s *stage) newestRoom(ctx context.Context) (id timeline.ID, err error) {
	err = s.db.View(ctx, func(v timeline.View) error {
		open, err := incident.Open(v)
		if err == nil && len(open) > 0 {
			id = open[0].ID
		}
		return err
	})
	return id, err
}

// finish checks what was expected, verifies the chains, leaves exports, the
// status page and the transcript in o.out ("": nowhere), and says what came of it.
func (s *stage) finish(ctx context.Context, o replayOptions) error {
	outcomes, err := s.file.Check(ctx, s.db)
	if err != nil {
		return err
	}
	report, err := s.db.Verify(ctx, storage.VerifyOptions{Rebuild: true})
	if err != nil {
		return err
	}
	c := closing{stageScreen: s.show, start: s.file.Start(), report: report, outcomes: outcomes}
	if err := s.db.View(ctx, c.read); err != nil {
		return err
	}
	if o.out != "" {
		if err := s.leave(ctx, o.out); err != nil {
			return err
		}
	}
	c.write(o)
	var faults []error
	for _, o := range outcomes {
		if !o.OK {
			faults = append(faults, fmt.Errorf("expected that %s; got: %s", o.What, o.Got))
		}
	}
	for _, f := range report.Faults {
		faults = append(faults, errors.New(f.String()))
	}
	if len(faults) > 0 {
		return problem.New(problem.Conflict, "the scenario did not end as expected").Because(errors.Join(faults...))
	}
	return nil
}

func (s *stage) leave(ctx context.Context, dir string) error {
	err := s.db.View(ctx, func(v timeline.View) error {
		all, err := incident.Table.Select(v, timeline.Query{OrderBy: "number"})
		if err != nil {
			return err
		}
		for _, i := range all {
			for _, format := range postmortem.Formats {
				name, body, err := postmortem.Export(v, s.codec, i.ID, postmortem.Options{Format: format, Zone: s.file.Zone()})
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.own.Export(ctx, filepath.Join(dir, "status")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "transcript.txt"), []byte(s.chat.Transcript()), 0o644)
}

func scenarioRoutes(written []scenario.Route) (alert.Routes, error) {
	texts := make([]alert.RouteText, len(written))
	for i, r := range written {
		texts[i] = alert.RouteText{Match: r.Match, Action: string(alert.Open), Severity: r.Open}
		switch {
		case r.Notify:
			texts[i] = alert.RouteText{Match: r.Match, Action: string(alert.Notify)}
		case r.Ignore:
			texts[i] = alert.RouteText{Match: r.Match, Action: string(alert.Ignore)}
		}
	}
	return alert.ParseRoutes(texts)
}
