package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	checks "wardroom/bot/watch"
)

// alertmanagerSim answers as one replica.
type alertmanagerSim struct {
	alerts  int
	started time.Time
	clock   time.Duration // ahead of ours
	status  int
}

func (a *alertmanagerSim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", checkNow.Add(a.clock).Format(http.TimeFormat))
	switch {
	case a.status != 0:
		w.WriteHeader(a.status)
	case r.URL.Path == "/api/v2/status":
		fmt.Fprintf(w, `{"uptime": %q}`, a.started.Format(time.RFC3339))
	case r.URL.Path == "/api/v2/alerts":
		list := []any{}
		for i := range a.alerts {
			list = append(list, map[string]any{"labels": map[string]string{"alertname": fmt.Sprint(i)}, "startsAt": checkNow, "status": map[string]string{"state": "active"}})
		}
		json.NewEncoder(w).Encode(list)
	default:
		http.NotFound(w, r)
	}
}

func TestAlertmanagerIsTried(t *testing.T) {
	for name, c := range map[string]struct {
		sim      alertmanagerSim
		level    checks.Level
		sentence string
	}{
		"works":              {alertmanagerSim{alerts: 3}, checks.OK, "3 alerts fire"},
		"nothing fires":      {alertmanagerSim{}, checks.OK, "0 alerts fire"},
		"was just started":   {alertmanagerSim{alerts: 1, started: checkNow.Add(-time.Minute)}, checks.OK, "1 alert fires; it was started minutes ago and may not know all yet"},
		"its clock is fast":  {alertmanagerSim{clock: 90 * time.Second}, checks.Warning, "0 alerts fire; its clock is 1m30s ahead of this machine's"},
		"its clock is slow":  {alertmanagerSim{clock: -time.Hour}, checks.Warning, "0 alerts fire; its clock is 1h0m0s behind this machine's"},
		"wants a credential": {alertmanagerSim{status: 401}, checks.Failed, "HOST/api/v2/status answered 401 Unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.sim.started.IsZero() {
				c.sim.started = checkNow.Add(-time.Hour)
			}
			s := httptest.NewServer(&c.sim)
			defer s.Close()
			k := newCheckRig(t).checker(somebody + "intake: {alertmanager: {urls: [" + s.URL + "]}}")
			u, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			got, err := k.alertmanager(t.Context(), u)
			text := strings.ReplaceAll(got.Sentence, u.Host, "HOST")
			if err != nil || got.Level != c.level || text != c.sentence {
				t.Errorf("%s %q, %v\nwant %s %q", got.Level, text, err, c.level, c.sentence)
			}
		})
	}
}

func TestCertificate(t *testing.T) {
	const with = somebody + "public: {host: wardroom.example.org}"
	r := newCheckRig(t)
	k := r.checker(with)
	r.expect(k, "certificate", checks.Warning, "there is none for wardroom.example.org yet")
	for _, c := range []struct {
		name     string
		left     time.Duration
		level    checks.Level
		sentence string
	}{
		{"wardroom.example.org", 80*24*time.Hour + time.Hour, checks.OK, "wardroom.example.org until 2027-02-09 01:32 UTC: 80 days left"},
		{"wardroom.example.org", 13*24*time.Hour + time.Hour, checks.Warning, "wardroom.example.org until 2026-12-04 01:32 UTC: 13 days left"},
		{"wardroom.example.org", -time.Hour, checks.Failed, "wardroom.example.org until 2026-11-20 23:32 UTC: it has expired"},
		{"other.example.org", 80 * 24 * time.Hour, checks.Failed, "x509: certificate is valid for other.example.org, not wardroom.example.org"},
	} {
		r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, c.name, checkNow.Add(c.left), 90*24*time.Hour))
		r.expect(k, "certificate", c.level, c.sentence)
	}
	// That of an authority which signs for a day is renewed eight hours before its end.
	r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(7*time.Hour), 24*time.Hour))
	r.expect(k, "certificate", checks.OK, "wardroom.example.org until 2026-11-21 07:32 UTC: 7 h left")
	r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(3*time.Hour), 24*time.Hour))
	r.expect(k, "certificate", checks.Warning, "wardroom.example.org until 2026-11-21 03:32 UTC: 3 h left")
	r.file("certificates/wardroom.example.org", 0o600, 0, []byte("nothing of the kind"))
	r.expect(k, "certificate", checks.Failed, "the certificate for wardroom.example.org in DATA/certificates: there is no certificate in it")
}

func TestIssuer(t *testing.T) {
	r := newCheckRig(t)
	k := r.checker(somebody + "public: {host: wardroom.example.org}")
	r.expect(k, "issuer", checks.OK, "acme-v02.api.letsencrypt.org answers")

	// One of their own: its certificates are kept apart, so that none of another is served.
	k = r.checker(somebody + "public: {host: wardroom.example.org, issuer: 'https://ca.example.org:9000/acme/acme/directory'}")
	r.issuer = errors.New("dial tcp 192.0.2.1:9000: connect: connection refused")
	r.expect(k, "issuer", checks.Failed, "ca.example.org:9000: dial tcp 192.0.2.1:9000: connect: connection refused")
	if r.asked.Directory != "https://ca.example.org:9000/acme/acme/directory" {
		t.Errorf("asked %q", r.asked.Directory)
	}
	r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(80*24*time.Hour), 90*24*time.Hour))
	r.expect(k, "certificate", checks.Warning, "there is none for wardroom.example.org yet")
	r.file("certificates/ca.example.org_9000/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(20*time.Hour), 24*time.Hour))
	r.expect(k, "certificate", checks.OK, "wardroom.example.org until 2026-11-21 20:32 UTC: 20 h left")
}

// certificateFor is a file as autocert keeps it: the key, then the chain.
func certificateFor(t *testing.T, host string, end time.Time, life time.Duration) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: end.Add(-life), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("the key comes first")}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
}
