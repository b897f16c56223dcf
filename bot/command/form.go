package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Limits of a form, Discord's: a modal's title and its labels, its inputs, the
// rows of a message of which one is for the buttons, a button's label.
// https://discord.com/developers/docs/components/reference
const (
	MaxFormTitle = 45
	MaxTyped     = 5
	MaxChosen    = 4
	maxSubmit    = 80
	maxProposed  = 100 // characters of what is chosen, and of its help
)

// Form is what a surface asks for when a command is tapped instead of typed. It
// is data, because a chat platform wants it as the very first answer: it is built
// from stored state alone, before any handler runs.
//
// Its functions get a Request with what is known already: the options that the
// tap carried, and the incident that it is about. They must answer well under a
// second. Each may be nil. A problem that one returns refuses the form, as when
// there is nothing to resolve.
type Form struct {
	Title  string   // at most 45 characters; empty: the command's summary, cut
	Submit string   // the label of the button that sends it; empty: "Send"
	Fields []string // the options that it asks for, in order; at most 5 of them are typed, 4 chosen
	// Prefill proposes values, by option, from stored state alone, so that a thumb
	// only confirms. What is sent is what the person read: a value must be one that
	// they would stand for.
	Prefill func(v timeline.View, r Request) (map[string]string, error)
	// Propose offers what can be chosen, by option, where stored state knows more
	// than the option's own completion.
	Propose func(v timeline.View, r Request) (map[string][]Proposal, error)
	// Explain says in the place of an option's help what is asked now, as the
	// evidence for a prefilled time. The first 45 characters are the field's label.
	Explain func(v timeline.View, r Request) (map[string]string, error)
}

// FormView is a form as it is shown to one person now.
type FormView struct {
	Title  string
	Submit string
	// Ask is what the answers complete: the options that are known already. The
	// incident stands in it by name, so that the answer means the one that was
	// shown, whatever opens meanwhile.
	Ask Ask
	// Fields are what is left to ask. There are none when Ask says everything that
	// can be chosen and nothing is typed: then Ask can be run as it is.
	Fields []FormField
}

// FormField is one question of a form.
type FormField struct {
	Option Option // as declared, with a help that may say more
	Label  string // the question in at most 45 characters
	Value  string // proposed, in the form in which Ask carries it; may be empty
	// Proposals are what can be chosen, at most 25, for a Choice, a Bool, a Person,
	// an Incident, and whatever has a completion; empty when the answer is typed.
	// Value is among them, or empty.
	Proposals []Proposal
	Many      bool // several of Proposals may be chosen; Ask carries them joined by commas
	Long      bool // typed on several lines
}

// Typed reports whether the answer is typed rather than chosen.
func (f FormField) Typed() bool { return len(f.Proposals) == 0 }

// Chosen are those of Proposals that Value names, in their order.
func (f FormField) Chosen() []string {
	if !f.Many {
		if f.Value == "" || f.Typed() {
			return nil
		}
		return []string{f.Value}
	}
	var chosen []string
	for _, p := range f.Proposals {
		if slices.ContainsFunc(strings.Split(f.Value, ","), func(s string) bool { return strings.TrimSpace(s) == p.Value }) {
			chosen = append(chosen, p.Value)
		}
	}
	return chosen
}

// Form makes the form of a command for one caller: the fields that are left to
// ask, filled with what ask says and else with what stored state proposes. It
// runs no handler. A caller who may not ask for the command gets the problem that
// [Runner.Run] would give, and that is recorded as there; nothing else is. A command
// without a form has no fields.
//
// What ask says of an option that is chosen is settled and not asked again, also
// when it is empty: then it is left out. So a surface that cannot show selects and
// texts together asks first for what is chosen, and then for the form with those
// answers, whose texts may go by them. What ask says of an option that is typed is shown to be changed, also when it is wrong, so
// that an answer that was refused can be put right. When several incidents are
// open and none is meant, the form asks which.
func (r *Runner) Form(ctx context.Context, caller Caller, ask Ask) (FormView, error) {
	view, err := r.form(ctx, caller, ask)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = problem.New(problem.Unavailable, "the form took longer than %s", FormatDuration(completeTimeout)).WithHint("tap again").Because(err)
	}
	if err != nil {
		return FormView{}, r.problem(ctx, caller, ask, err)
	}
	return view, nil
}

func (r *Runner) form(ctx context.Context, caller Caller, ask Ask) (FormView, error) {
	c, err := r.Table.Lookup(ask.Path)
	if err != nil {
		return FormView{}, err
	}
	if err := consistent(caller); err != nil {
		return FormView{}, err
	}
	declared := Form{}
	if c.Form != nil {
		declared = *c.Form
	}
	if refusal := authorise(c, caller); refusal != nil {
		return FormView{}, r.refuseForm(ctx, c, caller, ask, declared.Fields, refusal)
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	var view FormView
	err = r.Store.View(ctx, func(v timeline.View) error {
		req := Request{Command: c, Caller: caller, Now: r.Clock.Now(), Zone: r.zone()}
		p := values{
			command: c, caller: caller, view: v, incidents: r.Incidents,
			people: r.People, now: req.Now, zone: req.Zone, asking: append([]string{}, declared.Fields...),
		}
		if req.values, err = p.parse(ask); err != nil {
			return err
		}
		b := formBuilder{Runner: r, form: declared, request: req, ask: ask, view: v, known: &p}
		view, err = b.build(ctx)
		return err
	})
	return view, err
}

// refuseForm records that somebody tapped what they may not ask for.
func (r *Runner) refuseForm(ctx context.Context, c *Command, caller Caller, ask Ask, fields []string, refusal error) error {
	req := Request{Command: c, Caller: caller, Now: r.Clock.Now(), Zone: r.zone()}
	var unparsed, err error
	if req.values, req.about, unparsed, err = r.parse(ctx, req, ask, append([]string{}, fields...)); err != nil {
		return err
	}
	if unparsed != nil {
		req.Caller.Room, req.values, req.about = "", nil, ""
	}
	_, refusal = r.refuse(ctx, req, ask, timeline.Ref{}, refusal)
	return refusal
}

// formBuilder makes one view.
type formBuilder struct {
	*Runner
	form    Form
	request Request
	ask     Ask
	view    timeline.View
	known   *values

	prefilled, explained map[string]string
	proposed             map[string][]Proposal
}

func (b *formBuilder) build(ctx context.Context) (FormView, error) {
	view := FormView{Title: b.form.Title, Submit: b.form.Submit, Ask: Ask{Path: b.request.Command.Path}}
	if view.Title == "" {
		view.Title = clip(b.request.Command.Summary, MaxFormTitle)
	}
	if view.Submit == "" {
		view.Submit = "Send"
	}
	if err := b.read(); err != nil {
		return FormView{}, err
	}
	for _, name := range append(slices.Clone(b.known.unclear), b.form.Fields...) {
		o, _ := b.request.Command.Option(name)
		f, err := b.field(ctx, o)
		if err != nil {
			return FormView{}, err
		}
		if !f.Typed() && b.settled(o) || f.Typed() && !o.mayBeTyped() && !o.Required {
			continue // it is known, or there is nothing to choose from
		}
		view.Fields = append(view.Fields, f)
	}
	view.Ask.Options = b.rest(view.Fields)
	return view, nil
}

// settled reports whether the ask has said what is chosen: a value that is right,
// or an empty one, which leaves the option out.
func (b *formBuilder) settled(o Option) bool {
	if value, said := b.ask.Options[o.Name]; said && strings.TrimSpace(value) == "" {
		return !o.Required
	}
	_, right := b.request.values[o.Name]
	return right && b.known.typed[o.Name] != ""
}

// read asks the form's own functions, once each.
func (b *formBuilder) read() (err error) {
	if b.form.Prefill != nil {
		if b.prefilled, err = b.form.Prefill(b.view, b.request); err != nil {
			return err
		}
	}
	if b.form.Propose != nil {
		if b.proposed, err = b.form.Propose(b.view, b.request); err != nil {
			return err
		}
	}
	if b.form.Explain != nil {
		b.explained, err = b.form.Explain(b.view, b.request)
	}
	return err
}

func (b *formBuilder) field(ctx context.Context, o Option) (FormField, error) {
	f := FormField{Option: o, Label: o.label(), Many: o.Many, Long: o.Long}
	if say := strings.Join(strings.Fields(clean(b.explained[o.Name])), " "); say != "" {
		f.Label, f.Option.Help = clip(say, MaxFormTitle), clip(say, maxSummary)
	}
	var err error
	if f.Proposals = b.proposed[o.Name]; f.Proposals == nil {
		if f.Proposals, err = b.propose(ctx, o, b.view, ""); err != nil {
			return f, err
		}
	}
	// What is cut could not be sent back as it was.
	f.Proposals = slices.DeleteFunc(slices.Clone(f.Proposals), func(p Proposal) bool {
		return p.Value == "" || utf8.RuneCountInString(p.Value) > maxProposed
	})
	b.callerFirst(o, f.Proposals)
	f.Proposals = f.Proposals[:min(len(f.Proposals), maxProposals)]
	for i := range f.Proposals {
		f.Proposals[i].Help = clip(f.Proposals[i].Help, maxProposed)
		f.Proposals[i].Label = clip(f.Proposals[i].Label, maxProposed)
	}
	f.Value = b.known.typed[o.Name]
	if f.Value == "" {
		f.Value = clean(b.prefilled[o.Name])
	}
	if f.Value == "" && o.Type != Incident {
		f.Value = o.Default
	}
	b.settle(&f)
	return f, nil
}

// callerFirst puts whoever asks before the other people: it is mostly them.
func (b *formBuilder) callerFirst(o Option, all []Proposal) {
	if o.Type != Person || b.request.Caller.Person == nil {
		return
	}
	self := b.request.Caller.Person.Name
	slices.SortStableFunc(all, func(x, y Proposal) int {
		switch {
		case x.Value == self && y.Value != self:
			return -1
		case y.Value == self && x.Value != self:
			return 1
		}
		return 0
	})
}

// settle brings the value of what is chosen to the spelling of a proposal; one
// that is none is dropped.
func (b *formBuilder) settle(f *FormField) {
	if f.Typed() {
		f.Many = false
		return
	}
	if f.Option.Type == Person && strings.EqualFold(f.Value, "me") && b.request.Caller.Person != nil {
		f.Value = b.request.Caller.Person.Name
	}
	if f.Many {
		f.Value = strings.Join(f.Chosen(), ",")
		return
	}
	i := slices.IndexFunc(f.Proposals, func(p Proposal) bool { return strings.EqualFold(p.Value, f.Value) })
	if f.Value = ""; i >= 0 {
		f.Value = f.Proposals[i].Value
	}
}

// rest is what is known of the options that are not asked.
func (b *formBuilder) rest(asked []FormField) map[string]string {
	options := map[string]string{}
	for _, o := range b.request.Command.Options {
		if slices.ContainsFunc(asked, func(f FormField) bool { return f.Option.Name == o.Name }) {
			continue
		}
		if id, resolved := b.request.values[o.Name].(timeline.ID); resolved && id.IsIncident() {
			options[o.Name] = string(id)
		} else if text := b.known.typed[o.Name]; text != "" {
			options[o.Name] = text
		}
	}
	if len(options) == 0 {
		return nil
	}
	return options
}

// label is the help until it says more than the question.
func (o Option) label() string {
	question := o.Help
	for _, stop := range []string{"; ", ": ", ", ", " ("} {
		question, _, _ = strings.Cut(question, stop)
	}
	if n := utf8.RuneCountInString(question); n > MaxFormTitle {
		question = o.Name
	}
	first, size := utf8.DecodeRuneInString(question)
	return string(unicode.ToUpper(first)) + question[size:]
}

// mayBeTyped reports whether the answer may have to be typed: whatever has no fixed
// set to choose from.
func (o Option) mayBeTyped() bool {
	switch o.Type {
	case Choice, Bool, Person, Incident:
		return false
	}
	return true
}

func (c *Command) formFaults() (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("form: "+format, args...)) }
	f := c.Form
	if n := utf8.RuneCountInString(f.Title); n > MaxFormTitle {
		fault("the title has %d characters, more than %d", n, MaxFormTitle)
	}
	if utf8.RuneCountInString(f.Submit) > maxSubmit {
		fault("the button has more than %d characters", maxSubmit)
	}
	if len(f.Fields) == 0 {
		fault("it asks for nothing")
	}
	typed, chosen := 0, 0
	for i, name := range f.Fields {
		o, known := c.Option(name)
		switch {
		case !known:
			fault("there is no option %q", name)
			continue
		case slices.Contains(f.Fields[:i], name):
			fault("it asks for %q twice", name)
		}
		if o.mayBeTyped() && !o.Many {
			typed++
		}
		if !o.mayBeTyped() || o.Complete != nil || o.Many {
			chosen++
		}
	}
	for _, o := range c.Options {
		if o.Type == Incident && o.Default == "" && !slices.Contains(f.Fields, o.Name) {
			chosen++ // asked as well when several are open
		}
	}
	if typed > MaxTyped {
		fault("%d answers may have to be typed, more than %d", typed, MaxTyped)
	}
	if chosen > MaxChosen {
		fault("%d answers can be chosen, more than %d", chosen, MaxChosen)
	}
	for _, o := range c.Options {
		if o.Required && !slices.Contains(f.Fields, o.Name) {
			fault("%q is required and not asked for", o.Name)
		}
	}
	return faults
}
