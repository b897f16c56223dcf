package alert

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// retryAfter is the wait after noted changes could not be recorded.
const retryAfter = 5 * time.Second

// Run turns noted changes into entries when they are due, until ctx ends. What
// was noted before a restart is found again. It returns nil when ctx ends, and an
// error only when the notes cannot be read at the start.
func (i *Intake) Run(ctx context.Context) error {
	if err := i.load(ctx); err != nil {
		return err
	}
	failing := false
	for {
		// From the map alone: the wait must not be on what is already taken out.
		var tick <-chan time.Time
		stop := func() {}
		if next, waits := i.NextDue(); waits {
			tick, stop = i.clock.At(next)
		}
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-i.wake:
			stop()
			continue
		case <-tick:
			stop()
		}
		err := i.FlushDue(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			i.log.Warn("changes of alerts wait to be recorded", slog.Any("error", err))
		}
		failing = err != nil
	}
}

// NextDue returns when the earliest noted change becomes an entry, and false
// when none is noted: then the intake is idle.
func (i *Intake) NextDue() (time.Time, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var next time.Time
	for _, due := range i.due {
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next, len(i.due) > 0
}

// FlushDue records the noted changes that are due by now. Run calls it; it may
// be called beside Run. On an error nothing is lost and it is tried again.
func (i *Intake) FlushDue(ctx context.Context) error {
	now := i.clock.Now()
	for {
		keys := i.takeDue(now)
		if len(keys) == 0 {
			return nil
		}
		var d *decision
		_, err := i.door.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
			d = newDecision(v, i.codec, manner{}, false)
			for _, key := range keys {
				if err := d.flushDue(key); err != nil {
					return timeline.Decision{}, err
				}
			}
			return d.Decision, nil
		})
		if err != nil {
			again := make([]note, len(keys))
			for n, key := range keys {
				again[n] = note{Key: key, Due: now.Add(retryAfter)}
			}
			i.remind(again)
			return err
		}
		i.remind(d.noted)
	}
}

// flushDue records the note under key, unless it became due later meanwhile.
func (d *decision) flushDue(key string) error {
	n, err := d.noteOf(key)
	if err != nil || n == nil {
		return err
	}
	row, known, err := d.row(key)
	if err != nil {
		return err
	}
	if due := row.ChangedAt.Add(changeEvery); known && due.After(d.now) {
		n.Due = due
		d.noted = append(d.noted, *n) // it stays as it is stored
		return nil
	}
	if !known {
		d.forget(key)
		return nil
	}
	return d.flush(&row)
}

// takeDue removes up to chunk keys that are due. They are removed before the
// update that flushes them: a note that another update puts meanwhile is then
// added after it, and not lost.
func (i *Intake) takeDue(now time.Time) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var keys []string
	for key, due := range i.due {
		if !due.After(now) && len(keys) < chunk {
			keys = append(keys, key)
			delete(i.due, key)
		}
	}
	return keys
}

func (i *Intake) remind(notes []note) {
	if len(notes) == 0 {
		return
	}
	i.mu.Lock()
	for _, n := range notes {
		i.due[n.Key] = n.Due
	}
	i.mu.Unlock()
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

func (i *Intake) load(ctx context.Context) error {
	var notes []note
	err := i.door.View(ctx, func(v timeline.View) error {
		docs, err := v.Scratch(notePrefix)
		if err != nil {
			return err
		}
		for key, doc := range docs {
			n, err := readNote(doc)
			if err != nil {
				i.log.Warn("passed over", slog.String("note", strings.TrimPrefix(key, notePrefix)), slog.Any("error", err))
				continue
			}
			notes = append(notes, *n)
		}
		return nil
	})
	i.remind(notes)
	return err
}
