package kubetest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

// bookmarkEvery is how often a watch tells how far it is, in real time.
const bookmarkEvery = 30 * time.Second

// watcher is a watch that is open.
type watcher struct {
	kind      kind
	sel       selector
	last      int64 // everything of its kind up to this version was sent
	sent      int64 // and there was nothing else up to this one
	bookmarks bool
	mute      bool // it hangs
	out       *json.Encoder
	flush     func()
}

// watch streams changes until the client goes, the server closes, or all are cut.
func (s *Server) watch(w http.ResponseWriter, c *call) {
	sel, refused := c.selector()
	if refused != nil {
		answer(w, refused)
		return
	}
	q := c.r.URL.Query()
	if q.Get("sendInitialEvents") == "true" { // as a server before v1.32
		answer(w, refusal(http.StatusUnprocessableEntity, "Invalid", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"))
		return
	}
	timeout := 30 * time.Minute
	if n, err := strconv.Atoi(q.Get("timeoutSeconds")); err == nil && n > 0 {
		timeout = time.Duration(n) * time.Second
	}
	from, err := strconv.ParseInt(q.Get("resourceVersion"), 10, 64)
	if err != nil {
		from = -1 // now
	}
	flusher, _ := w.(http.Flusher)
	own := &watcher{kind: c.kind, sel: sel, last: from, sent: from, bookmarks: q.Get("allowWatchBookmarks") == "true", out: json.NewEncoder(w), flush: flusher.Flush}
	cuts, ok := s.enter(own)
	if !ok {
		answer(w, refusal(http.StatusGone, "Expired", "too old resource version"))
		return
	}
	defer s.leave(own)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	end, mark := time.NewTimer(timeout), time.NewTicker(bookmarkEvery)
	defer end.Stop()
	defer mark.Stop()
	for {
		changed, ends, going := s.send(own)
		if !going {
			return
		}
		select {
		case <-changed:
		case <-mark.C:
			going = s.mutes(own) || own.bookmark()
		case <-ends:
			if s.mutes(own) {
				continue
			}
			own.bookmark()
			return
		case <-c.r.Context().Done():
			return
		case <-s.done:
			return
		case <-cuts:
			panic(http.ErrAbortHandler)
		case <-end.C:
			if s.mutes(own) {
				continue
			}
			own.bookmark()
			return
		}
		if !going {
			return
		}
	}
}

// enter begins a watch, unless what it wants to begin with is forgotten.
func (s *Server) enter(w *watcher) (cuts chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.last < 0 {
		w.last, w.sent = s.store.version, s.store.version
	}
	if w.last < s.store.oldest {
		return nil, false
	}
	s.watchers[w] = true
	return s.cuts, true
}

func (s *Server) leave(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watchers, w)
	s.heard()
}

// heard wakes those who wait for the watches.
func (s *Server) heard() {
	close(s.sent)
	s.sent = make(chan struct{})
}

// send sends what is new, and returns what to wait for until there is more.
func (s *Server) send(w *watcher) (changed, ends chan struct{}, going bool) {
	s.mu.Lock()
	news, version := s.store.after(w.kind, w.last), s.store.version
	gone := w.sent < s.store.oldest
	changed, ends = s.store.changed, s.ends
	mute := w.mute
	s.mu.Unlock()
	if mute {
		return changed, ends, true
	}
	if gone {
		_ = w.out.Encode(map[string]any{"type": watch.Error, "object": refusal(http.StatusGone, "Expired", "too old resource version")}) // the client may have gone
		w.flush()
		return nil, nil, false
	}
	for _, p := range news {
		w.last = p.version
		if what, is := seenBy(w.sel, p); what != "" && w.out.Encode(map[string]any{"type": what, "object": is}) != nil {
			return nil, nil, false
		}
	}
	w.flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	w.sent = version
	s.heard()
	return changed, ends, true
}

// bookmark tells how far the watch is, where the client asked for it.
func (w *watcher) bookmark() (going bool) {
	if !w.bookmarks {
		return true
	}
	bare := w.kind.empty()
	bare.GetObjectKind().SetGroupVersionKind(w.kind.GroupVersionKind)
	bare.SetResourceVersion(strconv.FormatInt(w.sent, 10))
	err := w.out.Encode(map[string]any{"type": watch.Bookmark, "object": bare})
	w.flush()
	return err == nil
}

// CutWatches cuts every watch that is open now, as a restart of the API server does:
// clients list anew.
func (s *Server) CutWatches() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.cuts)
	s.cuts = make(chan struct{})
}

// EndWatches ends every watch that is open now, as the API server does after some
// minutes: with a bookmark, from which clients go on.
func (s *Server) EndWatches() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ends)
	s.ends = make(chan struct{})
}

// MuteWatches lets the watches of a resource that are open now hang: they stay open and
// bring nothing, and the server does not end them. New ones work.
func (s *Server) MuteWatches(resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		if w.kind.resource == resource {
			w.mute = true
		}
	}
}

func (s *Server) mutes(w *watcher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.mute
}

// Watches is how many watches are open.
func (s *Server) Watches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watchers)
}

// Compact forgets the history: a watch that begins with less gets 410 Gone, and so
// does a list that was begun before.
func (s *Server) Compact() { s.do(func() { s.store.compact() }) }
