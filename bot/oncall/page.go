package oncall

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// FollowerName is what the pager's cursor is stored under.
const FollowerName = "oncall"

// TimerPage is the What of the timer of the next page.
const TimerPage = "oncall.page"

func timerKey(id timeline.ID) string { return string(id) + "/" + FollowerName }

// Policy is how long silence lasts before somebody is paged again.
type Policy struct {
	Repeat   time.Duration // after this the same person again
	Escalate time.Duration // after this the next person; not less than Repeat
	Rounds   int           // how often it goes round the rota at the most
}

// DefaultPolicy is what an empty configuration means.
func DefaultPolicy() Policy {
	return Policy{Repeat: 2 * time.Minute, Escalate: 6 * time.Minute, Rounds: 3}
}

// Needed reports whether somebody has to be woken for an incident: it is SEV1 or
// SEV2, nobody has said that they are on it, and it is neither parked nor over by
// itself.
func Needed(i incident.Incident) bool {
	return i.NeedsAck() && severe(i.Severity) && i.Status != incident.Parked && i.Status != incident.Monitoring
}

func severe(s alert.Severity) bool { return s == alert.SEV1 || s == alert.SEV2 }

// Pager decides who is paged. It is the [timeline.Decider] of the incidents'
// timelines, and handles the timers that it sets. It decides inside the door from
// the incident and its timer alone: so a page and an acknowledgement never cross,
// and a restart in between pages nobody twice and forgets nobody.
type Pager struct {
	Rota   *Rota
	Policy Policy
	// Reached reports whether a page gets to a person at all; nil: it does. Others are
	// passed over, and the record says so: it must not say that they were woken.
	Reached func(person string) bool
}

var _ timeline.Decider = (*Pager)(nil)

// Handlers decide what follows from the pager's timers, by their What.
func (p *Pager) Handlers() map[string]timeline.Handler {
	return map[string]timeline.Handler{TimerPage: p.due}
}

// Decide starts paging when an incident comes to need somebody, and stops it.
func (p *Pager) Decide(v timeline.View, entries []timeline.Entry) (timeline.Decision, error) {
	id := entries[0].Timeline
	i, err := incident.Get(v, id)
	if problem.Is(err, problem.NotFound) {
		return timeline.Decision{}, nil
	}
	if err != nil {
		return timeline.Decision{}, err
	}
	_, paging, err := v.Timer(timerKey(id))
	if err != nil {
		return timeline.Decision{}, err
	}
	switch needed := Needed(i); {
	case paging && !needed && i.NeedsAck() && i.Status == incident.Monitoring:
		// What comes and goes is paged on in the rhythm that it has, not anew each time it
		// fires: the timer stays, and is moot when the incident is quiet then.
		return timeline.Decision{}, nil
	case paging && !needed:
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Cause: stopping(entries),
			Payload: &Stopped{Why: whyStopped(i)}, Effects: timeline.Effects{Clear: []string{timerKey(id)}}}}}, nil
	case !paging && needed:
		if why, cause, starts := reason(entries); starts {
			return p.page(v, id, cause, progress{}, v.Now(), why)
		}
	}
	return timeline.Decision{}, nil
}

func whyStopped(i incident.Incident) string {
	switch {
	case !i.AcknowledgedAt.IsZero() && !i.AckAgain:
		return i.OnIt + " is on it"
	case i.MergedInto != "":
		return fmt.Sprintf("merged into %s", i.MergedInto)
	case !i.Open(), i.Status == incident.Parked:
		return "it is " + string(i.Status)
	case !severe(i.Severity):
		return fmt.Sprintf("it is only %s", i.Severity)
	}
	return "it needs nobody now"
}

// stopping is the first entry that may have ended the need.
func stopping(entries []timeline.Entry) timeline.Ref {
	for _, e := range entries {
		switch e.Payload.(type) {
		case *incident.Acknowledged, *incident.StatusChanged, *incident.SeverityChanged, *incident.MergedInto, *incident.ParkedUntil:
			return e.Ref
		}
	}
	return entries[len(entries)-1].Ref
}

// reason finds the last entry that lets an incident need somebody. Others do not
// begin again what has ended without an answer.
func reason(entries []timeline.Entry) (why string, cause timeline.Ref, starts bool) {
	for _, e := range slices.Backward(entries) {
		switch p := e.Payload.(type) {
		case *incident.Declared:
			return fmt.Sprintf("a new %s", p.Severity), e.Ref, true
		case *incident.SeverityChanged:
			if p.To < p.From {
				return fmt.Sprintf("it is %s now", p.To), e.Ref, true
			}
		case *incident.StatusChanged:
			switch {
			case p.Reopened:
				return "it was reopened", e.Ref, true
			case p.From == incident.Parked:
				return "it is no longer parked", e.Ref, true
			case p.From == incident.Monitoring && p.To != incident.Resolved && p.To != incident.Closed:
				return "it fires again", e.Ref, true
			}
		case *incident.Unmerged:
			return "it is an incident of its own again", e.Ref, true
		}
	}
	return "", timeline.Ref{}, false
}

// progress is how far the pages of an incident have come: the timer's data.
type progress struct {
	Person  string    `json:"person"`
	Attempt int       `json:"attempt"`
	Round   int       `json:"round"`
	Since   time.Time `json:"since"` // of the person's first page in this round
	First   time.Time `json:"first"` // of the first page of all
	Asked   []string  `json:"asked"` // who was paged in this round
	All     []string  `json:"all"`   // who was paged in any
}

// due pages again, or the next person, or says that nobody answers.
func (p *Pager) due(v timeline.View, t timeline.Timer) (timeline.Decision, error) {
	i, err := incident.Get(v, t.Timeline)
	if problem.Is(err, problem.NotFound) {
		return timeline.Decision{}, nil
	}
	if err != nil || !Needed(i) {
		return timeline.Decision{}, err
	}
	var so progress
	if err := json.Unmarshal([]byte(t.Data), &so); err != nil {
		return timeline.Decision{}, fmt.Errorf("on-call timer: %w", err)
	}
	at := t.Due
	if late := v.Now().Sub(at); late >= p.Policy.Repeat/2 {
		// Wardroom was away. Time in which nobody was paged is no silence of theirs.
		at, so.Since = v.Now(), so.Since.Add(late)
	}
	silent := fmt.Sprintf("no answer for %s", words(at.Sub(so.First)))
	if len(so.All) > 0 && at.Sub(so.Since) >= p.Policy.Escalate {
		silent = fmt.Sprintf("no answer from %s for %s", so.Person, words(at.Sub(so.Since)))
	}
	return p.page(v, t.Timeline, timeline.Ref{}, so, at, silent)
}

// page records the page that follows on so, as of at, and sets the timer of the
// next one. A zero cause leaves it to the runtime.
func (p *Pager) page(v timeline.View, id timeline.ID, cause timeline.Ref, so progress, at time.Time, why string) (timeline.Decision, error) {
	at = timeline.Stamp(at)
	next, more := p.next(so, at)
	if !more {
		_, unreached := p.order(at)
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Cause: cause,
			Payload: &Unanswered{People: so.All, Rounds: so.Round, Since: so.First, Unreached: unreached}}}}, nil
	}
	if _, unreached := p.order(at); so.Person == "" && slices.Contains(unreached, p.Rota.Order(at)[0]) {
		why += fmt.Sprintf("; %s is on call, and no page reaches them", unreached[0])
	}
	ends := next.Since.Add(p.Policy.Escalate)
	timer := at.Add(p.Policy.Repeat)
	if timer.After(ends) {
		timer = ends
	}
	if next.Round > 1 && next.Attempt == 1 && next.Round != so.Round {
		why += fmt.Sprintf("; round %d of %d", next.Round, p.Policy.Rounds)
	}
	payload := &Paged{Person: next.Person, Round: next.Round, Attempt: next.Attempt, Why: why}
	if after, goesOn := p.next(next, ends); goesOn && after.Person != next.Person {
		payload.Then, payload.ThenAt = after.Person, ends
	}
	data, err := json.Marshal(next)
	if err != nil {
		return timeline.Decision{}, fmt.Errorf("on-call timer: %w", err)
	}
	return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Cause: cause, Payload: payload,
		Effects: timeline.Effects{Set: []timeline.Timer{{Key: timerKey(id), Due: timer, Timeline: id, What: TimerPage, Data: string(data)}}}}}}, nil
}

// next is the progress after the page at at; none when the rounds are over. The
// order is that of the rota as it is at that time, so a handover and a changed
// configuration hold at the next person.
func (p *Pager) next(so progress, at time.Time) (progress, bool) {
	if so.Person != "" && at.Sub(so.Since) < p.Policy.Escalate {
		so.Attempt++
		return so, true
	}
	order, _ := p.order(at)
	if len(order) == 0 {
		return so, false
	}
	left := slices.DeleteFunc(slices.Clone(order), func(name string) bool { return slices.Contains(so.Asked, name) })
	switch {
	case so.Person == "":
		so.First, so.Round = at, 1
	case len(left) == 0:
		so.Round++
		so.Asked, left = nil, order
	}
	if so.Round > p.Policy.Rounds {
		so.Round = p.Policy.Rounds
		return so, false
	}
	so.Person, so.Attempt, so.Since = left[0], 1, at
	so.Asked = append(slices.Clone(so.Asked), so.Person)
	if !slices.Contains(so.All, so.Person) {
		so.All = append(slices.Clone(so.All), so.Person)
	}
	return so, true
}

// order is the rota's, without those whom no page reaches.
func (p *Pager) order(at time.Time) (reached, unreached []string) {
	for _, name := range p.Rota.Order(at) {
		if p.Reached == nil || p.Reached(name) {
			reached = append(reached, name)
		} else {
			unreached = append(unreached, name)
		}
	}
	return reached, unreached
}

// Validate names everything that cannot be meant.
func (p Policy) Validate() error {
	var faults []error
	fail := func(field, format string, args ...any) {
		faults = append(faults, &SpecError{field, -1, fmt.Errorf(format, args...)})
	}
	if p.Repeat < 30*time.Second || p.Repeat > time.Hour {
		fail("repeat", "%s is not between 30s and 1h", words(p.Repeat))
	}
	if p.Escalate < p.Repeat || p.Escalate > 24*time.Hour {
		fail("escalate", "%s is not between repeat and 24h", words(p.Escalate))
	}
	if p.Rounds < 1 || p.Rounds > 20 {
		fail("rounds", "%d is not between 1 and 20", p.Rounds)
	}
	return errors.Join(faults...)
}

// words is a duration as people say it: "30 s", "6 min", "1 h 30 min".
func words(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute || d%time.Minute != 0 && d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d%time.Hour < time.Minute:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// Ongoing is an incident that people are being paged for.
type Ongoing struct {
	ID     timeline.ID `json:"incident"`
	Person string      `json:"person"` // who was paged last
	Since  time.Time   `json:"since"`  // of the first page
	Next   time.Time   `json:"next"`   // of the next page
}

// Paging lists the incidents that people are being paged for, the next page first.
func Paging(v timeline.View) ([]Ongoing, error) {
	open, err := incident.Open(v)
	if err != nil {
		return nil, err
	}
	var list []Ongoing
	for _, i := range open {
		t, set, err := v.Timer(timerKey(i.ID))
		if err != nil {
			return nil, err
		}
		var so progress
		if !set || !Needed(i) || json.Unmarshal([]byte(t.Data), &so) != nil {
			continue
		}
		list = append(list, Ongoing{ID: i.ID, Person: so.Person, Since: so.First, Next: t.Due})
	}
	slices.SortStableFunc(list, func(a, b Ongoing) int { return a.Next.Compare(b.Next) })
	return list, nil
}
