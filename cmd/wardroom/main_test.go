package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"wardroom/integrations/talos/talostest"
)

// asProgram makes the test binary be wardroom: fault tests need processes that
// can be killed.
const asProgram = "WARDROOM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if talostest.IsProgram() {
		talostest.Main()
	}
	if os.Getenv(asProgram) != "" {
		main()
	}
	if told := os.Getenv(asMortal); told != "" {
		os.Exit(live(told))
	}
	testscript.Main(m, map[string]func(){"wardroom": main})
}

// wardroom runs the program to its end.
func wardroom(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := asProcess(t.Context(), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// mustRun is wardroom that has to succeed.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, err := wardroom(t, args...)
	if err != nil {
		t.Fatalf("wardroom %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
	}
	return out
}

func asProcess(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// process is a serve of its own process.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	base string // its URL
	data string
	log  *bytes.Buffer
}

// startServe starts serve on data and waits until it is ready. The address is
// kept across restarts of the same folder.
func startServe(t *testing.T, data string, port int) *process {
	t.Helper()
	p := &process{t: t, base: "http://127.0.0.1:" + strconv.Itoa(port), data: data, log: &bytes.Buffer{}}
	p.cmd = asProcess(context.Background(), "serve", "--listen", "127.0.0.1:"+strconv.Itoa(port), "--data", data)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for {
		if res, err := http.Get(p.base + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return p
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("serve was not ready within a minute:\n%s", p.log)
		case <-poll.C:
		}
	}
}

func (p *process) token() string {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.data, tokenFile))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// post sends a body to a webhook and returns the status.
func post(client *http.Client, url, token string, body []byte) (int, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// stop ends it gracefully, and fails the test when it does not end well.
func (p *process) stop() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("serve did not stop gracefully: %v\n%s", err, p.log)
	}
}

// freePort is one that stays free while its server is away: it lies below those that
// the kernel hands out to whoever asks for any.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(10_000+rand.IntN(20_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().(*net.TCPAddr).Port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// firing is an Alertmanager webhook with one alert.
func firing(fingerprint string) []byte {
	return fmt.Appendf(nil, `{"version":"4","groupKey":"g","status":"firing","receiver":"wardroom","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"","alerts":[{"status":"firing","labels":{"alertname":"kubernetes/pod-not-healthy","severity":"page","namespace":"default","pod":%q},"annotations":{"summary":"A pod is not healthy"},"startsAt":"2026-01-02T03:04:05Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":%q}]}`, fingerprint, fingerprint)
}
