package discordtest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong with REST requests. The zero values of Method
// and Path match every request, that of Times strikes until Clear. The first fault
// that matches a request strikes it; faults strike in the order they were set.
type Fault struct {
	Method string `json:"method,omitempty"`
	// Path is a pattern below /api/v10 as of path.Match: "/channels/*/messages".
	Path  string `json:"path,omitempty"`
	Skip  int    `json:"skip,omitempty"`  // so many matching requests pass first
	Times int    `json:"times,omitempty"` // so many are struck

	// Status answers so instead of carrying the request out, as 502. Body is sent
	// with it; "" is what Discord's front sends.
	Status int    `json:"status,omitempty"`
	Body   string `json:"body,omitempty"`
	// Slow waits before anything else, at most as long as the request lives.
	Slow time.Duration `json:"slow,omitempty"`
	// Lost carries the request out and cuts the connection before the answer.
	Lost bool `json:"lost,omitempty"`
	// Cut cuts the connection before the request is carried out.
	Cut bool `json:"cut,omitempty"`
	// RetryAfter answers 429 with this wait; Scope is "user", "global" or "shared".
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	Scope      string        `json:"scope,omitempty"`
	// Cloudflare answers 429 with a page of HTML, as Discord's front does to those
	// who made too many bad requests. RetryAfter stands in the header.
	Cloudflare bool `json:"cloudflare,omitempty"`
}

type faults struct {
	list  map[int]*Fault
	next  int
	count map[string]int // requests by "METHOD status", faults included
}

// Fault sets a fault and returns its number for Clear.
func (s *Server) Fault(f Fault) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.list == nil {
		s.faults.list = map[int]*Fault{}
	}
	s.faults.next++
	s.faults.list[s.faults.next] = &f
	return s.faults.next
}

// Clear ends the faults of these numbers, all when there are none.
func (s *Server) Clear(numbers ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(numbers) == 0 {
		clear(s.faults.list)
	}
	for _, n := range numbers {
		delete(s.faults.list, n)
	}
}

// Down cuts every connection, the gateway's too, and every new one until Up. With
// refuse the port is closed, so that connecting itself fails. What Discord holds
// stays; sessions of the gateway can be resumed when it is up again.
func (s *Server) Down(refuse bool) {
	s.listen.fall(refuse)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway.cutAll()
	s.touch()
}

// Up ends Down. The error is that another process took the address meanwhile.
func (s *Server) Up() error { return s.listen.rise() }

// Requests returns how many requests were answered, by method and status as
// "POST 200"; those whose answer was lost count as "POST lost", those that were cut
// before they were carried out as "POST cut".
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.faults.count)
}

// strike finds the fault for a request and counts it.
func (s *Server) strike(r *http.Request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, below, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	for _, n := range slices.Sorted(maps.Keys(s.faults.list)) {
		f := s.faults.list[n]
		if f.Method != "" && f.Method != r.Method {
			continue
		}
		if ok, err := path.Match(f.Path, "/"+below); f.Path != "" && (err != nil || !ok) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times == 1 {
			delete(s.faults.list, n)
		} else if f.Times > 1 {
			f.Times--
		}
		return *f, true
	}
	return Fault{}, false
}

// serve is everything at the one address: REST, gateway, files.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		s.rest(w, r)
	case strings.TrimSuffix(r.URL.Path, "/") == "/gateway": // discordgo adds a slash
		s.serveGateway(w, r)
	case strings.HasPrefix(r.URL.Path, "/attachments/"):
		s.serveFile(w, r)
	default:
		http.NotFound(w, r)
	}
}

// rest serves a request of the API with the fault that strikes it.
func (s *Server) rest(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{header: http.Header{}}
	outcome := ""
	f, struck := s.strike(r)
	if struck && f.Slow > 0 {
		if s.wait(r.Context(), f.Slow) != nil {
			s.counted(r.Method, "cut")
			s.cut(w)
			return
		}
	}
	switch {
	case struck && f.Cut:
		s.counted(r.Method, "cut")
		s.cut(w)
		return
	case struck && f.Cloudflare:
		if f.RetryAfter > 0 {
			rec.header.Set("Retry-After", fmt.Sprint(int(f.RetryAfter.Seconds())))
		}
		rec.page(http.StatusTooManyRequests, "<!doctype html><title>Access denied | discord.com used Cloudflare to restrict access</title>error code: 1015")
	case struck && f.RetryAfter > 0:
		if f.Scope == "" {
			f.Scope = "user"
		}
		limited(rec, verdict{f.RetryAfter, f.Scope, f.Scope == "global"})
	case struck && f.Status != 0:
		if f.Body == "" {
			f.Body = fmt.Sprintf("<html><head><title>%d %s</title></head></html>", f.Status, http.StatusText(f.Status))
		}
		rec.page(f.Status, f.Body)
	default:
		s.api.ServeHTTP(rec, r)
		if struck && f.Lost {
			outcome = "lost"
		}
	}
	if outcome == "" {
		outcome = fmt.Sprint(rec.code())
	}
	s.counted(r.Method, outcome)
	if outcome == "lost" {
		s.cut(w)
		return
	}
	rec.copyTo(w)
}

// cut closes the connection without a word.
func (s *Server) cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
		s.listen.forget(conn)
	}
}

func (s *Server) counted(method, outcome string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.count == nil {
		s.faults.count = map[string]int{}
	}
	s.faults.count[method+" "+outcome]++
	s.touch()
}

// wait lasts d, or as long as the request.
func (s *Server) wait(ctx context.Context, d time.Duration) error {
	c, stop := s.opt.After(d)
	defer stop()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recorder keeps an answer until it is known whether it may be sent.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

func (r *recorder) page(status int, body string) {
	r.header.Set("Content-Type", "text/html")
	r.WriteHeader(status)
	r.body.WriteString(body)
}

func (r *recorder) copyTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.WriteHeader(r.code())
	w.Write(r.body.Bytes())
}
