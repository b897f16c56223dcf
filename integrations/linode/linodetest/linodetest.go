// Package linodetest is a simulated Linode with state: clusters, node pools,
// machines, volumes, events, tickets, and what the platform and people do with
// them. It keeps the API's shapes, errors, scopes and rate limits and lets jobs take
// their (virtual) minutes, so that the code which talks to Linode is tested against
// what Linode does and not against what a mock was told. It knows nothing of this
// product.
//
// Ids are counted from fixed numbers: the same calls at the same times give the same
// state. Times come from Options.Now.
//
// Written from https://techdocs.akamai.com/linode-api/reference/api and from
// recorded answers; what neither shows is marked "assumed" where it stands.
package linodetest

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Tokens that a simulator knows from the start, both of the user Options.User.
const (
	ReadToken = "simulated-read-token"
	ActToken  = "simulated-act-token"
	// TicketToken is for support tickets alone.
	TicketToken = "simulated-ticket-token"
)

// Scopes of those tokens.
const (
	ReadScopes = "events:read_only linodes:read_only lke:read_only volumes:read_only account:read_only"
	ActScopes  = "linodes:read_write lke:read_write volumes:read_write"
)

// ClusterUser is who acts for the cluster itself: its volume driver, its node pools.
const ClusterUser = "lke-service-account-7d2f"

// Options say what kind of Linode it is. The zero value is a usable one.
type Options struct {
	Now func() time.Time // nil: real time
	// After waits until jobs are due, so that they are done, and OnChange is called,
	// without anybody asking. nil with Now: they are done when a request or a call
	// comes in, or at Advance. stop is called when the wait is over early.
	After func(d time.Duration) (c <-chan time.Time, stop func())

	Cluster int    // the cluster's id; 0: 13311
	Region  string // "": "us-east"
	User    string // of the tokens from the start; "": "wardroom"
	// Rename gives a replaced machine another name; without it the name is kept, as in 2021.
	Rename bool
	Timing Timing
	// Limits are the requests that each token may send in a minute.
	Limits Limits
	Listen string       // the address served; "": a free port of 127.0.0.1
	Log    *slog.Logger // nil: says nothing
}

// Timing is how long things take; what is 0 takes its usual time.
type Timing struct {
	Delete, Create, Boot, Shutdown, Attach, Detach, Lassie time.Duration
	// Scale multiplies all of them: 0.01 makes a minute of 600 ms; 0: 1.
	Scale float64
}

// Limits of requests per minute; 0 is Linode's own number.
// https://techdocs.akamai.com/linode-api/reference/rate-limits
type Limits struct{ Collections, Others, Tickets int }

// Server is a simulated Linode that is served until Close. All methods may be called
// at any time from any goroutine.
type Server struct {
	opt    Options
	listen net.Listener
	web    *http.Server
	done   chan struct{}
	ending sync.Once
	loop   sync.WaitGroup

	mu       sync.Mutex
	state    *state
	jobs     jobs
	tokens   map[string]*Token
	windows  map[string]*window
	faults   []*Fault
	numbers  int // of faults
	requests []Request
	shown    map[string]shown // lists, by their path
	changes  []Change
	changed  chan struct{} // closed and replaced at every change of the state
	moved    chan struct{} // the next job may be another one

	telling sync.Mutex // held while the listeners are told, so that they hear in order
	told    int
	tell    []func(Change)
}

// New starts a simulated Linode. The error is that the address cannot be had.
func New(opt Options) (*Server, error) {
	opt = opt.withDefaults()
	s := &Server{opt: opt, done: make(chan struct{}), changed: make(chan struct{}), moved: make(chan struct{}, 1),
		windows: map[string]*window{}, tokens: map[string]*Token{}, shown: map[string]shown{}}
	s.state = newState(opt)
	s.tokens[ReadToken] = &Token{User: opt.User, Scopes: ReadScopes}
	s.tokens[ActToken] = &Token{User: opt.User, Scopes: ActScopes}
	s.tokens[TicketToken] = &Token{User: opt.User, Scopes: "account:read_write"}
	var err error
	if s.listen, err = net.Listen("tcp", opt.Listen); err != nil {
		return nil, fmt.Errorf("simulated Linode: %w", err)
	}
	s.web = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug)}
	s.loop.Go(func() {
		if err := s.web.Serve(s.listen); err != http.ErrServerClosed {
			opt.Log.Error("the simulated Linode ended", "error", err)
		}
	})
	if opt.After != nil {
		s.loop.Go(s.drive)
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
		if o.After == nil {
			o.After = func(d time.Duration) (<-chan time.Time, func()) {
				t := time.NewTimer(d)
				return t.C, func() { t.Stop() }
			}
		}
	}
	o.Cluster = cmp.Or(o.Cluster, 13311)
	o.Region = cmp.Or(o.Region, "us-east")
	o.User = cmp.Or(o.User, "wardroom")
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:0")
	o.Limits = Limits{cmp.Or(o.Limits.Collections, 200), cmp.Or(o.Limits.Others, 1600), cmp.Or(o.Limits.Tickets, 2)}
	t := &o.Timing
	scale := cmp.Or(t.Scale, 1)
	for _, d := range []struct {
		is    *time.Duration
		usual time.Duration
	}{{&t.Delete, 20 * time.Second}, {&t.Create, 60 * time.Second}, {&t.Boot, 60 * time.Second}, {&t.Shutdown, 20 * time.Second},
		{&t.Attach, 10 * time.Second}, {&t.Detach, 10 * time.Second}, {&t.Lassie, 30 * time.Second}} {
		*d.is = time.Duration(float64(cmp.Or(*d.is, d.usual)) * scale)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// URL is the API's address, with its version.
func (s *Server) URL() string { return "http://" + s.listen.Addr().String() + "/v4" }

// Close ends the server and its jobs. It may be called again.
func (s *Server) Close() {
	s.ending.Do(func() {
		close(s.done)
		s.web.Close()
		s.loop.Wait()
	})
}

// now is the simulator's time, to the microsecond and without a zone's name.
func (s *Server) now() time.Time { return s.opt.Now().UTC().Truncate(time.Microsecond) }

// do runs f on the state as of now: what was due before has been done.
func (s *Server) do(f func()) {
	s.mu.Lock()
	before := len(s.changes)
	s.advance()
	f()
	if len(s.changes) != before {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	s.mu.Unlock()
	select {
	case s.moved <- struct{}{}:
	default:
	}
	s.tellAll()
}

// Advance does the jobs that are due by now.
func (s *Server) Advance() { s.do(func() {}) }

// drive does jobs when they are due.
func (s *Server) drive() {
	for {
		s.Advance()
		select {
		case <-s.moved: // by Advance itself: the next look is at what is due then
		default:
		}
		var due <-chan time.Time
		stop := func() {}
		if next, any := s.Next(); any {
			due, stop = s.opt.After(max(next.Sub(s.now()), 0))
		}
		select {
		case <-s.done:
			stop()
			return
		case <-due:
		case <-s.moved:
		}
		stop()
	}
}
