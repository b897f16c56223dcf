package web

import (
	"net/http"
)

// healthz says that the process answers: whoever restarts it when it does not
// must not do so because a disk is full.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}

// readyz says whether alerts can be recorded now: 503 with the reason when not.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := s.ready(); err != nil {
		writeError(w, http.StatusServiceUnavailable, err.Error(), "")
		return
	}
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write([]byte(`{"status":"ready"}` + "\n"))
}

func (s *Server) ready() error {
	for _, check := range []func() error{s.options.Ready, s.options.Healthy} {
		if check == nil {
			continue
		}
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}
