package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// judge says what a round lacks: its sort, and a sentence; "" when it lacks nothing.
//
// Of the peers that were asked half have to answer. More could not be asked for: DNS
// tells of the probe on a node that has died until its pod is taken away, and the
// others must not be blamed for it. Fewer would not tell that it is this node that
// reaches nobody. Who knows no peer, as in a cluster of one node, lacks none.
func judge(dns DNS, peers Peers) (what, why string) {
	switch {
	case dns.Fault != "":
		return "dns", fmt.Sprintf("DNS does not resolve %s: %s", dns.Name, dns.Fault)
	case peers.Fault != "":
		return "dns", fmt.Sprintf("DNS does not resolve %s, where the other probes are: %s", peers.Name, peers.Fault)
	case peers.Answered*2 >= peers.Asked:
		return "", ""
	}
	return "network", fmt.Sprintf("%d of %d probes on other nodes answer; not %s: %s", peers.Answered, peers.Asked, peers.Silent[0].who(), peers.Silent[0].Fault)
}

func (s Silent) who() string {
	if s.Node != "" {
		return fmt.Sprintf("%s on %s", s.Address, s.Node)
	}
	return s.Address.String()
}

// resolve asks for both names at once. The peers that were known stay known while
// theirs is not resolved: that they answer says that it is not the network.
func (p *Probe) resolve(ctx context.Context) (DNS, Peers) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	dns, peers := DNS{Name: p.o.Name}, Peers{Name: p.o.Peers}
	var found []netip.Addr
	var both sync.WaitGroup
	both.Go(func() {
		begin := time.Now()
		dns.Addresses, dns.Fault = p.lookup(ctx, p.o.Name)
		dns.Seconds = time.Since(begin).Seconds()
	})
	both.Go(func() { found, peers.Fault = p.lookup(ctx, p.o.Peers) })
	both.Wait()
	if peers.Fault == "" {
		p.know(found)
	}
	peers.Known = len(p.known)
	return dns, peers
}

// know takes the peers for those that DNS tells of, and forgets the others.
func (p *Probe) know(found []netip.Addr) {
	p.known = slices.DeleteFunc(found, func(a netip.Addr) bool { return a == p.o.Address })
	for a := range p.nodes {
		if _, still := slices.BinarySearchFunc(p.known, a, netip.Addr.Compare); !still {
			delete(p.nodes, a)
		}
	}
}

// lookup resolves a name into sorted addresses, or says why not. A name with a dot in
// it is asked for as it is; one without by the search list, as Services of the pod's
// own namespace are.
func (p *Probe) lookup(ctx context.Context, name string) (all []netip.Addr, fault string) {
	if strings.Contains(name, ".") && !strings.HasSuffix(name, ".") {
		name += "."
	}
	found, err := p.o.Resolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, dnsFault(ctx, err)
	}
	for _, a := range found {
		all = append(all, a.Unmap())
	}
	slices.SortFunc(all, netip.Addr.Compare)
	all = slices.Compact(all)
	if len(all) == 0 {
		return nil, "there is no address"
	}
	return all[:min(len(all), mostKnown)], ""
}

func dnsFault(ctx context.Context, err error) string {
	fault, is := errors.AsType[*net.DNSError](err)
	switch {
	case is && fault.IsNotFound:
		return "no such name"
	case ctx.Err() != nil, is && fault.IsTimeout:
		return fmt.Sprintf("no answer within %v", lookWithin)
	}
	return clipped(err.Error())
}

// askPeers asks this round's share of the peers, all at once.
func (p *Probe) askPeers(ctx context.Context, peers *Peers) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	share := p.share()
	nodes, errs := make([]string, len(share)), make([]error, len(share))
	var all sync.WaitGroup
	for i, a := range share {
		all.Go(func() { nodes[i], errs[i] = p.o.Asker.Ask(ctx, netip.AddrPortFrom(a, p.o.Port)) })
	}
	all.Wait()
	for i, a := range share {
		switch {
		case errs[i] != nil:
			peers.Asked++
			peers.Silent = append(peers.Silent, Silent{Address: a, Node: p.nodes[a], Fault: askFault(ctx, errs[i])})
		case nodes[i] == p.o.Node && p.o.Node != "": // itself, or its successor during a rollout
		default:
			peers.Asked++
			peers.Answered++
			p.nodes[a] = nodes[i]
		}
	}
}

// share is whom a round asks: a window over all peers that moves on with each round.
// Each probe begins behind its own place, so that not all of them ask the same few.
func (p *Probe) share() (share []netip.Addr) {
	n := len(p.known)
	begin, _ := slices.BinarySearchFunc(p.known, p.o.Address, netip.Addr.Compare)
	for i := range min(n, mostAsked) {
		share = append(share, p.known[(begin+p.number*mostAsked+i)%n])
	}
	p.number++
	slices.SortFunc(share, netip.Addr.Compare) // reports name the same one first
	return share
}

func askFault(ctx context.Context, err error) string {
	if timeout, is := errors.AsType[net.Error](err); ctx.Err() != nil || is && timeout.Timeout() {
		return fmt.Sprintf("no answer within %v", askWithin)
	}
	return clipped(err.Error())
}

// clipped makes one short line of outside text.
func clipped(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:199]) + "…"
	}
	return text
}

// greeting is what one probe says to another.
type greeting struct {
	Probe string `json:"probe"` // "wardroom"
	Node  string `json:"node,omitempty"`
}

// HTTP asks peers over a new connection each time: one that was made before the
// network broke may outlive it.
type HTTP struct{ client http.Client }

// NewHTTP returns an [Asker] that follows no redirect and goes through no proxy.
func NewHTTP() *HTTP {
	return &HTTP{http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var _ Asker = (*HTTP)(nil)

// Ask implements [Asker]. Anything but another probe's greeting is an error: the
// address may be somebody else's by now.
func (h *HTTP) Ask(ctx context.Context, peer netip.AddrPort) (node string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+peer.String()+"/peer", nil)
	if err != nil {
		return "", err
	}
	res, err := h.client.Do(req)
	if err != nil {
		return "", errors.Unwrap(err) // without the address, which stands beside it
	}
	defer res.Body.Close()
	var g greeting
	if err := json.NewDecoder(io.LimitReader(res.Body, 4096)).Decode(&g); err != nil || res.StatusCode != http.StatusOK || g.Probe != "wardroom" {
		return "", fmt.Errorf("it is no probe (%d)", res.StatusCode)
	}
	return clipped(g.Node), nil
}
