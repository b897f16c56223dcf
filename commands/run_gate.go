package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// teller knows what is told about repairs besides what a run itself holds.
type teller interface {
	Specs() []remediation.Spec
	// Approvers may approve a run beside whoever asked for it, the first one to ask first.
	Approvers(now time.Time, r remediation.Run) []string
}

// gate is what a run that waits for its approval waits for.
type gate struct {
	others []string  // who may approve it beside the requester
	soft   bool      // somebody has to break the glass
	alone  time.Time // from when on the requester may go on alone; zero: at once, or never
	never  bool      // the glass is not for so mild an incident
}

func gateOf(ctx context.Context, r command.Request, desk teller, view func(context.Context, func(timeline.View) error) error, run remediation.Run) (g gate, err error) {
	if run.Status != remediation.Requested {
		return g, nil
	}
	g.others = desk.Approvers(r.Now, run)
	g.soft = len(run.Plan.Against(remediation.Soft)) > 0 && run.Glass == nil
	if len(g.others) == 0 || run.Plan.Tier < remediation.Disruptive {
		return g, nil
	}
	err = view(ctx, func(v timeline.View) error {
		i, err := incident.Get(v, run.Incident)
		if err != nil {
			return err
		}
		from, may := run.GlassFrom(i.Severity)
		g.alone, g.never = from, !may
		return nil
	})
	return g, err
}

// glass reports whether breaking the glass would change anything.
func (g gate) glass(run remediation.Run) bool {
	return run.Glass == nil && (g.soft || run.Plan.Tier >= remediation.Disruptive && !g.never)
}

// requested answers with a run that waits for its approval. What the requester may
// confirm themselves asks for that at once, where a surface can.
func requested(r command.Request, run remediation.Run, g gate, specs []remediation.Spec) command.Reply {
	return command.Reply{
		Text:   planText(run.Plan, specs) + "\n" + g.awaits(r, run),
		Embeds: []command.Embed{planSteps(run.Plan, r.Bool("commands"))}, Actions: actsOn(r, run, g), Data: run,
		Confirm: run.Status == remediation.Requested && run.Plan.Tier <= remediation.Routine && !g.soft,
	}
}

// awaits says what is asked of whom.
func (g gate) awaits(r command.Request, run remediation.Run) string {
	head := fmt.Sprintf("**%s**, plan %s, ", run.ID, command.Code(remediation.ShortHash(run.Hash)))
	if run.Status != remediation.Requested {
		return head + "is " + string(run.Status) + "."
	}
	if head += "waits"; !run.Expires.IsZero() {
		head += " until " + r.FormatTime(run.Expires)
	}
	asker := command.Escape(run.Requester.Display())
	var lines []string
	switch {
	case run.Plan.Tier <= remediation.Routine:
		lines = append(lines, head+" for a confirmation: "+asker+", or anybody else who may.")
	case len(g.others) == 0:
		lines = append(lines, head+" for an approval. Nobody else may approve it: "+asker+" may break the glass at once, with a reason.")
	default:
		lines = append(lines, head+" for a second person: "+command.Escape(anyOf(g.others))+".")
	}
	if run.Plan.Tier == remediation.Destructive {
		lines = append(lines, fmt.Sprintf("Whoever approves types the last four characters of %s.", command.Code(run.Plan.Target.Name)))
	}
	switch {
	case run.Glass != nil:
		lines = append(lines, fmt.Sprintf("%s broke the glass at %s and may approve it now: %s", command.Escape(run.Glass.By.Display()), r.FormatTime(run.Glass.At), command.Escape(run.Glass.Reason)))
	case g.soft:
		lines = append(lines, "It is refused until somebody breaks the glass with a reason; that is reviewed afterwards.")
	case g.never:
		lines = append(lines, "The glass is for SEV1 and SEV2: raise the severity if it is worse, with `/incident severity`.")
	case !g.alone.IsZero():
		lines = append(lines, "When nobody answers, "+asker+" may break the glass from "+r.FormatTime(g.alone)+" on.")
	}
	return strings.Join(lines, "\n")
}

// anyOf names the first few: "chris, lena or 3 others".
func anyOf(names []string) string {
	const most = 3
	shown := names[:min(len(names), most)]
	if more := len(names) - most; more > 0 {
		return strings.Join(shown, ", ") + " or " + count(more, "other")
	}
	if len(shown) == 1 {
		return shown[0]
	}
	return strings.Join(shown[:len(shown)-1], ", ") + " or " + shown[len(shown)-1]
}

// actsOn are what can be done with a run whose plan or steps are shown: what its room
// offers, too, and to see the commands of the steps, unless they are shown.
func actsOn(r command.Request, run remediation.Run, g gate) (acts []command.Action) {
	for _, a := range room.RunActs(run, g.glass(run)) {
		if a.Ask.Path != "run show" {
			acts = append(acts, a)
		}
	}
	if r.Bool("commands") {
		return acts
	}
	return append(acts, command.Action{Label: "Show with commands", Ask: command.Ask{Path: "run show", Options: map[string]string{"run": string(run.ID), "commands": "yes"}}})
}
