package acme

import (
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"wardroom/e2e/internal/process"
)

// An Alertmanager inside a cluster reaches Wardroom over https, by a certificate that is
// got without anybody's doing and is not asked for again after a restart.
func TestAWebhookByACertificateOfItsOwn(t *testing.T) {
	r := newRig(t, host, trusting)
	r.pebble.start()
	r.bot.Serve()
	roots := r.pebble.root()
	leaf := r.certified(roots)
	r.logs("msg=certificate", "host="+host, "issuer="+r.pebble.directory(), "until=")
	r.received(r.client(roots), "https://"+host)
	if r.pebble.logged("Attempting to validate w/ HTTP") > 0 {
		t.Error("it was not proven by tls-alpn-01, which is tried first")
	}
	r.checks("certificate", "ok", host+" until "+leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC")+": 23 h left")
	r.checks("issuer", "ok", r.pebble.listen+" answers")

	// In the clear a page is led to https, and a webhook refused.
	res, err := r.client(roots).Get("http://" + host + "/status/?a=1")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); res.StatusCode != http.StatusMovedPermanently || to != "https://"+host+"/status/?a=1" {
		t.Errorf("%s to %q", res.Status, to)
	}
	if res, err := r.send(r.client(roots), "http://"+host); err != nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("a webhook in the clear: %v %v", res, err)
	}
	// No certificate is asked for whatever name somebody comes with, and none is shown.
	for _, other := range []string{"other.example.org", "x." + host} {
		if res, err := r.client(roots).Get("https://" + other + "/"); err == nil || !strings.Contains(err.Error(), "remote error: tls") {
			t.Errorf("%s: %v %v", other, res, err)
		}
	}

	r.bot.Child.End(t)
	r.bot.Serve()
	if again := r.certified(roots); again.SerialNumber.Cmp(leaf.SerialNumber) != 0 {
		t.Errorf("another certificate after a restart: %v, before %v", again.SerialNumber, leaf.SerialNumber)
	}
	if orders, signed := r.pebble.logged("Added order"), r.pebble.logged("Issued certificate"); orders != 1 || signed != 1 {
		t.Errorf("%d orders and %d certificates, want one", orders, signed)
	}
}

// Where the issuer cannot reach the port of https, that of http does. The flag goes before
// the configuration.
func TestACertificateByThePortOfHTTP(t *testing.T) {
	r := newRig(t, "another.example.org", trusting)
	r.pebble.tlsPort = port(t, process.FreeAddress(t))
	r.pebble.start()
	r.bot.Serve("--public", host)
	r.certified(r.pebble.root())
	if r.pebble.logged("Attempting to validate w/ HTTP: http://"+host) == 0 {
		t.Errorf("it was not proven by http-01:\n%s", r.pebble.child.Log)
	}
}

// With its issuer away Wardroom serves all else and says what is missing. Once the issuer
// is there the certificate is got without a restart.
func TestTheIssuerIsAwayAtTheStart(t *testing.T) {
	r := newRig(t, host, trusting)
	r.bot.Serve()
	r.received(http.DefaultClient, "http://"+r.bot.Listen)
	r.logs("level=WARN", "there is no certificate", "all else works", "connect: connection refused", "issuer="+r.pebble.directory(), "again_in=")
	began := time.Now()
	if _, err := r.client(x509.NewCertPool()).Get("https://" + host + "/"); err == nil || !strings.Contains(err.Error(), "remote error: tls") {
		t.Errorf("without a certificate: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("whoever comes waits %s for nothing", took)
	}
	r.checks("certificate", "warn", "there is none for "+host+" yet")
	r.checks("issuer", "FAIL", r.pebble.listen+": dial tcp "+r.pebble.listen+": connect: connection refused")

	r.pebble.start()
	r.certified(r.pebble.root())
	r.checks("certificate", "ok", host)
	r.checks("issuer", "ok", "answers")
}

// What an issuer refuses is told in its own words.
func TestAnIssuerThatDoesNotReachUs(t *testing.T) {
	r := newRig(t, host, trusting)
	r.pebble.tlsPort, r.pebble.httpPort = port(t, process.FreeAddress(t)), port(t, process.FreeAddress(t))
	r.pebble.start()
	r.bot.Serve()
	r.logs("there is no certificate", r.pebble.listen+" refuses tls-alpn-01: unauthorized: Failed to connect to 127.0.0.1:"+r.pebble.tlsPort,
		r.pebble.listen+" refuses http-01: connection: ", "127.0.0.1:"+r.pebble.httpPort+": connect: connection refused", "again_in=2m0s")
	r.received(http.DefaultClient, "http://"+r.bot.Listen)
	r.checks("certificate", "warn", "there is none for "+host+" yet")
}

// An authority of one's own is trusted by the root that is named for it alone.
func TestAnIssuerThatIsNotTrusted(t *testing.T) {
	r := newRig(t, host)
	r.pebble.start()
	r.bot.Serve()
	const trust = "certificate signed by unknown authority (public.issuer_root names the root certificate by which it is trusted)"
	r.logs("there is no certificate", trust)
	r.checks("issuer", "FAIL", trust)
	if n := r.pebble.logged("Added order"); n > 0 {
		t.Errorf("%d orders to an issuer that is not trusted", n)
	}
}

// An issuer that takes only its customers' requests is told whose this is; without that it
// says what is missing.
func TestAnIssuerThatKnowsItsCustomers(t *testing.T) {
	const id, key = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	for name, c := range map[string]struct {
		lines []string
		fails string // what the issuer says; empty: nothing
	}{
		"customer": {lines: []string{trusting, "account: " + id, "account_key: " + key}},
		"nobody":   {lines: []string{trusting}, fails: "externalAccountRequired: "},
		"impostor": {lines: []string{trusting, "account: " + id, "account_key: AAAA" + key[4:]}, fails: "unauthorized: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, host, c.lines...)
			r.pebble.customers = map[string]string{id: key}
			r.pebble.start()
			r.bot.Serve()
			if c.fails == "" {
				r.certified(r.pebble.root())
				r.checks("issuer", "ok", "answers")
				return
			}
			r.logs("there is no certificate", r.pebble.listen+" refuses: "+c.fails)
			if name == "nobody" {
				const hint = "(public.account and public.account_key are what it gave you)"
				r.logs("there is no certificate", hint)
				r.checks("issuer", "FAIL", hint)
			}
			if n := r.pebble.logged("Added order"); n > 0 {
				r.Errorf("%d orders", n)
			}
		})
	}
}

// A third of its time before its end a certificate is replaced, while Wardroom serves.
func TestACertificateIsRenewed(t *testing.T) {
	r := newRig(t, host, trusting)
	r.pebble.lifetime = brief
	r.pebble.start()
	r.bot.Serve()
	roots := r.pebble.root()
	first := r.certified(roots)
	second := first
	process.Await(t, "there is another certificate", process.Patience, func() (bool, string) {
		second = r.certified(roots)
		return second.SerialNumber.Cmp(first.SerialNumber) != 0, r.bot.LastLines()
	})
	if !second.NotBefore.Before(first.NotAfter) {
		t.Errorf("it was signed at %s, after the end of the first at %s", second.NotBefore, first.NotAfter)
	}
}

// Whoever reads the log finds why a certificate is not renewed, while it still is valid.
func TestARenewalThatFailsIsTold(t *testing.T) {
	r := newRig(t, host, trusting)
	r.pebble.lifetime = brief
	r.pebble.start()
	r.bot.Serve()
	r.certified(r.pebble.root())
	r.pebble.child.End(t)
	r.logs("level=WARN", "cannot be asked for or renewed", "issuer="+r.pebble.directory(), "connect: connection refused")
}

// brief is how long a certificate lasts whose renewal is waited for.
const brief = 20 * time.Second
