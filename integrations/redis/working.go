package redis

import (
	"sync"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/room"
)

// state is what is known of the sets from the last looks.
type state struct {
	mu   sync.Mutex
	sets map[string]standing
}

// standing of one set.
type standing struct {
	up    bool
	since time.Time // since up is as it is
	why   string
}

// note takes in a look. A set can be used while one of its instances is heard and
// exactly one claims to be the master.
func (s *state) note(now time.Time, v fleet.RedisView) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := standing{up: true, since: now}
	switch masters := v.Masters(); {
	case len(v.Silent()) == len(v.Instances):
		n.up, n.why = false, "nobody answers"
	case len(masters) == 0:
		n.up, n.why = false, "no master"
	case len(masters) > 1:
		n.up, n.why = false, "two masters"
	}
	before, asked := s.sets[v.Set.Name]
	if asked && before.up == n.up {
		n.since = before.since
	}
	if s.sets == nil {
		s.sets = map[string]standing{}
	}
	s.sets[v.Set.Name] = n
}

// Working is how the sets were when they were last asked; none of a set that nobody
// has asked yet.
func (r *Redis) Working() (all []room.Working) {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	for _, s := range r.Declared {
		if n, asked := r.state.sets[s.Name]; asked {
			w := room.Working{Name: "Redis " + s.Name, OK: n.up, Since: n.since, Why: n.why}
			if !n.up {
				w.Means = "whoever uses it"
			}
			all = append(all, w)
		}
	}
	return all
}
