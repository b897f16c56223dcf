package commands

import (
	"fmt"
	"maps"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// planData is what --json prints of a plan.
type planData struct {
	Plan remediation.Plan `json:"plan"`
	Hash string           `json:"hash"`
}

// planText is a plan as a person reads it before they decide: what it does to which
// machine, what it breaks, what stands against it, whether it can be undone. Its
// steps are in an embed of their own.
func planText(p remediation.Plan, specs []remediation.Spec) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** · %s", command.Escape(p.Title()), p.Tier)
	if p.TierWhy != "" {
		fmt.Fprintf(&b, ": %s", command.Escape(p.TierWhy))
	}
	if proof := proofOf(p.Target); proof != "" {
		b.WriteString("\nTarget: " + proof)
	}
	for _, f := range p.Facts {
		b.WriteString("\n" + command.Escape(f))
	}
	switch {
	case p.Undoes != "": // it takes nothing away
	case (p.Remediation == repair.NodeCordon || p.Remediation == repair.NodeUncordon) && len(p.Blast.Unknown) == 0:
		b.WriteString("\n**What it breaks**\n- Nothing: the pods that run there stay")
	case (p.Remediation == repair.WorkloadScale || p.Remediation == repair.WorkloadRestore || p.Remediation == repair.RedisExpand) && len(p.Blast.Unknown)+len(p.Blast.Workloads) == 0:
		b.WriteString("\n**What it breaks**\n- Nothing: no pod is taken away")
	default:
		b.WriteString("\n**What it breaks**" + blastText(p.Blast))
	}
	b.WriteString(findingsText(p.Findings))
	b.WriteString("\n**Undo**: " + command.Escape(undoOf(p, specs)))
	return b.String()
}

// proofOf is what tells the target from every other.
func proofOf(t remediation.Target) string {
	var parts []string
	add := func(format, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, command.Code(value)))
		}
	}
	add("%s", t.Identity.ProviderID)
	add("boot %s", clipped(t.Identity.BootID, 36))
	add("slot %s", t.Slot)
	if t.Volume != 0 {
		add("volume %s", fmt.Sprint(t.Volume))
	}
	return strings.Join(parts, ", ")
}

// blastText is the blast radius in lines, the worst first; what depends on something
// stands behind it.
func blastText(blast fleet.Blast) string {
	var b strings.Builder
	for _, l := range blast.Lines() {
		if detail, indented := strings.CutPrefix(l, "  "); indented {
			b.WriteString(", " + command.Escape(detail))
			continue
		}
		b.WriteString("\n- " + command.Escape(l))
	}
	return b.String()
}

func findingsText(all []remediation.Finding) string {
	var b strings.Builder
	for _, group := range []struct {
		strength remediation.Strength
		title    string
	}{
		{remediation.Hard, "⛔ Refused, whoever asks"}, {remediation.Soft, "⚠ Refused, unless somebody breaks the glass with a reason"}, {remediation.Warning, "Know that"},
	} {
		first := true
		for _, f := range all {
			if f.Strength != group.strength {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n**%s**", group.title)
				first = false
			}
			fmt.Fprintf(&b, "\n- %s", command.Escape(f.Sentence))
			if f.Hint != "" {
				fmt.Fprintf(&b, " → %s", command.Escape(f.Hint))
			}
		}
	}
	return b.String()
}

// undoOf says how a plan is undone, or why it cannot be.
func undoOf(p remediation.Plan, specs []remediation.Spec) string {
	if p.Undo != "" {
		return p.Undo
	}
	if p.Undoes != "" {
		return "none: it is the undo itself"
	}
	for _, s := range specs {
		if s.Name == p.Remediation && s.NoUndo != "" {
			return "none: " + s.NoUndo
		}
	}
	return "none is known"
}

// planSteps are the steps in words; with the exact commands when asked for.
func planSteps(p remediation.Plan, withCommands bool) command.Embed {
	var b strings.Builder
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, command.Escape(s.Words))
		if withCommands {
			b.WriteString(commandLines(s))
		}
	}
	return command.Embed{Title: count(len(p.Steps), "step"), Description: strings.TrimSpace(b.String())}
}

func commandLines(s remediation.PlannedStep) string {
	var b strings.Builder
	for _, c := range s.Commands {
		b.WriteString(command.Code(c) + "\n")
	}
	return b.String()
}

// dryRun answers with a plan that nobody has asked to carry out.
func dryRun(r command.Request, p remediation.Plan, specs []remediation.Spec) command.Reply {
	reply := command.Reply{
		Text:   "**Dry run**: nothing is changed, recorded or asked for.\n" + planText(p, specs),
		Embeds: []command.Embed{planSteps(p, true)}, Data: planData{p, p.Hash()},
	}
	if len(p.Against(remediation.Hard)) > 0 {
		return reply
	}
	options := map[string]string{}
	maps.Copy(options, p.Params)
	if id := r.Incident("incident"); id != "" {
		options["incident"] = string(id)
	}
	if p.Undoes != "" {
		options = map[string]string{"run": string(p.Undoes)}
	}
	reply.Actions = []command.Action{{Label: "Ask for it", Ask: command.Ask{Path: r.Command.Path, Options: options}, Style: command.Primary}}
	return reply
}

// answers to a run that has stopped.
var answers = []command.Proposal{
	{Value: string(remediation.Onward), Label: "Look again and go on"},
	{Value: string(remediation.Again), Label: "Ask for it once more", Help: "a destructive step needs a new approval"},
	{Value: string(remediation.DoneByMan), Label: "I did it by hand", Help: "go on with the next step"},
	{Value: string(remediation.Anyway), Label: "Continue anyway", Help: "it is not so: go on with the next step all the same"},
	{Value: string(remediation.GiveUp), Label: "Give up", Help: "end the run; what it left is listed"},
}
