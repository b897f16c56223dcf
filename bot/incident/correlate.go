package incident

import (
	"fmt"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Correlator turns alerts that the log received into incidents: it follows the
// log, and what it decides commits together with its place there, so each alert
// counts exactly once. It holds no state.
type Correlator struct {
	Routes alert.Routes
	Rules  Rules
}

var _ timeline.Decider = (*Correlator)(nil)

// Decide reads the open incidents once for all entries and one row for each
// alert. Alerts of one batch that join the same incident share one entry.
func (c *Correlator) Decide(v timeline.View, entries []timeline.Entry) (timeline.Decision, error) {
	b := &batch{Correlator: c, view: v, known: map[timeline.ID]*working{}, seats: map[string]alert.Membership{}}
	for _, e := range entries {
		var err error
		switch p := e.Payload.(type) {
		case *alert.Received:
			if p.Alert.Status == alert.Firing {
				err = b.fires(e, p)
			} else {
				err = b.resolves(e, p)
			}
		case *alert.Changed:
			err = b.changes(e, p)
		}
		if err != nil {
			return timeline.Decision{}, err
		}
	}
	return timeline.Decision{Entries: b.drafts()}, nil
}

// batch is what Decide knows while it decides: the stored state and, on top of
// it, what this decision has changed.
type batch struct {
	*Correlator
	view  timeline.View
	known map[timeline.ID]*working
	// open and recent are candidates to join or to reopen, the newest first.
	open, recent []*working
	loaded       bool // open
	looked       bool // for recent
	touched      []*working
	seats        map[string]alert.Membership
	next         int // the number of the next incident; 0: not looked up yet
}

// working is an incident as this decision leaves it so far.
type working struct {
	Incident
	before   Incident // as stored
	declared *Declared
	isNew    bool
	isTaken  bool // in batch.touched
	cause    timeline.Ref
	at       time.Time // received time of the alert that opened or reopened it
	reopen   string    // why it is reopened
	steps    []*step
	last     map[string]int // alert key → index of the last step that names it
	lead     string         // name of an alert that newly fires
	worst    alert.Severity // the worst severity that joined
	title    string         // of the alert that did
	clearAt  time.Time      // received time of the last resolution
	start    *StartClaimed  // an earlier start than known, from an alert
}

func (b *batch) fires(e timeline.Entry, p *alert.Received) error {
	route := b.Routes.For(p.Alert)
	if route.Action == alert.Ignore {
		return nil
	}
	if err := b.load(); err != nil {
		return err
	}
	seat, err := b.seat(p.Alert.Key())
	if err != nil {
		return err
	}
	f := firing{entry: e, alert: p.Alert, brief: brief(p.Alert, p.Value), route: route, traits: b.Rules.traits(p.Alert.Labels), seat: seat}
	home, why, err := b.place(f)
	if err != nil {
		return err
	}
	if home == nil {
		if route.Action != alert.Open {
			return nil
		}
		if home, err = b.declare(f); err != nil {
			return err
		}
	}
	if err := b.leave(home, f); err != nil {
		return err
	}
	b.join(home, f, why)
	return nil
}

// leave takes an alert that still counts as firing out of an incident that is
// over, where its resolution was never heard.
func (b *batch) leave(home *working, f firing) error {
	if !f.seat.Firing || f.seat.Incident == home.ID {
		return nil
	}
	old, err := b.get(f.seat.Incident)
	if err != nil || old == nil || old.MergedInto != "" {
		return err
	}
	s := old.step(stepPart, f.alert.Key(), f.entry)
	s.to = home.ID
	s.add(f.brief)
	s.firing--
	old.Alerts.Firing = max(old.Alerts.Firing-1, 0)
	b.take(old)
	return nil
}

// firing is one alert that looks for its incident.
type firing struct {
	entry  timeline.Entry
	alert  alert.Alert
	brief  alert.Brief
	route  alert.Route
	traits traits
	seat   alert.Membership
}

func (b *batch) resolves(e timeline.Entry, p *alert.Received) error {
	key := p.Alert.Key()
	seat, err := b.seat(key)
	if err != nil || !seat.Firing || seat.Incident == "" {
		return err
	}
	w, err := b.get(seat.Incident)
	if err != nil || w == nil {
		return err
	}
	s := w.step(stepClear, key, e)
	s.add(brief(p.Alert, p.Value))
	s.firing--
	w.Alerts.Firing = max(w.Alerts.Firing-1, 0)
	w.clearAt = e.RecordedAt
	b.seats[key] = alert.Membership{Incident: seat.Incident}
	b.take(w)
	return nil
}

func (b *batch) changes(e timeline.Entry, p *alert.Changed) error {
	row, known, err := alert.Table.Get(b.view, p.Key)
	if err != nil || !known {
		return err
	}
	seat, moved := b.seats[p.Key]
	if !moved {
		seat = row.Last
	}
	if !seat.Firing || seat.Incident == "" {
		return nil
	}
	w, err := b.get(seat.Incident)
	if err != nil || w == nil || !w.Open() {
		return err
	}
	a := row.Alert
	a.Status, a.EndsAt = alert.Firing, time.Time{}
	if p.Annotations != nil {
		a.Annotations = p.Annotations
	}
	w.step(stepUpdate, p.Key, e).set(brief(a, p.Value))
	b.take(w)
	return nil
}

// join puts an alert into its incident, as this decision leaves it.
func (b *batch) join(w *working, f firing, why string) {
	key := f.alert.Key()
	s := w.step(stepJoin, key, f.entry)
	s.add(f.brief)
	s.because(why)
	s.share(unseen(w.Incident, f.traits.lists()))
	w.share(f.traits.lists())
	if f.seat.Incident != w.ID {
		s.total++
		w.Alerts.Total++
	}
	if f.seat.Incident != w.ID || !f.seat.Firing {
		s.firing++
		w.Alerts.Firing++
	}
	w.lead, w.LastJoinAt = f.brief.Name, f.entry.RecordedAt
	b.seats[key] = alert.Membership{Incident: w.ID, Firing: true}
	if f.route.Action == alert.Open {
		w.weigh(f)
	}
	b.take(w)
}

// weigh lets an alert that would have opened an incident itself speak for its
// severity and its beginning.
func (w *working) weigh(f firing) {
	if w.worst == 0 || f.route.Severity < w.worst {
		w.worst, w.title = f.route.Severity, titleOf(f.alert)
	}
	began := startOf(f)
	if w.isNew && w.declared != nil {
		if f.route.Severity < w.declared.Severity {
			w.declared.Severity, w.declared.Title = f.route.Severity, w.title
		}
		if began.Before(w.declared.StartedAt) && began.After(w.at.Add(-startSlack)) {
			w.declared.StartedAt, w.declared.StartedWhy = began, selfEvidence(f.alert)
		}
		return
	}
	if w.StartedBy == people.Bot.String() && began.Before(w.StartedAt) && began.After(w.DetectedAt.Add(-startSlack)) {
		w.StartedAt = began
		w.start = &StartClaimed{StartedAt: began, Why: selfEvidence(f.alert)}
	}
}

// startSlack bounds how much earlier than its detection an alert that joins may
// say that an incident began: one that fires for days tells nothing of this one.
const startSlack = time.Hour

// startOf is when the alert says it began; an alert cannot begin after it was received.
func startOf(f firing) time.Time {
	t := timeline.Stamp(f.alert.StartsAt)
	if t.IsZero() || t.After(f.entry.RecordedAt) || t.Before(earliest) {
		return f.entry.RecordedAt
	}
	return t
}

// declare opens an incident for an alert that belongs to none.
func (b *batch) declare(f firing) (*working, error) {
	if b.next == 0 {
		n, err := nextNumber(b.view)
		if err != nil {
			return nil, err
		}
		b.next = n
	}
	id := timeline.Incident(b.next)
	p := &Declared{Title: titleOf(f.alert), Severity: f.route.Severity, StartedAt: startOf(f), StartedWhy: selfEvidence(f.alert)}
	w := &working{Incident: Incident{ID: id, Number: b.next, Status: Investigating, StatusBy: people.Bot.String(), Severity: p.Severity,
		DetectedAt: f.entry.RecordedAt, DeclaredBy: people.Bot.String()},
		declared: p, isNew: true, cause: f.entry.Ref, at: f.entry.RecordedAt}
	b.next++
	b.known[id] = w
	b.open = append([]*working{w}, b.open...)
	return w, nil
}

func (b *batch) take(w *working) {
	if !w.isTaken {
		w.isTaken = true
		b.touched = append(b.touched, w)
	}
}

// load reads the candidates to join once.
func (b *batch) load() error {
	if b.loaded {
		return nil
	}
	b.loaded = true
	open, err := Open(b.view)
	if err != nil {
		return err
	}
	for _, i := range open {
		b.open = append(b.open, b.keep(i))
	}
	return nil
}

// lately returns the candidates to reopen. They are read when an alert first finds no
// other home: most do.
func (b *batch) lately(now time.Time) ([]*working, error) {
	if b.looked {
		return b.recent, nil
	}
	b.looked = true
	resolved, err := Table.Select(b.view, timeline.Query{OrderBy: "number", Desc: true, Where: []timeline.Where{
		{Column: "status", Value: string(Resolved)}, {Column: "updated_at", Op: ">=", Value: now.Add(-b.Rules.ReopenWithin).UnixMicro()}}})
	for _, i := range resolved {
		if i.MergedInto == "" {
			b.recent = append(b.recent, b.keep(i))
		}
	}
	return b.recent, err
}

func (b *batch) keep(i Incident) *working {
	if w, have := b.known[i.ID]; have {
		return w
	}
	w := &working{Incident: i, before: i}
	w.Shared = nil
	w.share(i.Shared) // a copy: before must stay as stored
	b.known[i.ID] = w
	return w
}

// get returns an incident, or nil when there is none.
func (b *batch) get(id timeline.ID) (*working, error) {
	if w, have := b.known[id]; have {
		return w, nil
	}
	i, err := Get(b.view, id)
	if problem.Is(err, problem.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return b.keep(i), nil
}

// seat says where an alert stands, this decision included.
func (b *batch) seat(key string) (alert.Membership, error) {
	if m, moved := b.seats[key]; moved {
		return m, nil
	}
	return alert.SeatOf(b.view, key)
}

func (t traits) lists() map[string][]string {
	lists := make(map[string][]string, len(t))
	for label, v := range t {
		lists[label] = []string{v}
	}
	return lists
}

// reopened takes up a resolved incident again.
func (b *batch) reopened(w *working, f firing, why string) {
	if w.reopen == "" {
		w.reopen, w.cause, w.at = why, f.entry.Ref, f.entry.RecordedAt
		w.Status, w.StatusBy, w.ReopenedAt = Investigating, people.Bot.String(), f.entry.RecordedAt
		b.open = append([]*working{w}, b.open...)
	}
}

func shortDuration(d time.Duration) string {
	if d >= time.Hour && d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}
