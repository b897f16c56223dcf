package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/web"
)

// sleepClock tells when somebody waits on it.
type sleepClock struct {
	*scenario.Clock
	slept chan struct{}
}

func (c sleepClock) At(t time.Time) (<-chan time.Time, func()) {
	woken, stop := c.Clock.At(t)
	c.slept <- struct{}{}
	return woken, stop
}

// TestServeTellsOfWhatFails lets a server's first try come, and reads its log and metric.
func TestServeTellsOfWhatFails(t *testing.T) {
	sim := &alertmanagerSim{status: 503}
	am := httptest.NewServer(sim)
	defer am.Close()
	r := newCheckRig(t)
	k := r.checker(somebody + "listen: 127.0.0.1:0\nintake: {alertmanager: {urls: [" + am.URL + "]}}")
	slept := make(chan struct{}, 10)
	clock := sleepClock{scenario.NewClock(checkNow), slept}
	sys, err := wire(t.Context(), settings{config: k.config, data: r.data, clock: clock, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.db.Close()
	v := &server{system: sys, metrics: web.NewMetrics("test")}
	recorded := make(chan struct{}, 1)
	sys.db.OnCommit(func(timeline.Commit) { recorded <- struct{}{} })
	service := v.checks()
	if err := service.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- service.Run(ctx) }()
	<-slept
	due, _ := clock.Next()
	clock.MoveTo(due)
	<-recorded
	host := strings.TrimPrefix(am.URL, "http://")
	err = sys.db.View(t.Context(), func(view timeline.View) error {
		entries, err := view.Entries(timeline.Log, 0, 10)
		want := fmt.Sprintf(`The check "alertmanager %s" fails: %[1]s/api/v2/status answered 503 Service Unavailable`, host)
		if len(entries) != 1 || !strings.HasPrefix(entries[0].Payload.Text(), want) {
			t.Errorf("the log holds %d entries, %q\nwant one: %s", len(entries), entries[0].Payload.Text(), want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	rec := httptest.NewRecorder()
	front, err := web.New(web.Options{Metrics: v.metrics})
	if err != nil {
		t.Fatal(err)
	}
	front.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	body, err := io.ReadAll(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{fmt.Sprintf(`wardroom_check_ok{check="alertmanager %s"} 0`, host), `wardroom_check_ok{check="database"} 1`} {
		if !strings.Contains(string(body), line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func TestServeTellsPrometheusThatItIsReady(t *testing.T) {
	p := startServe(t, t.TempDir(), freePort(t))
	defer p.stop()
	res, err := http.Get(p.base + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), "\nwardroom_ready 1\n") {
		t.Errorf("the metrics lack wardroom_ready 1:\n%s", body)
	}
}
