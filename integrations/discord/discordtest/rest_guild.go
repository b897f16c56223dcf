package discordtest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) guildRoutes() map[string]handler {
	return map[string]handler{
		"GET /gateway":                                                         s.getGateway,
		"GET /gateway/bot":                                                     s.getGatewayBot,
		"GET /users/@me":                                                       s.getMe,
		"GET /users/{user}":                                                    s.getUser,
		"GET /applications/@me":                                                s.getApplication,
		"GET /oauth2/applications/@me":                                         s.getApplication,
		"GET /guilds/{guild}":                                                  s.inGuild(s.getGuild),
		"GET /guilds/{guild}/roles":                                            s.inGuild(s.getRoles),
		"GET /guilds/{guild}/members":                                          s.inGuild(s.getMembers),
		"GET /guilds/{guild}/members/search":                                   s.inGuild(s.searchMembers),
		"GET /guilds/{guild}/members/{user}":                                   s.inGuild(s.getMember),
		"GET /applications/{application}/guilds/{guild}/commands":              s.inGuild(s.getCommands),
		"PUT /applications/{application}/guilds/{guild}/commands":              s.inGuild(s.putCommands),
		"GET /applications/{application}/commands":                             s.getGlobalCommands,
		"PUT /applications/{application}/commands":                             s.putGlobalCommands,
		"DELETE /applications/{application}/guilds/{guild}/commands/{command}": s.inGuild(s.deleteCommand),
	}
}

func (s *Server) inGuild(do handler) handler {
	return func(c *call) (any, error) {
		if c.path("guild") != guildID {
			return nil, errUnknownGuild
		}
		return do(c)
	}
}

func (s *Server) getGateway(*call) (any, error) {
	return map[string]any{"url": s.GatewayURL()}, nil
}

func (s *Server) getGatewayBot(*call) (any, error) {
	return map[string]any{"url": s.GatewayURL(), "shards": 1, "session_start_limit": map[string]int{
		"total": 1000, "remaining": max(0, 1000-s.gateway.identifies), "reset_after": 86400000, "max_concurrency": 1,
	}}, nil
}

func (s *Server) getMe(*call) (any, error) {
	return struct {
		*User
		MFA      bool    `json:"mfa_enabled"`
		Locale   string  `json:"locale"`
		Email    *string `json:"email"`
		Verified bool    `json:"verified"`
	}{s.state.users[botID], false, "en-US", nil, true}, nil
}

func (s *Server) getUser(c *call) (any, error) {
	if u := s.state.users[c.path("user")]; u != nil {
		return u, nil
	}
	return nil, errUnknownUser
}

// Flags of an application that say which privileged intents it has, as one that is in
// fewer than a hundred guilds;
// https://discord.com/developers/docs/resources/application#application-object-application-flags
const (
	flagPresences = 1 << 13
	flagMembers   = 1 << 15
	flagContent   = 1 << 19
)

func (s *Server) getApplication(*call) (any, error) {
	flags := 0
	for intent, flag := range map[int]int{IntentPresences: flagPresences, IntentMembers: flagMembers, IntentContent: flagContent} {
		if s.opt.Intents&intent != 0 {
			flags |= flag
		}
	}
	var endpoint *string
	if s.opt.InteractionsURL != "" {
		endpoint = &s.opt.InteractionsURL
	}
	return map[string]any{
		"id": applicationID, "name": s.opt.Bot, "icon": nil, "description": "", "type": nil,
		"bot": s.state.users[botID], "bot_public": false, "bot_require_code_grant": false,
		"verify_key": strings.ToLower(hexKey(s)), "flags": flags, "flags_new": strconv.Itoa(flags), "redirect_uris": []string{},
		"interactions_endpoint_url": endpoint, "role_connections_verification_url": nil,
		"owner": s.state.users[ownerID], "approximate_guild_count": 1, "approximate_user_install_count": 0,
		"approximate_user_authorization_count": 0, "explicit_content_filter": 0, "team": nil, "eligible_oauth2_scopes": []string{},
	}, nil
}

func (s *Server) guildObject() map[string]any {
	return map[string]any{
		"id": guildID, "name": s.state.guild, "icon": nil, "description": nil, "home_header": nil, "splash": nil,
		"discovery_splash": nil, "features": []string{}, "banner": nil, "owner_id": ownerID, "application_id": nil,
		"region": "deprecated", "afk_channel_id": nil, "afk_timeout": 300, "system_channel_id": nil, "system_channel_flags": 0,
		"widget_enabled": false, "widget_channel_id": nil, "verification_level": 0, "roles": s.roles(),
		"default_message_notifications": 1, "mfa_level": 0, "explicit_content_filter": 0, "max_presences": nil,
		"max_members": 500000, "max_stage_video_channel_users": 50, "max_video_channel_users": 25, "vanity_url_code": nil,
		"premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US", "rules_channel_id": nil,
		"safety_alerts_channel_id": nil, "public_updates_channel_id": nil, "premium_progress_bar_enabled": false,
		"nsfw": false, "nsfw_level": 0, "emojis": []string{}, "stickers": []string{}, "incidents_data": nil,
	}
}

func (s *Server) getGuild(c *call) (any, error) {
	g := s.guildObject()
	if c.query.Get("with_counts") == "true" {
		g["approximate_member_count"], g["approximate_presence_count"] = len(s.state.members), 1
	}
	return g, nil
}

func (s *Server) roles() []*Role {
	list := slices.Collect(maps.Values(s.state.roles))
	slices.SortFunc(list, func(a, b *Role) int {
		if a.Position != b.Position {
			return a.Position - b.Position
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

func (s *Server) getRoles(*call) (any, error) { return s.roles(), nil }

func (s *Server) members() []*Member {
	list := slices.Collect(maps.Values(s.state.members))
	slices.SortFunc(list, func(a, b *Member) int { return strings.Compare(a.User.ID, b.User.ID) })
	return list
}

// getMembers needs the privileged intent, as Discord's.
func (s *Server) getMembers(c *call) (any, error) {
	if s.opt.Intents&IntentMembers == 0 {
		return nil, errMissingAccess
	}
	list := []*Member{}
	for _, m := range s.members() {
		if m.User.ID > c.query.Get("after") {
			list = append(list, m)
		}
	}
	return list[:min(len(list), limit(c, 1, 1000))], nil
}

func (s *Server) searchMembers(c *call) (any, error) {
	list := []*Member{}
	q := strings.ToLower(c.query.Get("query"))
	for _, m := range s.members() {
		if strings.HasPrefix(strings.ToLower(m.User.Username), q) || m.Nick != nil && strings.HasPrefix(strings.ToLower(*m.Nick), q) {
			list = append(list, m)
		}
	}
	return list[:min(len(list), limit(c, 1, 1000))], nil
}

func (s *Server) getMember(c *call) (any, error) {
	id := c.path("user")
	if s.state.users[id] == nil {
		return nil, errUnknownUser
	}
	if m := s.state.members[id]; m != nil {
		return m, nil
	}
	return nil, errUnknownMember
}

// limit is the query's limit, which must be from 1 to most.
func limit(c *call, byDefault, most int) int {
	n, err := strconv.Atoi(c.query.Get("limit"))
	if err != nil || n < 1 {
		return byDefault
	}
	return min(n, most)
}

func (s *Server) getCommands(*call) (any, error) {
	return append([]*Command{}, s.state.commands...), nil
}

func (s *Server) getGlobalCommands(*call) (any, error) { return []*Command{}, nil }

// putGlobalCommands takes only the empty list: everything is registered for the guild.
func (s *Server) putGlobalCommands(c *call) (any, error) {
	var list []Command
	if err := c.decode(&list); err != nil {
		return nil, err
	}
	if len(list) > 0 {
		return nil, errMissingAccess
	}
	return []*Command{}, nil
}

// putCommands overwrites the guild's commands. One that keeps name and type keeps its
// id and does not count as created.
// https://discord.com/developers/docs/interactions/application-commands#bulk-overwrite-guild-application-commands
func (s *Server) putCommands(c *call) (any, error) {
	if c.path("application") != applicationID {
		return nil, errMissingAccess
	}
	var list []*Command
	if err := c.decode(&list); err != nil {
		return nil, err
	}
	var f form
	for i, cmd := range list {
		if cmd.Type == 0 {
			cmd.Type = 1
		}
		checkCommand(&f, strconv.Itoa(i), cmd)
		for _, other := range list[:i] {
			if other.Type == cmd.Type && other.Name == cmd.Name {
				f.add(strconv.Itoa(i), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
			}
		}
	}
	checkCommandCounts(&f, list)
	if err := f.err(); err != nil {
		return nil, err
	}
	created := 0
	for _, cmd := range list {
		cmd.ID = ""
		for _, old := range s.state.commands {
			if old.Name == cmd.Name && old.Type == cmd.Type {
				cmd.ID, cmd.Version = old.ID, old.Version
				if !sameJSON(old, cmd) {
					cmd.Version = s.state.newID()
				}
			}
		}
		if cmd.ID == "" {
			created++
		}
	}
	if s.state.created+created > 200 {
		return nil, errMaxCommands
	}
	s.state.created += created
	for _, cmd := range list {
		if cmd.ID == "" {
			cmd.ID = s.state.newID()
			cmd.Version = cmd.ID
		}
		s.complete(cmd)
	}
	s.state.commands = list
	return s.getCommands(c)
}

func (s *Server) complete(cmd *Command) {
	cmd.ApplicationID, cmd.GuildID = applicationID, guildID
	if cmd.IntegrationTypes == nil {
		cmd.IntegrationTypes = []int{0}
	}
}

func (s *Server) deleteCommand(c *call) (any, error) {
	n := len(s.state.commands)
	s.state.commands = slices.DeleteFunc(s.state.commands, func(x *Command) bool { return x.ID == c.path("command") })
	if len(s.state.commands) == n {
		return nil, errUnknownCommand
	}
	return nil, nil
}

func sameJSON(a, b *Command) bool {
	x, y := *a, *b
	y.ID, y.Version, y.ApplicationID, y.GuildID = x.ID, x.Version, x.ApplicationID, x.GuildID
	if y.IntegrationTypes == nil {
		y.IntegrationTypes = x.IntegrationTypes
	}
	one, err1 := json.Marshal(x)
	two, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && string(one) == string(two)
}
