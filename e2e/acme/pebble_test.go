package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/e2e/internal/process"
)

// pebble is an ACME server with an authority of its own.
type pebble struct {
	t         *testing.T
	dir, host string
	listen    string // the address of its directory
	manage    string // and of its roots
	https     *x509.CertPool
	tlsPort   string            // where it looks for tls-alpn-01,
	httpPort  string            // and for http-01
	lifetime  time.Duration     // for which it signs
	customers map[string]string // the HMAC key of each, by its key id; with any it takes nobody else
	child     *process.Child
}

// newPebble writes its certificate and does not start it. It looks for the host on the
// ports of two addresses.
func newPebble(t *testing.T, dir, host, https, http string) *pebble {
	t.Helper()
	p := &pebble{t: t, dir: dir, host: host, listen: process.FreeAddress(t), manage: process.FreeAddress(t), https: x509.NewCertPool(),
		tlsPort: port(t, https), httpPort: port(t, http), lifetime: 24 * time.Hour} // as step-ca's
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	p.write("https.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	p.https.AddCert(c)
	return p
}

func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (p *pebble) file(name string) string { return filepath.Join(p.dir, name) }

func (p *pebble) write(name string, text []byte) {
	p.t.Helper()
	if err := os.WriteFile(p.file(name), text, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// directory is its URL.
func (p *pebble) directory() string { return "https://" + p.listen + "/dir" }

// start runs it, and waits until it answers. Each validation is a real one, without the
// pause that Pebble makes before it for tests.
func (p *pebble) start() {
	p.t.Helper()
	pebble := map[string]any{
		"listenAddress": p.listen, "managementListenAddress": p.manage, "certificate": p.file("https.pem"), "privateKey": p.file("key.pem"),
		"tlsPort": json.Number(p.tlsPort), "httpPort": json.Number(p.httpPort), "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "the only one", "validityPeriod": int(p.lifetime.Seconds())}},
	}
	if p.customers != nil {
		pebble["externalAccountBindingRequired"], pebble["externalAccountMACKeys"] = true, p.customers
	}
	config, err := json.Marshal(map[string]any{"pebble": pebble})
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("pebble.json", config)
	p.child = process.Launch(p.t, process.FromEnv(p.t, "E2E_PEBBLE"), []string{"PEBBLE_VA_NOSLEEP=1"},
		"-config", p.file("pebble.json"), "-dnsserver", newNames(p.t, p.host))
	process.Await(p.t, "Pebble answers", process.Patience, func() (bool, string) {
		if p.child.Ended() {
			p.t.Fatalf("Pebble ended: %v\n%s", p.child.Err(), p.child.Log)
		}
		_, err := p.get("https://" + p.listen + "/dir")
		return err == nil, fmt.Sprint(err)
	})
}

func (p *pebble) get(url string) ([]byte, error) {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.https}, DisableKeepAlives: true}}
	res, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// root is by what the certificates that it has signed are trusted. Each start makes one.
func (p *pebble) root() *x509.CertPool {
	p.t.Helper()
	text, err := p.get("https://" + p.manage + "/roots/0")
	if err != nil {
		p.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		p.t.Fatalf("Pebble's root is no certificate: %s", text)
	}
	return pool
}

// logged counts what its log says.
func (p *pebble) logged(words string) int { return strings.Count(p.child.Log.String(), words) }
