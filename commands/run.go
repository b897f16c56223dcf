package commands

import (
	"cmp"
	"context"
	"slices"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// runDesk is what `/run` needs of [remediation.Desk].
type runDesk interface {
	teller
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
	return append(c.looks(), c.decisions()...)
}

type runs struct{ RunOptions }

var whichRun = command.Option{Name: "run", Help: "Which run; left out: the only one that is not over", Type: command.String, Positional: true, Complete: completeRuns(false), Timeline: incidentOfRun}

// incidentOfRun is where a request about a run is recorded.
func incidentOfRun(text string) timeline.ID {
	id, err := remediation.ParseRunID(text)
	if err != nil {
		return "" // the handler says so
	}
	return id.Incident()
}

// looks are the commands that only read.
func (c runs) looks() []command.Command {
	known := whichRun
	known.Complete = completeRuns(true)
	return []command.Command{{
		Path: "run list", Summary: "List the runs that are not over, or those of an incident",
		Description: "Every repair that is asked for is a run: a plan, its approval, its steps. `all:yes` shows those that are over, too, the newest first.",
		Examples:    []string{"/run list", "/run list all:yes page:2", "/run list incident:INC-1"}, Access: people.Viewer,
		Options: []command.Option{
			{Name: "incident", Help: "Only the runs of this incident, also those that are over", Type: command.Incident, Default: "none"},
			{Name: "all", Help: "Also those that are over", Type: command.Bool}, pageOption,
		}, Handle: c.list,
	}, {
		Path: "run show", Summary: "Show a run: its plan, how far it is, what it waits for",
		Examples: []string{"/run show", "/run show run:INC-1/run-1 commands:yes"}, Access: people.Viewer,
		Options: []command.Option{known, {Name: "commands", Help: "With the exact commands of each step", Type: command.Bool}}, Handle: c.show,
	}}
}

// decide declares a command that decides on a run.
func (c runs) decide(d command.Command, options ...command.Option) command.Command {
	d.Access, d.Records = people.Responder, true
	d.Options = append([]command.Option{whichRun}, options...)
	slices.SortStableFunc(d.Options, func(x, y command.Option) int { // as Discord wants them
		return cmp.Compare(map[bool]int{true: 0, false: 1}[x.Required], map[bool]int{true: 0, false: 1}[y.Required])
	})
	if d.Examples == nil {
		d.Examples = []string{"/" + d.Path, "/" + d.Path + " run:INC-1/run-1"}
	}
	return d
}

// decisions are the commands that change what becomes of a run.
func (c runs) decisions() []command.Command {
	reason := func(help string, required bool) command.Option {
		return command.Option{Name: "reason", Help: help, Type: command.String, Required: required}
	}
	why := func(title, submit string) *command.Form {
		return &command.Form{Title: title, Submit: submit, Fields: []string{"reason"}}
	}
	glass := why("Go on alone: why can it not wait?", "Break the glass")
	glass.Prefill = c.proposeReason
	left := whichRun
	left.Help, left.Complete = "Which run; left out: the only one that left something", completeLeft
	undo := c.decide(command.Command{
		Path: "run undo", Summary: "Plan to put back what a run left: scale back, uncordon, take the taint off",
		Description: "Only for a run that is over. What its remaining steps would have put back and is not so now becomes a plan of its own, which somebody confirms. What was deleted or restarted does not come back. With `dry-run:yes` it only shows the plan, and nothing is recorded.",
		Dry:         "dry-run", Examples: []string{"/run undo", "/run undo run:INC-1/run-1 dry-run:yes"}, Handle: c.undo,
	}, command.Option{Name: "dry-run", Help: "Only show the plan, with its commands", Type: command.Bool})
	undo.Options[0] = left
	return []command.Command{
		c.decide(command.Command{
			Path: "run approve", Summary: "Approve the plan of a run, or confirm your own",
			Description: "An approval is for the plan that was seen: without its number the plan is shown first, and the button below it approves that plan. What is routine may be confirmed by whoever asked for it; what is disruptive or destructive takes a second person. What is destructive asks for the last four characters of its target. If the plan has changed when the run begins, the approval is void and the new plan is shown.",
			Examples:    []string{"/run approve", "/run approve run:INC-1/run-1 plan:5f0c9c1e2ab3 confirm:6dcf"},
			Form:        &command.Form{Title: "Approve what you have read", Submit: "Approve", Fields: []string{"confirm"}, Explain: c.explainConfirm}, Handle: c.approve,
		}, command.Option{Name: "plan", Help: "The number of the plan that you have seen", Type: command.String},
			command.Option{Name: "confirm", Help: "The last four characters of the target; only for what is destructive", Type: command.String}),
		c.decide(command.Command{
			Path: "run reject", Summary: "Refuse to approve a run: it ends, nothing was changed", Form: why("Reject the run", "Reject"), Handle: c.reject,
		}, reason("Why not", false)),
		c.decide(command.Command{
			Path: "run break-glass", Summary: "Go on without a second person, or against a soft refusal",
			Description: "The room has mentioned the others. Alone you may go on after 5 minutes of a SEV1 and 10 of a SEV2, at once when nobody else is on the rota. It covers you in this incident for two hours; each act is still announced and confirmed, and the reason is reviewed afterwards. It overrules no hard refusal. Then approve the plan: `/run approve`.",
			Examples:    []string{"/run break-glass reason:nobody else answers", "/run break-glass run:INC-1/run-1 reason:nobody else answers"}, Form: glass, Handle: c.breakGlass,
		}, reason("Why it cannot wait", true)),
		c.decide(command.Command{
			Path: "run abort", Summary: "End a run before its next step", Form: why("End the run before its next step", "Abort"), Handle: c.abort,
			Description: "What was asked for already is not taken back, and nothing is undone by itself: what is not as it was is listed, and `/run undo` plans to put it back.",
		}, reason("Why", false)),
		c.decide(command.Command{
			Path: "run resume", Summary: "Answer a run that has stopped and asks",
			Description: "**onward**: look again and go on from what is found. **again**: ask for the step once more; a destructive one needs a new approval. **by-hand**: a person made it so, go on with the next step. **anyway**: it is not so, go on with the next step all the same, where that is offered. **abort**: end the run.",
			Examples:    []string{"/run resume answer:onward", "/run resume run:INC-1/run-1 answer:by-hand reason:detached in the Cloud Manager"},
			Form:        &command.Form{Title: "The run asks what is to happen", Submit: "Answer", Fields: []string{"answer", "reason"}, Propose: c.proposeAnswers, Explain: c.explainAnswer}, Handle: c.resume,
		}, command.Option{Name: "answer", Help: "What is to happen", Type: command.Choice, Required: true, Choices: answerWords()}, reason("What speaks for it", false)),
		c.decide(command.Command{
			Path: "run take-over", Summary: "Do the rest of a run by hand: it ends and shows the commands that are left", Handle: c.takeOver,
			Description: "The reply holds the exact commands of all steps that are left. The run gives its locks back and asks for nothing more.",
		}, reason("Why", false)),
		undo,
	}
}

func answerWords() (words []string) {
	for _, a := range answers {
		words = append(words, a.Value)
	}
	return words
}

// approve without a plan's number shows the plan: an approval is for what was seen.
func (c runs) approve(ctx context.Context, r command.Request) (command.Reply, error) {
	id, err := c.id(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	if r.Has("plan") {
		run, err := c.Desk.Approve(ctx, whoRepairs(r), id, remediation.Consent{Hash: r.String("plan"), Typed: r.String("confirm")})
		return c.decided(ctx, r, run, err)
	}
	run, err := c.Desk.Get(ctx, id)
	if err != nil {
		return command.Reply{}, err
	}
	return c.toApprove(ctx, r, run)
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
	return c.decided(ctx, r, run, err)
}

func (c runs) resume(ctx context.Context, r command.Request) (command.Reply, error) {
	id, err := c.id(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	run, err := c.Desk.Resume(ctx, whoRepairs(r), id, remediation.Answer(r.String("answer")), r.String("reason"))
	return c.decided(ctx, r, run, err)
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
	id, err := c.leftBy(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	p, err := c.Desk.Undo(ctx, id)
	if err != nil {
		return command.Reply{}, err
	}
	if r.Bool("dry-run") {
		return dryRun(r, p, c.Desk.Specs()), nil
	}
	run, err := c.Desk.Request(ctx, whoRepairs(r), id.Incident(), p)
	if err != nil {
		return command.Reply{}, err
	}
	return c.shown(ctx, r, run)
}

// leftBy is the run named, else the only one that left something.
func (c runs) leftBy(ctx context.Context, r command.Request) (remediation.RunID, error) {
	if r.Has("run") {
		return remediation.ParseRunID(r.String("run"))
	}
	var left []remediation.Run
	err := c.View(ctx, func(v timeline.View) (err error) {
		left, err = leavers(v, r.Caller.Room)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case len(left) == 0:
		return "", problem.New(problem.NotFound, "no run left anything that could be put back").WithHint("`/run list all:yes` shows those that are over")
	case len(left) > 1:
		return "", problem.New(problem.Invalid, "%d runs left something", len(left)).WithHint("name one: run:%s", left[0].ID)
	}
	return left[0].ID, nil
}
