package timeline

import "context"

// Decider is a follower that turns entries into entries: correlation. Its
// decision and its cursor commit together, so each entry counts exactly once.
type Decider interface {
	// Decide is called inside [Door.Update], under its rules, with up to DecideBatch
	// entries of one timeline in order, deliveries left out.
	Decide(v View, entries []Entry) (Decision, error)
}

// DecideBatch is how many entries a decider is given at the most.
const DecideBatch = 500

// Poster is a follower that delivers each entry, in order, to the outside.
type Poster interface {
	// Post delivers d and returns what it made outside; nothing when none of the
	// entries concerns it. An Invalid, Forbidden, NotFound or Unsupported problem is
	// final: it is recorded and the follower moves on. [Later] keeps what was delivered
	// so far and offers the rest when it says. After any other error the same entries
	// are offered again, with Retry set.
	Post(ctx context.Context, d Delivery) ([]Delivered, error)
}

// Choosy is a follower that only some kinds concern: it is not woken for others,
// and may be given them all the same.
type Choosy interface{ Wants(Kind) bool }

// Delivery is what is pending for a poster in one timeline.
type Delivery struct {
	Timeline ID
	Entries  []Entry // in order, at most PostBatch, deliveries left out
	// Retry says that an earlier attempt at these entries may have arrived: look for
	// it outside before sending again.
	Retry bool
}

// PostBatch is how many entries a poster is given at the most.
const PostBatch = 200

// Mirror is a follower that shows the newest state: states in between may be
// skipped, the last one never is.
type Mirror interface {
	// Show brings what is shown for one timeline up to date. It is repeatable.
	Show(ctx context.Context, id ID) ([]Delivered, error)
}

// Handler decides what follows from a timer that is due. It is called inside
// [Door.Update], under its rules. The runtime records [TimerFired], which clears
// the timer, before the handler's entries; the first of them that names no cause
// is caused by it.
type Handler func(v View, t Timer) (Decision, error)
