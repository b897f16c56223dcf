package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
)

// TestNothingAcknowledgedIsLostWhenKilled kills serve with SIGKILL while 64
// senders post. Like Alertmanager, a sender repeats what was not acknowledged.
func TestNothingAcknowledgedIsLostWhenKilled(t *testing.T) {
	t.Parallel()
	const senders, kills, least = 64, 6, 10_000
	data, port := t.TempDir(), freePort(t)
	p := startServe(t, data, port)
	url, token := p.base+webhookPath("alertmanager"), p.token()

	var acked, next, repeats atomic.Int64
	var done atomic.Bool
	acknowledged := make([][]string, senders)
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for !done.Load() {
				print := fmt.Sprintf("%016x", next.Add(1))
				for !done.Load() {
					code, err := post(client, url, token, firing(print))
					if err == nil && code/100 == 2 {
						acknowledged[i] = append(acknowledged[i], print)
						acked.Add(1)
						break
					}
					repeats.Add(1)
				}
			}
		})
	}
	pulse := time.NewTicker(5 * time.Millisecond)
	defer pulse.Stop()
	deadline := time.Now().Add(3 * time.Minute)
	for killed := 0; killed < kills || acked.Load() < least; {
		until := acked.Load() + 200 + rand.Int64N(2*least/kills)
		for acked.Load() < until && time.Now().Before(deadline) {
			<-pulse.C
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d acknowledged after three minutes\n%s", acked.Load(), p.log)
		}
		p.kill()
		killed++
		p = startServe(t, data, port)
	}
	done.Store(true)
	wg.Wait()
	for range 3 { // the same alert three times is one
		if code, err := post(client, url, token, firing("thrice")); err != nil || code/100 != 2 {
			t.Fatal(code, err)
		}
	}
	acknowledged[0] = append(acknowledged[0], "thrice")
	p.stop()

	held := received(t, data)
	total := 0
	for _, prints := range acknowledged {
		for _, print := range prints {
			total++
			if held[print] != 1 {
				t.Errorf("alert %s was acknowledged and is recorded %d times", print, held[print])
			}
		}
	}
	var listed []struct {
		Fingerprint, Status, Incident string
	}
	if err := json.Unmarshal([]byte(mustRun(t, "alert", "list", "--all", "--json", "--data", data)), &listed); err != nil {
		t.Fatal(err)
	}
	inList := map[string]int{}
	for _, a := range listed {
		inList[a.Fingerprint]++
		if a.Incident == "" {
			t.Errorf("alert %s belongs to no incident", a.Fingerprint)
		}
	}
	for print, n := range held {
		if inList[print] != n {
			t.Errorf("alert %s is recorded %d times and listed %d times", print, n, inList[print])
		}
	}
	mustRun(t, "verify", "--rebuild", "--data", data)
	t.Logf("%d kills, %d alerts acknowledged, %d posts repeated, %d alerts recorded, every chain verifies", kills, total, repeats.Load(), len(held))
}

// received counts the entries in which the log received each fingerprint.
func received(t *testing.T, data string) map[string]int {
	t.Helper()
	db, _, err := record{file: filepath.Join(data, databaseFile)}.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	held := map[string]int{}
	err = db.View(t.Context(), func(v timeline.View) error {
		for after := int64(0); ; {
			entries, err := v.Entries(timeline.Log, after, 5000)
			if err != nil || len(entries) == 0 {
				return err
			}
			for _, e := range entries {
				if r, ok := e.Payload.(*alert.Received); ok {
					held[r.Alert.Fingerprint]++
				}
				after = e.Seq
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return held
}
