package command_test

import (
	"context"
	"strings"
	"testing"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
)

func handle(context.Context, command.Request) (command.Reply, error) {
	return command.Reply{}, nil
}

// samples have one of everything.
func samples() []command.Command {
	return []command.Command{
		{Path: "incident declare", Summary: "Open an incident", Access: people.Responder, Records: true, Handle: handle,
			Description: "An incident is opened at once.", Examples: []string{"/incident declare title:the site is down severity:SEV1"},
			Options: []command.Option{
				{Name: "title", Help: "What is wrong", Type: command.String, Required: true, Positional: true},
				{Name: "severity", Help: "How bad it is", Type: command.Choice, Choices: []string{"SEV1", "SEV2"}, Default: "SEV2"},
				{Name: "at", Help: "When it began", Type: command.Time},
			}},
		{Path: "incident ack", Summary: "Say that you are on it", Access: people.Responder, Records: true, Handle: handle,
			Options: []command.Option{{Name: "incident", Help: "Which", Type: command.Incident, Positional: true}}},
		{Path: "timeline add", Summary: "Tell what happened", Access: people.Responder, Records: true, Handle: handle,
			Options: []command.Option{
				{Name: "text", Help: "What happened", Type: command.String, Required: true},
				{Name: "incident", Help: "Which", Type: command.Incident},
				{Name: "at", Help: "When", Type: command.Time},
			}},
		{Path: "say", Summary: "Say a word and a text", Handle: handle, Options: []command.Option{
			{Name: "incident", Help: "Which", Type: command.Incident, Positional: true, Default: "none"},
			{Name: "word", Help: "A word", Type: command.String, Positional: true},
			{Name: "text", Help: "A text", Type: command.String, Positional: true},
		}},
		{Path: "help", Summary: "Say what you can ask for", Handle: handle},
		{Path: "freeze off", Summary: "Lift the freeze", Access: people.Lead, Records: true, Handle: handle},
	}
}

func sampleTable(t testing.TB) *command.Table {
	table, err := command.NewTable(samples())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestNewTableNamesEveryFault(t *testing.T) {
	option := func(o command.Option) command.Command {
		if o.Help == "" {
			o.Help = "help"
		}
		return command.Command{Path: "x do", Summary: "Do", Handle: handle, Options: []command.Option{o}}
	}
	required := command.Option{Name: "need", Help: "help", Required: true}
	tests := map[string]struct {
		list []command.Command
		want []string
	}{
		"a path twice":                {append(samples(), samples()[0]), []string{`"incident declare" is declared twice`}},
		"a group that is a command":   {append(samples(), command.Command{Path: "help me", Summary: "Help", Handle: handle}), []string{`"help" is also the group of "help me"`}},
		"no handler":                  {[]command.Command{{Path: "x", Summary: "X"}}, []string{"no handler"}},
		"three words":                 {[]command.Command{{Path: "a b c", Summary: "X", Handle: handle}}, []string{"one or two words"}},
		"upper case":                  {[]command.Command{{Path: "Node list", Summary: "X", Handle: handle}}, []string{`"Node" does not match`}},
		"a summary with a full stop":  {[]command.Command{{Path: "x", Summary: "X.", Handle: handle}}, []string{"no full stop"}},
		"a role that is none":         {[]command.Command{{Path: "x", Summary: "X", Handle: handle, Access: "admin"}}, []string{`"admin" is not a role`}},
		"an option twice":             {[]command.Command{{Path: "x", Summary: "X", Handle: handle, Options: []command.Option{required, required}}}, []string{`"need" is declared twice`}},
		"required after optional":     {[]command.Command{{Path: "x", Summary: "X", Handle: handle, Options: []command.Option{{Name: "may", Help: "h"}, required}}}, []string{"Discord refuses"}},
		"a choice without choices":    {[]command.Command{option(command.Option{Name: "c", Type: command.Choice})}, []string{"a choice needs choices"}},
		"a default that is no choice": {[]command.Command{option(command.Option{Name: "c", Type: command.Choice, Choices: []string{"a"}, Default: "b"})}, []string{"its default"}},
		"a default that is no number": {[]command.Command{option(command.Option{Name: "c", Type: command.Int, Default: "b"})}, []string{"its default"}},
		"required with a default":     {[]command.Command{option(command.Option{Name: "c", Required: true, Default: "b"})}, []string{"required and has a default"}},
		"no help":                     {[]command.Command{{Path: "x", Summary: "X", Handle: handle, Options: []command.Option{{Name: "c"}}}}, []string{"help has 1 to"}},
		"all at once": {[]command.Command{{Path: "A", Summary: "", Access: "x"}, {Path: "b", Summary: "B", Handle: handle, Timeout: -1}},
			[]string{`"A" does not match`, "a summary has", "no handler", "not a role", "timeout is negative"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := command.NewTable(tt.list)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v\ndoes not say %q", err, w)
				}
			}
		})
	}
}

func TestLookup(t *testing.T) {
	table := sampleTable(t)
	for _, path := range []string{"incident ack", "/Incident  ACK", " /incident ack "} {
		if c, err := table.Lookup(path); err != nil || c.Path != "incident ack" {
			t.Errorf("Lookup(%q) = %v, %v", path, c, err)
		}
	}
	misses := map[string][]string{
		"incidnet ack": {"no command", "did you mean /incident"},
		"incident":     {"needs to know what to do", "declare, ack"},
		"incident eat": {`cannot "eat"`, "declare, ack"}, "incident akc": {`cannot "akc"`, "did you mean /incident ack?"},
		"xyzzy": {"no command", "/help lists"},
	}
	for path, words := range misses {
		_, err := table.Lookup(path)
		wantProblem(t, err, problem.NotFound, words...)
	}
}

func TestHelpAndReferenceLookRight(t *testing.T) {
	table := sampleTable(t)
	golden(t, "reference.md", table.Markdown())
	show := func(r command.Reply) string {
		var b strings.Builder
		for _, e := range r.Embeds {
			b.WriteString("# " + e.Title + "\n" + e.Description + "\n")
			for _, f := range e.Fields {
				b.WriteString("## " + f.Name + "\n" + f.Value + "\n")
			}
			b.WriteString("-- " + e.Footer + "\n")
		}
		return b.String()
	}
	golden(t, "help_lead.txt", show(table.Help(&joe)))
	golden(t, "help_responder.txt", show(table.Help(&chris)))
	golden(t, "help_stranger.txt", show(table.Help(nil)))
	c, err := table.Lookup("incident declare")
	check(t, err)
	golden(t, "help_command.txt", show(c.Help()))
}

func TestHelpFieldsFitDiscord(t *testing.T) {
	var list []command.Command
	for _, act := range strings.Fields("a b c d e f g h i j k l m n o p q r s t") {
		list = append(list, command.Command{Path: "long " + act, Summary: strings.Repeat("x", 100), Handle: handle})
	}
	table, err := command.NewTable(list)
	check(t, err)
	fields := table.Help(nil).Embeds[0].Fields
	if len(fields) < 2 {
		t.Errorf("%d fields for 2,000 characters", len(fields))
	}
	for _, f := range fields {
		if len(f.Value) > 1024 {
			t.Errorf("a field has %d characters", len(f.Value))
		}
	}
	if g, _ := table.Group("long"); len([]rune(g.Summary)) > 100 {
		t.Errorf("summary has %d characters", len(g.Summary))
	}
}
