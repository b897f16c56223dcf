package alertmanager

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// quiet simulates the silences of one Alertmanager.
type quiet struct {
	mu       sync.Mutex
	silences []silence
	lose     bool // the next answer to a POST, which is carried out
	down     bool
}

func (q *quiet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down {
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(q.silences)
		return
	}
	var s silence
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil || !s.EndsAt.After(s.StartsAt) || len(s.Matchers) == 0 || s.CreatedBy == "" || s.Comment == "" {
		http.Error(w, "bad silence", http.StatusBadRequest)
		return
	}
	s.ID = "silence-" + strconv.Itoa(len(q.silences)+1)
	q.silences = append(q.silences, s)
	if q.lose {
		q.lose = false
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"silenceID": s.ID})
}

var night = time.Date(2021, 7, 11, 0, 32, 0, 0, time.UTC)

type still struct{ timeline.RealClock }

func (still) Now() time.Time { return night }

func TestASilenceIsPlacedOnceForExactlyTheAlert(t *testing.T) {
	first, second := &quiet{down: true}, &quiet{}
	one, two := httptest.NewServer(first), httptest.NewServer(second)
	defer one.Close()
	defer two.Close()
	s, err := NewSilencer(PullerOptions{URLs: []string{one.URL, two.URL}, Clock: still{}})
	if err != nil {
		t.Fatal(err)
	}
	a := alert.Alert{Source: DefaultName, Labels: map[string]string{"alertname": "kubernetes/jobs-failed", "severity": "page"}}
	place := func() (string, string, error) {
		return s.Silence(t.Context(), a, timeline.Ref{Timeline: "INC-1", Seq: 12}, night.Add(2*time.Hour), "joe", "known, fixed on Monday")
	}
	second.lose = true
	if _, _, err := place(); err == nil {
		t.Error("a lost answer is no error")
	}
	at, id, err := place()
	if err != nil || id != "silence-1" || at != "Alertmanager at "+two.URL[len("http://"):] {
		t.Errorf("placed %s as %s: %v", at, id, err)
	}
	want := []silence{{ID: "silence-1", StartsAt: night, EndsAt: night.Add(2 * time.Hour), CreatedBy: "joe",
		Comment:  "known, fixed on Monday (wardroom INC-1#12)",
		Matchers: []matcher{{Name: "alertname", Value: "kubernetes/jobs-failed", IsEqual: true}, {Name: "severity", Value: "page", IsEqual: true}}}}
	if diff := cmp.Diff(want, second.silences); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeSilencedIsSaid(t *testing.T) {
	s, err := NewSilencer(PullerOptions{URLs: []string{"http://127.0.0.1:1"}, Clock: still{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]alert.Alert{
		"another source": {Source: "statping", Labels: map[string]string{"alertname": "x"}},
		"no labels":      {Source: DefaultName},
	} {
		if _, _, err := s.Silence(t.Context(), a, timeline.Ref{}, night, "joe", ""); !problem.Is(err, problem.Unsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
