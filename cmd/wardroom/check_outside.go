package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/alertmanager"
)

const (
	// certificateFolder holds what autocert got, in the data folder.
	certificateFolder = "certificates"
	// certificateWarning is how long before its end a certificate warns: it is renewed
	// 30 days before, so by then renewing has failed for two weeks.
	certificateWarning = 14 * 24 * time.Hour
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

// certificate looks at what autocert keeps; nothing when there is no public host.
func (k *checker) certificate() []checks.Check {
	host := k.config.Public.Host
	if host == "" {
		return nil
	}
	return []checks.Check{{Name: "certificate", Try: func(context.Context) (checks.Finding, error) {
		return k.certificateOf(host)
	}}}
}

func (k *checker) certificateOf(host string) (checks.Finding, error) {
	// autocert keeps the key and the chain in one file; that of old clients ends in
	// +rsa. https://pkg.go.dev/golang.org/x/crypto/acme/autocert#Cache
	folder := filepath.Join(k.data, certificateFolder)
	body, err := os.ReadFile(filepath.Join(folder, host))
	if errors.Is(err, fs.ErrNotExist) {
		body, err = os.ReadFile(filepath.Join(folder, host+"+rsa"))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checks.Warn("there is none for %s yet", host).
			WithHint("it is asked for when somebody first opens https://%s/: the name must lead here, and ports 80 and 443 be open", host), nil
	case err != nil:
		return checks.Finding{}, err
	}
	leaf, err := firstCertificate(body)
	if err != nil {
		return checks.Finding{}, fmt.Errorf("the certificate for %s in %s: %w", host, folder, err)
	}
	left := leaf.NotAfter.Sub(k.clock.Now())
	text := fmt.Sprintf("%s until %s", host, leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC"))
	hint := "it should be renewed by itself 30 days before; the process log says why not. Ports 80 and 443 must be open to the issuer"
	switch err := leaf.VerifyHostname(host); {
	case left <= 0:
		return checks.Fail("%s: it has expired", text).WithHint("%s", hint), nil
	case err != nil:
		return checks.Finding{}, err
	case left < certificateWarning:
		return checks.Warn("%s: %s left", text, roughly(left)).WithHint("%s", hint), nil
	}
	return checks.Fine("%s: %s left", text, roughly(left)), nil
}

func firstCertificate(body []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(body); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, errors.New("there is no certificate in it")
}
