package remediation

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// LearnedTold is where a step records what people are to read of what it learned.
const LearnedTold = "told"

// StepRef is which step of a run an entry tells of. Every entry about a step also
// names run and step in its effects, so that it counts when its payload is erased.
type StepRef struct {
	Run   RunID  `json:"run"`
	N     int    `json:"n"`     // from 1
	Name  string `json:"name"`  // of the step
	Words string `json:"words"` // as planned
}

func (s StepRef) text() string {
	return fmt.Sprintf("%s step %d, %s", s.Run, s.N, or(s.Words, s.Name))
}

// StepStarted is durable before the step is asked for.
type StepStarted struct {
	StepRef
	Attempt int               `json:"attempt"`         // from 1
	Waits   bool              `json:"waits,omitempty"` // it asks for nothing and only waits
	Learned map[string]string `json:"learned,omitempty"`
}

func (*StepStarted) Kind() timeline.Kind { return "step.started" }
func (p *StepStarted) Text() string {
	if p.Attempt > 1 {
		return fmt.Sprintf("%s: begun, attempt %d", p.text(), p.Attempt)
	}
	return p.text() + ": begun"
}

// StepAccepted says that the request was answered: it arrived.
type StepAccepted struct {
	StepRef
	Learned map[string]string `json:"learned,omitempty"`
	Found   bool              `json:"found,omitempty"` // the answer was lost; it was found to have arrived
}

func (*StepAccepted) Kind() timeline.Kind { return "step.accepted" }
func (p *StepAccepted) Text() string {
	if p.Found {
		return p.text() + ": accepted; the answer was lost, but the request had arrived"
	}
	return p.text() + ": accepted"
}

// StepAbsent says that a request whose answer was lost never arrived.
type StepAbsent struct{ StepRef }

func (*StepAbsent) Kind() timeline.Kind { return "step.absent" }
func (p *StepAbsent) Text() string {
	return p.text() + ": the answer was lost, and the request had not arrived"
}

// StepDone says that it is so, or that a person goes on although it is not.
type StepDone struct {
	StepRef
	Took    time.Duration     `json:"took"`
	Already bool              `json:"already,omitempty"` // it was so before it was asked for
	ByHand  bool              `json:"by_hand,omitempty"` // a person says so
	Anyway  bool              `json:"anyway,omitempty"`  // it is not so: a person goes on all the same
	Learned map[string]string `json:"learned,omitempty"`
}

func (*StepDone) Kind() timeline.Kind { return "step.done" }
func (p *StepDone) Text() string {
	switch {
	case p.ByHand:
		return p.text() + ": done by hand"
	case p.Anyway:
		return p.text() + ": it is not so; gone on with all the same"
	case p.Already:
		return p.text() + ": it was so already"
	}
	text := fmt.Sprintf("%s: done in %s", p.text(), Took(p.Took))
	if told := p.Learned[LearnedTold]; told != "" {
		text += " (" + told + ")"
	}
	return text
}

// StepLate says once that a step takes longer than usual. Nothing else follows.
type StepLate struct {
	StepRef
	After time.Duration `json:"after"`
}

func (*StepLate) Kind() timeline.Kind { return "step.late" }
func (p *StepLate) Text() string {
	return fmt.Sprintf("%s: late, not done after %s; it is watched on", p.text(), Took(p.After))
}

// StepFailed says that it will not become so.
type StepFailed struct {
	StepRef
	Reason string `json:"reason"`
}

func (*StepFailed) Kind() timeline.Kind { return "step.failed" }
func (p *StepFailed) Text() string      { return because(p.text()+": failed", p.Reason) }

// StepUnsure stops the run until a person has answered.
type StepUnsure struct {
	StepRef
	Question Question `json:"question"`
}

func (*StepUnsure) Kind() timeline.Kind { return "step.unsure" }
func (p *StepUnsure) Text() string {
	answers := make([]string, len(p.Question.Answers))
	for i, a := range p.Question.Answers {
		answers[i] = string(a)
	}
	return fmt.Sprintf("%s: stopped, a person has to decide (%s): %s", p.text(), strings.Join(answers, ", "), p.Question.Sentence)
}

// RunResumed is a person's answer to a run that has stopped.
type RunResumed struct {
	Run    RunID  `json:"run"`
	Answer Answer `json:"answer"`
	Reason string `json:"reason,omitempty"`
	Renew  bool   `json:"renew,omitempty"` // it needs a new approval first
}

func (*RunResumed) Kind() timeline.Kind { return "run.resumed" }
func (p *RunResumed) Text() string {
	text := fmt.Sprintf("%s: ", p.Run)
	switch p.Answer {
	case Again:
		text += "the step is asked for once more"
	case DoneByMan:
		text += "the step was done by hand, it goes on with the next one"
	case Anyway:
		text += "it goes on with the next step although this one is not so"
	default:
		text += "it looks again and goes on"
	}
	if p.Renew {
		text += "; that needs a new approval"
	}
	return because(text, p.Reason)
}

// Took says a duration to people: "4m 12s", "38s".
func Took(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%dh %dm", h, m)
	case m > 0 && s > 0:
		return fmt.Sprintf("%dm %ds", m, s)
	case m > 0:
		return fmt.Sprintf("%dm", m)
	}
	return fmt.Sprintf("%ds", s)
}
