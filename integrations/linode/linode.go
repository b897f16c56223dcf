// Package linode is the [fleet.Cloud] of a team whose cluster runs on Linode: it
// reads node pools, machines, volumes and events, and asks for the few changes that
// repairs need. It speaks through linodego and closes its traps: nothing that
// changes something is ever sent twice, an answer is judged by what came over the
// wire and not by the library's errors, and no answer can be too large or too old.
//
// Facts about the API: https://techdocs.akamai.com/linode-api/reference/api and
// what linodego v1.69.1 was seen to do.
package linode

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/linode/linodego"

	"wardroom/bot/config"
	"wardroom/bot/fleet"
	"wardroom/bot/timeline"
)

// Options are what the adapter is made from.
type Options struct {
	Settings
	Clock timeline.Clock // of rate limits and outages; nil: the machine's
	Log   *slog.Logger   // nil: says nothing
	// Timeout bounds one request, in real time; 0: 20 s.
	Timeout time.Duration
	// Pause is how long a read waits before it is tried again, twice that before the
	// last time, in real time; 0: 500 ms.
	Pause time.Duration
	// Transport carries the requests; nil: one of the adapter's own.
	Transport http.RoundTripper
}

// Linode implements [fleet.Cloud]. Making it asks nothing, so it starts while Linode
// is down; every call says what is wrong then, and works again when Linode does.
type Linode struct {
	cluster int
	reads   *linodego.Client
	acts    *linodego.Client // nil: no credential that may change something
	tickets *linodego.Client // nil: no credential that may open support tickets
	one     bool             // one token both reads and acts
	clock   timeline.Clock
	log     *slog.Logger
	timeout time.Duration
	pause   time.Duration
	state   state
}

var _ fleet.Cloud = (*Linode)(nil)

const (
	defaultTimeout = 20 * time.Second
	defaultPause   = 500 * time.Millisecond
)

// New makes the adapter. The error is that the address in the settings is none.
func New(o Options) (*Linode, error) {
	l := &Linode{cluster: o.Cluster, clock: o.Clock, log: o.Log, timeout: o.Timeout, pause: o.Pause, one: o.Act.Equal(o.Read.Reveal())}
	if l.clock == nil {
		l.clock = timeline.RealClock{}
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.timeout == 0 {
		l.timeout = defaultTimeout
	}
	if l.pause == 0 {
		l.pause = defaultPause
	}
	carrier := o.Transport
	if carrier == nil {
		carrier = newCarrier()
	}
	var err error
	if l.reads, err = newClient(o.URL, o.Read, carrier); err != nil {
		return nil, err
	}
	if !o.Act.IsZero() {
		if l.acts, err = newClient(o.URL, o.Act, carrier); err != nil {
			return nil, err
		}
	}
	if !o.Ticket.IsZero() {
		l.tickets, err = newClient(o.URL, o.Ticket, carrier)
	}
	return l, err
}

// CanChange reports whether there is a credential for changes.
func (l *Linode) CanChange() bool { return l.acts != nil }

// newClient makes a linodego client that only does what it is told: it retries
// nothing (its default is a thousand times, POSTs too), caches nothing, reads no
// environment, prints nothing and follows no redirect with the token.
func newClient(address string, token config.Secret, carrier http.RoundTripper) (*linodego.Client, error) {
	// The transport of our own also keeps linodego from reading LINODE_CA, for which
	// it would end the process when the file cannot be read.
	c := linodego.NewClient(&http.Client{
		Transport:     &wire{carrier: carrier, token: token},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	if address == "" {
		address = DefaultURL
	}
	if _, err := c.UseURL(strings.TrimSuffix(address, "/")); err != nil {
		return nil, fmt.Errorf("linode: %w", err)
	}
	c.SetRetryCount(0)
	c.UseCache(false)
	c.SetDebug(false) // LINODE_DEBUG would print every body
	c.SetLogger(silent{})
	c.SetUserAgent("wardroom")
	return &c, nil
}

// silent keeps the library's own lines out of stderr: what matters is returned.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
