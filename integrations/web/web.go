// Package web is Wardroom's front door over HTTP: webhooks, health, metrics, and
// whatever else is mounted (status page, console).
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"wardroom/bot/alert"
)

const (
	// MaxBody bounds the body of a webhook, in bytes. Alertmanager's max_alerts
	// keeps its messages below it.
	MaxBody = 1 << 20
	// maxHeader bounds all header fields of a request, in bytes.
	maxHeader = 32 << 10
	// intakeDeadline bounds how long a sender waits for its alerts to be on disk,
	// the wait for its turn included. Then it is told to try again.
	intakeDeadline = 10 * time.Second
	// maxInFlight bounds how many webhooks are read and recorded at the same time,
	// and with MaxBody how much memory they take.
	maxInFlight = 256

	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second // a phone on a train is no sender of webhooks
	writeTimeout      = 60 * time.Second
	idleTimeout       = 3 * time.Minute // longer than senders' intervals, so that connections are used again
)

// Intake records alerts; it is [alert.Intake].
type Intake interface {
	Record(ctx context.Context, alerts []alert.Alert, found string) (alert.Result, error)
}

// Options say what is served.
type Options struct {
	// Listen is the address of the plain listener, "127.0.0.1:8080"; empty: none.
	Listen string
	Public Public

	Intake  Intake
	Sources []alert.Source // served at /webhooks/NAME and, for old habits, /webhooks/generic/NAME

	// Ready returns why requests cannot be served yet or any more; nil means that
	// they can. Healthy is the same for the store. Either may be nil.
	Ready   func() error
	Healthy func() error

	Metrics *Metrics // nil: a new one
	// MetricsCredential is asked for at /metrics. When it is zero, they are open on
	// the plain listener and not served on the public one.
	MetricsCredential alert.Credential

	Version string // of this build, for the page and the metrics
	Links   []Link // shown on the page at /
	Log     *slog.Logger
}

// Link is something that the page at / points to.
type Link struct {
	Path string // "/status/"
	Text string
	Help string // half a sentence; may be empty
}

// Server is the front door. Its Handler may be used without Start, as in tests.
type Server struct {
	options Options
	log     *slog.Logger
	metrics *Metrics
	mux     *http.ServeMux
	handler http.Handler
	sources map[string]*sender
	slots   chan struct{}

	running *running
}

// New makes a server. It fails when two sources share a name.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(o.Version)
	}
	s := &Server{options: o, log: o.Log, metrics: o.Metrics, mux: http.NewServeMux(), slots: make(chan struct{}, maxInFlight)}
	var err error
	if s.sources, err = senders(o.Sources); err != nil {
		return nil, err
	}
	for pattern, h := range map[string]http.Handler{
		"/webhooks/{name}":         http.HandlerFunc(s.webhook),
		"/webhooks/generic/{name}": http.HandlerFunc(s.webhook),
		"GET /healthz":             http.HandlerFunc(s.healthz),
		"GET /readyz":              http.HandlerFunc(s.readyz),
		"GET /metrics":             s.metricsHandler(),
		"GET /{$}":                 http.HandlerFunc(s.home),
		"/":                        http.HandlerFunc(notFound),
	} {
		if err := s.Mount(pattern, h); err != nil {
			return nil, err
		}
	}
	s.handler = s.outer(s.mux)
	return s, nil
}

// Handler serves everything, as both listeners do.
func (s *Server) Handler() http.Handler { return s.handler }

// Metrics are the server's own.
func (s *Server) Metrics() *Metrics { return s.metrics }
