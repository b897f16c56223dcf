package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// memory is a transport without sockets, for testing/synctest: the handler runs in
// the caller's goroutine.
type memory struct{ http.Handler }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	m.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// inMemory is a client of a handler, on the time of the test's bubble.
func inMemory(h http.HandlerFunc, change ...func(*rest.Options)) *rest.Client {
	o := rest.Options{Token: "t0k3n", Base: "http://discord.test/api/v10", HTTP: &http.Client{Transport: memory{h}}, Clock: timeline.RealClock{}, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	return rest.New(o)
}

// overSocket is a client of a server on a socket.
func overSocket(t *testing.T, h http.HandlerFunc) *rest.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return rest.New(rest.Options{Token: "t0k3n", Base: s.URL + "/api/v10", Clock: timeline.RealClock{}})
}

// limiter is one bucket of Discord's: so many requests a window, which begins with
// its first request. Beyond, it answers 429.
type limiter struct {
	mu      sync.Mutex
	name    string
	limit   int
	window  time.Duration
	used    map[string]int
	until   map[string]time.Time
	refused int
	order   []string // paths, as they came in
}

func (l *limiter) serve(w http.ResponseWriter, major, path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used == nil {
		l.used, l.until = map[string]int{}, map[string]time.Time{}
	}
	now := time.Now()
	if !now.Before(l.until[major]) {
		l.used[major], l.until[major] = 0, now.Add(l.window)
	}
	l.used[major]++
	h := w.Header()
	h.Set("X-RateLimit-Bucket", l.name)
	h.Set("X-RateLimit-Limit", fmt.Sprint(l.limit))
	h.Set("X-RateLimit-Remaining", fmt.Sprint(max(l.limit-l.used[major], 0)))
	h.Set("X-RateLimit-Reset-After", fmt.Sprint(l.until[major].Sub(now).Seconds()))
	if l.used[major] > l.limit {
		l.refused++
		tooMany(w, l.until[major].Sub(now), "user")
		return false
	}
	l.order = append(l.order, path)
	return true
}

func tooMany(w http.ResponseWriter, after time.Duration, scope string) {
	h := w.Header()
	h.Set("X-RateLimit-Scope", scope)
	h.Set("Retry-After", fmt.Sprint(int(after.Seconds()+0.999)))
	if scope == "global" {
		h.Set("X-RateLimit-Global", "true")
	}
	answer(w, 429, map[string]any{"message": "You are being rate limited.", "retry_after": after.Seconds(), "global": scope == "global"})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body != nil {
		if err := json.NewEncoder(w).Encode(body); err != nil {
			panic(err)
		}
	}
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{"code": code, "message": message})
}

func do(t *testing.T, c *rest.Client, method, path string) error {
	t.Helper()
	return c.Do(t.Context(), rest.Call{Method: method, Path: path})
}

// recorder keeps requests.
type recorder struct {
	mu   sync.Mutex
	seen []string
	body []string
	head []http.Header
}

func (r *recorder) add(req *http.Request) int {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, req.Method+" "+strings.TrimPrefix(req.URL.RequestURI(), "/api/v10"))
	r.body = append(r.body, string(body))
	r.head = append(r.head, req.Header)
	return len(r.seen)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// pass lets the time of the test's bubble go on.
func pass(d time.Duration) { <-time.After(d) }
