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

// putAway moves a room into the archive when its incident is over, and back when it
// goes on. It is repeatable, and does nothing when the room stands where it belongs.
func (r *Rooms) putAway(ctx context.Context, s *state) error {
	if s.over() == s.place.Archived {
		return nil
	}
	move := r.moveChannel
	if s.place.Thread {
		move = r.moveThread
	}
	switch err := move(ctx, s); {
	case rest.CodeOf(err) == rest.UnknownChannel && s.over():
		// Deleted: it is away.
	case rest.CodeOf(err) == rest.MaxChannels:
		return r.complain(ctx, timeline.Ref{Timeline: s.id, Seq: 1}, fmt.Errorf("archive of the room of %s: %w", s.id, err))
	case err != nil:
		return fmt.Errorf("archive of the room of %s: %w", s.id, err)
	}
	_, err := r.Store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: s.id, Payload: &room.Archived{Chat: Chat, Back: !s.over()}}}}, nil
	})
	if err != nil {
		return fmt.Errorf("record room: %w", err)
	}
	s.place.Archived = s.over()
	return nil
}

func (r *Rooms) moveThread(ctx context.Context, s *state) error {
	fields := map[string]any{"archived": s.over()}
	if r.LockClosed {
		fields["locked"] = s.over()
	}
	_, err := r.Rest.EditChannel(ctx, s.place.Channel, fields, auditReason)
	return err
}

// wake makes a thread take edits again.
func (r *Rooms) wake(ctx context.Context, s *state) error {
	_, err := r.Rest.EditChannel(ctx, s.place.Channel, map[string]any{"archived": false}, auditReason)
	if err != nil {
		return fmt.Errorf("wake the thread of %s: %w", s.id, err)
	}
	return nil
}

func (r *Rooms) moveChannel(ctx context.Context, s *state) error {
	release, err := hold(ctx, r.guild)
	if err != nil {
		return err
	}
	defer release()
	all, err := r.channels(ctx)
	if err != nil {
		return err
	}
	now := all.byID(s.place.Channel)
	if now == nil {
		return &rest.Error{Status: 404, Code: rest.UnknownChannel, Message: "the channel is not in the server any more"}
	}
	name := r.Category
	if s.over() {
		name = r.Archive
	}
	full := map[string]bool{}
	for {
		fields := map[string]any{}
		if parent := all.byID(now.ParentID); parent == nil || !isNumbered(parent.Name, name) {
			category, err := r.category(ctx, &all, name, full)
			if err != nil {
				return err
			}
			fields["parent_id"] = category.ID
		}
		if r.LockClosed {
			if fields["permission_overwrites"], err = r.locked(ctx, now, s.over()); err != nil {
				return err
			}
		}
		if len(fields) == 0 {
			return nil // an earlier attempt moved it
		}
		_, err = r.Rest.EditChannel(ctx, s.place.Channel, fields, auditReason)
		if !rest.IsCategoryFull(err) {
			return err
		}
		full[fields["parent_id"].(string)] = true
	}
}

// isNumbered reports whether a category is "Incidents" or "Incidents 2".
func isNumbered(category, name string) bool {
	rest, is := strings.CutPrefix(strings.ToLower(category), strings.ToLower(name))
	return is && strings.Trim(rest, " 0123456789") == ""
}

// locked are a channel's permissions with @everyone kept from writing, or not kept.
func (r *Rooms) locked(ctx context.Context, ch *discordgo.Channel, lock bool) ([]*discordgo.PermissionOverwrite, error) {
	me, err := r.self(ctx)
	if err != nil {
		return nil, err
	}
	if lock {
		list := overwrite(ch.PermissionOverwrites, discordgo.PermissionOverwriteTypeRole, r.Guild, 0, rest.SendMessages)
		return overwrite(list, discordgo.PermissionOverwriteTypeMember, me, ownPermissions, 0), nil
	}
	list := overwrite(ch.PermissionOverwrites, discordgo.PermissionOverwriteTypeRole, r.Guild, 0, 0)
	for _, o := range list {
		if o.ID == r.Guild {
			o.Deny &^= int64(rest.SendMessages)
		}
	}
	return list, nil
}
