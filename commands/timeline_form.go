package commands

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
)

// correctForm offers the newest entries that can be corrected. Once one is
// chosen, it is filled with what that says.
func correctForm() *command.Form {
	return &command.Form{
		Title: "Put an entry right", Submit: "Correct", Fields: []string{"entry", "text", "at"},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			return entryProposals(v, r, correctable)
		},
		Prefill: func(v timeline.View, r command.Request) (map[string]string, error) {
			ref := r.Entry("entry")
			if ref.IsZero() {
				return nil, nil
			}
			e, err := v.Entry(ref)
			if note, is := e.Payload.(*incident.Noted); is {
				return map[string]string{"text": note.Body}, err
			}
			return nil, err
		},
		Explain: func(v timeline.View, r command.Request) (map[string]string, error) {
			ref := r.Entry("entry")
			if ref.IsZero() {
				return nil, nil
			}
			e, err := v.Entry(ref)
			return map[string]string{"at": "When it happened; it says " + r.TypeTime(e.OccurredAt.Truncate(time.Second))}, err
		},
	}
}

func correctable(e timeline.Entry) bool {
	switch e.Payload.(type) {
	case *incident.Noted, *incident.StartClaimed, *incident.StatusChanged, *incident.Acknowledged:
		return true
	}
	return false
}

func eraseForm() *command.Form {
	return &command.Form{
		Title: "Delete what an entry says, for good", Submit: "Go on", Fields: []string{"entry", "reason"},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			return entryProposals(v, r, func(e timeline.Entry) bool {
				_, erased := e.Payload.(*timeline.Erased)
				return !erased && !e.Kind.IsDelivery()
			})
		},
	}
}

// entryProposals are the newest entries that fit, of the incident asked about or
// of the room. Elsewhere an entry is typed.
func entryProposals(v timeline.View, r command.Request, fits func(timeline.Entry) bool) (map[string][]command.Proposal, error) {
	id := r.Incident("incident")
	if id == "" {
		id = r.Caller.Room
	}
	if id == "" {
		return nil, nil
	}
	head, _, err := v.Head(id)
	if err != nil {
		return nil, err
	}
	const most, stride, farthest = 25, 200, 2000 // a form must be quick
	var found []command.Proposal
	for upto := head.Seq; upto > max(0, head.Seq-farthest) && len(found) < most; upto -= stride {
		after := max(upto-stride, 0)
		chunk, err := v.Entries(id, after, int(upto-after))
		if err != nil {
			return nil, err
		}
		for _, e := range slices.Backward(chunk) {
			if !fits(e) || len(found) == most {
				continue
			}
			_, corrected, err := incident.CorrectedBy(v, e.Ref)
			if err != nil {
				return nil, err
			}
			if corrected {
				continue
			}
			says := strings.Join(strings.Fields(e.Payload.Text()), " ")
			found = append(found, command.Proposal{Value: e.Ref.String(), Help: fmt.Sprintf("%s %s", r.TypeTime(e.OccurredAt.Truncate(time.Second)), says)})
		}
	}
	return map[string][]command.Proposal{"entry": found}, nil
}
