package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"wardroom/bot"
	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/commands"
	"wardroom/integrations/ownpage"
	"wardroom/storage"
)

// settings are what a system is made from.
type settings struct {
	config  *config.Config
	data    string // the data folder
	clock   timeline.Clock
	rand    io.Reader // for salts; nil: the machine's
	marked  string    // see storage.Options
	log     *slog.Logger
	meter   alert.Meter       // may be nil
	pages   []statuspage.Page // of other providers, beside the built-in one
	rooms   []room
	discord *discordSettings // nil: there is no Discord
	fleet   fleetSettings
	standby storage.Standby // nil: a record that another process owns is an error
}

// record is where the record is kept: of a rehearsal, always in its own folder.
func (s settings) record() record {
	if s.marked != "" {
		return record{file: filepath.Join(s.data, databaseFile)}
	}
	return recordOf(s.config, s.data)
}

// room is where people read what happens: a poster for each chat.
type room struct {
	name   string
	poster timeline.Poster
}

// system is a wired Wardroom. Nothing runs before its app is started.
type system struct {
	settings
	db        *storage.DB
	codec     *timeline.Codec
	app       *bot.App
	intake    *alert.Intake
	table     *command.Table
	runner    *command.Runner
	incidents *incident.Desk
	status    *statuspage.Desk
	posters   []*statuspage.Poster // one for each page
	own       *ownpage.Page
	waking    waking
	guild     *guild // nil: there is no Discord
	machines  *machines
}

// wire opens the database and puts everything together that every way of running
// needs: serve, a single command, a scenario. Close the database, or stop the app.
func wire(ctx context.Context, s settings) (*system, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if s.standby == nil {
		s.standby = storage.NoStandby
	}
	db, err := s.record().open(ctx, storage.Options{
		Codec: codec, Folds: folds(), Clock: s.clock, Rand: s.rand, Log: s.log, Marked: s.marked,
	}, s.standby)
	if err != nil {
		return nil, err
	}
	sys := &system{settings: s, db: db, codec: codec, app: bot.New(db, s.clock, s.log)}
	sys.app.OnStop(func(context.Context) error { return db.Close() })
	err = sys.compose()
	if err == nil {
		err = statuspage.Declare(ctx, db, components(s.config.StatusPage.Components))
	}
	if err == nil {
		err = sys.follow()
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return sys, nil
}

// inspect puts together what only reads, on a database that another process may
// own. Whatever would record is refused. Close the database.
func inspect(ctx context.Context, s settings) (*system, error) {
	db, codec, err := s.record().read(ctx)
	if err != nil {
		return nil, err
	}
	sys := &system{settings: s, db: db, codec: codec, app: bot.New(db, s.clock, s.log)}
	if err := sys.compose(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return sys, nil
}

// compose makes what answers people, on the open database.
func (s *system) compose() error {
	rules, err := ruleDelays(s.config.Intake.Alertmanager.Rules)
	if err != nil {
		return err
	}
	s.intake = alert.NewIntake(s.db, s.codec, s.clock, s.log, s.meter)
	s.incidents = incident.NewDesk(s.db)
	s.own = ownPage(s.config, s.db, s.clock, s.log)
	s.pages = append(slices.Clip(s.pages), s.own)
	providers := make([]statuspage.Provider, len(s.pages))
	for i, p := range s.pages {
		providers[i] = statuspage.ProviderOf(p)
	}
	s.status = statuspage.NewDesk(s.db, rules, providers...)
	if err := s.openMachines(); err != nil {
		return err
	}
	s.table, err = s.commandTable()
	if err != nil {
		return err
	}
	s.runner = &command.Runner{Table: s.table, Store: s.db, Incidents: incidents{}, People: s.config.People,
		Clock: s.clock, Zone: s.config.Timezone, Log: s.log}
	s.app.OnStop(s.runner.Wait)
	return s.openChat()
}

// follow adds the followers and the timers' handlers. The names are stored with
// their cursors: they never change.
func (s *system) follow() error {
	rt := s.app.Runtime
	rt.AddLogDecider("correlation", &incident.Correlator{Routes: s.config.Routes, Rules: s.config.Correlation})
	for _, p := range s.pages {
		poster := &statuspage.Poster{Page: p, Store: s.db, Clock: s.clock}
		s.posters = append(s.posters, poster)
		rt.AddPoster(statuspage.FollowerName(p), poster.Follows, poster)
	}
	s.followChat()
	for _, r := range s.rooms {
		rt.AddPoster("room/"+r.name, timeline.ID.IsIncident, r.poster)
	}
	for _, group := range []map[string]timeline.Handler{incident.Handlers(), remediation.Handlers()} {
		for what, h := range group {
			if err := rt.Handle(what, h); err != nil {
				return err
			}
		}
	}
	if err := s.wake(); err != nil {
		return err
	}
	s.app.Add(bot.Service{Name: "alert changes", Run: s.intake.Run})
	rt.AddWait(s.intake.NextDue)
	return nil
}

func (s *system) commandTable() (*command.Table, error) {
	return commands.All(
		commands.Incident(s.incidents, s.notBack(), s.resolver()),
		commands.Timeline(s.incidents, s.codec, exporter{s}),
		commands.Status(s.status),
		commands.Alert(s.incidents, s.silencer(), s.resolver()),
		commands.Node(s.repairOptions()),
		commands.Volume(s.repairOptions()),
		commands.Workload(s.repairOptions()),
		commands.Scale(s.repairOptions()),
		commands.Redis(s.repairOptions()),
		commands.Restart(s.repairOptions()),
		commands.Pod(s.repairOptions()),
		commands.Run(s.runOptions()),
		commands.Freeze(s.db),
		commands.OnCall(s.onCallOptions()),
	)
}

func components(configured []config.Component) []statuspage.Declaration {
	declared := make([]statuspage.Declaration, len(configured))
	for i, c := range configured {
		declared[i] = statuspage.Declaration{Name: c.Name, Description: c.Description, Group: c.Group}
	}
	return declared
}

// withOwner returns the configured people, or, when none are configured, the
// Unix user whose process this is, as a lead: a newcomer needs no configuration.
func withOwner(configured *people.Directory) (*people.Directory, error) {
	if len(configured.All()) > 0 {
		return configured, nil
	}
	uid := os.Getuid()
	name := "uid-" + strconv.Itoa(uid)
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		name = u.Username
	}
	return people.NewDirectory([]people.Person{{Name: name, Roles: []people.Role{people.Lead}, UIDs: []int{uid}}})
}
