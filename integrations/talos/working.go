package talos

import (
	"sync"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/room"
)

// state is what is known of talosctl from its last runs.
type state struct {
	mu    sync.Mutex
	asked bool
	up    bool
	since time.Time // since up is as it is
	why   string
}

// note takes in how a run ended. A refusal of arguments says nothing about Talos.
func (s *state) note(now time.Time, failure error) {
	if problem.Is(failure, problem.Invalid) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	up := failure == nil
	if !s.asked || s.up != up {
		s.since = now
	}
	s.asked, s.up, s.why = true, up, ""
	if !up {
		s.why = failure.Error()
	}
}

// noReboot is what cannot be done without it.
const noReboot = "no reboot of machines that run Talos"

// Working is whether Talos can be used now, as the last run found it. It is not asked
// but for a repair: asked is false until then, and nothing is known.
func (t *Talos) Working() (w room.Working, asked bool) {
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	s := &t.state
	w = room.Working{Name: "Talos", OK: s.up, Since: s.since, Why: s.why}
	switch {
	case !s.up:
		w.Means = noReboot
	case t.Observe:
		w.Means = "only to look: " + noReboot
	}
	return w, s.asked
}
