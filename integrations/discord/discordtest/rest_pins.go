package discordtest

import (
	"slices"
	"strings"
)

const maxPins = 250

// pins are a channel's pinned messages, the last pinned first.
func (st *state) pins(channel string) []*Message {
	list := []*Message{}
	for _, m := range st.messages[channel] {
		if m.Pinned {
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(a, b *Message) int { return strings.Compare(b.pinnedAt, a.pinnedAt) })
	return list
}

// listPins is the paged list; https://discord.com/developers/docs/resources/message#get-channel-pins
func (s *Server) listPins(c *call) (any, error) {
	ch, err := s.channelFor(c, 0)
	if err != nil {
		return nil, err
	}
	type item struct {
		PinnedAt string   `json:"pinned_at"`
		Message  *Message `json:"message"`
	}
	items, more := []item{}, false
	if s.state.needs(ch.ID, ReadMessageHistory) == nil {
		before, n := c.query.Get("before"), limit(c, 50, 50)
		for _, m := range s.state.pins(ch.ID) {
			if before != "" && m.pinnedAt >= before {
				continue
			}
			if len(items) == n {
				more = true
				break
			}
			items = append(items, item{m.pinnedAt, s.viewREST(m)})
		}
	}
	return map[string]any{"items": items, "has_more": more}, nil
}

// oldPins is the deprecated list of the fifty last.
func (s *Server) oldPins(c *call) (any, error) {
	ch, err := s.channelFor(c, ReadMessageHistory)
	if err != nil {
		return nil, err
	}
	list := []*Message{}
	for _, m := range s.state.pins(ch.ID) {
		list = append(list, s.viewREST(m))
	}
	return list[:min(len(list), 50)], nil
}

// pin needs PIN_MESSAGES and makes Discord write a line of its own into the channel.
func (s *Server) pin(c *call) (any, error) {
	m, err := s.messageFor(c, PinMessages|ReadMessageHistory)
	if err != nil || m.Pinned {
		return nil, err
	}
	if len(s.state.pins(m.ChannelID)) >= maxPins {
		return nil, errMaxPins
	}
	if m.Type != 0 && m.Type != 19 && m.Type != 20 && m.Type != 23 {
		return nil, bad(50021, "Cannot execute action on a system message")
	}
	m.Pinned, m.pinnedAt = true, stamp(s.now())
	s.pinsChanged(m)
	s.systemMessage(6, m.ChannelID, &Reference{ChannelID: m.ChannelID, MessageID: m.ID, GuildID: guildID}, "")
	return nil, nil
}

func (s *Server) unpin(c *call) (any, error) {
	m, err := s.messageFor(c, PinMessages|ReadMessageHistory)
	if err != nil || !m.Pinned {
		return nil, err
	}
	m.Pinned, m.pinnedAt = false, ""
	s.pinsChanged(m)
	return nil, nil
}

func (s *Server) pinsChanged(m *Message) {
	ch := s.state.channels[m.ChannelID]
	if ch.LastPin = nil; m.Pinned {
		at := m.pinnedAt
		ch.LastPin = &at
	}
	s.messageEvent("MESSAGE_UPDATE", m)
	s.dispatch("CHANNEL_PINS_UPDATE", intentGuilds, map[string]any{"guild_id": guildID, "channel_id": m.ChannelID, "last_pin_timestamp": ch.LastPin})
}

// emoji reads the name of a Unicode emoji or name:id of a custom one.
func emoji(text string) (Emoji, error) {
	name, id, custom := strings.Cut(text, ":")
	switch {
	case name == "" || !custom && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "":
		return Emoji{}, errUnknownEmoji
	case custom:
		return Emoji{ID: &id, Name: name}, nil
	}
	return Emoji{Name: name}, nil
}

func (e Emoji) same(o Emoji) bool {
	return e.Name == o.Name && (e.ID == nil) == (o.ID == nil) && (e.ID == nil || *e.ID == *o.ID)
}

func (s *Server) react(c *call) (any, error) {
	m, err := s.messageFor(c, ReadMessageHistory)
	if err != nil {
		return nil, err
	}
	e, err := emoji(c.path("emoji"))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(m.Reactions, func(r Reaction) bool { return r.Emoji.same(e) }) {
		if err := s.state.needs(m.ChannelID, AddReactions); err != nil {
			return nil, err
		}
	}
	if c.path("user") != "@me" {
		return nil, errMethod
	}
	s.addReaction(m, e, botID)
	return nil, nil
}

func (s *Server) addReaction(m *Message, e Emoji, user string) {
	i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.Emoji.same(e) })
	if i < 0 {
		i = len(m.Reactions)
		m.Reactions = append(m.Reactions, Reaction{Emoji: e, BurstColors: []string{}})
	}
	r := &m.Reactions[i]
	if slices.Contains(r.users, user) {
		return
	}
	r.users = append(slices.Clone(r.users), user)
	r.Count, r.CountDetails.Normal = len(r.users), len(r.users)
	s.reactionEvent("MESSAGE_REACTION_ADD", m, e, user)
}

func (s *Server) unreact(c *call) (any, error) {
	m, err := s.messageFor(c, 0)
	if err != nil {
		return nil, err
	}
	e, err := emoji(c.path("emoji"))
	if err != nil {
		return nil, err
	}
	user := c.path("user")
	if user == "@me" {
		user = botID
	} else if err := s.state.needs(m.ChannelID, ManageMessages); err != nil {
		return nil, err
	}
	s.dropReaction(m, e, user)
	return nil, nil
}

func (s *Server) dropReaction(m *Message, e Emoji, user string) {
	for i := range m.Reactions {
		r := &m.Reactions[i]
		if !r.Emoji.same(e) || !slices.Contains(r.users, user) {
			continue
		}
		r.users = slices.DeleteFunc(slices.Clone(r.users), func(x string) bool { return x == user })
		r.Count, r.CountDetails.Normal = len(r.users), len(r.users)
		s.reactionEvent("MESSAGE_REACTION_REMOVE", m, e, user)
	}
	m.Reactions = slices.DeleteFunc(m.Reactions, func(r Reaction) bool { return r.Count == 0 })
}

func (s *Server) listReactions(c *call) (any, error) {
	m, err := s.messageFor(c, ReadMessageHistory)
	if err != nil {
		return nil, err
	}
	e, err := emoji(c.path("emoji"))
	if err != nil {
		return nil, err
	}
	list := []*User{}
	for _, r := range m.Reactions {
		if r.Emoji.same(e) {
			for _, id := range r.users {
				if id > c.query.Get("after") {
					list = append(list, s.state.users[id])
				}
			}
		}
	}
	return list[:min(len(list), limit(c, 25, 100))], nil
}

func (s *Server) clearReactions(c *call) (any, error) {
	if c.path("what") != "reactions" {
		return nil, errNotFound
	}
	m, err := s.messageFor(c, ManageMessages)
	if err != nil {
		return nil, err
	}
	m.Reactions = nil
	s.dispatch("MESSAGE_REACTION_REMOVE_ALL", intentReactions, map[string]string{"channel_id": m.ChannelID, "message_id": m.ID, "guild_id": guildID})
	return nil, nil
}
