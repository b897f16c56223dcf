package discordtest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isCommandName reports whether a chat command or an option may be called s: letters of
// any script, none of them a capital, digits, and three marks;
// https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-naming
func isCommandName(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Lu, r) || !strings.ContainsRune("-_'", r) && !unicode.In(r, unicode.L, unicode.N, unicode.Devanagari, unicode.Thai) {
			return false
		}
	}
	n := utf8.RuneCountInString(s)
	return 1 <= n && n <= 32
}

// Limits of commands; https://discord.com/developers/docs/interactions/application-commands
const (
	maxChatCommands = 100
	maxMenuCommands = 15
	maxOptions      = 25
	maxChoices      = 25
	maxCommandChars = 8000
)

func checkCommandCounts(f *form, list []*Command) {
	counts := map[int]int{}
	for _, cmd := range list {
		counts[cmd.Type]++
	}
	for kind, most := range map[int]int{1: maxChatCommands, 2: maxMenuCommands, 3: maxMenuCommands} {
		if counts[kind] > most {
			f.add("commands", "APPLICATION_COMMAND_TOO_MANY", fmt.Sprintf("At most %d commands of type %d", most, kind))
		}
	}
}

func checkCommand(f *form, path string, cmd *Command) {
	if cmd.Type != 1 {
		f.length(path+".name", cmd.Name, 1, 32)
		if cmd.Description != "" {
			f.add(path+".description", "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", "Context menu commands cannot have description")
		}
		return
	}
	if !isCommandName(cmd.Name) {
		f.add(path+".name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
	}
	f.length(path+".description", cmd.Description, 1, 100)
	checkOptions(f, path+".options", cmd.Options)
	if n := utf8.RuneCountInString(cmd.Name+cmd.Description) + optionChars(cmd.Options); n > maxCommandChars {
		f.add(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)")
	}
}

func optionChars(list []CommandOption) int {
	n := 0
	for _, o := range list {
		n += utf8.RuneCountInString(o.Name+o.Description) + optionChars(o.Options)
		for _, c := range o.Choices {
			n += utf8.RuneCountInString(c.Name)
			if text, ok := c.Value.(string); ok {
				n += utf8.RuneCountInString(text)
			}
		}
	}
	return n
}

func checkOptions(f *form, path string, list []CommandOption) {
	f.count(path, len(list), maxOptions)
	optional := false
	seen := map[string]bool{}
	for i, o := range list {
		at := path + "." + strconv.Itoa(i)
		if !isCommandName(o.Name) {
			f.add(at+".name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
		}
		if seen[o.Name] {
			f.add(at+".name", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists")
		}
		seen[o.Name] = true
		f.length(at+".description", o.Description, 1, 100)
		f.count(at+".choices", len(o.Choices), maxChoices)
		if o.Required && optional {
			f.add(at, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options")
		}
		if o.Autocomplete && len(o.Choices) > 0 {
			f.add(at+".autocomplete", "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES", "Choices and autocomplete exclude each other")
		}
		optional = optional || !o.Required && o.Type > 2
		checkChoices(f, at+".choices", o.Choices)
		checkOptions(f, at+".options", o.Options)
	}
}

func checkChoices(f *form, path string, list []Choice) {
	for i, c := range list {
		at := path + "." + strconv.Itoa(i)
		f.length(at+".name", c.Name, 1, 100)
		if text, ok := c.Value.(string); ok {
			f.length(at+".value", text, 0, 100)
		}
	}
}
