package probe

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves
//
//	/readyz   200 while it is ready, else 503; the [Report] as JSON
//	/healthz  200 while the process answers: the cluster's faults are no reason to restart it
//	/peer     its greeting to other probes
//	/metrics  the same in numbers
func (p *Probe) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		r := p.Report()
		status := http.StatusOK
		if !r.Ready {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, r)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, map[string]bool{"alive": true}) })
	mux.HandleFunc("GET /peer", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, greeting{Probe: "wardroom", Node: p.o.Node})
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.registry(), promhttp.HandlerOpts{}))
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // the client may have gone
}

// registry holds what it sees as of each scrape.
func (p *Probe) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	gauge := func(name, help string, of func(Report) float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "wardroom_probe", Name: name, Help: help}, func() float64 { return of(p.Report()) }))
	}
	is := func(so bool) float64 {
		if so {
			return 1
		}
		return 0
	}
	gauge("ready", "1 while DNS resolves and probes on other nodes answer, as /readyz says it; else 0.", func(r Report) float64 { return is(r.Ready) })
	gauge("dns_up", "1 when the last round resolved both names; else 0.", func(r Report) float64 { return is(!r.At.IsZero() && r.DNS.Fault == "" && r.Peers.Fault == "") })
	gauge("dns_seconds", "How long DNS took in the last round.", func(r Report) float64 { return r.DNS.Seconds })
	gauge("peers_known", "Probes on other nodes that DNS tells of.", func(r Report) float64 { return float64(r.Peers.Known) })
	gauge("peers_asked", "Probes on other nodes that the last round asked.", func(r Report) float64 { return float64(r.Peers.Asked) })
	gauge("peers_answered", "Of those, how many answered.", func(r Report) float64 { return float64(r.Peers.Answered) })
	for well, result := range map[bool]string{true: "good", false: "bad"} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "wardroom_probe", Name: "rounds_total", Help: "Rounds by their result.",
			ConstLabels: prometheus.Labels{"result": result}}, func() float64 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.rounds[well]
		}))
	}
	return r
}

// Serve answers on a listener, which it closes, until ctx ends; nil then.
func (p *Probe) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second,
		MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(p.o.Log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() }) // whoever still waits asks again
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
