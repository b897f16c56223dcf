package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A probe answers from its start, whatever it sees, until it is told to stop.
func TestProbeServesUntilItIsStopped(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := asProcess(ctx, "probe", "--name", "localhost", "--peers", "localhost", "--node", "here", "--listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() {
		t.Fatal("it says nothing", lines.Err())
	}
	at := regexp.MustCompile(`msg=probing .*listen=(127.0.0.1:\d+) `).FindStringSubmatch(lines.Text())
	if at == nil {
		t.Fatal(lines.Text())
	}
	for path, want := range map[string]string{"/healthz": `"alive": true`, "/peer": `"node": "here"`, "/readyz": `"name": "localhost"`, "/metrics": "wardroom_probe_ready"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at[1]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %s %v", path, res.Status, body, err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stderr); err != nil { // before Wait, which closes it
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
