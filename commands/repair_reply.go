package commands

import (
	"fmt"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// planData is what --json prints of a plan.
type planData struct {
	Plan remediation.Plan `json:"plan"`
	Hash string           `json:"hash"`
}

// planText is a plan as a person reads it: what it is, what stands against it, what
// it would break. Its steps are in an embed of their own.
func planText(p remediation.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s of %s** · %s", command.Escape(p.Remediation), command.Escape(p.Target.Name), p.Tier)
	if p.TierWhy != "" {
		fmt.Fprintf(&b, " (%s)", command.Escape(p.TierWhy))
	}
	for _, f := range p.Facts {
		b.WriteString("\n" + command.Escape(f))
	}
	for _, f := range p.Findings {
		mark := map[remediation.Strength]string{remediation.Hard: "⛔ refused", remediation.Soft: "⚠ refused unless somebody breaks the glass", remediation.Warning: "ℹ"}[f.Strength]
		fmt.Fprintf(&b, "\n%s: %s", mark, command.Escape(f.Sentence))
		if f.Hint != "" {
			fmt.Fprintf(&b, " (%s)", command.Escape(f.Hint))
		}
	}
	b.WriteString("\n**What it would break**")
	for _, l := range p.Blast.Lines() {
		if detail, indented := strings.CutPrefix(l, "  "); indented {
			b.WriteString(", " + command.Escape(detail))
			continue
		}
		b.WriteString("\n" + command.Escape(l))
	}
	if p.Undo != "" {
		fmt.Fprintf(&b, "\n**Undo**: %s", command.Escape(p.Undo))
	}
	return b.String()
}

// planSteps are the steps in words; with the exact commands when asked for.
func planSteps(p remediation.Plan, withCommands bool) command.Embed {
	var b strings.Builder
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, command.Escape(s.Words))
		if withCommands {
			for _, c := range s.Commands {
				b.WriteString(command.Code(c) + "\n")
			}
		}
	}
	e := command.Embed{Title: fmt.Sprintf("%d steps", len(p.Steps)), Description: strings.TrimSpace(b.String())}
	if len(p.Steps) == 1 {
		e.Title = "1 step"
	}
	return e
}

// dryRun answers with a plan that nobody has asked to carry out.
func dryRun(r command.Request, p remediation.Plan) command.Reply {
	reply := command.Reply{
		Text:   "Dry run: nothing was changed, nothing was asked for.\n" + planText(p),
		Embeds: []command.Embed{planSteps(p, true)}, Data: planData{p, p.Hash()},
	}
	if len(p.Against(remediation.Hard)) == 0 {
		ask := command.Ask{Path: r.Command.Path, Options: map[string]string{}}
		for name, value := range p.Params {
			ask.Options[name] = value
		}
		reply.Actions = []command.Action{{Label: "Ask for it", Ask: ask, Style: command.Primary}}
	}
	return reply
}

// requested answers with a run that waits for its approval.
func requested(run remediation.Run) command.Reply {
	text := planText(run.Plan) + "\n"
	switch {
	case run.Status != remediation.Requested:
		text += fmt.Sprintf("**%s** is %s.", run.ID, run.Status)
	case run.Plan.Tier <= remediation.Routine:
		text += fmt.Sprintf("**%s** waits for your confirmation.", run.ID)
	default:
		text += fmt.Sprintf("**%s** waits for a second person.", run.ID)
	}
	return command.Reply{Text: text, Embeds: []command.Embed{planSteps(run.Plan, false)}, Actions: runActs(run), Data: run}
}

// runActs are what can be done with a run now.
func runActs(run remediation.Run) []command.Action {
	act := func(label, path string, style command.Style, form bool, options ...string) command.Action {
		a := command.Action{Label: label, Ask: command.Ask{Path: path, Options: map[string]string{"run": string(run.ID)}}, Style: style, Form: form}
		for i := 0; i+1 < len(options); i += 2 {
			a.Ask.Options[options[i]] = options[i+1]
		}
		return a
	}
	hash := remediation.ShortHash(run.Hash)
	var all []command.Action
	switch run.Status {
	case remediation.Requested:
		switch run.Plan.Tier {
		case remediation.Destructive:
			all = append(all, act("Approve", "run approve", command.Danger, true, "plan", hash))
		case remediation.Disruptive:
			all = append(all, act("Approve", "run approve", command.Danger, false, "plan", hash))
		default:
			all = append(all, act("Confirm", "run approve", command.Primary, false, "plan", hash))
		}
		all = append(all, act("Reject", "run reject", command.Secondary, true))
		if run.Plan.Tier >= remediation.Disruptive || len(run.Plan.Against(remediation.Soft)) > 0 {
			all = append(all, act("Break the glass", "run break-glass", command.Danger, true))
		}
	case remediation.Asking:
		if run.Ask != nil {
			for _, a := range run.Ask.Answers {
				all = append(all, act(answerLabel(a), "run resume", command.Secondary, false, "answer", string(a)))
			}
		}
		all = append(all, act("Take over", "run take-over", command.Secondary, false))
	case remediation.Approved, remediation.Running:
		all = append(all, act("Abort", "run abort", command.Danger, true), act("Take over", "run take-over", command.Secondary, false))
	}
	if len(run.Left) > 0 && !run.Status.Active() {
		all = append(all, act("Put back what it left", "run undo", command.Primary, false))
	}
	return append(all, act("Show with commands", "run show", command.Secondary, false, "commands", "yes"))
}

func answerLabel(a remediation.Answer) string {
	switch a {
	case remediation.Onward:
		return "Look again and go on"
	case remediation.Again:
		return "Ask for it once more"
	case remediation.DoneByMan:
		return "I did it by hand"
	}
	return "Give up"
}

// whoRepairs is who asks, as the repairs' gate wants to know it.
func whoRepairs(r command.Request) remediation.Who {
	return remediation.Who{Person: r.Caller.Person, Actor: r.Actor(), Cause: r.Cause}
}

// inRoom is the incident that a request is about: the one named, else the room's.
func inRoom(r command.Request) timeline.ID {
	if id := r.Incident("incident"); id != "" {
		return id
	}
	return r.Caller.Room
}
