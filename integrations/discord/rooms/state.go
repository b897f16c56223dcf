package rooms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// state is what is recorded of a room when a follower comes to work in it.
type state struct {
	id       timeline.ID
	now      time.Time
	incident incident.Incident
	living   room.Living
	first    timeline.Hash // of the incident's first entry

	place room.Place
	has   bool // there is a room

	rows    []timeline.DeliveryRow // what was posted into this very channel, in the order of entries
	message string                 // the living message in it; "" when none is recorded
	shown   string                 // what it shows, as a hash
	// unpinned is the living message while the permission to pin it is missing.
	unpinned string
}

// load reads it. ok is false when there is no such incident.
func (r *Rooms) load(ctx context.Context, id timeline.ID) (s *state, ok bool, err error) {
	s = &state{id: id}
	err = r.Store.View(ctx, func(v timeline.View) (err error) {
		s.now = v.Now()
		if s.incident, ok, err = incident.Table.Get(v, string(id)); err != nil || !ok {
			return err
		}
		if s.living, err = room.LivingOf(v, id, s.now); err == nil {
			err = s.living.AddRuns(v, r.Sight)
		}
		if err != nil {
			return err
		}
		e, err := v.Entry(timeline.Ref{Timeline: id, Seq: 1})
		if err != nil {
			return err
		}
		s.first = e.Seal.Hash
		if s.place, s.has, err = room.PlaceOf(v, Chat, id); err != nil || !s.has {
			return err
		}
		return s.made(v)
	})
	if err != nil {
		return nil, false, fmt.Errorf("room of %s: %w", id, err)
	}
	return s, ok, nil
}

// made reads what was made in the channel that is the room now.
func (s *state) made(v timeline.View) (err error) {
	s.message, s.shown = "", ""
	if s.rows, err = timeline.DeliveriesOf(v, PosterName, s.id); err != nil {
		return err
	}
	s.rows = slices.DeleteFunc(s.rows, func(row timeline.DeliveryRow) bool { return s.idOf(row.External) == "" })
	living, err := timeline.DeliveriesOf(v, LivingName, s.id)
	if err != nil {
		return err
	}
	for _, row := range living { // the last one in this channel
		if m := s.idOf(row.External); m != "" {
			s.message = m
		}
	}
	shown, err := noted(v, "living/"+string(s.id))
	if err != nil {
		return err
	}
	s.shown = string(shown)
	unpinned, err := noted(v, unpinnedNote(s.id))
	s.unpinned = string(unpinned)
	return err
}

// idOf is the message's id of "channel/message" in this room, else "".
func (s *state) idOf(external string) string {
	channel, message, _ := strings.Cut(external, "/")
	if channel != s.place.Channel {
		return ""
	}
	return message
}

// told is the last entry that was posted into this channel.
func (s *state) told() int64 {
	if len(s.rows) == 0 {
		return 0
	}
	return s.rows[len(s.rows)-1].Of.Seq
}

// newest is the newest message of ours that is recorded in this channel; "0" when
// there is none.
func (s *state) newest() string {
	newest := "0"
	for _, row := range s.rows {
		if m := s.idOf(row.External); younger(m, newest) {
			newest = m
		}
	}
	return newest
}

// younger compares ids as the numbers they are.
func younger(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// lateOpening is how long after its resolution an incident still gets a room: when
// the bot comes to a server, old incidents must not all get one.
const lateOpening = 24 * time.Hour

// wanted reports whether the incident has to have a room. It is decided from the
// state alone: what was recorded while Discord was away counts as it stands now.
func (s *state) wanted() bool {
	i := s.incident
	if i.MergedInto != "" || i.Status == incident.Closed {
		return false
	}
	if i.Status == incident.Resolved && s.now.Sub(i.ResolvedAt) > lateOpening {
		return false
	}
	return i.Severity == alert.SEV1 || i.Severity == alert.SEV2 || !i.AcknowledgedAt.IsZero()
}

// over reports whether the room is to be put away: the incident is closed, or goes
// on elsewhere.
func (s *state) over() bool {
	return s.incident.Status == incident.Closed || s.incident.MergedInto != ""
}

// append adds what was just made, as the store holds it now.
func (s *state) append(d *timeline.Delivered) {
	s.rows = append(s.rows, timeline.DeliveryRow{Follower: d.Follower, Of: d.Of, External: d.External, URL: d.URL})
}

// record notes deliveries at once, so that nothing is looked for in vain.
func (r *Rooms) record(ctx context.Context, made ...*timeline.Delivered) error {
	if len(made) == 0 {
		return nil
	}
	var d timeline.Decision
	for _, m := range made {
		d.Entries = append(d.Entries, timeline.Draft{Timeline: m.Of.Timeline, Payload: m, Cause: m.Of})
	}
	if _, err := r.Store.Update(ctx, func(timeline.View) (timeline.Decision, error) { return d, nil }); err != nil {
		return fmt.Errorf("record delivery: %w", err)
	}
	return nil
}

// entries returns those of an incident after a place, up to and with another.
func (r *Rooms) entries(ctx context.Context, id timeline.ID, after, upTo int64) (all []timeline.Entry, err error) {
	const page = 500
	err = r.Store.View(ctx, func(v timeline.View) error {
		for after < upTo {
			some, err := v.Entries(id, after, page)
			if err != nil || len(some) == 0 {
				return err
			}
			for _, e := range some {
				if e.Seq <= upTo {
					all = append(all, e)
				}
			}
			after = some[len(some)-1].Seq
		}
		return nil
	})
	return all, err
}

// key keeps those that belong into the room that a channel is: not what was said in
// it already.
func (r *Rooms) key(entries []timeline.Entry, channel string) []timeline.Entry {
	return slices.DeleteFunc(entries, func(e timeline.Entry) bool {
		said, is := e.Payload.(*room.Said)
		return e.Kind.IsDelivery() || !room.Tells(r.Codec, e.Kind) ||
			is && said.Chat == Chat && said.Channel == channel
	})
}

// complain records once that something cannot be brought to Discord, for people and
// not only for the log.
func (r *Rooms) complain(ctx context.Context, of timeline.Ref, err error) error {
	reason := err.Error()
	if p, is := errors.AsType[*problem.Error](err); is {
		reason = strings.Replace(reason, p.Error(), p.Message, 1) // what Discord called it is for the log
		if p.Hint != "" {
			reason += "; " + p.Hint
		}
	}
	r.mu.Lock()
	again := r.said[of.Timeline] == reason
	r.said[of.Timeline] = reason
	r.mu.Unlock()
	if again {
		return nil
	}
	r.Log.Warn("discord refuses", "incident", string(of.Timeline), "error", err)
	_, err = r.Store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: of.Timeline, Cause: of,
			Payload: &timeline.DeliveryFailed{Follower: PosterName, Of: of, Reason: reason}}}}, nil
	})
	return err
}

// refused turns what Discord refuses into what is tried again: the complaint stands
// in the timeline, and an admin may give the permission at any time.
func refused(err error) error {
	return problem.New(problem.Unavailable, "tried again until it is allowed").Because(err)
}
