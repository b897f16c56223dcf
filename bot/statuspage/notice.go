package statuspage

import (
	"maps"
	"slices"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// WithdrawnText stands where an update's text was erased.
const WithdrawnText = "This update was withdrawn."

// act is one entry of a notice. A notice is always derived from all its acts, so
// that an erased one leaves the same state as if it had never been readable.
type act struct {
	Entry      timeline.Ref  `json:"entry"`
	Of         timeline.Ref  `json:"of,omitzero"` // the entry that this one corrects
	Kind       timeline.Kind `json:"kind"`
	OccurredAt time.Time     `json:"occurred_at"`
	RecordedAt time.Time     `json:"recorded_at"`
	Posted     *Posted       `json:"posted,omitempty"` // all are nil when the payload was erased
	Backdated  *Backdated    `json:"backdated,omitempty"`
	Component  *ComponentSet `json:"component,omitempty"`
}

// row is what the table holds: the notice, and what it is derived from.
type row struct {
	Notice
	Acts []act `json:"acts"`
}

// Notices holds the notices under their incidents' ids.
var Notices = timeline.Table[Notice]{Schema: noticeSchema, Row: func(n Notice) (string, []any) { return rows.Row(row{Notice: n}) }}

var noticeSchema = timeline.Schema{Name: "notices", Columns: []string{"number", "started_at", "is_open"}}

// rows is [Notices] with the acts.
var rows = timeline.Table[row]{
	Schema: noticeSchema,
	Row: func(r row) (string, []any) {
		return string(r.Incident), []any{r.Incident.Number(), r.StartedAt.UnixMicro(), r.Open()}
	},
}

// Open reports whether the public still waits for the end.
func (n Notice) Open() bool { return n.State != Resolved }

// Latest returns the newest update; a notice always has one.
func (n Notice) Latest() Update { return n.Updates[len(n.Updates)-1] }

// Level is the worst level of the components that the notice names.
func (n Notice) Level() Level {
	worst := Operational
	for _, l := range n.Components {
		worst = worst.Worse(l)
	}
	return worst
}

// Get returns the notice of an incident, and whether anything was posted.
func Get(r timeline.Reader, id timeline.ID) (Notice, bool, error) { return Notices.Get(r, string(id)) }

// AsOf returns the notice as it was after the entry seq of its timeline.
func AsOf(r timeline.Reader, id timeline.ID, seq int64) (Notice, bool, error) {
	return of(r, id, func(a act) bool { return a.Entry.Seq <= seq })
}

// toPublish is [AsOf] with all corrections, also later ones: what is known to be
// wrong by now is brought to no page any more.
func toPublish(r timeline.Reader, id timeline.ID, seq int64) (Notice, bool, error) {
	return of(r, id, func(a act) bool { return a.Entry.Seq <= seq || !a.Of.IsZero() })
}

// of derives a notice from the acts that count.
func of(r timeline.Reader, id timeline.ID, counts func(act) bool) (Notice, bool, error) {
	stored, known, err := rows.Get(r, string(id))
	if err != nil || !known {
		return Notice{}, false, err
	}
	acts := slices.DeleteFunc(stored.Acts, func(a act) bool { return !counts(a) })
	if len(acts) == 0 || !acts[0].Of.IsZero() { // corrections of what is not told yet
		return Notice{}, false, nil
	}
	return derive(id, acts), true, nil
}

// must returns the notice, or a problem that says that nothing was posted.
func must(r timeline.Reader, id timeline.ID) (Notice, error) {
	n, posted, err := Get(r, id)
	if err == nil && !posted {
		err = problem.New(problem.NotFound, "nothing is posted on the status page for %s yet", id).
			WithHint("`status post` creates the status incident")
	}
	return n, err
}

// derive makes the notice that its acts tell. The first act is always a post.
func derive(id timeline.ID, acts []act) Notice {
	n := Notice{Incident: id, State: Investigating, Title: "Incident " + string(id), CreatedAt: acts[0].RecordedAt}
	for _, a := range acts {
		switch {
		case a.Kind == (*Posted)(nil).Kind() && a.Of.IsZero():
			n.post(a)
		case a.Kind == (*Posted)(nil).Kind():
			n.correct(a)
		case a.Backdated != nil:
			n.backdate(a)
		case a.Component != nil:
			n.set(map[string]Level{a.Component.Component: a.Component.Level})
		}
	}
	return n
}

func (n *Notice) post(a act) {
	u := Update{Entry: a.Entry, State: n.State, Text: WithdrawnText, At: a.OccurredAt, PostedAt: a.RecordedAt, Withdrawn: true}
	if p := a.Posted; p != nil {
		u.State, u.Text, u.Withdrawn = p.State, p.Body, false
		if !p.At.IsZero() {
			u.At = p.At
		}
		if p.Title != "" {
			n.Title = p.Title
		}
		n.set(p.Components)
	}
	if len(n.Updates) == 0 {
		n.StartedAt, n.Backdated = u.At, u.At.Before(u.PostedAt)
	}
	n.State = u.State
	n.ResolvedAt = time.Time{}
	if u.State == Resolved {
		n.ResolvedAt = u.At
	}
	n.Updates = append(n.Updates, u)
}

// correct replaces the text of an update. Its state, its times and the components
// stay; an erased correction withdraws the text, it does not bring the old one back.
func (n *Notice) correct(a act) {
	i := slices.IndexFunc(n.Updates, func(u Update) bool { return u.Entry == a.Of || u.Correction == a.Of })
	if i < 0 {
		return
	}
	u := &n.Updates[i]
	if !u.Withdrawn {
		u.Before = append(u.Before, u.Text)
	}
	u.Text, u.Withdrawn, u.CorrectedAt, u.Correction = WithdrawnText, true, a.RecordedAt, a.Entry
	if a.Posted != nil {
		u.Text, u.Withdrawn = a.Posted.Body, false
	}
}

// backdate moves the start, and with it the first update as long as that is the
// only one or would be shown before the start.
func (n *Notice) backdate(a act) {
	b := a.Backdated
	n.StartedAt, n.StartedWhy, n.Backdated, n.BackdatedAt = b.StartedAt, b.Why, true, a.RecordedAt
	first := &n.Updates[0]
	if len(n.Updates) == 1 || first.At.Before(b.StartedAt) {
		first.At = b.StartedAt
		if first.State == Resolved && len(n.Updates) == 1 {
			n.ResolvedAt = first.At
		}
	}
}

func (n *Notice) set(levels map[string]Level) {
	if len(levels) > 0 && n.Components == nil {
		n.Components = map[string]Level{}
	}
	maps.Copy(n.Components, levels)
}
