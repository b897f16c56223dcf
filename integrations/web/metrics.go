package web

import (
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wardroom/bot/alert"
)

// Metrics are what /metrics shows, in a registry of their own.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	byCode   [600]atomic.Pointer[prometheus.Counter] // so that no request looks a label up
	took     prometheus.Histogram
	alerts   *prometheus.CounterVec
	commits  prometheus.Histogram
	failed   prometheus.Counter
	waits    prometheus.Counter
	spoke    atomic.Int64 // when alerts sent back were last logged
}

// NewMetrics makes the registry with the process's own metrics in it.
func NewMetrics(version string) *Metrics {
	latency := []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wardroom_http_requests_total", Help: "Answered requests by status code."}, []string{"code"}),
		took:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "wardroom_http_request_seconds", Help: "Time from a request's header to its answer.", Buckets: latency}),
		alerts:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wardroom_alerts_total", Help: "Alerts that came in, by source and by what became of them: new, changed, repeated."}, []string{"source", "result"}),
		commits:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "wardroom_intake_commit_seconds", Help: "Time until the alerts of one request were on disk.", Buckets: latency}),
		failed:   prometheus.NewCounter(prometheus.CounterOpts{Name: "wardroom_intake_failures_total", Help: "Requests whose alerts could not be recorded."}),
		waits:    prometheus.NewCounter(prometheus.CounterOpts{Name: "wardroom_intake_waits_total", Help: "Requests that waited for others, since too many came at once."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "wardroom_build_info", Help: "1; its labels tell the build.",
		ConstLabels: prometheus.Labels{"version": orUnknown(version), "goversion": goVersion()}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.took, m.alerts, m.commits, m.failed, m.waits, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func goVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return "unknown"
}

// Register adds a collector of another part. It fails when its name is taken.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) }

// FollowerLag shows by how many entries each follower is behind; lag is asked at
// every scrape and must be quick.
func (m *Metrics) FollowerLag(lag func() map[string]int64) error {
	return m.registry.Register(&lagCollector{lag: lag,
		desc: prometheus.NewDesc("wardroom_follower_lag_entries", "By how many entries a follower of the timelines is behind.", []string{"follower"}, nil)})
}

// Gauge shows a number that is asked for at every scrape, as how many incidents
// are open. name is without the prefix wardroom_.
func (m *Metrics) Gauge(name, help string, value func() float64) error {
	return m.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wardroom_" + name, Help: help}, value))
}

// Meter counts what the intake tells; it is given to [alert.NewIntake].
func (m *Metrics) Meter(o alert.Observation) {
	if o.Err != nil {
		m.failed.Inc()
		return
	}
	m.commits.Observe(o.Took.Seconds())
}

func (m *Metrics) recorded(source string, r alert.Result) {
	for _, f := range [...]struct {
		what string
		n    int
	}{{"new", r.New}, {"changed", r.Changed}, {"repeated", r.Repeated}} {
		if f.n > 0 {
			m.alerts.WithLabelValues(source, f.what).Add(float64(f.n))
		}
	}
}

func (m *Metrics) request(code int, took time.Duration) {
	m.took.Observe(took.Seconds())
	if code < 0 || code >= len(m.byCode) {
		code = http.StatusInternalServerError
	}
	counter := m.byCode[code].Load()
	if counter == nil {
		c := m.requests.WithLabelValues(codeText(code))
		counter = &c
		m.byCode[code].Store(counter)
	}
	(*counter).Inc()
}

// quiet reports whether alerts sent back were logged in the last ten seconds.
func (m *Metrics) quiet() bool {
	now := time.Now().UnixNano()
	last := m.spoke.Load()
	return now-last < int64(10*time.Second) || !m.spoke.CompareAndSwap(last, now)
}

type lagCollector struct {
	desc *prometheus.Desc
	lag  func() map[string]int64
}

func (l *lagCollector) Describe(ch chan<- *prometheus.Desc) { ch <- l.desc }

func (l *lagCollector) Collect(ch chan<- prometheus.Metric) {
	for name, behind := range l.lag() {
		metric, err := prometheus.NewConstMetric(l.desc, prometheus.GaugeValue, float64(behind), name)
		if err != nil {
			metric = prometheus.NewInvalidMetric(l.desc, err)
		}
		ch <- metric
	}
}

func (s *Server) metricsHandler() http.Handler {
	show := promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.options.MetricsCredential.IsZero() {
			if err := s.options.MetricsCredential.Check(r.Header); err != nil {
				w.Header().Set("WWW-Authenticate", s.options.MetricsCredential.Challenge())
				s.refuse(w, r, err)
				return
			}
		} else if isPublic(r) {
			notFound(w, r)
			return
		}
		show.ServeHTTP(w, r)
	})
}
