package discordtest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The ids that are always the same.
const (
	guildID       = "900000000000000001" // and @everyone's
	applicationID = "900000000000000002"
	botID         = applicationID // as for every application made since 2015
	ownerID       = "900000000000000003"
	botRoleID     = "900000000000000004"
	generalID     = "900000000000000005"

	firstPerson = 900000000000001000
	firstID     = 1000000000000000000
)

// state is everything that the simulated Discord holds. The Server's lock guards it.
type state struct {
	guild        string
	users        map[string]*User // by id
	members      map[string]*Member
	roles        map[string]*Role
	channels     map[string]*Channel
	order        []string              // ids of channels as they were made
	messages     map[string][]*Message // by channel, oldest first
	byID         map[string]*Message   // also ephemeral ones
	commands     []*Command
	interactions map[string]*interaction // by token
	files        map[string]*Attachment
	typed        map[string]int
	people, ids  int
	created      int // application commands, of which Discord allows 200 a day
}

func newState(opt Options) *state {
	st := &state{
		guild: opt.Guild, users: map[string]*User{}, members: map[string]*Member{}, roles: map[string]*Role{},
		channels: map[string]*Channel{}, messages: map[string][]*Message{}, byID: map[string]*Message{},
		interactions: map[string]*interaction{}, files: map[string]*Attachment{}, typed: map[string]int{},
	}
	now := stamp(opt.Now())
	st.roles[guildID] = &Role{ID: guildID, Name: "@everyone", Permissions: opt.Everyone.String()}
	st.roles[botRoleID] = &Role{ID: botRoleID, Name: opt.Bot, Permissions: opt.Permissions.String(), Position: 1, Managed: true, Tags: &RoleTags{BotID: botID}}
	st.join(&User{ID: botID, Username: opt.Bot, Discriminator: "0000", Bot: true}, now, botRoleID)
	st.join(&User{ID: ownerID, Username: "owner", Discriminator: "0"}, now)
	st.addChannel(&Channel{ID: generalID, Name: "general"})
	for _, p := range opt.People {
		st.person(p, now)
	}
	return st
}

// stamp is a time as Discord writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

func (st *state) newID() string {
	st.ids++
	return strconv.Itoa(firstID + st.ids)
}

func (st *state) join(u *User, at string, roles ...string) *Member {
	st.users[u.ID] = u
	m := &Member{User: u, Roles: append([]string{}, roles...), JoinedAt: at}
	st.members[u.ID] = m
	return m
}

// person is the user of a name, who joins the guild when nobody has it.
func (st *state) person(name, at string) *User {
	for _, u := range st.users {
		if u.Username == name {
			return u
		}
	}
	st.people++
	display := name
	u := &User{ID: strconv.Itoa(firstPerson + st.people), Username: name, GlobalName: &display, Discriminator: "0"}
	st.join(u, at)
	return u
}

func (st *state) addChannel(c *Channel) {
	c.GuildID = guildID
	if c.PermissionOverwrites == nil {
		c.PermissionOverwrites = []Overwrite{}
	}
	st.channels[c.ID] = c
	st.order = append(st.order, c.ID)
}

// channel finds a channel by its id or, with or without #, its name: the newest of
// that name.
func (st *state) channel(name string) *Channel {
	name = strings.TrimPrefix(name, "#")
	if c := st.channels[name]; c != nil {
		return c
	}
	for _, id := range slices.Backward(st.order) {
		if st.channels[id].Name == name {
			return st.channels[id]
		}
	}
	return nil
}

// listed are the channels of the guild by position and age, threads apart.
func (st *state) listed(threads bool) []*Channel {
	list := []*Channel{}
	for _, id := range st.order {
		if c := st.channels[id]; (c.Thread != nil) == threads {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b *Channel) int { return cmp.Compare(a.Position, b.Position) })
	return list
}

// message is one in a channel, nil when there is none that everybody can see.
func (st *state) message(channel, id string) *Message {
	if m := st.byID[id]; m != nil && m.ChannelID == channel && m.only == "" {
		return m
	}
	return nil
}

func (st *state) addMessage(m *Message) {
	st.byID[m.ID] = m
	if m.only != "" {
		return
	}
	st.messages[m.ChannelID] = append(st.messages[m.ChannelID], m)
	c := st.channels[m.ChannelID]
	id := m.ID
	c.LastMessageID = &id
	if c.Thread != nil {
		at := c.Thread.TotalMessageSent
		m.Position = &at
		c.Thread.MessageCount++
		c.Thread.TotalMessageSent++
	}
}

func (st *state) removeMessage(m *Message) {
	delete(st.byID, m.ID)
	st.messages[m.ChannelID] = slices.DeleteFunc(st.messages[m.ChannelID], func(x *Message) bool { return x == m })
	if c := st.channels[m.ChannelID]; c != nil && c.Thread != nil && m.only == "" {
		c.Thread.MessageCount--
	}
	for _, a := range m.Attachments {
		delete(st.files, a.ID)
	}
}

func (st *state) removeChannel(id string) {
	for _, m := range slices.Clone(st.messages[id]) {
		st.removeMessage(m)
	}
	delete(st.messages, id)
	delete(st.channels, id)
	st.order = slices.DeleteFunc(st.order, func(x string) bool { return x == id })
	for _, c := range st.channels {
		if c.ParentID != nil && *c.ParentID == id && c.Thread == nil {
			c.ParentID = nil // a category's channels stay
		}
	}
	for _, t := range st.listed(true) {
		if t.ParentID != nil && *t.ParentID == id {
			st.removeChannel(t.ID)
		}
	}
}
