package spec

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Types of commands and options.
// https://discord.com/developers/docs/interactions/application-commands
const (
	chatInput   = 1
	userMenu    = 2
	messageMenu = 3

	subcommand      = 1
	subcommandGroup = 2
)

// name is Discord's pattern of slash commands and their options; it wants lower case
// besides where a letter has one.
var name = regexp.MustCompile(`^[-_'\p{L}\p{N}\p{Devanagari}\p{Thai}]{1,32}$`)

// mostCommands of each type that an application may have, and the list's names are unique
// within a type.
var mostCommands = map[int64]int{chatInput: 100, userMenu: 15, messageMenu: 15}

func commandList(v any, _ []string) []violation {
	var all found
	commands, _ := v.([]any)
	counts := map[int64]int{}
	var names []string
	for i, c := range commands {
		kind := commandType(asObject(c))
		counts[kind]++
		names = append(names, fmt.Sprintf("%s (type %d)", asObject(c).text("name"), kind))
		all = append(all, checkCommand(asObject(c), in("", i))...)
	}
	for kind, n := range counts {
		if n > mostCommands[kind] {
			all.add("command-count", "", "", "there are at most %d commands of type %d, not %d", mostCommands[kind], kind, n)
		}
	}
	all.unique("command-name", "", names)
	return all
}

func oneCommand(v any, _ []string) []violation { return checkCommand(asObject(v), "") }

func commandType(c object) int64 {
	if n, ok := c.number("type"); ok {
		return n
	}
	return chatInput
}

func checkCommand(c object, at string) []violation {
	var all found
	switch commandType(c) {
	case chatInput:
		all.name(c, at)
		all.limit("command-description", join(at, "description"), c.text("description"), 1, 100)
		all.options(c.list("options"), join(at, "options"), 0)
	default:
		all.limit("command-name", join(at, "name"), c.text("name"), 1, 32)
		if strings.TrimSpace(c.text("name")) != c.text("name") {
			all.add("command-name", join(at, "name"), c.text("name"), "it begins and ends with a letter")
		}
		for _, field := range []string{"description", "options"} {
			if says(c[field]) {
				all.add("command-menu", join(at, field), show(c[field]), "a menu command has none")
			}
		}
	}
	if n := commandSize(c); n > 8000 {
		all.add("command-size", at, c.text("name"), "names, descriptions and values of a command have at most 8000 characters together, not %d", n)
	}
	return all
}

func (f *found) name(c object, at string) {
	n := c.text("name")
	if !name.MatchString(n) || strings.ToLower(n) != n {
		f.add("command-name", join(at, "name"), n, "it has 1 to 32 small letters, digits, - or _")
	}
}

// options at a depth: 0 below a command, 1 below a group or a subcommand, 2 below a
// subcommand of a group.
func (f *found) options(options []any, at string, depth int) {
	if len(options) > 25 {
		f.add("command-options", at, "", "there are at most 25 options, not %d", len(options))
	}
	var names []string
	subs, optional := 0, ""
	for i, v := range options {
		o, where := asObject(v), in(at, i)
		kind := o.int("type")
		f.name(o, where)
		f.limit("command-description", join(where, "description"), o.text("description"), 1, 100)
		names = append(names, o.text("name"))
		switch kind {
		case subcommand, subcommandGroup:
			subs++
			f.nested(o, where, kind, depth)
			continue
		}
		if !o.truth("required") {
			optional = o.text("name")
		} else if optional != "" {
			f.add("command-options", where, o.text("name"), "required options stand before optional ones, and %s is optional", optional)
		}
		f.plainOption(o, where)
	}
	if subs > 0 && subs < len(options) {
		f.add("command-options", at, "", "subcommands do not stand beside other options")
	}
	f.unique("command-options", at, names)
}

func (f *found) nested(o object, at string, kind int64, depth int) {
	inner := o.list("options")
	if o.truth("required") {
		f.add("command-options", at, o.text("name"), "a subcommand is never required")
	}
	switch {
	case kind == subcommand && depth > 1, kind == subcommandGroup && depth > 0:
		f.add("command-options", at, o.text("name"), "it is nested too deeply")
		return
	case kind == subcommandGroup:
		for _, v := range inner {
			if asObject(v).int("type") != subcommand {
				f.add("command-options", at, o.text("name"), "a group has subcommands only")
				return
			}
		}
		if len(inner) == 0 {
			f.add("command-options", at, o.text("name"), "a group has subcommands")
		}
		f.options(inner, join(at, "options"), 1)
		return
	}
	for _, v := range inner {
		if k := asObject(v).int("type"); k == subcommand || k == subcommandGroup {
			f.add("command-options", at, o.text("name"), "a subcommand has no subcommands")
			return
		}
	}
	f.options(inner, join(at, "options"), 2)
}

func (f *found) plainOption(o object, at string) {
	choices := o.list("choices")
	*f = append(*f, checkChoices(choices, join(at, "choices"))...)
	if o.truth("autocomplete") && len(choices) > 0 {
		f.add("command-options", at, o.text("name"), "an option has choices or autocomplete, not both")
	}
	if says(o["options"]) {
		f.add("command-options", at, o.text("name"), "only subcommands have options")
	}
	least, hasLeast := o.number("min_length")
	longest, hasMost := o.number("max_length")
	if hasLeast && (least < 0 || least > 6000) || hasMost && (longest < 1 || longest > 6000) || hasLeast && hasMost && least > longest {
		f.add("command-options", at, o.text("name"), "min_length %d and max_length %d do not go together (0 to 6000, 1 to 6000)", least, longest)
	}
}

// commandSize counts name, description and values with all options, of translations
// the longest.
// https://discord.com/developers/docs/interactions/application-commands#slash-commands
func commandSize(c object) int {
	n := longest(c, "name") + longest(c, "description")
	for _, o := range c.list("options") {
		n += commandSize(asObject(o))
	}
	for _, v := range c.list("choices") {
		choice := asObject(v)
		n += longest(choice, "name")
		switch value := choice["value"].(type) {
		case string:
			n += length(value)
		case json.Number:
			n += len(value.String())
		}
	}
	return n
}

func longest(c object, field string) int {
	n := length(c.text(field))
	for _, translation := range c.object(field + "_localizations") {
		if s, ok := translation.(string); ok {
			n = max(n, length(s))
		}
	}
	return n
}
