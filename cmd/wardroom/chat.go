package main

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"wardroom/bot"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	chats "wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
	"wardroom/integrations/discord/rooms"
	"wardroom/storage"
)

// attachmentFolder keeps copies of attachments, in the data folder.
const attachmentFolder = "attachments"

// discordSettings are what Discord is spoken to with.
type discordSettings struct {
	discord.Settings
	// Rehearsal is for a simulated Discord on a clock that only moves when nothing is
	// in flight: no request waits for it.
	rehearsal bool
	hosts     []string     // of attachments; nil: Discord's own
	http      *http.Client // carries requests; nil: a client of its own
	// listen goes around what carries requests out, to hear what came of them; may be nil.
	listen func(discord.Runner) discord.Runner
}

// discordOf reads the configured Discord; nil when there is none.
func discordOf(cfg *config.Config) (*discordSettings, error) {
	if cfg.Discord.IsZero() {
		return nil, nil
	}
	s, err := discord.Decode(cfg.Discord)
	if err != nil {
		return nil, err
	}
	return &discordSettings{Settings: s}, nil
}

// guild is the team's Discord, put together.
type guild struct {
	rooms   *rooms.Rooms
	bot     *discord.Bot
	vault   *storage.Vault
	client  *rest.Client
	metrics *chatMetrics
}

// openChat makes what speaks to Discord; nothing is sent before the app is started.
func (s *system) openChat() error {
	if s.discord == nil {
		return nil
	}
	metrics := newChatMetrics()
	o := rest.Options{Metrics: metrics, Token: s.discord.Token.Reveal(), Base: s.discord.URL, HTTP: s.discord.http, Clock: s.clock, Log: s.log,
		UserAgent: "DiscordBot (https://github.com/wardroom, " + versionText() + ")"}
	if s.discord.rehearsal {
		o.Patience, o.PerSecond = -1, -1
	}
	client := rest.New(o)
	face := render.New(render.Options{Zone: s.config.Timezone, DiscordID: discordID(s.config.People), Room: s.channelOf,
		Table: s.table, Keeper: discord.Routes{Store: s.db, Clock: s.clock}, Log: s.log})
	vault, err := storage.OpenVault(filepath.Join(s.data, attachmentFolder))
	if err != nil {
		return err
	}
	var runner discord.Runner = s.runner
	if s.discord.listen != nil {
		runner = s.discord.listen(runner)
	}
	c := &guild{vault: vault, client: client, metrics: metrics}
	c.bot, err = discord.New(discord.Options{
		Token: s.discord.Token.Reveal(), Guild: s.discord.Guild, PublicKey: s.discord.PublicKey,
		Category: s.discord.Category, Archive: s.discord.Archive, Overview: s.discord.Overview,
		Runner: runner, Table: s.table, People: s.config.People, Incidents: incidents{}, Store: s.db, Vault: vault,
		Rest: client, Render: face, Clock: s.clock, Log: s.log.With("system", "discord"),
		Back:    func() { s.app.Runtime.Retry(rooms.PosterName, rooms.LivingName, rooms.OverviewName) },
		Refresh: func(id timeline.ID) { s.app.Runtime.Refresh(rooms.LivingName, id) },
		Rested:  s.app.Runtime.Touch,
		Hosts:   s.discord.hosts,
	})
	if err != nil {
		return err
	}
	c.rooms = rooms.New(rooms.Options{
		Rest: client, Render: face, Store: s.db, Clock: s.clock, Codec: s.codec, Log: s.log, Guild: s.discord.Guild,
		Category: s.discord.Category, Archive: s.discord.Archive, Overview: s.discord.Overview,
		Private: s.discord.Private, Viewers: s.discord.Viewers, LockClosed: s.discord.LockClosed,
		Working: s.working, Sight: s.sight(),
	})
	s.guild = c
	return nil
}

// followChat adds Discord's followers. The names are stored: they never change.
func (s *system) followChat() {
	if s.guild == nil {
		return
	}
	rt := s.app.Runtime
	rt.AddPoster(rooms.PosterName, timeline.ID.IsIncident, s.guild.rooms.Poster())
	rt.AddMirror(rooms.LivingName, timeline.ID.IsIncident, rooms.Pace, s.guild.rooms.Living())
	rt.AddMirror(rooms.OverviewName, timeline.ID.IsIncident, rooms.Pace, s.guild.rooms.Overview())
	rt.AddPoster("attachments", timeline.ID.IsIncident, &chats.Shredder{Store: s.db, Vault: s.guild.vault})
}

// attend keeps the bot in its guild, for people to speak to.
func (s *system) attend() {
	if s.guild == nil {
		return
	}
	s.app.Runtime.AddWait(s.guild.bot.NextDue)
	s.app.Add(bot.Service{Name: "discord", Run: s.guild.bot.Run})
}

func (s *system) openIncidents(ctx context.Context) (ids []timeline.ID, err error) {
	err = s.db.View(ctx, func(v timeline.View) error {
		open, err := incident.Open(v)
		for _, i := range open {
			ids = append(ids, i.ID)
		}
		return err
	})
	return ids, err
}

// channelOf is the channel of an incident's room, "" when it has none.
func (s *system) channelOf(id timeline.ID) (channel string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.db.View(ctx, func(v timeline.View) error {
		p, _, err := chats.PlaceOf(v, rooms.Chat, id)
		channel = p.Channel
		return err
	})
	if err != nil {
		s.log.Debug("room not found", slog.Any("error", err))
	}
	return channel
}

// discordID finds the account of a person.
func discordID(d *people.Directory) func(string) string {
	return func(name string) string {
		if p, known := d.ByName(name); known && len(p.Discord) > 0 {
			return p.Discord[0]
		}
		return ""
	}
}
