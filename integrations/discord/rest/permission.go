package rest

import "strings"

// Permissions is a set of permission bits.
// https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags
type Permissions int64

// The permissions that are used or looked at here. Since 2026-02-23 pinning needs a
// bit of its own, which the library does not know.
const (
	Administrator         Permissions = 1 << 3
	ManageChannels        Permissions = 1 << 4
	AddReactions          Permissions = 1 << 6
	ViewChannel           Permissions = 1 << 10
	SendMessages          Permissions = 1 << 11
	ManageMessages        Permissions = 1 << 13
	EmbedLinks            Permissions = 1 << 14
	AttachFiles           Permissions = 1 << 15
	ReadMessageHistory    Permissions = 1 << 16
	MentionEveryone       Permissions = 1 << 17
	ManageRoles           Permissions = 1 << 28 // "Manage Permissions" of a channel
	ManageThreads         Permissions = 1 << 34
	CreatePublicThreads   Permissions = 1 << 35
	CreatePrivateThreads  Permissions = 1 << 36
	SendMessagesInThreads Permissions = 1 << 38
	PinMessages           Permissions = 1 << 51
)

// permissionNames are those that Discord's settings show in English, by bit.
var permissionNames = []struct {
	bit  Permissions
	name string
}{
	{Administrator, "Administrator"},
	{ManageChannels, "Manage Channels"},
	{AddReactions, "Add Reactions"},
	{ViewChannel, "View Channel"},
	{SendMessages, "Send Messages"},
	{ManageMessages, "Manage Messages"},
	{EmbedLinks, "Embed Links"},
	{AttachFiles, "Attach Files"},
	{ReadMessageHistory, "Read Message History"},
	{MentionEveryone, "Mention Everyone"},
	{ManageRoles, "Manage Roles"},
	{ManageThreads, "Manage Threads"},
	{CreatePublicThreads, "Create Public Threads"},
	{CreatePrivateThreads, "Create Private Threads"},
	{SendMessagesInThreads, "Send Messages in Threads"},
	{PinMessages, "Pin Messages"},
}

// Names are the permissions as Discord's settings call them; those that are not
// listed above are left out.
func (p Permissions) Names() []string {
	var names []string
	for _, n := range permissionNames {
		if p&n.bit != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// String is "View Channel, Send Messages".
func (p Permissions) String() string { return strings.Join(p.Names(), ", ") }

// Has reports whether all of need are there; an administrator has all.
func (p Permissions) Has(need Permissions) bool { return p&Administrator != 0 || p&need == need }

// Missing is what of need is not there.
func (p Permissions) Missing(need Permissions) Permissions {
	if p&Administrator != 0 {
		return 0
	}
	return need &^ p
}
