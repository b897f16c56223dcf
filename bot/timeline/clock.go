package timeline

import "time"

// Clock tells the time and wakes sleepers. The product waits on the world with
// it, so a scenario can run a night in a second; socket timeouts use the real one.
type Clock interface {
	Now() time.Time
	// At returns a channel that receives once when the clock reaches t, at once
	// when it has, and a stop that releases it.
	At(t time.Time) (c <-chan time.Time, stop func())
}

// RealClock is the machine's.
type RealClock struct{}

func (RealClock) Now() time.Time { return time.Now() }

func (RealClock) At(t time.Time) (<-chan time.Time, func()) {
	timer := time.NewTimer(time.Until(t))
	return timer.C, func() { timer.Stop() }
}
