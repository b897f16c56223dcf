package room

import (
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// Sight is what a room shows of repairs beside the record. The zero Sight works.
type Sight struct {
	// Saw is what a run's current step was last seen to be; nil: not known.
	Saw func(remediation.RunID) string
	// Approvers are the persons who may approve a run beside the one who asked for it,
	// the first one is asked by name; nil: nobody is named.
	Approvers func(remediation.Run) []string
	// Kept is what runs of an incident were made to leave changed, such as a cordoned
	// node, and nobody has put back; nil: not known.
	Kept func(timeline.View, timeline.ID) ([]Leftover, error)
}

func (s Sight) saw(id remediation.RunID) string {
	if s.Saw == nil {
		return ""
	}
	return s.Saw(id)
}

func (s Sight) approvers(r remediation.Run) []string {
	if s.Approvers == nil {
		return nil
	}
	return s.Approvers(r)
}

// progress are key entries that a room shows in its living message alone: while a
// repair goes on, people get a message when they have to decide or something is
// late, failed or done, and no others.
var progress = map[timeline.Kind]bool{
	"run.started": true, "run.aborting": true, "breakglass.review": true,
	"step.done": true, "step.absent": true, "step.failed": true,
}

// Tells reports whether a room posts entries of a kind: the key ones, but for the
// progress of repairs.
func Tells(codec *timeline.Codec, k timeline.Kind) bool {
	return codec.Prominence(k) == timeline.Key && !progress[k]
}

// Repeats reports whether the post of an entry shows something of another one, so
// that it has to go when that one is erased: a plan.
func Repeats(told, erased timeline.Entry) bool {
	if erased.Kind != "run.planned" {
		return false
	}
	switch told.Kind {
	case "run.requested", "run.drifted", "run.done", "run.failed":
		return true
	}
	return false
}

// tellRun says what a repair's payload tells on a phone: one sentence, and below it
// line by line what is too long for one.
func (p *Post) tellRun(payload timeline.Payload) {
	switch e := payload.(type) {
	case *remediation.RunRequested:
		p.Text = fmt.Sprintf("Asks for %s: %s (%s)", e.Title, e.Tier, e.Run)
		if e.Repairs != "" {
			p.Text += "; it repairs what " + string(e.Repairs) + " left"
		}
	case *remediation.RunApproved:
		if e.Needs {
			p.Text = fmt.Sprintf("Approved %s (%s, plan %s)", e.Title, e.Run, remediation.ShortHash(e.Hash))
		}
		if e.Alone {
			p.Text += ", alone"
		}
	case *remediation.RunDrifted:
		p.Text = fmt.Sprintf("The plan of %s is no longer what was approved: it needs a new approval", e.Run)
		if e.Shrunk {
			p.Text = fmt.Sprintf("%s breaks less than was approved: the approval holds", e.Run)
		}
		p.list("What changed", e.Diff, Item)
	case *remediation.RunAborted:
		p.Text = because("Aborted "+string(e.Run), e.Reason)
		if e.Begun != "" {
			p.Text += "; under way was: " + e.Begun
		}
		p.left(e.Left)
	case *remediation.RunFailed:
		p.Text = because(string(e.Run)+" failed", e.Reason)
		p.left(e.Left)
	case *remediation.RunTakenOver:
		p.Text = because(fmt.Sprintf("Does the rest of %s by hand, %s", e.Run, counted(len(e.Rest), "step")), e.Reason)
		for _, s := range e.Rest {
			p.More = append(p.More, Detail{Text: stepWords(s)})
			for _, line := range s.Commands {
				p.More = append(p.More, Detail{line, Code})
			}
		}
	case *remediation.StepUnsure:
		p.Text = fmt.Sprintf("%s has stopped at step %d, %s: %s", e.Run, e.N, words(e.StepRef), e.Question.Sentence)
	case *remediation.StepLate:
		p.Text = fmt.Sprintf("%s step %d is late, not done after %s: %s. It is watched on, nothing is undone", e.Run, e.N, remediation.Took(e.After), words(e.StepRef))
	}
}

func (p *Post) list(head string, lines []string, as DetailKind) {
	if len(lines) == 0 {
		return
	}
	p.More = append(p.More, Detail{head, Head})
	for _, l := range lines {
		p.More = append(p.More, Detail{l, as})
	}
}

func (p *Post) left(left []remediation.Leftover) {
	lines := make([]string, len(left))
	for i, l := range left {
		lines[i] = LeftWords(l)
	}
	p.list("Not as it was, still to do", lines, Item)
}

// PostIn is the post of an entry with what the state adds to it: the plan that is
// asked about, how long each step took, who is asked and what they can do now; what
// a resolved incident leaves behind.
func PostIn(v timeline.View, codec *timeline.Codec, e timeline.Entry, s Sight) (Post, error) {
	p := PostOf(codec, e)
	var id remediation.RunID
	switch told := e.Payload.(type) {
	case suggester:
		p.Acts = suggested(told.Suggests())
		return p, nil
	case *incident.StatusChanged:
		if told.To == incident.Resolved {
			return p, p.resolved(v, e.Timeline, s)
		}
		return p, nil
	case *remediation.RunRequested:
		id = told.Run
	case *remediation.RunDrifted:
		id = told.Run
	case *remediation.RunResumed:
		id = told.Run
	case *remediation.RunHeld:
		id = told.Run
	case *remediation.RunDone:
		id = told.Run
	case *remediation.RunFailed:
		id = told.Run
	case *remediation.RunAborted:
		id = told.Run
	case *remediation.StepLate:
		id = told.Run
	case *remediation.StepUnsure:
		id = told.Run
	default:
		return p, nil
	}
	r, known, err := remediation.Runs.Get(v, string(id))
	if err != nil || !known {
		return p, err
	}
	switch told := e.Payload.(type) {
	case *remediation.RunRequested:
		plan, err := planBefore(v, e.Ref, r, told.Hash)
		if err != nil {
			return p, err
		}
		return p, p.ask(v, r, plan, told.Hash, s)
	case *remediation.RunDrifted:
		if told.Shrunk {
			return p, nil
		}
		plan, err := planBefore(v, e.Ref, r, told.To)
		if err != nil {
			return p, err
		}
		return p, p.ask(v, r, plan, told.To, s)
	case *remediation.RunResumed:
		if told.Renew && !r.Erased {
			return p, p.ask(v, r, &r.Plan, r.Hash, s)
		}
	case *remediation.RunHeld:
		if told.Soft && r.HeldSoftly() {
			p.Mentions, p.Acts = asker(r), RunActs(r, false)
		}
	case *remediation.RunDone:
		p.steps(r)
	case *remediation.RunFailed:
		if planned, st, is := r.Current(); is && st.Mark != remediation.Pending {
			p.Text = because(fmt.Sprintf("%s failed at step %d of %d, %s", r.ID, r.Step+1, len(r.Plan.Steps), stepWords(planned)), told.Reason)
		}
		p.Mentions, p.Acts = asker(r), append(suggested(told.Suggest), RunActs(r, false)...)
		p.Call = string(r.ID) + " failed: " + r.Title()
		p.steps(r)
	case *remediation.RunAborted:
		p.Acts = RunActs(r, false)
	case *remediation.StepLate:
		if r.Status == remediation.Running && r.Step == told.N-1 {
			p.Acts = RunActs(r, false)
		}
	case *remediation.StepUnsure:
		if r.Status == remediation.Asking {
			p.Mentions, p.Acts = asker(r), RunActs(r, false)
			p.Call = string(r.ID) + " has stopped and asks you: " + r.Title()
		}
	}
	return p, nil
}

// suggester is a payload that says what would mend what it tells.
type suggester interface {
	Suggests() []remediation.Suggestion
}

// suggested are buttons for what would mend what was found.
func suggested(list []remediation.Suggestion) []command.Action {
	var acts []command.Action
	for _, s := range list[:min(len(list), MaxActs-1)] {
		acts = append(acts, command.Action{Label: s.Label, Style: command.Primary, Ask: command.Ask{Path: s.Path, Options: s.Options}})
	}
	return acts
}

// asker is whoever asked for the run, when it is a person.
func asker(r remediation.Run) []string {
	if !r.Requester.IsPerson() {
		return nil
	}
	return []string{r.Requester.Name}
}

// planBefore is the plan that an entry asks about: it was recorded just before it.
// nil when it was erased.
func planBefore(v timeline.View, ref timeline.Ref, r remediation.Run, hash string) (*remediation.Plan, error) {
	if ref.Seq > 1 {
		e, err := v.Entry(timeline.Ref{Timeline: ref.Timeline, Seq: ref.Seq - 1})
		if err != nil {
			return nil, err
		}
		if p, is := e.Payload.(*remediation.RunPlanned); is && p.Run == r.ID && p.Hash == hash {
			return &p.Plan, nil
		}
	}
	if r.Hash == hash && !r.Erased {
		return &r.Plan, nil
	}
	return nil, nil
}

// ask tells what a plan would break and what people are asked for.
func (p *Post) ask(v timeline.View, r remediation.Run, plan *remediation.Plan, hash string, s Sight) error {
	if plan == nil {
		p.More = append(p.More, Detail{"Its plan was erased", Head})
		return nil
	}
	p.Whole = "/run show run:" + string(r.ID)
	waits := r.Status == remediation.Requested && r.Hash == hash
	if waits {
		glass, err := glassOf(v, r, s)
		if err != nil {
			return err
		}
		p.More = append(p.More, Detail{asked(r, s.approvers(r)), Head})
		p.Acts = RunActs(r, glass)
		if plan.Tier >= remediation.Disruptive {
			p.Mentions = s.approvers(r)
			p.Call = "Do you approve? " + plan.Title()
		}
	}
	var breaks, against []string
	if plan.Undoes == "" {
		breaks = Breaks(plan.Blast)
	}
	for _, f := range plan.Findings {
		if !slices.Contains(breaks, f.Sentence) {
			against = append(against, f.Sentence)
		}
	}
	p.list("What it breaks", breaks, Item)
	p.list("What speaks against it", against, Item)
	p.list("What was found", plan.Facts, Item)
	steps := make([]string, len(plan.Steps))
	for i, st := range plan.Steps {
		steps[i] = fmt.Sprintf("%d. %s", i+1, stepWords(st))
	}
	p.list(counted(len(steps), "step"), steps, Step)
	return nil
}

// asked says what people are asked for, and until when.
func asked(r remediation.Run, approvers []string) string {
	var text string
	switch r.Plan.Tier {
	case remediation.Observe, remediation.Routine:
		text = "It waits for a confirmation"
	case remediation.Disruptive:
		text = "A second person has to approve it"
	default:
		text = fmt.Sprintf("A second person has to approve it and type %q", remediation.Confirmation(r.Plan.Target))
	}
	if r.Plan.Tier >= remediation.Disruptive && len(approvers) > 0 {
		text += ": " + some(approvers, " or ")
	}
	if !r.Expires.IsZero() {
		text += ", until " + Clock{}.Time(r.Expires)
	}
	return text
}

// mostNamed is how many persons are named as those who may approve.
const mostNamed = 5

func some(names []string, or string) string {
	more := len(names) - mostNamed
	if more <= 0 {
		return strings.Join(names, or)
	}
	return fmt.Sprintf("%s%s%d others", strings.Join(names[:mostNamed], ", "), or, more)
}

// steps tells each step with how long it took.
func (p *Post) steps(r remediation.Run) {
	lines := make([]string, 0, len(r.Plan.Steps))
	for _, st := range remediation.ProgressOf(r, "", r.EndedAt).Steps {
		lines = append(lines, st.String())
	}
	p.list("Each step", lines, Step)
}

// Breaks are the lines of a blast radius with what belongs together on one line.
func Breaks(b fleet.Blast) (lines []string) {
	for _, l := range b.Lines() {
		if detail, is := strings.CutPrefix(l, "  "); is && len(lines) > 0 {
			lines[len(lines)-1] += "; " + detail
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

// LeftWords is a leftover of a run in words.
func LeftWords(l remediation.Leftover) string {
	text := stepWords(l.Planned)
	if l.Unknown {
		text += " (perhaps: it cannot be seen)"
	}
	return text
}

func stepWords(s remediation.PlannedStep) string {
	if s.Words != "" {
		return s.Words
	}
	return s.Name
}

func words(s remediation.StepRef) string {
	return stepWords(remediation.PlannedStep{Name: s.Name, Words: s.Words})
}

func because(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
