package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wardroom/integrations/discord"
	"wardroom/integrations/discord/rest"
	"wardroom/integrations/web"
)

// chatMetrics are what an operator sees of Discord. Whether followers are behind is
// told by wardroom_follower_lag_entries.
type chatMetrics struct {
	requests, limited, delayed *prometheus.CounterVec
	took                       prometheus.Histogram
}

var _ rest.Metrics = (*chatMetrics)(nil)

func newChatMetrics() *chatMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &chatMetrics{
		requests: counter("wardroom_discord_requests_total", "Requests to Discord by route and by the answer's status; \"none\" is no answer.", "route", "code"),
		limited:  counter("wardroom_discord_limited_total", "Answers of 429 by route and by whose limit it was: user, global, shared, cloudflare.", "route", "scope"),
		delayed:  counter("wardroom_discord_delayed_total", "Requests that waited for a rate limit (waited) or have to be made again later (sent_away).", "route", "how"),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "wardroom_discord_request_seconds", Help: "Time until Discord answered a request.",
			Buckets: []float64{.05, .1, .2, .5, 1, 2, 3, 5, 10, 15, 30, 60}}),
	}
}

// Answered implements [rest.Metrics].
func (m *chatMetrics) Answered(route string, status int, took time.Duration) {
	code := "none"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	m.requests.WithLabelValues(route, code).Inc()
	m.took.Observe(took.Seconds())
}

// Waited implements [rest.Metrics].
func (m *chatMetrics) Waited(route string, _ time.Duration, sentAway bool) {
	how := "waited"
	if sentAway {
		how = "sent_away"
	}
	m.delayed.WithLabelValues(route, how).Inc()
}

// Limited implements [rest.Metrics].
func (m *chatMetrics) Limited(route, scope string) { m.limited.WithLabelValues(route, scope).Inc() }

// register shows them, with how the bot stands at each scrape.
func (m *chatMetrics) register(on *web.Metrics, client *rest.Client, bot *discord.Bot) error {
	var errs []error
	for _, c := range []prometheus.Collector{m.requests, m.limited, m.delayed, m.took} {
		errs = append(errs, on.Register(c))
	}
	is := func(ok bool) float64 {
		if ok {
			return 1
		}
		return 0
	}
	return errors.Join(append(errs,
		on.Gauge("discord_connected", "1 while the connection over which Discord brings clicks and commands is up; else 0.", func() float64 { return is(bot.Connected()) }),
		on.Gauge("discord_api_up", "1 while Discord's API answers and takes the token, as of the last request; else 0.", func() float64 { return is(client.Health().OK) }),
	)...)
}
