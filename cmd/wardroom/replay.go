package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wardroom/bot/command"
	"wardroom/bot/config"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/docs/scenarios"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/rooms"
)

func newDemo() *cobra.Command {
	o := replayOptions{again: "wardroom demo", brief: true}
	c := &cobra.Command{
		Use:   "demo [NAME]",
		Short: "Play the night of 2021-07-11, or another that comes with Wardroom, through the real bot",
		Long: "Plays a written incident through the real bot: real webhooks over HTTP, the real\n" +
			"database, commands as people typed them, on a clock that skips what nobody waits\n" +
			"for. Nothing outside is touched. There are:\n  " + strings.Join(scenarios.Names(), "\n  "),
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: scenarios.Names(),
		RunE: func(c *cobra.Command, args []string) error {
			name := scenarios.Demo
			if len(args) > 0 {
				name = args[0]
				o.again += " " + shellQuote(name)
			}
			f, err := scenarios.Open(name)
			if err != nil {
				return problem.New(problem.NotFound, "no scenario %q comes with Wardroom", name).
					WithHint("there are %s; wardroom replay plays a file of yours", strings.Join(scenarios.Names(), ", "))
			}
			defer f.Close()
			return replay(c.Context(), f, o, c.OutOrStdout())
		},
	}
	o.flags(c)
	return c
}

func newReplay() *cobra.Command {
	o := replayOptions{}
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Play a scenario through the real bot",
		Long: "Plays a scenario: your own post-mortem as a rehearsal, or one that comes with\n" +
			"Wardroom. docs/scenario-format.md describes the files. It fails when the bot\n" +
			"refuses an event or an expectation does not hold.",
		Example: "  wardroom replay night.yaml --speed max --out night",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return problem.New(problem.NotFound, "cannot read the scenario").Because(err)
			}
			defer f.Close()
			o.again = "wardroom replay " + shellQuote(args[0])
			return replay(c.Context(), f, o, c.OutOrStdout())
		},
	}
	o.flags(c)
	return c
}

type replayOptions struct {
	speed pace
	out   string
	again string // how it is started, for people
	brief bool   // expectations that hold are not listed
}

func (o *replayOptions) flags(c *cobra.Command) {
	o.speed = pace{whole: time.Minute}
	c.Flags().Var(&o.speed, "speed", `"minute" takes about one, "max" as little as it can; a number is how many times faster than life`)
	c.Flags().StringVar(&o.out, "out", "", "leave the database, the exports, the status page and the transcript in this folder")
}

// replay plays one scenario and leaves what came of it in o.out.
func replay(ctx context.Context, file io.Reader, o replayOptions, out io.Writer) (err error) {
	f, err := scenario.Read(file)
	if err != nil {
		return err
	}
	dir := o.out
	if dir == "" {
		if dir, err = os.MkdirTemp("", "wardroom-*"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if _, err := os.Stat(filepath.Join(dir, databaseFile)); !errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.Conflict, "%s holds a database already", dir).WithHint("name an empty folder with --out")
	}
	stage, err := newStage(ctx, f, dir, out, discordtest.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.close(ctx)) }()
	if err := stage.play(ctx, o.speed); err != nil {
		return err
	}
	return stage.finish(ctx, o)
}

// stage is a system that a scenario is played on.
type stage struct {
	*system
	file       *scenario.File
	clock      *scenario.Clock
	url, token string
	client     *http.Client
	chat       *discordtest.Server // where the people of the scenario meet
	heard      *hearing
	world      *stageWorld // nil: the scenario has none
	show       *stageScreen
	dir        string
	adjust     func(*settings) // changes what the system is wired from; may be nil
}

var _ scenario.Driver = (*stage)(nil)

// newStage makes a system on a simulated world of its own; o says what kind of
// Discord is in it.
func newStage(ctx context.Context, f *scenario.File, dir string, out io.Writer, o discordtest.Options) (*stage, error) {
	s := &stage{file: f, clock: scenario.NewClock(f.Opens()), client: &http.Client{Timeout: 30 * time.Second}, dir: dir}
	s.show = newStageScreen(out, f.Zone())
	if err := s.build(ctx, o); err != nil {
		if s.chat != nil {
			s.chat.Close()
		}
		s.world.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) build(ctx context.Context, o discordtest.Options) (err error) {
	if s.chat, err = newStageChat(s.file, s.clock, o); err != nil {
		return err
	}
	if s.world, err = newStageWorld(s.file, s.clock); err != nil {
		return err
	}
	cfg, err := rehearsalConfig(s.file, s.chat.UserID)
	if err != nil {
		return err
	}
	// The salts of a rehearsal are drawn from its name, so that the same scenario
	// gives the same heads.
	return s.open(ctx, cfg, rand.NewChaCha8(sha256.Sum256([]byte(s.file.Scenario))))
}

// rehearsalConfig is the default configuration with what the scenario says; account
// gives the Discord id of a person.
func rehearsalConfig(f *scenario.File, account func(string) string) (*config.Config, error) {
	cfg := config.Default()
	cfg.Timezone, cfg.Mode = f.Zone(), config.Act
	for _, name := range f.Components {
		cfg.StatusPage.Components = append(cfg.StatusPage.Components, config.Component{Name: name})
	}
	persons := f.Persons()
	for i := range persons {
		persons[i].Discord = []string{account(persons[i].Name)}
	}
	var err error
	if cfg.People, err = people.NewDirectory(persons); err != nil {
		return nil, problem.New(problem.Invalid, "the scenario has faults").Because(err)
	}
	if len(f.Routes) > 0 {
		if cfg.Routes, err = scenarioRoutes(f.Routes); err != nil {
			return nil, problem.New(problem.Invalid, "the scenario has faults").Because(err)
		}
	}
	return cfg, nil
}

func (s *stage) play(ctx context.Context, speed pace) error {
	s.show.title(s.file)
	p := &scenario.Player{File: s.file, Clock: s.clock, Driver: s, Narrate: s.show.event, Pace: s.pace(speed), Linger: rooms.Pace}
	return p.Play(ctx)
}

// pace says how long nothing happens before it waits that long.
func (s *stage) pace(speed pace) func(context.Context, time.Duration) error {
	wait := speed.pacer(s.file)
	return func(ctx context.Context, passes time.Duration) error {
		s.show.passes(passes)
		if wait == nil {
			return nil
		}
		return wait(ctx, passes)
	}
}

// Webhook implements [scenario.Driver]: over HTTP, as the sender would.
func (s *stage) Webhook(ctx context.Context, sender string, body []byte) error {
	defer s.app.Runtime.Hold()()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+webhookPath(sender), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
	if res.StatusCode/100 != 2 {
		return problem.New(problem.Invalid, "the webhook was answered with %s: %s", res.Status, strings.TrimSpace(string(answer)))
	}
	return nil
}

// Ask implements [scenario.Driver]: in the room of the newest open incident; in the
// shell while the chat is away.
func (s *stage) Ask(ctx context.Context, person, line string) (command.Reply, error) {
	defer s.app.Runtime.Hold()()
	room, err := s.newestRoom(ctx)
	if err != nil {
		return command.Reply{}, err
	}
	if s.chatWorks() {
		return s.askInChat(ctx, person, line, room)
	}
	p, _ := s.config.People.ByName(person)
	ask, err := s.table.ParseLine(line)
	if err != nil {
		return command.Reply{}, err
	}
	return s.runner.Run(ctx, command.Caller{Person: &p, Actor: p.Actor(), Via: "shell", Room: room}, ask)
}

// Settle implements [scenario.Driver].
func (s *stage) Settle(ctx context.Context) error {
	err := s.app.Settle(ctx)
	s.show.settled()
	return err
}

func (s *stage) Update(ctx context.Context, decide func(timeline.View) (timeline.Decision, error)) ([]timeline.Entry, error) {
	defer s.app.Runtime.Hold()()
	return s.db.Update(ctx, decide)
}

func (s *stage) View(ctx context.Context, read func(timeline.View) error) error {
	return s.db.View(ctx, read)
}

func (s *stage) OnCommit(f func(timeline.Commit)) { s.db.OnCommit(f) }
func (s *stage) Healthy() error                   { return s.db.Healthy() }
