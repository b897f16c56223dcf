package remediation

import (
	"time"

	"wardroom/bot/timeline"
)

// What the timers of runs are for.
const (
	TimerExpiry = "run.expiry"      // nobody approved in time, or it could not start
	TimerLate   = "step.late"       // a step takes longer than usual
	TimerGlass  = "breakglass.over" // it covers its person no longer
)

// Handlers decide what follows from this package's timers, by their What.
func Handlers() map[string]timeline.Handler {
	return map[string]timeline.Handler{FreezeTimer: FreezeOver, TimerExpiry: expired, TimerLate: late, TimerGlass: glassOver}
}

// expired ends a run that waits for its approval, or was approved and could not start.
func expired(v timeline.View, t timeline.Timer) (timeline.Decision, error) {
	id, _, _ := parseRun(t.Key)
	r, known, err := Runs.Get(v, string(id))
	if err != nil || !known || (r.Status != Requested && r.Status != Approved) {
		return timeline.Decision{}, err
	}
	if !r.StartedAt.IsZero() {
		return timeline.Decision{Entries: []timeline.Draft{r.stopped(Who{}, "expired", "nobody approved it in time")}}, nil
	}
	d := r.draft(Who{}, &RunExpired{Run: r.ID, Approved: r.Status == Approved}, r.ending())
	return timeline.Decision{Entries: []timeline.Draft{d}}, nil
}

// stopped goes back to asking when a run that has begun gets no new approval. It cannot
// go on: what it would do next is what was not approved.
func (r Run) stopped(who Who, code, why string) timeline.Draft {
	planned, _, _ := r.Current()
	p := &StepUnsure{r.stepRef(r.Step, planned), Question{Code: code, Sentence: why, Answers: []Answer{Again, DoneByMan, GiveUp}}}
	return r.draft(who, p, timeline.Effects{Clear: []string{r.ID.stepKey(r.Step), r.ID.key(expirySuffix)}})
}

// late says that the step which the timer was set for is late, if it still runs.
func late(v timeline.View, t timeline.Timer) (timeline.Decision, error) {
	id, _, _ := parseRun(t.Key)
	r, known, err := Runs.Get(v, string(id))
	planned, s, is := r.Current()
	if err != nil || !known || !is || r.Status != Running || s.Mark != Begun || s.Late || r.ID.stepKey(r.Step) != t.Data {
		return timeline.Decision{}, err
	}
	p := &StepLate{StepRef: r.stepRef(r.Step, planned), After: t.Due.Sub(s.Started)}
	return timeline.Decision{Entries: []timeline.Draft{r.draft(Who{}, p, timeline.Effects{Clear: []string{r.ID.stepKey(r.Step)}})}}, nil
}

// glassOver needs no entry of its own: that the timer fired says it.
func glassOver(timeline.View, timeline.Timer) (timeline.Decision, error) {
	return timeline.Decision{}, nil
}

// glassKey is the timer that runs while a broken glass covers a person.
func glassKey(incident timeline.ID, person string) string {
	return string(incident) + "/glass/" + person
}

// covered reports until when a broken glass covers somebody in an incident.
func covered(v timeline.View, incident timeline.ID, who Who) (until time.Time, is bool, err error) {
	if who.Person == nil {
		return time.Time{}, false, nil
	}
	t, set, err := v.Timer(glassKey(incident, who.name()))
	return t.Due, set && t.Due.After(v.Now()), err
}

func (r Run) expiryTimer(due time.Time) timeline.Timer {
	return timeline.Timer{Key: r.ID.key(expirySuffix), Due: timeline.Stamp(due), Timeline: r.Incident, What: TimerExpiry}
}

func (r Run) lateTimer(step int, due time.Time) timeline.Timer {
	return timeline.Timer{Key: r.ID.key(lateSuffix), Due: timeline.Stamp(due), Timeline: r.Incident, What: TimerLate, Data: r.ID.stepKey(step)}
}

// draft is an entry about the run. Its effects always name the run; see [RunFold].
func (r Run) draft(who Who, p timeline.Payload, fx timeline.Effects) timeline.Draft {
	if s := subjectOf(fx); !s.found {
		fx.Clear = append(fx.Clear, r.ID.key(aboutSuffix))
	}
	return timeline.Draft{Timeline: r.Incident, Payload: p, Actor: who.actor(), Cause: who.Cause, Effects: fx}
}

func (r Run) stepRef(step int, planned PlannedStep) StepRef {
	return StepRef{Run: r.ID, N: step + 1, Name: planned.Name, Words: planned.Words}
}

// ending are the effects of the last entry: every lock, claim and timer goes.
func (r Run) ending() timeline.Effects {
	fx := timeline.Effects{
		Release: append([]string(nil), r.Locks...),
		Clear:   []string{r.ID.key(expirySuffix), r.ID.key(lateSuffix)},
	}
	for i, s := range r.Steps {
		if s.Attempts > 0 {
			fx.Release = append(fx.Release, r.ID.stepKey(i), r.onceKey(i))
		}
	}
	for _, a := range r.Approvals {
		fx.Release = append(fx.Release, r.approverKey(a.By.String()))
	}
	return fx
}

// approverKey is held by a person's approval: however often they give it, and from
// wherever, it counts once.
func (r Run) approverKey(actor string) string { return r.ID.key("approver/" + actor) }
