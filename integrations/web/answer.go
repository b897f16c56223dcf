package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"wardroom/bot/problem"
)

// refuse answers with an error as one line of JSON.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errMethod) {
		writeError(w, http.StatusMethodNotAllowed, "send it with POST", "")
		return
	}
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		id := w.Header().Get(requestIDHeader)
		s.log.ErrorContext(r.Context(), "request failed", slog.String("path", r.URL.Path), slog.String("request", id), slog.Any("error", err))
		// Whoever sends alerts must try again: a defect here may be mended, a lost alert not.
		writeError(w, http.StatusServiceUnavailable, "internal error", "the process log has more under "+id)
		return
	}
	status := p.Code.HTTPStatus()
	if status >= http.StatusInternalServerError {
		w.Header().Set("Retry-After", "5")
		s.unavailable(r, p)
	}
	message := p.Message
	if p.Code == problem.Invalid && p.Err != nil {
		message = p.Error() // what the decoder says is about the sender's own text
	}
	writeError(w, status, message, p.Hint)
}

// unavailable logs, at most once in ten seconds, that alerts are sent back.
func (s *Server) unavailable(r *http.Request, p *problem.Error) {
	if s.metrics.quiet() {
		return
	}
	s.log.ErrorContext(r.Context(), "alerts are sent back", slog.String("path", r.URL.Path), slog.Any("error", p))
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeError(w, http.StatusNotFound, "there is nothing here", "")
}

func writeError(w http.ResponseWriter, status int, message, hint string) {
	body, err := json.Marshal(struct {
		Error string `json:"error"`
		Hint  string `json:"hint,omitempty"`
	}{clip(message, 500), hint})
	if err != nil { // strings always encode
		body = []byte(`{"error":"internal error"}`)
	}
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xC0 == 0x80 { // not inside a letter
		cut--
	}
	return s[:cut] + "…"
}
