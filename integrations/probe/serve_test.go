package probe_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"wardroom/integrations/probe"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestWhatItServes(t *testing.T) {
	c := newCluster(3)
	p := c.probe(nil)
	h := p.Handler()
	look := func() { p.Look(t.Context()) }
	tests := []struct {
		name, path string
		before     func()
		code       int
		want       []string
	}{
		{"before it has looked", "/readyz", func() {}, 503, []string{`"ready": false`, `"reason": "it has not looked yet"`}},
		{"its liveness is another thing", "/healthz", func() {}, 200, []string{`"alive": true`}},
		{"before the second round", "/readyz", look, 503, []string{`"good_rounds": 1`, `"reason": "it has been well only since its last round"`}},
		{"well", "/readyz", look, 200, []string{`"ready": true`, `"answered": 2`, `"10.128.0.1"`}},
		{"in numbers", "/metrics", func() {}, 200, []string{"wardroom_probe_ready 1", "wardroom_probe_dns_up 1", "wardroom_probe_peers_answered 2", `wardroom_probe_rounds_total{result="good"} 2`}},
		{"one bad round", "/readyz", func() { c.dns[probe.DefaultName+"."] = errors.New("SERVFAIL"); look() }, 200, []string{`"reason": "DNS does not resolve kubernetes`, `"bad_rounds": 1`}},
		{"three bad rounds", "/readyz", func() { look(); look() }, 503, []string{`"ready": false`, `"fault": "SERVFAIL"`}},
		{"still alive", "/healthz", func() {}, 200, nil},
		{"in numbers as well", "/metrics", func() {}, 200, []string{"wardroom_probe_ready 0", "wardroom_probe_dns_up 0", `wardroom_probe_rounds_total{result="bad"} 3`}},
		{"its greeting", "/peer", func() {}, 200, []string{`"probe": "wardroom"`, `"node": "node-1"`}},
		{"anything else", "/", func() {}, 404, nil},
	}
	for _, tt := range tests {
		tt.before()
		code, body := get(t, h, tt.path)
		if code != tt.code {
			t.Errorf("%s: %d %s", tt.name, code, body)
		}
		for _, part := range tt.want {
			if !strings.Contains(body, part) {
				t.Errorf("%s: no %s in\n%s", tt.name, part, body)
			}
		}
		if strings.HasPrefix(body, "{") && !json.Valid([]byte(body)) {
			t.Errorf("%s: no JSON: %s", tt.name, body)
		}
	}
}

// Only another probe is taken for one: its address may be somebody else's by now.
func TestOnlyProbesAreTakenForProbes(t *testing.T) {
	tests := map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   string // the error
	}{
		"a probe":         {newCluster(1).probe(nil).Handler().ServeHTTP, ""},
		"somebody's page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "it is no probe (200)"},
		"other JSON":      {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"probe":"else"}`) }, "it is no probe (200)"},
		"an error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, `{"probe":"wardroom"}`)
		}, "it is no probe (500)"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "it is no probe (302)"},
		"without end": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"probe":"wardroom","node":"`+strings.Repeat("x", 1<<20))
		}, "it is no probe (200)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(tt.answer))
			defer s.Close()
			node, err := probe.NewHTTP().Ask(t.Context(), netip.MustParseAddrPort(s.Listener.Addr().String()))
			if tt.want == "" && (err != nil || node != "node-1") || tt.want != "" && (err == nil || err.Error() != tt.want) {
				t.Errorf("%q %v", node, err)
			}
		})
	}
}

// Two probes find each other over real connections, and one notices that the other
// has gone.
func TestTwoProbes(t *testing.T) {
	listen := func(address string) net.Listener {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	other := listen("127.0.0.2:0")
	port := other.Addr().(*net.TCPAddr).AddrPort().Port()
	on := func(node, address string) *probe.Probe {
		return probe.New(probe.Options{Node: node, Address: netip.MustParseAddr(address), Port: port, Name: "any", Peers: "any", Resolver: loopbacks{}, Asker: probe.NewHTTP(), Log: slog.New(slog.DiscardHandler)})
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := serving(ctx, on("node-2", "127.0.0.2"), other)
	one := on("node-1", "127.0.0.1")
	one.Look(t.Context())
	if r := one.Look(t.Context()); !r.Ready || r.Peers.Answered != 1 {
		t.Errorf("%+v", r)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if r := one.Look(t.Context()); r.Bad != 1 || len(r.Peers.Silent) != 1 || r.Peers.Silent[0].Node != "node-2" {
		t.Errorf("%+v", r)
	}
}

func serving(ctx context.Context, p *probe.Probe, l net.Listener) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx, l) }()
	return ended
}

// loopbacks is a DNS that knows two probes.
type loopbacks struct{}

func (loopbacks) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}, nil
}
