package timeline

import "slices"

// Retry lets the followers with these names try again at once what they put off
// after a failure: the outside system is back.
func (r *Runtime) Retry(names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		if slices.Contains(names, w.name) {
			w.again = true
			w.stir()
		}
	}
}

// Refresh makes a mirror show these timelines again although nothing was recorded
// in them: something else that it shows has changed, or what is shown was found to
// be old. It shows no more often than it may.
func (r *Runtime) Refresh(mirror string, ids ...ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		if w.name != mirror || len(ids) == 0 {
			continue
		}
		for _, id := range ids {
			w.stale[id] = true
		}
		w.stir()
	}
}
