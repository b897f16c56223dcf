package rooms

import (
	"context"
	"fmt"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// open finds or makes the room of an incident that has none, and records it. again
// says what became of the one before.
func (r *Rooms) open(ctx context.Context, s *state, again string) error {
	release, err := hold(ctx, r.guild)
	if err != nil {
		return err
	}
	defer release()
	all, err := r.channels(ctx)
	if err != nil {
		return err
	}
	place, err := r.place(ctx, s, &all)
	if err != nil {
		return fmt.Errorf("room of %s: %w", s.id, err)
	}
	place.ID, place.Chat, place.Name, place.URL = s.id, Chat, bareName(s.id), r.URL(place.Channel, "")
	_, err = r.Store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: s.id, Payload: &room.Opened{Place: place, Again: again}}}}, nil
	})
	if err != nil {
		return fmt.Errorf("record room: %w", err)
	}
	return r.Store.View(ctx, func(v timeline.View) (err error) { // as it is recorded now
		if s.place, s.has, err = room.PlaceOf(v, Chat, s.id); err != nil {
			return err
		}
		s.now = v.Now()
		return s.made(v)
	})
}

// place is the channel or thread. One that was made by an attempt whose answer was
// lost is found by its topic, a thread by its name.
func (r *Rooms) place(ctx context.Context, s *state, all *channels) (room.Place, error) {
	mark := marker(s.id, s.first)
	made := all.find(func(ch *discordgo.Channel) bool {
		return ch.Type == discordgo.ChannelTypeGuildText && strings.HasPrefix(ch.Topic, mark)
	})
	if made != nil {
		return room.Place{Channel: made.ID}, nil
	}
	if thread, err := r.threadOf(ctx, s); err != nil || thread.Channel != "" {
		return thread, err
	}
	if len(*all) >= ThreadsFrom {
		return r.thread(ctx, s, all)
	}
	full := map[string]bool{}
	for {
		category, err := r.category(ctx, all, r.Category, full)
		if err != nil {
			return r.orThread(ctx, s, all, err)
		}
		own, err := r.overwrites(ctx, category, false)
		if err != nil {
			return room.Place{}, err
		}
		name := channelName(s.id, s.incident.Title)
		ch, err := r.Rest.CreateChannel(ctx, r.Guild, rest.NewChannel{
			Name: name, Type: discordgo.ChannelTypeGuildText, Topic: topic(mark), Parent: category.ID, Overwrites: own,
		}, auditReason)
		switch {
		case rest.IsCategoryFull(err): // somebody else was faster
			full[category.ID] = true
		case err != nil:
			return r.orThread(ctx, s, all, fmt.Errorf("channel #%s in the category %q: %w", name, category.Name, err))
		default:
			return room.Place{Channel: ch.ID}, nil
		}
	}
}

// orThread makes the room a thread where the server is full.
func (r *Rooms) orThread(ctx context.Context, s *state, all *channels, err error) (room.Place, error) {
	if rest.CodeOf(err) != rest.MaxChannels {
		return room.Place{}, err
	}
	return r.thread(ctx, s, all)
}

// threadOf finds the thread that an earlier attempt made.
func (r *Rooms) threadOf(ctx context.Context, s *state) (room.Place, error) {
	if !r.isUnsure(s.id) {
		return room.Place{}, nil
	}
	threads, err := r.Rest.ActiveThreads(ctx, r.Guild)
	if err != nil {
		return room.Place{}, err
	}
	suffix := "-" + brand(s.first)
	for _, t := range threads {
		if strings.HasPrefix(t.Name, bareName(s.id)) && strings.HasSuffix(t.Name, suffix) {
			return room.Place{Channel: t.ID, Parent: t.ParentID, Thread: true}, nil
		}
	}
	return room.Place{}, nil
}

// threadRests is after how many silent minutes Discord folds a thread away: the
// longest it offers, a week.
const threadRests = 10080

func (r *Rooms) thread(ctx context.Context, s *state, all *channels) (room.Place, error) {
	parent, err := r.overviewChannel(ctx, all)
	if err != nil {
		return room.Place{}, err
	}
	t, err := r.Rest.StartThread(ctx, parent, rest.NewThread{
		Name: threadName(s.id, s.incident.Title, s.first), Type: discordgo.ChannelTypeGuildPublicThread, AutoArchive: threadRests,
	}, auditReason)
	if err != nil {
		return room.Place{}, fmt.Errorf("thread in #%s: %w", r.Options.Overview, err)
	}
	return room.Place{Channel: t.ID, Parent: parent, Thread: true}, nil
}
