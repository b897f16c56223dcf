package scenario

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wardroom/bot/incident"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// Outcome is one expectation, checked.
type Outcome struct {
	What string // what was expected, in words
	OK   bool
	Got  string // what was found instead; empty when OK
}

// Check holds the state to the file's expectations, each field by itself.
func (f *File) Check(ctx context.Context, store timeline.Store) ([]Outcome, error) {
	var outcomes []Outcome
	err := store.View(ctx, func(v timeline.View) error {
		for _, x := range f.Expect {
			o, err := f.checkOne(v, x)
			if err != nil {
				return err
			}
			outcomes = append(outcomes, o...)
		}
		return nil
	})
	return outcomes, err
}

func (f *File) checkOne(v timeline.View, x Expectation) ([]Outcome, error) {
	var out []Outcome
	if x.Incidents != nil {
		n, err := v.CountRows(incident.Table.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, compare("incidents", fmt.Sprint(*x.Incidents), fmt.Sprint(n)))
	}
	id := timeline.Incident(max(x.Incident, 1))
	if x.Incident > 0 {
		more, err := f.checkIncident(v, id, x)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	if len(x.TimelineContains) > 0 {
		text, err := f.spoken(v, id)
		if err != nil {
			return nil, err
		}
		for _, want := range x.TimelineContains {
			o := Outcome{What: fmt.Sprintf("the timeline of %s contains %q", id, want), OK: strings.Contains(text, want)}
			if !o.OK {
				o.Got = "it does not"
			}
			out = append(out, o)
		}
	}
	return out, nil
}

func (f *File) checkIncident(v timeline.View, id timeline.ID, x Expectation) ([]Outcome, error) {
	i, err := incident.Get(v, id)
	if err != nil {
		return nil, err
	}
	var out []Outcome
	if x.Status != "" {
		out = append(out, compare(string(id)+" status", x.Status, string(i.Status)))
	}
	if x.Severity != "" {
		out = append(out, compare(string(id)+" severity", x.Severity, i.Severity.String()))
	}
	if x.Alerts > 0 {
		out = append(out, compare(string(id)+" alerts", fmt.Sprint(x.Alerts), fmt.Sprint(i.Alerts.Total)))
	}
	if !x.startedAt.IsZero() {
		out = append(out, compare(string(id)+" start", f.clock(x.startedAt), f.clock(i.StartedAt)))
	}
	if !x.publicStartedAt.IsZero() {
		n, posted, err := statuspage.Notices.Get(v, string(id))
		if err != nil {
			return nil, err
		}
		got := "nothing was posted"
		if posted {
			got = f.clock(n.StartedAt)
		}
		out = append(out, compare(string(id)+" public start", f.clock(x.publicStartedAt), got))
	}
	return out, nil
}

// spoken is all that the timeline says, with the times that stand before it.
func (f *File) spoken(v timeline.View, id timeline.ID) (string, error) {
	var b strings.Builder
	const page = 1000
	for after := int64(0); ; {
		entries, err := v.Entries(id, after, page)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			fmt.Fprintf(&b, "%s %s\n", e.OccurredAt.In(f.zone).Format("15:04"), e.Payload.Text())
			after = e.Seq
		}
		if len(entries) < page {
			return b.String(), nil
		}
	}
}

func (f *File) clock(t time.Time) string { return t.In(f.zone).Format(dayAndHour) }

func compare(what, want, got string) Outcome {
	o := Outcome{What: what + " is " + want, OK: want == got}
	if !o.OK {
		o.Got = got
	}
	return o
}

func newestOpen(v timeline.View) (timeline.ID, error) {
	open, err := incident.Open(v)
	if err != nil || len(open) == 0 {
		return timeline.Log, err
	}
	return open[0].ID, nil
}
