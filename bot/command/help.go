package command

import (
	"fmt"
	"strings"

	"wardroom/bot/people"
)

// Usage is one line: "/incident declare title:… [severity:SEV1|SEV2]".
func (c *Command) Usage() string {
	var b strings.Builder
	b.WriteString("/" + c.Path)
	for _, o := range c.Options {
		v := "…"
		if o.Type == Choice && len(o.Choices) <= 6 {
			v = strings.Join(o.Choices, "|")
		}
		if o.Required {
			b.WriteString(" " + o.Name + ":" + v)
		} else {
			b.WriteString(" [" + o.Name + ":" + v + "]")
		}
	}
	return b.String()
}

// AllowedTo reports whether p, who may be nil, holds the role that the command
// needs. It is what help and menus go by; the decision is made in [Runner.Run].
func (c *Command) AllowedTo(p *people.Person) bool {
	return authorise(c, Caller{Person: p}) == nil
}

// Info is a command as help prints it with --json.
type Info struct {
	Path     string       `json:"path"`
	Summary  string       `json:"summary"`
	Usage    string       `json:"usage"`
	Access   people.Role  `json:"access,omitempty"`
	Records  bool         `json:"records"`
	Examples []string     `json:"examples,omitempty"`
	Options  []OptionInfo `json:"options,omitempty"`
}

// OptionInfo is an option as help prints it with --json.
type OptionInfo struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Help     string   `json:"help"`
	Required bool     `json:"required,omitempty"`
	Choices  []string `json:"choices,omitempty"`
	Default  string   `json:"default,omitempty"`
}

// Info describes the command as data.
func (c *Command) Info() Info {
	i := Info{Path: c.Path, Summary: c.Summary, Usage: c.Usage(), Access: c.Access, Records: c.Records, Examples: c.Examples}
	for _, o := range c.Options {
		i.Options = append(i.Options, OptionInfo{o.Name, o.Type.String(), o.Help, o.Required, o.Choices, o.Default})
	}
	return i
}

// String is the type as help names it.
func (t Type) String() string {
	return [...]string{"text", "number", "yes or no", "time", "duration", "incident", "entry", "person", "choice"}[t]
}

// Help lists what p may ask for, a group a field.
func (t *Table) Help(p *people.Person) Reply { return t.help("What you can ask for", t.groups, p) }

// HelpGroup lists what p may ask for of one group.
func (t *Table) HelpGroup(g Group, p *people.Person) Reply {
	return t.help("/"+g.Name, []Group{g}, p)
}

func (t *Table) help(title string, groups []Group, p *people.Person) Reply {
	var infos []Info
	hidden := 0
	e := Embed{Title: title}
	for _, g := range groups {
		var lines []string
		for _, c := range g.Commands {
			if !c.AllowedTo(p) {
				hidden++
				continue
			}
			infos = append(infos, c.Info())
			lines = append(lines, Code("/"+c.Path)+" "+c.Summary)
		}
		e.Fields = append(e.Fields, fields(g.Name, lines)...)
	}
	e.Footer = "/help command:incident declare says more about one"
	if hidden > 0 {
		e.Footer += fmt.Sprintf("; %d more need a role that you do not hold", hidden)
	}
	return Reply{Embeds: []Embed{e}, Data: infos}
}

// maxField is what a field's value holds in Discord:
// https://discord.com/developers/docs/resources/message#embed-object-embed-limits
const maxField = 1024

// fields spreads lines over as many fields as they need.
func fields(name string, lines []string) (spread []Field) {
	more := name + " …"
	for _, line := range lines {
		last := len(spread) - 1
		if last >= 0 && len(spread[last].Value)+1+len(line) <= maxField {
			spread[last].Value += "\n" + line
			continue
		}
		spread = append(spread, Field{Name: name, Value: line})
		name = more
	}
	return spread
}

// Help says how one command is asked for.
func (c *Command) Help() Reply {
	e := Embed{Title: "/" + c.Path, Description: c.Summary + "."}
	if c.Description != "" {
		e.Description += "\n\n" + c.Description
	}
	e.Fields = append(e.Fields, Field{Name: "Usage", Value: Code(c.Usage())})
	var options []string
	for _, o := range c.Options {
		options = append(options, Code(o.Name)+" "+o.Help+o.remarks())
	}
	e.Fields = append(e.Fields, fields("Options", options)...)
	if len(c.Examples) > 0 {
		e.Fields = append(e.Fields, Field{Name: "Examples", Value: codeLines(c.Examples)})
	}
	e.Fields = append(e.Fields, Field{Name: "Who", Value: c.who()})
	return Reply{Embeds: []Embed{e}, Data: c.Info()}
}

func (o Option) remarks() string {
	var r []string
	if o.Required {
		r = append(r, "required")
	}
	if len(o.Choices) > 0 {
		r = append(r, strings.Join(o.Choices, ", "))
	}
	if o.Default != "" {
		r = append(r, "default "+o.Default)
	}
	if len(r) == 0 {
		return ""
	}
	return " (" + strings.Join(r, "; ") + ")"
}

func (c *Command) who() string {
	who := "Everybody"
	if c.Access != "" {
		who = "A " + string(c.Access)
		if c.Access != people.Lead {
			who += " or above"
		}
	}
	if c.Records {
		return who + "; every request is recorded, also a refused one."
	}
	return who + "."
}

func codeLines(lines []string) string {
	coded := make([]string, len(lines))
	for i, l := range lines {
		coded[i] = Code(l)
	}
	return strings.Join(coded, "\n")
}

const referenceHead = `# Commands

Generated from the command table (` + "`make docs`" + `): edit the declarations in ` + "`commands/`" + `, not this page.

They are written as in a scenario, with a slash. In the shell each is a subcommand of the same
name: ` + "`/incident ack incident:INC-7`" + ` is ` + "`wardroom incident ack --incident INC-7`" + `.

- A value runs until the next option, so quotes are only needed for a text that holds a word such as ` + "`at:`" + `.
- **Times**: ` + "`now`, `10m ago`, `00:25` (the last one), `yesterday 23:10`, `2021-07-11 00:25`, `2021-07-11T00:25Z`" + `. Without a zone the team's is meant.
  Options that lie ahead take the next ` + "`09:00`, `in 2h`, `tomorrow 09:00`" + `. Of an hour that comes twice because clocks were turned back, the last one
  before now is meant (ahead: the first one after now); ` + "`02:30 CEST`" + ` or an offset says it exactly. An hour that was left out is refused.
- **Durations**: ` + "`90m`, `2h30m`, `1d`" + `.
- **Incidents**: ` + "`INC-7` or `7`" + `. Left out: the room's, else the only open one. In the shell ` + "`INC-7`" + ` may stand before what is asked for:
  ` + "`wardroom incident severity INC-7 SEV1`" + `.
- **Entries**: ` + "`INC-7#12`, or `12`" + ` within the incident asked about.
- **Persons**: a name of the configuration, ` + "`@name`, a mention, or `me`" + `.

The shell ends with 0 when it worked; 1 internal error, 2 not understood, 3 not found, 4 not allowed, 5 the state has moved on,
6 not available now (try again), 7 too large or not supported, 10 not confirmed (` + "`--yes`" + ` goes on), 130 interrupted.
` + "`--json`" + ` prints data and, on standard error, problems as JSON.
`

// Markdown writes the reference of all commands, docs/reference/commands.md.
func (t *Table) Markdown() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, g := range t.groups {
		fmt.Fprintf(&b, "\n## %s\n", g.Name)
		for _, c := range g.Commands {
			c.markdown(&b)
		}
	}
	return b.String()
}

func (c *Command) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n### /%s\n\n%s.\n", c.Path, c.Summary)
	if c.Description != "" {
		fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(c.Description))
	}
	fmt.Fprintf(b, "\n    %s\n\n%s\n", c.Usage(), c.who())
	if len(c.Options) > 0 {
		b.WriteString("\n| option | type | |\n|---|---|---|\n")
		for _, o := range c.Options {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", o.Name, o.Type, cell(o.Help+o.remarks()))
		}
	}
	if len(c.Examples) > 0 {
		b.WriteString("\nExamples:\n\n")
		for _, e := range c.Examples {
			fmt.Fprintf(b, "    %s\n", e)
		}
	}
}

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}
