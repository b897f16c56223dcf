package rooms

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// auditReason stands in the server's audit log beside what the bot changes.
const auditReason = "incident rooms"

// channels are those of the server as of one request.
type channels []*discordgo.Channel

func (r *Rooms) channels(ctx context.Context) (channels, error) {
	list, err := r.Rest.GuildChannels(ctx, r.Guild)
	if err != nil {
		return nil, fmt.Errorf("channels of the server: %w", err)
	}
	return list, nil
}

func (c channels) byID(id string) *discordgo.Channel {
	return c.find(func(ch *discordgo.Channel) bool { return ch.ID == id })
}

// find prefers the oldest: that one people know.
func (c channels) find(is func(*discordgo.Channel) bool) (found *discordgo.Channel) {
	for _, ch := range c {
		if is(ch) && (found == nil || younger(found.ID, ch.ID)) {
			found = ch
		}
	}
	return found
}

func (c channels) in(category string) (n int) {
	for _, ch := range c {
		if ch.ParentID == category {
			n++
		}
	}
	return n
}

// known finds a channel of ours by the id that was noted, so that people may rename
// it, else by its type and name.
func (r *Rooms) known(ctx context.Context, all channels, kind discordgo.ChannelType, name string) (*discordgo.Channel, error) {
	key := "channel/" + name
	var id []byte
	err := r.Store.View(ctx, func(v timeline.View) (err error) {
		id, err = noted(v, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	if ch := all.byID(string(id)); ch != nil && ch.Type == kind {
		return ch, nil
	}
	ch := all.find(func(ch *discordgo.Channel) bool { return ch.Type == kind && strings.EqualFold(ch.Name, name) })
	if ch == nil {
		return nil, nil
	}
	return ch, r.note(ctx, key, []byte(ch.ID))
}

// make creates a channel and notes its id. It is looked for by name first at every
// attempt, so an answer that was lost does no harm.
func (r *Rooms) make(ctx context.Context, n rest.NewChannel) (*discordgo.Channel, error) {
	ch, err := r.Rest.CreateChannel(ctx, r.Guild, n, auditReason)
	if err != nil {
		return nil, fmt.Errorf("channel %q: %w", n.Name, err)
	}
	return ch, r.note(ctx, "channel/"+n.Name, []byte(ch.ID))
}

// maxCategories bounds how many categories of one name are made: 20 hold 1000
// channels, twice what a server may have.
const maxCategories = 20

// category finds or makes the first category of this name that has room: "Incidents",
// "Incidents 2", … Those in full are passed over.
func (r *Rooms) category(ctx context.Context, all *channels, name string, full map[string]bool) (*discordgo.Channel, error) {
	for n := 1; n <= maxCategories; n++ {
		numbered := name
		if n > 1 {
			numbered = fmt.Sprintf("%s %d", name, n)
		}
		c, err := r.known(ctx, *all, discordgo.ChannelTypeGuildCategory, numbered)
		if err != nil {
			return nil, err
		}
		if c != nil && !full[c.ID] && all.in(c.ID) < inCategory {
			return c, nil
		}
		if c == nil {
			own, err := r.overwrites(ctx, nil, false)
			if err != nil {
				return nil, err
			}
			if c, err = r.make(ctx, rest.NewChannel{Name: numbered, Type: discordgo.ChannelTypeGuildCategory, Overwrites: own}); err != nil {
				return nil, err
			}
			*all = append(*all, c)
			return c, nil
		}
	}
	return nil, fmt.Errorf("%d categories named %q are full", maxCategories, name)
}

// The permissions that the bot gives itself where others lose them.
const ownPermissions = rest.ViewChannel | rest.SendMessages | rest.EmbedLinks | rest.ReadMessageHistory | rest.SendMessagesInThreads

// overwrites are the permissions of a new channel; nil leaves those of its category.
// A channel with permissions of its own does not get its category's: they are
// copied, so that nothing hidden becomes visible. quiet lets only the bot write.
func (r *Rooms) overwrites(ctx context.Context, category *discordgo.Channel, quiet bool) ([]*discordgo.PermissionOverwrite, error) {
	if !r.Private && !quiet {
		return nil, nil
	}
	me, err := r.self(ctx)
	if err != nil {
		return nil, err
	}
	var list []*discordgo.PermissionOverwrite
	if category != nil {
		list = category.PermissionOverwrites
	}
	if r.Private {
		list = overwrite(list, discordgo.PermissionOverwriteTypeRole, r.Guild, 0, rest.ViewChannel) // @everyone has the server's id
		for _, role := range r.Viewers {
			list = overwrite(list, discordgo.PermissionOverwriteTypeRole, role, rest.ViewChannel, 0)
		}
	}
	if quiet {
		list = overwrite(list, discordgo.PermissionOverwriteTypeRole, r.Guild, 0, rest.SendMessages)
	}
	return overwrite(list, discordgo.PermissionOverwriteTypeMember, me, ownPermissions, 0), nil
}

// overwrite returns a copy of list in which one role or member is allowed or denied
// something more.
func overwrite(list []*discordgo.PermissionOverwrite, kind discordgo.PermissionOverwriteType, id string, allow, deny rest.Permissions) []*discordgo.PermissionOverwrite {
	list = slices.Clone(list)
	o := discordgo.PermissionOverwrite{ID: id, Type: kind}
	at := slices.IndexFunc(list, func(o *discordgo.PermissionOverwrite) bool { return o.ID == id })
	if at >= 0 {
		o = *list[at]
	} else {
		at, list = len(list), append(list, nil)
	}
	o.Allow = o.Allow&^int64(deny) | int64(allow)
	o.Deny = o.Deny&^int64(allow) | int64(deny)
	list[at] = &o
	return list
}

// overviewChannel finds or makes the channel of the overview. The caller holds r.guild.
func (r *Rooms) overviewChannel(ctx context.Context, all *channels) (string, error) {
	ch, err := r.known(ctx, *all, discordgo.ChannelTypeGuildText, r.Options.Overview)
	if err != nil {
		return "", err
	}
	if ch != nil {
		return ch.ID, nil
	}
	category, err := r.category(ctx, all, r.Category, nil)
	if err != nil {
		return "", err
	}
	quiet, err := r.overwrites(ctx, category, true)
	if err != nil {
		return "", err
	}
	n := rest.NewChannel{Name: r.Options.Overview, Type: discordgo.ChannelTypeGuildText, Parent: category.ID,
		Topic: "wardroom · one line for each incident", Overwrites: quiet}
	if ch, err = r.make(ctx, n); rest.CodeOf(err) == rest.MissingPermissions && !r.Private {
		n.Overwrites = nil // then people can write there, too
		ch, err = r.make(ctx, n)
	}
	if err != nil {
		return "", err
	}
	*all = append(*all, ch)
	return ch.ID, nil
}
