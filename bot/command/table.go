package command

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"wardroom/bot/people"
	"wardroom/bot/problem"
)

// Limits of a declaration. They are Discord's for slash commands, the strictest
// surface: https://discord.com/developers/docs/interactions/application-commands
const (
	maxSummary = 100 // characters of a summary or of an option's help
	maxOptions = 25  // options of one command, choices of one option, acts of one group
)

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Table is every command there is. It is fixed once made.
type Table struct {
	commands []*Command
	byPath   map[string]*Command
	groups   []Group
}

// Group is the commands that share the first word of their paths. A command
// whose path is a single word is a group of one.
type Group struct {
	Name     string
	Summary  string // the acts in one line, within Discord's limit
	Commands []*Command
}

// NewTable composes the commands of all packages. It fails on a path that is
// declared twice and on declarations that a surface could not serve, and names
// every fault at once.
func NewTable(lists ...[]Command) (*Table, error) {
	t := &Table{byPath: map[string]*Command{}}
	var faults []error
	for _, list := range lists {
		for _, c := range list {
			if _, twice := t.byPath[c.Path]; twice {
				faults = append(faults, fmt.Errorf("command %q is declared twice", c.Path))
				continue
			}
			for _, fault := range c.faults() {
				faults = append(faults, fmt.Errorf("command %q: %w", c.Path, fault))
			}
			t.byPath[c.Path] = &c
			t.commands = append(t.commands, &c)
		}
	}
	faults = append(faults, t.group()...)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Table) group() (faults []error) {
	for _, c := range t.commands {
		name, _, _ := strings.Cut(c.Path, " ")
		i := slices.IndexFunc(t.groups, func(g Group) bool { return g.Name == name })
		if i < 0 {
			i = len(t.groups)
			t.groups = append(t.groups, Group{Name: name})
		}
		t.groups[i].Commands = append(t.groups[i].Commands, c)
	}
	for i, g := range t.groups {
		if t.byPath[g.Name] != nil && len(g.Commands) > 1 {
			faults = append(faults, fmt.Errorf("command %q is also the group of %q", g.Name, g.Commands[1].Path))
		}
		if len(g.Commands) > maxOptions {
			faults = append(faults, fmt.Errorf("group %q has %d commands, more than the %d that Discord shows", g.Name, len(g.Commands), maxOptions))
		}
		t.groups[i].Summary = g.summary()
	}
	return faults
}

func (g Group) summary() string {
	if len(g.Commands) == 1 && g.Commands[0].Path == g.Name {
		return g.Commands[0].Summary
	}
	var acts []string
	for _, c := range g.Commands {
		acts = append(acts, c.Act())
	}
	s := strings.Join(acts, ", ")
	if utf8.RuneCountInString(s) > maxSummary {
		s = string([]rune(s)[:maxSummary-1]) + "…"
	}
	return s
}

// Act is the last word of the path: "ack" of "incident ack".
func (c *Command) Act() string { return c.Path[strings.LastIndex(c.Path, " ")+1:] }

// Option returns the option of this name.
func (c *Command) Option(name string) (Option, bool) {
	i := slices.IndexFunc(c.Options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, false
	}
	return c.Options[i], true
}

func (c *Command) faults() (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	words := strings.Split(c.Path, " ")
	if len(words) > 2 {
		fault("a path has one or two words")
	}
	for _, w := range words {
		if !nameShape.MatchString(w) {
			fault("%q does not match %s", w, nameShape)
		}
	}
	if n := utf8.RuneCountInString(c.Summary); n == 0 || n > maxSummary || strings.HasSuffix(c.Summary, ".") {
		fault("a summary has 1 to %d characters and no full stop", maxSummary)
	}
	if c.Handle == nil {
		fault("it has no handler")
	}
	if c.Access != "" && !slices.Contains(people.Roles, c.Access) {
		fault("%q is not a role", c.Access)
	}
	if c.Form != nil {
		faults = append(faults, c.formFaults()...)
	}
	if o, known := c.Option(c.Dry); c.Dry != "" && (!known || o.Type != Bool) {
		fault("its dry option %q is none that is true or false", c.Dry)
	}
	if c.Timeout < 0 {
		fault("its timeout is negative")
	}
	if len(c.Options) > maxOptions {
		fault("it has more than %d options", maxOptions)
	}
	seen := map[string]bool{}
	var optional, optionalPositional string
	for _, o := range c.Options {
		if seen[o.Name] {
			fault("option %q is declared twice", o.Name)
		}
		seen[o.Name] = true
		for _, err := range o.faults() {
			fault("option %q: %w", o.Name, err)
		}
		if o.Required && optional != "" {
			fault("option %q is required and stands after %q, which is not: Discord refuses that", o.Name, optional)
		}
		if !o.Required {
			optional = o.Name
		}
		if !o.Positional {
			continue
		}
		// An optional incident may come first: INC-7 is told from anything else.
		if o.Required && optionalPositional != "" {
			fault("option %q is required and positional, and stands after %q, which is optional", o.Name, optionalPositional)
		}
		if !o.Required && o.Type != Incident {
			optionalPositional = o.Name
		}
	}
	return faults
}

func (o Option) faults() (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !nameShape.MatchString(o.Name) {
		fault("the name does not match %s", nameShape)
	}
	if n := utf8.RuneCountInString(o.Help); n == 0 || n > maxSummary {
		fault("help has 1 to %d characters", maxSummary)
	}
	if o.Type < String || o.Type > Choice {
		fault("%d is not a type", o.Type)
	}
	if o.Type == Choice && len(o.Choices) == 0 {
		fault("a choice needs choices")
	}
	if len(o.Choices) > maxOptions {
		fault("it has more than %d choices", maxOptions)
	}
	if (o.Long || o.Many) && o.Type != String {
		fault("only a text has several lines or holds several values")
	}
	if o.Required && o.Default != "" {
		fault("it is required and has a default")
	}
	switch o.Type {
	case String, Choice, Int, Bool, Duration:
		if o.Default != "" {
			if _, err := o.plain(o.Default); err != nil {
				fault("its default: %w", err)
			}
		}
	}
	return faults
}

// Commands lists every command in the order of declaration.
func (t *Table) Commands() []*Command { return slices.Clone(t.commands) }

// Groups lists the groups in the order of declaration.
func (t *Table) Groups() []Group { return slices.Clone(t.groups) }

// Group returns the group of this name.
func (t *Table) Group(name string) (Group, bool) {
	i := slices.IndexFunc(t.groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return Group{}, false
	}
	return t.groups[i], true
}

// Lookup finds a command by its path, in any case and with or without the
// leading slash. What it does not find is a NotFound problem that says what
// there is.
func (t *Table) Lookup(path string) (*Command, error) {
	path = strings.Join(strings.Fields(strings.ToLower(strings.TrimPrefix(strings.TrimSpace(path), "/"))), " ")
	if c, known := t.byPath[path]; known {
		return c, nil
	}
	group, act, _ := strings.Cut(path, " ")
	g, known := t.Group(group)
	if !known {
		return nil, problem.New(problem.NotFound, "there is no command %q", "/"+clip(path, 60)).WithHint("%s", t.nearest(path))
	}
	var acts []string
	for _, c := range g.Commands {
		acts = append(acts, c.Act())
	}
	if act == "" {
		return nil, problem.New(problem.NotFound, "/%s needs to know what to do", group).WithHint("one of: %s", strings.Join(acts, ", "))
	}
	hint := "one of: " + strings.Join(acts, ", ")
	if best := nearest(act, acts); best != "" {
		hint = fmt.Sprintf("did you mean /%s %s? It is %s", group, best, hint)
	}
	return nil, problem.New(problem.NotFound, "/%s cannot %q", group, clip(act, 60)).WithHint("%s", hint)
}

func (t *Table) nearest(path string) string {
	first, _, _ := strings.Cut(path, " ")
	names := make([]string, len(t.groups))
	for i, g := range t.groups {
		names[i] = g.Name
	}
	if best := nearest(first, names); best != "" {
		return "did you mean /" + best + "? /help lists what there is"
	}
	return "/help lists what there is"
}

// nearest is what somebody may have meant; "" when it is none of these.
func nearest(typed string, among []string) (best string) {
	far := 3 // more than two slips is another word
	for _, name := range among {
		if d := distance(typed, name); d < far && d < len(name) {
			best, far = name, d
		}
	}
	return best
}

// distance is the Levenshtein distance; words longer than 64 bytes are far from everything.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// clip cuts s to n characters and shows that it did.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
