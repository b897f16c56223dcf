package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// decision collects what one update records. It runs inside the writer.
type decision struct {
	timeline.Decision
	result Result
	noted  []note

	view  timeline.View
	codec *timeline.Codec
	how   manner
	now   time.Time
	// What this decision has changed already, so that an alert that stands in a
	// batch twice meets itself. nil when none does.
	rows  map[string]Current
	notes map[string]*note
}

func newDecision(v timeline.View, codec *timeline.Codec, how manner, repeats bool) *decision {
	d := &decision{view: v, codec: codec, how: how, now: v.Now()}
	if repeats {
		d.rows, d.notes = map[string]Current{}, map[string]*note{}
	}
	return d
}

// relation of a notification to the episode of an alert that is known.
type relation int

const (
	older relation = iota // an episode that is over
	same
	newer
)

func relate(row *Current, in *incoming) relation {
	a := &in.received.Alert
	switch {
	case in.undated && (row.Status == Firing || a.Status == Resolved):
		return same
	case in.approximate && !a.StartsAt.After(row.EndsAt):
		return older // it was said before the end, and comes late
	case in.undated:
		return newer
	case a.StartsAt.Equal(row.StartsAt):
		return same
	case a.StartsAt.After(row.StartsAt):
		return newer
	case ends(row, a):
		return same
	}
	return older
}

// ends reports whether a resolves the episode in row although it says that it
// began earlier: two Prometheus servers that evaluate the same rule name two
// beginnings, and Alertmanager comes to prefer the earlier. It had not ended
// when the episode in row began, so it is not the one before.
func ends(row *Current, a *Alert) bool {
	return row.Status == Firing && a.Status == Resolved && a.StartsAt.Before(row.StartsAt) && a.EndsAt.After(row.StartsAt)
}

func (d *decision) decide(in *incoming) error {
	row, known, err := d.row(in.key)
	if err != nil {
		return err
	}
	if !known {
		return d.receive(in, in.sealed, in.received, timeline.Ref{})
	}
	a := &in.received.Alert
	switch relate(&row, in) {
	case same:
		switch {
		case row.Status == Firing && a.Status == Firing:
			return d.change(&row, in)
		case row.Status == Firing:
			return d.resolve(&row, in)
		case a.Status == Firing && d.firesAgain(&row):
			return d.refire(&row, in)
		}
	case newer:
		return d.succeed(&row, in)
	}
	d.result.Repeated++
	return nil
}

// firesAgain tells an episode that goes on after it was held resolved from a
// notification that comes late.
func (d *decision) firesAgain(row *Current) bool {
	if !d.how.asOf.IsZero() {
		return row.LastSeen.Add(settle).Before(d.how.asOf)
	}
	return !d.now.Before(row.LastSeen.Add(refireAfter))
}

// receive records an alert that is new in its status.
func (d *decision) receive(in *incoming, p timeline.Payload, r *Received, cause timeline.Ref) error {
	d.Entries = append(d.Entries, timeline.Draft{Timeline: timeline.Log, Payload: p, Actor: people.Source(r.Alert.Source), Cause: cause})
	d.result.New++
	if d.rows != nil {
		row, known := d.rows[in.key]
		if !known {
			var err error
			if row, known, err = Table.Get(d.view, in.key); err != nil {
				return err
			}
		}
		// Received stays that of the stored row: an entry has no place before the commit.
		d.rows[in.key] = next(row, known, r, row.Received, d.now)
	}
	return nil
}

// succeed records an episode after the one in row; what is still noted of that
// one goes first.
func (d *decision) succeed(row *Current, in *incoming) error {
	if row.Status == Firing {
		if err := d.flush(row); err != nil {
			return err
		}
	}
	return d.receive(in, in.sealed, in.received, timeline.Ref{})
}

// resolve records the end of the episode in row with the peak of its value,
// whatever part of it is only noted yet.
func (d *decision) resolve(row *Current, in *incoming) error {
	if !in.expect.IsZero() && in.expect != row.Received {
		d.result.Repeated++ // it is another episode by now
		return nil
	}
	base, pending, err := d.base(row)
	if err != nil {
		return err
	}
	value := base.value
	if len(in.received.Alert.Annotations) > 0 {
		value = value.follow(base.annotations, in.received.Alert.Annotations, row.FirstSeen, d.now)
	}
	if pending {
		d.forget(in.key)
	}
	bare := len(in.received.Alert.Labels) == 0 && len(row.Labels) > 0
	if !in.undated && !bare && (value == nil || value == row.Value && !value.moved()) {
		return d.receive(in, in.sealed, in.received, row.Received)
	}
	r := *in.received
	r.Value = value
	if bare { // all that a sender may say is "7 is over"
		r.Alert.Labels, r.Alert.Annotations, r.Alert.GeneratorURL = row.Labels, row.Annotations, row.GeneratorURL
	}
	if in.undated {
		r.Alert.StartsAt = row.StartsAt
		if r.Alert.EndsAt.Before(row.StartsAt) {
			r.Alert.EndsAt = row.StartsAt
		}
	}
	return d.reseal(in, &r, row.Received)
}

// refire records that the episode in row goes on.
func (d *decision) refire(row *Current, in *incoming) error {
	r := *in.received
	r.Value = row.Value.follow(row.Annotations, r.Alert.Annotations, row.FirstSeen, d.now)
	return d.reseal(in, &r, row.Received)
}

func (d *decision) reseal(in *incoming, r *Received, cause timeline.Ref) error {
	sealed, err := d.codec.Seal(r)
	if err != nil {
		return err
	}
	return d.receive(in, sealed, r, cause)
}

// change records, or notes, that a firing alert says something else now.
func (d *decision) change(row *Current, in *incoming) error {
	base, pending, err := d.base(row)
	if err != nil {
		return err
	}
	a := &in.received.Alert
	if maps.Equal(base.annotations, a.Annotations) {
		d.result.Repeated++
		return nil
	}
	d.result.Changed++
	n := note{Key: in.key, StartsAt: row.StartsAt, Annotations: a.Annotations, At: d.now,
		Value: base.value.follow(base.annotations, a.Annotations, row.FirstSeen, d.now), Due: row.ChangedAt.Add(changeEvery)}
	if !n.Due.After(d.now) {
		if pending {
			d.forget(in.key)
		}
		d.changed(row, &n)
		return nil
	}
	return d.note(n)
}

// changed records a change. The row's own entry is its cause, so that an erasure
// reaches it.
func (d *decision) changed(row *Current, n *note) {
	d.Entries = append(d.Entries, timeline.Draft{Timeline: timeline.Log, OccurredAt: n.At, Cause: row.Received, Actor: people.Source(row.Source),
		Payload: &Changed{Key: n.Key, Name: row.Name(), Annotations: n.Annotations, Value: n.Value}})
	if d.rows != nil {
		c := *row
		amend(&c, n.Annotations, n.Value, d.now)
		d.rows[n.Key] = c
	}
}

// flush records what is noted of row's alert, if anything is.
func (d *decision) flush(row *Current) error {
	n, err := d.noteOf(row.Key())
	if err != nil || n == nil {
		return err
	}
	d.forget(n.Key)
	if row.Status == Firing && n.StartsAt.Equal(row.StartsAt) {
		d.changed(row, n)
	}
	return nil
}

// text is what is known last of what an alert says, recorded or noted.
type text struct {
	annotations map[string]string
	value       *Value
}

func (d *decision) base(row *Current) (_ text, pending bool, err error) {
	n, err := d.noteOf(row.Key())
	if err != nil {
		return text{}, false, err
	}
	if n != nil && n.StartsAt.Equal(row.StartsAt) {
		return text{n.Annotations, n.Value}, true, nil
	}
	return text{row.Annotations, row.Value}, n != nil, nil
}

func (d *decision) row(key string) (Current, bool, error) {
	if row, changed := d.rows[key]; changed {
		return row, true, nil
	}
	return Table.Get(d.view, key)
}

// note is a change that was acknowledged and is not yet due to be an entry. It
// is kept as scratch under its alert's key.
type note struct {
	Key         string            `json:"key"`
	StartsAt    time.Time         `json:"starts_at"` // of the episode
	Annotations map[string]string `json:"annotations,omitempty"`
	Value       *Value            `json:"value,omitempty"`
	At          time.Time         `json:"at"`  // when the last change was heard of
	Due         time.Time         `json:"due"` // when it becomes an entry
}

const notePrefix = "alert-change/"

func (d *decision) noteOf(key string) (*note, error) {
	if n, changed := d.notes[key]; changed {
		return n, nil
	}
	docs, err := d.view.Scratch(notePrefix + key)
	if err != nil {
		return nil, err
	}
	doc, ok := docs[notePrefix+key]
	if !ok {
		return nil, nil
	}
	return readNote(doc)
}

func readNote(doc []byte) (*note, error) {
	n := new(note)
	if err := json.Unmarshal(doc, n); err != nil {
		return nil, fmt.Errorf("alert: a noted change does not decode: %w", err)
	}
	return n, nil
}

func (d *decision) note(n note) error {
	doc, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("alert: note a change of %s: %w", n.Key, err)
	}
	d.Scratch = append(d.Scratch, timeline.ScratchPut{Key: notePrefix + n.Key, Doc: doc})
	d.noted = append(d.noted, n)
	if d.notes != nil {
		d.notes[n.Key] = &n
	}
	return nil
}

func (d *decision) forget(key string) {
	d.Scratch = append(d.Scratch, timeline.ScratchPut{Key: notePrefix + key})
	if d.notes != nil {
		d.notes[key] = nil
	}
}
