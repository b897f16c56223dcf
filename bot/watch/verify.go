package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// steady is how long a change has to hold before it is told: pods come and go while
// they start.
const steady = 2 * lookEvery

// held is what was found and has not been told yet.
type held struct {
	what  string
	since time.Time
}

// verdictKey is the claim that the entry holds which told last what is back in an
// incident, so that nothing is told twice, also across restarts.
func verdictKey(id timeline.ID) string { return "baseline/" + string(id) }

// verify tells what is back in every open incident that had a repair. err is why the
// cluster could not be read.
func (b *Baseline) verify(ctx context.Context, s *fleet.Snapshot, err error) error {
	var due []verdict
	errView := b.store.View(ctx, func(v timeline.View) error {
		open, err := incident.Open(v)
		for _, i := range slices.Backward(open) { // the oldest first
			if err != nil {
				return err
			}
			var told verdict
			if told, err = lastVerdict(v, i); err == nil && told.run != "" {
				due = append(due, told)
			}
		}
		return err
	})
	if errView != nil {
		return errView
	}
	kept := map[timeline.ID]held{}
	for _, told := range due {
		p, is := b.judge(told, b.compare(told.incident.StartedAt, s, err), kept)
		if !is {
			continue
		}
		if err := b.tell(ctx, told, p); err != nil {
			return err
		}
	}
	b.held = kept
	return nil
}

// verdict is what was told last in an incident.
type verdict struct {
	incident incident.Incident
	run      remediation.RunID // the repair that ended last; "" when there is none, or one is under way
	told     timeline.Ref      // zero: nothing was told
	after    remediation.RunID // the run that it was told after
	what     string            // see whatOf
}

func lastVerdict(v timeline.View, i incident.Incident) (verdict, error) {
	last := verdict{incident: i}
	runs, err := remediation.RunsOf(v, i.ID)
	if err != nil {
		return last, err
	}
	var ended remediation.Run
	for _, r := range runs {
		switch {
		case r.StartedAt.IsZero():
		case r.Status.Active():
			return last, nil // it changes what is Ready: its end is waited for
		case !r.EndedAt.Before(ended.EndedAt):
			ended = r
		}
	}
	last.run = ended.ID
	ref, told, err := v.Claim(verdictKey(i.ID))
	if err != nil || !told {
		return last, err
	}
	e, err := v.Entry(ref)
	last.told = ref
	switch p := e.Payload.(type) {
	case *NotBack:
		last.after, last.what = p.Run, whatOf(p.Comparison)
	case *AllBack:
		last.after, last.what = p.Run, whatOf(Comparison{})
	case *BackUnknown:
		last.after, last.what = p.Run, whatUnknown
	}
	return last, err
}

const whatUnknown = "unknown"

// whatOf is the same for comparisons of which nobody has to be told twice: how many
// pods of a workload are there changes all the time while it starts.
func whatOf(c Comparison) string {
	if len(c.Lost) == 0 && len(c.Unknown) > 0 {
		return whatUnknown
	}
	names := make([]string, 0, len(c.Lost))
	for _, l := range c.Lost {
		names = append(names, l.Kind+" "+l.Name)
	}
	slices.Sort(names)
	return fmt.Sprint(strings.Join(names, ","), c.More)
}

// judge says what to tell, if anything. The first word after a repair does not wait,
// unless nothing can be said yet.
func (b *Baseline) judge(told verdict, c Comparison, kept map[timeline.ID]held) (timeline.Payload, bool) {
	what, first := whatOf(c), told.after != told.run
	if what == told.what && !first {
		return nil, false
	}
	if what == whatUnknown && !first {
		return nil, false // what was said last stands until it can be told again
	}
	h, waits := b.held[told.incident.ID]
	if !waits || h.what != what {
		h = held{what, b.clock.Now()}
	}
	if (!first || what == whatUnknown) && b.clock.Now().Sub(h.since) < steady {
		kept[told.incident.ID] = h
		return nil, false
	}
	switch {
	case what == whatUnknown:
		return &BackUnknown{Run: told.run, Why: c.Unknown}, true
	case len(c.Lost) > 0:
		return &NotBack{Run: told.run, Comparison: c}, true
	}
	return &AllBack{Run: told.run, Before: c.Before, At: c.At, Were: c.Were}, true
}

// tell records it, unless the incident was resolved or another process was faster.
func (b *Baseline) tell(ctx context.Context, told verdict, p timeline.Payload) error {
	key := verdictKey(told.incident.ID)
	_, err := b.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		i, err := incident.Get(v, told.incident.ID)
		if err != nil || !i.Open() {
			return timeline.Decision{}, err
		}
		ref, held, err := v.Claim(key)
		if err != nil || ref != told.told {
			return timeline.Decision{}, err
		}
		d := timeline.Draft{Timeline: told.incident.ID, Payload: p, Effects: timeline.Effects{Take: []string{key}}}
		if held {
			d.Cause, d.Effects.Release = ref, []string{key}
		}
		return timeline.Decision{Entries: []timeline.Draft{d}}, nil
	})
	return err
}
