package room

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// LivingRun is a repair in the living message: before it starts what it breaks and
// who is asked for what, then how far it is, in the end what it left.
type LivingRun struct {
	ID     remediation.RunID
	Title  string // "recycle-node of lke1"; outside text
	Tier   remediation.Tier
	Status remediation.Status
	By     string    // who asked for it
	At     time.Time // when

	Asked     string    // what people are asked for; "" when nothing is
	GlassFrom time.Time // from when on the asker may go on alone; zero: not known or at once
	Breaks    []string  // the worst of what it breaks, until it starts, at most MaxBreaks
	More      int       // of them left out
	Against   []string  // soft refusals, until it starts

	Started  bool // its steps are to be shown
	Progress remediation.Progress
	Late     bool
	Since    time.Time // when the current step began; zero: it has not
	Left     []string  // what was not as before at its end
	Acts     []command.Action
}

const (
	// MaxRuns is how many runs a living message shows: each has a row of buttons.
	MaxRuns = 2
	// MaxBreaks is how many lines of a blast radius it shows: the rest is in the post
	// that asks for the approval.
	MaxBreaks = 4
)

// AddRuns adds the incident's repairs to its living message.
func (l *Living) AddRuns(v timeline.View, s Sight) error {
	if l.MergedInto != "" {
		return nil
	}
	runs, err := remediation.RunsOf(v, l.ID)
	if err != nil {
		return err
	}
	shown := slices.DeleteFunc(slices.Clone(runs), func(r remediation.Run) bool { return !r.Status.Active() && len(stillLeft(runs, r)) == 0 })
	slices.SortStableFunc(shown, func(a, b remediation.Run) int { return urgency(a) - urgency(b) })
	if l.MoreRuns = max(0, len(shown)-MaxRuns); l.MoreRuns > 0 {
		shown = shown[:MaxRuns]
	}
	for _, r := range shown {
		glass, err := glassOf(v, r, s)
		if err != nil {
			return err
		}
		lr := livingRun(r, v.Now(), s, glass)
		if glass && len(r.Plan.Against(remediation.Soft)) == 0 && len(s.approvers(r)) > 0 {
			lr.GlassFrom, _ = r.GlassFrom(l.Severity)
		}
		if len(shown) > 1 {
			for i := range lr.Acts {
				lr.Acts[i].Label += fmt.Sprintf(" (run-%d)", r.Number)
			}
		}
		l.Runs = append(l.Runs, lr)
	}
	return nil
}

// urgency orders runs: those that wait for people, those under way, those that left
// something.
func urgency(r remediation.Run) int {
	switch r.Status {
	case remediation.Asking:
		return 0
	case remediation.Requested:
		return 1
	case remediation.Approved, remediation.Running, remediation.Aborting:
		return 2
	}
	return 3
}

// glassOf reports whether the glass may be broken for a run, now or after a wait.
func glassOf(v timeline.View, r remediation.Run, s Sight) (bool, error) {
	if r.Status != remediation.Requested {
		return false, nil
	}
	if len(r.Plan.Against(remediation.Soft)) > 0 {
		return r.Glass == nil, nil
	}
	if r.Plan.Tier < remediation.Disruptive {
		return false, nil
	}
	if s.Approvers != nil && len(s.approvers(r)) == 0 {
		return true, nil
	}
	i, err := incident.Get(v, r.Incident)
	if err != nil {
		return false, err
	}
	_, may := r.GlassFrom(i.Severity)
	return may, nil
}

func livingRun(r remediation.Run, now time.Time, s Sight, glass bool) LivingRun {
	l := LivingRun{ID: r.ID, Title: r.Title(), Tier: r.Plan.Tier, Status: r.Status, By: r.Requester.Display(), At: r.RequestedAt, Acts: RunActs(r, glass)}
	l.Progress = remediation.ProgressOf(r, s.saw(r.ID), now)
	l.Started = !r.StartedAt.IsZero() && r.Status.Active()
	for _, left := range r.Left {
		l.Left = append(l.Left, LeftWords(left))
	}
	if _, st, is := r.Current(); is && st.Mark != remediation.Pending && r.Status.Active() {
		l.Since, l.Late = st.Started, st.Late
	}
	if r.Status == remediation.Requested {
		l.Asked = asked(r, s.approvers(r))
		for _, f := range r.Plan.Against(remediation.Soft) {
			l.Against = append(l.Against, f.Sentence)
		}
	}
	if r.StartedAt.IsZero() && r.Status.Active() && r.Plan.Undoes == "" {
		l.Breaks = Breaks(r.Plan.Blast)
		if l.More = max(0, len(l.Breaks)-MaxBreaks); l.More > 0 {
			l.Breaks = l.Breaks[:MaxBreaks]
		}
	}
	return l
}

// Window are the steps that a phone has room for: the one before the current one,
// it, and the next two; all of a short plan. before and after are how many are left
// out.
func (l LivingRun) Window() (steps []remediation.ProgressStep, first, before, after int) {
	all := l.Progress.Steps
	if len(all) <= mostSteps {
		return all, 0, 0, 0
	}
	from := min(max(0, l.Progress.Done-1), len(all)-mostShown)
	return all[from : from+mostShown], from, from, len(all) - from - mostShown
}

const (
	mostSteps = 6 // of a plan that is shown whole
	mostShown = 4 // of a longer one
)

// lines is the run for a terminal.
func (l LivingRun) lines(c Clock) []string {
	title := fmt.Sprintf("%s %s: %s", l.ID, Plain(l.Title), l.Status)
	if l.Status == remediation.Requested {
		title += ", " + l.Tier.String()
	}
	lines := []string{title}
	add := func(format string, args ...any) { lines = append(lines, "  "+fmt.Sprintf(format, args...)) }
	for _, b := range l.Breaks {
		add("! %s", Plain(b))
	}
	if l.More > 0 {
		add("! and %d more", l.More)
	}
	for _, a := range l.Against {
		add("against it: %s", Plain(a))
	}
	if l.Asked != "" {
		add("asked for by %s: %s", Plain(l.By), Plain(l.Asked))
	}
	if !l.GlassFrom.IsZero() {
		add("alone from %s on, with a reason", c.Time(l.GlassFrom))
	}
	if l.Started {
		add("%s %d of %d", l.Progress.Bar, l.Progress.Done, l.Progress.Total)
		steps, _, before, after := l.Window()
		if before > 0 {
			add("✓ %s", counted(before, "step"))
		}
		for _, s := range steps {
			add("%s", Plain(s.String()))
		}
		if after > 0 {
			add("· %d more", after)
		}
	}
	if line := l.Waits(); line != "" {
		add("%s", Plain(line))
	}
	for _, left := range l.Left {
		add("left: %s", Plain(left))
	}
	labels := make([]string, len(l.Acts))
	for i, a := range l.Acts {
		labels[i] = "[" + a.Label + "]"
	}
	if len(labels) > 0 {
		add("%s", strings.Join(labels, " "))
	}
	return lines
}

// Waits is what a run that has been approved waits for; "" when nothing is. What is
// asked before is in Asked.
func (l LivingRun) Waits() string {
	if l.Status == remediation.Requested {
		return ""
	}
	return l.Progress.Line
}
