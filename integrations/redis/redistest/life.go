package redistest

import (
	"slices"
	"time"
)

// pass lets time pass since it was last called. A clock that jumps over several things
// lets all of them happen late, at the end of the jump.
func (s *Server) pass(pods []Pod) {
	now := s.opt.Now()
	s.written(now)
	s.last = now
	for range 10 { // what happens may let something else happen
		if !s.once(now, pods) {
			return
		}
	}
}

// written is what clients have written since, second by second: at each instance that
// takes itself for a master and runs. Replicas with a link have it, too.
func (s *Server) written(now time.Time) {
	seconds := now.Sub(s.grown) / time.Second
	s.grown = s.grown.Add(seconds * time.Second)
	grown := int64(seconds) * s.opt.Rate
	for _, i := range s.instances {
		if i.master == nil && i.up {
			i.offset += max(grown, 0)
		}
	}
	for _, i := range s.instances {
		if i.master != nil && i.link {
			i.offset, i.keys, i.history = i.master.offset, i.master.keys, i.master.history
		}
	}
}

func (s *Server) once(now time.Time, pods []Pod) (changed bool) {
	for _, i := range s.instances {
		changed = s.process(i, pods) || changed
	}
	for _, i := range s.instances {
		changed = s.link(i, now) || changed
	}
	for _, w := range s.sentinels {
		changed = s.watch(w, now) || changed
	}
	return changed
}

// process starts and ends the process of an instance with its pod. One that starts
// keeps its keys, as with a volume, and no history: the next sync is a full one.
func (s *Server) process(i *instance, pods []Pod) bool {
	n := slices.IndexFunc(pods, func(p Pod) bool { return p.Name == i.pod && p.Ready })
	i.severed = n >= 0 && pods[n].Severed
	switch {
	case n < 0 && i.up:
		i.up, i.link, i.syncing = false, false, false
		return true
	case n < 0 || i.up && i.uid == pods[n].UID:
		return false
	}
	i.uid, i.up, i.run, i.history, i.offset, i.before, i.link, i.syncing = pods[n].UID, true, s.id(), s.id(), 0, "", false, false
	i.priority = 100
	// As the usual start script does: it asks a Sentinel, or else the first is the master.
	master := s.named()
	if len(s.sentinels) == 0 {
		master = s.instances[0]
	}
	i.master = nil
	if master != i {
		i.master = master
	}
	return true
}

// reachable: others can speak to it.
func (i *instance) reachable() bool { return i.up && !i.severed && !i.cut && !i.hung }

// link brings the link of a replica up or down.
func (s *Server) link(i *instance, now time.Time) bool {
	switch {
	case i.master == nil || !i.up:
		return false
	case !i.reachable() || !i.master.reachable() || i.master.master != nil && !i.master.link:
		was := i.link || i.syncing
		i.link, i.syncing = false, false
		return was
	case i.link:
		return false
	case !i.syncing:
		i.syncing, i.due = true, now.Add(s.opt.Timing.Full)
		if i.history == i.master.history || i.history == i.master.before && i.offset <= i.master.beforeTo {
			i.due = now.Add(s.opt.Timing.Partial)
		}
		return true
	case i.due.After(now):
		return false
	}
	i.syncing, i.link = false, true
	i.offset, i.keys, i.history, i.before = i.master.offset, i.master.keys, i.master.history, i.master.before
	return true
}

// promote makes a master of an instance; its history is its own from here on.
func (s *Server) promote(i *instance) {
	if i.master == nil {
		return
	}
	i.master, i.link, i.syncing, i.stray = nil, false, false, time.Time{}
	i.before, i.beforeTo, i.history = i.history, i.offset, s.id()
}

// follow makes a replica of an instance.
func (s *Server) follow(i, master *instance) {
	if i == master || master == nil || i.master == master {
		return
	}
	i.master, i.link, i.syncing, i.stray = master, false, false, time.Time{}
}

// named is whom the Sentinels name: the first of those that keep to nobody.
func (s *Server) named() *instance {
	for _, w := range s.sentinels {
		if !w.stuck {
			return w.names
		}
	}
	return s.instances[0]
}

func (w *sentinel) hears() bool { return w.beside.up && !w.beside.severed && !w.cut && !w.hung }

// watch is what a Sentinel does by itself: a failover when enough of them miss their
// master, and making replicas of whoever else claims to be one.
func (s *Server) watch(w *sentinel, now time.Time) bool {
	if w.target != nil && !w.due.After(now) {
		s.failedOver(w)
		return true
	}
	if !w.hears() || w.stuck {
		return false
	}
	if w.names.reachable() {
		w.since = time.Time{}
	} else if w.since.IsZero() {
		w.since = now
	}
	if s.elected(w, now) {
		if to := s.best(w); to != nil && w.target == nil {
			w.target, w.due = to, now.Add(s.opt.Timing.Failover)
			return true
		}
	}
	for _, i := range s.instances {
		if i.master != nil || i == w.names || i.split || !i.reachable() || !w.names.reachable() || w.names.master != nil {
			continue
		}
		if i.stray.IsZero() {
			i.stray = now
		}
		if !i.stray.Add(s.opt.Timing.Convert).After(now) {
			s.follow(i, w.names)
			return true
		}
	}
	return false
}

// elected: this one is the first of a majority that agrees. It is simpler than the
// real vote.
func (s *Server) elected(w *sentinel, now time.Time) bool {
	var agree []*sentinel
	for _, o := range s.sentinels {
		if o.hears() && !o.stuck && !o.since.IsZero() && !o.since.Add(s.opt.Timing.Down).After(now) {
			agree = append(agree, o)
		}
	}
	return len(agree) >= s.opt.Quorum && len(agree) > len(s.sentinels)/2 && agree[0] == w
}

// best is the replica that Sentinel chooses: the lowest priority but 0, then who has
// most, then the lowest run.
// https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#replica-selection-and-priority
func (s *Server) best(w *sentinel) (best *instance) {
	for _, i := range s.instances {
		if i == w.names || !i.reachable() || i.priority == 0 {
			continue
		}
		if best == nil || i.priority < best.priority || i.priority == best.priority && (i.offset > best.offset || i.offset == best.offset && i.run < best.run) {
			best = i
		}
	}
	return best
}

// failedOver ends a failover: the Sentinels that hear take the new master over.
func (s *Server) failedOver(w *sentinel) {
	to, was := w.target, w.names
	w.target = nil
	s.promote(to)
	for _, o := range s.sentinels {
		if !o.stuck || o == w {
			o.names, o.since, o.stuck = to, time.Time{}, false
		}
	}
	for _, i := range s.instances {
		if i != to && !i.split && (i == was || i.master != nil) {
			s.follow(i, to)
		}
	}
}
