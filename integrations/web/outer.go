package web

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/oncall"
)

const requestIDHeader = "X-Request-Id"

// outer is what no handler can skip: the panic guard, the request id, security
// headers, metrics, and the access log at debug level.
func (s *Server) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := recorder{ResponseWriter: w}
		h := w.Header()
		h[requestIDHeader] = []string{newRequestID()}
		h["X-Content-Type-Options"] = nosniff
		if !strings.HasPrefix(r.URL.Path, "/webhooks/") { // a browser's concern: senders of alerts are none
			h["Referrer-Policy"] = noReferrer
			h["X-Frame-Options"] = deny
			h["Content-Security-Policy"] = policy
			if r.TLS != nil {
				h["Strict-Transport-Security"] = transport
			}
		}
		defer s.after(&rec, r, began)
		next.ServeHTTP(&rec, r)
	})
}

// Values that every answer shares; a handler that sets its own replaces them.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	deny       = []string{"DENY"}
	policy     = []string{"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}
	transport  = []string{"max-age=31536000"}
)

func (s *Server) after(rec *recorder, r *http.Request, began time.Time) {
	if why := recover(); why != nil {
		if err, ok := why.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			s.metrics.request(rec.code(), time.Since(began))
			panic(why) // net/http's own way to drop a connection
		}
		s.log.ErrorContext(r.Context(), "a handler panicked", slog.String("path", loggedPath(r)), slog.Any("panic", why),
			slog.String("request", rec.Header().Get(requestIDHeader)), slog.String("stack", string(debug.Stack())))
		if rec.status == 0 {
			writeError(rec, http.StatusInternalServerError, "internal error", "the process log has more under "+rec.Header().Get(requestIDHeader))
		}
	}
	took := time.Since(began)
	s.metrics.request(rec.code(), took)
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.DebugContext(r.Context(), "request", slog.String("method", r.Method), slog.String("path", loggedPath(r)), slog.Int("status", rec.code()),
			slog.Duration("took", took), slog.String("remote", r.RemoteAddr), slog.String("request", rec.Header().Get(requestIDHeader)))
	}
}

// loggedPath leaves out what is as good as a credential.
func loggedPath(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, oncall.LinkPath) {
		return oncall.LinkPath + "…"
	}
	return r.URL.Path
}

// newRequestID need not be hard to guess: it only finds a line in the log.
func newRequestID() string {
	var raw, text [16]byte
	n := rand.Uint64()
	for i := range 8 {
		raw[i] = byte(n >> (8 * i))
	}
	hex.Encode(text[:], raw[:8])
	return string(text[:])
}

// recorder notes the status. It passes Flush and the like on by Unwrap.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush serves handlers that ask for an http.Flusher.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

func codeText(code int) string { return strconv.Itoa(code) }
