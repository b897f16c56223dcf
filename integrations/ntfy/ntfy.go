// Package ntfy carries pages to phones by an ntfy server: https://docs.ntfy.sh.
//
// A topic is as good as a password there: whoever knows it reads the pages and can
// use their links. So topics stand in no log line, no error and no entry.
package ntfy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// FollowerName is what the pager's cursors are stored under.
const FollowerName = "pager/ntfy"

// Options of a pager.
type Options struct {
	URL    *url.URL // the server, without a topic
	Auth   config.Credentials
	Topics map[string]config.Secret // by person

	Store  timeline.Store
	Clock  timeline.Clock
	Zone   *time.Location // in which times are told; nil: UTC
	Repeat time.Duration  // a page older than this is not sent where a newer one is waiting
	Links  *oncall.Links  // nil: pages carry no link
	// Room is where a person opens the incident's room; "" where there is none. May
	// be nil.
	Room func(timeline.Reader, timeline.ID) string
	// Count is told what became of each page: "sent", "failed" for good, "delayed"
	// for each attempt that has to be made again. May be nil.
	Count func(result string)
	HTTP  *http.Client // nil: one with timeouts that follows no redirects
	Log   *slog.Logger
}

// Pager is a [timeline.Poster] of the pages in all timelines.
type Pager struct {
	Options
	client *client

	// Of the follower's one goroutine.
	unsure map[timeline.Ref]bool // may have been sent: looked for before it is sent again
	fails  int                   // in a row
	until  time.Time             // before which nothing is tried

	mu      sync.Mutex
	since   time.Time // pages do not get out; zero: they do
	trouble string
}

// New makes a pager; it sends nothing.
func New(o Options) *Pager {
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Pager{Options: o, client: newClient(o), unsure: map[timeline.Ref]bool{}}
}

var (
	_ timeline.Poster = (*Pager)(nil)
	_ timeline.Choosy = (*Pager)(nil)
)

// Wants implements [timeline.Choosy].
func (*Pager) Wants(k timeline.Kind) bool { return oncall.IsPage(k) }

// State says since when pages do not get out, and why; ok says that they do, or
// that none had to.
func (p *Pager) State() (ok bool, since time.Time, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since.IsZero(), p.since, p.trouble
}

// Working is [Pager.State] as rooms show it.
func (p *Pager) Working() room.Working {
	ok, since, why := p.State()
	return room.Working{Name: "ntfy", OK: ok, Since: since, Why: why, Means: "pages reach nobody's phone"}
}

// Post implements [timeline.Poster]. A page is not sent when nobody has to be
// woken any more. Where several have waited, only the newest is sent of those that
// are older than Repeat, and tells of the others.
func (p *Pager) Post(ctx context.Context, d timeline.Delivery) ([]timeline.Delivered, error) {
	pages := slices.DeleteFunc(slices.Clone(d.Entries), func(e timeline.Entry) bool { return !oncall.IsPage(e.Kind) })
	if len(pages) == 0 {
		return nil, nil
	}
	now := p.Clock.Now()
	if p.until.After(now) {
		return nil, &timeline.Later{At: p.until, Err: errors.New(p.trouble)}
	}
	scene, err := p.scene(ctx, d.Timeline)
	if err != nil {
		return nil, err
	}
	if pages = slices.DeleteFunc(pages, scene.moot); len(pages) == 0 {
		return nil, nil
	}
	var done []timeline.Delivered
	var refused []*problem.Error
	for _, n := range p.worthSending(pages, now) {
		page := pages[n.at]
		id, err := p.send(ctx, scene, page, n.folded, d.Retry)
		if why, final := errors.AsType[*problem.Error](err); final && why.Code != problem.Unavailable {
			p.Count("failed")
			refused = append(refused, why)
			continue
		}
		if err != nil {
			p.Count("delayed")
			return done, p.later(ctx, err)
		}
		p.works(page.Ref)
		done = append(done, timeline.Delivered{Of: page.Ref, External: id})
	}
	return done, together(refused)
}

// scene is what a page tells of: read when it is sent, so that it is true.
type scene struct {
	incident incident.Incident // zero for a test
	room     string
	runs     map[remediation.RunID]remediation.Run
}

// moot reports whether nobody has to be woken by a page any more.
func (s scene) moot(e timeline.Entry) bool {
	switch page := e.Payload.(type) {
	case *oncall.TestPaged:
		return false
	case *oncall.Asked:
		return !oncall.AwaitsSecond(s.runs[page.Run])
	}
	return e.Timeline.IsIncident() && !oncall.Needed(s.incident)
}

func (p *Pager) scene(ctx context.Context, id timeline.ID) (s scene, err error) {
	if !id.IsIncident() {
		return s, nil
	}
	err = p.Store.View(ctx, func(v timeline.View) (err error) {
		if s.incident, err = incident.Get(v, id); err != nil {
			return err
		}
		runs, err := remediation.RunsOf(v, id)
		s.runs = map[remediation.RunID]remediation.Run{}
		for _, r := range runs {
			s.runs[r.ID] = r
		}
		if p.Room != nil {
			s.room = p.Room(v, id)
		}
		return err
	})
	return s, err
}

// waiting is a page to send, with those that it stands for.
type waiting struct {
	at     int
	folded []timeline.Entry
}

// worthSending leaves out what is stale while something newer waits: for the
// incident, or, of test pages, for the same person.
func (p *Pager) worthSending(pages []timeline.Entry, now time.Time) []waiting {
	var list []waiting
	var folded []timeline.Entry
	for n, e := range pages {
		newer := slices.ContainsFunc(pages[n+1:], func(later timeline.Entry) bool {
			return e.Kind == oncall.KindPaged || personOf(later) == personOf(e)
		})
		if newer && now.Sub(e.RecordedAt) > p.Repeat {
			folded = append(folded, e)
			continue
		}
		list = append(list, waiting{n, folded})
		folded = nil
	}
	return list
}

func personOf(e timeline.Entry) string {
	switch p := e.Payload.(type) {
	case *oncall.Paged:
		return p.Person
	case *oncall.TestPaged:
		return p.Person
	case *oncall.Asked:
		return p.Person
	}
	return "" // erased
}

func (p *Pager) send(ctx context.Context, s scene, page timeline.Entry, folded []timeline.Entry, retry bool) (id string, err error) {
	person := personOf(page)
	topic, has := p.Topics[person]
	if !has {
		return "", problem.New(problem.NotFound, "%s has no ntfy topic: this page reaches them in the room alone", orSomebody(person)).
			WithHint("set people.NAME.ntfy_file")
	}
	if retry || p.unsure[page.Ref] {
		id, found, err := p.client.find(ctx, topic, tagOf(page))
		if found || err != nil && !cannotRead(err) {
			return id, err
		}
		// Where the topic cannot be read, rather one page twice than none.
	}
	id, err = p.client.publish(ctx, p.message(s, page, folded, topic))
	if errors.Is(err, errUnsure) {
		p.unsure[page.Ref] = true
	}
	return id, err
}

func orSomebody(person string) string {
	if person == "" {
		return "somebody"
	}
	return person
}

const (
	firstWait   = 2 * time.Second
	longestWait = 30 * time.Second // somebody sleeps while it should be loud
	longestTold = 5 * time.Minute  // what a server may ask for
)

// later is when to try again: soon, as somebody has to be woken.
func (p *Pager) later(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err // told to stop
	}
	wait := min(firstWait<<min(p.fails, 8), longestWait)
	if told, ok := errors.AsType[*slowDown](err); ok && told.wait > 0 {
		wait = min(told.wait, longestTold)
	}
	p.fails++
	now := p.Clock.Now()
	p.until = now.Add(wait)
	p.mu.Lock()
	if p.since.IsZero() {
		p.since = now
		p.Log.Error("pages do not get out", slog.Any("error", err))
	}
	p.trouble = err.Error()
	p.mu.Unlock()
	return &timeline.Later{At: p.until, Err: err}
}

func (p *Pager) works(page timeline.Ref) {
	p.Count("sent")
	delete(p.unsure, page)
	p.fails, p.until = 0, time.Time{}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.since.IsZero() {
		p.Log.Info("pages get out again", slog.Time("since", p.since))
	}
	p.since, p.trouble = time.Time{}, ""
}

// together makes one problem of those that are final.
func together(refused []*problem.Error) error {
	if len(refused) == 0 {
		return nil
	}
	var said []string
	for _, r := range refused {
		if !slices.Contains(said, r.Message) {
			said = append(said, r.Message)
		}
	}
	return problem.New(refused[0].Code, "%s", strings.Join(said, "; ")).WithHint("%s", refused[0].Hint)
}

// Check tries the server, and each topic with the credential.
func (p *Pager) Check(ctx context.Context) error {
	if err := p.client.health(ctx); err != nil {
		return err
	}
	var wrong []string
	for _, person := range slices.Sorted(maps.Keys(p.Topics)) {
		if err := p.client.access(ctx, p.Topics[person]); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", person, err))
		}
	}
	if len(wrong) > 0 {
		return problem.New(problem.Forbidden, "%s", strings.Join(wrong, "; ")).WithHint("the credential under oncall.ntfy must be allowed to read and write the topics of people")
	}
	return nil
}
