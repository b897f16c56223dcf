package ownpage

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// document is a rendered page, ready to send.
type document struct {
	contentType string
	body, small []byte // small is body with gzip
	etag        string
	modified    time.Time
}

// Limits of reading the record anew.
const (
	// readEvery spares the database when much is recorded that may not concern the
	// page: what does concern it is told by the poster and read at once.
	readEvery   = 250 * time.Millisecond
	readTimeout = 2 * time.Second
)

// current returns the newest site, read anew if something was recorded. When it
// cannot be read, the last one is served: an old page is worth more than none.
func (p *Page) current(ctx context.Context) (*shown, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	today := midnight(p.Clock.Now())
	if p.shown != nil && !p.shown.today.Equal(today) {
		p.shown = &shown{site: p.shown.site, key: p.shown.key, today: today, pages: map[string]*document{}}
	}
	if p.shown != nil && (!p.stale.Load() || !p.forced.Load() && time.Since(p.readAt) < readEvery) {
		return p.shown, nil
	}
	p.stale.Store(false) // before reading: what is recorded meanwhile is read next time
	p.forced.Store(false)
	p.readAt = time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	next, err := p.load(ctx, today)
	if err != nil {
		p.stale.Store(true)
		p.Log.Warn("the status page cannot be read anew", slog.Any("error", err))
		if p.shown == nil {
			return nil, err
		}
		return p.shown, nil
	}
	if p.shown == nil || p.shown.key != next.key {
		p.shown = next
	}
	return p.shown, nil
}

func (p *Page) load(ctx context.Context, today time.Time) (*shown, error) {
	site, err := p.read(ctx)
	if err != nil {
		return nil, err
	}
	public := site
	public.Pos, public.AsOf = 0, time.Time{} // the record grows without the public being told anything
	doc, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("ownpage: %w", err)
	}
	return &shown{site: site, key: sha256.Sum256(doc), today: today, pages: map[string]*document{}}, nil
}

// document returns a page of s, rendered the first time that it is asked for;
// nil when there is no such page. Only what exists is kept.
func (p *Page) document(s *shown, path string) (*document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.pages[path]; d != nil {
		return d, nil
	}
	v := view{Options: &p.Options, site: s.site, today: s.today, links: links{front: !strings.Contains(path, "/")}}
	body, contentType, err := v.render(path)
	if err != nil || body == nil {
		return nil, err
	}
	d := newDocument(body, contentType)
	d.modified = s.site.UpdatedAt
	if s.today.After(d.modified) {
		d.modified = s.today // the days that are shown have moved on
	}
	s.pages[path] = d
	return d, nil
}

// render makes the page at a path as it stands below the root; nil when there is none.
func (v view) render(path string) (body []byte, contentType string, err error) {
	const html = "text/html; charset=utf-8"
	kind, name, _ := strings.Cut(path, "/")
	switch {
	case path == "":
		body, err = render("index", v.index())
		return body, html, err
	case path == feedPath:
		body, err = v.feed()
		return body, "application/atom+xml; charset=utf-8", err
	case path == jsonPath:
		body, err = v.json()
		return body, "application/json; charset=utf-8", err
	case kind == "incidents":
		id, err := timeline.ParseID(name)
		if err != nil {
			return nil, "", nil
		}
		if p, found := v.one(id); found {
			body, err = render("incident", p)
			return body, html, err
		}
	case kind == "history":
		if p, found := v.month(name); found {
			body, err = render("month", p)
			return body, html, err
		}
	}
	return nil, "", nil
}

func newDocument(body []byte, contentType string) *document {
	d := &document{contentType: contentType, body: body}
	sum := sha256.Sum256(body)
	d.etag = hex.EncodeToString(sum[:12])
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, err := w.Write(body)
	if closed := w.Close(); err == nil && closed == nil && b.Len() < len(body) {
		d.small = b.Bytes()
	}
	return d
}
