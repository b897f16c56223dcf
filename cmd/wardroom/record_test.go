package main

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// TestAReplicaThatStandsByAsksToSendAgain: Alertmanager retries on a 503, and whoever
// balances loads leaves out what is not ready.
func TestAReplicaThatStandsByAsksToSendAgain(t *testing.T) {
	d := &standbyDoor{addr: "127.0.0.1:0", log: slog.New(slog.DiscardHandler)}
	for range 2 { // it is told of a second owner, too
		if err := d.stand("elsewhere, pid 1"); err != nil {
			t.Fatal(err)
		}
	}
	base := "http://" + d.listener.Addr().String()
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"/healthz":               {200, "ok"},
		"/readyz":                {503, "stands by"},
		"/webhooks/alertmanager": {503, "stands by"},
		"/metrics":               {200, "\nwardroom_ready 0\n"},
	} {
		answer, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != want.code || !strings.Contains(string(body), want.text) {
			t.Errorf("%s: %s %s, %v", path, answer.Status, body, err)
		}
		if again := answer.Header.Get("Retry-After"); (again != "") != (want.code == 503) {
			t.Errorf("%s: Retry-After %q", path, again)
		}
	}
	d.close()
	if _, err := http.Get(base); err == nil {
		t.Error("the address is not given back")
	}
	(&standbyDoor{}).close() // it was never opened
}

// TestAnAddressInUseIsToldByAStandby: a replica that nobody can see is of no use.
func TestAnAddressInUseIsToldByAStandby(t *testing.T) {
	first := &standbyDoor{addr: "127.0.0.1:0", log: slog.New(slog.DiscardHandler)}
	if err := first.stand(""); err != nil {
		t.Fatal(err)
	}
	defer first.close()
	second := &standbyDoor{addr: first.listener.Addr().String(), log: slog.New(slog.DiscardHandler)}
	if err := second.stand(""); err == nil || !strings.Contains(err.Error(), "nothing can be served") {
		t.Errorf("%v", err)
	}
}
