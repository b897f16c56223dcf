package linode

import (
	"sync"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/room"
)

// state is what is known of Linode from the last requests.
type state struct {
	mu    sync.Mutex
	asked bool
	up    bool
	since time.Time // since up is as it is
	why   string
	until time.Time // Linode asked not to be asked before
	limit error     // with these words
	user  string    // whose the token is; "" while that is not known
}

// note takes in how a request ended. A refusal that says nothing about Linode as a
// whole, as that a machine is not there, is an answer like any other.
func (s *state) note(now time.Time, x *exchange, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := later(failure); !at.IsZero() {
		s.until, s.limit = at, failure
	}
	up := failure == nil || x.busy
	switch problem.CodeOf(failure) {
	case problem.NotFound, problem.Invalid, problem.Conflict:
		up = true
	}
	why := ""
	if !up {
		why = short(x, failure)
	}
	if !s.asked || s.up != up {
		s.since = now
	}
	s.asked, s.up, s.why = true, up, why
}

// held returns the rate limit that is in force, or nil.
func (s *state) held(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.until) {
		return s.limit
	}
	return nil
}

// Working is whether Linode can be used now, as the last request found it:
// "Linode ✗ 503 since 00:50: no recycle, no detach".
func (l *Linode) Working() room.Working {
	l.state.mu.Lock()
	defer l.state.mu.Unlock()
	s := &l.state
	w := room.Working{Name: "Linode", OK: s.up, Since: s.since, Why: s.why}
	switch {
	case !s.asked:
		w.Why, w.Means = "not asked yet", "no recycle, no detach"
	case !s.up:
		w.Means = "no recycle, no detach"
	case l.acts == nil:
		w.Means = "only to look: no recycle, no detach"
	}
	return w
}
