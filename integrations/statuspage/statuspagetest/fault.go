package statuspagetest

import (
	"net/http"
	"strings"
	"time"
)

// Fault is something that goes wrong with requests.
type Fault struct {
	// Method and Path say which requests it strikes: "" any, Path a part of it.
	Method, Path string
	Times        int // how often; 0: until the test ends or Heal
	After        int // how many such requests pass before it strikes

	Status     int           // answered without doing anything, as 503, 420, 429
	RetryAfter string        // the header that goes with it
	Body       string        // of that answer; "": an error as Statuspage writes it
	Lost       bool          // the request is carried out, then the connection is cut
	Refused    bool          // the connection is cut before anything is done
	Slow       time.Duration // the request waits so long and is then carried out, also when the client has given up
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
	case f.Slow > 0:
		<-time.After(f.Slow)
		return false
	case f.Status == 0:
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	w.WriteHeader(f.Status)
	body := f.Body
	if body == "" {
		body = `{"error":"simulated"}`
	}
	_, _ = w.Write([]byte(body)) // the client has gone
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
