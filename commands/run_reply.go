package commands

import (
	"context"
	"fmt"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

func (c runs) show(ctx context.Context, r command.Request) (command.Reply, error) {
	id, err := c.id(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	run, err := c.Desk.Get(ctx, id)
	if err != nil {
		return command.Reply{}, err
	}
	reply, err := c.shown(ctx, r, run)
	reply.Confirm = false // looking asks for nothing
	return reply, err
}

// shown is a run: before it starts its plan, then how far it is.
func (c runs) shown(ctx context.Context, r command.Request, run remediation.Run) (command.Reply, error) {
	g, err := gateOf(ctx, r, c.Desk, c.View, run)
	if err != nil {
		return command.Reply{}, err
	}
	if run.StartedAt.IsZero() && run.Status.Active() {
		return requested(r, run, g, c.Desk.Specs()), nil
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
	if run.Status == remediation.Requested { // it began, and needs a new approval to go on
		text += "\n" + g.awaits(r, run)
	}
	text += history(r, run)
	for _, l := range run.Left {
		text += "\nNot as it was: " + command.Escape(l.Planned.Words)
		if l.Unknown {
			text += " (UNKNOWN: it could not be looked at)"
		}
	}
	var b strings.Builder
	for i, s := range p.Steps {
		b.WriteString(command.Escape(s.String()) + "\n")
		if r.Bool("commands") {
			b.WriteString(commandLines(run.Plan.Steps[i]))
		}
	}
	return command.Reply{Text: text, Embeds: []command.Embed{{Title: "Steps", Description: strings.TrimSpace(b.String())}}, Actions: actsOn(r, run, g), Data: run}, nil
}

// history says who asked for a run, who approved it, and when it began and ended.
func history(r command.Request, run remediation.Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nAsked for by %s at %s", command.Escape(run.Requester.Display()), r.FormatTime(run.RequestedAt))
	for _, a := range run.Approvals {
		fmt.Fprintf(&b, ", approved by %s at %s", command.Escape(a.By.Display()), r.FormatTime(a.At))
		if a.Alone {
			b.WriteString(" alone")
		}
	}
	if run.Glass != nil {
		fmt.Fprintf(&b, "\nGlass broken by %s at %s: %s", command.Escape(run.Glass.By.Display()), r.FormatTime(run.Glass.At), command.Escape(run.Glass.Reason))
	}
	if !run.StartedAt.IsZero() {
		fmt.Fprintf(&b, "\nBegan %s", r.FormatTime(run.StartedAt))
	}
	if !run.EndedAt.IsZero() {
		fmt.Fprintf(&b, ", ended %s", r.FormatTime(run.EndedAt))
	}
	if run.By != "" {
		fmt.Fprintf(&b, " by %s", command.Escape(run.By))
	}
	return b.String()
}

// toApprove shows the plan that an approval would be for. A typed confirmation that
// came without the plan's number is kept for the button.
func (c runs) toApprove(ctx context.Context, r command.Request, run remediation.Run) (command.Reply, error) {
	reply, err := c.shown(ctx, r, run)
	if err != nil || run.Status != remediation.Requested {
		reply.Confirm = false
		return reply, err
	}
	hash := remediation.ShortHash(run.Hash)
	reply.Text = fmt.Sprintf("Nothing is approved yet: an approval is for the plan that you have seen. This is plan %s.\n%s", command.Code(hash), reply.Text)
	if typed := r.String("confirm"); typed != "" && run.Plan.Tier == remediation.Destructive {
		reply.Actions[0].Ask.Options["confirm"], reply.Actions[0].Form = typed, false
	}
	reply.Confirm = !reply.Actions[0].Form
	if !reply.Confirm {
		reply.Text += fmt.Sprintf("\nTyped: %s", command.Code(fmt.Sprintf("/run approve run:%s plan:%s confirm:…", run.ID, hash)))
	}
	return reply, nil
}

// decided answers with what became of the run.
func (c runs) decided(ctx context.Context, r command.Request, run remediation.Run, err error) (command.Reply, error) {
	if err != nil {
		return command.Reply{}, err
	}
	g, err := gateOf(ctx, r, c.Desk, c.View, run)
	if err != nil {
		return command.Reply{}, err
	}
	text := fmt.Sprintf("**%s** (%s) is %s.", run.ID, command.Escape(run.Title()), run.Status)
	switch why := remediation.ProgressOf(run, "", r.Now).Line; {
	case run.Status == remediation.Requested:
		text += "\n" + g.awaits(r, run)
	case why != "":
		text += "\n" + command.Escape(why)
	}
	for _, l := range run.Left {
		text += "\nNot as it was: " + command.Escape(l.Planned.Words)
	}
	return command.Reply{Text: text, Actions: actsOn(r, run, g), Data: run}, nil
}

// of reads the run that a form is about.
func (c runs) of(v timeline.View, r command.Request) (remediation.Run, error) {
	id, err := runOf(v, r)
	if err != nil {
		return remediation.Run{}, err
	}
	return remediation.GetRun(v, id)
}

// explainConfirm says what is typed, first: a label ends after 45 characters.
func (c runs) explainConfirm(v timeline.View, r command.Request) (map[string]string, error) {
	run, err := c.of(v, r)
	if err != nil {
		return nil, err
	}
	return map[string]string{"confirm": fmt.Sprintf("Type %q: %s", remediation.Confirmation(run.Plan.Target), run.Title())}, nil
}

// proposeReason lets a thumb go on alone. Against a refusal nobody is given the
// words: who overrules it says why.
func (c runs) proposeReason(v timeline.View, r command.Request) (map[string]string, error) {
	run, err := c.of(v, r)
	if err != nil || len(run.Plan.Against(remediation.Soft)) > 0 || run.Status != remediation.Requested {
		return nil, err
	}
	return map[string]string{"reason": "nobody else answers"}, nil
}

// proposeAnswers offers the answers that the run's question allows.
func (c runs) proposeAnswers(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
	run, err := c.of(v, r)
	if err != nil || run.Ask == nil {
		return nil, err
	}
	var offered []command.Proposal
	for _, allowed := range run.Ask.Answers {
		for _, a := range answers {
			if a.Value == string(allowed) {
				offered = append(offered, a)
			}
		}
	}
	return map[string][]command.Proposal{"answer": offered}, nil
}

func (c runs) explainAnswer(v timeline.View, r command.Request) (map[string]string, error) {
	run, err := c.of(v, r)
	if err != nil || run.Ask == nil {
		return nil, err
	}
	return map[string]string{"answer": run.Ask.Sentence}, nil
}
