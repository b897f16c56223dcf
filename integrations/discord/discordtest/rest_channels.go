package discordtest

import (
	"encoding/json"
	"slices"
	"strings"
)

// Limits of a guild; https://support.discord.com/hc/en-us/articles/33694251638295
const (
	maxChannels   = 500
	maxInCategory = 50
	maxTopic      = 1024
)

func (s *Server) channelRoutes() map[string]handler {
	return map[string]handler{
		"GET /guilds/{guild}/channels":                        s.inGuild(s.listChannels),
		"POST /guilds/{guild}/channels":                       s.inGuild(s.createChannel),
		"GET /guilds/{guild}/threads/active":                  s.inGuild(s.activeThreads),
		"GET /channels/{channel}":                             s.getChannel,
		"PATCH /channels/{channel}":                           s.editChannel,
		"DELETE /channels/{channel}":                          s.deleteChannel,
		"PUT /channels/{channel}/permissions/{overwrite}":     s.putOverwrite,
		"DELETE /channels/{channel}/permissions/{overwrite}":  s.deleteOverwrite,
		"POST /channels/{channel}/typing":                     s.typing,
		"POST /channels/{channel}/threads":                    s.startThread,
		"POST /channels/{channel}/messages/{message}/threads": s.startThreadFrom,
		"GET /channels/{channel}/thread-members":              s.threadMembers,
		"GET /channels/{channel}/thread-members/{user}":       s.threadMember,
		"PUT /channels/{channel}/thread-members/{user}":       s.joinThread,
		"DELETE /channels/{channel}/thread-members/{user}":    s.leaveThread,
		"GET /channels/{channel}/threads/archived/public":     s.archivedThreads,
	}
}

// channelFor is the channel of a call in which the bot may do want.
func (s *Server) channelFor(c *call, want Permission) (*Channel, error) {
	ch := s.state.channels[c.path("channel")]
	if ch == nil {
		return nil, errUnknownChannel
	}
	if err := s.state.needs(ch.ID, ViewChannel|want); err != nil {
		return nil, err
	}
	return ch, nil
}

// listChannels gives every channel of the guild, also those that the bot cannot see,
// as Discord does.
func (s *Server) listChannels(*call) (any, error) { return s.state.listed(false), nil }

func (s *Server) getChannel(c *call) (any, error) { return value(s.channelFor(c, 0)) }

// value keeps a nil pointer from becoming an answer.
func value[T any](v *T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// channelBody is a create or an edit. What is not named is left as it is.
type channelBody struct {
	Name                *string         `json:"name"`
	Type                *int            `json:"type"`
	Topic               json.RawMessage `json:"topic"`
	ParentID            json.RawMessage `json:"parent_id"`
	Position            *int            `json:"position"`
	Overwrites          []Overwrite     `json:"permission_overwrites"`
	RateLimitPerUser    *int            `json:"rate_limit_per_user"`
	NSFW                *bool           `json:"nsfw"`
	Archived            *bool           `json:"archived"`
	Locked              *bool           `json:"locked"`
	AutoArchiveDuration *int            `json:"auto_archive_duration"`
	Invitable           *bool           `json:"invitable"`
}

func optional(raw json.RawMessage) (text *string, named bool, err error) {
	if raw == nil {
		return nil, false, nil
	}
	err = json.Unmarshal(raw, &text)
	if err == nil && text != nil && *text == "" {
		text = nil
	}
	return text, true, err
}

// fill writes a body into a channel, whose parent may be another after it.
func (s *Server) fill(ch *Channel, b channelBody) error {
	var f form
	if b.Name != nil {
		f.length("name", *b.Name, 1, 100)
		ch.Name = *b.Name
		if ch.Type == ChannelText {
			ch.Name = textName(*b.Name)
		}
	}
	topic, named, err := optional(b.Topic)
	if err != nil {
		return errMalformed
	}
	if named {
		if ch.Topic = topic; topic != nil {
			f.length("topic", *topic, 0, maxTopic)
		}
	}
	parent, named, err := optional(b.ParentID)
	if err != nil {
		return errMalformed
	}
	if named {
		s.moveTo(&f, ch, parent)
	}
	if b.Overwrites != nil {
		f.count("permission_overwrites", len(b.Overwrites), 1000)
		ch.PermissionOverwrites = append([]Overwrite{}, b.Overwrites...)
	}
	if b.Position != nil {
		ch.Position = *b.Position
	}
	if b.RateLimitPerUser != nil {
		ch.RateLimitPerUser = *b.RateLimitPerUser
	}
	if b.NSFW != nil {
		ch.NSFW = *b.NSFW
	}
	return f.err()
}

// textName is how Discord writes the name of a text channel: lower case, blanks as
// dashes, no punctuation.
func textName(name string) string {
	name = strings.ToLower(strings.Join(strings.Fields(name), "-"))
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~", r) {
			return -1
		}
		return r
	}, name)
}

func (s *Server) moveTo(f *form, ch *Channel, parent *string) {
	if parent == nil {
		ch.ParentID = nil
		return
	}
	category := s.state.channels[*parent]
	if category == nil || category.Type != ChannelCategory {
		f.add("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
		return
	}
	in := 0
	for _, other := range s.state.listed(false) {
		if other.ID != ch.ID && other.ParentID != nil && *other.ParentID == *parent {
			in++
		}
	}
	if in >= maxInCategory {
		f.add("parent_id", "CHANNEL_PARENT_MAX_CHANNELS", "Maximum number of channels in category reached (50)")
		return
	}
	ch.ParentID = parent
}

func (s *Server) createChannel(c *call) (any, error) {
	if err := s.state.needs("", ManageChannels); err != nil {
		return nil, err
	}
	var b channelBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if len(s.state.listed(false)) >= maxChannels {
		return nil, errMaxChannels
	}
	ch := &Channel{}
	if b.Type != nil {
		ch.Type = *b.Type
	}
	if b.Name == nil {
		b.Name = new(string)
	}
	if err := s.fill(ch, b); err != nil {
		return nil, err
	}
	if b.Overwrites == nil && ch.ParentID != nil { // takes over the category's
		ch.PermissionOverwrites = slices.Clone(s.state.channels[*ch.ParentID].PermissionOverwrites)
	}
	if err := s.mayGrant("", b.Overwrites); err != nil {
		return nil, err
	}
	if b.Position == nil {
		ch.Position = len(s.state.listed(false))
	}
	ch.ID = s.state.newID()
	s.state.addChannel(ch)
	s.dispatch("CHANNEL_CREATE", intentGuilds, ch)
	c.status = 201
	return ch, nil
}

// mayGrant refuses overwrites of bits that the bot itself does not have.
func (s *Server) mayGrant(channel string, list []Overwrite) error {
	have := s.state.permissionsIn(botID, channel)
	for _, o := range list {
		if (o.Allow|o.Deny)&^have != 0 {
			return errMissingPermissions
		}
	}
	return nil
}

func (s *Server) editChannel(c *call) (any, error) {
	ch, err := s.channelFor(c, 0)
	if err != nil {
		return nil, err
	}
	var b channelBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if ch.Thread != nil {
		return s.editThread(ch, b)
	}
	if err := s.state.needs(ch.ID, ManageChannels); err != nil {
		return nil, err
	}
	if b.Overwrites != nil {
		if err := s.state.needs(ch.ID, ManageRoles); err != nil {
			return nil, err
		}
		if err := s.mayGrant(ch.ID, b.Overwrites); err != nil {
			return nil, err
		}
	}
	next := *ch
	if err := s.fill(&next, b); err != nil {
		return nil, err
	}
	*ch = next
	s.dispatch("CHANNEL_UPDATE", intentGuilds, ch)
	return ch, nil
}

func (s *Server) deleteChannel(c *call) (any, error) {
	ch, err := s.channelFor(c, 0)
	if err != nil {
		return nil, err
	}
	need, event := ManageChannels, "CHANNEL_DELETE"
	if ch.Thread != nil {
		need, event = ManageThreads, "THREAD_DELETE"
	}
	if err := s.state.needs(ch.ID, need); err != nil {
		return nil, err
	}
	s.state.removeChannel(ch.ID)
	s.dispatch(event, intentGuilds, ch)
	return ch, nil
}

func (s *Server) putOverwrite(c *call) (any, error) {
	ch, err := s.channelFor(c, ManageRoles)
	if err != nil {
		return nil, err
	}
	o := Overwrite{}
	if err := c.decode(&o); err != nil {
		return nil, err
	}
	o.ID = c.path("overwrite")
	if err := s.mayGrant(ch.ID, []Overwrite{o}); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(ch.PermissionOverwrites, func(x Overwrite) bool { return x.ID == o.ID }); i >= 0 {
		ch.PermissionOverwrites[i] = o
	} else {
		ch.PermissionOverwrites = append(ch.PermissionOverwrites, o)
	}
	s.dispatch("CHANNEL_UPDATE", intentGuilds, ch)
	return nil, nil
}

func (s *Server) deleteOverwrite(c *call) (any, error) {
	ch, err := s.channelFor(c, ManageRoles)
	if err != nil {
		return nil, err
	}
	n := len(ch.PermissionOverwrites)
	ch.PermissionOverwrites = slices.DeleteFunc(ch.PermissionOverwrites, func(x Overwrite) bool { return x.ID == c.path("overwrite") })
	if len(ch.PermissionOverwrites) == n {
		return nil, errUnknownOverwrite
	}
	s.dispatch("CHANNEL_UPDATE", intentGuilds, ch)
	return nil, nil
}

func (s *Server) typing(c *call) (any, error) {
	_, err := s.channelFor(c, SendMessages)
	return nil, err
}
