package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/alertmanager"
)

const (
	// mostSkew is how far another clock may be off. A Date header has whole seconds,
	// and alerts' times come from there.
	mostSkew = 10 * time.Second
)

// alertmanagers are a check for each replica that alerts are read back from.
func (k *checker) alertmanagers() []checks.Check {
	am := k.config.Intake.Alertmanager
	var list []checks.Check
	for _, u := range am.URLs {
		list = append(list, checks.Check{Name: "alertmanager " + u.Host, Try: func(ctx context.Context) (checks.Finding, error) {
			return k.alertmanager(ctx, u)
		}})
	}
	return list
}

// notReadBack says what is missed without any address of Alertmanager.
func (k *checker) notReadBack(context.Context) (checks.Finding, error) {
	return checks.Fine("not read back: there are no addresses").
		WithHint("with intake.alertmanager.urls, alerts that were missed and resolutions that were lost are found"), nil
}

func (k *checker) alertmanager(ctx context.Context, u *url.URL) (checks.Finding, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	dates := &dateReader{base: transport, clock: k.clock}
	puller, err := alertmanager.NewPuller(alertmanager.PullerOptions{URLs: []string{u.String()}, Clock: k.clock,
		Authorize: authorize(k.config.Intake.Alertmanager.Auth), Client: &http.Client{Transport: dates, Timeout: checks.DefaultTimeout}})
	if err != nil {
		return checks.Finding{}, err
	}
	active, err := puller.Active(ctx)
	young := errors.Is(err, alertmanager.ErrWarmingUp)
	if err != nil && !young {
		return checks.Fail("%s", strings.TrimPrefix(err.Error(), "alertmanager: ")).WithHint("webhooks still arrive; while it cannot be read back, missed alerts and lost resolutions are not found"), nil
	}
	text := plural(len(active), "alert fires", "alerts fire")
	skew, told := dates.skew()
	switch {
	case told && skew.Abs() > mostSkew:
		where := "ahead of"
		if skew < 0 {
			where = "behind"
		}
		return checks.Warn("%s; its clock is %s %s this machine's", text, skew.Abs().Round(time.Second), where).
			WithHint("times of alerts come from there: let both machines keep time by NTP"), nil
	case young:
		return checks.Fine("%s; it was started minutes ago and may not know all yet", text), nil
	}
	return checks.Fine("%s", text), nil
}

// dateReader compares the Date of answers with the clock.
type dateReader struct {
	base  http.RoundTripper
	clock timeline.Clock

	mu    sync.Mutex
	ahead time.Duration
	told  bool
}

// RoundTrip implements [http.RoundTripper].
func (d *dateReader) RoundTrip(r *http.Request) (*http.Response, error) {
	began := d.clock.Now()
	res, err := d.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if at, bad := http.ParseTime(res.Header.Get("Date")); bad == nil {
		middle := began.Add(d.clock.Now().Sub(began) / 2)
		d.mu.Lock()
		d.ahead, d.told = at.Sub(middle), true
		d.mu.Unlock()
	}
	return res, nil
}

// skew is by how much the other clock is ahead, and whether it was told.
func (d *dateReader) skew() (time.Duration, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ahead, d.told
}

// statusPages are a check for each provider beside the built-in page; none where
// the configuration of one is wrong, which is for the check of that to say.
func (k *checker) statusPages() []checks.Check {
	pages, err := k.pages()
	if err != nil {
		return nil
	}
	var list []checks.Check
	for _, p := range pages {
		list = append(list, checks.Check{Name: "status page " + p.Name(), Try: func(ctx context.Context) (checks.Finding, error) {
			return checks.Fine("the credential works"), p.Check(ctx)
		}})
	}
	return list
}
