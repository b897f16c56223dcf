package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"wardroom/bot/problem"
	chats "wardroom/bot/room"
	"wardroom/integrations/discord/rooms"
)

// working tells what can be used now, for the living messages.
func (s *system) working() []chats.Working {
	var all []chats.Working
	if s.guild != nil {
		all = append(all, s.guild.bot.Working())
	}
	if s.waking.pager != nil {
		all = append(all, s.waking.pager.Working())
	}
	all = append(all, s.machines.working()...)
	return append(all, s.notWorking()...)
}

// notWorking tells of what is named only while it fails: a page that does not take
// what is posted, and Wardroom's own record and clock.
func (s *system) notWorking() (all []chats.Working) {
	for _, p := range s.posters {
		if why, since := p.Fails(); why != "" {
			all = append(all, chats.Working{Name: p.Page.Name(), Why: why, Since: since, Means: "the public does not see yet what was posted; it follows by itself"})
		}
	}
	if p, fails := errors.AsType[*problem.Error](s.db.Healthy()); fails {
		all = append(all, chats.Working{Name: "record", Why: p.Message, Means: "no command, no alert and no step of a repair is taken until it can"})
	}
	if s.db.ClockBehind() {
		all = append(all, chats.Working{Name: "clock", Why: "the machine's clock is behind what is recorded", Means: "times of new entries stand still; what is due comes late"})
	}
	return all
}

// canTell reports whether rooms can be told anything: what is needed is a record that
// takes entries, and a Discord that answers.
func (s *system) canTell() bool {
	return s.db.Healthy() == nil && (s.guild == nil || s.guild.client.Health().OK)
}

// workingEvery is how often it is looked whether what works has changed.
const workingEvery = 15 * time.Second

// watchWorking shows in the open rooms what began or ceased to work.
func (s *system) watchWorking(ctx context.Context) error {
	shown, fine := s.working(), true
	for {
		alarm, stop := s.clock.At(s.clock.Now().Add(workingEvery))
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-alarm:
		}
		now := s.working()
		was := fine
		if fine = s.canTell(); fine && !was { // the rooms need not wait for their next attempt
			s.app.Runtime.Retry(rooms.PosterName, rooms.LivingName, rooms.OverviewName)
		}
		if slices.Equal(now, shown) {
			continue
		}
		open, err := s.openIncidents(ctx)
		if err != nil {
			s.log.Warn("cannot show what works", slog.Any("error", err))
			continue
		}
		shown = now
		s.app.Runtime.Refresh(rooms.LivingName, open...)
	}
}
