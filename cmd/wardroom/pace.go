package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"wardroom/bot/scenario"
)

// pace is how fast a scenario is played.
type pace struct {
	whole time.Duration // the whole play takes about this long; 0: see times
	times float64       // faster than life; 0: as fast as the bot is
}

func (p *pace) String() string {
	switch {
	case p.whole > 0:
		return "minute"
	case p.times > 0:
		return strconv.FormatFloat(p.times, 'f', -1, 64)
	}
	return "max"
}

func (p *pace) Type() string { return "speed" }

func (p *pace) Set(s string) error {
	switch s {
	case "minute":
		*p = pace{whole: time.Minute}
		return nil
	case "max":
		*p = pace{}
		return nil
	}
	times, err := strconv.ParseFloat(s, 64)
	if err != nil || times <= 0 || math.IsInf(times, 0) {
		return fmt.Errorf(`want "minute", "max" or a number such as 60`)
	}
	*p = pace{times: times}
	return nil
}

// pacer returns what waits before an event; nil does not wait at all. Within a
// play of fixed length a long wait is longer than a short one, but not in
// proportion: nobody watches five quiet hours.
func (p *pace) pacer(f *scenario.File) func(context.Context, time.Duration) error {
	switch {
	case p.times > 0:
		return func(ctx context.Context, passes time.Duration) error {
			return sleep(ctx, time.Duration(float64(passes)/p.times))
		}
	case p.whole > 0:
		var sum float64
		last := f.Start()
		for _, e := range f.Events {
			sum += weight(e.Time().Sub(last))
			last = e.Time()
		}
		return func(ctx context.Context, passes time.Duration) error {
			return sleep(ctx, time.Duration(float64(p.whole)*weight(passes)/sum))
		}
	}
	return nil
}

func weight(d time.Duration) float64 { return 1 + math.Log1p(d.Minutes()) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
