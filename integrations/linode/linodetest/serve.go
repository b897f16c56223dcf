package linodetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

const maxBody = 1 << 20

// Request is one that came in, for tests: what was asked, and what was answered.
type Request struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"` // with its query
	Filter string    `json:"filter,omitempty"`
	Body   string    `json:"body,omitempty"`
	Token  string    `json:"token,omitempty"` // the secret: ReadToken, ActToken
	Status int       `json:"status"`          // 0: the connection was cut
}

// Requests are all requests so far.
func (s *Server) Requests() (list []Request) {
	s.do(func() { list = append(list, s.requests...) })
	return list
}

// Writes are the requests so far that were not GETs.
func (s *Server) Writes() (list []Request) {
	for _, r := range s.Requests() {
		if r.Method != http.MethodGet {
			list = append(list, r)
		}
	}
	return list
}

// Forget empties the log of requests.
func (s *Server) Forget() { s.do(func() { s.requests = nil }) }

// call is a request on its way to a handler.
type call struct {
	r     *http.Request
	body  []byte
	token *Token
	at    time.Time
}

// handler carries a request out, with the simulator locked.
type handler func(c *call) (any, *Refusal)

// route is a handler with what stands around it in the API.
type route struct {
	scopes     string // that are needed: "lke:read_only"
	collection bool   // paginated, filtered, and limited more narrowly
	do         handler
}

// serve goes through log, faults, authentication, scopes and limits to the handler.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt route) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	secret := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	var n int
	var f Fault
	s.do(func() {
		n = len(s.requests)
		s.requests = append(s.requests, Request{At: s.now(), Method: r.Method, Path: r.URL.RequestURI(), Filter: r.Header.Get("X-Filter"), Body: string(body), Token: secret})
		if hit := s.hit(r); hit != nil {
			f = *hit
		}
	})
	if f.Refused {
		panic(http.ErrAbortHandler)
	}
	if f.Slow > 0 {
		t := time.NewTimer(f.Slow)
		defer t.Stop()
		select {
		case <-t.C:
		case <-s.done:
		}
	}
	answer := httptest.NewRecorder()
	if f.Status != 0 {
		f.answer(answer)
	} else {
		s.do(func() { s.carryOut(answer, rt, &call{r: r, body: body, token: s.tokens[secret], at: s.now()}, secret) })
	}
	status := answer.Code
	if f.Lost || f.Broken {
		status = 0
	}
	s.do(func() {
		if n < len(s.requests) { // not forgotten meanwhile
			s.requests[n].Status = status
		}
	})
	if f.Lost {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	if f.Broken {
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		if err := http.NewResponseController(w).Flush(); err != nil {
			s.opt.Log.Warn("half an answer could not be sent", "error", err)
		}
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

func (f *Fault) answer(w http.ResponseWriter) {
	body := f.Body
	w.Header().Set("Content-Type", "application/json")
	if body == "" {
		body = fmt.Sprintf(`{"errors":[{"reason":%q}]}`, http.StatusText(f.Status))
	}
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(f.Status)
	io.WriteString(w, body)
}

func (s *Server) carryOut(w http.ResponseWriter, rt route, c *call, secret string) {
	if c.token == nil || c.token.Expired {
		refuse(w, &Refusal{Status: http.StatusUnauthorized, Reason: "Invalid Token"})
		return
	}
	w.Header().Set("X-OAuth-Scopes", c.token.Scopes)
	w.Header().Set("X-Accepted-OAuth-Scopes", rt.scopes)
	if !s.limit(w, rt, c, secret) {
		refuse(w, &Refusal{Status: http.StatusTooManyRequests, Reason: "Too many requests"})
		return
	}
	if !c.token.may(rt.scopes) {
		refuse(w, &Refusal{Status: http.StatusUnauthorized, Reason: "Your OAuth token is not authorized to use this endpoint."})
		return
	}
	result, refusal := rt.do(c)
	if refusal == nil && rt.collection {
		result, refusal = s.paginate(result, c.r)
	}
	if refusal != nil {
		refuse(w, refusal)
		return
	}
	write(w, http.StatusOK, result)
}

func refuse(w http.ResponseWriter, r *Refusal) {
	reason := map[string]string{"reason": r.Reason}
	if r.Field != "" {
		reason["field"] = r.Field
	}
	write(w, r.Status, map[string]any{"errors": []any{reason}})
}

func write(w http.ResponseWriter, status int, body any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		status = http.StatusInternalServerError
		b.Reset()
		fmt.Fprintf(&b, `{"errors":[{"reason":%q}]}`, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(bytes.TrimSpace(b.Bytes()))
}

// may reports whether the token covers all the scopes that a route needs.
func (t *Token) may(need string) bool {
	if t.Scopes == "*" {
		return true
	}
	have := strings.Fields(t.Scopes)
	for _, n := range strings.Fields(need) {
		area, _, _ := strings.Cut(n, ":")
		covered := false
		for _, h := range have {
			covered = covered || h == n || h == area+":read_write"
		}
		if !covered {
			return false
		}
	}
	return true
}

// window counts the requests of a token in the minute that began at start.
type window struct {
	start time.Time
	count int
}

// limit counts a request, writes the headers that tell of it, and reports whether
// it may go on.
func (s *Server) limit(w http.ResponseWriter, rt route, c *call, secret string) bool {
	kind, most := "others", s.opt.Limits.Others
	switch {
	case rt.collection:
		kind, most = "collections", s.opt.Limits.Collections
	case c.r.Method == http.MethodPost && strings.HasSuffix(c.r.URL.Path, "/support/tickets"):
		kind, most = "tickets", s.opt.Limits.Tickets
	}
	key := secret + " " + kind
	win := s.windows[key]
	if win == nil || c.at.Sub(win.start) >= time.Minute {
		win = &window{start: c.at}
		s.windows[key] = win
	}
	win.count++
	end := win.start.Add(time.Minute)
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(most))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(max(most-win.count, 0)))
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(end.Unix(), 10))
	if win.count <= most {
		return true
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(end.Sub(c.at)/time.Second)+1))
	return false
}
