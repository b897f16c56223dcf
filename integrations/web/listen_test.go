package web_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"wardroom/bot/problem"
	"wardroom/integrations/web"
)

func start(t *testing.T, r *rig) {
	t.Helper()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestStopLosesNothing: what is under way is finished, and answered.
func TestStopLosesNothing(t *testing.T) {
	r := newRig(t, func(o *web.Options) { o.Listen = "127.0.0.1:0" })
	r.intake.entered, r.intake.release = make(chan struct{}), make(chan struct{})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		req, err := http.NewRequest(http.MethodPost, "http://"+r.Addr()+"/webhooks/alertmanager", strings.NewReader(good))
		if err != nil {
			answered <- err
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer token")
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			if res.Body.Close(); res.StatusCode != http.StatusOK {
				err = fmt.Errorf("answered %s", res.Status)
			}
		}
		answered <- err
	}()
	<-r.intake.entered
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop(context.Background()) }()
	select {
	case err := <-stopped:
		t.Fatalf("stopped while a request was under way: %v", err)
	default:
	}
	close(r.intake.release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", r.Addr()); err == nil {
		t.Error("it still listens")
	}
	if err := r.Stop(context.Background()); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestAnAddressThatIsTakenIsSaid(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := newRig(t, func(o *web.Options) { o.Listen = taken.Addr().String() })
	err = r.Start(t.Context())
	p, is := errors.AsType[*problem.Error](err)
	if !is || p.Code != problem.Unavailable || !strings.HasPrefix(p.Message, taken.Addr().String()+" is in use") || !strings.Contains(p.Hint, "--listen") {
		t.Errorf("got %v", err)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("nobody can tell why: %v", err)
	}
}

// TestALargeBodySeesItsAnswer sends it over a real connection, where a server
// that only closes would show a broken pipe.
func TestALargeBodySeesItsAnswer(t *testing.T) {
	r := newRig(t, func(o *web.Options) { o.Listen = "127.0.0.1:0" })
	start(t, r)
	for name, size := range map[string]int{"by its length": web.MaxBody + 1, "far larger": 3 * web.MaxBody} {
		res, err := http.DefaultClient.Do(outgoing(t, "http://"+r.Addr()+"/webhooks/alertmanager", strings.NewReader(strings.Repeat(" ", size))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %s %s", name, res.Status, body)
		}
	}
	// Without a length the body is read until it is too large.
	res, err := http.DefaultClient.Do(outgoing(t, "http://"+r.Addr()+"/webhooks/alertmanager", io.MultiReader(strings.NewReader(strings.Repeat(" ", web.MaxBody+1)))))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("in chunks: %s", res.Status)
	}
}

func outgoing(t *testing.T, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer token")
	return req
}

func TestABodyThatBreaksOffIsNotRecorded(t *testing.T) {
	r := newRig(t, func(o *web.Options) { o.Listen = "127.0.0.1:0" })
	start(t, r)
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(good)+1, good)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(status, " 400 ") {
		t.Errorf("%q, %v", status, err)
	}
	if len(r.intake.recorded) > 0 {
		t.Error("half a message was recorded")
	}
}

func TestThePublicListener(t *testing.T) {
	other := httptest.NewUnstartedServer(nil) // for its certificate, of example.com
	other.StartTLS()
	defer other.Close()
	r := newRig(t, func(o *web.Options) {
		o.Listen = "127.0.0.1:0"
		o.Public = web.Public{Host: "example.com", HTTPS: "127.0.0.1:0", HTTP: "127.0.0.1:0", TLS: &tls.Config{Certificates: other.TLS.Certificates}}
	})
	start(t, r)
	roots := x509.NewCertPool()
	roots.AddCert(other.Certificate())
	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	defer client.CloseIdleConnections()
	res, err := client.Do(outgoing(t, "https://"+r.PublicAddr()+"/webhooks/alertmanager", strings.NewReader(good)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("%s %s", res.Proto, res.Status)
	}
	for path, want := range map[string]int{"/metrics": 404, "/healthz": 200} {
		res, err := client.Get("https://" + r.PublicAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want || res.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %s %v", path, res.Status, res.Header)
		}
	}
	res, err = client.Get("http://" + r.RedirectAddr() + "/status/?a=1")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("Location"); res.StatusCode != http.StatusMovedPermanently || got != "https://example.com/status/?a=1" {
		t.Errorf("%s to %q", res.Status, got)
	}
	res, err = client.Do(outgoing(t, "http://"+r.RedirectAddr()+"/webhooks/alertmanager", strings.NewReader(good)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a webhook in the clear: %s", res.Status)
	}
	if n := len(r.intake.recorded); n != 1 {
		t.Errorf("%d recorded, want 1", n)
	}
	if res, err := http.Get("http://" + r.Addr() + "/metrics"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("metrics on the plain listener: %v, %v", res, err)
	} else {
		res.Body.Close()
	}
}
