package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// Repair is one run as the entries tell it: what it was to do and to break, who
// agreed, how long each step took, how it ended and what it left.
type Repair struct {
	Run     remediation.RunID  `json:"run"`
	Title   string             `json:"title"`
	Tier    string             `json:"tier,omitempty"`
	Hash    string             `json:"hash,omitempty"` // of the last plan
	AskedBy string             `json:"asked_by,omitempty"`
	AskedAt time.Time          `json:"asked_at,omitzero"`
	Repairs remediation.RunID  `json:"repairs,omitempty"` // the run whose damage it repairs
	Undoes  remediation.RunID  `json:"undoes,omitempty"`
	Found   []string           `json:"found"`   // what was read before: the diagnosis by its name
	Breaks  []string           `json:"breaks"`  // the blast radius, the worst first
	Against []string           `json:"against"` // warnings, and what spoke against it
	Agreed  []RepairAgreed     `json:"agreed"`  // approvals, also those that a drift voided
	Glass   []RepairGlass      `json:"glass"`
	Changed []string           `json:"changed"` // what drifts changed of the plan
	Steps   []RepairStep       `json:"steps"`
	Left    []string           `json:"left"` // what was not as before at its end
	Status  remediation.Status `json:"status"`
	Why     string             `json:"why,omitempty"`  // of its end
	By      string             `json:"by,omitempty"`   // the person who ended it
	Began   time.Time          `json:"began,omitzero"` // of the steps
	Ended   time.Time          `json:"ended,omitzero"`
}

// RepairAgreed is one approval.
type RepairAgreed struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Plan  string    `json:"plan"`            // the short hash of what was seen
	Alone bool      `json:"alone,omitempty"` // with the glass broken
	Void  bool      `json:"void,omitempty"`  // the plan drifted afterwards
}

// RepairGlass is a broken glass.
type RepairGlass struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// RepairStep is one step of a plan.
type RepairStep struct {
	Words    string    `json:"words"`
	Commands []string  `json:"commands,omitempty"`
	Began    time.Time `json:"began,omitzero"`
	Seconds  *int64    `json:"seconds,omitempty"` // how long it took; absent while it is not done
	Outcome  string    `json:"outcome"`           // "done", "so already", "by hand", "failed", "unclear", "begun", "not begun"
	Late     bool      `json:"late,omitempty"`
	Note     string    `json:"note,omitempty"` // why it failed, what was asked
}

// The outcomes of steps.
const (
	stepDone    = "done"
	stepAlready = "so already"
	stepByHand  = "by hand"
	stepFailed  = "failed"
	stepUnclear = "unclear"
	stepBegun   = "begun"
	stepPending = "not begun"
)

// repairs collects the runs in the order in which they were asked for. It goes by the
// entries alone: what was erased of them is told nowhere.
func (d *Document) repairs() {
	if d.Incident == nil {
		return
	}
	for _, e := range d.Entries {
		id, is := runOf(e.Payload)
		if !is {
			continue
		}
		k := slices.IndexFunc(d.Repairs, func(r Repair) bool { return r.Run == id })
		if k < 0 {
			k = len(d.Repairs)
			d.Repairs = append(d.Repairs, Repair{Run: id, Title: string(id), Status: remediation.Requested, Found: []string{}, Breaks: []string{}, Against: []string{},
				Agreed: []RepairAgreed{}, Glass: []RepairGlass{}, Changed: []string{}, Steps: []RepairStep{}, Left: []string{}})
		}
		d.Repairs[k].tell(e, d.person(e.Actor))
	}
}

// person is the full name of a person, and the name of any other actor.
func (d *Document) person(a people.Actor) string {
	if a.IsPerson() {
		return d.names(a.Name)
	}
	return a.Display()
}

// runOf is the run that a payload tells of. A refusal is no part of it: it changed
// nothing.
func runOf(p timeline.Payload) (remediation.RunID, bool) {
	switch p := p.(type) {
	case *remediation.RunPlanned:
		return p.Run, true
	case *remediation.RunRequested:
		return p.Run, true
	case *remediation.RunApproved:
		return p.Run, true
	case *remediation.RunRejected:
		return p.Run, true
	case *remediation.RunExpired:
		return p.Run, true
	case *remediation.RunDrifted:
		return p.Run, true
	case *remediation.GlassBroken:
		return p.Run, true
	case *remediation.RunStarted:
		return p.Run, true
	case *remediation.RunResumed:
		return p.Run, true
	case *remediation.RunAborted:
		return p.Run, true
	case *remediation.RunTakenOver:
		return p.Run, true
	case *remediation.RunFailed:
		return p.Run, true
	case *remediation.RunDone:
		return p.Run, true
	}
	s, is := stepOf(p)
	return s.Run, is
}

// stepOf is the step that a payload tells of.
func stepOf(p timeline.Payload) (remediation.StepRef, bool) {
	switch p := p.(type) {
	case *remediation.StepStarted:
		return p.StepRef, true
	case *remediation.StepAccepted:
		return p.StepRef, true
	case *remediation.StepAbsent:
		return p.StepRef, true
	case *remediation.StepDone:
		return p.StepRef, true
	case *remediation.StepLate:
		return p.StepRef, true
	case *remediation.StepFailed:
		return p.StepRef, true
	case *remediation.StepUnsure:
		return p.StepRef, true
	}
	return remediation.StepRef{}, false
}

// tell takes what an entry says of the run.
func (r *Repair) tell(e timeline.Entry, who string) {
	switch p := e.Payload.(type) {
	case *remediation.RunPlanned:
		r.planned(p)
	case *remediation.RunRequested:
		r.Title, r.Tier, r.Hash, r.Repairs, r.AskedBy, r.AskedAt = p.Title, p.Tier.String(), p.Hash, p.Repairs, who, e.RecordedAt
	case *remediation.RunApproved:
		r.Status = remediation.Approved
		if p.Needs {
			r.Agreed = append(r.Agreed, RepairAgreed{By: who, At: e.RecordedAt, Plan: remediation.ShortHash(p.Hash), Alone: p.Alone})
		}
	case *remediation.RunDrifted:
		r.Changed = append(r.Changed, p.Diff...)
		if !p.Shrunk {
			r.void()
		}
	case *remediation.GlassBroken:
		r.Glass = append(r.Glass, RepairGlass{By: who, At: e.RecordedAt, Reason: p.Reason})
	case *remediation.RunStarted:
		if r.Status = remediation.Running; r.Began.IsZero() {
			r.Began = e.RecordedAt
		}
	case *remediation.RunResumed:
		if r.Status = remediation.Running; p.Renew {
			r.void()
		}
	case *remediation.RunRejected:
		r.end(e, who, remediation.Rejected, p.Reason, nil)
	case *remediation.RunExpired:
		r.end(e, "", remediation.Expired, "", nil)
	case *remediation.RunAborted:
		r.end(e, "", remediation.Aborted, p.Reason, p.Left)
	case *remediation.RunTakenOver:
		r.end(e, who, remediation.TakenOver, p.Reason, nil)
	case *remediation.RunFailed:
		r.end(e, "", remediation.Failed, p.Reason, p.Left)
	case *remediation.RunDone:
		r.end(e, "", remediation.Done, "", nil)
	default:
		r.step(e)
	}
}

// planned takes the newest plan.
func (r *Repair) planned(p *remediation.RunPlanned) {
	r.Title, r.Tier, r.Hash, r.Undoes = p.Plan.Title(), p.Plan.Tier.String(), p.Hash, p.Plan.Undoes
	r.Found = append([]string{}, p.Plan.Facts...)
	r.Breaks, r.Against, r.Steps = []string{}, []string{}, []RepairStep{}
	if r.Undoes == "" {
		r.Breaks = room.Breaks(p.Plan.Blast)
	}
	for _, f := range p.Plan.Findings {
		r.Against = append(r.Against, f.Sentence)
	}
	for _, s := range p.Plan.Steps {
		words := s.Words
		if words == "" {
			words = s.Name
		}
		r.Steps = append(r.Steps, RepairStep{Words: words, Commands: s.Commands, Outcome: stepPending})
	}
}

// void takes back the approvals: the run waits for new ones.
func (r *Repair) void() {
	r.Status = remediation.Requested
	for i := range r.Agreed {
		r.Agreed[i].Void = true
	}
}

func (r *Repair) end(e timeline.Entry, by string, status remediation.Status, why string, left []remediation.Leftover) {
	r.Status, r.Why, r.By, r.Ended = status, why, by, e.RecordedAt
	for _, l := range left {
		r.Left = append(r.Left, room.LeftWords(l))
	}
}

// mostSteps bounds what the number in a broken entry could ask for.
const mostSteps = 1000

func (r *Repair) step(e timeline.Entry) {
	ref, is := stepOf(e.Payload)
	if !is || ref.N < 1 || ref.N > mostSteps {
		return
	}
	for len(r.Steps) < ref.N { // its plan was erased
		r.Steps = append(r.Steps, RepairStep{Outcome: stepPending})
	}
	s := &r.Steps[ref.N-1]
	if s.Words == "" {
		s.Words = ref.Words
	}
	switch p := e.Payload.(type) {
	case *remediation.StepStarted:
		if s.Outcome, s.Note = stepBegun, ""; s.Began.IsZero() {
			s.Began = e.RecordedAt
		}
	case *remediation.StepDone:
		took := int64(p.Took / time.Second)
		s.Seconds, s.Outcome, s.Note = &took, stepDone, ""
		if p.Already {
			s.Outcome = stepAlready
		}
		if p.ByHand {
			s.Outcome = stepByHand
		}
	case *remediation.StepLate:
		s.Late = true
	case *remediation.StepFailed:
		s.Outcome, s.Note = stepFailed, p.Reason
	case *remediation.StepUnsure:
		s.Outcome, s.Note, r.Status = stepUnclear, p.Question.Sentence, remediation.Asking
	}
}

// String is "✓ Cordon lke1 (3s, late)".
func (s RepairStep) String() string {
	mark := map[string]string{stepDone: "✓", stepAlready: "✓", stepByHand: "✓", stepFailed: "✗", stepUnclear: "?", stepBegun: "…"}[s.Outcome]
	if mark == "" {
		mark = "·"
	}
	text := mark + " " + s.Words
	var notes []string
	if s.Seconds != nil && s.Outcome != stepAlready {
		notes = append(notes, remediation.Took(time.Duration(*s.Seconds)*time.Second))
	}
	if s.Outcome != stepDone {
		notes = append(notes, s.Outcome)
	}
	if s.Late {
		notes = append(notes, "late")
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text + because(s.Note)
}

// over reports whether nothing more comes of the run.
func (r Repair) over() bool { return !r.Ended.IsZero() }

// undone reports whether a later run has put back what the run left.
func (d *Document) undone(r Repair) bool {
	return slices.ContainsFunc(d.Repairs, func(u Repair) bool { return u.Undoes == r.Run && u.Status == remediation.Done })
}

// repairTasks are the follow-ups that repairs ask for.
func (d *Document) repairTasks(need func(format string, args ...any)) {
	for _, r := range d.Repairs {
		for _, g := range r.Glass {
			need("Review why %s broke the glass for %s (%s)%s", g.By, r.Run, r.Title, because(g.Reason))
		}
		if len(r.Left) > 0 && !d.undone(r) {
			need("Put back what %s left: %s", r.Run, strings.Join(r.Left, "; "))
		}
		if !r.over() && !d.Incident.ResolvedAt.IsZero() {
			need("Say how %s ended (%s): it was %s when this record ends", r.Run, r.Title, r.Status)
		}
	}
}

// isRepair reports whether entries of a kind tell of a run. The review of a broken
// glass is a follow-up.
func isRepair(k timeline.Kind) bool {
	return strings.HasPrefix(string(k), "run.") || strings.HasPrefix(string(k), "step.") || strings.HasPrefix(string(k), "breakglass.")
}

// runEvent is the line of a repair's entry in the lead-up; false: it has none,
// because the section on recovery tells it.
func (d *Document) runEvent(e timeline.Entry) (text string, told bool) {
	who := d.person(e.Actor)
	switch p := e.Payload.(type) {
	case *remediation.RunRequested:
		return fmt.Sprintf("%s asked for %s (%s, %s)", who, p.Title, p.Run, p.Tier), true
	case *remediation.RunApproved:
		alone := ""
		if p.Alone {
			alone = " alone"
		}
		return fmt.Sprintf("%s approved %s%s: %s", who, p.Run, alone, p.Title), p.Needs
	case *remediation.RunRejected:
		return fmt.Sprintf("%s rejected %s%s", who, p.Run, because(p.Reason)), true
	case *remediation.GlassBroken:
		return fmt.Sprintf("%s broke the glass for %s%s", who, p.Run, because(p.Reason)), true
	case *remediation.RunTakenOver:
		return fmt.Sprintf("%s took %s over, to do the rest by hand%s", who, p.Run, because(p.Reason)), true
	case *remediation.RunAborted:
		return fmt.Sprintf("%s aborted%s", p.Run, because(p.Reason)), true
	case *remediation.RunFailed:
		return fmt.Sprintf("%s failed%s", p.Run, because(p.Reason)), true
	case *remediation.RunRefused:
		return "", false // an obstacle
	}
	return e.Payload.Text(), room.Tells(d.codec, e.Kind)
}
