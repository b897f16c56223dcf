package kubernetes

import (
	"errors"
	"sync"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/room"
)

// state is what is known of the cluster from the last requests.
type state struct {
	mu    sync.Mutex
	asked bool
	up    bool
	since time.Time // since up is as it is
	why   string
}

// note takes in how a request ended. A refusal of one request is an answer: only
// what cannot be read at all is down.
func (s *state) note(now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	up := !problem.Is(err, problem.Unavailable) && !problem.Is(err, problem.Internal)
	why := ""
	if p, ok := errors.AsType[*problem.Error](err); ok && !up {
		why = p.Message
	}
	if !s.asked || s.up != up {
		s.since = now
	}
	s.asked, s.up, s.why = true, up, why
}

// means is what cannot be done without the cluster.
const means = "no drain, no recycle, no remount; what a repair would break is unknown"

// Working is whether the cluster can be used now, as the last request found it:
// "cluster ✗ the cluster does not answer since 00:50: no drain, no recycle".
func (c *Cluster) Working() room.Working {
	s := &c.state
	s.mu.Lock()
	defer s.mu.Unlock()
	w := room.Working{Name: "cluster", OK: s.up, Since: s.since, Why: s.why}
	switch {
	case !s.asked:
		w.Why, w.Means = "not asked yet", means
	case !s.up:
		w.Means = means
	case c.acts == nil:
		w.Means = "only to look: there is no credential for changes"
	}
	return w
}
