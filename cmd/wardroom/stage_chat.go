package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord"
	"wardroom/integrations/discord/discordtest"
)

// townSquare is the channel in which people talk when no room is open.
const townSquare = "general"

// chatTimeout bounds, in real time, how long a scenario waits for its Discord.
const chatTimeout = 20 * time.Second

// newStageChat starts the simulated Discord that a scenario's people meet in, on
// the scenario's clock. wrap goes around its API; may be nil.
func newStageChat(f *scenario.File, clock *scenario.Clock, o discordtest.Options) (*discordtest.Server, error) {
	o.Now, o.Guild, o.Intents = clock.Now, f.Scenario, discordtest.IntentContent
	o.People = slices.Sorted(maps.Keys(f.People))
	return discordtest.New(o)
}

// stageDiscord is how the system speaks to the simulated Discord.
func (s *stage) stageDiscord() *discordSettings {
	d := &discordSettings{rehearsal: true, hosts: []string{"127.0.0.1"},
		listen: func(r discord.Runner) discord.Runner { s.heard = &hearing{Runner: r}; return s.heard }}
	d.Token, d.Guild, d.URL = config.NewSecret(s.chat.Token()), s.chat.GuildID(), s.chat.API()
	d.Category, d.Archive, d.Overview = "Incidents", "Incidents archive", "incidents"
	return d
}

// hearing hears what came of requests, for the scenario to know whether one was
// refused.
type hearing struct {
	discord.Runner
	mu    sync.Mutex
	reply command.Reply
	err   error
	done  bool
}

func (h *hearing) Run(ctx context.Context, c command.Caller, a command.Ask) (command.Reply, error) {
	reply, err := h.Runner.Run(ctx, c, a)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reply, h.err, h.done = reply, err, true
	return reply, err
}

// take returns what came of the last request, once.
func (h *hearing) take() (command.Reply, error, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reply, err, done := h.reply, h.err, h.done
	h.reply, h.err, h.done = command.Reply{}, nil, false
	return reply, err, done
}

// meet waits until the bot is in its guild with its commands.
func (s *stage) meet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, chatTimeout)
	defer cancel()
	if err := s.chat.WaitSession(ctx); err != nil {
		return problem.New(problem.Internal, "the bot did not come to the simulated Discord").Because(err)
	}
	if err := s.chat.Wait(ctx, func() bool { return len(s.chat.Commands()) > 0 }); err != nil {
		return problem.New(problem.Internal, "the bot registered no commands").Because(err)
	}
	return nil
}

// askInChat asks as a person types it: in the room of the newest open incident,
// else in the town square.
func (s *stage) askInChat(ctx context.Context, person, line string, id timeline.ID) (command.Reply, error) {
	channel := townSquare
	if id != "" {
		channel = cmp.Or(s.channelOf(id), channel)
	}
	s.heard.take()
	ctx, cancel := context.WithTimeout(ctx, chatTimeout)
	defer cancel()
	seen, err := s.chat.As(person).Slash(ctx, channel, line)
	if err != nil {
		return command.Reply{}, problem.New(problem.Invalid, "Discord does not take it").Because(err)
	}
	reply, err, done := s.heard.take()
	switch {
	case done:
		return reply, err
	case seen.Modal != nil:
		return reply, problem.New(problem.Invalid, "it opened the form %q", seen.Modal.Title).WithHint("write every option that is required")
	case seen.Failed != "":
		return reply, problem.New(problem.Unavailable, "Discord says: %s", seen.Failed)
	case seen.Answer != nil:
		return reply, problem.New(problem.Invalid, "it was answered: %s", seen.Answer.Content)
	}
	return reply, problem.New(problem.Internal, "nothing came of it")
}

// chatWorks reports whether the bot is in its guild.
func (s *stage) chatWorks() bool {
	_, _, connected := s.chat.Sessions()
	return connected > 0
}

// Chat implements [scenario.Driver].
func (s *stage) Chat(_ context.Context, fault scenario.ChatFault) error {
	switch fault {
	case scenario.ChatDown:
		s.chat.Down(true)
	case scenario.ChatUp:
		return s.chat.Up() // the bot comes back by itself
	case scenario.ChatLoseAnswer:
		s.chat.Fault(discordtest.Fault{Method: "POST", Path: "/channels/*/messages", Times: 1, Lost: true})
	}
	return nil
}
