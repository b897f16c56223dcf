package commands

import (
	"context"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/suggest"
	"wardroom/bot/timeline"
	"wardroom/bot/watch"
)

// incidentDesk is what the incident commands need of [incident.Desk].
type incidentDesk interface {
	Get(ctx context.Context, id timeline.ID) (incident.Incident, error)
	View(ctx context.Context, read func(timeline.View) error) error
	Declare(ctx context.Context, who incident.Who, d incident.Declaration) (incident.Incident, error)
	Acknowledge(ctx context.Context, who incident.Who, id timeline.ID) (i incident.Incident, already bool, err error)
	SetSeverity(ctx context.Context, who incident.Who, id timeline.ID, to alert.Severity, reason string) (incident.Incident, error)
	SetStatus(ctx context.Context, who incident.Who, id timeline.ID, to incident.Status, at time.Time, reason string) (incident.Incident, error)
	Resolve(ctx context.Context, who incident.Who, id timeline.ID, at time.Time, reason string) (incident.Incident, error)
	Close(ctx context.Context, who incident.Who, id timeline.ID, reason string) (incident.Incident, error)
	Reopen(ctx context.Context, who incident.Who, id timeline.ID, reason string) (incident.Incident, error)
	Park(ctx context.Context, who incident.Who, id timeline.ID, until time.Time, condition string) (incident.Incident, error)
	Unpark(ctx context.Context, who incident.Who, id timeline.ID, reason string) (incident.Incident, error)
	Assign(ctx context.Context, who incident.Who, id timeline.ID, role, person string) (incident.Incident, error)
	ClaimStart(ctx context.Context, who incident.Who, id timeline.ID, at time.Time, why string) (incident.Incident, error)
	Retitle(ctx context.Context, who incident.Who, id timeline.ID, title string) (incident.Incident, error)
	Note(ctx context.Context, who incident.Who, id timeline.ID, note incident.Noted, at time.Time) (timeline.Entry, error)
	Link(ctx context.Context, who incident.Who, id timeline.ID, link incident.Link) (incident.Incident, error)
	Merge(ctx context.Context, who incident.Who, from, into timeline.ID) (incident.Incident, error)
	Unmerge(ctx context.Context, who incident.Who, id timeline.ID) (incident.Incident, error)
	Move(ctx context.Context, who incident.Who, from timeline.ID, keys []string, to timeline.ID, reason string) (incident.Incident, error)
}

// Options that many commands share. Named is for after a text, which takes
// every word that is left.
var (
	theIncident   = command.Option{Name: "incident", Help: "Which incident; left out: the room's, or the only open one", Type: command.Incident, Positional: true}
	namedIncident = command.Option{Name: "incident", Help: theIncident.Help, Type: command.Incident}
	aReason       = command.Option{Name: "reason", Help: "Why; stands in the timeline", Type: command.String}
	severities    = []string{"SEV1", "SEV2", "SEV3", "SEV4"}
)

// NotBack compares the cluster with how it was before an incident began.
type NotBack func(ctx context.Context, id timeline.ID) (watch.Comparison, error)

// Incident is `/incident`: what people do with incidents. notBack and resolver may be
// nil where there is no cluster.
func Incident(desk incidentDesk, notBack NotBack, resolver *suggest.Resolver) []command.Command {
	c := incidents{desk, notBack, resolver}
	return append(append(c.begin(), c.progress()...), append(c.end(), c.together()...)...)
}

type incidents struct {
	desk     incidentDesk
	notBack  NotBack
	resolver *suggest.Resolver // of what alerts are about
}

// begin declares what opens, takes over and describes an incident.
func (c incidents) begin() []command.Command {
	return []command.Command{{
		Path:        "incident declare",
		Summary:     "Open an incident, also without any alert",
		Description: "For what no alert has noticed. Alerts that fire in the next minutes join it. SEV1 is the worst; SEV2 is what a page opens.",
		Examples:    []string{"/incident declare title:HTTP 524 on the site", "/incident declare title:Bot is offline severity:SEV1 at:00:25"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{
			{Name: "title", Help: "What is broken, in a few words", Type: command.String, Required: true, Positional: true},
			{Name: "severity", Help: "How bad it is", Type: command.Choice, Choices: severities, Default: "SEV2"},
			{Name: "at", Help: "When it began, as 00:25 or 10m ago; left out: now", Type: command.Time},
			{Name: "why", Help: "How you know when it began", Type: command.String},
		},
		Form:   declareForm(),
		Handle: c.declare,
	}, {
		Path:     "incident ack",
		Summary:  "Say that you have seen it and are on it",
		Examples: []string{"/incident ack", "/incident ack incident:INC-7"},
		Access:   people.Responder, Records: true,
		Options: []command.Option{theIncident},
		Handle:  c.ack,
	}, {
		Path:        "incident assign",
		Summary:     "Give somebody a role; without a name yourself",
		Description: "The lead decides. Other roles are free words: scribe, comms.",
		Examples:    []string{"/incident assign", "/incident assign person:joe", "/incident assign person:chris role:scribe", "/incident assign role:scribe nobody:yes"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{
			{Name: "person", Help: "Who; left out: you", Type: command.Person, Default: "me", Positional: true},
			{Name: "role", Help: "Which role; left out: lead", Type: command.String, Default: incident.RoleLead, Complete: completeRole},
			{Name: "nobody", Help: "Take the role back instead", Type: command.Bool},
			namedIncident,
		},
		Form:   assignForm(),
		Handle: c.assign,
	}, {
		Path:     "incident severity",
		Summary:  "Say how bad it is",
		Examples: []string{"/incident severity severity:SEV1", "/incident severity severity:SEV3 reason:only the forum is slow"},
		Access:   people.Responder, Records: true,
		Options: []command.Option{
			{Name: "severity", Help: "How bad it is; SEV1 is the worst", Type: command.Choice, Choices: severities, Required: true, Positional: true},
			theIncident, aReason,
		},
		Form:   severityForm(),
		Handle: c.severity,
	}, {
		Path:     "incident title",
		Summary:  "Give it a better title",
		Examples: []string{"/incident title title:Volumes do not attach after the recycle"},
		Access:   people.Responder, Records: true,
		Options: []command.Option{
			{Name: "title", Help: "What is broken, in a few words", Type: command.String, Required: true, Positional: true},
			namedIncident,
		},
		Form:   titleForm(),
		Handle: c.title,
	}, {
		Path:        "incident start",
		Summary:     "Say when it really began",
		Description: "Not after it was detected. What the public reads is set with `/status backdate`.",
		Examples:    []string{"/incident start at:00:25", "/incident start at:00:25 why:the first HTTP 524 in the logs"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{
			{Name: "at", Help: "When, as 00:25 or 2021-07-11 00:25", Type: command.Time, Required: true, Positional: true},
			{Name: "why", Help: "How you know", Type: command.String},
			namedIncident,
		},
		Form:   startForm(),
		Handle: c.start,
	}, {
		Path:     "incident list",
		Summary:  "List the open incidents, the worst first",
		Examples: []string{"/incident list", "/incident list all:yes"},
		Access:   people.Viewer,
		Options:  []command.Option{{Name: "all", Help: "Also those that are over", Type: command.Bool}},
		Handle:   c.list,
	}, {
		Path:     "incident show",
		Summary:  "Show where an incident stands",
		Examples: []string{"/incident show", "/incident show incident:INC-7"},
		Access:   people.Viewer,
		Options:  []command.Option{theIncident},
		Handle:   c.show,
	}, c.actsCommand()}
}

// progress declares what is told of an incident while it runs.
func (c incidents) progress() []command.Command {
	return []command.Command{{
		Path:     "incident status",
		Summary:  "Say how far you are: investigating, identified, monitoring",
		Examples: []string{"/incident status status:identified", "/incident status status:monitoring at:10m ago"},
		Access:   people.Responder, Records: true,
		Options: []command.Option{
			{Name: "status", Help: "How far you are", Type: command.Choice, Required: true, Positional: true,
				Choices: []string{string(incident.Investigating), string(incident.Identified), string(incident.Monitoring), string(incident.Resolved), string(incident.Closed)}},
			theIncident,
			{Name: "at", Help: "Since when; left out: now", Type: command.Time}, aReason,
		},
		Form:   statusChangeForm(),
		Handle: c.status,
	}, {
		Path:        "incident note",
		Summary:     "Write something into the timeline",
		Description: "The same as `/timeline add`.",
		Examples:    []string{"/incident note text:Support ticket opened at Linode", "/incident note at:06:36 text:Python is offline"},
		Access:      people.Responder, Records: true,
		Options: noteOptions(namedIncident),
		Form:    noteForm(),
		Handle:  func(ctx context.Context, r command.Request) (command.Reply, error) { return addNote(ctx, c.desk, r) },
	}, {
		Path:     "incident link",
		Summary:  "Keep the address of something that belongs to it",
		Examples: []string{"/incident link url:https://grafana.example.org/d/abc text:connections"},
		Access:   people.Responder, Records: true,
		Options: []command.Option{
			{Name: "url", Help: "The address, from https:// on", Type: command.String, Required: true, Positional: true},
			{Name: "text", Help: "What is there", Type: command.String, Positional: true},
			namedIncident,
		},
		Form:   linkForm(),
		Handle: c.link,
	}, {
		Path:        "incident park",
		Summary:     "Set it aside until a time or until something happened",
		Description: "At the time, or when the condition is `alerts resolved`, it is taken up again by itself; any other condition waits for `/incident unpark`. A new SEV1 alert ends it as well.",
		Examples:    []string{"/incident park until:09:00", "/incident park until:alerts resolved", "/incident park until:Linode answers the ticket"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{
			{Name: "until", Help: "Until when: 09:00, 2h, tomorrow 09:00, alerts resolved, or in words", Type: command.String, Required: true, Positional: true, Complete: completePark},
			namedIncident,
		},
		Form:   parkForm(),
		Handle: c.park,
	}, {
		Path:     "incident unpark",
		Summary:  "Take a parked incident up again",
		Examples: []string{"/incident unpark", "/incident unpark reason:Linode has answered"},
		Access:   people.Responder, Records: true,
		Options: []command.Option{theIncident, aReason},
		Handle:  c.unpark,
	}}
}

// end declares what ends an incident and takes it up again.
func (c incidents) end() []command.Command {
	return []command.Command{{
		Path:        "incident resolve",
		Summary:     "Say that it is over",
		Description: "With the time when it really ended. What was Ready before it began and is not now is shown first, and asks you to confirm. Alerts that still fire and what was left behind are named in the answer; they do not stop you.",
		Examples:    []string{"/incident resolve", "/incident resolve at:07:05 reason:volumes are attached again"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{theIncident, {Name: "at", Help: "When it ended; left out: now", Type: command.Time}, aReason,
			{Name: "anyway", Help: "Although not everything is back", Type: command.Bool}},
		Form:   endForm(),
		Handle: c.resolve,
	}, {
		Path:     "incident close",
		Summary:  "Say that nothing is left to do for a resolved incident",
		Examples: []string{"/incident close", "/incident close incident:INC-7 reason:the post-mortem is published"},
		Access:   people.Responder, Records: true,
		Options: []command.Option{theIncident, aReason},
		Handle:  c.close,
	}, {
		Path:     "incident reopen",
		Summary:  "Take a resolved or closed incident up again",
		Examples: []string{"/incident reopen incident:INC-7 reason:redis is down again"},
		Access:   people.Responder, Records: true,
		Options: []command.Option{theIncident, aReason},
		Handle:  c.reopen,
	}}
}

// together declares what puts incidents together and takes them apart.
func (c incidents) together() []command.Command {
	return []command.Command{{
		Path:        "incident merge",
		Summary:     "End one incident in favour of another",
		Description: "Its alerts move, its timeline stays where it is and points onward. `/incident unmerge` undoes it.",
		Examples:    []string{"/incident merge from:INC-8 into:INC-7"},
		Access:      people.Lead, Records: true,
		Options: []command.Option{
			{Name: "from", Help: "The incident that ends", Type: command.Incident, Required: true, Positional: true},
			{Name: "into", Help: "The incident that goes on; left out: the room's, or the only open one", Type: command.Incident, Positional: true},
		},
		Form:   mergeForm(),
		Handle: c.merge,
	}, {
		Path:        "incident unmerge",
		Summary:     "Take a merged incident apart again",
		Description: "The alerts that it brought along, and that have not moved since, are its own again.",
		Examples:    []string{"/incident unmerge incident:INC-8"},
		Access:      people.Lead, Records: true,
		Options: []command.Option{{Name: "incident", Help: "The incident that was merged away", Type: command.Incident, Required: true, Positional: true}},
		Form:    unmergeForm(),
		Handle:  c.unmerge,
	}, {
		Path:        "incident split",
		Summary:     "Move an alert that does not belong here to an incident of its own",
		Description: "For an alert that joined by mistake. With `into` it moves to an incident that exists.",
		Examples:    []string{"/incident split alert:alertmanager/0af3c1", "/incident split alert:0af3c1 into:INC-9"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{
			{Name: "alert", Help: "Which alert: its key, fingerprint or name", Type: command.String, Required: true, Positional: true, Complete: completeAlert},
			{Name: "into", Help: "Where it moves; left out: a new incident", Type: command.Incident, Default: "none"},
			aReason,
		},
		Form:   splitForm(),
		Handle: c.split,
	}}
}
