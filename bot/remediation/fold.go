package remediation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// RunFold keeps the table of runs. It goes by the kind and the effects of an entry,
// which an erasure leaves: so a run whose texts were erased is still where it was. A
// run that misses something that it needs, its plan or what a step learned, is
// marked and stops before its next step.
var RunFold = timeline.Fold{Name: "runs", Tables: []timeline.Schema{Runs.Schema}, Apply: applyRun}

const (
	lockPrefix   = "lock/"
	stepPrefix   = "step-"
	answerPrefix = "answer-"
	expirySuffix = "expiry"
	lateSuffix   = "late"
	aboutSuffix  = "about"
)

// key is one of the run's own keys, for claims and timers.
func (r RunID) key(suffix string) string { return string(r) + "/" + suffix }

func (r RunID) stepKey(step int) string { return r.key(stepPrefix + strconv.Itoa(step+1)) }

// onceKey is held from the request of a destructive step on, for each approval.
func (r Run) onceKey(step int) string {
	return r.ID.key(fmt.Sprintf("once-%d-%d", r.Epoch, step+1))
}

// subject is what an entry is about, as its effects have it.
type subject struct {
	run    RunID
	step   int // -1: none
	answer Answer
	found  bool
}

func subjectOf(fx timeline.Effects) subject {
	s := subject{step: -1}
	look := func(key string) {
		id, rest, ok := parseRun(key)
		if !ok {
			return
		}
		s.run, s.found = id, true
		if n, isStep := strings.CutPrefix(rest, stepPrefix); isStep {
			if step, err := strconv.Atoi(n); err == nil {
				s.step = step - 1
			}
		}
		if a, isAnswer := strings.CutPrefix(rest, answerPrefix); isAnswer {
			s.answer = Answer(a)
		}
	}
	for _, k := range fx.Take {
		look(k)
	}
	for _, k := range fx.Release {
		look(k)
	}
	for _, k := range fx.Clear {
		look(k)
	}
	for _, t := range fx.Set {
		look(t.Key)
	}
	return s
}

func applyRun(w timeline.Writer, e timeline.Entry) error {
	if !strings.HasPrefix(string(e.Kind), "run.") && !strings.HasPrefix(string(e.Kind), "step.") && e.Kind != kindGlass {
		return nil
	}
	s := subjectOf(e.Effects)
	if !s.found || s.run.Incident() != e.Timeline {
		return nil // a refusal of what never became a run
	}
	r, known, err := Runs.Get(w, string(s.run))
	if err != nil {
		return err
	}
	if !known {
		r = Run{ID: s.run, Incident: e.Timeline, Number: s.run.Number(), Status: Requested, RequestedAt: e.RecordedAt, Requester: e.Actor}
	}
	if _, gone := e.Payload.(*timeline.Erased); gone {
		r.Erased = r.Erased || needed[e.Kind]
	}
	r.holds(e.Effects)
	if strings.HasPrefix(string(e.Kind), "step.") {
		r.applyStep(e, s.step)
	} else {
		r.apply(e, s.answer)
	}
	return Runs.Put(w, r)
}

const kindGlass = timeline.Kind("breakglass.used")

// needed are the kinds without whose payload a run cannot go on.
var needed = map[timeline.Kind]bool{"run.planned": true, "step.accepted": true, "step.done": true}

// holds keeps the locks and the deadline in step with claims and timers.
func (r *Run) holds(fx timeline.Effects) {
	for _, k := range fx.Release {
		r.Locks = slices.DeleteFunc(r.Locks, func(l string) bool { return l == k })
	}
	for _, k := range fx.Take {
		if strings.HasPrefix(k, lockPrefix) {
			r.Locks = append(r.Locks, k)
		}
	}
	for _, t := range fx.Set {
		if t.Key == r.ID.key(expirySuffix) {
			r.Expires = t.Due
		}
	}
}

func (r *Run) apply(e timeline.Entry, answer Answer) {
	switch e.Kind {
	case "run.planned":
		r.Plan, r.Hash = Plan{}, ""
		if p, ok := e.Payload.(*RunPlanned); ok {
			r.Plan, r.Hash = p.Plan, p.Hash
		}
	case "run.requested":
		r.Requester, r.RequestedAt = e.Actor, e.RecordedAt
		if p, ok := e.Payload.(*RunRequested); ok {
			r.Repairs = p.Repairs
		}
	case "run.approved":
		r.Status = Approved
		p, _ := e.Payload.(*RunApproved)
		r.Approvals = append(r.Approvals, Approval{By: e.Actor, At: e.RecordedAt, Alone: p != nil && p.Alone})
	case kindGlass:
		r.Glass = &Glass{By: e.Actor, At: e.RecordedAt}
		if p, ok := e.Payload.(*GlassBroken); ok {
			r.Glass.Reason = p.Reason
		}
	case "run.drifted":
		// A new deadline says that the approvals are void.
		if len(e.Effects.Set) > 0 {
			r.renew(e)
		}
	case "run.started":
		r.Status, r.Expires = Running, time.Time{}
		if r.StartedAt.IsZero() {
			r.StartedAt = e.RecordedAt
		}
		r.at(len(r.Plan.Steps) - 1)
	case "run.held":
		r.Held, r.Soft = "", false
		if p, ok := e.Payload.(*RunHeld); ok {
			r.Held, r.Soft = p.Why, p.Soft
		}
	case "run.resumed":
		r.resume(e, answer)
	case "run.aborting":
		r.Status, r.Ask, r.By = Aborting, nil, e.Actor.Display()
		if p, ok := e.Payload.(*RunAborting); ok {
			r.Why = p.Reason
		}
	default:
		r.end(e)
	}
}

// renew voids the approvals.
func (r *Run) renew(e timeline.Entry) {
	r.Status, r.Approvals, r.Glass, r.RequestedAt = Requested, nil, nil, e.RecordedAt
	r.Epoch++
}

func (r *Run) resume(e timeline.Entry, answer Answer) {
	foreign := r.Ask != nil && r.Ask.Code == askForeign
	r.Status, r.Ask = Running, nil
	if s := r.at(r.Step); s != nil {
		if s.Mark == Unclear || s.Mark == Wrong {
			s.Mark = Begun
		}
		if s.Started.IsZero() {
			s.Mark = Pending
		}
		if foreign && answer == Onward {
			s.Accepted = true // what somebody else did counts as ours
		}
		if answer == Again {
			s.Mark, s.Accepted, s.Attempts, s.Started = Pending, false, 0, time.Time{}
		}
	}
	if len(e.Effects.Set) > 0 {
		r.renew(e)
	}
}

func (r *Run) end(e timeline.Entry) {
	switch p := e.Payload.(type) {
	case *RunRejected:
		r.Why = p.Reason
	case *RunAborted:
		r.Why, r.Left = p.Reason, p.Left
	case *RunTakenOver:
		r.Why = p.Reason
	case *RunFailed:
		r.Why, r.Left = p.Reason, p.Left
	}
	switch e.Kind {
	case "run.rejected":
		r.Status = Rejected
	case "run.expired":
		r.Status = Expired
	case "run.aborted":
		r.Status = Aborted
	case "run.taken-over":
		r.Status = TakenOver
	case "run.failed":
		r.Status = Failed
	case "run.done":
		r.Status = Done
	default:
		return // run.refused, run.handed: nothing but their effects
	}
	r.EndedAt, r.Held, r.Soft, r.Ask = e.RecordedAt, "", false, nil
	if r.By == "" || e.Actor.IsPerson() {
		r.By = e.Actor.Display()
	}
}

// mostSteps bounds what the effects of a broken entry could ask for.
const mostSteps = 1000

// at is the state of a step; nil when there can be no such step. It is there also
// when the plan was erased.
func (r *Run) at(step int) *StepState {
	if step < 0 || step >= mostSteps {
		return nil
	}
	for len(r.Steps) <= step {
		r.Steps = append(r.Steps, StepState{Mark: Pending})
	}
	return &r.Steps[step]
}

func (r *Run) applyStep(e timeline.Entry, step int) {
	s := r.at(step)
	if s == nil {
		return
	}
	learn := func(learned map[string]string) {
		if len(learned) > 0 {
			s.Learned = merged(s.Learned, learned)
		}
	}
	switch p := e.Payload.(type) {
	case *StepStarted:
		s.Waits = p.Waits
		learn(p.Learned)
	case *StepAccepted:
		learn(p.Learned)
	case *StepDone:
		learn(p.Learned)
	case *StepUnsure:
		r.Ask = &p.Question
	}
	switch e.Kind {
	case "step.started":
		s.Mark, s.Accepted = Begun, false
		s.Attempts++
		if s.Started.IsZero() {
			s.Started = e.RecordedAt
		}
		r.Held, r.Soft = "", false
	case "step.accepted":
		s.Accepted, r.Held, r.Soft = true, "", false
	case "step.absent":
		// The next attempt has a start of its own: whether it arrived is judged by that.
		s.Mark, s.Started = Pending, time.Time{}
	case "step.done":
		s.Mark, s.Ended = So, e.RecordedAt
		r.Step, r.Held, r.Soft = max(r.Step, step+1), "", false
	case "step.late":
		s.Late = true
	case "step.failed":
		s.Mark, s.Ended = Wrong, e.RecordedAt
	case "step.unsure":
		s.Mark, r.Status = Unclear, Asking
		if r.Ask == nil {
			r.Ask = &Question{Code: "erased", Sentence: erasedReason, Answers: []Answer{Onward, DoneByMan, GiveUp}}
		}
	}
}
