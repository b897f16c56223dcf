// Package ownpage is the built-in status page: the one that people see when
// everything else burns. It needs nothing but the record: HTML that is read
// without JavaScript, an Atom feed and JSON, served or written as files.
//
// Every page is a function of the site and of the day, rendered once and kept, so
// that a crowd costs nothing. Nothing of what is not public reaches it.
package ownpage

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// Options of a page. Store is required.
type Options struct {
	Title   string         // "": "Status"
	Zone    *time.Location // the team's, shown in brackets beside UTC; nil: UTC alone
	BaseURL string         // where the public reads it; "": links are relative everywhere
	Store   timeline.Store
	Clock   timeline.Clock // nil: the machine's
	Log     *slog.Logger   // nil: silent
}

// Page is the built-in status page: an [net/http.Handler] to mount at the root of a listener or
// below a path, and a [statuspage.Page] whose poster keeps it fresh.
type Page struct {
	Options

	// Set from the writer's goroutine, which must not wait: hence no lock.
	stale  atomic.Bool // something was recorded since it was read
	forced atomic.Bool // the poster says that it concerns the page

	mu     sync.Mutex
	shown  *shown // what is served; replaced as a whole
	readAt time.Time
}

// shown is one site on one day, with what was rendered of it.
type shown struct {
	site  statuspage.Site
	key   [32]byte // of the site
	today time.Time

	mu    sync.Mutex
	pages map[string]*document
}

// New makes the page. It reads nothing before the first request.
func New(o Options) *Page {
	if o.Title == "" {
		o.Title = "Status"
	}
	if o.Clock == nil {
		o.Clock = timeline.RealClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Page{Options: o}
	p.forget()
	o.Store.OnCommit(func(timeline.Commit) { p.stale.Store(true) })
	return p
}

var _ statuspage.Page = (*Page)(nil)

// Name implements [statuspage.Page].
func (p *Page) Name() string { return "ownpage" }

// Capabilities implements [statuspage.Page]: it can show everything. It has no
// subscribers, so none are woken.
func (p *Page) Capabilities() statuspage.Capabilities {
	return statuspage.Capabilities{BackdateIncident: true, BackdateUpdates: true, ComponentsWithBackdate: true, SuppressNotify: true, ShowsRecord: true}
}

// Publish implements [statuspage.Page]: the page is read from the record, so it
// only forgets what it rendered. It may be repeated.
func (p *Page) Publish(_ context.Context, want statuspage.Notice, _ statuspage.Links, _ bool) (statuspage.Links, error) {
	p.forget()
	links := statuspage.Links{Incident: string(want.Incident), Updates: map[string]string{}}
	for _, u := range want.Updates {
		links.Updates[u.Entry.String()] = anchor(u)
	}
	if p.BaseURL != "" {
		links.URL = view{Options: &p.Options}.absolute(incidentPath(want.Incident, false))
	}
	return links, nil
}

// SetComponents implements [statuspage.Page]; see Publish.
func (p *Page) SetComponents(context.Context, []statuspage.Component) error {
	p.forget()
	return nil
}

// Check implements [statuspage.Page]: there is no credential.
func (p *Page) Check(ctx context.Context) error {
	_, err := p.read(ctx)
	return err
}

func (p *Page) forget() {
	p.forced.Store(true)
	p.stale.Store(true)
}

func (p *Page) read(ctx context.Context) (site statuspage.Site, err error) {
	err = p.Store.View(ctx, func(v timeline.View) error {
		site, err = statuspage.ReadSite(v)
		return err
	})
	if err != nil {
		return site, fmt.Errorf("ownpage: %w", err)
	}
	return site, nil
}
