package commands

import (
	"fmt"
	"maps"
	"slices"
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

// requested answers with a run that waits for its approval.
func requested(r command.Request, run remediation.Run, specs []remediation.Spec) command.Reply {
	reply := command.Reply{Text: planText(run.Plan, specs) + "\n" + awaits(r, run), Embeds: []command.Embed{planSteps(run.Plan, r.Bool("commands"))}, Actions: actsOn(r, run), Data: run}
	// What the requester confirms themselves is confirmed in one go where that can be asked.
	reply.Confirm = mayConfirm(run)
	return reply
}

// mayConfirm: whoever asked for it may confirm it with one press.
func mayConfirm(run remediation.Run) bool {
	return run.Status == remediation.Requested && run.Plan.Tier <= remediation.Routine && (run.Glass != nil || len(run.Plan.Against(remediation.Soft)) == 0)
}

// awaits says what is asked of whom.
func awaits(r command.Request, run remediation.Run) string {
	head := fmt.Sprintf("**%s**, plan %s, ", run.ID, command.Code(remediation.ShortHash(run.Hash)))
	if run.Status != remediation.Requested {
		return head + "is " + string(run.Status) + "."
	}
	until := ""
	if !run.Expires.IsZero() {
		until = " until " + r.FormatTime(run.Expires)
	}
	asker := command.Escape(run.Requester.Display())
	soft := len(run.Plan.Against(remediation.Soft)) > 0 && run.Glass == nil
	var lines []string
	switch {
	case run.Plan.Tier <= remediation.Routine:
		lines = append(lines, head+"waits"+until+" for a confirmation: "+asker+" or any other responder.")
	default:
		lines = append(lines, head+"waits"+until+" for a second person: anybody who may, other than "+asker+".")
	}
	if run.Plan.Tier == remediation.Destructive {
		lines = append(lines, fmt.Sprintf("Whoever approves types the last four characters of %s.", command.Code(run.Plan.Target.Name)))
	}
	switch {
	case soft:
		lines = append(lines, "It is refused until somebody breaks the glass with a reason; that is reviewed afterwards.")
	case run.Plan.Tier >= remediation.Disruptive:
		lines = append(lines, "When nobody answers, "+asker+" may break the glass: after 5 minutes of a SEV1, 10 of a SEV2, at once when nobody else is on the rota.")
	}
	return strings.Join(lines, "\n")
}

// actsOn are what can be done with a run whose steps are shown: to see their commands
// as well, unless they are.
func actsOn(r command.Request, run remediation.Run) []command.Action {
	acts := runActs(run)
	if r.Bool("commands") {
		return acts
	}
	return append(acts, command.Action{Label: "Show with commands", Ask: command.Ask{Path: "run show", Options: map[string]string{"run": string(run.ID), "commands": "yes"}}})
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
	var all []command.Action
	switch run.Status {
	case remediation.Requested:
		soft := len(run.Plan.Against(remediation.Soft)) > 0 && run.Glass == nil
		hash := remediation.ShortHash(run.Hash)
		yes := act("Approve", "run approve", command.Danger, run.Plan.Tier == remediation.Destructive, "plan", hash)
		if run.Plan.Tier <= remediation.Routine {
			yes.Label, yes.Style = "Confirm", command.Primary
		}
		all = append(all, yes, act("Reject", "run reject", command.Secondary, true))
		if run.Plan.Tier >= remediation.Disruptive || soft {
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
	return all
}

func answerLabel(a remediation.Answer) string {
	i := slices.IndexFunc(answers, func(one command.Proposal) bool { return one.Value == string(a) })
	if i < 0 {
		return string(a)
	}
	return answers[i].Label
}

// answers to a run that has stopped.
var answers = []command.Proposal{
	{Value: string(remediation.Onward), Label: "Look again and go on"},
	{Value: string(remediation.Again), Label: "Ask for it once more", Help: "a destructive step needs a new approval"},
	{Value: string(remediation.DoneByMan), Label: "I did it by hand", Help: "go on with the next step"},
	{Value: string(remediation.GiveUp), Label: "Give up", Help: "end the run; what it left is listed"},
}
