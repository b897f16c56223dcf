package web

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

//go:embed home.html
var homeText string

var homePage = template.Must(template.New("home").Parse(homeText))

// home is for a person who opens the address: what this is, and where to go.
func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	page := struct {
		Version string
		Down    string
		Links   []Link
	}{Version: s.options.Version}
	page.Links = slices.Clone(s.options.Links)
	if err := s.ready(); err != nil {
		page.Down = err.Error()
	}
	var b bytes.Buffer
	if err := homePage.Execute(&b, page); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes())
}
