package rooms

import (
	"context"
	"fmt"
	"slices"

	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// erasures are what some entries erase of their own timeline: each timeline that
// lost something has an erasure of its own.
func erasures(id timeline.ID, entries []timeline.Entry) (erased []timeline.Ref) {
	for _, e := range entries {
		if p, is := e.Payload.(*timeline.Erasure); is {
			for _, ref := range p.Refs {
				if ref.Timeline == id {
					erased = append(erased, ref)
				}
			}
		}
	}
	return erased
}

// takeBack removes from the room what was erased from the timeline. It is repeatable.
func (r *Rooms) takeBack(ctx context.Context, s *state, erased []timeline.Ref) error {
	if len(erased) == 0 {
		return nil
	}
	all, err := r.entries(ctx, s.id, 0, s.told())
	if err != nil {
		return err
	}
	for n, row := range s.rows {
		after := int64(0)
		if n > 0 {
			after = s.rows[n-1].Of.Seq
		}
		if err := r.rewrite(ctx, s, row, after, all, erased); err != nil {
			return err
		}
	}
	return r.rename(ctx, s, all, erased)
}

// rewrite makes one message of ours tell what is left of the entries after one place
// up to its own.
func (r *Rooms) rewrite(ctx context.Context, s *state, row timeline.DeliveryRow, after int64, all []timeline.Entry, erased []timeline.Ref) error {
	told := r.key(between(all, after, row.Of.Seq), s.place.Channel)
	shown := func(e timeline.Entry) bool {
		return slices.Contains(erased, e.Ref) || slices.ContainsFunc(all, func(gone timeline.Entry) bool {
			return slices.Contains(erased, gone.Ref) && room.Repeats(e, gone)
		})
	}
	if !slices.ContainsFunc(told, shown) {
		return nil
	}
	m := r.Render.Tombstone()
	if len(told) > 1 {
		var posts []room.Post
		for _, e := range told {
			posts = append(posts, room.PostOf(r.Codec, e))
		}
		if parts := r.Render.Post(room.Message{Posts: posts, Stale: true}); len(parts) == 1 {
			m = parts[0]
		}
	}
	if err := r.addNotes(ctx, s, &m, told, after == 0); err != nil {
		return err
	}
	message := s.idOf(row.External)
	_, err := r.Rest.EditMessage(ctx, s.place.Channel, message, m)
	switch {
	case rest.CodeOf(err) == rest.UnknownMessage:
		return nil // somebody was faster
	case rest.CodeOf(err) == rest.MaxEditsOfOldMessage, problem.Is(err, problem.Invalid):
		err = r.Rest.DeleteMessage(ctx, s.place.Channel, message, "what it told was erased")
		if rest.CodeOf(err) == rest.UnknownMessage {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("take back %s in the room %s: %w", row.Of, s.place.Name, err)
	}
	return nil
}

// rename takes the title out of the channel's name when it was erased: the one case
// in which a room is renamed.
func (r *Rooms) rename(ctx context.Context, s *state, all []timeline.Entry, erased []timeline.Ref) error {
	titled := slices.ContainsFunc(all, func(e timeline.Entry) bool {
		return slices.Contains(erased, e.Ref) && (e.Kind == "incident.declared" || e.Kind == "incident.titled")
	})
	if !titled {
		return nil
	}
	name := bareName(s.id)
	if s.place.Thread {
		name += "-" + brand(s.first)
	}
	if _, err := r.Rest.EditChannel(ctx, s.place.Channel, map[string]any{"name": name}, "its title was erased"); err != nil {
		return fmt.Errorf("rename the room %s, whose title was erased: %w", s.place.Name, err)
	}
	return nil
}
