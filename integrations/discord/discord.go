// Package discord is the team's Discord: the connection that never gives up and
// never floods, the interactions that are always answered in time, the messages
// that people put into the timeline, and the checks that say what is missing.
//
// It speaks REST through [wardroom/integrations/discord/rest] and renders through
// [wardroom/integrations/discord/render]. Types come from discordgo; its session
// and its REST client are not used, for the reasons in docs/adr.
package discord

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// Runner is what carries requests out: [command.Runner].
type Runner interface {
	Run(context.Context, command.Caller, command.Ask) (command.Reply, error)
	Form(context.Context, command.Caller, command.Ask) (command.FormView, error)
	Complete(ctx context.Context, c command.Caller, path, option, typed string) ([]command.Proposal, error)
}

// Options of a bot. All are needed but those that say what their absence means.
type Options struct {
	Token string // without "Bot "
	Guild string // the server's id; interactions of others are refused
	// Names of the category for rooms, of the one for what is over, and of the
	// overview channel: the checks look at them. "" is not looked at.
	Category, Archive, Overview string
	// PublicKey verifies interactions over HTTP; nil refuses them all.
	PublicKey ed25519.PublicKey

	Runner    Runner
	Table     *command.Table
	People    *people.Directory
	Incidents command.Incidents
	Store     timeline.Store
	Vault     room.Vault // keeps attachments; nil records their names alone
	Rest      *rest.Client
	Render    *render.Renderer // with [Routes] as its keeper
	Clock     timeline.Clock
	Log       *slog.Logger

	// Back is called whenever Discord can be reached again: followers that wait may
	// go on. It must not block; may be nil.
	Back func()
	// Refresh brings the living message of an incident up to date: it showed what no
	// longer holds. It must not block; may be nil.
	Refresh func(timeline.ID)
	// Rested is called whenever the bot has nothing in hand any more; see [Bot.NextDue].
	// It must not block; may be nil.
	Rested func()
	// Files fetches attachments; nil is a client with a deadline. Hosts are the only
	// ones it is sent to; nil is Discord's own.
	Files *http.Client
	Hosts []string
	// GatewayURL replaces what Discord says; "" asks it.
	GatewayURL string
}

var snowflake = regexp.MustCompile(`^[0-9]{1,20}$`)

// Bot is one bot in one guild. Run it once; its other methods may be called at any
// time from any goroutine.
type Bot struct {
	token, guild string
	names        struct{ category, archive, overview string }
	key          ed25519.PublicKey

	runner    Runner
	table     *command.Table
	people    *people.Directory
	incidents command.Incidents
	store     timeline.Store
	vault     room.Vault
	rest      *rest.Client
	render    *render.Renderer
	clock     timeline.Clock
	log       *slog.Logger
	back      func()
	refresh   func(timeline.ID)
	files     *http.Client
	hosts     []string

	patience patience
	session  *session
	messages stream          // what concerns messages, in order
	tasks    sync.WaitGroup  // interactions, and what outlives them
	life     context.Context // of Run; nil before
	alive    chan struct{}   // closed when Run has begun
	flight   flight          // requests and events that are being worked on
	dialling flight          // attempts to connect
	paused   atomic.Int64    // 1 while the stream of messages waits for the clock

	app      atomic.Pointer[rest.Application]
	seen     lastSeen
	openings openings
	once     chan struct{} // holds one token: registrations do not overlap
}

// New makes a bot. It connects to nothing yet.
func New(o Options) (*Bot, error) {
	if o.Token == "" {
		return nil, errors.New("discord: there is no token")
	}
	if !snowflake.MatchString(o.Guild) {
		return nil, fmt.Errorf("discord: %.40q is not the id of a server: digits, as Copy Server ID gives it", o.Guild)
	}
	if o.PublicKey != nil && len(o.PublicKey) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("discord: the public key has %d bytes instead of %d", len(o.PublicKey), ed25519.PublicKeySize)
	}
	b := &Bot{
		token: o.Token, guild: o.Guild, key: o.PublicKey, runner: o.Runner, table: o.Table, people: o.People,
		incidents: o.Incidents, store: o.Store, vault: o.Vault, rest: o.Rest, render: o.Render, clock: o.Clock, log: o.Log,
		back: o.Back, refresh: o.Refresh, files: o.Files, hosts: o.Hosts,
		patience: usualPatience, alive: make(chan struct{}), once: make(chan struct{}, 1),
	}
	b.names.category, b.names.archive, b.names.overview = o.Category, o.Archive, o.Overview
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.back == nil {
		b.back = func() {}
	}
	if b.refresh == nil {
		b.refresh = func(timeline.ID) {}
	}
	if b.flight.rested = o.Rested; b.flight.rested == nil {
		b.flight.rested = func() {}
	}
	b.dialling.rested = b.flight.rested
	if b.hosts == nil {
		b.hosts = attachmentHosts
	}
	if b.files == nil {
		b.files = &http.Client{Timeout: fileTimeout}
	}
	b.session = &session{
		token: o.Token, clock: o.Clock, log: b.log, pace: usualPace, intents: b.intents, event: b.event, up: b.up,
		flight:   &b.dialling,
		entrance: func(ctx context.Context) (entrance, error) { return b.entrance(ctx, o.GatewayURL) },
	}
	b.messages.init(b.log, b.flight.rested)
	if b.store != nil {
		b.store.OnCommit(b.openings.committed)
	}
	return b, nil
}

// Run keeps the bot connected until ctx ends, and returns nil then. Nothing that
// Discord does ends it: it starts degraded and heals by itself.
func (b *Bot) Run(ctx context.Context) error {
	b.life = ctx
	close(b.alive)
	var own sync.WaitGroup
	own.Go(func() { b.messages.run(ctx) })
	own.Go(func() { b.housekeep(ctx) })
	b.settle(ctx)
	b.session.run(ctx)
	own.Wait()
	b.tasks.Wait() // they end with ctx
	return nil
}

// NextDue makes a virtual clock stand still while an event is being worked on, and wait
// for what wakes by it: add
// it with [timeline.Runtime.AddWait].
func (b *Bot) NextDue() (time.Time, bool) {
	if b.messages.busy() && b.paused.Load() == 0 {
		return time.Time{}, true
	}
	work, some := b.flight.due()
	dial, more := b.dialling.due()
	if !some || more && dial.Before(work) {
		return dial, more
	}
	return work, some
}

// idle waits on the clock inside a task; meanwhile nobody waits for the task. It
// returns false when ctx ended first.
func (b *Bot) idle(ctx context.Context, until time.Time) bool {
	defer b.flight.sleep(until)()
	b.flight.end()
	return b.session.wait(ctx, until)
}

// entrance asks where the gateway is and how often it may still be entered.
func (b *Bot) entrance(ctx context.Context, fixed string) (entrance, error) {
	if fixed != "" {
		return entrance{URL: fixed}, nil
	}
	door, err := b.rest.GatewayBot(ctx)
	if err != nil {
		return entrance{}, err
	}
	e := entrance{URL: door.URL}
	e.Limit.Remaining, e.Limit.ResetAfter = &door.SessionStartLimit.Remaining, int64(door.SessionStartLimit.ResetAfter)
	if door.SessionStartLimit.Total == 0 {
		e.Limit.Remaining = nil // it did not say
	}
	return e, nil
}

// intents are what the application was given: asking for more ends the connection.
func (b *Bot) intents(ctx context.Context) discordgo.Intent {
	app, err := b.lookUp(ctx)
	if err != nil || app.Flags&(rest.MessageContent|rest.MessageContentLimited) != 0 {
		return intentsAll // unknown: if it is refused, the session goes on without
	}
	b.session.state.lack("📌 records nothing: switch on Message Content Intent at " + portal + " (your application, Bot)")
	return intentsNeeded
}

// lookUp asks what the application is, and remembers it.
func (b *Bot) lookUp(ctx context.Context) (*rest.Application, error) {
	app, err := b.rest.Application(ctx)
	if err == nil {
		b.app.Store(app)
	}
	return app, err
}

// application is the application's id; "" while it is not known.
func (b *Bot) application() string {
	if app := b.app.Load(); app != nil {
		return app.ID
	}
	return ""
}

// readsContent reports whether messages arrive with their text.
func (b *Bot) readsContent() bool {
	b.session.state.mu.Lock()
	defer b.session.state.mu.Unlock()
	return b.session.state.granted&discordgo.IntentMessageContent != 0
}

// up follows each connection. It must not block.
func (b *Bot) up(resumed bool) {
	b.back()
	if resumed {
		return // what was missed is replayed by Discord
	}
	b.messages.put("catch up", func() { b.catchUp(b.life) })
	b.task("registration", func() { b.register(b.life) })
}

// event takes an event of the gateway. It must not block.
func (b *Bot) event(name string, data json.RawMessage) {
	switch name {
	case "INTERACTION_CREATE":
		i, err := decodeInteraction(data)
		if err != nil {
			b.log.Warn("an interaction was dropped: it cannot be read", "error", err)
			return
		}
		b.task("interaction", func() { b.interact(b.life, i, nil) })
	case "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "MESSAGE_REACTION_ADD":
		b.messages.put(name, func() { b.message(b.life, name, data) })
	}
}

// task runs f beside everything else; a panic in it is logged and ends nothing.
func (b *Bot) task(what string, f func()) {
	b.flight.begin()
	b.tasks.Go(func() {
		defer b.flight.end()
		b.guarded(what, f)
	})
}

func (b *Bot) guarded(what string, f func()) {
	defer func() {
		if why := recover(); why != nil {
			b.log.Error("panic", "in", what, "panic", fmt.Sprint(why), "stack", stack())
		}
	}()
	f()
}

func stack() string { return string(debug.Stack()) }

// scratch writes notes that are no record.
func (b *Bot) scratch(ctx context.Context, notes ...timeline.ScratchPut) error {
	_, err := b.store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Scratch: notes}, nil
	})
	return err
}
