package ntfytest

import (
	"net/http"
	"strings"
)

// Fault is something that goes wrong with requests.
type Fault struct {
	// Method and Path say which requests it strikes: "" any, Path a part of it.
	Method, Path string
	Times        int // how often; 0: until Heal
	After        int // how many such requests pass before it strikes

	Status     int    // answered without doing anything, as 503, 429
	RetryAfter string // the header that goes with it
	Lost       bool   // the request is carried out, then the connection is cut
	Refused    bool   // the connection is cut before anything is done
}

// Fault scripts a fault; the first that fits a request strikes.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = -1
	}
	s.faults = append(s.faults, &f)
}

// Heal takes all faults away.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// begin notes a request and returns the fault that strikes it, or nil.
func (s *Server) begin(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	for _, f := range s.faults {
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		struck := *f
		return &struck
	}
	return nil
}

// meet carries the fault out and reports whether the request ends with it.
func (f *Fault) meet(w http.ResponseWriter) bool {
	switch {
	case f == nil || f.Lost:
		return false
	case f.Refused:
		cut(w)
		return true
	case f.Status == 0:
		return false
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, body := problem(f.Status, f.Status*100+1, "simulated")
	_, _ = w.Write(body) // the client may have gone
	return true
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	if conn, _, err := h.Hijack(); err == nil {
		conn.Close()
	}
}
