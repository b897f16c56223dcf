package probe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wardroom/integrations/probe"
)

// cluster is what a probe sees: a DNS and its peers. What is stuck never answers.
type cluster struct {
	mu    sync.Mutex
	names map[string]string // of nodes, by address
	dead  map[string]error  // by address; errStuck: no answer at all
	dns   map[string]error  // by the name that is asked for
	asked map[string]int    // peers, by address
	hosts map[string]int    // names as they were asked for
}

var errStuck = errors.New("stuck")

const self = "10.2.0.1"

// newCluster has a probe on each of n nodes, the first of which is the one under test.
func newCluster(n int) *cluster {
	c := &cluster{names: map[string]string{}, dead: map[string]error{}, dns: map[string]error{}, asked: map[string]int{}, hosts: map[string]int{}}
	for i := range n {
		c.names[fmt.Sprintf("10.2.0.%d", i+1)] = fmt.Sprintf("node-%d", i+1)
	}
	return c
}

func (c *cluster) set(what map[string]error, key string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if what[key] = err; err == nil {
		delete(what, key)
	}
}

func (c *cluster) LookupNetIP(ctx context.Context, _, host string) (all []netip.Addr, err error) {
	c.mu.Lock()
	c.hosts[host]++
	err = c.dns[host]
	for a := range c.names {
		all = append(all, netip.MustParseAddr(a))
	}
	c.mu.Unlock()
	if host != probe.DefaultPeers {
		all = []netip.Addr{netip.MustParseAddr("::ffff:10.128.0.1")}
	}
	if errors.Is(err, errStuck) {
		<-ctx.Done()
		return nil, &net.DNSError{Err: ctx.Err().Error(), IsTimeout: true}
	}
	return all, err
}

func (c *cluster) Ask(ctx context.Context, peer netip.AddrPort) (string, error) {
	c.mu.Lock()
	a := peer.Addr().String()
	c.asked[a]++
	node, err := c.names[a], c.dead[a]
	c.mu.Unlock()
	if errors.Is(err, errStuck) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return node, err
}

func (c *cluster) probe(log *bytes.Buffer) *probe.Probe {
	handler := slog.DiscardHandler
	if log != nil {
		handler = slog.NewTextHandler(log, nil)
	}
	return probe.New(probe.Options{Node: "node-1", Address: netip.MustParseAddr(self), Resolver: c, Asker: c, Log: slog.New(handler)})
}

func TestWhatARoundSays(t *testing.T) {
	gone := &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}
	refused := errors.New("dial tcp: connection refused\nsecond line")
	tests := map[string]struct {
		nodes  int
		change func(*cluster)
		want   string // the reason; "" it is well
		known  int
	}{
		"all is well":                 {3, func(*cluster) {}, "", 2},
		"a cluster of one node":       {1, func(*cluster) {}, "", 0},
		"DNS does not answer":         {3, func(c *cluster) { c.dns[probe.DefaultName+"."] = errStuck }, "DNS does not resolve " + probe.DefaultName + ": no answer within 3s", 2},
		"no such name":                {3, func(c *cluster) { c.dns[probe.DefaultName+"."] = gone }, "DNS does not resolve " + probe.DefaultName + ": no such name", 2},
		"DNS refuses":                 {3, func(c *cluster) { c.dns[probe.DefaultName+"."] = errors.New("server misbehaving\x1b[31m") }, "DNS does not resolve " + probe.DefaultName + ": server misbehaving [31m", 2},
		"the Service is gone":         {3, func(c *cluster) { c.dns[probe.DefaultPeers] = gone }, "DNS does not resolve wardroom-probe, where the other probes are: no such name", 0},
		"half of the others is dead":  {3, func(c *cluster) { c.dead["10.2.0.2"] = errStuck }, "", 2},
		"more than half are dead":     {4, func(c *cluster) { c.dead["10.2.0.2"], c.dead["10.2.0.4"] = errStuck, errStuck }, "1 of 3 probes on other nodes answer; not 10.2.0.2: no answer within 2s", 3},
		"nobody answers":              {2, func(c *cluster) { c.dead["10.2.0.2"] = refused }, "0 of 1 probes on other nodes answer; not 10.2.0.2: dial tcp: connection refused second line", 1},
		"the others are on this node": {2, func(c *cluster) { c.names["10.2.0.2"] = "node-1" }, "", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(tt.nodes)
				tt.change(c)
				begin := time.Now()
				p := c.probe(nil)
				p.Look(t.Context())
				r := p.Look(t.Context())
				if took := time.Since(begin) / 2; took > probe.Every {
					t.Errorf("a round took %v", took)
				}
				if r.Ready != (tt.want == "") || r.Reason != tt.want || r.Peers.Known != tt.known {
					t.Errorf("%+v", r)
				}
				if c.asked[self] > 0 {
					t.Error("it has asked itself")
				}
				if tt.want == "" && (len(r.DNS.Addresses) != 1 || r.DNS.Addresses[0].String() != "10.128.0.1") {
					t.Errorf("%v", r.DNS.Addresses)
				}
			})
		})
	}
}

// One failing round changes nothing, three do; one good one does not end that, two do.
func TestReadinessIsSlowToChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := newCluster(3)
		p := c.probe(&log)
		down := func() { c.set(c.dns, probe.DefaultName+".", errors.New("refused")) }
		up := func() { c.set(c.dns, probe.DefaultName+".", nil) }
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { p.Run(ctx); close(done) }()
		steps := []struct {
			before func()
			want   []bool // round by round
		}{{up, []bool{false, true, true}}, {down, []bool{true, true}}, {up, []bool{true}}, {down, []bool{true, true, false, false}}, {up, []bool{false}}, {down, []bool{false}}, {up, []bool{false, true}}}
		first := true
		for i, s := range steps {
			s.before()
			for k, want := range s.want {
				if !first {
					<-time.After(probe.Every)
				}
				first = false
				synctest.Wait()
				if r := p.Report(); r.Ready != want || !want && r.Reason == "" {
					t.Errorf("step %d, round %d: %+v", i, k, r)
				}
			}
		}
		stop()
		<-done
		want := []string{`msg=ready`, `msg="a round failed"`, `msg="a round failed"`, `msg="not ready"`, `msg="a round failed"`, `msg=ready`}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != len(want) {
			t.Fatalf("%d lines:\n%s", len(lines), log.String())
		}
		for i, line := range lines {
			if !strings.Contains(line, want[i]) {
				t.Errorf("%s: no %s", line, want[i])
			}
		}
	})
}

// While DNS is silent the peers of before are asked: that they answer tells that it is
// not the network.
func TestKnownPeersAreAskedWhileDNSIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(3)
		p := c.probe(nil)
		p.Look(t.Context())
		c.dns[probe.DefaultName+"."], c.dns[probe.DefaultPeers], c.dead["10.2.0.3"] = errStuck, errStuck, errStuck
		r := p.Look(t.Context())
		if !strings.HasPrefix(r.Reason, "DNS does not resolve") || r.Peers.Known != 2 || r.Peers.Answered != 1 {
			t.Errorf("%+v", r)
		}
		if len(r.Peers.Silent) != 1 || r.Peers.Silent[0].Node != "node-3" {
			t.Errorf("the silent one is not named: %+v", r.Peers.Silent)
		}
	})
}

// In a large cluster a round asks few, and all come to their turn.
func TestAllPeersComeToTheirTurn(t *testing.T) {
	c := newCluster(100)
	p := c.probe(nil)
	for round := range 13 {
		before := len(c.asked)
		if r := p.Look(t.Context()); r.Peers.Asked != 8 || r.Peers.Known != 99 {
			t.Fatalf("round %d: %+v", round, r.Peers)
		}
		if len(c.asked) != min(before+8, 99) {
			t.Errorf("round %d: %d were asked so far", round, len(c.asked))
		}
	}
}

// A round that is cut short by the end of the process says nothing.
func TestACancelledRoundDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(2)
		p := c.probe(nil)
		p.Look(t.Context())
		c.dns[probe.DefaultName+"."] = errStuck
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if r := p.Look(ctx); r.Bad != 0 || r.Good != 1 {
			t.Errorf("%+v", r)
		}
	})
}
