// Package statuspage keeps a page at Atlassian Statuspage in step with the
// timeline: https://developer.statuspage.io.
//
// Statuspage has no idempotency keys. So each incident carries in its `metadata`
// which of ours it is and which updates it was given, set by the very request that
// adds them; before anything is posted the incident is looked up and what is there
// already is left out. A live incident is backdated by the `display_at` of its
// updates.
package statuspage

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"wardroom/bot/config"
	port "wardroom/bot/statuspage"
)

// DefaultURL is where Statuspage serves its API.
const DefaultURL = "https://api.statuspage.io/v1"

// Options of a page.
type Options struct {
	PageID string
	Key    config.Secret
	// Components gives Statuspage's ids of our components. Those left out are found
	// by their names.
	Components map[string]string
	// Names are our components. Check names those that Statuspage lacks, so that it is
	// found out by day.
	Names []string
	URL   string       // "": DefaultURL
	HTTP  *http.Client // nil: one with timeouts that follows no redirects
	// Every is the least time between requests on average; 0: Statuspage's limit of
	// one a second and key, "as measured on a 60 second rolling window".
	Every time.Duration
	// Patience bounds how long one call waits when Statuspage asks to slow down;
	// beyond it the call is tried again later. 0: 30 seconds.
	Patience time.Duration
	// Settle is how long to wait after a request that adds something and was not
	// answered, before anybody looks for what it made. 0: 15 seconds.
	Settle time.Duration
}

// Decode reads the options from the configuration's status_page.statuspage.
func Decode(s config.Section) (Options, error) {
	var form struct {
		PageID     string            `yaml:"page_id"`
		Key        config.Secret     `yaml:"api_key"`
		Components map[string]string `yaml:"components"`
		URL        string            `yaml:"url"`
	}
	if err := s.Decode(&form); err != nil {
		return Options{}, err
	}
	switch {
	case form.PageID == "":
		return Options{}, s.Fail("page_id", "is missing: it stands in Statuspage under API info")
	case strings.ContainsAny(form.PageID, "/?# "):
		return Options{}, s.Fail("page_id", "is not a page's id: write it as kctbh9vrtdwd")
	case form.Key.IsZero():
		return Options{}, s.Fail("api_key", "is missing: write it, or the file that holds it under api_key_file")
	}
	if form.URL != "" {
		u, err := url.Parse(form.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
			return Options{}, s.Fail("url", "is not an address: write it as %s", DefaultURL)
		}
	}
	return Options{PageID: form.PageID, Key: form.Key, Components: form.Components, URL: form.URL}, nil
}

// Page is one page at Statuspage.
type Page struct {
	client *client
	parts  parts
	names  []string
}

// New makes the page; it sends nothing.
func New(o Options) *Page {
	c := newClient(o)
	return &Page{client: c, parts: parts{client: c, fixed: o.Components}, names: o.Names}
}

var _ port.Page = (*Page)(nil)

// Name implements [port.Page].
func (*Page) Name() string { return "Statuspage" }

// Capabilities implements [port.Page]. An incident's start is the time that its
// first update shows, so it can be moved while the incident is live.
func (*Page) Capabilities() port.Capabilities {
	return port.Capabilities{BackdateIncident: true, BackdateUpdates: true, ComponentsWithBackdate: true, SuppressNotify: true}
}
