package discordtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Channels are the guild's channels, categories and threads, as copies.
func (s *Server) Channels() []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Channel
	for _, c := range append(s.state.listed(false), s.state.listed(true)...) {
		out = append(out, c.clone())
	}
	return out
}

// Channel is a channel by its id or its name, the newest of that name; its ID is "" when
// there is none.
func (s *Server) Channel(name string) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.state.channel(name); c != nil {
		return c.clone()
	}
	return Channel{}
}

func (c *Channel) clone() Channel {
	v := *c
	v.PermissionOverwrites = slices.Clone(c.PermissionOverwrites)
	if c.Thread != nil {
		t := *c.Thread
		v.Thread = &t
	}
	return v
}

// Messages are those of a channel that everybody sees, oldest first.
func (s *Server) Messages(channel string) []*Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messagesOf(channel)
}

func (s *Server) messagesOf(channel string) []*Message {
	out := []*Message{}
	if c := s.state.channel(channel); c != nil {
		for _, m := range s.state.messages[c.ID] {
			out = append(out, m.clone())
		}
	}
	return out
}

// Pinned are the pinned messages of a channel, the last pinned first.
func (s *Server) Pinned(channel string) []*Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []*Message{}
	if c := s.state.channel(channel); c != nil {
		for _, m := range s.state.pins(c.ID) {
			out = append(out, m.clone())
		}
	}
	return out
}

// Commands are the commands that are registered for the guild.
func (s *Server) Commands() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Command
	for _, c := range s.state.commands {
		out = append(out, *c)
	}
	return out
}

// Wait waits until ok, which is asked after every change, says so. ok may call the
// Server's methods. The error is that of ctx.
func (s *Server) Wait(ctx context.Context, ok func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WaitMessage waits until a channel holds a message for which ok says so, and returns
// the newest such. The error names the channel and the end of ctx.
func (s *Server) WaitMessage(ctx context.Context, channel string, ok func(*Message) bool) (*Message, error) {
	var found *Message
	err := s.Wait(ctx, func() bool {
		for _, m := range slices.Backward(s.Messages(channel)) {
			if ok(m) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("no such message in %q: %w", channel, err)
	}
	return found, nil
}

// WaitText waits until a channel holds a message in which text can be read, newer than
// the message with the id after ("" is any), and returns the newest such.
func (s *Server) WaitText(ctx context.Context, channel, text, after string) (*Message, error) {
	return s.WaitMessage(ctx, channel, func(m *Message) bool {
		return byAge(m.ID, after) > 0 && strings.Contains(m.Text(), text)
	})
}

// WaitSession waits until a bot is connected to the gateway.
func (s *Server) WaitSession(ctx context.Context) error {
	return s.Wait(ctx, func() bool {
		_, _, connected := s.Sessions()
		return connected > 0
	})
}

// AddChannel makes a channel (ChannelText or ChannelCategory) as a person with all
// rights does; parent is the id of a category or "". It returns its id.
func (s *Server) AddChannel(name string, kind int, parent string, overwrites ...Overwrite) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Channel{ID: s.state.newID(), Type: kind, Name: name, Position: len(s.state.listed(false)), PermissionOverwrites: overwrites}
	if parent != "" {
		c.ParentID = &parent
	}
	s.state.addChannel(c)
	s.dispatch("CHANNEL_CREATE", intentGuilds, c)
	return c.ID
}

// DeleteChannel deletes a channel as a person with all rights does.
func (s *Server) DeleteChannel(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.state.channel(name); c != nil {
		s.state.removeChannel(c.ID)
		s.dispatch("CHANNEL_DELETE", intentGuilds, c)
	}
}

// SetPermissions changes what the bot's own role may do.
func (s *Server) SetPermissions(p Permission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.state.roles[botRoleID]
	r.Permissions = p.String()
	s.dispatch("GUILD_ROLE_UPDATE", intentGuilds, map[string]any{"guild_id": guildID, "role": r})
}

// SetOverwrites changes the permission overwrites of a channel.
func (s *Server) SetOverwrites(channel string, list ...Overwrite) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.state.channel(channel); c != nil {
		c.PermissionOverwrites = append([]Overwrite{}, list...)
		s.dispatch("CHANNEL_UPDATE", intentGuilds, c)
	}
}

// AddRole makes a role, gives it to people, who join when nobody has the name, and
// returns its id.
func (s *Server) AddRole(name string, p Permission, people ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &Role{ID: s.state.newID(), Name: name, Permissions: p.String(), Position: len(s.state.roles)}
	s.state.roles[r.ID] = r
	s.dispatch("GUILD_ROLE_CREATE", intentGuilds, map[string]any{"guild_id": guildID, "role": r})
	for _, who := range people {
		m := s.state.members[s.state.person(who, stamp(s.now())).ID]
		m.Roles = append(slices.Clone(m.Roles), r.ID)
		s.memberChanged(m)
	}
	return r.ID
}

// SetNick gives a person another name in the guild.
func (s *Server) SetNick(name, nick string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.state.members[s.state.person(name, stamp(s.now())).ID]
	m.Nick = &nick
	s.memberChanged(m)
}

func (s *Server) memberChanged(m *Member) {
	s.dispatch("GUILD_MEMBER_UPDATE", IntentMembers, struct {
		*Member
		GuildID string `json:"guild_id"`
	}{m, guildID})
}
