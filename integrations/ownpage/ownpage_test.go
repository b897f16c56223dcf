package ownpage_test

import (
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/integrations/ownpage"
)

var update = flag.Bool("update", false, "write the golden files anew")

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	return ask(t, h, http.MethodGet, path, header...)
}

func ask(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://status.example.org"+path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// styleBlock, with the hash that lets it in, is left out of golden files: what it looks like is seen by eye.
var styleBlock = regexp.MustCompile(`(?s)<style>.*?</style>|style-src .*?; |<link rel="icon"[^>]*>`)

func golden(t *testing.T, name, got string) {
	t.Helper()
	got = styleBlock.ReplaceAllString(got, "")
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-update writes it anew):\n%s", path, diff)
	}
}

func TestPagesReadAsTheyShould(t *testing.T) {
	r := newRig(t, ownpage.Options{Title: "Python Discord status", BaseURL: "https://status.example.org"})
	r.night()
	for path, file := range map[string]string{
		"/": "index.html", "/incidents/INC-3": "INC-3.html", "/incidents/INC-2": "INC-2.html", "/history/2021-07": "2021-07.html",
		"/feed.atom": "feed.atom", "/status.json": "status.json",
	} {
		t.Run(file, func(t *testing.T) {
			res := get(t, r.page, path)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s", path, res.Status)
			}
			golden(t, file, body(t, res))
		})
	}
}

func TestTeamsZoneStandsBesideUTC(t *testing.T) {
	r := newRig(t, ownpage.Options{Zone: time.FixedZone("CEST", 2*60*60)})
	r.night()
	page := body(t, get(t, r.page, "/"))
	for _, want := range []string{
		`<time datetime="2021-07-11T00:25:00Z">11 July 2021, 00:25 UTC (02:25 CEST)</time>`,
		`22:12 UTC (4 July, 00:12 CEST)`,
	} {
		if want == "22:12 UTC (4 July, 00:12 CEST)" {
			page = body(t, get(t, r.page, "/history/2021-07"))
		}
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
}

func TestNothingFromOutsideBecomesMarkup(t *testing.T) {
	r := newRig(t, ownpage.Options{Title: `"><script>`, BaseURL: "https://status.example.org"})
	r.night()
	for _, path := range []string{"/", "/incidents/INC-3", "/history/2021-07", "/nothing/here", "/incidents/%3Cscript%3E"} {
		page := body(t, get(t, r.page, path))
		if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
			t.Errorf("%s holds markup from outside", path)
		}
		if strings.Contains(page, "secret reason") {
			t.Errorf("%s tells what is not public", path)
		}
	}
	for _, path := range []string{"/feed.atom", "/status.json"} {
		if page := body(t, get(t, r.page, path)); strings.Contains(page, "secret reason") {
			t.Errorf("%s tells what is not public", path)
		}
	}
}

func TestCorrectedTextIsGoneAndTheCorrectionIsSaid(t *testing.T) {
	r := newRig(t, ownpage.Options{BaseURL: "https://status.example.org"})
	r.night()
	for path, says := range map[string]string{
		"/":                `<time datetime="2021-07-11T00:57:00Z">11 July 2021, 00:57 UTC</time> · corrected at <time datetime="2021-07-11T01:20:00Z">01:20 UTC</time>`,
		"/incidents/INC-3": `corrected at <time datetime="2021-07-11T01:20:00Z">01:20 UTC</time>`,
		"/incidents/INC-2": `corrected at <time datetime="2021-07-04T09:15:00Z">4 July 2021, 09:15 UTC</time>`,
		"/history/2021-07": "",
		"/feed.atom":       "<published>2021-07-03T22:12:00Z</published>\n  <updated>2021-07-04T09:15:00Z</updated>",
		"/status.json":     `"corrected_at": "2021-07-04T09:15:00Z"`,
	} {
		page := body(t, get(t, r.page, path))
		if strings.Contains(page, "Acme") || strings.Contains(page, "took its node along") {
			t.Errorf("%s still says what was wrong", path)
		}
		if !strings.Contains(page, says) {
			t.Errorf("%s does not say %s", path, says)
		}
	}
}

func TestFeedIsAtom(t *testing.T) {
	r := newRig(t, ownpage.Options{BaseURL: "https://status.example.org/s/"})
	r.night()
	var feed struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string   `xml:"id"`
		Updated string   `xml:"updated"`
		Author  string   `xml:"author>name"`
		Entries []struct {
			ID        string `xml:"id"`
			Updated   string `xml:"updated"`
			Published string `xml:"published"`
			Title     string `xml:"title"`
			Link      struct {
				Href string `xml:"href,attr"`
			} `xml:"link"`
		} `xml:"entry"`
	}
	d := xml.NewDecoder(get(t, r.page, "/feed.atom").Body)
	d.Strict = true
	if err := d.Decode(&feed); err != nil {
		t.Fatal(err)
	}
	if len(feed.Entries) != 7 || feed.Author == "" || feed.ID != "tag:status.example.org,2021:status/" {
		t.Errorf("feed: %+v", feed)
	}
	ids, newest := map[string]bool{}, ""
	for _, e := range feed.Entries {
		newest = max(newest, e.Updated)
		for _, when := range []string{e.Updated, e.Published, feed.Updated} {
			if _, err := time.Parse(time.RFC3339, when); err != nil {
				t.Error(err)
			}
		}
		if ids[e.ID] || e.Title == "" || !strings.HasPrefix(e.Link.Href, "https://status.example.org/s/incidents/INC-") {
			t.Errorf("entry %+v", e)
		}
		ids[e.ID] = true
	}
	if feed.Updated != newest {
		t.Errorf("the feed was updated %s, its newest entry %s", feed.Updated, newest)
	}
}

func TestReadersThatHoldThePageAreToldSo(t *testing.T) {
	r := newRig(t, ownpage.Options{})
	r.night()
	first := get(t, r.page, "/")
	etag, modified := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
	for name, c := range map[string]struct {
		header []string
		want   int
	}{
		"same ETag":                     {[]string{"If-None-Match", etag}, 304},
		"one of several, weak":          {[]string{"If-None-Match", `"x", W/` + etag}, 304},
		"another ETag":                  {[]string{"If-None-Match", `"x"`}, 200},
		"not modified since":            {[]string{"If-Modified-Since", modified}, 304},
		"older copy":                    {[]string{"If-Modified-Since", "Sun, 11 Jul 2010 00:00:00 GMT"}, 200},
		"ETag counts more than a date":  {[]string{"If-None-Match", `"x"`, "If-Modified-Since", modified}, 200},
		"ETag of the other compression": {[]string{"If-None-Match", etag, "Accept-Encoding", "gzip"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			if got := get(t, r.page, "/", c.header...).StatusCode; got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	head := ask(t, r.page, http.MethodHead, "/")
	if body(t, head) != "" || head.Header.Get("Content-Length") != first.Header.Get("Content-Length") || head.Header.Get("ETag") != etag {
		t.Error("HEAD differs from GET")
	}
	if res := get(t, r.page, "/", "Accept-Encoding", "br, gzip"); res.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
		t.Error("not compressed")
	}
	if res := get(t, r.page, "/", "Accept-Encoding", "gzip;q=0"); res.Header.Get("Content-Encoding") != "" {
		t.Error("compressed although it was refused")
	}
	if res := ask(t, r.page, http.MethodPost, "/"); res.StatusCode != 405 || res.Header.Get("Allow") == "" {
		t.Errorf("POST: %s", res.Status)
	}
	if csp := first.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy: %s", csp)
	}
}

func TestPathsThatLeadElsewhere(t *testing.T) {
	r := newRig(t, ownpage.Options{})
	r.night()
	for path, want := range map[string]struct {
		status int
		to     string
	}{
		"/index.html":              {301, "./"},
		"/incidents/INC-0003.html": {301, "INC-3"},
		"/incidents/3":             {301, "INC-3"},
		"/history/2021-07.html":    {301, "2021-07"},
		"/incidents/INC-9":         {404, ""},
		"/incidents/log":           {404, ""},
		"/history/2021-05":         {404, ""},
		"/history/2021-7":          {404, ""},
		"/incidents/INC-3/":        {404, ""},
		"/incidents/..%2f..%2fetc": {404, ""},
		"/assets/style.css":        {404, ""},
	} {
		res := get(t, r.page, path)
		if res.StatusCode != want.status || res.Header.Get("Location") != want.to {
			t.Errorf("%s: %d %q, want %d %q", path, res.StatusCode, res.Header.Get("Location"), want.status, want.to)
		}
	}
}

func TestPageFollowsTheRecordAndTheDays(t *testing.T) {
	r := newRig(t, ownpage.Options{})
	r.night()
	before := body(t, get(t, r.page, "/"))
	r.post("2021-07-11 06:00", statuspage.Post{Incident: "INC-3", State: statuspage.Resolved})
	if _, err := r.page.Publish(t.Context(), statuspage.Notice{Incident: "INC-3"}, statuspage.Links{}, true); err != nil {
		t.Fatal(err)
	}
	after := get(t, r.page, "/")
	page := body(t, after)
	if !strings.Contains(page, "All systems operational") || page == before {
		t.Error("the page does not say that it is over")
	}
	r.declare("INC-4", "Not public")
	if _, err := r.page.Publish(t.Context(), statuspage.Notice{Incident: "INC-3"}, statuspage.Links{}, true); err != nil {
		t.Fatal(err)
	}
	if res := get(t, r.page, "/"); res.Header.Get("ETag") != after.Header.Get("ETag") {
		t.Error("an entry that is not public changed the page")
	}
	r.clock.MoveTo(at("2021-07-12 00:00"))
	if next := body(t, get(t, r.page, "/")); !strings.Contains(next, "Monday, 12 July 2021") {
		t.Error("a new day has not come")
	}
}

func TestEmptyPageIsAPage(t *testing.T) {
	r := newRig(t, ownpage.Options{})
	page := body(t, get(t, r.page, "/"))
	if !strings.Contains(page, "All systems operational") || !strings.Contains(page, "No incidents reported.") {
		t.Errorf("page: %s", page)
	}
	if err := r.page.Export(t.Context(), t.TempDir()); err != nil {
		t.Error(err)
	}
}

// deaf is a store that cannot be read any more.
type deaf struct {
	timeline.Store
	broken bool
}

func (d *deaf) View(ctx context.Context, read func(timeline.View) error) error {
	if d.broken {
		return errors.New("disk on fire")
	}
	return d.Store.View(ctx, read)
}

func TestOldPageIsServedWhenTheRecordCannotBeRead(t *testing.T) {
	r := newRig(t, ownpage.Options{})
	r.night()
	d := &deaf{Store: r.store, broken: true}
	page := ownpage.New(ownpage.Options{Store: d, Clock: r.clock})
	if res := get(t, page, "/"); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("nothing to show yet: %s", res.Status)
	}
	d.broken = false
	want := body(t, get(t, page, "/"))
	d.broken = true
	if err := page.SetComponents(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if res := get(t, page, "/"); res.StatusCode != 200 || body(t, res) != want {
		t.Errorf("the old page is not served: %s", res.Status)
	}
}
