package ownpage

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"wardroom/bot/statuspage"
)

// feedLength is how many updates the feed holds, the newest.
const feedLength = 50

// The Atom syndication format, RFC 4287.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  atomAuthor  `xml:"author"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomAuthor struct {
	Name string `xml:"name"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr,omitempty"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string      `xml:"id"`
	Title     string      `xml:"title"`
	Published string      `xml:"published"`
	Updated   string      `xml:"updated"`
	Links     []atomLink  `xml:"link"`
	Content   atomContent `xml:"content"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// feed renders an entry per update, those posted last first. Ids are tag URIs
// (RFC 4151) that stay the same for ever.
func (v view) feed() ([]byte, error) {
	f := atomFeed{
		ID: v.tag(""), Title: v.Title, Updated: rfc3339(v.site.UpdatedAt), Author: atomAuthor{v.Title},
		Links: []atomLink{{Rel: "self", Type: "application/atom+xml", Href: v.absolute(feedPath)}, {Rel: "alternate", Type: "text/html", Href: v.absolute(strings.TrimPrefix(v.links.home(), "./"))}},
	}
	type posted struct {
		n statuspage.Notice
		u statuspage.Update
	}
	var all []posted
	for _, n := range v.site.Notices {
		for _, u := range n.Updates {
			all = append(all, posted{n, u})
		}
	}
	slices.SortStableFunc(all, func(a, b posted) int {
		if c := b.u.PostedAt.Compare(a.u.PostedAt); c != 0 {
			return c
		}
		return int(b.u.Entry.Seq - a.u.Entry.Seq)
	})
	for _, p := range all[:min(len(all), feedLength)] {
		text := p.u.Text
		if p.n.Backdated {
			text += "\n\nStarted " + v.moment(p.n.StartedAt, true).Text + "."
		}
		f.Entries = append(f.Entries, atomEntry{
			ID: v.tag(p.u.Entry.String()), Title: clean(p.u.State.Title() + ": " + p.n.Title),
			Published: rfc3339(p.u.At), Updated: rfc3339(lastChange(p.u)),
			Links:   []atomLink{{Rel: "alternate", Type: "text/html", Href: v.absolute(incidentPath(p.n.Incident, v.links.static)) + "#" + anchor(p.u)}},
			Content: atomContent{Type: "text", Text: clean(text)},
		})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", " ")
	if err := enc.Encode(f); err != nil {
		return nil, fmt.Errorf("ownpage: render feed: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// lastChange is when an update got the text that it has.
func lastChange(u statuspage.Update) time.Time {
	if u.CorrectedAt.After(u.PostedAt) {
		return u.CorrectedAt
	}
	return u.PostedAt
}

// clean drops what XML 1.0 cannot hold; encoding/xml would write U+FFFD for it.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= ' ' && r != 0xFFFE && r != 0xFFFF {
			return r
		}
		return -1
	}, s)
}

// tag is a permanent id under the page's host.
func (v view) tag(specific string) string {
	host := "wardroom.invalid"
	if u, err := url.Parse(v.BaseURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return "tag:" + host + ",2021:status/" + strings.ReplaceAll(specific, "#", "/")
}

// absolute is a path under BaseURL, or relative where none is configured.
func (v view) absolute(path string) string {
	if v.BaseURL == "" {
		if path == "" {
			return "./"
		}
		return path
	}
	return strings.TrimSuffix(v.BaseURL, "/") + "/" + path
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format(time.RFC3339)
}
