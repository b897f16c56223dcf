package oncall

import (
	"fmt"
	"time"

	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// ApprovalsName is the follower that pages who may approve. It is stored with its
// cursors and never changes.
const ApprovalsName = "oncall/approvals"

// KindAsked wakes somebody for an approval.
const KindAsked = timeline.Kind("oncall.asked")

// mostAsked is how many persons are woken for one approval.
const mostAsked = 3

// Asked wakes a person to approve a repair, once. It tells nothing from outside.
type Asked struct {
	Person string            `json:"person"`
	Run    remediation.RunID `json:"run"`
	Until  time.Time         `json:"until,omitzero"` // when the request expires
}

func (*Asked) Kind() timeline.Kind { return KindAsked }
func (a *Asked) Text() string {
	return fmt.Sprintf("Paged %s: %s waits for an approval", a.Person, a.Run)
}

// Approvals pages the others when somebody asks for a repair that takes a second
// person, in an incident that wakes people. Register it as a decider.
type Approvals struct {
	// Approvers are the persons who may approve, whoever is on call first.
	Approvers func(now time.Time, r remediation.Run) []string
	Reached   func(person string) bool // whether a page reaches them
}

// Decide records whom to wake.
func (a *Approvals) Decide(v timeline.View, entries []timeline.Entry) (d timeline.Decision, err error) {
	for _, e := range entries {
		var id remediation.RunID
		switch p := e.Payload.(type) {
		case *remediation.RunRequested:
			id = p.Run
		case *remediation.RunDrifted:
			if !p.Shrunk {
				id = p.Run
			}
		case *remediation.RunResumed:
			if p.Renew {
				id = p.Run
			}
		}
		if id == "" {
			continue
		}
		wake, err := a.wake(v, e, id)
		if err != nil {
			return timeline.Decision{}, err
		}
		d.Entries = append(d.Entries, wake...)
	}
	return d, nil
}

func (a *Approvals) wake(v timeline.View, e timeline.Entry, id remediation.RunID) (drafts []timeline.Draft, err error) {
	i, err := incident.Get(v, e.Timeline)
	if err != nil || !severe(i.Severity) {
		return nil, ignoreMissing(err)
	}
	r, err := remediation.GetRun(v, id)
	if err != nil || !AwaitsSecond(r) {
		return nil, ignoreMissing(err)
	}
	for _, person := range a.Approvers(v.Now(), r) {
		if a.Reached(person) && len(drafts) < mostAsked {
			drafts = append(drafts, timeline.Draft{Timeline: e.Timeline, Cause: e.Ref, Payload: &Asked{Person: person, Run: id, Until: r.Expires}})
		}
	}
	return drafts, nil
}

// AwaitsSecond reports whether a run waits for somebody else's approval.
func AwaitsSecond(r remediation.Run) bool {
	return r.Status == remediation.Requested && r.Plan.Tier >= remediation.Disruptive
}

func ignoreMissing(err error) error {
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	return err
}
