package discordtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// newInteraction is one of a person with its token.
func (s *Server) newInteraction(user *User, channel string, kind int) *interaction {
	id := s.state.newID()
	return &interaction{id: id, token: "interaction-" + id, user: user.ID, channel: channel, kind: kind, made: s.now()}
}

// payload is an interaction as the bot gets it;
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object
func (s *Server) payload(it *interaction) map[string]any {
	member := *s.state.members[it.user]
	member.Permissions = s.state.permissionsIn(it.user, it.channel).String()
	p := map[string]any{
		"id": it.id, "application_id": applicationID, "type": it.kind, "token": it.token, "version": 1,
		"guild_id": guildID, "guild": map[string]any{"id": guildID, "locale": "en-US", "features": []string{}},
		"channel_id": it.channel, "channel": s.state.channels[it.channel], "member": member, "data": it.data,
		"app_permissions": s.state.permissionsIn(botID, it.channel).String(), "locale": "en-US", "guild_locale": "en-US",
		"entitlements": []any{}, "authorizing_integration_owners": map[string]string{"0": guildID}, "context": 0,
		"attachment_size_limit": 10 << 20,
	}
	if it.source != nil && it.kind != kindCommand {
		p["message"] = it.source.clone() // the bot's own, so never blank
	}
	return p
}

func (s *Server) click(user *User, m *Message, label string) (*interaction, error) {
	c, err := clickable(m, func(kind int) bool { return kind == Button }, label)
	if err != nil {
		return nil, err
	}
	if c.CustomID == "" {
		return nil, fmt.Errorf("%q opens %s", label, c.URL)
	}
	it := s.newInteraction(user, m.ChannelID, kindComponent)
	it.source = m
	it.data = map[string]any{"custom_id": c.CustomID, "component_type": Button, "id": c.ID}
	return it, nil
}

func isSelect(kind int) bool {
	return kind == StringSelect || kind >= UserSelect && kind <= ChannelSelect
}

func (s *Server) choose(user *User, m *Message, a Action) (*interaction, error) {
	c, err := clickable(m, isSelect, a.Text)
	if err != nil {
		return nil, err
	}
	values, err := s.picked(c, a.Values)
	if err != nil {
		return nil, err
	}
	it := s.newInteraction(user, m.ChannelID, kindComponent)
	it.source = m
	data := map[string]any{"custom_id": c.CustomID, "component_type": c.Type, "id": c.ID, "values": values}
	if c.Type != StringSelect {
		data["resolved"] = s.resolved(values)
	}
	it.data = data
	return it, nil
}

// picked are the values of what was chosen in a select, within its limits.
func (s *Server) picked(c *Component, names []string) ([]string, error) {
	values := []string{}
	for _, name := range names {
		value := ""
		switch c.Type {
		case StringSelect:
			for _, o := range c.Options {
				if name == o.Label || name == o.Value {
					value = o.Value
				}
			}
		case ChannelSelect:
			if ch := s.state.channel(name); ch != nil {
				value = ch.ID
			}
		default:
			value = s.someone(name, c.Type != UserSelect)
		}
		if value == "" {
			return nil, fmt.Errorf("%q is not among what can be chosen", name)
		}
		values = append(values, value)
	}
	if c.MinValues != nil && len(values) < *c.MinValues || c.MaxValues != nil && len(values) > *c.MaxValues {
		return nil, fmt.Errorf("choosing %d is not within the limits of the select", len(values))
	}
	return values, nil
}

// someone is the id of a member or, with roles, of a role.
func (s *Server) someone(name string, roles bool) string {
	name = strings.Trim(strings.TrimPrefix(name, "@"), "<@&>")
	for id, u := range s.state.users {
		if u.Username == name || id == name {
			return id
		}
	}
	for id, r := range s.state.roles {
		if roles && (r.Name == name || id == name) {
			return id
		}
	}
	return ""
}

// resolved is what ids stand for.
func (s *Server) resolved(ids []string) map[string]any {
	users, members, roles, channels := map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}
	for _, id := range ids {
		if u := s.state.users[id]; u != nil {
			users[id] = u
			m := *s.state.members[id]
			m.User, m.Permissions = nil, s.state.permissionsIn(id, "").String()
			members[id] = m
		}
		if r := s.state.roles[id]; r != nil {
			roles[id] = r
		}
		if c := s.state.channels[id]; c != nil {
			channels[id] = c
		}
	}
	out := map[string]any{}
	for k, v := range map[string]map[string]any{"users": users, "members": members, "roles": roles, "channels": channels} {
		if len(v) > 0 {
			out[k] = v
		}
	}
	return out
}

// menu uses a message command, which the bot is given with the message, content and
// all: that needs no intent.
func (s *Server) menu(user *User, m *Message, name string) (*interaction, error) {
	if m.only != "" {
		return nil, errors.New("an ephemeral message has no menu of commands")
	}
	i := slices.IndexFunc(s.state.commands, func(c *Command) bool { return c.Type == 3 && c.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("the menu has no %q", name)
	}
	if err := s.allowed(user, m.ChannelID, s.state.commands[i]); err != nil {
		return nil, err
	}
	it := s.newInteraction(user, m.ChannelID, kindCommand)
	it.source = m
	it.data = map[string]any{
		"id": s.state.commands[i].ID, "name": name, "type": 3, "guild_id": guildID, "target_id": m.ID,
		"resolved": map[string]any{"messages": map[string]any{m.ID: m.clone()}},
	}
	return it, nil
}

// allowed holds a person to a command's default_member_permissions.
func (s *Server) allowed(user *User, channel string, c *Command) error {
	have := s.state.permissionsIn(user.ID, channel)
	if have&UseCommands == 0 {
		return errors.New("may use no commands here")
	}
	if c.DefaultMemberPermissions == nil {
		return nil
	}
	var need Permission
	if err := need.UnmarshalJSON([]byte(*c.DefaultMemberPermissions)); err != nil {
		return err
	}
	if need == 0 && have&Administrator == 0 || have&need != need {
		return fmt.Errorf("/%s is not shown to this person", c.Name)
	}
	return nil
}

// submit sends a form off, when the client would let it.
func (s *Server) submit(user *User, a Action) (*interaction, error) {
	var opened *interaction
	for _, it := range s.state.interactions {
		if a.Modal != nil && it.id == a.Modal.Interaction && it.modal != nil && it.user == user.ID {
			opened = it
		}
	}
	if opened == nil {
		return nil, errors.New("no such form is open")
	}
	rest := maps.Clone(a.Inputs)
	typed, rows := 0, []any{}
	for _, row := range opened.modal.Components {
		label, inner := row.Label, row.Components
		if row.Component != nil {
			inner = []Component{*row.Component}
		}
		var filled []any
		for _, c := range inner {
			if c.Type != TextInput {
				v, err := s.picked(&c, a.Values)
				if err != nil {
					return nil, err
				}
				filled = append(filled, map[string]any{"type": c.Type, "id": c.ID, "custom_id": c.CustomID, "values": v})
				continue
			}
			text := c.Value
			for _, key := range []string{label, c.Label, c.CustomID} {
				if v, ok := rest[key]; ok && key != "" {
					text = v
					delete(rest, key)
				}
			}
			if err := fits(c, text); err != nil {
				return nil, err
			}
			typed += inserted(c.Value, text)
			filled = append(filled, map[string]any{"type": TextInput, "id": c.ID, "custom_id": c.CustomID, "value": text})
		}
		if row.Type == ActionRow {
			rows = append(rows, map[string]any{"type": row.Type, "id": row.ID, "components": filled})
		} else if len(filled) == 1 {
			rows = append(rows, map[string]any{"type": row.Type, "id": row.ID, "component": filled[0]})
		}
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("the form has no field %q", slices.Sorted(maps.Keys(rest)))
	}
	s.state.typed[user.ID] += typed
	it := s.newInteraction(user, opened.channel, kindModal)
	if opened.kind == kindComponent {
		it.source = opened.source
	}
	it.trigger = &Metadata{ID: opened.id, Type: opened.kind, User: user, Owners: map[string]string{"0": guildID}}
	if it.source != nil {
		it.trigger.InteractedMessageID = it.source.ID
	}
	it.data = map[string]any{"custom_id": opened.modal.CustomID, "components": rows}
	return it, nil
}

// fits is what the client checks before it sends a field.
func fits(c Component, text string) error {
	n, required := utf8.RuneCountInString(text), c.Required == nil || *c.Required
	switch {
	case required && n == 0:
		return fmt.Errorf("%q must be filled in", c.Label)
	case c.MinLength != nil && n > 0 && n < *c.MinLength, c.MaxLength != nil && n > *c.MaxLength, n > 4000:
		return fmt.Errorf("%d characters are not within the limits of %q", n, c.Label)
	}
	return nil
}
