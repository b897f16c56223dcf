// Package probe is what runs in a pod on every node of a cluster that Wardroom
// repairs, and says by its readiness whether what every pod needs works there: DNS
// resolves, and pods on other nodes answer over the pod network. Wardroom reads no
// more of it than the Ready condition of its pod, so that no verification of a repair
// has to run a command in somebody's container.
//
// It knows no API server and has no credential. Its peers are found by DNS, under the
// name of a headless Service.
package probe

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// DefaultName resolves in every cluster: it is the Service of the API server.
	// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
	DefaultName = "kubernetes.default.svc.cluster.local"
	// DefaultPeers is the headless Service of deploy/kubernetes/probe, in the probe's own
	// namespace.
	DefaultPeers = "wardroom-probe"
	// DefaultPort is where probes answer.
	DefaultPort = 8642

	// Every is how often it looks.
	Every = 5 * time.Second
	// Falls is after how many failing rounds in a row it is not ready, Rises after how
	// many good ones it is: one lost packet changes nothing, and neither does one
	// answer out of many.
	Falls = 3
	Rises = 2

	lookWithin = 3 * time.Second // both names are asked for at once
	askWithin  = 2 * time.Second // the peers of a round are asked at once
	// mostAsked peers are asked in one round, others in the next one: what probes send
	// grows with the number of nodes and not with its square.
	mostAsked = 8
	// mostKnown bounds what is taken from DNS.
	mostKnown = 5000
)

// Resolver asks DNS; [net.Resolver] does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Asker asks one peer on which node it is.
type Asker interface {
	Ask(ctx context.Context, peer netip.AddrPort) (node string, err error)
}

// Options of a probe. Zero values are the defaults above; Resolver, Peer and Log must
// be there.
type Options struct {
	Name     string     // what DNS has to resolve; one with a dot in it is taken as whole
	Peers    string     // under which DNS knows all probes, its own included
	Port     uint16     // where its peers answer
	Node     string     // on which it runs; those that answer with the same one are no peers
	Address  netip.Addr // of its own pod, if it is known: it need not ask itself
	Resolver Resolver   // must not answer from a cache of its own
	Asker    Asker
	Log      *slog.Logger
}

// Report is what a probe sees, as of its last round.
type Report struct {
	Ready  bool      `json:"ready"`
	Reason string    `json:"reason,omitempty"` // why it is not ready, or what the last round lacked
	Since  time.Time `json:"since"`            // of being ready, or of not being it
	At     time.Time `json:"at,omitzero"`      // of the last round; absent before the first
	Node   string    `json:"node,omitempty"`
	Good   int       `json:"good_rounds"` // in a row, up to the last one
	Bad    int       `json:"bad_rounds"`
	DNS    DNS       `json:"dns"`
	Peers  Peers     `json:"peers"`
}

// DNS is how one name was resolved.
type DNS struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Seconds   float64      `json:"seconds"` // that the answer took
	Fault     string       `json:"fault,omitempty"`
}

// Peers are the probes on other nodes.
type Peers struct {
	Name     string   `json:"name"`
	Known    int      `json:"known"` // without itself
	Asked    int      `json:"asked"` // in this round
	Answered int      `json:"answered"`
	Silent   []Silent `json:"silent,omitempty"`
	Fault    string   `json:"fault,omitempty"` // of resolving their name; those known before are asked then
}

// Silent is a peer that did not answer.
type Silent struct {
	Address netip.Addr `json:"address"`
	Node    string     `json:"node,omitempty"` // where it was when it answered last
	Fault   string     `json:"fault"`
}

// Probe looks around, round after round. Its methods may be called at once.
type Probe struct {
	o Options

	mu     sync.Mutex
	report Report
	rounds map[bool]float64 // good, bad

	// The rest belongs to the rounds, which come one after another.
	number int
	known  []netip.Addr          // peers, sorted, without itself
	nodes  map[netip.Addr]string // where a peer was when it answered last
	last   string                // sort of fault, as it was logged
}

// New returns a probe that has not looked yet, hence is not ready.
func New(o Options) *Probe {
	o.Name, o.Peers, o.Port = cmp.Or(o.Name, DefaultName), cmp.Or(o.Peers, DefaultPeers), cmp.Or(o.Port, DefaultPort)
	return &Probe{o: o, rounds: map[bool]float64{}, nodes: map[netip.Addr]string{},
		report: Report{Reason: "it has not looked yet", Since: time.Now().UTC(), Node: o.Node, DNS: DNS{Name: o.Name}, Peers: Peers{Name: o.Peers}}}
}

// Report is what it sees now.
func (p *Probe) Report() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.report
	r.DNS.Addresses, r.Peers.Silent = slices.Clone(r.DNS.Addresses), slices.Clone(r.Peers.Silent)
	return r
}

// Run looks every five seconds until ctx ends.
func (p *Probe) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		p.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look looks once; it takes five seconds at most. It must not be called while Run or
// another Look goes on. A round that ctx ends does not count.
func (p *Probe) Look(ctx context.Context) Report {
	dns, peers := p.resolve(ctx)
	p.askPeers(ctx, &peers)
	if ctx.Err() != nil {
		return p.Report()
	}
	what, why := judge(dns, peers)
	p.mu.Lock()
	r := &p.report
	was := *r
	r.At, r.DNS, r.Peers, r.Reason = time.Now().UTC(), dns, peers, why
	if why == "" {
		r.Good, r.Bad = was.Good+1, 0
	} else {
		r.Good, r.Bad = 0, was.Bad+1
	}
	p.rounds[why == ""]++
	switch {
	case !r.Ready && r.Good >= Rises:
		r.Ready, r.Since = true, r.At
	case r.Ready && r.Bad >= Falls:
		r.Ready, r.Since = false, r.At
	case !r.Ready && why == "":
		r.Reason = "it has been well only since its last round"
	}
	now := *r
	p.mu.Unlock()
	p.tell(ctx, was, now, what)
	return p.Report()
}

// tell logs what changes: a probe that fails for hours does not fill a disk.
func (p *Probe) tell(ctx context.Context, was, now Report, what string) {
	switch {
	case was.Ready != now.Ready && now.Ready:
		p.o.Log.InfoContext(ctx, "ready", slog.Int("peers", now.Peers.Known))
	case was.Ready != now.Ready:
		p.o.Log.WarnContext(ctx, "not ready", slog.String("reason", now.Reason))
	case what != p.last && what != "":
		p.o.Log.WarnContext(ctx, "a round failed", slog.String("reason", now.Reason))
	}
	p.last = what
}
