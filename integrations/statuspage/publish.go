package statuspage

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wardroom/bot/problem"
	port "wardroom/bot/statuspage"
)

// Statuspage's limits, from its API's description.
const (
	maxName = 255
	maxBody = 25000
)

// timeTolerance is how far a shown time may be off before it is moved: a request
// later, an update that was posted at once stands at its time within seconds.
const timeTolerance = time.Minute

// Publish implements [port.Page].
func (p *Page) Publish(ctx context.Context, want port.Notice, known port.Links, notify bool) (port.Links, error) {
	w, err := p.begin(ctx, want, known)
	if err != nil {
		return port.Links{}, err
	}
	for i := range want.Updates {
		if err := w.post(ctx, i, notify); err != nil {
			return w.links(), err
		}
	}
	if err := w.align(ctx); err != nil {
		return w.links(), err
	}
	return w.links(), w.unknownParts()
}

// work is one call of Publish.
type work struct {
	page *Page
	want port.Notice
	mark mark
	have wireIncident // zero until it exists
	ids  map[string]string
	// components of the notice, by Statuspage's ids; those it does not know stand in unknown
	components map[string]port.Level
	unknown    []string
	posted     bool // an update was added by this call
}

// begin finds what is at Statuspage already.
func (p *Page) begin(ctx context.Context, want port.Notice, known port.Links) (*work, error) {
	if len(want.Updates) == 0 {
		return nil, problem.New(problem.Invalid, "there is nothing to publish of %s", want.Incident)
	}
	w := &work{page: p, want: want, mark: markOf(want), ids: map[string]string{}}
	var err error
	if w.components, w.unknown, err = p.parts.resolve(ctx, want.Components); err != nil {
		return nil, err
	}
	if known.Incident != "" {
		err = p.client.call(ctx, http.MethodGet, "/incidents/"+url.PathEscape(known.Incident), nil, &w.have)
		if isNotFound(err) {
			err = problem.New(problem.NotFound, "the status incident of %s is gone from Statuspage", want.Incident).
				WithHint("somebody deleted it there; updates still reach the other pages")
		}
	} else {
		w.have, err = p.find(ctx, w.mark)
	}
	if err != nil {
		return nil, err
	}
	w.match(known.Updates)
	return w, nil
}

// find looks for an incident that an earlier call made whose answer was lost: among
// those unresolved, then among the newest of all.
func (p *Page) find(ctx context.Context, m mark) (wireIncident, error) {
	for _, path := range []string{"/incidents/unresolved?per_page=100", "/incidents?limit=100"} {
		var list []wireIncident
		if err := p.client.call(ctx, http.MethodGet, path, nil, &list); err != nil {
			return wireIncident{}, err
		}
		if i := slices.IndexFunc(list, func(i wireIncident) bool { return markOn(i).same(m) }); i >= 0 {
			return list[i], nil
		}
	}
	return wireIncident{}, nil
}

// match finds which update at Statuspage is which of ours: by the id that is on
// record, else the oldest one that nobody claims and that says the same, or what
// ours said before it was corrected.
func (w *work) match(known map[string]string) {
	slices.SortStableFunc(w.have.Updates, func(a, b wireUpdate) int { return a.CreatedAt.Compare(b.CreatedAt) })
	claimed := map[string]bool{}
	for ref, id := range known {
		if slices.ContainsFunc(w.have.Updates, func(u wireUpdate) bool { return u.ID == id }) {
			w.ids[ref] = id
			claimed[id] = true
		}
	}
	given := markOn(w.have).Updates
	for _, u := range w.want.Updates {
		ref := u.Entry.String()
		if w.ids[ref] != "" {
			continue
		}
		i := slices.IndexFunc(w.have.Updates, func(h wireUpdate) bool {
			return !claimed[h.ID] && h.Status == string(u.State) && (sameText(h.Body, bodyOf(u)) || saidBefore(u, h))
		})
		switch {
		case i >= 0:
			w.ids[ref] = w.have.Updates[i].ID
			claimed[w.ids[ref]] = true
		case slices.Contains(given, ref):
			w.ids[ref] = "" // it was posted; somebody has changed or deleted it there
		}
	}
}

// saidBefore reports whether h says what u said until it was corrected.
func saidBefore(u port.Update, h wireUpdate) bool {
	return slices.ContainsFunc(u.Before, func(text string) bool { return sameText(h.Body, clip(text, maxBody)) })
}

// outdated reports whether h has to say what u says now: u was withdrawn, or it was
// corrected and h has not been changed since. What a person wrote at Statuspage
// after the correction stays.
func outdated(u port.Update, h wireUpdate) bool {
	if sameText(h.Body, bodyOf(u)) {
		return false
	}
	return u.Withdrawn || saidBefore(u, h) || h.UpdatedAt.Before(u.CorrectedAt)
}

func sameText(a, b string) bool {
	return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
}

// post adds the update i if Statuspage lacks it.
func (w *work) post(ctx context.Context, i int, notify bool) error {
	u := w.want.Updates[i]
	ref := u.Entry.String()
	if _, there := w.ids[ref]; there {
		return nil
	}
	newest := i == len(w.want.Updates)-1
	change := incidentChange{Status: u.State, Body: bodyOf(u), Deliver: notify && newest}
	given := w.mark
	given.Updates = append(slices.Clone(markOn(w.have).Updates), ref)
	change.Metadata = &metadata{given}
	if newest {
		w.addParts(&change)
	}
	method, path := http.MethodPatch, "/incidents/"+url.PathEscape(w.have.ID)
	if w.have.ID == "" {
		method, path = http.MethodPost, "/incidents"
	}
	if name := clip(w.want.Title, maxName); name != w.have.Name {
		change.Name = name
	}
	if err := w.send(ctx, method, path, change); err != nil {
		return err
	}
	w.posted = true
	w.match(w.ids)
	if _, there := w.ids[ref]; !there {
		w.ids[ref] = "" // posted, though not to be told from others: never post it again
	}
	return nil
}

// align moves times, and mends what a correction, an erasure or a component's change
// left to do.
func (w *work) align(ctx context.Context) error {
	for i, u := range w.want.Updates {
		j := slices.IndexFunc(w.have.Updates, func(h wireUpdate) bool { return h.ID == w.ids[u.Entry.String()] })
		if j < 0 {
			continue
		}
		have, change := w.have.Updates[j], updateChange{}
		at := u.At
		if i == 0 && w.want.Backdated && w.want.StartedAt.Before(at) {
			at = w.want.StartedAt // Statuspage shows no other start than this
		}
		if have.DisplayAt.Sub(at).Abs() >= timeTolerance {
			at = at.UTC().Truncate(time.Millisecond)
			change.DisplayAt = &at
		}
		if outdated(u, have) {
			change.Body = bodyOf(u)
		}
		if change == (updateChange{}) {
			continue
		}
		path := fmt.Sprintf("/incidents/%s/incident_updates/%s", url.PathEscape(w.have.ID), url.PathEscape(have.ID))
		if err := w.page.client.call(ctx, http.MethodPatch, path, updateRequest{change}, nil); err != nil {
			return err
		}
	}
	if w.posted {
		return nil
	}
	change := incidentChange{}
	if name := clip(w.want.Title, maxName); name != w.have.Name {
		change.Name = name
	}
	if w.want.Open() && !w.partsAgree() {
		w.addParts(&change)
	}
	if change.Name == "" && change.ComponentIDs == nil {
		return nil
	}
	return w.send(ctx, http.MethodPatch, "/incidents/"+url.PathEscape(w.have.ID), change)
}

func (w *work) send(ctx context.Context, method, path string, change incidentChange) error {
	var next wireIncident
	if err := w.page.client.call(ctx, method, path, incidentRequest{change}, &next); err != nil {
		return w.page.client.settle(ctx, err)
	}
	if next.ID == "" {
		return unavailable("Statuspage answered without an incident")
	}
	w.have = next
	return nil
}

func (w *work) links() port.Links {
	l := port.Links{Incident: w.have.ID, Updates: w.ids}
	if u, err := url.Parse(w.have.Shortlink); err == nil && (u.Scheme == "https" || u.Scheme == "http") && len(w.have.Shortlink) < 500 {
		l.URL = u.String()
	}
	return l
}

func bodyOf(u port.Update) string { return clip(u.Text, maxBody) }

// clip shortens s to at most n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
