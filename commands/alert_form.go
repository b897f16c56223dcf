package commands

import (
	"fmt"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
)

func whichAlertForm(title, submit string) *command.Form {
	return &command.Form{Title: title, Submit: submit, Fields: []string{"alert"}, Propose: proposeAlerts}
}

func proposeAlerts(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
	all, err := alertProposals(v, r.Caller.Room)
	return map[string][]command.Proposal{"alert": all}, err
}

// silenceForm gives the incident that the alert belongs to, or that of the room,
// as the reason: while somebody is on it that is why nobody wants to hear more.
func silenceForm() *command.Form {
	return &command.Form{
		Title: "Let an alert not be heard for a while", Submit: "Silence", Fields: []string{"alert", "for", "reason"}, Propose: proposeAlerts,
		Prefill: func(v timeline.View, r command.Request) (map[string]string, error) {
			id := r.Caller.Room
			if r.Has("alert") {
				a, err := findAlert(v, r.String("alert"))
				if err != nil {
					return nil, err
				}
				id = a.Last.Incident
			}
			if id == "" {
				return nil, nil
			}
			i, err := incident.Get(v, id)
			if err != nil || !i.Open() || i.NeedsAck() {
				return nil, err
			}
			return map[string]string{"reason": fmt.Sprintf("%s is being worked on", i.ID)}, nil
		},
	}
}
