package command

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Incidents is what the stages need to know of incidents; bot/incident comes
// after this package.
type Incidents interface {
	// OpenIDs returns the open incidents, the newest first.
	OpenIDs(timeline.View) ([]Named, error)
	// Exists reports whether there is, or was, an incident of this id.
	Exists(timeline.View, timeline.ID) (bool, error)
}

// Named is an incident with the title by which people know it.
type Named struct {
	ID    timeline.ID
	Title string
}

// values turns what was typed into values. Outcomes that need stored state are
// read from view.
type values struct {
	command   *Command
	caller    Caller
	view      timeline.View
	incidents Incidents
	people    *people.Directory
	now       time.Time
	zone      *time.Location

	// asking are the fields of a form that is made, nil when the request is to be
	// run: what is missing then is not missed, and what is wrong in a field is
	// shown. unclear are the incidents that the form has to ask for as well.
	asking  []string
	unclear []string

	typed  map[string]string
	parsed map[string]any
	faults []*problem.Error
	// open is read once, for the defaults of several options.
	open     []Named
	openRead bool
}

// parse returns every value or one problem that names all that is wrong. An
// error that is no problem comes from storage.
func (p *values) parse(ask Ask) (map[string]any, error) {
	p.typed, p.parsed = map[string]string{}, map[string]any{}
	if room := p.caller.Room; room != "" {
		// A request recorded for a room that does not exist would open its timeline.
		exists, err := p.exists(room)
		if err != nil {
			return nil, err
		}
		if !exists {
			return nil, problem.New(problem.NotFound, "there is no incident %s", clip(clean(string(room)), 40))
		}
	}
	p.named(ask)
	p.positional(ask)
	for _, o := range p.command.Options {
		if o.Type != Entry { // an entry may be named within the incident of another option
			if err := p.option(o); err != nil {
				return nil, err
			}
		}
	}
	for _, o := range p.command.Options {
		if o.Type == Entry {
			if err := p.option(o); err != nil {
				return nil, err
			}
		}
	}
	return p.parsed, p.verdict()
}

func (p *values) verdict() error {
	if len(p.faults) == 0 {
		return nil
	}
	if len(p.faults) == 1 {
		return p.faults[0]
	}
	var messages, hints []string
	for _, f := range p.faults {
		messages = append(messages, f.Message)
		if f.Hint != "" && !slices.Contains(hints, f.Hint) {
			hints = append(hints, f.Hint)
		}
	}
	return problem.New(problem.Invalid, "%s", strings.Join(messages, "; ")).WithHint("%s", strings.Join(hints, "; "))
}

func (p *values) fault(err *problem.Error) { p.faults = append(p.faults, err) }

func (p *values) named(ask Ask) {
	size := 0
	for name, v := range ask.Options {
		size += len(v)
		name = strings.ToLower(name)
		if _, known := p.command.Option(name); !known {
			p.fault(problem.New(problem.Invalid, "/%s has no option %q", p.command.Path, clip(clean(name), 40)).WithHint("%s", p.command.Usage()))
			continue
		}
		if v = strings.TrimSpace(clean(v)); v != "" {
			p.typed[name] = v
		}
	}
	for _, arg := range ask.Args {
		size += len(arg)
	}
	if size > MaxLine {
		p.fault(problem.New(problem.TooLarge, "a request has at most %d bytes, this has %d", MaxLine, size))
	}
	slices.SortFunc(p.faults, func(a, b *problem.Error) int { return strings.Compare(a.Message, b.Message) })
}

// positional gives each argument to the next positional option that was not
// named. Arguments that are left over belong to the last one when it is a text.
func (p *values) positional(ask Ask) {
	ask.Args = p.incidentFirst(ask.Args)
	var free []Option
	for _, o := range p.command.Options {
		if _, named := p.typed[o.Name]; o.Positional && !named {
			free = append(free, o)
		}
	}
	args := ask.Args
	for i, o := range free {
		if len(args) == 0 {
			return
		}
		last := i == len(free)-1
		// "/timeline add 3 nodes are gone": only INC-7 is an incident before a text.
		if o.Type == Incident && !o.Required && !last && !o.namesIncident(args[0]) {
			continue
		}
		take := args[:1]
		if last && o.Type == String || last && o.spaced() {
			take = args
		}
		args = args[len(take):]
		if v := strings.TrimSpace(clean(strings.Join(take, " "))); v != "" {
			p.typed[o.Name] = v
		}
	}
	if len(args) > 0 {
		p.fault(problem.New(problem.Invalid, "%q is one word too many", clip(clean(args[0]), 40)).WithHint("%s", p.command.Usage()))
	}
}

// incidentFirst takes "INC-7" before what a command asks for, wherever its option
// incident stands: "incident severity INC-7 SEV1". A text is one argument then:
// in "timeline add INC-7 is worse" it is a part of the text.
func (p *values) incidentFirst(args []string) []string {
	o, known := p.command.Option("incident")
	_, named := p.typed["incident"]
	if !known || named || o.Type != Incident || len(args) < 2 || !o.namesIncident(args[0]) {
		return args
	}
	for _, first := range p.command.Options {
		if _, typed := p.typed[first.Name]; !first.Positional || typed {
			continue
		}
		if first.Type == Incident || first.Type == String && len(args) > 2 {
			return args
		}
		break
	}
	p.typed["incident"] = args[0]
	return args[1:]
}

// spaced reports whether a value may hold spaces, as in "10m ago".
func (o Option) spaced() bool { return o.Type == Time || o.Type == Duration }

func (o Option) namesIncident(arg string) bool {
	if slices.Contains(o.Choices, strings.ToLower(arg)) {
		return true
	}
	if len(arg) < 5 || !strings.EqualFold(arg[:4], "inc-") {
		return false
	}
	_, err := timeline.ParseID(arg)
	return err == nil
}

// option parses one option into parsed, or adds a fault.
func (p *values) option(o Option) error {
	text, given := p.typed[o.Name]
	if !given && o.Required && p.asking != nil {
		return nil
	}
	if !given && o.Required {
		p.fault(problem.New(problem.Invalid, "%s is missing: %s", o.Name, o.Help).WithHint("%s", p.command.Usage()))
		return nil
	}
	if !given {
		text = o.Default
	}
	var v any
	var err error
	switch {
	case o.Type == Incident:
		v, err = p.incident(o, text)
	case text == "":
		return nil
	case o.Type == Time && o.Future:
		v, err = ParseFutureTime(text, p.now, p.zone)
	case o.Type == Time:
		v, err = ParseTime(text, p.now, p.zone)
	case o.Type == Entry:
		v, err = p.entry(text)
	case o.Type == Person:
		v, err = p.person(text)
	default:
		v, err = o.plain(text)
	}
	if pe, ok := errors.AsType[*problem.Error](err); ok && pe.Code != problem.Unavailable {
		switch {
		case p.asking == nil:
		case slices.Contains(p.asking, o.Name):
			return nil
		case o.Type == Incident && !given && pe.Code == problem.Invalid:
			p.unclear = append(p.unclear, o.Name)
			return nil
		}
		c := *pe
		c.Message = o.Name + ": " + c.Message
		p.fault(&c)
		return nil
	}
	if err == nil && v != nil {
		p.parsed[o.Name] = v
	}
	return err
}

// plain parses the types that need nothing but the text.
func (o Option) plain(text string) (any, error) {
	switch o.Type {
	case Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, problem.New(problem.Invalid, "%q is not a whole number", clip(text, 30)).WithHint("write it as 7")
		}
		return n, nil
	case Bool:
		switch strings.ToLower(text) {
		case "true", "yes", "on", "1", "y":
			return true, nil
		case "false", "no", "off", "0", "n":
			return false, nil
		}
		return nil, problem.New(problem.Invalid, "%q is neither yes nor no", clip(text, 30)).WithHint("write yes or no")
	case Duration:
		return ParseDuration(text)
	case Choice:
		for _, c := range o.Choices {
			if strings.EqualFold(c, text) {
				return c, nil
			}
		}
		return nil, problem.New(problem.Invalid, "%q is not one of the choices", clip(text, 30)).WithHint("one of: %s", strings.Join(o.Choices, ", "))
	}
	return text, nil
}

func (p *values) incident(o Option, text string) (any, error) {
	switch {
	case strings.EqualFold(text, "none") && o.Default == "none":
		return nil, nil
	case strings.EqualFold(text, "log") && (o.Default == "log" || slices.Contains(o.Choices, "log")):
		return timeline.Log, nil
	case text == "":
		if id, err := p.ofEntry(); id != "" || err != nil {
			return id, err
		}
		return p.defaultIncident(o)
	}
	id, err := timeline.ParseID(text)
	if err != nil {
		return nil, err
	}
	exists, err := p.exists(id)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, problem.New(problem.NotFound, "there is no incident %s", id).WithHint("`/incident list all:yes` shows those there are")
	}
	return id, nil
}

// about is the first incident that a text belongs to; "" when there is none.
func (p *values) about() (timeline.ID, error) {
	for _, o := range p.command.Options {
		text, is := p.parsed[o.Name].(string)
		if o.Timeline == nil || !is {
			continue
		}
		id := o.Timeline(text)
		if exists, err := p.exists(id); exists || err != nil {
			return id, err
		}
	}
	return "", nil
}

func (p *values) exists(id timeline.ID) (bool, error) {
	if !id.IsIncident() {
		return false, nil
	}
	return p.incidents.Exists(p.view, id)
}

func (p *values) defaultIncident(o Option) (any, error) {
	if p.caller.Room != "" {
		return p.caller.Room, nil
	}
	if !p.openRead {
		var err error
		if p.open, err = p.incidents.OpenIDs(p.view); err != nil {
			return nil, err
		}
		p.openRead = true
	}
	switch len(p.open) {
	case 0:
		return nil, problem.New(problem.NotFound, "no incident is open").WithHint("name one, as %s:INC-7; `/incident list all:yes` shows those there are", o.Name)
	case 1:
		return p.open[0].ID, nil
	}
	const shown = 10
	var list []string
	for _, n := range p.open[:min(shown, len(p.open))] {
		list = append(list, fmt.Sprintf("%s (%s)", n.ID, clip(n.Title, 60)))
	}
	if more := len(p.open) - shown; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return nil, problem.New(problem.Invalid, "%d incidents are open", len(p.open)).WithHint("name one, as %s:%s: %s", o.Name, p.open[0].ID, strings.Join(list, ", "))
}

// person reads a name, "@name", a mention as chats write it, or "me".
func (p *values) person(text string) (any, error) {
	if strings.EqualFold(text, "me") && p.caller.Person != nil {
		return *p.caller.Person, nil
	}
	if id, ok := strings.CutPrefix(text, "<@"); ok {
		if found, ok := p.people.ByDiscord(strings.TrimPrefix(strings.TrimSuffix(id, ">"), "!")); ok {
			return found, nil
		}
		return nil, problem.New(problem.NotFound, "this account is linked to nobody").WithHint("add it to the person in the configuration")
	}
	name := strings.TrimPrefix(text, "@")
	if found, ok := p.people.ByName(name); ok {
		return found, nil
	}
	var names []string
	for _, one := range p.people.All() {
		if strings.EqualFold(one.Name, name) {
			return one, nil
		}
		names = append(names, one.Name)
	}
	slices.Sort(names)
	return nil, problem.New(problem.NotFound, "nobody is called %q", clip(name, 40)).WithHint("one of: %s", clip(strings.Join(names, ", "), 300))
}
