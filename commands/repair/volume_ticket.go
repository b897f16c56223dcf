package repair

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// volumeTicket asks the cloud's support for what nobody else can do, as in the night of
// seed 000. What is sent are the words that were approved: they stand in the plan's
// parameters, so that a plan that is made anew has the same.
type volumeTicket struct {
	planner
	stepTable
	support fleet.Support
}

func (volumeTicket) Spec() remediation.Spec {
	return remediation.Spec{
		Name: VolumeTicket, Version: 1, Summary: "Open a support ticket about a volume that the cloud does not let go of", Tier: remediation.Disruptive,
		When:   "A remount does not help: the cloud is busy with the volume for long, or says attached while no machine has the device.",
		Breaks: "Nothing. People outside the team read what is sent.",
		Access: []remediation.Access{{System: cloudSupport, Verb: "read_write", What: "account", Why: stepOpenTicket}},
		NoUndo: "a ticket that was opened stays; it is answered and closed where tickets are read",
	}
}

// cloudSupport is the system whose credential opens tickets: one of its own.
const cloudSupport = "linode support"

const (
	// mostSubject and mostText are the API's limits, in characters; our own texts are far
	// shorter. https://techdocs.akamai.com/linode-api/reference/post-ticket
	mostSubject = 64
	mostText    = 65000
)

func (r volumeTicket) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	spec := r.Spec()
	plan := remediation.Plan{Remediation: spec.Name, Version: spec.Version, Params: maps.Clone(params), Material: map[string]string{}, At: r.clock.Now()}
	snapshot, isOld, err := r.snapshot(ctx)
	if err != nil {
		return plan, err
	}
	volume, err := FindVolume(snapshot, params["volume"])
	if err != nil {
		return plan, err
	}
	diagnosis, facts, err := Diagnose(ctx, r.cluster, r.cloud, snapshot, volume.Name, plan.At)
	if err != nil {
		return plan, err
	}
	// It is not the volume that is held by it: a repair of that may go on meanwhile.
	plan.Target = remediation.Target{Kind: "ticket", Name: volume.Name, Volume: volume.CloudID, UID: volume.Claim.UID}
	tooOld(&plan, snapshot, isOld)
	ticket, err := r.words(ctx, plan.Params, volume, diagnosis, facts)
	if err != nil {
		return plan, err
	}
	plan.Params["subject"], plan.Params["text"] = ticket.Summary, ticket.Body
	plan.Facts = []string{diagnosis.String(), "What is sent, word for word: " + ticket.Summary}
	for line := range strings.Lines(ticket.Body) {
		if line = strings.TrimSpace(line); line != "" {
			plan.Facts = append(plan.Facts, "> "+line)
		}
	}
	judgeTicket(&plan, diagnosis, facts)
	r.others(ctx, &plan, ticket)
	plan.Steps = []remediation.PlannedStep{planOpenTicket(ticket), planTicketThere(ticket)}
	plan.Material["volume "+volume.Name] = fmt.Sprintf("%d, case %s", volume.CloudID, diagnosis.Case)
	settle(&plan, remediation.Disruptive)
	plan.Tier, plan.TierWhy = remediation.Disruptive, "" // what is sent is no less so because pods are down
	return plan, nil
}

// words are what a person has written, or the draft. Known shapes of secrets are
// removed from both.
func (r volumeTicket) words(ctx context.Context, params map[string]string, v fleet.Volume, d fleet.Diagnosis, facts fleet.VolumeFacts) (fleet.Ticket, error) {
	began, tried, err := r.tried(ctx, timeline.ID(params["incident"]), v, d)
	if err != nil {
		return fleet.Ticket{}, err
	}
	t := fleet.DraftTicket(facts, d, tried, began)
	t.Volume = v.CloudID
	if own := params["subject"]; own != "" {
		t.Summary, _ = timeline.Redact(strings.Join(strings.Fields(own), " "))
	}
	if own := params["text"]; own != "" {
		t.Body, _ = timeline.Redact(own)
	}
	switch {
	case utf8.RuneCountInString(t.Summary) > mostSubject:
		return t, problem.New(problem.Invalid, "the subject has %d characters, %s takes %d", utf8.RuneCountInString(t.Summary), cloudName, mostSubject)
	case utf8.RuneCountInString(t.Body) > mostText:
		return t, problem.New(problem.TooLarge, "the text has %d characters, %s takes %d", utf8.RuneCountInString(t.Body), cloudName, mostText)
	}
	return t, nil
}

// tried is what repairs of the incident have come to; nothing where it is not known.
func (r volumeTicket) tried(ctx context.Context, id timeline.ID, v fleet.Volume, d fleet.Diagnosis) (began time.Time, tried []string, err error) {
	if r.past == nil || id == "" {
		return began, nil, nil
	}
	runs, err := r.past(ctx)
	if err != nil {
		return began, nil, err
	}
	var of []remediation.Run
	for _, run := range runs {
		if run.Incident == id {
			of = append([]remediation.Run{run}, of...) // they come the newest first
		}
	}
	return began, Tried(of, v, d.Node), nil
}

// Tried says of each run that acted on a volume, or on the node that needs it, what has
// come of it, in their order.
func Tried(runs []remediation.Run, volume fleet.Volume, node string) (lines []string) {
	for _, run := range runs {
		if run.StartedAt.IsZero() || !touches(run, volume, node) {
			continue
		}
		line := fmt.Sprintf("%s %s: %s", run.StartedAt.UTC().Format("2006-01-02 15:04"), run.Title(), run.Status)
		if !run.EndedAt.IsZero() {
			line += " after " + remediation.Took(run.EndedAt.Sub(run.StartedAt))
		}
		lines = append(lines, line)
	}
	return lines
}

// touches reports whether a run acted on a volume, or on the node that needs it.
func touches(run remediation.Run, volume fleet.Volume, node string) bool {
	switch run.Plan.Target.Kind {
	case "volume":
		return run.Plan.Target.Name == volume.Name
	case "node":
		if strings.EqualFold(run.Plan.Target.Name, node) {
			return true
		}
	}
	for _, held := range run.Plan.Blast.Volumes {
		if held.Volume == volume.Name {
			return true
		}
	}
	return false
}

// judgeTicket adds what the diagnosis says against a ticket.
func judgeTicket(plan *remediation.Plan, d fleet.Diagnosis, facts fleet.VolumeFacts) {
	switch {
	case d.Case == fleet.Unclear:
		found(plan, VolumeUnclear, remediation.Hard, "it heals by itself once both can be read", "%s", d.Says)
	case !d.Case.Sick():
		found(plan, VolumeNotSick, remediation.Hard, "/volume show tells what is seen", "There is nothing to ask support for: %s", d.Says)
	case facts.Cloud == nil:
		found(plan, VolumeGone, remediation.Hard, "/volume ticket drafts it, to be opened by hand about something else", "%s has no such volume that the ticket could be about", cloudName)
	}
}

// others looks for a ticket about the volume that is open already.
func (r volumeTicket) others(ctx context.Context, plan *remediation.Plan, t fleet.Ticket) {
	all, err := r.support.Tickets(ctx)
	switch p, _ := err.(*problem.Error); {
	case problem.Is(err, problem.Forbidden) && p != nil:
		found(plan, TicketTokenMissing, remediation.Hard, p.Hint, "%s", p.Message)
		return
	case err != nil:
		found(plan, TicketsUnread, remediation.Hard, "it heals by itself once "+cloudName+" answers", "Whether there is a ticket about it already cannot be told: %s", sentence(err))
		return
	}
	for _, other := range all {
		if other.Volume == t.Volume && t.Volume != 0 && !other.Closed() {
			found(plan, TicketOpen, remediation.Soft, "read it: "+other.URL, "There is a ticket about it already: %d, open since %s", other.Number, other.Opened.UTC().Format("2006-01-02 15:04 UTC"))
			return
		}
	}
}

// OpenedTickets are the tickets that the newest runs have opened, with their incidents.
func OpenedTickets(v timeline.Reader) (map[int]timeline.ID, error) {
	over, err := ended(v)
	if err != nil {
		return nil, err
	}
	active, err := remediation.ActiveRuns(v)
	if err != nil {
		return nil, err
	}
	opened := map[int]timeline.ID{}
	for _, run := range append(over, active...) {
		if n := number(run.Learned()[LearnedTicket]); n > 0 && run.Plan.Remediation == VolumeTicket {
			opened[n] = run.Incident
		}
	}
	return opened, nil
}
