package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/integrations/alertmanager"
	"wardroom/integrations/generic"
	"wardroom/integrations/web"
)

// intake records in memory, or fails, or waits.
type intake struct {
	mu       sync.Mutex
	recorded []alert.Alert
	err      error
	panics   bool
	entered  chan struct{} // receives for each call, when it is set
	release  chan struct{} // calls wait for it, when it is set
}

func (i *intake) Record(ctx context.Context, alerts []alert.Alert, _ string) (alert.Result, error) {
	if i.panics {
		panic("a defect")
	}
	if i.entered != nil {
		i.entered <- struct{}{}
	}
	if i.release != nil {
		select {
		case <-i.release:
		case <-ctx.Done():
			return alert.Result{}, ctx.Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return alert.Result{}, i.err
	}
	i.recorded = append(i.recorded, alerts...)
	return alert.Result{New: len(alerts)}, nil
}

const good = `{"alerts":[{"status":"firing","labels":{"alertname":"a/b"},"startsAt":"2021-07-11T00:31:00Z","fingerprint":"f"}]}`

// rig is a server on a fake intake.
type rig struct {
	*web.Server
	intake *intake
	log    *bytes.Buffer
}

func newRig(t *testing.T, change func(*web.Options)) *rig {
	t.Helper()
	r := &rig{intake: &intake{}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(&locked{w: r.log}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	plain, err := generic.New("", alert.Credential{}.Bearer("generic-token"), nil, log)
	if err != nil {
		t.Fatal(err)
	}
	o := web.Options{Intake: r.intake, Log: log, Version: "v1.2.3", Links: []web.Link{{Path: "/status/", Text: "Status page", Help: "what the public sees"}},
		Sources: []alert.Source{plain, alertmanager.New("", alert.Credential{}.Bearer("token").Basic("am", "password"), log)}}
	if change != nil {
		change(&o)
	}
	if r.Server, err = web.New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func request(method, path, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func (r *rig) do(req *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, req)
	return w
}

func post(path, body string, header ...string) *http.Request {
	r := request(http.MethodPost, path, body, "Content-Type", "application/json", "Authorization", "Bearer token")
	for i := 0; i+1 < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return r
}

func TestAlertsAreTaken(t *testing.T) {
	for name, req := range map[string]*http.Request{
		"with a token": post("/webhooks/alertmanager", good),
		"with a password": func() *http.Request {
			r := post("/webhooks/alertmanager", good)
			r.SetBasicAuth("am", "password")
			return r
		}(),
		"with a charset":       post("/webhooks/alertmanager", good, "Content-Type", "application/json; charset=utf-8"),
		"in another notation":  post("/webhooks/alertmanager", good, "Content-Type", "application/vnd.x+json"),
		"of unknown length":    func() *http.Request { r := post("/webhooks/alertmanager", good); r.ContentLength = -1; return r }(),
		"at the generic path":  post("/webhooks/generic", `{"status":"firing","title":"a"}`, "Authorization", "Bearer generic-token"),
		"at its longer path":   post("/webhooks/generic/generic", `{"status":"firing","title":"a"}`, "Authorization", "Bearer generic-token"),
		"just below the limit": post("/webhooks/alertmanager", good+strings.Repeat(" ", web.MaxBody-len(good))),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			w := r.do(req)
			if w.Code != http.StatusOK || w.Body.String() != "{\"received\":1,\"new\":1}\n" || len(r.intake.recorded) != 1 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestNothingElseIs(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(good))
	_ = z.Close()
	large := good + strings.Repeat(" ", web.MaxBody)
	for name, c := range map[string]struct {
		req    *http.Request
		status int
		want   string
	}{
		"no credential":           {post("/webhooks/alertmanager", good, "Authorization", ""), 401, `"error":"no credential was sent","hint":"send Authorization: Bearer \u003ctoken\u003e or HTTP Basic authentication"`},
		"a wrong token":           {post("/webhooks/alertmanager", good, "Authorization", "Bearer tokem"), 401, `"the credential is wrong"`},
		"another sender's token":  {post("/webhooks/alertmanager", good, "Authorization", "Bearer generic-token"), 401, `"the credential is wrong"`},
		"a stranger's large body": {post("/webhooks/alertmanager", large, "Authorization", "Bearer tokem"), 401, `"the credential is wrong"`},
		"too large":               {post("/webhooks/alertmanager", large), 413, `"the body has more than 1 MiB"`},
		"too large, unannounced":  {func() *http.Request { r := post("/webhooks/alertmanager", large); r.ContentLength = -1; return r }(), 413, "1 MiB"},
		"no type":                 {post("/webhooks/alertmanager", good, "Content-Type", ""), 415, `"hint":"send Content-Type: application/json"`},
		"another type":            {post("/webhooks/alertmanager", good, "Content-Type", "text/plain"), 415, "not declared as JSON"},
		"a form":                  {post("/webhooks/alertmanager", good, "Content-Type", "application/x-www-form-urlencoded"), 415, "not declared as JSON"},
		"compressed":              {post("/webhooks/alertmanager", zipped.String(), "Content-Encoding", "gzip"), 415, "compressed"},
		"no JSON":                 {post("/webhooks/alertmanager", "{"), 400, `"the body is not JSON`},
		"nothing":                 {post("/webhooks/alertmanager", ""), 400, `"the body is not JSON`},
		"no alerts":               {post("/webhooks/alertmanager", "{}"), 400, `no list \"alerts\"`},
		"markup":                  {post("/webhooks/alertmanager", `{"alerts":[{"status":"<script>","startsAt":"2021-07-11T00:31:00Z"}]}`), 400, `\u003cscript\u003e`},
		"GET":                     {request(http.MethodGet, "/webhooks/alertmanager", ""), 405, `"send it with POST"`},
		"PUT":                     {request(http.MethodPut, "/webhooks/alertmanager", good), 405, `"send it with POST"`},
		"an unknown sender":       {post("/webhooks/statping", good), 404, "nobody sends to this path"},
		"an unknown path":         {post("/api/v9", good), 404, "nothing here"},
		"a path that climbs":      {post("/webhooks/..%2f..%2fetc", good), 404, "nobody sends to this path"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			w := r.do(c.req)
			body := w.Body.String()
			if w.Code != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s\nwant %d with %s", w.Code, body, c.status, c.want)
			}
			if strings.Count(body, "\n") != 1 || !strings.HasPrefix(body, `{"error":"`) || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("no one-line JSON: %q", body)
			}
			if challenged := w.Header().Get("WWW-Authenticate") != ""; challenged != (c.status == 401) {
				t.Errorf("WWW-Authenticate: %q", w.Header().Get("WWW-Authenticate"))
			}
			if c.status == 405 && w.Header().Get("Allow") != "POST" {
				t.Errorf("Allow: %q", w.Header().Get("Allow"))
			}
			if len(r.intake.recorded) > 0 {
				t.Errorf("recorded %v", r.intake.recorded)
			}
		})
	}
}

// TestWhatMayPassIsA503: Alertmanager drops what is answered with 4xx.
func TestWhatMayPassIsA503(t *testing.T) {
	for name, err := range map[string]error{
		"a full disk":  problem.New(problem.Unavailable, "the disk is full"),
		"a slow disk":  context.DeadlineExceeded,
		"a defect":     errors.New("secret detail"),
		"it is closed": problem.New(problem.Unavailable, "the database is closed"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.intake.err = err
			w := r.do(post("/webhooks/alertmanager", good))
			if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret detail") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if r.log.Len() == 0 {
				t.Error("nothing in the log")
			}
		})
	}
}

func TestAFailureIsLoggedOnceNotForEachRequest(t *testing.T) {
	r := newRig(t, nil)
	r.intake.err = problem.New(problem.Unavailable, "the disk is full")
	for range 50 {
		r.do(post("/webhooks/alertmanager", good))
	}
	if n := strings.Count(r.log.String(), "alerts are sent back"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

func TestSaturationIsA503(t *testing.T) {
	r := newRig(t, nil)
	r.intake.entered, r.intake.release = make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	const places = 256
	for range places {
		wg.Go(func() {
			if w := r.do(post("/webhooks/alertmanager", good)); w.Code != http.StatusOK {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	for range places {
		<-r.intake.entered
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	w := r.do(post("/webhooks/alertmanager", good).WithContext(ctx))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "too many alerts") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(r.intake.release)
	wg.Wait()
	if n := len(r.intake.recorded); n != places {
		t.Errorf("%d recorded, want %d", n, places)
	}
}

func TestAPanicIsAnAnswerWithAnID(t *testing.T) {
	r := newRig(t, nil)
	r.intake.panics = true
	w := r.do(post("/webhooks/alertmanager", good))
	id := w.Header().Get("X-Request-Id")
	if w.Code != http.StatusInternalServerError || id == "" || !strings.Contains(w.Body.String(), id) || strings.Contains(w.Body.String(), "defect") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(r.log.String(), id) || !strings.Contains(r.log.String(), "a defect") {
		t.Errorf("log: %s", r.log)
	}
	r.intake.panics = false
	if w := r.do(post("/webhooks/alertmanager", good)); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

func TestNoSecretIsLoggedOrAnswered(t *testing.T) {
	r := newRig(t, nil)
	w := r.do(post("/webhooks/alertmanager", good, "Authorization", "Bearer hunter2"))
	if strings.Contains(w.Body.String()+r.log.String(), "hunter2") {
		t.Errorf("%s\n%s", w.Body, r.log)
	}
}

func TestHealthReadinessAndThePage(t *testing.T) {
	var why error
	r := newRig(t, func(o *web.Options) { o.Healthy = func() error { return why } })
	get := func(path string) *httptest.ResponseRecorder { return r.do(request(http.MethodGet, path, "")) }
	for _, path := range []string{"/healthz", "/readyz", "/"} {
		if w := get(path); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	page := get("/")
	for _, want := range []string{`<a href="/status/">Status page</a>: what the public sees`, "v1.2.3", "It is up"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	why = problem.New(problem.Unavailable, "the disk is <full>")
	if w := get("/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz: %d: whoever restarts for that loses alerts", w.Code)
	}
	if w := get("/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the disk is") {
		t.Errorf("readyz: %d %s", w.Code, w.Body)
	}
	if w := get("/"); !strings.Contains(w.Body.String(), "the disk is &lt;full&gt;") {
		t.Errorf("page: %s", w.Body)
	}
	for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
		if got := page.Header().Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
	if csp := page.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy: %q", csp)
	}
}

func TestMetrics(t *testing.T) {
	r := newRig(t, nil)
	if err := r.Metrics().FollowerLag(func() map[string]int64 { return map[string]int64{"correlation": 3} }); err != nil {
		t.Fatal(err)
	}
	if err := r.Metrics().Gauge("incidents_open", "Open incidents.", func() float64 { return 2 }); err != nil {
		t.Fatal(err)
	}
	r.Metrics().Meter(alert.Observation{Took: time.Millisecond})
	r.do(post("/webhooks/alertmanager", good))
	r.do(post("/webhooks/alertmanager", good, "Authorization", ""))
	text := r.do(request(http.MethodGet, "/metrics", "")).Body.String()
	for _, want := range []string{`wardroom_http_requests_total{code="200"} 1`, `wardroom_http_requests_total{code="401"} 1`, `wardroom_alerts_total{result="new",source="alertmanager"} 1`,
		`wardroom_follower_lag_entries{follower="correlation"} 3`, `wardroom_incidents_open 2`, "wardroom_intake_commit_seconds_count 1", "wardroom_build_info{", "go_goroutines", "process_open_fds"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the metrics", want)
		}
	}
	guarded := newRig(t, func(o *web.Options) { o.MetricsCredential = alert.Credential{}.Bearer("scrape") })
	if w := guarded.do(request(http.MethodGet, "/metrics", "")); w.Code != http.StatusUnauthorized {
		t.Errorf("without the credential: %d", w.Code)
	}
	if w := guarded.do(request(http.MethodGet, "/metrics", "", "Authorization", "Bearer scrape")); w.Code != http.StatusOK {
		t.Errorf("with it: %d", w.Code)
	}
}

func TestMountRefusesACollision(t *testing.T) {
	r := newRig(t, nil)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("mounted")) })
	if err := r.Mount("/status/", h); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/status/", "GET /healthz", "no slash", ""} {
		if err := r.Mount(pattern, h); err == nil {
			t.Errorf("%q: no error", pattern)
		}
	}
	if w := r.do(request(http.MethodGet, "/status/history", "")); w.Body.String() != "mounted" || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestSourcesMustDiffer(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	_, err := web.New(web.Options{Sources: []alert.Source{alertmanager.New("a", alert.Credential{}, log), alertmanager.New("a", alert.Credential{}, log)}})
	if err == nil {
		t.Error("no error")
	}
}
