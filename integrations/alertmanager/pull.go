package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
)

const (
	// warmUp is how long after its start a replica may lack alerts that fire:
	// without a persistent volume it knows none until Prometheus sends them again,
	// which it does every minute, after each evaluation.
	warmUp = 5 * time.Minute
)

// ErrWarmingUp says that what Alertmanager does not list may fire all the same.
var ErrWarmingUp = fmt.Errorf("alertmanager: every replica that answers was started in the last %v", warmUp)

// PullerOptions say where Alertmanager's API is.
type PullerOptions struct {
	Name string // of the source whose webhooks these alerts come by; [DefaultName] when empty
	// URLs of the replicas, with the prefix under which they are served, if any. It
	// suffices that one of them answers.
	URLs []string
	// Receiver keeps to the alerts that are routed to this receiver, as when some
	// alerts are not meant for Wardroom. Empty: all alerts.
	Receiver string
	// Authorize sets credentials on a request; it may be nil.
	Authorize func(*http.Request)
	// Client may be nil.
	Client *http.Client
	Clock  timeline.Clock
}

// Puller asks Alertmanager what fires, over its API version 2.
// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
type Puller struct {
	options  PullerOptions
	replicas []*url.URL
}

var _ alert.Puller = (*Puller)(nil)

// NewPuller makes a puller. It fails when there is no URL, or one that is not http or https.
func NewPuller(o PullerOptions) (*Puller, error) {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 15 * time.Second}
	}
	replicas, err := addresses(o.URLs)
	if err != nil {
		return nil, err
	}
	return &Puller{options: o, replicas: replicas}, nil
}

func (p *Puller) api() api { return api{p.options.Client, p.options.Authorize} }

// Name is the name of the source.
func (p *Puller) Name() string { return p.options.Name }

// Active returns every alert that any replica holds as firing, as the one says it that was
// told of it last. It fails, beside
// what it has, when no replica answered that has been up for 5 minutes: then an
// alert's absence does not mean that it has resolved.
func (p *Puller) Active(ctx context.Context) ([]alert.Pulled, error) {
	answers := make([]answer, len(p.replicas))
	var wg sync.WaitGroup
	for i, replica := range p.replicas {
		wg.Go(func() { answers[i] = p.ask(ctx, replica) })
	}
	wg.Wait()

	byFingerprint := map[string]int{}
	var all []alert.Pulled
	var heard []time.Time // when a replica was told of each; the latest counts
	var errs []error
	warm := false
	for _, a := range answers {
		if a.err != nil {
			errs = append(errs, a.err)
			continue
		}
		warm = warm || a.warm
		for i, one := range a.alerts {
			at, twice := byFingerprint[one.Fingerprint]
			if !twice {
				byFingerprint[one.Fingerprint] = len(all)
				all, heard = append(all, one), append(heard, a.heard[i])
				continue
			}
			one.Muted = one.Muted || all[at].Muted
			all[at].Muted = one.Muted
			if a.heard[i].After(heard[at]) {
				all[at], heard[at] = one, a.heard[i]
			}
		}
	}
	switch {
	case warm:
		return all, nil
	case len(errs) < len(answers):
		errs = append(errs, ErrWarmingUp)
	}
	return all, errors.Join(errs...)
}

type answer struct {
	alerts []alert.Pulled
	heard  []time.Time // when it was told of each
	warm   bool
	err    error
}

// gettableAlert is Alertmanager's, as far as it is used. Its endsAt is when the
// alert would expire, so a firing alert has one too.
type gettableAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	Fingerprint  string            `json:"fingerprint"`
	StartsAt     time.Time         `json:"startsAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	GeneratorURL string            `json:"generatorURL"`
	Status       struct {
		State string `json:"state"` // unprocessed, active, suppressed
	} `json:"status"`
}

func (p *Puller) ask(ctx context.Context, replica *url.URL) answer {
	var status struct {
		Uptime time.Time `json:"uptime"` // when it was started
	}
	if err := p.api().call(ctx, http.MethodGet, replica, "status", nil, nil, &status); err != nil {
		return answer{err: err}
	}
	query := url.Values{"active": {"true"}, "silenced": {"true"}, "inhibited": {"true"}, "unprocessed": {"true"}}
	if p.options.Receiver != "" {
		query.Set("receiver", regexp.QuoteMeta(p.options.Receiver)) // the API anchors it
	}
	var got []gettableAlert
	if err := p.api().call(ctx, http.MethodGet, replica, "alerts", query, nil, &got); err != nil {
		return answer{err: err}
	}
	a := answer{warm: !status.Uptime.Add(warmUp).After(p.options.Clock.Now()), alerts: make([]alert.Pulled, 0, len(got))}
	for _, g := range got {
		if g.StartsAt.IsZero() {
			continue
		}
		if g.Fingerprint == "" {
			g.Fingerprint = alert.Fingerprint(g.Labels)
		}
		a.heard = append(a.heard, g.UpdatedAt)
		a.alerts = append(a.alerts, alert.Pulled{Muted: g.Status.State == "suppressed",
			Alert: alert.Alert{Source: p.options.Name, Fingerprint: g.Fingerprint, Status: alert.Firing, Labels: g.Labels,
				Annotations: g.Annotations, StartsAt: millis(g.StartsAt), GeneratorURL: g.GeneratorURL}})
	}
	return a
}
