package discordtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Permission is a set of permission bits. It travels as a string.
// https://discord.com/developers/docs/topics/permissions
type Permission int64

// The permissions that the simulator knows.
const (
	Administrator         Permission = 1 << 3
	ManageChannels        Permission = 1 << 4
	ManageGuild           Permission = 1 << 5
	AddReactions          Permission = 1 << 6
	ViewChannel           Permission = 1 << 10
	SendMessages          Permission = 1 << 11
	ManageMessages        Permission = 1 << 13
	EmbedLinks            Permission = 1 << 14
	AttachFiles           Permission = 1 << 15
	ReadMessageHistory    Permission = 1 << 16
	MentionEveryone       Permission = 1 << 17
	ManageRoles           Permission = 1 << 28
	UseCommands           Permission = 1 << 31
	ManageThreads         Permission = 1 << 34
	CreatePublicThreads   Permission = 1 << 35
	CreatePrivateThreads  Permission = 1 << 36
	SendMessagesInThreads Permission = 1 << 38
	PinMessages           Permission = 1 << 51 // needed to pin since 2026-02-23
)

const everyoneByDefault = ViewChannel | SendMessages | EmbedLinks | AttachFiles | ReadMessageHistory |
	AddReactions | UseCommands | CreatePublicThreads | SendMessagesInThreads

const allPermissions Permission = 1<<53 - 1

// MarshalJSON writes the decimal string that Discord uses.
func (p Permission) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatInt(int64(p), 10) + `"`), nil
}

// UnmarshalJSON reads a decimal string or a number.
func (p *Permission) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "null" || text == "" {
		*p = 0
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("permissions %s: %w", data, err)
	}
	*p = Permission(n)
	return nil
}

func (p Permission) String() string { return strconv.FormatInt(int64(p), 10) }

// permissionsIn computes what a member may do in a channel, "" for the guild:
// https://discord.com/developers/docs/topics/permissions#permission-overwrites
func (st *state) permissionsIn(user, channel string) Permission {
	m := st.members[user]
	if m == nil {
		return 0
	}
	if user == ownerID {
		return allPermissions
	}
	base := st.rolePermissions(guildID)
	for _, r := range m.Roles {
		base |= st.rolePermissions(r)
	}
	if base&Administrator != 0 {
		return allPermissions
	}
	c := st.channels[channel]
	if c != nil && c.Thread != nil && c.ParentID != nil {
		c = st.channels[*c.ParentID]
	}
	if c == nil {
		return base
	}
	pick := func(match func(Overwrite) bool) (allow, deny Permission) {
		for _, o := range c.PermissionOverwrites {
			if match(o) {
				allow, deny = allow|o.Allow, deny|o.Deny
			}
		}
		return allow, deny
	}
	for _, match := range []func(Overwrite) bool{
		func(o Overwrite) bool { return o.ID == guildID },
		func(o Overwrite) bool { return o.Type == 0 && o.ID != guildID && slices.Contains(m.Roles, o.ID) },
		func(o Overwrite) bool { return o.Type == 1 && o.ID == user },
	} {
		allow, deny := pick(match)
		base = base&^deny | allow
	}
	if base&ViewChannel == 0 {
		return 0 // who does not see it may do nothing in it
	}
	if base&SendMessages == 0 {
		base &^= EmbedLinks | AttachFiles | MentionEveryone
	}
	return base
}

func (st *state) rolePermissions(id string) Permission {
	r := st.roles[id]
	if r == nil {
		return 0
	}
	var p Permission
	if err := json.Unmarshal([]byte(`"`+r.Permissions+`"`), &p); err != nil {
		return 0
	}
	return p
}

// needs returns nil when the bot may do all of want in the channel.
func (st *state) needs(channel string, want Permission) error {
	have := st.permissionsIn(botID, channel)
	switch {
	case channel != "" && have&ViewChannel == 0:
		return errMissingAccess
	case have&want != want:
		return errMissingPermissions
	}
	return nil
}
