package remediation

import (
	"fmt"
	"strings"
	"time"
)

// Progress is a run for a living message.
type Progress struct {
	Title string // "INC-1/run-2 recycle-node of lke1: running, step 3 of 7"
	Bar   string // "▰▰▱▱▱▱▱"
	Done  int
	Total int
	Steps []ProgressStep
	// Line says what is waited for now; "" when nothing is.
	Line string
}

// BarWithin is Bar in at most width signs. It is full when all is done and not before,
// and empty until something is.
func (p Progress) BarWithin(width int) string {
	if p.Total <= width {
		return p.Bar
	}
	full := p.Done * width / p.Total
	if p.Done > 0 {
		full = max(full, 1)
	}
	return strings.Repeat("▰", full) + strings.Repeat("▱", width-full)
}

// ProgressStep is one line of it.
type ProgressStep struct {
	Mark  string // "✓" so, "…" under way, "⏰" late, "?" a person has to decide, "✗" failed, "·" to come
	Words string
	Took  time.Duration // so far, or in all; 0 before it begins
	Note  string        // "2 of 3 pods gone", "by hand"
}

// String is "✓ Cordon lke1 (3s)".
func (s ProgressStep) String() string {
	text := s.Mark + " " + s.Words
	if s.Took >= time.Second {
		text += " (" + Took(s.Took) + ")"
	}
	if s.Note != "" {
		text += ": " + s.Note
	}
	return text
}

// ProgressOf shows how far a run has come. saw is [Engine.Saw] of it.
func ProgressOf(r Run, saw string, now time.Time) Progress {
	p := Progress{Total: len(r.Plan.Steps), Done: min(r.Step, len(r.Plan.Steps))}
	p.Bar = strings.Repeat("▰", p.Done) + strings.Repeat("▱", p.Total-p.Done)
	for i, planned := range r.Plan.Steps {
		line := ProgressStep{Mark: "·", Words: or(planned.Words, planned.Name)}
		if i < len(r.Steps) {
			line.shows(r.Steps[i], now)
		}
		if i == r.Step && r.Status == Running {
			line.Note = saw
		}
		p.Steps = append(p.Steps, line)
	}
	p.Title = fmt.Sprintf("%s %s: %s", r.ID, r.Title(), r.Status)
	if r.Status == Running {
		p.Title += fmt.Sprintf(", step %d of %d", min(p.Done+1, p.Total), p.Total)
	}
	p.Line = r.waitsFor()
	return p
}

func (l *ProgressStep) shows(s StepState, now time.Time) {
	if !s.Started.IsZero() {
		end := s.Ended
		if end.IsZero() {
			end = now
		}
		l.Took = max(end.Sub(s.Started), 0)
	}
	switch s.Mark {
	case So:
		l.Mark = "✓"
	case Begun:
		l.Mark = "…"
		if s.Late {
			l.Mark = "⏰"
		}
	case Unclear:
		l.Mark = "?"
	case Wrong:
		l.Mark = "✗"
	}
}

// waitsFor says what a run waits for.
func (r Run) waitsFor() string {
	switch {
	case r.Status == Requested && r.Plan.Tier == Routine:
		return "waits for a confirmation"
	case r.Status == Requested:
		return "waits for a second person"
	case r.Status == Asking && r.Ask != nil:
		return "a person has to decide: " + r.Ask.Sentence
	case r.Held != "":
		return "waits: " + r.Held
	case !r.Status.Active() && r.Why != "":
		return r.Why
	}
	return ""
}
