package ownpage

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// cacheControl is how long others may keep a page: short enough for an incident, long
// enough for a crowd. After an error they may go on showing it for a day.
const cacheControl = "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"

// ServeHTTP serves the pages to GET and HEAD:
//
//	/                  the current state and the last 14 days
//	/incidents/INC-1   one incident
//	/history/2021-07   one month
//	/feed.atom         the newest 50 updates
//	/status.json       [Status]
//
// The paths of exported files lead to the pages.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy+"; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	s, err := p.current(r.Context())
	if err != nil {
		p.unavailable(w)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if to, moved := canonical(path); moved {
		h.Set("Location", to)
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	d, err := p.document(s, path)
	switch {
	case err != nil:
		p.Log.Error("the status page cannot be rendered", "path", path, "error", err)
		p.unavailable(w)
	case d == nil:
		p.missing(w, r, s, path)
	default:
		if d.contentType[0] == 'a' { // the feed and JSON are for other people's programs
			h.Set("Access-Control-Allow-Origin", "*")
		}
		h.Set("Cache-Control", cacheControl)
		send(w, r, d)
	}
}

// canonical gives the relative address of a page that was asked for by another name.
func canonical(path string) (to string, moved bool) {
	if path == "index.html" {
		return "./", true
	}
	kind, name, nested := strings.Cut(path, "/")
	bare := strings.TrimSuffix(name, ".html")
	switch {
	case kind == "incidents" && nested:
		id, err := timeline.ParseID(bare)
		return string(id), err == nil && id.IsIncident() && name != string(id)
	case kind == "history" && nested && bare != name:
		_, err := time.Parse(monthLayout, bare)
		return bare, err == nil
	}
	return "", false
}

// missing says so in a page of its own, without keeping it.
func (p *Page) missing(w http.ResponseWriter, r *http.Request, s *shown, path string) {
	v := view{Options: &p.Options, site: s.site, today: s.today, links: links{front: !strings.Contains(path, "/")}}
	f := v.frame("There is no such page – " + p.Title)
	// However deep the path was, the links must lead to the root.
	up := strings.Repeat("../", strings.Count(path, "/"))
	f.Home, f.Feed, f.JSON = "./"+up, up+feedPath, up+jsonPath
	body, err := render("missing", f)
	if err != nil {
		p.unavailable(w)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=10")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the reader is gone
	}
}

func (p *Page) unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "10")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, p.Title+" cannot be shown at present. Please try again in a moment.", http.StatusServiceUnavailable)
}

// send answers with a document, or that the reader has it already.
func send(w http.ResponseWriter, r *http.Request, d *document) {
	h := w.Header()
	body, etag := d.body, `"`+d.etag+`"`
	small := d.small != nil && acceptsGzip(r)
	if small {
		body, etag = d.small, `"`+d.etag+`-gz"`
	}
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", etag)
	h.Set("Last-Modified", d.modified.UTC().Format(http.TimeFormat))
	if fresh(r, etag, d.modified) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if small {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", d.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the reader is gone
	}
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, weighted := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q = strings.ReplaceAll(q, " ", "")
			return !weighted || q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// fresh reports whether the reader holds the document; If-None-Match counts more
// than If-Modified-Since (RFC 9110, 13.1).
func fresh(r *http.Request, etag string, modified time.Time) bool {
	if match := r.Header.Get("If-None-Match"); match != "" {
		for tag := range strings.SplitSeq(match, ",") {
			if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !modified.Truncate(time.Second).After(since)
}
