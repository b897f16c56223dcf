// Package kubernetes speaks to a Kubernetes cluster: it reads what plans are made
// from and asks for changes, one request for each. It waits for nothing.
//
// It starts without a kubeconfig, with a token that has run out or while the API
// server is down, answers with a sentence that says so, and heals by itself.
package kubernetes

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Options of a cluster.
type Options struct {
	Settings
	Clock timeline.Clock // nil: the machine's
	Log   *slog.Logger   // nil: none
	// Live keeps no caches: for every snapshot that is older than asked for the cluster is
	// asked, and no pause is kept between requests. While its version stands, what was
	// read stands. It is for rehearsals, whose clock jumps ahead of any watch, and for a
	// single command.
	Live bool
	// Wrap goes around what carries the requests; nil: nothing does.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Cluster implements [fleet.Cluster]. It may be used from many goroutines.
type Cluster struct {
	*shared
	dryRun []string // nil, or All
}

// shared is what a cluster and its dry run have together.
type shared struct {
	Options
	reads, acts *connection // acts is nil where nothing may be changed
	state       state
	caches      caches
	reviews     reviews

	mu      sync.Mutex
	last    *fleet.Snapshot // read anew
	reading *reading        // the newest, while it is read; nil: none
	changes int             // that were asked for
	known   int             // of them, when last was begun
	lists   lists           // what last was made of; only where Live is set
	argo    applications
}

var _ fleet.Cluster = (*Cluster)(nil)

// New makes a cluster. It asks nothing yet; Run keeps its caches.
func New(o Options) *Cluster {
	if o.Clock == nil {
		o.Clock = timeline.RealClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	c := &Cluster{shared: &shared{Options: o}}
	c.reads = &connection{credential: o.Observe, what: "to read", hurried: o.Live, wrap: o.Wrap}
	if !o.Act.IsZero() {
		c.acts = &connection{credential: o.Act, what: "for changes", hurried: o.Live, wrap: o.Wrap}
	}
	return c
}

// DryRun returns a cluster that asks the API to validate changes and to make none.
func (c *Cluster) DryRun() fleet.Cluster { return &Cluster{c.shared, []string{metav1.DryRunAll}} }

// CanChange reports whether there is a credential for changes.
func (c *Cluster) CanChange() bool { return c.acts != nil }

// ask runs one request with its timeout and notes how it came out. It returns a
// problem.
func (c *shared) ask(ctx context.Context, a asked, from *connection, f func(context.Context, *clients) error) error {
	if from == nil {
		return problem.New(problem.Forbidden, "Wardroom has no credential for changes in the cluster").
			WithHint("configure kubernetes.act with a kubeconfig whose role may %s %s", a.verb, a.resource)
	}
	with, err := from.get()
	if err == nil {
		within, cancel := context.WithTimeout(ctx, c.Timeout)
		err = a.said(f(quiet(within, c.Log), with))
		cancel()
	}
	if ctx.Err() == nil {
		c.state.note(c.Clock.Now(), err)
	}
	return err
}

// read is ask with the credential that reads.
func (c *shared) read(ctx context.Context, a asked, f func(context.Context, *clients) error) error {
	return c.ask(ctx, a, c.reads, f)
}

// change is ask with the credential for changes.
func (c *Cluster) change(ctx context.Context, a asked, f func(context.Context, *clients) error) error {
	err := c.ask(ctx, a, c.acts, f)
	if c.dryRun == nil { // one whose answer was lost may have arrived
		c.mu.Lock()
		c.changes++
		c.mu.Unlock()
	}
	return err
}

// staleAfter is how long the caches may go without a sign of life before people
// are told.
const staleAfter = 30 * time.Second
