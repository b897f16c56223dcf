package discord

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// Limits of catching up after an outage that Discord did not replay.
const (
	catchUpRooms    = 50  // rooms, the newest first
	catchUpPages    = 20  // of 100 messages, in each
	catchUpRecorded = 200 // recorded messages of a room that are looked at again
	catchUpReaders  = 100 // people behind one 📌
)

// seenPrefix begins the scratch notes of the newest message seen in a room.
const seenPrefix = "discord/seen/"

// lastSeen is the newest message that was seen in each room. Losing the last
// seconds of it does no harm: what is looked at twice is recorded once.
type lastSeen struct {
	mu    sync.Mutex
	ids   map[string]string
	dirty map[string]bool
}

func (l *lastSeen) saw(channel, message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ids == nil {
		l.ids, l.dirty = map[string]string{}, map[string]bool{}
	}
	if newer(message, l.ids[channel]) {
		l.ids[channel], l.dirty[channel] = message, true
	}
}

func (l *lastSeen) of(channel string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ids[channel]
}

// notes are what has changed since the last call.
func (l *lastSeen) notes() []timeline.ScratchPut {
	l.mu.Lock()
	defer l.mu.Unlock()
	var notes []timeline.ScratchPut
	for channel := range l.dirty {
		notes = append(notes, timeline.ScratchPut{Key: seenPrefix + channel, Doc: []byte(l.ids[channel])})
	}
	clear(l.dirty)
	return notes
}

// newer compares snowflakes, which are numbers of up to 64 bits.
func newer(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

func (b *Bot) loadSeen(ctx context.Context) error {
	var notes map[string][]byte
	err := b.store.View(ctx, func(v timeline.View) (err error) {
		notes, err = v.Scratch(seenPrefix)
		return err
	})
	for key, doc := range notes {
		b.seen.saw(strings.TrimPrefix(key, seenPrefix), string(doc))
	}
	return err
}

// saveSeen makes durable what was seen.
func (b *Bot) saveSeen(ctx context.Context) {
	notes := b.seen.notes()
	if len(notes) == 0 {
		return
	}
	if err := b.scratch(ctx, notes...); err != nil {
		b.log.Warn("what was seen could not be noted", "error", err)
	}
}

// catchUp finds what happened in the rooms while nobody listened: messages marked
// with 📌, and recorded messages that were edited or deleted.
func (b *Bot) catchUp(ctx context.Context) {
	if err := b.loadSeen(ctx); err != nil {
		b.log.Error("what was seen cannot be read", "error", err)
	}
	var places []room.Place
	err := b.store.View(ctx, func(v timeline.View) (err error) {
		places, err = room.Places.Select(v, timeline.Query{OrderBy: "number", Desc: true})
		return err
	})
	if err != nil {
		b.log.Error("the rooms cannot be read", "error", err)
		return
	}
	places = slices.DeleteFunc(places, func(p room.Place) bool { return p.Chat != chat || p.Archived })
	if len(places) > catchUpRooms {
		b.log.Warn("not every room is caught up", "rooms", len(places), "looked_at", catchUpRooms)
		places = places[:catchUpRooms]
	}
	for _, p := range places {
		if err := b.patiently(ctx, func() error { return b.catchUpRoom(ctx, p) }); err != nil {
			if ctx.Err() != nil {
				return
			}
			b.log.Warn("a room could not be caught up", "incident", p.ID, "error", err)
		}
	}
	b.saveSeen(ctx)
}

// patiently tries again while Discord says when; five times at the most, and never
// longer than a minute at once: messages that come in meanwhile wait behind it.
func (b *Bot) patiently(ctx context.Context, do func() error) error {
	for n := 0; ; n++ {
		err := do()
		later, ok := errors.AsType[*timeline.Later](err)
		if !ok || n == 5 || later.At.Sub(b.clock.Now()) > time.Minute {
			return err
		}
		b.paused.Add(1)
		b.flight.rested()
		waited := b.session.wait(ctx, later.At)
		b.paused.Add(-1)
		if !waited {
			return err
		}
	}
}

func (b *Bot) catchUpRoom(ctx context.Context, p room.Place) error {
	window, complete, err := b.since(ctx, p.Channel)
	if err != nil {
		return err
	}
	for _, m := range window {
		if h := heardOf(m); h.pinned {
			if err := b.findPin(ctx, p.ID, h); err != nil {
				return err
			}
		}
	}
	if err := b.compare(ctx, p, window, complete); err != nil {
		return err
	}
	if len(window) > 0 {
		b.seen.saw(p.Channel, window[len(window)-1].ID)
	}
	return nil
}

// since returns the messages of a channel that are newer than the last seen, the
// oldest first; never less than the newest hundred, since an old message may have
// been marked meanwhile. complete says that it is the whole channel.
func (b *Bot) since(ctx context.Context, channel string) (window []*discordgo.Message, complete bool, err error) {
	seen, before := b.seen.of(channel), ""
	for range catchUpPages {
		page, err := b.rest.Messages(ctx, channel, rest.Page{Before: before, Limit: 100})
		if err != nil {
			return nil, false, err
		}
		window = append(window, page...)
		if len(page) < 100 {
			complete = true
			break
		}
		before = page[len(page)-1].ID
		if seen != "" && !newer(before, seen) {
			break
		}
	}
	slices.Reverse(window)
	return window, complete, nil
}

func (b *Bot) findPin(ctx context.Context, id timeline.ID, h heard) error {
	if _, recorded, err := b.said(ctx, h.ID); err != nil || recorded {
		return err
	}
	users, err := b.rest.Reactions(ctx, h.Channel, h.ID, pin, rest.Page{Limit: catchUpReaders})
	if err != nil {
		return err
	}
	for _, u := range users {
		if by, may := b.mayRecord(u.ID); may {
			return b.pinned(ctx, id, h, by)
		}
	}
	return nil
}

// compare looks whether recorded messages of the room still read as recorded.
func (b *Bot) compare(ctx context.Context, p room.Place, window []*discordgo.Message, complete bool) error {
	recorded, err := b.recordedIn(ctx, p)
	if err != nil {
		return err
	}
	here := map[string]*discordgo.Message{}
	for _, m := range window {
		here[m.ID] = m
	}
	for _, message := range recorded {
		m, found := here[message]
		switch {
		case found:
		case complete || len(window) > 0 && newer(message, window[0].ID):
			if err := b.deleted(ctx, message); err != nil {
				return err
			}
			continue
		default:
			m, err = b.rest.Message(ctx, p.Channel, message)
			if rest.CodeOf(err) == rest.UnknownMessage {
				if err := b.deleted(ctx, message); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				if problem.Is(err, problem.Forbidden) || problem.Is(err, problem.NotFound) {
					continue // not to be seen is not deleted
				}
				return err
			}
		}
		if err := b.edited(ctx, heardOf(m)); err != nil {
			return err
		}
	}
	return nil
}

// recordedIn are the newest recorded messages that stand in a room, by id.
func (b *Bot) recordedIn(ctx context.Context, p room.Place) ([]string, error) {
	var ids []string
	err := b.store.View(ctx, func(v timeline.View) error {
		const page = 500
		for after := int64(0); ; {
			entries, err := v.Entries(p.ID, after, page)
			if err != nil || len(entries) == 0 {
				return err
			}
			for _, e := range entries {
				if s, ok := e.Payload.(*room.Said); ok && s.Chat == chat && s.Channel == p.Channel {
					ids = append(ids, s.Message)
				}
			}
			after = entries[len(entries)-1].Seq
		}
	})
	return ids[max(0, len(ids)-catchUpRecorded):], err
}
