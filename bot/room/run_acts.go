package room

import (
	"wardroom/bot/command"
	"wardroom/bot/remediation"
)

// RunActs are what people can do with a run now, the most pressing first, at most
// [MaxActs]. An approval carries the plan's short hash: it is for what was seen. What
// is destructive opens the form that asks whom it hits. glass says that the glass
// may be broken, now or soon.
func RunActs(r remediation.Run, glass bool) []command.Action {
	act := func(label, path string, style command.Style, form bool, options ...string) command.Action {
		a := command.Action{Label: label, Style: style, Form: form, Ask: command.Ask{Path: path, Options: map[string]string{"run": string(r.ID)}}}
		for i := 0; i+1 < len(options); i += 2 {
			a.Ask.Options[options[i]] = options[i+1]
		}
		return a
	}
	takeOver := act("Take over", "run take-over", command.Secondary, false)
	switch r.Status {
	case remediation.Requested:
		hash := remediation.ShortHash(r.Hash)
		yes := act("Approve", "run approve", command.Danger, r.Plan.Tier == remediation.Destructive, "plan", hash)
		if r.Plan.Tier <= remediation.Routine {
			yes.Label, yes.Style = "Confirm", command.Primary
		}
		acts := []command.Action{yes, act("Reject", "run reject", command.Secondary, true)}
		if glass {
			acts = append(acts, act("Break the glass", "run break-glass", command.Danger, true))
		}
		return append(acts, act("Whole plan", "run show", command.Secondary, false))
	case remediation.Approved, remediation.Running:
		acts := []command.Action{act("Abort", "run abort", command.Danger, true), takeOver}
		if r.HeldSoftly() {
			acts = append(acts, act("Break the glass", "run break-glass", command.Danger, true))
		}
		return acts
	case remediation.Asking:
		var acts []command.Action
		if r.Ask != nil {
			for _, a := range r.Ask.Answers[:min(len(r.Ask.Answers), MaxActs-1)] {
				style := command.Secondary
				if a == remediation.GiveUp {
					style = command.Danger
				}
				acts = append(acts, act(answerLabel(a), "run resume", style, false, "answer", string(a)))
			}
		}
		return append(acts, takeOver)
	}
	if !r.Status.Active() && len(r.Left) > 0 {
		return []command.Action{act("Put it back", "run undo", command.Primary, false)}
	}
	return nil
}

func answerLabel(a remediation.Answer) string {
	switch a {
	case remediation.Onward:
		return "Look again and go on"
	case remediation.Again:
		return "Ask for it once more"
	case remediation.DoneByMan:
		return "I did it by hand"
	case remediation.Anyway:
		return "Continue anyway"
	case remediation.GiveUp:
		return "Give up"
	}
	return string(a)
}
