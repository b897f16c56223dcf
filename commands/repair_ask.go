package commands

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// repairDesk is what asking for repairs needs of [remediation.Desk].
type repairDesk interface {
	teller
	Plan(ctx context.Context, inc timeline.ID, name string, params map[string]string) (remediation.Plan, error)
	Request(ctx context.Context, who remediation.Who, inc timeline.ID, p remediation.Plan) (remediation.Run, error)
}

// clusterViews is what looking at the cluster needs.
type clusterViews interface {
	Snapshot(ctx context.Context, maxAge time.Duration) (*fleet.Snapshot, error)
	Events(ctx context.Context, about fleet.Object, limit int) ([]fleet.Event, error)
	Logs(ctx context.Context, pod fleet.Object, o fleet.LogOptions) ([]byte, error)
}

// redisViews is what looking at Redis needs.
type redisViews interface {
	Sets() []fleet.RedisSet
	Look(ctx context.Context, set string, pods []string) (fleet.RedisView, error)
}

// RepairOptions of `/node` and `/volume`. A cluster or a cloud that is not there is
// one whose every answer is an Unavailable problem.
type RepairOptions struct {
	Desk    repairDesk
	Cluster clusterViews
	Cloud   fleet.Cloud
	Redis   redisViews // nil: none is declared
	Blast   fleet.BlastOptions
	View    func(context.Context, func(timeline.View) error) error
}

const (
	// seenAge is how old what is shown may be, anyAge what is proposed while typing.
	seenAge = time.Minute
	anyAge  = 365 * 24 * time.Hour
	// proposeWithin bounds what a form waits for proposals.
	proposeWithin = 500 * time.Millisecond
)

// The options that every repair has.
var (
	itsIncident  = command.Option{Name: "incident", Help: "Which incident it belongs to; left out: the room's, or the only open one", Type: command.Incident, Default: "none"}
	dryRunOption = command.Option{Name: "dry-run", Help: "Only show the plan, with its commands", Type: command.Bool}
)

// repairs asks for repairs.
type repairs struct{ RepairOptions }

// asking declares a command that asks for a repair of one target.
type asking struct {
	path, repair, summary, description, example string
	title                                       string // of its form
	target                                      command.Option
	more                                        []command.Option // beside the target, each a parameter of the plan
	ofIncident                                  bool             // the incident is a parameter, too
	propose                                     func(timeline.View, command.Request) (map[string][]command.Proposal, error)
}

func (a repairs) command(c asking) command.Command {
	options, fields := []command.Option{c.target}, []string{c.target.Name}
	for _, o := range c.more {
		options, fields = append(options, o), append(fields, o.Name)
	}
	return command.Command{
		Path: c.path, Summary: c.summary,
		Description: c.description + "\nShows the plan with what it would break, then waits for its approval: nothing is changed before. With `dry-run:yes` it only shows the plan, and nothing is recorded.",
		Examples:    []string{c.example, c.example + " dry-run:yes"}, Access: people.Responder, Records: true, Dry: "dry-run", Timeout: time.Minute,
		Options: append(options, itsIncident, dryRunOption),
		Form:    &command.Form{Title: c.title, Submit: "Show the plan and ask", Fields: fields, Propose: c.propose},
		Handle: func(ctx context.Context, r command.Request) (command.Reply, error) {
			params := paramsOf(r, append([]command.Option{c.target}, c.more...))
			if c.ofIncident {
				id, err := a.about(ctx, r)
				if err != nil {
					return command.Reply{}, err
				}
				if id != "" {
					params["incident"] = string(id)
				}
			}
			return a.ask(ctx, r, c.repair, params)
		},
	}
}

func paramsOf(r command.Request, options []command.Option) map[string]string {
	params := map[string]string{}
	for _, o := range options {
		switch {
		case !r.Has(o.Name):
		case o.Type == command.Int:
			params[o.Name] = strconv.Itoa(r.Int(o.Name))
		default:
			params[o.Name] = r.String(o.Name)
		}
	}
	return params
}

func (a repairs) ask(ctx context.Context, r command.Request, name string, params map[string]string) (command.Reply, error) {
	if r.Bool("dry-run") {
		p, err := a.Desk.Plan(ctx, inRoom(r), name, params)
		if err != nil {
			return command.Reply{}, err
		}
		return dryRun(r, p, a.Desk.Specs()), nil
	}
	id, which, err := a.incident(ctx, r, params)
	if err != nil || id == "" {
		return which, err
	}
	p, err := a.Desk.Plan(ctx, id, name, params)
	if err != nil {
		return command.Reply{}, err
	}
	run, err := a.Desk.Request(ctx, whoRepairs(r), id, p)
	if err != nil {
		return command.Reply{}, wholePlan(err, p, r.Command.Path, params)
	}
	g, err := gateOf(ctx, r, a.Desk, a.View, run)
	return requested(r, run, g, a.Desk.Specs()), err
}

// wholePlan lets the refusal of a plan say how all of it can be seen.
func wholePlan(err error, p remediation.Plan, path string, params map[string]string) error {
	refused, is := errors.AsType[*problem.Error](err)
	if !is || len(p.Against(remediation.Hard)) == 0 {
		return err
	}
	line := "/" + path
	for name, value := range params {
		line += " " + name + ":" + value
	}
	hint := refused.Hint
	if hint != "" {
		hint += "; "
	}
	return refused.WithHint("%sthe whole plan: `%s dry-run:yes`", hint, line)
}

// incident is the one that a repair belongs to: the one named, the room's, or the
// only open one. When several are open the reply asks which, with a button for each.
func (a repairs) incident(ctx context.Context, r command.Request, params map[string]string) (timeline.ID, command.Reply, error) {
	if id := inRoom(r); id != "" {
		return id, command.Reply{}, nil
	}
	var open []incident.Incident
	err := a.View(ctx, func(v timeline.View) (err error) {
		open, err = incident.Open(v)
		return err
	})
	switch {
	case err != nil:
		return "", command.Reply{}, err
	case len(open) == 1:
		return open[0].ID, command.Reply{}, nil
	case len(open) == 0:
		return "", command.Reply{}, problem.New(problem.Conflict, "no incident is open, and a repair belongs to one").WithHint("/incident declare opens one; dry-run:yes only shows the plan")
	}
	ask := command.Reply{Confirm: true, Text: fmt.Sprintf("%d incidents are open, and a repair belongs to one. Nothing was asked for yet: to which does it belong?", len(open)), Data: open}
	for _, i := range open[:min(len(open), mostActs)] {
		options := map[string]string{"incident": string(i.ID)}
		for name, value := range params {
			options[name] = value
		}
		ask.Actions = append(ask.Actions, command.Action{Label: clipped(fmt.Sprintf("%s %s: %s", i.ID, i.Severity, strings.Join(strings.Fields(i.Title), " ")), 80),
			Ask: command.Ask{Path: r.Command.Path, Options: options}, Style: command.Primary})
	}
	return "", ask, nil
}

// about is the incident that a request is about, as [repairs.incident] finds it; ""
// when that is not certain.
func (a repairs) about(ctx context.Context, r command.Request) (id timeline.ID, err error) {
	if id = inRoom(r); id != "" {
		return id, nil
	}
	err = a.View(ctx, func(v timeline.View) error {
		open, err := incident.Open(v)
		if err == nil && len(open) == 1 {
			id = open[0].ID
		}
		return err
	})
	return id, err
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
