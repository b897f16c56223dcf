// Package rest speaks to Discord's HTTP API: a queue that heeds every rate limit,
// holds up nobody for another's, and never sends twice what may have arrived.
//
// A call waits about two seconds for a limit at most; else it returns
// [timeline.Later] with the time, so that a follower goes on elsewhere. Every call
// ends: by its ctx, or by a deadline of its own. Limits are kept on the injected
// clock; sockets and the back-off between attempts use the machine's.
package rest

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// DefaultBase is Discord's API.
const DefaultBase = "https://discord.com/api/v10"

// Limits of a call.
const (
	defaultTimeout = 15 * time.Second
	uploadTimeout  = 60 * time.Second // with files
	maxAttempts    = 3                // of what may be repeated; and of what a 429 turned away
	firstBackOff   = 200 * time.Millisecond
	defaultPatient = 2 * time.Second
)

// Options of a client. Token, Clock and Log are needed.
type Options struct {
	Token string // without "Bot "
	Base  string // "" is DefaultBase
	// HTTP is the client whose transport and timeout are used; nil is one with
	// sensible limits. Redirects are never followed.
	HTTP      *http.Client
	Clock     timeline.Clock
	Log       *slog.Logger
	UserAgent string // "" is "DiscordBot (wardroom, 1)"; Discord wants this form
	// Patience is how long a call waits for a rate limit before it returns
	// timeline.Later; 0 is 2 s, negative is not at all: for clocks that stand still.
	// Then what got no answer is tried again at once, too.
	Patience time.Duration
	// PerSecond is the global limit; 0 is Discord's 50, negative is none (for a
	// simulated Discord on a clock that stands still).
	PerSecond int
	Metrics   Metrics // may be nil
}

// Metrics counts what a client does. Routes are like "POST /channels/{id}/messages":
// a small fixed set. Its methods are called by many goroutines and must not block.
type Metrics interface {
	// Answered counts an attempt; status is 0 when no answer came.
	Answered(route string, status int, took time.Duration)
	// Waited counts a call that waited for a limit, or was sent away with Later.
	Waited(route string, wait time.Duration, sentAway bool)
	// Limited counts a 429; scope is "user", "global", "shared" or "cloudflare".
	Limited(route, scope string)
}

// Call is one request.
type Call struct {
	Method string     // "" is GET
	Path   string     // below the base, escaped: "/channels/123/messages"
	Query  url.Values // may be nil
	Body   any        // marshalled to JSON; nil is no body
	Files  []File     // beside a Body of Message or Response
	Reason string     // for the audit log; cut to what Discord takes
	Out    any        // the answer is decoded into it; nil drops it
	// Unlimited calls are outside the global limit: interactions and their webhooks.
	Unlimited bool
	// Repeatable says that sending twice does no harm although the method is POST.
	// GET, PUT, PATCH and DELETE always are.
	Repeatable bool
}

func (c Call) repeatable() bool { return c.Method != http.MethodPost || c.Repeatable }

// Client is safe for use by many goroutines.
type Client struct {
	base     string
	http     *http.Client
	clock    timeline.Clock
	log      *slog.Logger
	agent    string
	patience time.Duration
	metrics  Metrics
	limits   *limits

	mu      sync.Mutex
	token   string
	refused *Error // the 401 that stopped it
	health  Health
}

// New makes a client. It does not send anything yet.
func New(o Options) *Client {
	c := &Client{
		base: strings.TrimSuffix(o.Base, "/"), http: newHTTP(o.HTTP), clock: o.Clock, log: o.Log, agent: o.UserAgent,
		patience: o.Patience, metrics: o.Metrics, limits: newLimits(o.Clock, o.PerSecond), token: o.Token,
	}
	if c.base == "" {
		c.base = DefaultBase
	}
	if c.agent == "" {
		c.agent = "DiscordBot (wardroom, 1)"
	}
	if c.patience == 0 {
		c.patience = defaultPatient
	}
	if c.metrics == nil {
		c.metrics = unmeasured{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.health = Health{OK: true, Since: c.clock.Now()}
	return c
}

// Do sends one request and decodes the answer. The error is one of:
//   - [timeline.Later] around a problem: the limit is not over yet;
//   - a [problem.Error] around an [*Error]: what Discord said, see [Error.Problem];
//   - an Unavailable problem around [ErrAmbiguous]: look before sending again;
//   - an Unavailable problem else: it has not been done, or may be repeated.
func (c *Client) Do(ctx context.Context, call Call) error {
	if call.Method == "" {
		call.Method = http.MethodGet
	}
	timeout := defaultTimeout
	if len(call.Files) > 0 {
		timeout = uploadTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	rt := routeOf(call.Method, call.Path)
	body, err := encode(call)
	if err != nil {
		return err
	}
	return c.attempts(ctx, call, rt, body)
}

// attempts sends until there is an answer that counts. Times are the machine's here.
func (c *Client) attempts(ctx context.Context, call Call, rt route, body payload) error {
	maybe := false // an earlier attempt may have arrived
	for n := 1; ; n++ {
		pass, err := c.enter(ctx, call, rt)
		if err != nil {
			return maybeAmbiguous(err, maybe && call.Method == http.MethodPost)
		}
		last := n == maxAttempts
		a, err := c.once(ctx, call, rt, body, last)
		until := c.leave(pass, a, err)
		switch {
		case problem.CodeOf(err) == problem.Invalid:
			return err // the address is none
		case err == nil && a.status == http.StatusTooManyRequests:
			c.worked()
			if last || until.Sub(c.clock.Now()) > c.patience {
				return maybeAmbiguous(c.tooMany(rt, a, until), maybe && call.Method == http.MethodPost)
			}
			continue // the queue waits
		case err == nil && a.status < 500:
			return c.conclude(call, rt, a, maybe)
		}
		unsure := err == nil || !isUnsent(err)
		maybe = maybe || unsure
		failed := c.failed(rt, a, err)
		if last || errors.Is(err, errTooLarge) || unsure && !call.repeatable() || !c.backOff(ctx, n) {
			return maybeAmbiguous(failed, maybe && call.Method == http.MethodPost)
		}
	}
}

// conclude turns the answer into the result. When an earlier attempt may have done
// the work, the answer that says so counts as done.
func (c *Client) conclude(call Call, rt route, a answer, maybe bool) error {
	if a.status >= 200 && a.status < 300 {
		if call.Out != nil && len(a.body) > 0 {
			if err := decode(a.body, call.Out); err != nil {
				c.broken("it answers what cannot be read")
				return unavailable("Discord answered what cannot be read").Because(err)
			}
		}
		c.worked()
		return nil
	}
	e := a.toError(rt)
	if e.json {
		c.worked() // it speaks
	} else {
		c.broken(e.Error())
	}
	if maybe && (call.Method == http.MethodDelete && e.Status == http.StatusNotFound || call.Repeatable && e.Code == AlreadyAcknowledged) {
		return nil
	}
	if e.json && e.Status == http.StatusUnauthorized && !rt.own {
		c.stop(e, a.token)
	}
	return e.Problem()
}

// tooMany is the problem of a call that a 429 turned away.
func (c *Client) tooMany(rt route, a answer, until time.Time) error {
	return &timeline.Later{At: until, Err: c.wait(rt, until).Because(a.toError(rt))}
}

// failed is the problem of an attempt without a usable answer.
func (c *Client) failed(rt route, a answer, err error) *problem.Error {
	if err == nil {
		e := a.toError(rt)
		c.broken(e.Error())
		return e.Problem()
	}
	c.broken(clean(err.Error()))
	if isUnsent(err) {
		return unavailable("Discord cannot be reached").Because(err)
	}
	return unavailable("Discord gave no answer").Because(err)
}

// backOff waits before another attempt and reports whether there is time for one.
func (c *Client) backOff(ctx context.Context, n int) bool {
	if c.patience < 0 {
		return ctx.Err() == nil
	}
	wait := firstBackOff << (n - 1)
	wait += rand.N(wait) // many clients that failed together do not come back together
	if d, ok := ctx.Deadline(); ok && time.Until(d) < wait {
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func maybeAmbiguous(err error, is bool) error {
	if !is {
		return err
	}
	return unavailable("Discord may have done this, but its answer did not arrive").Because(ambiguous{err})
}

func unavailable(format string, args ...any) *problem.Error {
	return problem.New(problem.Unavailable, format, args...)
}

// send does a call whose answer nobody reads.
func (c *Client) send(ctx context.Context, call Call, parts ...any) error {
	path, err := pathOf(parts)
	if err != nil {
		return err
	}
	call.Path = path
	return c.Do(ctx, call)
}

func get[T any](ctx context.Context, c *Client, call Call, parts ...any) (*T, error) {
	out := new(T)
	call.Out = out
	if err := c.send(ctx, call, parts...); err != nil {
		return nil, err
	}
	return out, nil
}

func list[T any](ctx context.Context, c *Client, call Call, parts ...any) ([]T, error) {
	var out []T
	call.Out = &out
	err := c.send(ctx, call, parts...)
	return out, err
}

// errWait says that a limit lasts longer than a call may wait.
var errWait = errors.New("a rate limit is not over")

type unmeasured struct{}

func (unmeasured) Answered(string, int, time.Duration) {}
func (unmeasured) Waited(string, time.Duration, bool)  {}
func (unmeasured) Limited(string, string)              {}
