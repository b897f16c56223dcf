package web_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/integrations/web"
)

// issuer is one that answers every request in the same way.
func issuer(t *testing.T, kind string, status int, body string) (*httptest.Server, web.Issuer) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, web.Issuer{Directory: s.URL + "/directory", Roots: roots}
}

// TestWhatAnIssuerSays: the reason, and where it is in the configuration the way out.
func TestWhatAnIssuerSays(t *testing.T) {
	const directory = `{"newNonce": "https://x/nonce", "newAccount": "https://x/account", "newOrder": "https://x/order"}`
	for name, c := range map[string]struct {
		kind      string
		status    int
		body      string
		untrusted bool
		want      string // "": it answers
	}{
		"a directory":       {"application/json", 200, directory, false, ""},
		"not trusted":       {"application/json", 200, directory, true, "certificate signed by unknown authority (public.issuer_root names"},
		"a page":            {"text/html", 200, "<html>welcome", false, "invalid character"},
		"another API":       {"application/json", 200, "{}", false, "does not support the RFC 8555"},
		"away":              {"text/plain", 503, "later", false, "answers 503 Service Unavailable"},
		"JSON of no sense":  {"application/json", 500, "[", false, "answers 500 Internal Server Error"},
		"a reason":          {"application/problem+json", 429, `{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many"}`, false, "refuses: rateLimited: too many"},
		"more than is read": {"application/problem+json", 400, `{"type": "x", "detail": "` + strings.Repeat("é", 1000) + `"}`, false, "é…"},
	} {
		t.Run(name, func(t *testing.T) {
			_, i := issuer(t, c.kind, c.status, c.body)
			if c.untrusted {
				i.Roots = x509.NewCertPool()
			}
			err := i.Try(t.Context())
			if said := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(said, c.want) && err != nil || len(said) > 600 {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// shared is a log that is read while it is written.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // gets one when there is more
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// TestWithoutACertificateAllElseWorks: whoever comes is refused at once, and the log says
// why and when it is tried again.
func TestWithoutACertificateAllElseWorks(t *testing.T) {
	_, away := issuer(t, "text/plain", 503, "later")
	log := &shared{more: make(chan struct{}, 1)}
	r := newRig(t, func(o *web.Options) {
		o.Listen, o.Log = "127.0.0.1:0", slog.New(slog.NewTextHandler(log, nil))
		o.Public = web.Public{Host: "wardroom.example.org", Cache: t.TempDir(), HTTPS: "127.0.0.1:0", HTTP: "127.0.0.1:0", Issuer: away}
	})
	start(t, r)
	for _, name := range []string{"wardroom.example.org", "other.example.org"} {
		began := time.Now()
		conn, err := (&tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{ServerName: name}}).DialContext(t.Context(), "tcp", r.PublicAddr())
		if err == nil {
			conn.Close()
			t.Errorf("a certificate for %s", name)
		}
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("it took %s to be refused", took)
		}
	}
	for !strings.Contains(log.String(), "again_in") {
		select {
		case <-log.more:
		case <-t.Context().Done():
			t.Fatal(log)
		}
	}
	if said := log.String(); !strings.Contains(said, "there is no certificate") || !strings.Contains(said, "answers 503 Service Unavailable") ||
		!strings.Contains(said, "host=wardroom.example.org issuer="+away.Directory) {
		t.Errorf("the log says\n%s", said)
	}
	if res, err := http.Get("http://" + r.Addr() + "/healthz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("on the plain listener: %v, %v", res, err)
	} else {
		res.Body.Close()
	}
}
