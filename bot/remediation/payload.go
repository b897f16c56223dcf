package remediation

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// RunPlanned is the whole plan of a run as it stands from now on.
type RunPlanned struct {
	Run  RunID  `json:"run"`
	Plan Plan   `json:"plan"`
	Hash string `json:"hash"`
}

func (*RunPlanned) Kind() timeline.Kind { return "run.planned" }
func (p *RunPlanned) Text() string {
	words := make([]string, len(p.Plan.Steps))
	for i, s := range p.Plan.Steps {
		words[i] = fmt.Sprintf("%d. %s", i+1, or(s.Words, s.Name))
	}
	return fmt.Sprintf("%s: plan %s for %s (%s): %s", p.Run, ShortHash(p.Hash), p.Plan.Title(), p.Plan.Tier, strings.Join(words, "; "))
}

// RunRequested asks for an approval. The timer that its entry sets says until when.
type RunRequested struct {
	Run     RunID    `json:"run"`
	Title   string   `json:"title"`
	Tier    Tier     `json:"tier"`
	Hash    string   `json:"hash"`
	Repairs RunID    `json:"repairs,omitempty"` // the run whose damage it repairs
	Against []string `json:"against,omitempty"` // soft refusals: somebody has to break the glass
}

func (*RunRequested) Kind() timeline.Kind { return "run.requested" }
func (p *RunRequested) Text() string {
	text := fmt.Sprintf("%s asked for: %s, %s", p.Run, p.Title, p.Tier)
	switch p.Tier {
	case Routine:
		text += "; it needs a confirmation"
	case Disruptive:
		text += "; a second person has to approve it"
	case Destructive:
		text += "; a second person has to approve it and type whom it hits"
	}
	if p.Repairs != "" {
		text += "; it repairs what " + string(p.Repairs) + " left"
	}
	if len(p.Against) > 0 {
		text += "; against it: " + strings.Join(p.Against, "; ")
	}
	return text
}

// RunRefused records what was asked for and refused, and why. It changes nothing.
type RunRefused struct {
	Run    RunID  `json:"run,omitempty"`
	What   string `json:"what"` // "recycle-node of lke1", "approving INC-1/run-2"
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

func (*RunRefused) Kind() timeline.Kind { return "run.refused" }
func (p *RunRefused) Text() string      { return "Refused: " + p.What + ": " + p.Reason }

// RunApproved is one person's word for a run.
type RunApproved struct {
	Run   RunID  `json:"run"`
	Title string `json:"title"`
	Hash  string `json:"hash"`            // of the plan that was seen
	Alone bool   `json:"alone,omitempty"` // under a broken glass
	Needs bool   `json:"needs,omitempty"` // false: it changes nothing, nobody had to agree
}

func (*RunApproved) Kind() timeline.Kind { return "run.approved" }
func (p *RunApproved) Text() string {
	text := fmt.Sprintf("%s approved: %s, plan %s", p.Run, p.Title, ShortHash(p.Hash))
	switch {
	case !p.Needs:
		return fmt.Sprintf("%s changes nothing and needs no approval: %s", p.Run, p.Title)
	case p.Alone:
		text += "; alone, with the glass broken"
	}
	return text
}

// RunRejected is a person's word against it. It ends the run.
type RunRejected struct {
	Run    RunID  `json:"run"`
	Reason string `json:"reason,omitempty"`
}

func (*RunRejected) Kind() timeline.Kind { return "run.rejected" }
func (p *RunRejected) Text() string      { return because(string(p.Run)+" rejected", p.Reason) }

// RunExpired ends a run that did not start in time.
type RunExpired struct {
	Run      RunID `json:"run"`
	Approved bool  `json:"approved,omitempty"` // it was approved and could not start
}

func (*RunExpired) Kind() timeline.Kind { return "run.expired" }
func (p *RunExpired) Text() string {
	if p.Approved {
		return fmt.Sprintf("%s expired: it was approved, but could not start in time", p.Run)
	}
	return fmt.Sprintf("%s expired: nobody approved it in time", p.Run)
}

// RunDrifted says that the plan, made anew before the start, is not the one that was
// approved. Unless it only shrank, its approvals are void and it waits for new ones.
type RunDrifted struct {
	Run    RunID    `json:"run"`
	From   string   `json:"from"` // hashes
	To     string   `json:"to"`
	Diff   []string `json:"diff"`
	Shrunk bool     `json:"shrunk,omitempty"` // the approvals hold
}

func (*RunDrifted) Kind() timeline.Kind { return "run.drifted" }
func (p *RunDrifted) Text() string {
	if p.Shrunk {
		return fmt.Sprintf("%s: less than was approved would break, the approval holds: %s", p.Run, strings.Join(p.Diff, "; "))
	}
	return fmt.Sprintf("%s is no longer what was approved and needs a new approval: %s", p.Run, strings.Join(p.Diff, "; "))
}

// GlassBroken says that a person goes on alone, or against a soft refusal.
type GlassBroken struct {
	Run      RunID     `json:"run"`
	Reason   string    `json:"reason"`
	Until    time.Time `json:"until,omitzero"` // how long it covers this person in this incident; zero: it does not
	Override []string  `json:"override,omitempty"`
}

func (*GlassBroken) Kind() timeline.Kind { return "breakglass.used" }
func (p *GlassBroken) Text() string {
	text := "Glass broken for " + string(p.Run)
	if !p.Until.IsZero() {
		text += ", until " + p.Until.UTC().Format("15:04 UTC")
	}
	text += ": " + p.Reason
	if len(p.Override) > 0 {
		text += "; against: " + strings.Join(p.Override, "; ")
	}
	return text
}

// GlassReview is the follow-up of a broken glass.
type GlassReview struct {
	Run    RunID  `json:"run"`
	Person string `json:"person"`
}

func (*GlassReview) Kind() timeline.Kind { return "breakglass.review" }
func (p *GlassReview) Text() string {
	return fmt.Sprintf("Follow-up: review why %s went on alone with %s", p.Person, p.Run)
}

// RunStarted begins the steps of the plan. Its entry takes the locks.
type RunStarted struct {
	Run    RunID  `json:"run"`
	Title  string `json:"title"`
	Hash   string `json:"hash"`
	Steps  int    `json:"steps"`
	Onward bool   `json:"onward,omitempty"` // it had begun before, and was approved anew
}

func (*RunStarted) Kind() timeline.Kind { return "run.started" }
func (p *RunStarted) Text() string {
	if p.Onward {
		return fmt.Sprintf("%s goes on: %s", p.Run, p.Title)
	}
	return fmt.Sprintf("%s started: %s, %s", p.Run, p.Title, count(p.Steps, "step"))
}

// RunHanded says that locks went from a run to the one that repairs its damage.
type RunHanded struct {
	Run   RunID    `json:"run"` // that gives
	To    RunID    `json:"to"`
	Locks []string `json:"locks"`
}

func (*RunHanded) Kind() timeline.Kind { return "run.handed" }
func (p *RunHanded) Text() string {
	return fmt.Sprintf("%s hands %s to %s", p.Run, strings.Join(plain(p.Locks), ", "), p.To)
}

// RunHeld says why the next step does not start yet, or that it may.
type RunHeld struct {
	Run RunID  `json:"run"`
	Why string `json:"why"` // "" when it goes on
	// Soft is that somebody may break the glass against it.
	Soft bool `json:"soft,omitempty"`
}

func (*RunHeld) Kind() timeline.Kind { return "run.held" }
func (p *RunHeld) Text() string {
	if p.Why == "" {
		return fmt.Sprintf("%s goes on", p.Run)
	}
	text := fmt.Sprintf("%s waits before its next step: %s", p.Run, p.Why)
	if p.Soft {
		text += "; who knows better breaks the glass"
	}
	return text
}

// RunAborting asks a run to end before its next step.
type RunAborting struct {
	Run    RunID  `json:"run"`
	Reason string `json:"reason,omitempty"`
}

func (*RunAborting) Kind() timeline.Kind { return "run.aborting" }
func (p *RunAborting) Text() string      { return because("Abort of "+string(p.Run)+" asked for", p.Reason) }

// RunAborted ends it, with what is not as it was.
type RunAborted struct {
	Run    RunID      `json:"run"`
	Reason string     `json:"reason,omitempty"`
	Begun  string     `json:"begun,omitempty"` // the step that was under way, in words
	Left   []Leftover `json:"left,omitempty"`
}

func (*RunAborted) Kind() timeline.Kind { return "run.aborted" }
func (p *RunAborted) Text() string {
	text := because(string(p.Run)+" aborted", p.Reason)
	if p.Begun != "" {
		text += "; under way: " + p.Begun
	}
	return text + leftText(p.Left)
}

// RunTakenOver gives the rest to a person, with the commands.
type RunTakenOver struct {
	Run    RunID         `json:"run"`
	Reason string        `json:"reason,omitempty"`
	Rest   []PlannedStep `json:"rest"` // the step under way is the first
}

func (*RunTakenOver) Kind() timeline.Kind { return "run.taken-over" }
func (p *RunTakenOver) Text() string {
	text := because(fmt.Sprintf("%s taken over by hand, %s left", p.Run, count(len(p.Rest), "step")), p.Reason)
	for _, s := range p.Rest {
		text += "; " + or(s.Words, s.Name)
		if len(s.Commands) > 0 {
			text += " (" + strings.Join(s.Commands, " && ") + ")"
		}
	}
	return text
}

// RunFailed ends a run that cannot go on.
type RunFailed struct {
	Run    RunID      `json:"run"`
	Reason string     `json:"reason"`
	Left   []Leftover `json:"left,omitempty"`
	// Suggest are commands that would mend what it failed at.
	Suggest []Suggestion `json:"suggest,omitempty"`
}

func (*RunFailed) Kind() timeline.Kind { return "run.failed" }
func (p *RunFailed) Text() string {
	return because(string(p.Run)+" failed", p.Reason) + leftText(p.Left)
}

// RunDone ends a run whose every step is so.
type RunDone struct {
	Run   RunID         `json:"run"`
	Title string        `json:"title"`
	Took  time.Duration `json:"took"`
}

func (*RunDone) Kind() timeline.Kind { return "run.done" }
func (p *RunDone) Text() string {
	return fmt.Sprintf("%s done in %s: %s", p.Run, Took(p.Took), p.Title)
}

func leftText(left []Leftover) string {
	if len(left) == 0 {
		return ""
	}
	words := make([]string, len(left))
	for i, l := range left {
		words[i] = or(l.Planned.Words, l.Planned.Name)
		if l.Unknown {
			words[i] += " (perhaps: it cannot be seen)"
		}
	}
	return "; not as it was, still to do: " + strings.Join(words, "; ")
}

func because(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// plain turns keys of locks into words for people.
func plain(locks []string) []string {
	words := make([]string, len(locks))
	for i, l := range locks {
		words[i] = strings.Replace(strings.TrimPrefix(l, lockPrefix), "/", " ", 1)
	}
	return words
}
