package discord

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/room"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/commands"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
	"wardroom/storage"
)

var night = time.Date(2021, 7, 11, 0, 42, 0, 0, time.UTC)

// rig is a bot on a real store, a simulated Discord, and a clock that the test moves.
type rig struct {
	t     *testing.T
	sim   *discordtest.Server
	store *storage.DB
	vault *storage.Vault
	clock *scenario.Clock
	desk  *incident.Desk
	log   *syncBuffer

	bot       *Bot
	stop      func() // ends the bot, as a kill does: nothing is waited for that is not done
	refreshed chan timeline.ID
	back      chan struct{}

	// slow is what /slow waits for; closed at the end.
	slow chan struct{}
	pace pace
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newRig(t *testing.T, o discordtest.Options) *rig {
	t.Helper()
	r := &rig{t: t, clock: scenario.NewClock(night), log: &syncBuffer{}, slow: make(chan struct{}),
		pace:      pace{refused: 10 * time.Minute, steady: time.Hour, identify: 1000, burst: 1000},
		refreshed: make(chan timeline.ID, 100), back: make(chan struct{}, 100)}
	o.Now, o.Limits = r.clock.Now, discordtest.NoLimits
	o.People = append(o.People, "joe", "vera", "stranger")
	var err error
	r.sim, err = discordtest.New(o)
	check(t, err)
	t.Cleanup(r.sim.Close)
	codec, err := timeline.NewCodec(command.Kinds, incident.Kinds, alert.Kinds, room.PlaceKinds, room.SaidKinds)
	check(t, err)
	folder := t.TempDir()
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(folder, "wardroom.db"), storage.Options{
		Codec: codec, Folds: []timeline.Fold{alert.Fold, incident.Fold, room.Fold, timeline.DeliveriesFold}, Clock: r.clock, Log: slog.New(slog.DiscardHandler)})
	check(t, err)
	t.Cleanup(func() { r.store.Close() })
	r.vault, err = storage.OpenVault(filepath.Join(folder, "attachments"))
	check(t, err)
	r.desk = incident.NewDesk(r.store)
	return r
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// make makes a bot with the test's patience; begin also runs it.
func (r *rig) make() *Bot {
	r.t.Helper()
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	directory, err := people.NewDirectory([]people.Person{
		{Name: "joe", Roles: []people.Role{people.Lead}, Discord: []string{r.sim.UserID("joe")}},
		{Name: "vera", Roles: []people.Role{people.Viewer}, Discord: []string{r.sim.UserID("vera")}},
	})
	check(r.t, err)
	slow := func(ctx context.Context, _ command.Request) (command.Reply, error) {
		select {
		case <-r.slow:
			return command.Reply{Text: "**done** at last"}, nil
		case <-ctx.Done():
			return command.Reply{}, ctx.Err()
		}
	}
	mine := []command.Command{
		{Path: "slow", Summary: "Take a minute", Access: people.Responder, Timeout: time.Hour, Records: true, Handle: slow},
		{Path: "secret", Summary: "Take a minute in private", Access: people.Responder, Timeout: time.Hour, Visibility: command.Private, Handle: slow},
		{Path: "broken", Summary: "Panic", Handle: func(context.Context, command.Request) (command.Reply, error) { panic("broken") }},
	}
	table, err := commands.All(commands.Incident(r.desk, nil, nil), mine)
	check(r.t, err)
	runner := &command.Runner{Table: table, Store: r.store, Incidents: incident.Directory{}, People: directory, Clock: r.clock, Log: slog.New(slog.DiscardHandler)}
	bot, err := New(Options{
		Token: r.sim.Token(), Guild: r.sim.GuildID(), PublicKey: r.sim.PublicKey(), Category: "Incidents", Overview: "overview",
		Runner: runner, Table: table, People: directory, Incidents: incident.Directory{}, Store: r.store, Vault: r.vault,
		Rest:   rest.New(rest.Options{Token: r.sim.Token(), Base: r.sim.API(), Clock: r.clock, Log: slog.New(slog.DiscardHandler), PerSecond: -1}),
		Render: render.New(render.Options{Keeper: Routes{r.store, r.clock}, Table: table}),
		Clock:  r.clock, Log: log, Hosts: []string{"127.0.0.1"},
		Back: func() { r.back <- struct{}{} }, Refresh: func(id timeline.ID) { r.refreshed <- id },
	})
	check(r.t, err)
	bot.patience = patience{direct: 300 * time.Millisecond, ack: 2500 * time.Millisecond, again: time.Second, give: 10 * time.Minute}
	bot.session.pace = r.pace
	return bot
}

func (r *rig) begin() *Bot {
	r.t.Helper()
	r.bot = r.make()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.bot.Run(ctx) }()
	var once sync.Once
	r.stop = func() { once.Do(func() { cancel(); <-done }) }
	r.t.Cleanup(r.stop)
	return r.bot
}

// connected begins, and waits until the commands are registered.
func (r *rig) connected() {
	r.t.Helper()
	r.begin()
	check(r.t, r.sim.WaitSession(r.soon()))
	check(r.t, r.sim.Wait(r.soon(), func() bool { return len(r.sim.Commands()) > 0 }))
	r.eventually("caught up", func() bool { return !r.bot.messages.busy() && r.bot.Working().OK })
}

func (r *rig) soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	r.t.Cleanup(cancel)
	return ctx
}

// eventually waits for what changes inside the bot.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := r.soon(); !ok(); {
		select {
		case <-tick.C:
		case <-end.Done():
			r.t.Fatalf("never: %s\n%s", what, r.log)
		}
	}
}

// incident declares one, with a room of this name.
func (r *rig) incident(channel string) timeline.ID {
	r.t.Helper()
	i, err := r.desk.Declare(r.t.Context(), incident.Who{Actor: people.Human("joe")}, incident.Declaration{Title: "PostgreSQL is out of connections", Severity: alert.SEV2, StartedAt: night})
	check(r.t, err)
	id := r.sim.AddChannel(channel, discordtest.ChannelText, "")
	_, err = r.store.Update(r.t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: i.ID, Payload: &room.Opened{Place: room.Place{ID: i.ID, Chat: chat, Channel: id, Name: channel}}}}}, nil
	})
	check(r.t, err)
	return i.ID
}

// story is what a timeline tells, one entry a line.
func (r *rig) story(id timeline.ID) string {
	r.t.Helper()
	var lines []string
	check(r.t, r.store.View(r.t.Context(), func(v timeline.View) error {
		entries, err := v.Entries(id, 0, 1000)
		for _, e := range entries {
			lines = append(lines, string(e.Kind)+" | "+e.Actor.Display()+" | "+e.Payload.Text())
		}
		return err
	}))
	return strings.Join(lines, "\n")
}

func (r *rig) tells(id timeline.ID, wants ...string) {
	r.t.Helper()
	for _, want := range wants {
		if got := r.story(id); strings.Count(got, want) != 1 {
			r.t.Errorf("%s: want %q once in\n%s", id, want, got)
		}
	}
}

func (r *rig) scratchKeys(prefix string) (n int) {
	r.t.Helper()
	check(r.t, r.store.View(r.t.Context(), func(v timeline.View) error {
		notes, err := v.Scratch(prefix)
		n = len(notes)
		return err
	}))
	return n
}
