package discordtest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// given is an option as the bot gets it.
type given struct {
	Name    string  `json:"name"`
	Type    int     `json:"type"`
	Value   any     `json:"value,omitempty"`
	Focused bool    `json:"focused,omitempty"`
	Options []given `json:"options,omitempty"`
}

// slash reads a line as the client makes it from what is registered.
func (s *Server) slash(user *User, ch *Channel, a Action) (*interaction, error) {
	line := strings.TrimSpace(a.Text)
	name, rest, _ := strings.Cut(strings.TrimPrefix(line, "/"), " ")
	i := slices.IndexFunc(s.state.commands, func(c *Command) bool { return c.Type == 1 && c.Name == name })
	if i < 0 || !strings.HasPrefix(line, "/") {
		return nil, fmt.Errorf("there is no command %q", "/"+name)
	}
	cmd := s.state.commands[i]
	if err := s.allowed(user, ch.ID, cmd); err != nil {
		return nil, err
	}
	in := reader{s: s, open: a.Do == "autocomplete", ids: []string{}}
	options, err := in.level(cmd.Options, rest)
	if err != nil {
		return nil, fmt.Errorf("/%s: %w", name, err)
	}
	kind := kindCommand
	if in.open {
		kind = kindComplete
	} else {
		s.state.typed[user.ID] += utf8.RuneCountInString(line)
	}
	it := s.newInteraction(user, ch.ID, kind)
	data := map[string]any{"id": cmd.ID, "name": cmd.Name, "type": 1, "guild_id": guildID, "options": options}
	if len(in.ids) > 0 {
		data["resolved"] = s.resolved(in.ids)
	}
	it.data = data
	return it, nil
}

// reader reads the options of a line.
type reader struct {
	s    *Server
	open bool // unfinished: the last option has the focus
	ids  []string
}

// level reads subcommands down to options with values.
func (r *reader) level(list []CommandOption, rest string) ([]given, error) {
	if len(list) == 0 || list[0].Type > 2 {
		return r.values(list, rest)
	}
	name, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
	for _, o := range list {
		if o.Name == name {
			inner, err := r.level(o.Options, rest)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return []given{{Name: o.Name, Type: o.Type, Options: inner}}, nil
		}
	}
	return nil, fmt.Errorf("there is no subcommand %q", name)
}

// values reads "name:value name:value"; a value ends where the next option begins.
func (r *reader) values(list []CommandOption, rest string) ([]given, error) {
	type start struct {
		at int
		o  CommandOption
	}
	var starts []start
	text := " " + rest
	for _, o := range list {
		if at := strings.Index(text, " "+o.Name+":"); at >= 0 {
			starts = append(starts, start{at, o})
		}
	}
	slices.SortFunc(starts, func(a, b start) int { return a.at - b.at })
	if len(starts) == 0 && strings.TrimSpace(rest) != "" || len(starts) > 0 && strings.TrimSpace(text[:starts[0].at]) != "" {
		return nil, fmt.Errorf("no option is called so: %q", strings.TrimSpace(rest))
	}
	out := []given{}
	for i, st := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1].at
		}
		raw := strings.TrimSpace(text[st.at+len(st.o.Name)+2 : end])
		focus := r.open && i == len(starts)-1
		v := any(raw)
		var err error
		if !focus {
			if v, err = r.value(st.o, raw); err != nil {
				return nil, fmt.Errorf("%s: %w", st.o.Name, err)
			}
		} else if !st.o.Autocomplete {
			return nil, fmt.Errorf("%s has no autocompletion", st.o.Name)
		}
		out = append(out, given{Name: st.o.Name, Type: st.o.Type, Value: v, Focused: focus})
	}
	for _, o := range list {
		if o.Required && !r.open && !slices.ContainsFunc(out, func(g given) bool { return g.Name == o.Name }) {
			return nil, fmt.Errorf("%s is required", o.Name)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// value is what the client sends for a text, or why it refuses.
func (r *reader) value(o CommandOption, raw string) (any, error) {
	if len(o.Choices) > 0 {
		for _, c := range o.Choices {
			if c.Name == raw || fmt.Sprint(c.Value) == raw {
				return c.Value, nil
			}
		}
		return nil, fmt.Errorf("%q is not among the choices", raw)
	}
	id := ""
	switch o.Type {
	case 3:
		if n := utf8.RuneCountInString(raw); n == 0 || n > 6000 || o.MinLength != nil && n < *o.MinLength || o.MaxLength != nil && n > *o.MaxLength {
			return nil, fmt.Errorf("%d characters are not within its limits", n)
		}
		return raw, nil
	case 4, 10:
		n, err := strconv.ParseFloat(raw, 64)
		if err != nil || o.Type == 4 && n != math.Trunc(n) || o.MinValue != nil && n < *o.MinValue || o.MaxValue != nil && n > *o.MaxValue {
			return nil, fmt.Errorf("%q is no number within its limits", raw)
		}
		return n, nil
	case 5:
		b, err := strconv.ParseBool(strings.ToLower(raw))
		if err != nil {
			return nil, errors.New("choose True or False")
		}
		return b, nil
	case 7:
		if ch := r.s.state.channel(strings.Trim(raw, "<#>")); ch != nil {
			id = ch.ID
		}
	case 6, 8, 9:
		id = r.s.someone(raw, o.Type != 6)
	}
	if id == "" {
		return nil, fmt.Errorf("%q cannot be found", raw)
	}
	r.ids = append(r.ids, id)
	return id, nil
}
