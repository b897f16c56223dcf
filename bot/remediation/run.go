package remediation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Status of a run.
type Status string

const (
	Requested Status = "requested"  // it waits for an approval
	Approved  Status = "approved"   // it will start as soon as its plan was made anew
	Running   Status = "running"    // its steps are carried out
	Asking    Status = "asking"     // it has stopped and waits for a person's answer
	Aborting  Status = "aborting"   // it ends before its next step
	Done      Status = "done"       // every step is so
	Failed    Status = "failed"     // a step cannot become so
	Aborted   Status = "aborted"    // a person ended it
	TakenOver Status = "taken over" // a person does the rest by hand
	Rejected  Status = "rejected"   // a person refused to approve it
	Expired   Status = "expired"    // nobody approved it in time
)

// Active reports whether something will still come of the run.
func (s Status) Active() bool {
	switch s {
	case Requested, Approved, Running, Asking, Aborting:
		return true
	}
	return false
}

// Run is a plan on its way: the fold of its entries.
type Run struct {
	ID       RunID       `json:"id"`
	Incident timeline.ID `json:"incident"`
	Number   int         `json:"number"`
	Status   Status      `json:"status"`
	Why      string      `json:"why,omitempty"` // of its end
	Plan     Plan        `json:"plan"`          // the newest one
	Hash     string      `json:"hash"`          // of Plan

	Requester   people.Actor `json:"requester"`
	RequestedAt time.Time    `json:"requested_at"` // also of a new request after a drift
	Expires     time.Time    `json:"expires,omitzero"`
	Approvals   []Approval   `json:"approvals,omitempty"` // that count; a drift voids them
	Epoch       int          `json:"epoch,omitempty"`     // how often approvals were voided
	Glass       *Glass       `json:"glass,omitempty"`     // what was broken for it
	Repairs     RunID        `json:"repairs,omitempty"`   // the run whose damage it repairs

	Locks  []string    `json:"locks,omitempty"`  // that it holds now
	Steps  []StepState `json:"steps,omitempty"`  // as Plan.Steps, from run.started on
	Step   int         `json:"step"`             // the current one; len(Steps) when all are done
	Held   string      `json:"held,omitempty"`   // why the next step does not start; ends by itself
	Soft   bool        `json:"soft,omitempty"`   // what holds it is a soft refusal: breaking the glass ends it, too
	Ask    *Question   `json:"ask,omitempty"`    // while it is asking
	Erased bool        `json:"erased,omitempty"` // something that it needs was erased: it cannot go on by itself
	Left   []Leftover  `json:"left,omitempty"`   // what was not as before at its end
	By     string      `json:"by,omitempty"`     // who ended it or took it over

	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// Approval of a run.
type Approval struct {
	By    people.Actor `json:"by"`
	At    time.Time    `json:"at"`
	Alone bool         `json:"alone,omitempty"` // by breaking the glass
}

// Glass is a broken glass.
type Glass struct {
	By     people.Actor `json:"by"`
	At     time.Time    `json:"at"`
	Reason string       `json:"reason,omitempty"`
}

// StepState is how far one step has come.
type StepState struct {
	Mark     Mark              `json:"mark"`
	Started  time.Time         `json:"started,omitzero"`
	Ended    time.Time         `json:"ended,omitzero"`
	Attempts int               `json:"attempts,omitempty"` // requests begun, also those that never arrived
	Accepted bool              `json:"accepted,omitempty"` // the request was answered: it arrived
	Waits    bool              `json:"waits,omitempty"`    // it asks for nothing and only waits
	Late     bool              `json:"late,omitempty"`
	Learned  map[string]string `json:"learned,omitempty"`
}

// Mark of a step.
type Mark string

const (
	Pending Mark = "pending"
	Begun   Mark = "begun"
	So      Mark = "done"
	Wrong   Mark = "failed"
	Unclear Mark = "unsure"
)

// Question is why a run has stopped, and what may be answered.
type Question struct {
	Code     string   `json:"code"`
	Sentence string   `json:"sentence"`
	Answers  []Answer `json:"answers"`
	// Anyway is what is learned by the answer Anyway.
	Anyway map[string]string `json:"anyway,omitempty"`
}

// Answer to a run that has stopped.
type Answer string

const (
	Onward    Answer = "onward"  // look again and go on from what is found
	Again     Answer = "again"   // ask for the step once more; a destructive one needs a new approval
	DoneByMan Answer = "by-hand" // a person made it so: go on with the next step
	Anyway    Answer = "anyway"  // it is not so: go on with the next step all the same
	GiveUp    Answer = "abort"   // end the run
)

// Leftover is something that a run changed and that was not as before when it ended.
type Leftover struct {
	Step    int         `json:"step"` // of the plan, which would put it back
	Planned PlannedStep `json:"planned"`
	Unknown bool        `json:"unknown,omitempty"` // it could not be looked at
}

// Runs holds every run under its id.
var Runs = timeline.Table[Run]{
	Schema: timeline.Schema{Name: "runs", Columns: []string{"incident", "number", "is_active", "ended_at"}},
	Row: func(r Run) (string, []any) {
		var ended int64
		if !r.EndedAt.IsZero() {
			ended = r.EndedAt.UnixMicro()
		}
		return string(r.ID), []any{string(r.Incident), r.Number, r.Status.Active(), ended}
	},
}

// GetRun returns a run; a NotFound problem when there is none.
func GetRun(r timeline.Reader, id RunID) (Run, error) {
	run, known, err := Runs.Get(r, string(id))
	if err == nil && !known {
		err = problem.New(problem.NotFound, "there is no run %s", id).WithHint("`/run list` shows those that there are")
	}
	return run, err
}

// RunsOf returns the runs of an incident, the first one first.
func RunsOf(r timeline.Reader, incident timeline.ID) ([]Run, error) {
	return Runs.Select(r, timeline.Query{Where: []timeline.Where{{Column: "incident", Value: string(incident)}}, OrderBy: "number"})
}

// ActiveRuns returns the runs of all incidents of which something will still come,
// by incident and number.
func ActiveRuns(r timeline.Reader) ([]Run, error) {
	runs, err := Runs.Select(r, timeline.Query{Where: []timeline.Where{{Column: "is_active", Value: true}}})
	slices.SortFunc(runs, func(a, b Run) int {
		if a.Incident != b.Incident {
			return a.Incident.Number() - b.Incident.Number()
		}
		return a.Number - b.Number
	})
	return runs, err
}

// Current is the step that the run is at, and whether there is one.
func (r Run) Current() (PlannedStep, StepState, bool) {
	if r.Step >= len(r.Steps) || r.Step >= len(r.Plan.Steps) {
		return PlannedStep{}, StepState{}, false
	}
	return r.Plan.Steps[r.Step], r.Steps[r.Step], true
}

// Learned is what the steps so far have learned; later ones win.
func (r Run) Learned() map[string]string {
	all := map[string]string{}
	for _, s := range r.Steps {
		maps.Copy(all, s.Learned)
	}
	return all
}

// Title is "recycle-node of lke1-2-abc".
func (r Run) Title() string { return r.Plan.Title() }

// Title is "recycle-node of lke1-2-abc".
func (p Plan) Title() string {
	text := p.Remediation
	if p.Undoes != "" {
		text = "undo of " + string(p.Undoes) + " (" + p.Remediation + ")"
	}
	if p.Target.Name == "" {
		return text
	}
	return text + " of " + p.Target.Name
}

// runID names run n of an incident.
func runID(incident timeline.ID, n int) RunID { return RunID(fmt.Sprintf("%s/run-%d", incident, n)) }

// ParseRunID reads "INC-1/run-2", in any case.
func ParseRunID(s string) (RunID, error) {
	if id, rest, ok := parseRun(s); ok && rest == "" {
		return id, nil
	}
	return "", problem.New(problem.Invalid, "%q is not a run", s).WithHint("write it as INC-1/run-2")
}

// parseRun reads the run that a key begins with.
func parseRun(key string) (id RunID, rest string, ok bool) {
	parts := strings.SplitN(key, "/", 3)
	if len(parts) < 2 {
		return "", "", false
	}
	incident, err := timeline.ParseID(parts[0])
	number, isRun := strings.CutPrefix(strings.ToLower(parts[1]), "run-")
	n, err2 := strconv.Atoi(number)
	if err != nil || err2 != nil || !isRun || n < 1 || !incident.IsIncident() {
		return "", "", false
	}
	if len(parts) == 3 {
		rest = parts[2]
	}
	return runID(incident, n), rest, true
}

// Number of the run within its incident; 0 when it is none.
func (r RunID) Number() int {
	_, number, _ := strings.Cut(string(r), "/run-")
	n, _ := strconv.Atoi(number) // 0 is the answer
	return n
}

// HeldSoftly reports whether the run waits for nothing but a soft refusal, against
// which somebody may break the glass.
func (r Run) HeldSoftly() bool { return r.Status == Running && r.Soft && r.Glass == nil }
