package scenario

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	dayAndTime = "2006-01-02 15:04:05"
	dayAndHour = "2006-01-02 15:04"
)

// after reads a time: in full, or a time of day, which is then the first one at
// or after last. Events stand in order, so nothing else is needed.
func (f *File) after(s string, last time.Time) (time.Time, error) {
	if t, ok := f.full(s); ok {
		if t.Before(last) {
			return t, fmt.Errorf("%q lies before the event above it", s)
		}
		return t, nil
	}
	t, err := f.onDay(s, last)
	if err != nil {
		return t, err
	}
	if t.Before(last) {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// before reads a time in full, or a time of day, which is then the last one at
// or before ref.
func (f *File) before(s string, ref time.Time) (time.Time, error) {
	if t, ok := f.full(s); ok {
		return t, nil
	}
	t, err := f.onDay(s, ref)
	if err != nil {
		return t, err
	}
	if t.After(ref) {
		t = t.AddDate(0, 0, -1)
	}
	return t, nil
}

func (f *File) full(s string) (time.Time, bool) {
	for _, layout := range []string{dayAndTime, dayAndHour, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, f.zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func (f *File) onDay(s string, day time.Time) (time.Time, error) {
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			if day.IsZero() {
				return t, fmt.Errorf("%q needs a date: nothing before it has one", s)
			}
			y, m, d := day.In(f.zone).Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, f.zone), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; write it as 00:42 or 2021-07-11 00:42", s)
}

func (f *File) checkEvent(e *Event, last time.Time) error {
	var err error
	if e.time, err = f.after(e.At, last); err != nil {
		return fmt.Errorf("at: %w", err)
	}
	acts := 0
	for _, set := range []bool{e.Command != "", e.Tap != "", e.Approve != "", e.Alertmanager != nil, e.Generic != nil, e.Linode != nil, e.Kubernetes != nil, e.World != nil, e.Chat != ""} {
		if set {
			acts++
		}
	}
	if acts != 1 {
		return fmt.Errorf("at %s: want exactly one of command, tap, approve, alertmanager, generic, linode, kubernetes, world, chat; there are %d", e.At, acts)
	}
	switch {
	case e.Command == "" && e.Tap == "" && len(e.Answers) > 0:
		return fmt.Errorf("at %s: answers: go with command and tap only", e.At)
	case e.Command != "":
		if _, known := f.People[e.By]; !known {
			return fmt.Errorf("at %s: by: %q is not among the people", e.At, e.By)
		}
		if !strings.HasPrefix(e.Command, "/") {
			return fmt.Errorf("at %s: command: %q must start with /", e.At, e.Command)
		}
	case e.Approve != "" || e.Tap != "":
		if _, known := f.People[e.By]; !known {
			return fmt.Errorf("at %s: by: %q is not among the people", e.At, e.By)
		}
	case e.By != "":
		return fmt.Errorf("at %s: by: goes with command, tap and approve only", e.At)
	case e.Alertmanager != nil:
		return f.checkWebhook(e)
	case e.Generic != nil:
		return f.checkGeneric(e)
	case e.Linode != nil && (e.Linode.Action == "" || e.Linode.Status == ""):
		return fmt.Errorf("at %s: linode: needs action and status", e.At)
	case e.Kubernetes != nil && (e.Kubernetes.Reason == "" || e.Kubernetes.Object == ""):
		return fmt.Errorf("at %s: kubernetes: needs reason and object", e.At)
	case e.World != nil:
		return f.checkWorldEvent(e)
	case e.Chat != "" && e.Chat != ChatDown && e.Chat != ChatUp && e.Chat != ChatLoseAnswer:
		return fmt.Errorf("at %s: chat: %q is none of down, up, lose-answer", e.At, e.Chat)
	}
	return nil
}

func (f *File) checkWebhook(e *Event) (err error) {
	w := e.Alertmanager
	if err := checkStatus(w.Status); err != nil {
		return fmt.Errorf("at %s: alertmanager: %w", e.At, err)
	}
	if len(w.Labels) == 0 {
		return fmt.Errorf("at %s: alertmanager: labels: are missing", e.At)
	}
	w.startsAt = e.time
	if w.StartsAt != "" {
		if w.startsAt, err = f.before(w.StartsAt, e.time); err != nil {
			return fmt.Errorf("at %s: alertmanager: startsAt: %w", e.At, err)
		}
	}
	if w.Status == "resolved" {
		w.endsAt = e.time
		if w.EndsAt != "" {
			if w.endsAt, err = f.before(w.EndsAt, e.time); err != nil {
				return fmt.Errorf("at %s: alertmanager: endsAt: %w", e.At, err)
			}
		}
	}
	return nil
}

func (f *File) checkGeneric(e *Event) (err error) {
	g := e.Generic
	if err := checkStatus(g.Status); err != nil {
		return fmt.Errorf("at %s: generic: %w", e.At, err)
	}
	if g.Title == "" {
		return fmt.Errorf("at %s: generic: title: is missing", e.At)
	}
	g.startsAt = e.time
	if g.StartsAt != "" {
		if g.startsAt, err = f.before(g.StartsAt, e.time); err != nil {
			return fmt.Errorf("at %s: generic: starts_at: %w", e.At, err)
		}
	}
	return nil
}

func checkStatus(s string) error {
	if s != "firing" && s != "resolved" {
		return fmt.Errorf("status: %q is neither firing nor resolved", s)
	}
	return nil
}

func (f *File) checkExpectation(x *Expectation) error {
	if x.Incident == 0 && x.Incidents == nil && len(x.TimelineContains) == 0 {
		return errors.New("says nothing: name an incident, a number of incidents, or what the timeline contains")
	}
	for _, t := range []struct {
		name, text string
		into       *time.Time
	}{{"public_started_at", x.PublicStartedAt, &x.publicStartedAt}, {"started_at", x.StartedAt, &x.startedAt}} {
		if t.text == "" {
			continue
		}
		parsed, ok := f.full(t.text)
		if !ok {
			return fmt.Errorf("%s: %q is not a full time; write it as 2021-07-11 00:25", t.name, t.text)
		}
		*t.into = parsed
	}
	return nil
}
