package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
)

// Limits of what is kept beside the timelines. What does not fit into a custom id of
// 100 characters is kept under a key that the renderer makes from what it says.
const (
	keptPrefix  = "discord/ask/"
	quotePrefix = "discord/quote/" // messages whose incident is being asked for
	keptAge     = 30 * 24 * time.Hour
	quoteAge    = 24 * time.Hour
	keptMost    = 2000
	keepTimeout = 2 * time.Second
)

type keptRoute struct {
	Route string    `json:"route"`
	At    time.Time `json:"at"`
}

// Routes keeps what is too long for a button: the renderer's [render.Keeper], and
// needed before there is a bot.
type Routes struct {
	Store timeline.Store
	Clock timeline.Clock
}

var _ render.Keeper = Routes{}

// Keep implements [render.Keeper]. What is kept is found for a month after it was
// last kept, more or less; keeping it again soon costs nothing.
func (k Routes) Keep(key, route string) error {
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	now := k.Clock.Now()
	have, known, err := k.find(ctx, key)
	if err != nil || known && have.Route == route && now.Sub(have.At) < keptAge/2 {
		return err
	}
	doc, err := json.Marshal(keptRoute{route, now})
	if err != nil {
		return err
	}
	_, err = k.Store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Scratch: []timeline.ScratchPut{{Key: keptPrefix + key, Doc: doc}}}, nil
	})
	return err
}

// Load implements [render.Keeper].
func (k Routes) Load(key string) (string, bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	have, known, err := k.find(ctx, key)
	return have.Route, known, err
}

func (k Routes) find(ctx context.Context, key string) (have keptRoute, known bool, err error) {
	err = k.Store.View(ctx, func(v timeline.View) error {
		notes, err := v.Scratch(keptPrefix + key)
		doc, ok := notes[keptPrefix+key]
		if err != nil || !ok {
			return err
		}
		known = true
		return json.Unmarshal(doc, &have)
	})
	if err != nil {
		err = fmt.Errorf("kept button %.30s: %w", key, err)
	}
	return have, known, err
}

// Times of housekeeping, on the machine's clock: nobody waits for it.
const (
	seenEvery  = 10 * time.Second
	sweepEvery = time.Hour
)

// housekeep saves what was seen, and deletes what is kept for too long, until ctx
// ends.
func (b *Bot) housekeep(ctx context.Context) {
	b.sweep(ctx)
	save, sweep := time.NewTicker(seenEvery), time.NewTicker(sweepEvery)
	defer save.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
			b.saveSeen(last)
			cancel()
			return
		case <-save.C:
			b.guarded("housekeeping", func() { b.saveSeen(ctx) })
		case <-sweep.C:
			b.guarded("housekeeping", func() { b.sweep(ctx) })
		}
	}
}

// sweep bounds what is kept, in age and number.
func (b *Bot) sweep(ctx context.Context) {
	var drop []timeline.ScratchPut
	err := b.store.View(ctx, func(v timeline.View) error {
		for prefix, age := range map[string]time.Duration{keptPrefix: keptAge, quotePrefix: quoteAge, pendingPrefix: 24 * time.Hour} {
			notes, err := v.Scratch(prefix)
			if err != nil {
				return err
			}
			drop = append(drop, stale(notes, v.Now().Add(-age))...)
		}
		return nil
	})
	if err == nil && len(drop) > 0 {
		err = b.scratch(ctx, drop...)
	}
	if err != nil && ctx.Err() == nil {
		b.log.Warn("what is kept could not be looked through", "error", err)
	}
}

// stale are the notes older than a time, and of the others the oldest that are too many.
func stale(notes map[string][]byte, before time.Time) []timeline.ScratchPut {
	type aged struct {
		key string
		at  time.Time
	}
	var kept []aged
	var drop []timeline.ScratchPut
	for key, doc := range notes {
		var note struct {
			At   time.Time `json:"at"`
			Came time.Time `json:"came"`
		}
		if json.Unmarshal(doc, &note) != nil {
			drop = append(drop, timeline.ScratchPut{Key: key})
			continue
		}
		at := note.At
		if at.IsZero() {
			at = note.Came
		}
		if at.Before(before) {
			drop = append(drop, timeline.ScratchPut{Key: key})
			continue
		}
		kept = append(kept, aged{key, at})
	}
	slices.SortFunc(kept, func(x, y aged) int {
		if c := x.at.Compare(y.at); c != 0 {
			return c
		}
		return strings.Compare(x.key, y.key)
	})
	for _, k := range kept[:max(0, len(kept)-keptMost)] {
		drop = append(drop, timeline.ScratchPut{Key: k.key})
	}
	return drop
}
