// Package redistest is a simulated set of Redis instances with their Sentinels, with
// state: go-redis really speaks to it over TCP. It knows nothing of this product.
//
// An instance answers while its pod is Ready, where [Options.Pods] tells of pods; a pod
// with another uid is another process, which starts without a link and copies what it
// lacks. Then things go wrong with Split, Stray, Cut, Hang, Blur and a wrong password.
// What it does is what Redis 7.2 and its Sentinel do, as far as roles, links and offsets
// go; where it is simpler, that is said where it stands. It holds no data: keys and
// offsets are numbers.
//
// Names and ids are counted: the same calls at the same times give the same state.
package redistest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Options say what kind of set it is. The zero value is a usable one: three instances
// with a Sentinel beside each.
type Options struct {
	Now       func() time.Time // nil: real time
	Name      string           // of the StatefulSet; "redis"
	Domain    string           // of the names by which they call each other: "redis-0.DOMAIN:6379"; the Name
	Instances int              // that there can be at most; 3
	Master    int              // the ordinal of the master at first
	Keys      int64            // 1000
	Rate      int64            // bytes that are written in a second; 100
	Watch     string           // by which name Sentinel knows it; "mymaster"
	// Unwatched leaves the Sentinels away. Quorum is how many have to agree; 2.
	Unwatched bool
	Quorum    int
	Password  string // of instances and Sentinels; "": none
	// Pods tells of the pods now; nil: the instances that there can be are there.
	Pods   func() []Pod
	Timing Timing
}

// Pod is one of the StatefulSet's.
type Pod struct {
	Name    string // "redis-0"
	UID     string
	Ready   bool
	Severed bool // it runs, and nobody reaches it
}

// Timing is how long things take; what is 0 takes its usual time.
type Timing struct {
	Full     time.Duration // copying everything from a master; 20 s
	Partial  time.Duration // catching up with one whose history it has; 1 s
	Down     time.Duration // a master is held to be down after; 30 s
	Failover time.Duration // a failover takes; 3 s
	Convert  time.Duration // Sentinel makes one that is no master of its own a replica after; 10 s
}

// Server is a simulated set that is served until Close. All methods may be called at
// any time from any goroutine.
type Server struct {
	opt Options

	mu        sync.Mutex
	instances []*instance
	sentinels []*sentinel
	last      time.Time // of pass
	grown     time.Time // up to when clients have written
	ids       int
	requests  []Request
	conns     map[net.Conn]bool
	closed    bool
	all       sync.WaitGroup
}

// Request is a command that came in.
type Request struct {
	To      string // "redis-0", "sentinel-1"
	Command string // "REPLICAOF NO ONE"
}

// instance is one Redis.
type instance struct {
	door
	pod      string
	ordinal  int
	uid      string
	up       bool // its process runs
	severed  bool // and nobody reaches it
	run      string
	master   *instance // whom it follows; nil: it is a master
	link     bool
	syncing  bool
	due      time.Time // of the sync
	history  string
	offset   int64
	before   string
	beforeTo int64
	keys     int64
	priority int
	split    bool      // it takes itself for a master, whatever Sentinel says
	stray    time.Time // since when it is a master that Sentinel does not name
}

// sentinel is one Sentinel; it lives beside the instance of its ordinal.
type sentinel struct {
	door
	beside *instance
	names  *instance
	stuck  bool      // it names whom it names, whatever the others do
	since  time.Time // it does not hear the one that it names
	target *instance // of the failover that it leads
	due    time.Time // of that
}

// door is where one of them is asked.
type door struct {
	name   string
	at     string // as they call each other: "redis-0.redis:6379"
	listen net.Listener
	cut    bool   // connections are closed at once
	hung   bool   // nothing is answered
	blur   string // the answer, whatever is asked
}

// New starts a set. The error is that an address cannot be had.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Name, o.Instances, o.Keys = cmp.Or(o.Name, "redis"), cmp.Or(o.Instances, 3), cmp.Or(o.Keys, 1000)
	o.Domain = cmp.Or(o.Domain, o.Name)
	o.Rate, o.Watch, o.Quorum = cmp.Or(o.Rate, 100), cmp.Or(o.Watch, "mymaster"), cmp.Or(o.Quorum, 2)
	t := &o.Timing
	t.Full, t.Partial, t.Down = cmp.Or(t.Full, 20*time.Second), cmp.Or(t.Partial, time.Second), cmp.Or(t.Down, 30*time.Second)
	t.Failover, t.Convert = cmp.Or(t.Failover, 3*time.Second), cmp.Or(t.Convert, 10*time.Second)
	s := &Server{opt: o, last: o.Now(), grown: o.Now(), conns: map[net.Conn]bool{}}
	for n := range o.Instances {
		pod := fmt.Sprintf("%s-%d", o.Name, n)
		s.instances = append(s.instances, &instance{door: door{name: pod, at: pod + "." + o.Domain + ":6379"}, pod: pod, ordinal: n, priority: 100, keys: o.Keys})
	}
	first := s.instances[o.Master]
	history := s.id()
	for _, i := range s.instances {
		i.run, i.history, i.offset, i.up, i.link = s.id(), history, 100000, true, i != first
		if i != first {
			i.master = first
		}
		if !o.Unwatched {
			s.sentinels = append(s.sentinels, &sentinel{door: door{name: fmt.Sprintf("sentinel-%d", i.ordinal), at: i.pod + "." + o.Domain + ":26379"}, beside: i, names: first})
		}
	}
	for _, p := range s.pods() {
		if i := s.byPod(p.Name); i != nil {
			i.uid = p.UID // what is there at first has been so for a day
		}
	}
	for _, d := range s.doors() {
		var err error
		if d.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			s.Close()
			return nil, fmt.Errorf("simulated Redis: %w", err)
		}
	}
	for _, i := range s.instances {
		s.serve(&i.door, func(c []string) reply { return s.instanceAnswers(i, c) })
	}
	for _, w := range s.sentinels {
		s.serve(&w.door, func(c []string) reply { return s.sentinelAnswers(w, c) })
	}
	return s, nil
}

func (s *Server) doors() (all []*door) {
	for _, i := range s.instances {
		all = append(all, &i.door)
	}
	for _, w := range s.sentinels {
		all = append(all, &w.door)
	}
	return all
}

// id is the next run id or history.
func (s *Server) id() string {
	s.ids++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", s.opt.Name, s.ids))
	return hex.EncodeToString(sum[:20])
}

func (s *Server) pods() []Pod {
	if s.opt.Pods != nil {
		return s.opt.Pods()
	}
	var all []Pod
	for _, i := range s.instances {
		all = append(all, Pod{Name: i.pod, UID: i.pod, Ready: true})
	}
	return all
}

func (s *Server) byPod(pod string) *instance {
	i := slices.IndexFunc(s.instances, func(i *instance) bool { return i.pod == pod })
	if i < 0 {
		return nil
	}
	return s.instances[i]
}

// Addresses are where the instances answer, by pod, as in a cluster: [Server.Dial]
// leads there.
func (s *Server) Addresses() map[string]string {
	all := map[string]string{}
	for _, i := range s.instances {
		all[i.pod] = i.at
	}
	return all
}

// Sentinels are where the Sentinels answer, likewise.
func (s *Server) Sentinels() (all []string) {
	for _, w := range s.sentinels {
		all = append(all, w.at)
	}
	return all
}

// Doors are the TCP addresses on this machine, by the names of Addresses and Sentinels.
func (s *Server) Doors() map[string]string {
	all := map[string]string{}
	for _, d := range s.doors() {
		all[d.at] = d.listen.Addr().String()
	}
	return all
}

// Dial connects to an address of the set, or to any other.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return Dialer(s.Doors())(ctx, network, address)
}

// Dialer connects by the names that Doors has.
func Dialer(doors map[string]string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, cmp.Or(doors[address], address))
	}
}

// Watch is by which name Sentinel knows the set.
func (s *Server) Watch() string { return s.opt.Watch }

// Close ends the server. It may be called again.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, d := range s.doors() {
		if d.listen != nil {
			d.listen.Close()
		}
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

// do runs f on the state as of now.
func (s *Server) do(f func()) {
	pods := s.pods() // asks somebody else, who may be asking here
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass(pods)
	f()
	s.pass(pods)
}

// Advance lets happen what is due by now.
func (s *Server) Advance() { s.do(func() {}) }

// Split has an instance take itself for a master, with its own history from now on,
// whatever Sentinel says, until Join.
func (s *Server) Split(pod string) {
	s.do(func() {
		if i := s.byPod(pod); i != nil {
			i.split = true
			s.promote(i)
		}
	})
}

// Join ends a Split: the instance follows whom Sentinel names, as somebody's
// REPLICAOF has it.
func (s *Server) Join(pod string) {
	s.do(func() {
		if i := s.byPod(pod); i != nil {
			i.split = false
			s.follow(i, s.named())
		}
	})
}

// Stray has a Sentinel name an instance and keep to it; an empty pod ends that.
func (s *Server) Stray(number int, pod string) {
	s.do(func() {
		w := s.sentinels[number]
		if i := s.byPod(pod); i != nil {
			w.names, w.stuck = i, true
			return
		}
		w.stuck, w.names = false, s.named()
	})
}

// Cut has an instance, and the Sentinel beside it, be unreachable for everybody, or
// reachable again: its process goes on.
func (s *Server) Cut(pod string, cut bool) {
	s.do(func() { s.eachAt(pod, func(d *door) { d.cut = cut }) })
}

// Hang has an instance, and the Sentinel beside it, take connections and answer nothing.
func (s *Server) Hang(pod string, hung bool) {
	s.do(func() { s.eachAt(pod, func(d *door) { d.hung = hung }) })
}

// Blur has an instance answer these bytes to whatever it is asked; "" ends that.
func (s *Server) Blur(pod, answer string) {
	s.do(func() {
		if i := s.byPod(pod); i != nil {
			i.blur = answer
		}
	})
}

// Lose makes an instance empty, as a FLUSHALL does.
func (s *Server) Lose(pod string, keys int64) {
	s.do(func() {
		if i := s.byPod(pod); i != nil {
			i.keys = keys
		}
	})
}

func (s *Server) eachAt(pod string, f func(*door)) {
	for _, i := range s.instances {
		if i.pod == pod {
			f(&i.door)
		}
	}
	for _, w := range s.sentinels {
		if w.beside.pod == pod {
			f(&w.door)
		}
	}
}

// State is an instance as it is now.
type State struct {
	Pod    string
	Up     bool
	Master string // whom it follows; "": it is a master
	Link   bool
	Offset int64
	Keys   int64
	Run    string
	// Priority in elections; 0: never.
	Priority int
}

// States are those of all instances, by ordinal.
func (s *Server) States() (all []State) {
	s.do(func() {
		for _, i := range s.instances {
			st := State{Pod: i.pod, Up: i.up, Link: i.link, Offset: i.offset, Keys: i.keys, Run: i.run, Priority: i.priority}
			if i.master != nil {
				st.Master = i.master.pod
			}
			all = append(all, st)
		}
	})
	return all
}

// Requests are the commands so far that could have changed something.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}
