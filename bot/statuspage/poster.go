package statuspage

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Poster keeps one page in step with the timelines. It reconciles: each delivery
// brings the page to the notice as of the delivered entries, so a backlog after an
// outage arrives in order, with its original times where the page can show them.
type Poster struct {
	Page  Page
	Store timeline.Store
	Clock timeline.Clock

	mu    sync.Mutex
	fails string    // why the last attempt failed; "" when it did not
	since time.Time // of the first of them
}

var (
	_ timeline.Poster = (*Poster)(nil)
	_ timeline.Choosy = (*Poster)(nil)
)

// FollowerName is the name to add a page's poster to the runtime under.
func FollowerName(p Page) string { return followerName(p.Name()) }

func followerName(page string) string { return "statuspage/" + page }

// tooOld is when an incident that is over already is no longer announced.
const tooOld = 30 * time.Minute

// Follows says which timelines to follow: those of the incidents, and the log
// where components change that belong to none. A page that shows the record itself
// is spared the log, in which every alert stands.
func (p *Poster) Follows(id timeline.ID) bool {
	return id.IsIncident() || !p.Page.Capabilities().ShowsRecord
}

// Wants implements [timeline.Choosy].
func (p *Poster) Wants(k timeline.Kind) bool {
	switch k {
	case (*Posted)(nil).Kind(), (*Backdated)(nil).Kind(), (*ComponentSet)(nil).Kind(), (*timeline.Erasure)(nil).Kind():
		return true
	}
	return false
}

// Post implements [timeline.Poster].
func (p *Poster) Post(ctx context.Context, d timeline.Delivery) ([]timeline.Delivered, error) {
	var done []timeline.Delivered
	for _, w := range group(d) {
		made, err := p.publish(ctx, w)
		p.note(err)
		done = append(done, made...)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Fails reports why the page could not be brought up to date, and since when; "" when
// the last attempt succeeded, or none was made.
func (p *Poster) Fails() (why string, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fails, p.since
}

func (p *Poster) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch said, is := errors.AsType[*problem.Error](err); {
	case err == nil:
		p.fails, p.since = "", time.Time{}
		return
	case is:
		p.fails = said.Message
	default:
		p.fails = "it could not be reached"
	}
	if p.since.IsZero() {
		p.since = p.Clock.Now()
	}
}

// work is what is pending for one notice, or for components alone.
type work struct {
	incident   timeline.ID // the log for components alone
	asOf       int64
	entries    []timeline.Entry
	components map[string]bool
	announce   bool
}

// group sorts what concerns a status page by the notice that it changes.
func group(d timeline.Delivery) []work {
	byID := map[timeline.ID]*work{}
	var order []timeline.ID
	at := func(id timeline.ID, e timeline.Entry) *work {
		w := byID[id]
		if w == nil {
			w = &work{incident: id, components: map[string]bool{}}
			byID[id] = w
			order = append(order, id)
		}
		if !slices.ContainsFunc(w.entries, func(have timeline.Entry) bool { return have.Ref == e.Ref }) {
			w.entries = append(w.entries, e)
		}
		return w
	}
	for _, e := range d.Entries {
		switch p := e.Payload.(type) {
		case *Posted:
			w := at(e.Timeline, e)
			if e.Supersedes.IsZero() {
				w.announce = !p.Quiet
			}
		case *Backdated:
			at(e.Timeline, e)
		case *ComponentSet:
			at(e.Timeline, e).components[p.Component] = true
		case *timeline.Erasure:
			for _, ref := range p.Refs {
				if ref.Timeline.IsIncident() {
					at(ref.Timeline, e)
				}
			}
		}
	}
	var all []work
	for _, id := range order {
		w := byID[id]
		w.asOf = d.Entries[len(d.Entries)-1].Seq
		if id != d.Timeline { // an erasure that stands elsewhere
			w.asOf = int64(1)<<62 - 1
		}
		all = append(all, *w)
	}
	return all
}

// state is what the record says a page should show, and what it was given so far.
type state struct {
	notice  Notice
	posted  bool
	links   Links
	arrived map[timeline.Ref]time.Time
	levels  []Component // those to set
}

func (p *Poster) publish(ctx context.Context, w work) ([]timeline.Delivered, error) {
	s, err := p.read(ctx, w)
	if err != nil {
		return nil, err
	}
	if !s.posted {
		if len(s.levels) == 0 {
			return nil, nil
		}
		if err := p.Page.SetComponents(ctx, s.levels); err != nil {
			return nil, err
		}
		return delivered(w, func(e timeline.Entry) (string, string) {
			return "component", ""
		}), nil
	}
	now := p.Clock.Now()
	want := forProvider(s.notice, p.Page.Capabilities(), func(u Update) time.Time {
		if at, known := s.arrived[u.Entry]; known {
			return at
		}
		return now
	})
	links, err := p.Page.Publish(ctx, want, s.links, w.announce && !stale(s, now))
	if links.Incident == "" {
		return nil, err
	}
	done := delivered(w, func(e timeline.Entry) (string, string) {
		return joinExternal(links.Incident, links.Updates[e.Ref.String()]), links.URL
	})
	return done, err
}

// stale reports whether an incident came and went while the page was out of reach:
// then nobody is woken by it.
func stale(s state, now time.Time) bool {
	return s.links.Incident == "" && !s.notice.Open() && now.Sub(s.notice.Latest().PostedAt) > tooOld
}

func delivered(w work, external func(timeline.Entry) (id, url string)) []timeline.Delivered {
	done := make([]timeline.Delivered, 0, len(w.entries))
	for _, e := range w.entries {
		id, link := external(e)
		done = append(done, timeline.Delivered{Of: e.Ref, External: id, URL: link})
	}
	return done
}

func (p *Poster) read(ctx context.Context, w work) (state, error) {
	s := state{links: Links{Updates: map[string]string{}}, arrived: map[timeline.Ref]time.Time{}}
	err := p.Store.View(ctx, func(v timeline.View) (err error) {
		for _, name := range slices.Sorted(maps.Keys(w.components)) {
			c, known, err := Components.Get(v, name)
			if err != nil {
				return err
			}
			if known {
				s.levels = append(s.levels, c)
			}
		}
		if !w.incident.IsIncident() {
			return nil
		}
		if s.notice, s.posted, err = toPublish(v, w.incident, w.asOf); err != nil {
			return err
		}
		made, err := timeline.DeliveriesOf(v, FollowerName(p.Page), w.incident)
		for _, row := range made {
			s.note(row)
		}
		return err
	})
	return s, err
}

func (s *state) note(row timeline.DeliveryRow) {
	id, update := splitExternal(row.External)
	if id == "" {
		return
	}
	s.links.Incident, s.links.URL = id, row.URL
	if update != "" {
		s.links.Updates[row.Of.String()] = update
		s.arrived[row.Of] = row.At
	}
}

// joinExternal writes a provider's ids of an incident and an update, if any, as
// one: "incident/update", each escaped like a part of a URL's path.
func joinExternal(incident, update string) string {
	if update == "" {
		return url.PathEscape(incident) + "/"
	}
	return url.PathEscape(incident) + "/" + url.PathEscape(update)
}

// splitExternal reads what joinExternal wrote; "" for anything else.
func splitExternal(external string) (incident, update string) {
	a, b, ok := strings.Cut(external, "/")
	if !ok {
		return "", ""
	}
	incident, err := url.PathUnescape(a)
	if err != nil {
		return "", ""
	}
	if update, err = url.PathUnescape(b); err != nil {
		return incident, ""
	}
	return incident, update
}
