package discord

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/integrations/discord/rest"
)

// Permissions are what the bot uses, and nothing else: rooms are made, kept from
// others, written to, pinned in, threaded where channels run out, and put away.
// https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags
const Permissions = rest.ViewChannel | rest.SendMessages | rest.EmbedLinks | rest.AttachFiles | rest.ReadMessageHistory |
	rest.AddReactions | rest.PinMessages | rest.ManageChannels | rest.ManageRoles |
	rest.CreatePublicThreads | rest.SendMessagesInThreads | rest.ManageThreads

// channelNeeds are what the bot needs where it only writes.
const channelNeeds = rest.ViewChannel | rest.SendMessages | rest.EmbedLinks | rest.AttachFiles | rest.ReadMessageHistory | rest.PinMessages

// InviteURL invites the application into a server with exactly [Permissions].
// https://discord.com/developers/docs/topics/oauth2#bot-authorization-flow
func InviteURL(application string) string {
	q := url.Values{"client_id": {application}, "scope": {"bot applications.commands"}, "permissions": {strconv.FormatInt(int64(Permissions), 10)}}
	return "https://discord.com/oauth2/authorize?" + q.Encode()
}

// standing is what decides what the bot may do in a guild.
type standing struct {
	guild *discordgo.Guild
	bot   string
	roles []*discordgo.Role // of the bot, @everyone first
}

func standingOf(g *discordgo.Guild, m *discordgo.Member, bot string) standing {
	s := standing{guild: g, bot: bot}
	for _, r := range g.Roles {
		switch {
		case r.ID == g.ID:
			s.roles = append([]*discordgo.Role{r}, s.roles...)
		case slices.Contains(m.Roles, r.ID):
			s.roles = append(s.roles, r)
		}
	}
	return s
}

// inGuild is what the bot's roles allow everywhere.
func (s standing) inGuild() rest.Permissions {
	if s.guild.OwnerID == s.bot {
		return rest.Administrator
	}
	var p rest.Permissions
	for _, r := range s.roles {
		p |= rest.Permissions(r.Permissions)
	}
	return p
}

// ownRole is the role to change: the one that Discord made for the bot.
func (s standing) ownRole() string {
	for _, r := range s.roles {
		if r.Managed {
			return r.Name
		}
	}
	if len(s.roles) > 1 {
		return s.roles[len(s.roles)-1].Name
	}
	return "@everyone"
}

// obstacle is a permission that is missing somewhere, and what stands in the way.
type obstacle struct {
	needs rest.Permissions
	who   string // "the role muted", "@everyone", "the bot itself"
}

// in finds what is missing in a channel or category although the roles allow it.
// The order is Discord's: @everyone's overwrite, those of the roles, the member's.
// https://discord.com/developers/docs/topics/permissions#permission-overwrites
func (s standing) in(c *discordgo.Channel, needs rest.Permissions) []obstacle {
	p := s.inGuild()
	if p&rest.Administrator != 0 {
		return nil
	}
	needs &= p // what the roles do not allow is said once, for the whole server
	who := map[rest.Permissions]string{}
	apply := func(allow, deny rest.Permissions, name string) {
		for bit := rest.Permissions(1); bit > 0 && bit <= needs; bit <<= 1 {
			if needs&bit&deny&^allow != 0 {
				who[bit] = name
			}
		}
		p = p&^deny | allow
	}
	overwrite := func(id string) *discordgo.PermissionOverwrite {
		i := slices.IndexFunc(c.PermissionOverwrites, func(o *discordgo.PermissionOverwrite) bool { return o != nil && o.ID == id })
		if i < 0 {
			return &discordgo.PermissionOverwrite{}
		}
		return c.PermissionOverwrites[i]
	}
	if o := overwrite(s.guild.ID); o.ID != "" {
		apply(rest.Permissions(o.Allow), rest.Permissions(o.Deny), "@everyone")
	}
	var allow, deny rest.Permissions
	names := map[rest.Permissions]string{}
	for _, r := range s.roles {
		if o := overwrite(r.ID); o.ID != "" && r.ID != s.guild.ID {
			allow |= rest.Permissions(o.Allow)
			deny |= rest.Permissions(o.Deny)
			for bit := rest.Permissions(1); bit > 0 && bit <= needs; bit <<= 1 {
				if rest.Permissions(o.Deny)&bit != 0 {
					names[bit] = "the role " + r.Name
				}
			}
		}
	}
	for bit := rest.Permissions(1); bit > 0 && bit <= needs; bit <<= 1 {
		if needs&bit&deny&^allow != 0 {
			who[bit] = names[bit]
		}
	}
	p = p&^deny | allow
	if o := overwrite(s.bot); o.ID != "" {
		apply(rest.Permissions(o.Allow), rest.Permissions(o.Deny), "the bot itself")
	}
	byWho := map[string]rest.Permissions{}
	for bit := rest.Permissions(1); bit > 0 && bit <= needs; bit <<= 1 {
		if needs&bit != 0 && p&bit == 0 {
			byWho[who[bit]] |= bit
		}
	}
	var found []obstacle
	for name, bits := range byWho {
		found = append(found, obstacle{bits, name})
	}
	slices.SortFunc(found, func(a, b obstacle) int { return strings.Compare(a.who, b.who) })
	return found
}

func (o obstacle) in(where string) string {
	return fmt.Sprintf("%s: %s is denied to %s", where, o.needs, o.who)
}
