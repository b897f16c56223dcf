package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wardroom/bot/incident"
	"wardroom/e2e/internal/process"
	"wardroom/e2e/internal/wardroom"
)

// host is the name in the certificate.
const host = "wardroom.internal.example.org"

// rig is a Wardroom and the authority that it is to ask.
type rig struct {
	*testing.T
	bot         *wardroom.Program
	pebble      *pebble
	https, http string // the addresses of Wardroom's public listeners
}

// newRig starts neither. public is added to the section of that name.
func newRig(t *testing.T, name string, public ...string) *rig {
	t.Helper()
	t.Parallel()
	dir, err := os.MkdirTemp("", "acme-") // not TempDir: a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &rig{T: t, https: process.FreeAddress(t), http: process.FreeAddress(t)}
	r.pebble = newPebble(t, dir, host, r.https, r.http)
	lines := append([]string{"host: " + name, "email: ops@example.org", "https: " + r.https, "http: " + r.http, "issuer: " + r.pebble.directory()}, public...)
	r.bot = wardroom.New(t, dir, fmt.Sprintf("people:\n  joe: {roles: [responder, lead], uid: %d}\npublic:\n  %s\n", os.Getuid(), strings.Join(lines, "\n  ")))
	return r
}

// trusting makes Wardroom trust the authority's https.
const trusting = "issuer_root: https.pem"

// client is somebody outside, for whom the host's ports lead to Wardroom.
func (r *rig) client(roots *x509.CertPool) *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		to := map[string]string{"443": r.https, "80": r.http}[port(r.T, address)]
		return new(net.Dialer).DialContext(ctx, network, to)
	}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// certified waits until the public address answers with a certificate that roots trust.
func (r *rig) certified(roots *x509.CertPool) (leaf *x509.Certificate) {
	r.Helper()
	process.Await(r.T, "there is a certificate", process.Patience, func() (bool, string) {
		res, err := r.client(roots).Get("https://" + host + "/healthz")
		if err != nil {
			return false, fmt.Sprintf("%v\n%s", err, r.bot.LastLines())
		}
		res.Body.Close()
		leaf = res.TLS.PeerCertificates[0]
		return res.StatusCode == http.StatusOK, res.Status
	})
	return leaf
}

// logs waits until Wardroom's log says all these words, and in one line.
func (r *rig) logs(words ...string) {
	r.Helper()
	process.Await(r.T, "the log says "+strings.Join(words, ", "), process.Patience, func() (bool, string) {
		for line := range strings.Lines(r.bot.Child.Log.String()) {
			all := true
			for _, w := range words {
				all = all && strings.Contains(line, w)
			}
			if all {
				return true, ""
			}
		}
		return false, r.bot.LastLines()
	})
}

// checks fails unless a line of `wardroom check` begins and goes on so.
func (r *rig) checks(name, begins, words string) {
	r.Helper()
	said, _ := r.bot.Check(process.Soon(r.T))
	for line := range strings.Lines(said) {
		if rest, is := strings.CutPrefix(line, begins); is && strings.HasPrefix(strings.TrimSpace(rest), name+" ") && strings.Contains(line, words) {
			return
		}
	}
	r.Errorf("check does not say %q of %s, %q:\n%s", begins, name, words, said)
}

const webhook = `{"version": "4", "groupKey": "{}", "status": "firing", "receiver": "wardroom", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
"alerts": [{"status": "firing", "labels": {"alertname": "redis/down", "severity": "page"}, "annotations": {"summary": "Redis does not answer"},
"startsAt": "2026-01-02T00:32:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "1c93eec3511dc156"}]}`

// send is Alertmanager's webhook.
func (r *rig) send(c *http.Client, base string) (*http.Response, error) {
	r.Helper()
	token, err := os.ReadFile(filepath.Join(r.bot.Data, "wardroom.token"))
	if err != nil {
		r.Fatal(err)
	}
	req, err := http.NewRequestWithContext(process.Soon(r.T), http.MethodPost, base+"/webhooks/alertmanager", strings.NewReader(webhook))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	res, err := c.Do(req)
	if err == nil {
		res.Body.Close()
	}
	return res, err
}

// received sends the alert and waits for its incident.
func (r *rig) received(c *http.Client, base string) {
	r.Helper()
	if res, err := r.send(c, base); err != nil || res.StatusCode != http.StatusOK {
		r.Fatalf("the webhook at %s: %v %v", base, res, err)
	}
	process.Await(r.T, "the alert is an incident", process.Patience, func() (bool, string) {
		all := wardroom.Decode[[]incident.Incident](r.bot, "incident", "list", "--all")
		return len(all) == 1 && strings.Contains(all[0].Title, "redis/down"), fmt.Sprintf("%+v", all)
	})
}
