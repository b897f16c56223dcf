package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/postmortem"
	"wardroom/bot/problem"
	chat "wardroom/bot/room"
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
	transcript := chat.NewTranscript(io.MultiWriter(&s.transcript, s.show.room()), codec, s.file.Zone(), s.clock)
	s.system, err = wire(ctx, settings{config: cfg, data: s.dir, clock: s.clock, rand: salts, marked: storage.Rehearsal,
		log: shellLog(), rooms: []room{{"transcript", transcript}}})
	if err != nil {
		return err
	}
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
	return nil
}

func (s *stage) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
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

// finish checks what was expected, verifies the chains, and leaves exports, the
// status page and the transcript in dir ("": nowhere).
func (s *stage) finish(ctx context.Context, dir string) error {
	outcomes, err := s.file.Check(ctx, s.db)
	if err != nil {
		return err
	}
	report, err := s.db.Verify(ctx, storage.VerifyOptions{Rebuild: true})
	if err != nil {
		return err
	}
	s.show.outcomes(outcomes)
	s.show.heads(report)
	if dir != "" {
		if err := s.leave(ctx, dir); err != nil {
			return err
		}
		s.show.left(dir)
	}
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
	return os.WriteFile(filepath.Join(dir, "transcript.txt"), s.transcript.Bytes(), 0o644)
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

// stageScreen is the running commentary: what happens outside, and below it what
// Wardroom made of it.
type stageScreen struct {
	out   io.Writer
	zone  *time.Location
	style style
}

func newStageScreen(out io.Writer, zone *time.Location) *stageScreen {
	s := &stageScreen{out: out, zone: zone}
	if f, ok := out.(*os.File); ok {
		s.style = terminalStyle(f)
	}
	return s
}

func (s *stageScreen) title(f *scenario.File) {
	fmt.Fprintf(s.out, "%s\n%s, %s to %s %s\n\n", s.style.bold(f.Title), f.Start().In(s.zone).Format("2006-01-02"),
		f.Start().In(s.zone).Format("15:04"), f.End().In(s.zone).Format("15:04"), s.zone)
}

// event is a [scenario.Narrator].
func (s *stageScreen) event(at time.Time, who, what string) {
	fmt.Fprintf(s.out, "\n%s  %s %s\n", s.style.faint(at.In(s.zone).Format("15:04")), s.style.bold(sanitize(who)), sanitize(what))
}

// room is where the transcript is shown while it is written.
func (s *stageScreen) room() io.Writer { return roomWriter{s} }

type roomWriter struct{ screen *stageScreen }

func (w roomWriter) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		if _, err := fmt.Fprint(w.screen.out, "       ", w.screen.style.faint("│"), " ", line); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (s *stageScreen) outcomes(outcomes []scenario.Outcome) {
	fmt.Fprintf(s.out, "\n%s\n", s.style.bold("Expected at the end"))
	for _, o := range outcomes {
		if o.OK {
			fmt.Fprintf(s.out, "  ok    %s\n", o.What)
			continue
		}
		fmt.Fprintf(s.out, "  FAIL  %s; got: %s\n", o.What, o.Got)
	}
}

func (s *stageScreen) heads(r storage.Report) {
	fmt.Fprintf(s.out, "\n%s\n", s.style.bold("Chains"))
	for _, h := range r.Heads {
		fmt.Fprintf(s.out, "  %-8s %4d entries, head %s\n", h.Timeline, h.Seq, h.Hash)
	}
}

func (s *stageScreen) left(dir string) {
	fmt.Fprintf(s.out, "\nLeft in %s: the database, the exports (INC-0001.md and others), status/index.html, transcript.txt\n", dir)
}
