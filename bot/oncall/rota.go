// Package oncall says who is woken for an incident, and wakes them: the rota, the
// pages as entries and timers, and the links that acknowledge without a login.
//
// It sends nothing itself. A page is an entry ([Paged]); followers carry it to
// phones and rooms.
package oncall

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rota is who is on call when: persons in turn, a week each, and overrides that
// take precedence. It is fixed once made and safe for use by many goroutines.
type Rota struct {
	spec  RotaSpec
	first time.Time // the first handover, as a civil date at noon UTC
}

// RotaSpec is what a rota is made from.
type RotaSpec struct {
	People   []string // in the order of their turns; may be empty where overrides say it all
	Handover Handover
	Zone     *time.Location // in which handovers are; nil: UTC
	// Since is the day on which the first of People begins, a day of Handover; only
	// its date counts. Zero: the turns are counted from a day long ago, so that there
	// is no beginning.
	Since time.Time
	// Overrides replace whoever's turn it is. Where two overlap the later in the list
	// holds.
	Overrides []Override
}

// Handover is when a turn ends and the next one begins, each week.
type Handover struct {
	Weekday      time.Weekday
	Hour, Minute int
}

// String is "monday 09:00".
func (h Handover) String() string {
	return fmt.Sprintf("%s %02d:%02d", strings.ToLower(h.Weekday.String()), h.Hour, h.Minute)
}

// ParseHandover reads "monday 09:00", "Mon 09:00".
func ParseHandover(s string) (Handover, error) {
	wrong := fmt.Errorf("%q is not a weekly time: write it as monday 09:00", s)
	day, clock, two := strings.Cut(strings.Join(strings.Fields(strings.ToLower(s)), " "), " ")
	at, err := time.Parse("15:04", clock)
	if !two || err != nil {
		return Handover{}, wrong
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := strings.ToLower(d.String()); day == name || day == name[:3] {
			return Handover{d, at.Hour(), at.Minute()}, nil
		}
	}
	return Handover{}, wrong
}

// Override puts a person on call from From until To, whoever's turn it is.
type Override struct {
	From, To time.Time
	Person   string
}

func (o Override) holds(t time.Time) bool { return !t.Before(o.From) && t.Before(o.To) }

// Shift is one person's uninterrupted time on call. Person "" is a gap: nobody is
// on call. A zero To has no end in sight.
type Shift struct {
	Person string    `json:"person"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"`
}

// SpecError is one thing that is wrong with a rota.
type SpecError struct {
	Field string // "people", "since", "overrides"
	Index int    // in a list; -1 where there is none
	Err   error
}

func (e *SpecError) Error() string { return e.Err.Error() }
func (e *SpecError) Unwrap() error { return e.Err }

// anchor begins the turns where no date is given: long before anything that is
// asked for.
var anchor = time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC) // a Monday

// NewRota makes a rota. All that is wrong comes back at once, as joined
// *SpecErrors.
func NewRota(s RotaSpec) (*Rota, error) {
	var faults []error
	fail := func(field string, index int, format string, args ...any) {
		faults = append(faults, &SpecError{field, index, fmt.Errorf(format, args...)})
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	for n, p := range s.People {
		if first := slices.Index(s.People, p); first < n {
			fail("people", n, "%s is there twice: a turn each", p)
		}
	}
	if len(s.People) == 0 && len(s.Overrides) == 0 {
		fail("people", -1, "nobody is on the rota")
	}
	for n, o := range s.Overrides {
		if !o.From.Before(o.To) {
			fail("overrides", n, "must end after it begins")
		}
	}
	first := anchor.AddDate(0, 0, int((s.Handover.Weekday-anchor.Weekday()+7)%7))
	if !s.Since.IsZero() {
		first = time.Date(s.Since.Year(), s.Since.Month(), s.Since.Day(), 12, 0, 0, 0, time.UTC)
		if off := int((first.Weekday() - s.Handover.Weekday + 7) % 7); off != 0 {
			before := first.AddDate(0, 0, -off)
			fail("since", -1, "%s is a %s, and the handover is on a %s: write %s or %s", first.Format(time.DateOnly), first.Weekday(),
				s.Handover.Weekday, before.Format(time.DateOnly), before.AddDate(0, 0, 7).Format(time.DateOnly))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	s.People, s.Overrides = slices.Clone(s.People), slices.Clone(s.Overrides)
	return &Rota{s, first}, nil
}

// People are all that the rota may put on call: those with a turn, in order, then
// those that only overrides name.
func (r *Rota) People() []string {
	all := slices.Clone(r.spec.People)
	for _, o := range r.spec.Overrides {
		if !slices.Contains(all, o.Person) {
			all = append(all, o.Person)
		}
	}
	return all
}

// Zone is in which handovers are.
func (r *Rota) Zone() *time.Location { return r.spec.Zone }

// handover is the beginning of turn n. It is reckoned by the calendar, so that
// it stays at its hour when the clocks change; in the hour that a change leaves
// out it is an hour off, as package time has it.
func (r *Rota) handover(n int) time.Time {
	d := r.first.AddDate(0, 0, 7*n)
	return time.Date(d.Year(), d.Month(), d.Day(), r.spec.Handover.Hour, r.spec.Handover.Minute, 0, 0, r.spec.Zone)
}

// turn is the number of the turn at t; negative before the first.
func (r *Rota) turn(t time.Time) int {
	local := t.In(r.spec.Zone)
	day := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, time.UTC)
	days := int(day.Sub(r.first).Hours() / 24)
	n := days / 7
	for r.handover(n).After(t) {
		n--
	}
	for !r.handover(n + 1).After(t) {
		n++
	}
	return n
}

// at is who is on call at t, "" for nobody.
func (r *Rota) at(t time.Time) string {
	for _, o := range slices.Backward(r.spec.Overrides) {
		if o.holds(t) {
			return o.Person
		}
	}
	if n := r.turn(t); n >= 0 && len(r.spec.People) > 0 {
		return r.spec.People[n%len(r.spec.People)]
	}
	return ""
}

// change is the first time after t at which somebody else may be on call; zero
// when there is none.
func (r *Rota) change(t time.Time) time.Time {
	var next time.Time
	sooner := func(c time.Time) {
		if c.After(t) && (next.IsZero() || c.Before(next)) {
			next = c
		}
	}
	if len(r.spec.People) > 1 {
		sooner(r.handover(max(r.turn(t)+1, 0)))
	} else if len(r.spec.People) == 1 {
		sooner(r.handover(0))
	}
	for _, o := range r.spec.Overrides {
		sooner(o.From)
		sooner(o.To)
	}
	return next
}

// horizon bounds how many changes are looked through for the end of a shift.
const horizon = 1000

// OnCall is who is on call at t, and until when. Person "" says that nobody is; a
// zero until, that nothing ends it.
func (r *Rota) OnCall(t time.Time) (person string, until time.Time) {
	person = r.at(t)
	until = r.change(t)
	for range horizon {
		if until.IsZero() || r.at(until) != person {
			return person, until
		}
		until = r.change(until)
	}
	return person, time.Time{}
}

// Schedule is the shift at from and those that follow, at most n in all. Gaps are
// shifts of nobody.
func (r *Rota) Schedule(from time.Time, n int) []Shift {
	var list []Shift
	for len(list) < n {
		person, until := r.OnCall(from)
		list = append(list, Shift{Person: person, From: from, To: until})
		if until.IsZero() {
			break
		}
		from = until
	}
	return list
}

// Order is in which order people are woken at t: whoever is on call, then the
// rota from whose turn it is, each once. In a gap it is those who come next; it is
// empty when there is nobody at all.
func (r *Rota) Order(t time.Time) []string {
	var order []string
	add := func(p string) {
		if p != "" && !slices.Contains(order, p) {
			order = append(order, p)
		}
	}
	on := r.at(t)
	add(on)
	if turns := len(r.spec.People); turns > 0 {
		begin := max(r.turn(t), 0)
		if at := slices.Index(r.spec.People, on); at >= 0 {
			begin = at // the turns go on from the person, also when an override put them there
		}
		for n := range turns {
			add(r.spec.People[(begin+n)%turns])
		}
	}
	return order
}

// After is who is woken at t when person does not answer: the next in
// [Rota.Order], and after the last the first again. It is person when there is
// nobody else, and "" when there is nobody at all.
func (r *Rota) After(t time.Time, person string) string {
	order := r.Order(t)
	if len(order) == 0 {
		return ""
	}
	return order[(slices.Index(order, person)+1)%len(order)]
}
