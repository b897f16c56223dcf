package commands

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/suggest"
	"wardroom/bot/timeline"
)

const (
	mostResolved  = 200 // firing alerts of an incident that are held against the cluster
	mostTargets   = 3   // told in one answer
	mostSuggested = 3   // views among an incident's acts: more than that is no help at night
)

// firingOf are the incident's firing alerts, the earliest first.
func firingOf(v timeline.View, id timeline.ID) ([]alert.Current, error) {
	return alert.Table.Select(v, timeline.Query{OrderBy: "starts_at", Limit: mostResolved, Where: []timeline.Where{
		{Column: "incident", Value: string(id)}, {Column: "status", Value: string(alert.Firing)}}})
}

// subject is something that firing alerts are about.
type subject struct {
	suggest.Target
	alerts []string // their names, each once
}

// subjectsOf resolves alerts: lines on what they are about, in their order, and what
// may be looked at because of it, the least disruptive first.
func subjectsOf(ctx context.Context, resolver *suggest.Resolver, alerts []alert.Current) (lines string, views []command.Action) {
	if resolver == nil || len(alerts) == 0 {
		return "", nil
	}
	snapshot := resolver.Look(ctx)
	if snapshot == nil {
		return "\nWhat its alerts are about is UNKNOWN: the cluster cannot be read", nil
	}
	var about []subject
	at := map[string]int{}
	var all []suggest.Suggestion
	for _, a := range alerts {
		target := resolver.Of(snapshot, a.Labels).Target
		if target == nil {
			continue
		}
		i, known := at[target.String()]
		if !known {
			i = len(about)
			at[target.String()] = i
			about = append(about, subject{Target: *target})
			all = append(all, resolver.For(snapshot, *target)...)
		}
		if names := about[i].alerts; len(names) == 0 || names[len(names)-1] != a.Name() {
			about[i].alerts = append(names, a.Name())
		}
	}
	for _, one := range suggest.Ordered(all) {
		if one.Weight == suggest.Look && len(views) < mostSuggested {
			views = append(views, shortened(one.Action))
		}
	}
	return subjectLines(about), views
}

// shortened fits an action's label on a button.
func shortened(a command.Action) command.Action {
	a.Label = clipped(a.Label, 80)
	return a
}

// subjectLines tell what the alerts are about; "" when that is not known.
func subjectLines(about []subject) string {
	var b strings.Builder
	for _, s := range about[:min(len(about), mostTargets)] {
		names := command.Escape(clipped(s.alerts[0], 60))
		if more := len(s.alerts) - 1; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintf(&b, "\nAbout %s **%s**, %s: %s", s.Kind, command.Escape(s.Object.String()), command.Escape(s.State), names)
	}
	if more := len(about) - mostTargets; more > 0 {
		fmt.Fprintf(&b, "\nand %d more: `/alert show` says it of each", more)
	}
	return b.String()
}

// suggested are views that are offered because of what fires.
func suggested(views []command.Action) (all []possible) {
	for _, a := range views {
		all = append(all, possible{a, people.Viewer})
	}
	return all
}

// aboutField says what one alert is about, and what was not taken for it.
func aboutField(r suggest.Resolution) command.Field {
	var lines []string
	if t := r.Target; t != nil {
		lines = append(lines, fmt.Sprintf("%s **%s** (%s)", t.Kind, command.Escape(t.Object.String()), command.Escape(t.Why())))
	}
	for _, not := range r.Refused {
		switch why := command.Escape(clipped(not.Why, 200)); {
		case not.Label != "":
			lines = append(lines, "Not taken: "+command.Code(not.Label+"="+clipped(not.Value, 120))+" "+why)
		case not.Value != "":
			lines = append(lines, "Not taken: "+command.Code(clipped(not.Value, 120))+" "+why)
		default:
			lines = append(lines, "Nothing is named: "+why)
		}
	}
	return command.Field{Name: "About", Value: strings.Join(lines, "\n")}
}

// besideAlert puts suggestions around an alert's own acts: what is looked at after
// the first, what is planned at the end, within the alert's incident.
func besideAlert(a alert.Current, own []command.Action, all []suggest.Suggestion) []command.Action {
	var views, plans []command.Action
	for _, one := range suggest.Ordered(all) {
		act := shortened(one.Action)
		if one.Weight == suggest.Look {
			views = append(views, act)
			continue
		}
		if a.Incident != "" {
			act.Ask.Options = maps.Clone(act.Ask.Options)
			act.Ask.Options["incident"] = string(a.Incident)
		}
		plans = append(plans, act)
	}
	first := min(len(own), 1)
	acts := append(append(append(append([]command.Action{}, own[:first]...), views...), own[first:]...), plans...)
	return acts[:min(len(acts), mostActs)]
}
