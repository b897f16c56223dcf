package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// What the forms of the incident commands ask, and what they propose. What takes
// one tap (acknowledge, close, reopen, take up again) has none.

// form lets an action open its command's form first.
func form(a command.Action) command.Action {
	a.Form = true
	return a
}

// about reads the incident that a form is about; false while that is to be asked.
func about(v timeline.View, r command.Request) (incident.Incident, bool, error) {
	id := r.Incident("incident")
	if !id.IsIncident() {
		return incident.Incident{}, false, nil
	}
	i, err := incident.Get(v, id)
	return i, err == nil, err
}

// prefill fills a form from the incident that it is about.
func prefill(fill func(command.Request, incident.Incident) map[string]string) func(timeline.View, command.Request) (map[string]string, error) {
	return func(v timeline.View, r command.Request) (map[string]string, error) {
		i, ok, err := about(v, r)
		if !ok {
			return nil, err
		}
		return fill(r, i), nil
	}
}

func declareForm() *command.Form {
	return &command.Form{Title: "Open an incident", Submit: "Open", Fields: []string{"severity", "title", "at"}}
}

func assignForm() *command.Form {
	return &command.Form{Title: "Give somebody a role", Submit: "Assign", Fields: []string{"person", "role"}}
}

func severityForm() *command.Form {
	return &command.Form{
		Title: "How bad is it?", Submit: "Set", Fields: []string{"severity", "reason"},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			i, _, err := about(v, r)
			var all []command.Proposal
			for n, word := range severities {
				p := command.Proposal{Value: word, Help: severityHelp[n]}
				if i.Severity.String() == word {
					p.Help += "; it is this now"
				}
				all = append(all, p)
			}
			return map[string][]command.Proposal{"severity": all}, err
		},
		Prefill: prefill(func(_ command.Request, i incident.Incident) map[string]string {
			return map[string]string{"severity": i.Severity.String()}
		}),
	}
}

var severityHelp = []string{"the worst: pages at once", "pages at once", "somebody looks soon", "can wait"}

func titleForm() *command.Form {
	return &command.Form{
		Title: "Rename the incident", Submit: "Rename", Fields: []string{"title"},
		Prefill: prefill(func(_ command.Request, i incident.Incident) map[string]string {
			return map[string]string{"title": i.Title}
		}),
	}
}

// startForm is filled with the best evidence before the start that is believed now.
func startForm() *command.Form {
	best := func(v timeline.View, r command.Request) (statuspage.Evidence, error) {
		i, ok, err := about(v, r)
		if !ok {
			return statuspage.Evidence{}, err
		}
		found, err := statuspage.Propose(v, i.ID, nil)
		if err != nil || len(found) == 0 {
			return statuspage.Evidence{}, err
		}
		return found[0], nil
	}
	return &command.Form{
		Title: "When did it really begin?", Submit: "Set", Fields: []string{"at", "why"},
		Prefill: func(v timeline.View, r command.Request) (map[string]string, error) {
			e, err := best(v, r)
			if err != nil || e.At.IsZero() {
				return nil, err
			}
			return map[string]string{"at": r.TypeTime(e.At)}, nil
		},
		Explain: func(v timeline.View, r command.Request) (map[string]string, error) {
			e, err := best(v, r)
			if err != nil || e.At.IsZero() {
				return nil, err
			}
			return map[string]string{"at": "When? " + e.Why}, nil
		},
	}
}

func statusChangeForm() *command.Form {
	return &command.Form{
		Title: "How far are you?", Submit: "Set", Fields: []string{"status", "at", "reason"},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			i, ok, err := about(v, r)
			if !ok {
				return nil, err
			}
			if i.Status == incident.Closed {
				return nil, problem.New(problem.Conflict, "%s is closed", i.ID).WithHint("`/incident reopen %s` takes it up again", i.ID)
			}
			return map[string][]command.Proposal{"status": nextStatuses(i)}, nil
		},
	}
}

// nextStatuses are those that an incident can be brought to, with what they mean.
func nextStatuses(i incident.Incident) []command.Proposal {
	all := []command.Proposal{
		{Value: string(incident.Investigating), Help: "the cause is not known"},
		{Value: string(incident.Identified), Help: "the cause is known, it is not repaired"},
		{Value: string(incident.Monitoring), Help: "repaired; does it hold?"},
		{Value: string(incident.Resolved), Help: "it is over"},
	}
	if i.Status == incident.Resolved {
		return []command.Proposal{{Value: string(incident.Closed), Help: "nothing is left to do"}}
	}
	return slices.DeleteFunc(all, func(p command.Proposal) bool { return p.Value == string(i.Status) })
}

func noteForm() *command.Form {
	return &command.Form{Title: "A note for the timeline", Submit: "Note", Fields: []string{"text", "at"}}
}

func linkForm() *command.Form {
	return &command.Form{Title: "Keep an address", Submit: "Keep", Fields: []string{"url", "text"}}
}

func parkForm() *command.Form {
	return &command.Form{
		Title: "Until when is it set aside?", Submit: "Park", Fields: []string{"until"},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			i, ok, err := about(v, r)
			var all []command.Proposal
			if ok && i.Alerts.Firing > 0 {
				all = append(all, command.Proposal{Value: incident.UntilAlertsResolved, Help: fmt.Sprintf("%d fire now", i.Alerts.Firing)})
			}
			for _, p := range []command.Proposal{{Value: "1h"}, {Value: "4h"}, {Value: "09:00", Help: "the next one"}, {Value: "18:00", Help: "the next one"}, {Value: "1d"}} {
				all = append(all, p)
			}
			return map[string][]command.Proposal{"until": all}, err
		},
	}
}

// endForm asks when it ended. Why is filled with what the alerts say.
func endForm() *command.Form {
	return &command.Form{
		Title: "It is over", Submit: "Resolve", Fields: []string{"at", "reason"},
		Prefill: prefill(func(_ command.Request, i incident.Incident) map[string]string {
			if i.Alerts.Total == 0 || i.Alerts.Firing > 0 {
				return nil
			}
			return map[string]string{"reason": "No alert fires any more"}
		}),
		Explain: func(v timeline.View, r command.Request) (map[string]string, error) {
			i, ok, err := about(v, r)
			if !ok || i.Alerts.Firing == 0 {
				return nil, err
			}
			return map[string]string{"reason": fmt.Sprintf("Why? %d of %s firing still", i.Alerts.Firing, count(i.Alerts.Total, "alert"))}, nil
		},
	}
}

func mergeForm() *command.Form {
	return &command.Form{
		Title: "End one incident in favour of another", Submit: "Merge", Fields: []string{"from", "into"},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			into := r.Incident("into")
			from, err := openBut(v, into)
			if err == nil && len(from) == 0 {
				err = problem.New(problem.Conflict, "no other incident is open, so there is nothing to merge")
			}
			if err != nil {
				return nil, err
			}
			others, err := openBut(v, r.Incident("from"))
			return map[string][]command.Proposal{"from": from, "into": others}, err
		},
		Prefill: func(v timeline.View, r command.Request) (map[string]string, error) {
			into := r.Incident("into")
			from, err := openBut(v, into)
			if err != nil || len(from) != 1 {
				return map[string]string{"into": string(into)}, err
			}
			return map[string]string{"into": string(into), "from": from[0].Value}, nil
		},
	}
}

func openBut(v timeline.View, id timeline.ID) ([]command.Proposal, error) {
	open, err := incident.Open(v)
	found := make([]command.Proposal, 0, len(open))
	for _, i := range open {
		if i.ID != id {
			found = append(found, command.Proposal{Value: string(i.ID), Help: i.Title})
		}
	}
	return found, err
}

// unmergeForm offers what was merged away, the newest first.
func unmergeForm() *command.Form {
	return &command.Form{
		Title: "Take a merged incident apart", Submit: "Unmerge", Fields: []string{"incident"},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			over, err := incident.Table.Select(v, timeline.Query{OrderBy: "number", Desc: true, Limit: 500, Where: []timeline.Where{{Column: "is_open", Value: false}}})
			var found []command.Proposal
			for _, i := range over {
				if i.MergedInto != "" && (r.Caller.Room == "" || i.MergedInto == r.Caller.Room || i.ID == r.Caller.Room) {
					found = append(found, command.Proposal{Value: string(i.ID), Help: fmt.Sprintf("in %s: %s", i.MergedInto, i.Title)})
				}
			}
			if err == nil && len(found) == 0 {
				err = problem.New(problem.Conflict, "no incident was merged away")
			}
			return map[string][]command.Proposal{"incident": found}, err
		},
	}
}

// splitForm offers the alerts of the room first.
func splitForm() *command.Form {
	return &command.Form{
		Title: "Which alert does not belong here?", Submit: "Move", Fields: []string{"alert", "into"},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			alerts, err := alertProposals(v, r.Caller.Room)
			if err != nil {
				return nil, err
			}
			into, err := openBut(v, r.Caller.Room)
			return map[string][]command.Proposal{"alert": alerts, "into": into}, err
		},
	}
}

// alertProposals are the alerts that fire: those of the incident first, then the
// newest. They go by their names where that says which one is meant, else by
// their keys.
func alertProposals(v timeline.View, of timeline.ID) ([]command.Proposal, error) {
	rows, err := firing(v)
	slices.SortStableFunc(rows, func(a, b alert.Current) int {
		switch {
		case of == "" || (a.Last.Incident == of) == (b.Last.Incident == of):
			return 0
		case a.Last.Incident == of:
			return -1
		}
		return 1
	})
	called := map[string]int{}
	for _, a := range rows {
		called[a.Name()]++
	}
	found := make([]command.Proposal, 0, len(rows))
	for _, a := range rows {
		name, says := a.Name(), strings.Join(strings.Fields(a.Summary()), " ")
		if called[name] == 1 && name == strings.Join(strings.Fields(name), " ") && len(name) <= 100 {
			found = append(found, command.Proposal{Value: name, Help: says})
			continue
		}
		found = append(found, command.Proposal{Value: a.Key(), Help: strings.TrimSuffix(name+": "+says, ": ")})
	}
	return found, err
}

// firing are the alerts that fire, the newest first.
func firing(v timeline.View) ([]alert.Current, error) {
	return alert.Table.Select(v, timeline.Query{Where: []timeline.Where{{Column: "status", Value: string(alert.Firing)}}, OrderBy: "starts_at", Desc: true, Limit: 200})
}

func completeSilence(_ context.Context, _ timeline.View, typed string) []string {
	return beginning([]string{"2h", "30m", "8h", "1d", "7d"}, typed)
}
