package web_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
	"wardroom/integrations/alertmanager"
	"wardroom/integrations/web"
	"wardroom/storage"
)

// TestFromTheWireToTheDisk puts the real parts together: three replicas send
// hostile names at the same time, and each alert is there once, as it was sent.
func TestFromTheWireToTheDisk(t *testing.T) {
	codec, err := timeline.NewCodec(alert.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{Codec: codec, Folds: []timeline.Fold{alert.Fold}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log := slog.New(slog.DiscardHandler)
	metrics := web.NewMetrics("test")
	srv, err := web.New(web.Options{Intake: alert.NewIntake(db, codec, timeline.RealClock{}, log, metrics.Meter), Metrics: metrics, Log: log, Healthy: db.Healthy,
		Sources: []alert.Source{alertmanager.New("", alert.Credential{}.Bearer("token"), log)}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Server: srv}

	names := []string{"postgres/connection-limit", "@everyone <@&1> #general", "../../x", "a\u202Etxt.exe", "h̸̢e̷̛", "<b>`*_~|\\", "\x01\x7f", strings.Repeat("x", 3000)}
	type sent struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		StartsAt    string            `json:"startsAt"`
		Fingerprint string            `json:"fingerprint"`
	}
	var message struct {
		Alerts []sent `json:"alerts"`
	}
	for _, name := range names {
		labels := map[string]string{"alertname": name, "pod": name}
		message.Alerts = append(message.Alerts, sent{"firing", labels, "2021-07-11T00:31:00Z", alert.Fingerprint(labels)})
	}
	body, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 5 {
				if w := r.do(post("/webhooks/alertmanager", string(body))); w.Code != http.StatusOK {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
	wg.Wait()
	err = db.View(t.Context(), func(v timeline.View) error {
		entries, err := v.Entries(timeline.Log, 0, 1000)
		if len(entries) != len(names) {
			t.Errorf("%d entries, want %d", len(entries), len(names))
		}
		for _, name := range names {
			row, known, err := alert.Table.Get(v, "alertmanager/"+alert.Fingerprint(map[string]string{"alertname": name, "pod": name}))
			if err != nil || !known || row.Name() != name {
				t.Errorf("%q: %v, %v, %q", name, err, known, row.Name())
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := r.do(request(http.MethodGet, "/metrics", "")).Body.String(); !strings.Contains(text, `wardroom_alerts_total{result="new",source="alertmanager"} 8`) || !strings.Contains(text, `result="repeated",source="alertmanager"} 112`) {
		t.Error("the metrics count differently")
	}
}
