package web

import (
	"fmt"
	"net/http"
)

// Mount serves handler at a pattern of [http.ServeMux], "/status/" or
// "GET /api/incidents". It may be called before and after Start. It fails when
// the pattern is taken or is none. What is mounted stands behind the same outer
// layers (panic guard, request id, metrics, security headers) and looks after
// its own authentication.
func (s *Server) Mount(pattern string, handler http.Handler) (err error) {
	defer func() {
		if why := recover(); why != nil { // how ServeMux says it
			err = fmt.Errorf("web: mount %q: %v", pattern, why)
		}
	}()
	s.mux.Handle(pattern, handler)
	return nil
}
