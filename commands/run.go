package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// runDesk is what `/run` needs of [remediation.Desk].
type runDesk interface {
	Get(ctx context.Context, id remediation.RunID) (remediation.Run, error)
	Request(ctx context.Context, who remediation.Who, inc timeline.ID, p remediation.Plan) (remediation.Run, error)
	Approve(ctx context.Context, who remediation.Who, id remediation.RunID, c remediation.Consent) (remediation.Run, error)
	Reject(ctx context.Context, who remediation.Who, id remediation.RunID, reason string) (remediation.Run, error)
	BreakGlass(ctx context.Context, who remediation.Who, id remediation.RunID, reason string) (remediation.Run, error)
	Abort(ctx context.Context, who remediation.Who, id remediation.RunID, reason string) (remediation.Run, error)
	Resume(ctx context.Context, who remediation.Who, id remediation.RunID, a remediation.Answer, reason string) (remediation.Run, error)
	TakeOver(ctx context.Context, who remediation.Who, id remediation.RunID, reason string) (remediation.Run, error)
	Undo(ctx context.Context, id remediation.RunID) (remediation.Plan, error)
}

// RunOptions of `/run`.
type RunOptions struct {
	Desk runDesk
	View func(context.Context, func(timeline.View) error) error
	Saw  func(remediation.RunID) string // what the current step was last seen to be; nil: not known
}

// Run is `/run`: the repairs that were asked for, and what people decide on them. Who
// may is for the repairs' own gate to say; here it takes a responder.
func Run(o RunOptions) []command.Command {
	c := runs{o}
	run := command.Option{Name: "run", Help: "Which run; left out: the only one that is not over", Type: command.String, Positional: true, Complete: completeRuns}
	reason := func(help string, required bool) command.Option {
		return command.Option{Name: "reason", Help: help, Type: command.String, Required: required}
	}
	decide := func(path, summary, description string, form *command.Form, handle func(context.Context, command.Request) (command.Reply, error), options ...command.Option) command.Command {
		return command.Command{Path: path, Summary: summary, Description: description, Examples: []string{"/" + path + " run:INC-1/run-1"},
			Access: people.Responder, Records: true, Options: requiredFirst(append([]command.Option{run}, options...)), Form: form, Handle: handle}
	}
	ask := func(title, submit string) *command.Form {
		return &command.Form{Title: title, Submit: submit, Fields: []string{"reason"}}
	}
	glass := decide("run break-glass", "Go on without a second person, or against a soft refusal", "The others have been paged. Alone you may go on after 5 minutes of a SEV1 and 10 of a SEV2, at once when nobody else is on the rota. It covers you in this incident for two hours and is reviewed afterwards.",
		ask("Break the glass", "Break the glass"), c.breakGlass, reason("Why it cannot wait", true))
	glass.Examples = []string{"/run break-glass run:INC-1/run-1 reason:nobody else answers"}
	approve := decide("run approve", "Approve the plan of a run, or confirm your own", "An approval is for the plan that was seen: without its number the plan is shown first. What is destructive asks for the last four characters of its target.",
		&command.Form{Title: "Approve what you have read", Submit: "Approve", Fields: []string{"confirm"}, Explain: c.explainConfirm}, c.approve,
		command.Option{Name: "plan", Help: "The number of the plan that you have seen", Type: command.String},
		command.Option{Name: "confirm", Help: "The last four characters of the target; only for what is destructive", Type: command.String})
	approve.Examples = []string{"/run approve run:INC-1/run-1", "/run approve run:INC-1/run-1 plan:5f0c9c1e2ab3 confirm:6dcf"}
	resume := decide("run resume", "Answer a run that has stopped and asks", "onward: look again and go on from what is found. again: ask for the step once more. by-hand: a person made it so. abort: end the run.",
		&command.Form{Title: "What now?", Submit: "Answer", Fields: []string{"answer", "reason"}}, c.resume,
		command.Option{Name: "answer", Help: "What is to happen", Type: command.Choice, Required: true, Choices: []string{string(remediation.Onward), string(remediation.Again), string(remediation.DoneByMan), string(remediation.GiveUp)}}, reason("What speaks for it", false))
	resume.Examples = []string{"/run resume run:INC-1/run-1 answer:onward"}
	return []command.Command{{
		Path: "run list", Summary: "List the runs that are not over", Examples: []string{"/run list"}, Access: people.Viewer, Handle: c.list,
	}, {
		Path: "run show", Summary: "Show a run: its plan, how far it is, what it waits for", Examples: []string{"/run show", "/run show run:INC-1/run-1 commands:yes"}, Access: people.Viewer,
		Options: []command.Option{run, {Name: "commands", Help: "With the exact commands of each step", Type: command.Bool}}, Handle: c.show,
	},
		approve, glass, resume,
		decide("run reject", "Refuse to approve a run", "", ask("Reject", "Reject"), c.reject, reason("Why not", false)),
		decide("run abort", "End a run before its next step", "Nothing is undone by itself: what is not as it was is listed, and offered as a plan.", ask("Abort", "Abort"), c.abort, reason("Why", false)),
		decide("run take-over", "Do the rest of a run by hand", "The reply holds the commands of all steps that are left. The run gives its locks back.", nil, c.takeOver, reason("Why", false)),
		decide("run undo", "Plan to put back what a run left", "", nil, c.undo),
	}
}

type runs struct{ RunOptions }

// requiredFirst orders options as Discord wants them.
func requiredFirst(options []command.Option) []command.Option {
	slices.SortStableFunc(options, func(x, y command.Option) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[x.Required], map[bool]int{true: 0, false: 1}[y.Required])
	})
	return options
}

func completeRuns(_ context.Context, v timeline.View, typed string) (ids []string) {
	active, err := remediation.ActiveRuns(v)
	if err != nil {
		return nil
	}
	for _, r := range active {
		if strings.Contains(strings.ToLower(string(r.ID)), strings.ToLower(typed)) {
			ids = append(ids, string(r.ID))
		}
	}
	return ids
}

// id is the run named, else the only one that is not over: of the room's incident,
// when the request comes out of a room.
func (c runs) id(ctx context.Context, r command.Request) (id remediation.RunID, err error) {
	err = c.View(ctx, func(v timeline.View) (err error) {
		id, err = runOf(v, r)
		return err
	})
	return id, err
}

func runOf(v timeline.View, r command.Request) (remediation.RunID, error) {
	if r.Has("run") {
		return remediation.ParseRunID(r.String("run"))
	}
	all, err := remediation.ActiveRuns(v)
	if err != nil {
		return "", err
	}
	var fit []remediation.RunID
	for _, run := range all {
		if r.Caller.Room == "" || run.Incident == r.Caller.Room {
			fit = append(fit, run.ID)
		}
	}
	switch len(fit) {
	case 1:
		return fit[0], nil
	case 0:
		return "", problem.New(problem.NotFound, "no run is under way").WithHint("name one: run:INC-1/run-1")
	}
	return "", problem.New(problem.Invalid, "%d runs are under way", len(fit)).WithHint("name one: run:%s", fit[0])
}

func (c runs) explainConfirm(v timeline.View, r command.Request) (map[string]string, error) {
	id, err := runOf(v, r)
	if err != nil {
		return nil, err
	}
	run, err := remediation.GetRun(v, id)
	if err != nil {
		return nil, err
	}
	return map[string]string{"confirm": fmt.Sprintf("Type %q: %s", remediation.Confirmation(run.Plan.Target), run.Title())}, nil
}

func (c runs) list(ctx context.Context, _ command.Request) (command.Reply, error) {
	var all []remediation.Run
	err := c.View(ctx, func(v timeline.View) (err error) {
		all, err = remediation.ActiveRuns(v)
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	if len(all) == 0 {
		return command.Reply{Text: "No run is under way.", Data: []remediation.Run{}}, nil
	}
	table := &command.TableData{Headings: []string{"RUN", "WHAT", "STATUS", "STEP", "BY"}}
	reply := command.Reply{Table: table, Data: all}
	for _, r := range all {
		table.Rows = append(table.Rows, []string{string(r.ID), r.Title(), string(r.Status), fmt.Sprintf("%d/%d", r.Step, len(r.Plan.Steps)), r.Requester.Display()})
		if len(reply.Actions) < 5 {
			reply.Actions = append(reply.Actions, command.Action{Label: "Show " + string(r.ID), Ask: command.Ask{Path: "run show", Options: map[string]string{"run": string(r.ID)}}})
		}
	}
	return reply, nil
}

func (c runs) show(ctx context.Context, r command.Request) (command.Reply, error) {
	id, err := c.id(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	run, err := c.Desk.Get(ctx, id)
	if err != nil {
		return command.Reply{}, err
	}
	return c.shown(r, run), nil
}

// shown is a run: before it starts its plan, then how far it is.
func (c runs) shown(r command.Request, run remediation.Run) command.Reply {
	if run.Status == remediation.Requested || run.Status == remediation.Approved {
		reply := requested(run)
		reply.Embeds = []command.Embed{planSteps(run.Plan, r.Bool("commands"))}
		return reply
	}
	saw := ""
	if c.Saw != nil {
		saw = c.Saw(run.ID)
	}
	p := remediation.ProgressOf(run, saw, r.Now)
	text := "**" + command.Escape(p.Title) + "**\n" + p.Bar
	if p.Line != "" {
		text += "\n" + command.Escape(p.Line)
	}
	for _, l := range run.Left {
		text += "\nNot as it was: " + command.Escape(l.Planned.Words)
	}
	var b strings.Builder
	for i, s := range p.Steps {
		b.WriteString(command.Escape(s.String()) + "\n")
		if r.Bool("commands") {
			for _, line := range run.Plan.Steps[i].Commands {
				b.WriteString(command.Code(line) + "\n")
			}
		}
	}
	return command.Reply{Text: text, Embeds: []command.Embed{{Title: "Steps", Description: strings.TrimSpace(b.String())}}, Actions: runActs(run), Data: run}
}

// approve without a plan's number shows the plan: an approval is for what was seen.
func (c runs) approve(ctx context.Context, r command.Request) (command.Reply, error) {
	id, err := c.id(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	if !r.Has("plan") {
		run, err := c.Desk.Get(ctx, id)
		if err != nil {
			return command.Reply{}, err
		}
		reply := c.shown(r, run)
		if run.Status == remediation.Requested {
			reply.Confirm = true
			reply.Text = fmt.Sprintf("An approval is for the plan that you have seen. This is plan %s:\n%s", remediation.ShortHash(run.Hash), reply.Text)
		}
		return reply, nil
	}
	run, err := c.Desk.Approve(ctx, whoRepairs(r), id, remediation.Consent{Hash: r.String("plan"), Typed: r.String("confirm")})
	return c.decided(r, run, err)
}

func (c runs) decided(r command.Request, run remediation.Run, err error) (command.Reply, error) {
	if err != nil {
		return command.Reply{}, err
	}
	text := fmt.Sprintf("**%s** is %s.", run.ID, run.Status)
	if why := remediation.ProgressOf(run, "", r.Now).Line; why != "" {
		text += "\n" + command.Escape(why)
	}
	return command.Reply{Text: text, Actions: runActs(run), Data: run}, nil
}

func (c runs) reject(ctx context.Context, r command.Request) (command.Reply, error) {
	return c.because(ctx, r, c.Desk.Reject)
}

func (c runs) abort(ctx context.Context, r command.Request) (command.Reply, error) {
	return c.because(ctx, r, c.Desk.Abort)
}

func (c runs) breakGlass(ctx context.Context, r command.Request) (command.Reply, error) {
	return c.because(ctx, r, c.Desk.BreakGlass)
}

func (c runs) because(ctx context.Context, r command.Request, act func(context.Context, remediation.Who, remediation.RunID, string) (remediation.Run, error)) (command.Reply, error) {
	id, err := c.id(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	run, err := act(ctx, whoRepairs(r), id, r.String("reason"))
	return c.decided(r, run, err)
}

func (c runs) resume(ctx context.Context, r command.Request) (command.Reply, error) {
	id, err := c.id(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	run, err := c.Desk.Resume(ctx, whoRepairs(r), id, remediation.Answer(r.String("answer")), r.String("reason"))
	return c.decided(r, run, err)
}

// takeOver answers with what is left to do, as commands.
func (c runs) takeOver(ctx context.Context, r command.Request) (command.Reply, error) {
	reply, err := c.because(ctx, r, c.Desk.TakeOver)
	run, is := reply.Data.(remediation.Run)
	if err != nil || !is {
		return reply, err
	}
	rest := run.Plan
	rest.Steps = rest.Steps[min(run.Step, len(rest.Steps)):]
	e := planSteps(rest, true)
	e.Title = "Left for you to do: " + e.Title
	reply.Embeds = []command.Embed{e}
	return reply, nil
}

func (c runs) undo(ctx context.Context, r command.Request) (command.Reply, error) {
	if !r.Has("run") {
		return command.Reply{}, problem.New(problem.Invalid, "which run left something?").WithHint("name it: run:INC-1/run-1")
	}
	id, err := remediation.ParseRunID(r.String("run"))
	if err != nil {
		return command.Reply{}, err
	}
	p, err := c.Desk.Undo(ctx, id)
	if err != nil {
		return command.Reply{}, err
	}
	run, err := c.Desk.Request(ctx, whoRepairs(r), id.Incident(), p)
	if err != nil {
		return command.Reply{}, err
	}
	return requested(run), nil
}
