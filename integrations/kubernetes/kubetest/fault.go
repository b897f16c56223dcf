package kubetest

import (
	"net/http"
	"slices"
	"time"
)

// Fault is something that goes wrong with requests.
type Fault struct {
	// Verb and Resource say which requests it strikes, as roles call them: "patch",
	// "deployments/scale"; "" is any.
	Verb     string `json:"verb,omitempty"`
	Resource string `json:"resource,omitempty"`
	Token    string `json:"token,omitempty"` // of this token alone
	Times    int    `json:"times,omitempty"` // how often; 0: until it is cleared
	After    int    `json:"after,omitempty"` // how many such requests pass before it strikes

	Status     int           `json:"status,omitempty"`      // answered without doing anything: 503, 401, 403, 410
	RetryAfter string        `json:"retry_after,omitempty"` // the header that goes with it
	Slow       time.Duration `json:"slow,omitempty"`        // real time before anything is done
	Refused    bool          `json:"refused,omitempty"`     // the connection is cut before anything is done
	Lost       bool          `json:"lost,omitempty"`        // it is carried out, then the connection is cut
	Garbage    bool          `json:"garbage,omitempty"`     // the answer is no JSON

	number int
}

// Fault scripts a fault and returns its number; the first that fits a request strikes.
func (s *Server) Fault(f Fault) (number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = -1
	}
	s.numbers++
	f.number = s.numbers
	s.faults = append(s.faults, &f)
	s.store.version++ // who reads again only what has changed is struck, too
	return f.number
}

// Clear takes these faults away, or all.
func (s *Server) Clear(numbers ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool { return len(numbers) == 0 || slices.Contains(numbers, f.number) })
}

// Down makes the API server unreachable, or reachable again: watches end, and every
// connection is cut before anything is done. The cluster goes on.
func (s *Server) Down(down bool) {
	s.mu.Lock()
	s.down = down
	s.mu.Unlock()
	if down {
		s.CutWatches()
	}
}

// strikes returns the fault that strikes a request.
func (s *Server) strikes(verb, resource, token string) (struck Fault) {
	if s.down {
		return Fault{Refused: true}
	}
	for _, f := range s.faults {
		if f.Times == 0 || f.Verb != "" && f.Verb != verb || f.Resource != "" && f.Resource != resource || f.Token != "" && f.Token != token {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return *f
	}
	return Fault{}
}

// meet carries a fault out that strikes before the request is done, and reports
// whether the request ends with it.
func (s *Server) meet(w http.ResponseWriter, f Fault) bool {
	if f.Slow > 0 {
		t := time.NewTimer(f.Slow)
		defer t.Stop()
		select {
		case <-t.C:
		case <-s.done:
		}
	}
	switch {
	case f.Refused:
		panic(http.ErrAbortHandler)
	case f.Garbage:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("<html>bad gateway</html>")) // the client may have gone
		return true
	case f.Status == 0:
		return false
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	answer(w, refusal(f.Status, "", "simulated"))
	return true
}
