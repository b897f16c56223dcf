package alertmanager

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
)

// replica simulates one Alertmanager's API, as far as openapi.yaml of 0.34 says
// how it behaves: resolved alerts are not listed, times have milliseconds,
// endsAt is when an alert would expire.
type replica struct {
	mu      sync.Mutex
	started time.Time
	now     func() time.Time
	alerts  []held
	token   string // asked for when it is set
	broken  string // answered in place of everything when it is set
	prefix  string
}

type held struct {
	labels         map[string]string
	starts, ends   time.Time
	silenced       bool
	summary        string    // "it is down" when it is empty
	updated        time.Time // when Prometheus told of it last
	receiver       string
	neverProcessed bool
}

func (r *replica) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.token != "" && req.Header.Get("Authorization") != "Bearer "+r.token {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	if r.broken != "" {
		_, _ = w.Write([]byte(r.broken))
		return
	}
	switch req.URL.Path {
	case path.Join("/", r.prefix, "api/v2/status"):
		r.answer(w, map[string]any{"cluster": map[string]any{"status": "ready"}, "uptime": r.started.Format(millisLayout)})
	case path.Join("/", r.prefix, "api/v2/alerts"):
		r.answer(w, r.list(req))
	default:
		http.NotFound(w, req)
	}
}

const millisLayout = "2006-01-02T15:04:05.000Z07:00"

func (r *replica) list(req *http.Request) []map[string]any {
	q := req.URL.Query()
	receiver := regexp.MustCompile("^(?:" + q.Get("receiver") + ")$")
	list := []map[string]any{}
	for _, a := range r.alerts {
		if !a.ends.After(r.now()) || (a.silenced && q.Get("silenced") == "false") || (q.Has("receiver") && !receiver.MatchString(a.receiver)) {
			continue
		}
		state, by := "active", []string{}
		if a.neverProcessed {
			state = "unprocessed"
		}
		if a.silenced {
			state, by = "suppressed", []string{"5a1c-silence"}
		}
		list = append(list, map[string]any{
			"annotations": map[string]string{"summary": cmp.Or(a.summary, "it is down")}, "endsAt": a.ends.Format(millisLayout), "startsAt": a.starts.Format(millisLayout),
			"updatedAt": a.updated.Format(millisLayout), "fingerprint": alert.Fingerprint(a.labels), "labels": a.labels, "generatorURL": "http://prometheus",
			"receivers": []map[string]string{{"name": a.receiver}}, "status": map[string]any{"state": state, "silencedBy": by, "inhibitedBy": []string{}, "mutedBy": []string{}}})
	}
	return list
}

func (r *replica) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

type fixed struct{ timeline.RealClock }

var noon = time.Date(2021, 7, 11, 12, 0, 0, 0, time.UTC)

func (fixed) Now() time.Time { return noon }

func start(t *testing.T, r *replica) string {
	t.Helper()
	if r.started.IsZero() {
		r.started = noon.Add(-time.Hour)
	}
	r.now = func() time.Time { return noon }
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return srv.URL + r.prefix
}

func firing(name string) held {
	return held{labels: map[string]string{"alertname": name}, starts: noon.Add(-10*time.Minute + 123456789*time.Nanosecond), ends: noon.Add(4 * time.Minute), receiver: "wardroom"}
}

func puller(t *testing.T, change func(*PullerOptions), urls ...string) *Puller {
	t.Helper()
	o := PullerOptions{URLs: urls, Clock: fixed{}}
	if change != nil {
		change(&o)
	}
	p, err := NewPuller(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// active returns the names of what fires, muted ones in brackets.
func active(t *testing.T, p *Puller) (string, error) {
	t.Helper()
	pulled, err := p.Active(t.Context())
	var names []string
	for _, a := range pulled {
		name := a.Name()
		if a.Muted {
			name = "[" + name + "]"
		}
		if a.Source != p.Name() || a.Status != alert.Firing || !a.EndsAt.IsZero() || a.Fingerprint == "" {
			t.Errorf("pulled %+v", a)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " "), err
}

func TestActiveListsWhatFires(t *testing.T) {
	silenced, over := firing("silenced"), firing("over")
	silenced.silenced = true
	over.ends = noon.Add(-time.Minute)
	url := start(t, &replica{alerts: []held{firing("kubernetes/node-not-ready"), silenced, over}})
	got, err := active(t, puller(t, nil, url))
	if want := "[silenced] kubernetes/node-not-ready"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// TestPulledAndSentAreTheSameEpisode: the API tells milliseconds, the webhook
// nanoseconds.
func TestPulledAndSentAreTheSameEpisode(t *testing.T) {
	a := firing("a")
	pulled, err := puller(t, nil, start(t, &replica{alerts: []held{a}})).Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"alerts": []map[string]any{{"status": "firing", "labels": a.labels, "startsAt": a.starts, "fingerprint": alert.Fingerprint(a.labels)}}})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := newSource(discard()).Decode(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	if p, s := pulled[0].Alert, sent[0]; p.Key() != s.Key() || !p.StartsAt.Equal(s.StartsAt) {
		t.Errorf("pulled %v %v, sent %v %v", p.Key(), p.StartsAt, s.Key(), s.StartsAt)
	}
}

func TestOneReplicaThatAnswersIsEnough(t *testing.T) {
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	good := start(t, &replica{alerts: []held{firing("a")}})
	if got, err := active(t, puller(t, nil, dead.URL, good)); got != "a" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := active(t, puller(t, nil, dead.URL)); got != "" || err == nil {
		t.Errorf("got %q, %v; want an error", got, err)
	}
}

func TestReplicasAreUnited(t *testing.T) {
	silenced := firing("b")
	silenced.silenced = true
	one := start(t, &replica{alerts: []held{firing("a"), silenced}})
	two := start(t, &replica{alerts: []held{firing("b"), firing("c")}})
	if got, err := active(t, puller(t, nil, one, two)); got != "[b] a c" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheReplicaThatWasToldLastCounts(t *testing.T) {
	stale, fresh := firing("a"), firing("a")
	stale.summary, stale.updated = "34 locks", noon.Add(-3*time.Minute)
	fresh.summary, fresh.updated = "61 locks", noon
	silenced := stale
	silenced.silenced = true
	for _, urls := range [][]string{
		{start(t, &replica{alerts: []held{silenced}}), start(t, &replica{alerts: []held{fresh}})},
		{start(t, &replica{alerts: []held{fresh}}), start(t, &replica{alerts: []held{silenced}})},
	} {
		pulled, err := puller(t, nil, urls...).Active(t.Context())
		if err != nil || len(pulled) != 1 || pulled[0].Summary() != "61 locks" || !pulled[0].Muted {
			t.Errorf("got %+v, %v", pulled, err)
		}
	}
}

// TestAReplicaThatHasJustStartedProvesNothing: without a volume it knows no
// alerts until Prometheus sends them again.
func TestAReplicaThatHasJustStartedProvesNothing(t *testing.T) {
	cold := start(t, &replica{started: noon.Add(-time.Minute)})
	if got, err := active(t, puller(t, nil, cold)); got != "" || err == nil || !strings.Contains(err.Error(), "started in the last") {
		t.Errorf("got %q, %v; want an error", got, err)
	}
	warm := start(t, &replica{alerts: []held{firing("a")}})
	if got, err := active(t, puller(t, nil, cold, warm)); got != "a" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOnlyOneReceiversAlerts(t *testing.T) {
	mods := firing("forum")
	mods.receiver = "mod.team"
	near := firing("near")
	near.receiver = "modXteam"
	url := start(t, &replica{alerts: []held{firing("a"), mods, near}})
	p := puller(t, func(o *PullerOptions) { o.Receiver = "mod.team" }, url)
	if got, err := active(t, p); got != "forum" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCredentialsAndPrefix(t *testing.T) {
	url := start(t, &replica{alerts: []held{firing("a")}, token: "hunter2", prefix: "/am"})
	if _, err := active(t, puller(t, nil, url)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v", err)
	}
	p := puller(t, func(o *PullerOptions) {
		o.Authorize = func(r *http.Request) { r.Header.Set("Authorization", "Bearer hunter2") }
	}, url)
	if got, err := active(t, p); got != "a" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestStrangeAnswersAreErrors(t *testing.T) {
	for name, body := range map[string]string{"HTML": "<html>login</html>", "another shape": `["a"]`, "cut off": `{"uptime":"2021-`} {
		url := start(t, &replica{broken: body})
		if got, err := active(t, puller(t, nil, url)); got != "" || err == nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestAddressesAreChecked(t *testing.T) {
	for _, bad := range []string{"", "alertmanager:9093", "ftp://a", "http://", "http://[::1"} {
		if _, err := NewPuller(PullerOptions{URLs: []string{bad}, Clock: fixed{}}); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	if _, err := NewPuller(PullerOptions{Clock: fixed{}}); err == nil {
		t.Error("no URL: no error")
	}
}

// TestErrorsNameNoSecrets: an address may hold a password.
func TestErrorsNameNoSecrets(t *testing.T) {
	p := puller(t, nil, "http://user:hunter2@127.0.0.1:1")
	if _, err := p.Active(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
