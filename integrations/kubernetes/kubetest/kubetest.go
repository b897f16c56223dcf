// Package kubetest is a simulated Kubernetes cluster with state: an API server that
// client-go really speaks to over HTTP, and, in a small way, what stands behind a
// real one: the controllers of Deployments, StatefulSets and DaemonSets, a
// scheduler, kubelets, the attaching and detaching of volumes, the life of nodes.
// Machines and disks are another simulator's, see [CloudOf]. It knows nothing of
// this product.
//
// A world is put together with AddNode, AddWorkload, AddBackup and Apply, which is how
// the cluster has been for a day; on [OnLinode] that makes machines and volumes too:
//
//	cloud, _ := linodetest.New(linodetest.Options{Now: clock.Now})
//	sim, _ := kubetest.New(kubetest.Options{Now: clock.Now, Cloud: kubetest.OnLinode(cloud)})
//	sim.AddNode(kubetest.Node{Name: "lke13311-16405-5fafd1b46dcf", Linode: 28412345})
//	sim.AddWorkload(kubetest.Workload{Name: "kube-system/csi-linode-node", Kind: "DaemonSet"})
//	sim.AddWorkload(kubetest.Workload{Name: "default/redis", Volume: "pvc-bb1d06139b334c1f", Disk: 55501, UsedBy: []string{"default/bot"}})
//	sim.WriteKubeconfig(path, kubetest.ActToken)
//
// Then the clock is moved, see [Server.Settle]; things go wrong with Fault, Down, Hang,
// Break, Expire, Deny and with what the cloud does; people interfere with Cordon,
// Taint, Scale and Delete. Requests, Writes and Dump say what was asked and what came
// of it.
//
// Names and uids are counted: the same calls at the same times give the same state.
// Times come from Options.Now. What it does is what Kubernetes v1.36 was seen to do
// with Linode's volume driver; where it is simpler, that is said where it stands.
package kubetest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Tokens that a simulator knows from the start.
const (
	ObserveToken = "simulated-observe-token" // get, list, watch
	ActToken     = "simulated-act-token"     // that, and what repairs need
	AdminToken   = "simulated-admin-token"   // everything
)

// Options say what kind of cluster it is. The zero value is a usable one.
type Options struct {
	Now func() time.Time // nil: real time
	// After waits until something is due, so that it happens without anybody asking.
	// nil with Now: it happens when a request or a call comes in, or at Advance. stop
	// is called when the wait is over early.
	After func(d time.Duration) (c <-chan time.Time, stop func())
	// Move sets the time that Now tells, for tests in other processes; nil: nobody can.
	Move func(time.Time)
	// Cloud is where machines and disks are; nil: a [Plain] one of its own.
	Cloud  CloudOf
	Timing Timing
	Listen string       // the address served; "": a free port of 127.0.0.1
	Log    *slog.Logger // nil: says nothing
}

// Timing is how long things take; what is 0 takes its usual time.
type Timing struct {
	Grace       time.Duration // a dead kubelet is noticed after; 40 s
	Join        time.Duration // a machine that booted is Ready after; 30 s
	Register    time.Duration // then its volume driver registers after; 15 s
	Start       time.Duration // a pod with its volumes is Ready after; 5 s
	Stop        time.Duration // a pod that is asked to end is gone after; 2 s
	Device      time.Duration // a kubelet looks that long for a device before it tells; 30 s
	Remove      time.Duration // the Node of a deleted machine is removed after it was noticed; 5 s
	Collect     time.Duration // pods of a removed Node are removed after; 60 s
	Evict       time.Duration // pods of an unreachable node are asked to end after; 300 s
	ForceDetach time.Duration // a volume of a dead node is detached after; 360 s
	Driver      time.Duration // the volume driver waits so long for the cloud before it asks again; 300 s
	Poll        time.Duration // how often an unfinished act of the cloud is looked at; 2 s
	Retry       time.Duration // how often the same trouble is told again; 120 s
	Sync        time.Duration // how often a delivery tool restores what it keeps; 60 s
	// Scale multiplies all of them; 0: 1.
	Scale float64
}

// Server is a simulated cluster that is served until Close. All methods may be
// called at any time from any goroutine.
type Server struct {
	opt    Options
	listen net.Listener
	web    *http.Server
	done   chan struct{}
	ending sync.Once
	loop   sync.WaitGroup
	moved  chan struct{} // something may be due earlier
	// authority is the certificate that signs for the server, as PEM.
	authority []byte

	mu       sync.Mutex
	store    *store
	life     life
	next     time.Time   // when something is due; zero: nothing
	dirty    bool        // the pass changed something
	seeds    bool        // what is put there has been there for a day
	place    string      // the node that pods are put on meanwhile
	touched  atomic.Bool // somebody changed something since the controllers looked
	access   map[string]*access
	faults   []*Fault
	down     bool              // the API server cannot be reached
	logs     map[string]string // what the containers of a pod have written, by its name
	numbers  int
	requests []Request
	cuts     chan struct{} // closed when all watches are cut
	ends     chan struct{} // closed when all watches are ended
	watchers map[*watcher]bool
	sent     chan struct{} // closed and replaced when a watch was sent something
}

// New starts a simulated cluster. The error is that the address cannot be had.
func New(opt Options) (*Server, error) {
	opt = opt.withDefaults()
	s := &Server{opt: opt, done: make(chan struct{}), moved: make(chan struct{}, 1), cuts: make(chan struct{}), store: newStore(), access: newAccess(),
		watchers: map[*watcher]bool{}, sent: make(chan struct{}), ends: make(chan struct{})}
	s.life = newLife()
	cert, authority, err := newCertificate()
	if err != nil {
		return nil, err
	}
	s.authority = authority
	if s.listen, err = net.Listen("tcp", opt.Listen); err != nil {
		return nil, fmt.Errorf("simulated cluster: %w", err)
	}
	s.web = &http.Server{Handler: s.handler(), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug)}
	if n, ok := opt.Cloud.(Notifier); ok {
		n.OnChange(func() {
			s.touched.Store(true)
			s.poke()
		})
	}
	s.loop.Go(func() {
		if err := s.web.ServeTLS(s.listen, "", ""); err != http.ErrServerClosed {
			opt.Log.Error("the simulated cluster ended", "error", err)
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
	if o.Cloud == nil {
		o.Cloud = NewPlain()
	}
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:0")
	t := &o.Timing
	scale := cmp.Or(t.Scale, 1)
	for _, d := range []struct {
		is    *time.Duration
		usual time.Duration
	}{{&t.Grace, 40 * time.Second}, {&t.Join, 30 * time.Second}, {&t.Register, 15 * time.Second}, {&t.Start, 5 * time.Second},
		{&t.Stop, 2 * time.Second}, {&t.Device, 30 * time.Second}, {&t.Remove, 5 * time.Second}, {&t.Collect, 60 * time.Second}, {&t.Evict, 300 * time.Second},
		{&t.ForceDetach, 360 * time.Second}, {&t.Driver, 300 * time.Second}, {&t.Poll, 2 * time.Second}, {&t.Retry, 120 * time.Second}, {&t.Sync, 60 * time.Second}} {
		*d.is = time.Duration(float64(cmp.Or(*d.is, d.usual)) * scale)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// URL is the API server's address.
func (s *Server) URL() string { return "https://" + s.listen.Addr().String() }

// Close ends the server. It may be called again.
func (s *Server) Close() {
	s.ending.Do(func() {
		close(s.done)
		s.CutWatches()
		s.web.Close()
		s.loop.Wait()
	})
}

func (s *Server) now() time.Time { return s.opt.Now().UTC() }

// stamp is now as objects hold it.
func (s *Server) stamp() metav1.Time {
	at := s.now().Truncate(time.Second)
	if s.seeds {
		at = at.Add(-24 * time.Hour)
	}
	return metav1.NewTime(at)
}

// do runs f on the state as of now: what was due before has happened.
func (s *Server) do(f func()) {
	s.mu.Lock()
	s.reconcile()
	f()
	s.touched.Store(true)
	s.reconcile()
	s.store.tell()
	s.mu.Unlock()
	s.poke()
}

// read is do for what changes nothing.
func (s *Server) read(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reconcile()
	s.store.tell()
	f()
}

func (s *Server) poke() {
	select {
	case s.moved <- struct{}{}:
	default:
	}
}

// Advance lets happen what is due by now.
func (s *Server) Advance() {
	s.read(func() {})
	s.poke()
}

// Next is when something is due next, here or in the cloud, and whether anything is.
// What must be told again and again, as a pod that finds no room, is due without end.
func (s *Server) Next() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.next
	if c, timed := s.opt.Cloud.(Timed); timed {
		if next, any := c.Next(); any && (at.IsZero() || next.Before(at)) {
			at = next
		}
	}
	return at, !at.IsZero()
}

// Settle is Advance that also waits until every open watch was sent what there is to
// tell: after it, what a client does not know yet is only on its way through the
// client itself. A test that lives on a clock which it moves drives everything so:
//
//	for next, any := s.Next(); any && !next.After(end); next, any = s.Next() {
//		clock.MoveTo(next)
//		s.Settle(ctx)
//	}
//
// Each step lets happen what is due at that moment, in the cloud too. A clock that
// jumps over several of them lets all of them happen late, at the end of the jump.
// The error is that of ctx.
func (s *Server) Settle(ctx context.Context) error {
	s.Advance()
	for {
		s.mu.Lock()
		sent, behind := s.sent, false
		for w := range s.watchers {
			behind = behind || !w.mute && w.sent < s.store.version
		}
		s.mu.Unlock()
		if !behind {
			return nil
		}
		select {
		case <-sent:
		case <-s.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// drive lets things happen when they are due.
func (s *Server) drive() {
	for {
		s.mu.Lock()
		s.reconcile()
		s.store.tell()
		s.mu.Unlock()
		var due <-chan time.Time
		stop := func() {}
		if next, any := s.Next(); any {
			due, stop = s.opt.After(max(next.Sub(s.opt.Now()), 0))
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

// due notes that something is to happen at t.
func (s *Server) due(t time.Time) bool {
	if s.seeds || !t.After(s.now()) {
		return true
	}
	if s.next.IsZero() || t.Before(s.next) {
		s.next = t
	}
	return false
}

// Requests are all requests so far, without those for discovery.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Writes are the requests so far that could have changed something: no reads, no
// server-side dry runs, no questions about access.
func (s *Server) Writes() (list []Request) {
	for _, r := range s.Requests() {
		if r.Method != http.MethodGet && !r.DryRun && r.Resource != "selfsubjectaccessreviews" {
			list = append(list, r)
		}
	}
	return list
}

// Forget empties the log of requests.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}
