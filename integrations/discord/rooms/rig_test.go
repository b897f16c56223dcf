package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/discordtest/spec"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
	"wardroom/integrations/discord/rooms"
	"wardroom/storage"
)

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// rig is a database, a simulated Discord and a process between them that can die.
type rig struct {
	t       *testing.T
	clock   *scenario.Clock
	db      *storage.DB
	codec   *timeline.Codec
	discord *discordtest.Server
	wire    *wire
	adjust  func(*rooms.Options)

	rest    *rest.Client
	rooms   *rooms.Rooms
	runtime *timeline.Runtime
	life    context.Context
	kill    context.CancelFunc
	ended   chan error
	deaths  int
	rests   time.Duration // how long it stays dead
}

// wire carries the process's requests, and kills it at one of them.
type wire struct {
	mu      sync.Mutex
	n       int
	at      int  // the request to die at; 0: none
	arrives bool // it arrives, and only its answer does not
	kill    func()
	seen    []string
}

var errDied = errors.New("the process died")

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.n++
	w.seen = append(w.seen, r.Method+" "+r.URL.Path)
	dies, kill := w.n == w.at, w.kill
	w.mu.Unlock()
	if dies && !w.arrives {
		kill()
		return nil, errDied
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if dies {
		if err == nil {
			res.Body.Close()
		}
		kill()
		return nil, errDied
	}
	return res, err
}

type setup struct {
	discord discordtest.Options
	adjust  func(*rooms.Options)
	unheld  bool // requests are not held to Discord's document, which takes a while to load
}

func newRig(t *testing.T, s setup) *rig {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, statuspage.Kinds, remediation.Kinds, room.PlaceKinds)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, clock: scenario.NewClock(at("00:32")), codec: codec, wire: &wire{}, adjust: s.adjust}
	g.db, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{Codec: codec, Clock: g.clock,
		Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, remediation.FreezeFold, remediation.RunFold, room.Fold, timeline.DeliveriesFold}})
	if err != nil {
		t.Fatal(err)
	}
	s.discord.Now = g.clock.Now
	if s.discord.Limits == nil {
		s.discord.Limits = discordtest.NoLimits
	}
	if !s.unheld {
		s.discord.Wrap = func(next http.Handler) http.Handler {
			held, err := spec.Middleware("/api/v10", t.Errorf, next)
			if err != nil {
				t.Fatal(err)
			}
			return held
		}
	}
	if g.discord, err = discordtest.New(s.discord); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.stop()
		g.discord.Close()
		g.db.Close()
	})
	g.start()
	g.settle() // what is recorded before the followers have begun is looked for first
	return g
}

// start begins a process that knows nothing but the database.
func (g *rig) start() {
	g.t.Helper()
	log := slog.New(slog.NewTextHandler(g.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	client := rest.New(rest.Options{Token: g.discord.Token(), Base: g.discord.API(), HTTP: &http.Client{Transport: g.wire},
		Clock: g.clock, Log: log, Patience: -1, PerSecond: -1})
	g.rest = client
	o := rooms.Options{Rest: client, Store: g.db, Clock: g.clock, Codec: g.codec, Log: log, Guild: g.discord.GuildID()}
	o.Render = render.New(render.Options{Room: func(id timeline.ID) string { return g.place(id).Channel },
		DiscordID: func(name string) string { return g.discord.UserID(name) }})
	if g.adjust != nil {
		g.adjust(&o)
	}
	g.rooms = rooms.New(o)
	g.runtime = timeline.NewRuntime(g.db, g.clock, log)
	g.runtime.InTurn()
	g.runtime.AddPoster(rooms.PosterName, timeline.ID.IsIncident, g.rooms.Poster())
	g.runtime.AddMirror(rooms.LivingName, timeline.ID.IsIncident, rooms.Pace, g.rooms.Living())
	g.runtime.AddMirror(rooms.OverviewName, timeline.ID.IsIncident, rooms.Pace, g.rooms.Overview())
	g.life, g.kill = context.WithCancel(context.Background())
	g.ended = make(chan error, 1)
	g.wire.mu.Lock()
	g.wire.kill = g.kill
	g.wire.mu.Unlock()
	go func(rt *timeline.Runtime, life context.Context, ended chan error) { ended <- rt.Run(life) }(g.runtime, g.life, g.ended)
}

func (g *rig) stop() {
	g.kill()
	if err := <-g.ended; err != nil {
		g.t.Error(err)
	}
	g.ended <- nil // it may be stopped again
}

// record adds entries without waiting for what follows from them.
func (g *rig) record(clock string, id timeline.ID, payloads ...timeline.Payload) []timeline.Entry {
	g.t.Helper()
	g.clock.MoveTo(at(clock))
	entries, err := g.db.Update(context.Background(), func(timeline.View) (d timeline.Decision, _ error) {
		for _, p := range payloads {
			d.Entries = append(d.Entries, timeline.Draft{Timeline: id, Actor: people.Human("joe"), Payload: p})
		}
		return d, nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return entries
}

// settle is settleFor a quarter of an hour.
func (g *rig) settle() { g.t.Helper(); g.settleFor(15 * time.Minute) }

// settleFor waits until nothing is left to do, moving the clock over waits of up to
// d in all. A process that died is started again.
func (g *rig) settleFor(d time.Duration) {
	g.t.Helper()
	until := g.clock.Now().Add(d)
	for {
		ctx, stop := context.WithTimeout(g.life, 20*time.Second)
		err := g.runtime.Settle(ctx)
		stop()
		if g.life.Err() != nil {
			g.stop()
			g.deaths++
			g.clock.MoveTo(g.clock.Now().Add(g.rests))
			g.start()
			continue
		}
		if err != nil {
			g.t.Fatal("it does not come to rest: ", err)
		}
		next, waits := g.clock.Next()
		if !waits {
			return
		}
		if next.After(until) {
			return
		}
		g.clock.MoveTo(next)
	}
}

// happen records and settles.
func (g *rig) happen(clock string, id timeline.ID, payloads ...timeline.Payload) []timeline.Entry {
	g.t.Helper()
	entries := g.record(clock, id, payloads...)
	g.settle()
	return entries
}

func (g *rig) view(read func(timeline.View) error) {
	g.t.Helper()
	if err := g.db.View(context.Background(), read); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) place(id timeline.ID) (p room.Place) {
	g.view(func(v timeline.View) (err error) {
		p, _, err = room.PlaceOf(v, rooms.Chat, id)
		return err
	})
	return p
}

// failures are what could not be delivered, as the timeline tells it.
func (g *rig) failures(id timeline.ID) (reasons []string) {
	g.view(func(v timeline.View) error {
		entries, err := v.Entries(id, 0, 10_000)
		for _, e := range entries {
			if f, is := e.Payload.(*timeline.DeliveryFailed); is {
				reasons = append(reasons, f.Reason)
			}
		}
		return err
	})
	return reasons
}

// told are the footers and texts of what stands in a channel, without Discord's own
// messages, one line each.
func (g *rig) told(channel string) []string {
	var out []string
	for _, m := range g.discord.Messages(channel) {
		if m.Type == 6 { // "pinned a message"
			continue
		}
		line := ""
		if m.Pinned {
			line = "📌 "
		}
		line += m.Content
		for _, e := range m.Embeds {
			line += " ¦ " + e.Title + " ¦ " + e.Description
			if e.Footer != nil {
				line += " ¦ " + e.Footer.Text
			}
		}
		out = append(out, line)
	}
	return out
}

// refs are the entries that the posts of a room name, in order.
func (g *rig) refs(channel string) string {
	var refs []string
	for _, m := range g.discord.Messages(channel) {
		for _, e := range m.Embeds {
			if e.Footer != nil && strings.Contains(e.Footer.Text, "#") {
				word, _, _ := strings.Cut(e.Footer.Text, " ")
				refs = append(refs, word)
			}
		}
	}
	return strings.Join(refs, " ")
}

// picture is everything that stands in Discord, without ids and times of sending.
func (g *rig) picture() string {
	var b strings.Builder
	names := map[string]string{}
	for _, c := range g.discord.Channels() {
		names[c.ID] = c.Name
	}
	channels := g.discord.Channels()
	slices.SortFunc(channels, func(a, b discordtest.Channel) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	for _, c := range channels {
		parent, topic := "", ""
		if c.ParentID != nil {
			parent = names[*c.ParentID]
		}
		if c.Topic != nil {
			topic = *c.Topic
			if i := strings.Index(topic, " · the"); i > 6 {
				topic = topic[:i-6] + topic[i:] // a hash
			}
		}
		fmt.Fprintf(&b, "== %s in %q: %s\n", c.Name, parent, topic)
		for _, line := range g.told(c.ID) {
			if i := strings.Index(line, "Head of"); i >= 0 {
				line = line[:i+len("Head of INC-1")] + line[i+len("Head of INC-1: #00 `")+64:]
			}
			for id, name := range names {
				line = strings.ReplaceAll(line, id, name)
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func declared(title string, severity alert.Severity, clock string) *incident.Declared {
	return &incident.Declared{Title: title, Severity: severity, StartedAt: at(clock)}
}

func note(format string, args ...any) *incident.Noted {
	return &incident.Noted{Body: fmt.Sprintf(format, args...)}
}

var (
	resolve = &incident.StatusChanged{From: incident.Investigating, To: incident.Resolved}
	closed  = &incident.StatusChanged{From: incident.Resolved, To: incident.Closed}
	reopen  = &incident.StatusChanged{From: incident.Closed, To: incident.Investigating, Reopened: true}
)
