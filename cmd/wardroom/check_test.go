package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/web"
)

// checkNow is when the checks of tests are made.
var checkNow = time.Date(2026, 11, 21, 0, 32, 0, 0, time.UTC)

// checkRig is a configuration in a folder, with an outside.
type checkRig struct {
	t    *testing.T
	data string
	free uint64
	page error // what the provider of the status page says

	issuer error // what the issuer of the certificate says
	asked  web.Issuer
}

func newCheckRig(t *testing.T) *checkRig {
	data := t.TempDir()
	if err := os.Chmod(data, 0o700); err != nil {
		t.Fatal(err)
	}
	return &checkRig{t: t, data: data, free: 40 << 30}
}

// page is a provider that only says whether its credential works.
type checkedPage struct {
	statuspage.Page
	err error
}

func (checkedPage) Name() string                    { return "statuspage" }
func (p checkedPage) Check(_ context.Context) error { return p.err }

// checker reads a configuration.
func (r *checkRig) checker(yaml string) *checker {
	r.t.Helper()
	cfg, err := config.Parse("wardroom.yaml", r.data, []byte(yaml))
	if err != nil {
		r.t.Fatal(err)
	}
	k := newChecker(cfg, r.data)
	k.uid, k.clock = 1000, scenario.NewClock(checkNow)
	k.space = func(string) (uint64, uint64, error) { return r.free, 100 << 30, nil }
	k.issuer = func(_ context.Context, of web.Issuer) error {
		r.asked = of
		return r.issuer
	}
	k.pages = func() ([]statuspage.Page, error) {
		if cfg.StatusPage.Statuspage.IsZero() {
			return nil, nil
		}
		return []statuspage.Page{checkedPage{err: r.page}}, nil
	}
	return k
}

// file puts a file into the data folder, made so long before now.
func (r *checkRig) file(name string, mode os.FileMode, age time.Duration, content []byte) {
	r.t.Helper()
	path := filepath.Join(r.data, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, mode), os.Chmod(path, mode),
		os.Chtimes(path, time.Time{}, checkNow.Add(-age)))
	if err != nil {
		r.t.Fatal(err)
	}
}

// expect tries one check.
func (r *checkRig) expect(k *checker, name string, level checks.Level, sentence string) {
	r.t.Helper()
	for _, got := range checks.Run(context.Background(), k.all()) {
		if got.Name != name {
			continue
		}
		text := strings.ReplaceAll(got.Sentence, r.data, "DATA")
		if got.Level != level || text != sentence {
			r.t.Errorf("%s: %s %q\nwant %s %q", name, got.Level, text, level, sentence)
		}
		return
	}
	r.t.Errorf("there is no check %q", name)
}

const somebody = "people: {joe: {roles: [lead], uid: 1000}}\n"

func TestPeople(t *testing.T) {
	for name, c := range map[string]struct {
		people   string
		level    checks.Level
		sentence string
	}{
		"all is well":      {`{joe: {roles: [lead], uid: 1000}}`, checks.OK, "1 person, 1 lead"},
		"one has no uid":   {`{joe: {roles: [lead], uid: 1000}, ann: {roles: [responder]}}`, checks.OK, "2 people, 1 lead"},
		"nobody leads":     {`{joe: {roles: [responder], uid: 1000}}`, checks.Warning, "1 person, 0 leads: nobody can merge, erase, freeze or approve"},
		"I am not known":   {`{joe: {roles: [lead], uid: 1001}}`, checks.Warning, "1 person, 1 lead; your Unix user 1000 is none of them, so this shell is refused"},
		"several, one uid": {`{joe: {roles: [lead], uid: [1000, 1001]}}`, checks.OK, "1 person, 1 lead"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCheckRig(t)
			r.expect(r.checker("people: "+c.people), "people", c.level, c.sentence)
		})
	}
}

func TestSendersAndSecrets(t *testing.T) {
	r := newCheckRig(t)
	k := r.checker(somebody)
	r.expect(k, "senders", checks.OK, "DATA/wardroom.token is made at the first start, for alertmanager, generic")
	r.expect(k, "secrets", checks.OK, "there are none yet")
	r.file(tokenFile, 0o600, 50*24*time.Hour, []byte("x"))
	r.expect(k, "senders", checks.OK, "DATA/wardroom.token, 50 days old, is the credential of alertmanager, generic")
	r.expect(k, "secrets", checks.OK, "1 file, readable by the owner alone")

	r.file("am", 0o644, 0, []byte("a-token-of-its-own"))
	r.file(tokenFile, 0o640, 0, []byte("x"))
	k = r.checker(somebody + "intake: {alertmanager: {token_file: am}, generic: [{name: statping}]}")
	r.expect(k, "senders", checks.OK, "DATA/wardroom.token, 0 s old, is the credential of statping, generic")
	r.expect(k, "secrets", checks.Warning, "others may read DATA/am, DATA/wardroom.token")

	k = r.checker(somebody + "intake: {alertmanager: {token_file: am}, generic: [{name: generic, token_file: am}]}")
	r.expect(k, "senders", checks.OK, "every sender has a credential of its own")
}

func TestDataFolder(t *testing.T) {
	r := newCheckRig(t)
	k := r.checker(somebody)
	r.expect(k, "data folder", checks.OK, "DATA, 40.0 GiB of 100.0 GiB free")
	r.free = 900 << 20
	r.expect(k, "data folder", checks.Warning, "DATA, 900.0 MiB of 100.0 GiB free")
	r.free = 0
	r.expect(k, "data folder", checks.Failed, "DATA, 0 B of 100.0 GiB free")
	r.free = 40 << 30
	if err := os.Chmod(r.data, 0o777); err != nil {
		t.Fatal(err)
	}
	r.expect(k, "data folder", checks.Warning, "DATA, 40.0 GiB of 100.0 GiB free; others may write in it (mode 0777)")
	k.data += "/missing"
	r.expect(k, "data folder", checks.Warning, "DATA/missing does not exist; it is made at the first start")
	free, total, err := diskSpace(r.data)
	if err != nil || total == 0 || free > total {
		t.Errorf("diskSpace: %d of %d, %v", free, total, err)
	}
}

func TestDatabase(t *testing.T) {
	r := newCheckRig(t)
	k := r.checker(somebody)
	r.expect(k, "database", checks.Warning, "there is none at DATA/wardroom.db; it is made at the first start")

	sys, err := wire(t.Context(), settings{config: k.config, data: r.data, clock: scenario.NewClock(checkNow.Add(-3 * time.Hour)), log: shellLog()})
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	version, err := sys.db.SchemaVersion(t.Context())
	if err != nil || version < 1 {
		t.Fatalf("schema %d, %v", version, err)
	}
	if _, err := sys.incidents.Declare(t.Context(), incident.Who{Actor: people.Human("joe")}, incident.Declaration{Title: "A night", Severity: alert.SEV2}); err != nil {
		t.Fatal(err)
	}
	entries := int64(0)
	if err := sys.db.View(t.Context(), func(v timeline.View) (err error) { entries, err = v.LastPos(); return err }); err != nil || entries == 0 {
		t.Fatalf("%d entries, %v", entries, err)
	}
	text := fmt.Sprintf("DATA/wardroom.db, schema %d, %s, the last 3 h ago", version, plural(int(entries), "entry", "entries"))
	r.expect(k, "database", checks.OK, fmt.Sprintf("%s; process %d owns it", text, os.Getpid()))
	if err := sys.app.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.expect(k, "database", checks.OK, text+"; nobody has it open")

	if err := os.WriteFile(filepath.Join(r.data, databaseFile), bytes.Repeat([]byte("no database "), 500), 0o600); err != nil {
		t.Fatal(err)
	}
	results := checks.Run(t.Context(), []checks.Check{{Name: "database", Try: k.database}})
	if results[0].Level != checks.Failed || results[0].Hint == "" {
		t.Errorf("a damaged file: %+v", results[0])
	}
}

// alertmanagerSim answers as one replica.
type alertmanagerSim struct {
	alerts  int
	started time.Time
	clock   time.Duration // ahead of ours
	status  int
}

func (a *alertmanagerSim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", checkNow.Add(a.clock).Format(http.TimeFormat))
	switch {
	case a.status != 0:
		w.WriteHeader(a.status)
	case r.URL.Path == "/api/v2/status":
		fmt.Fprintf(w, `{"uptime": %q}`, a.started.Format(time.RFC3339))
	case r.URL.Path == "/api/v2/alerts":
		list := []any{}
		for i := range a.alerts {
			list = append(list, map[string]any{"labels": map[string]string{"alertname": fmt.Sprint(i)}, "startsAt": checkNow, "status": map[string]string{"state": "active"}})
		}
		json.NewEncoder(w).Encode(list)
	default:
		http.NotFound(w, r)
	}
}

func TestAlertmanagerIsTried(t *testing.T) {
	for name, c := range map[string]struct {
		sim      alertmanagerSim
		level    checks.Level
		sentence string
	}{
		"works":              {alertmanagerSim{alerts: 3}, checks.OK, "3 alerts fire"},
		"nothing fires":      {alertmanagerSim{}, checks.OK, "0 alerts fire"},
		"was just started":   {alertmanagerSim{alerts: 1, started: checkNow.Add(-time.Minute)}, checks.OK, "1 alert fires; it was started minutes ago and may not know all yet"},
		"its clock is fast":  {alertmanagerSim{clock: 90 * time.Second}, checks.Warning, "0 alerts fire; its clock is 1m30s ahead of this machine's"},
		"its clock is slow":  {alertmanagerSim{clock: -time.Hour}, checks.Warning, "0 alerts fire; its clock is 1h0m0s behind this machine's"},
		"wants a credential": {alertmanagerSim{status: 401}, checks.Failed, "HOST/api/v2/status answered 401 Unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.sim.started.IsZero() {
				c.sim.started = checkNow.Add(-time.Hour)
			}
			s := httptest.NewServer(&c.sim)
			defer s.Close()
			k := newCheckRig(t).checker(somebody + "intake: {alertmanager: {urls: [" + s.URL + "]}}")
			u, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			got, err := k.alertmanager(t.Context(), u)
			text := strings.ReplaceAll(got.Sentence, u.Host, "HOST")
			if err != nil || got.Level != c.level || text != c.sentence {
				t.Errorf("%s %q, %v\nwant %s %q", got.Level, text, err, c.level, c.sentence)
			}
		})
	}
}

func TestCertificate(t *testing.T) {
	const with = somebody + "public: {host: wardroom.example.org}"
	r := newCheckRig(t)
	k := r.checker(with)
	r.expect(k, "certificate", checks.Warning, "there is none for wardroom.example.org yet")
	for _, c := range []struct {
		name     string
		left     time.Duration
		level    checks.Level
		sentence string
	}{
		{"wardroom.example.org", 80*24*time.Hour + time.Hour, checks.OK, "wardroom.example.org until 2027-02-09 01:32 UTC: 80 days left"},
		{"wardroom.example.org", 13*24*time.Hour + time.Hour, checks.Warning, "wardroom.example.org until 2026-12-04 01:32 UTC: 13 days left"},
		{"wardroom.example.org", -time.Hour, checks.Failed, "wardroom.example.org until 2026-11-20 23:32 UTC: it has expired"},
		{"other.example.org", 80 * 24 * time.Hour, checks.Failed, "x509: certificate is valid for other.example.org, not wardroom.example.org"},
	} {
		r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, c.name, checkNow.Add(c.left), 90*24*time.Hour))
		r.expect(k, "certificate", c.level, c.sentence)
	}
	// That of an authority which signs for a day is renewed eight hours before its end.
	r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(7*time.Hour), 24*time.Hour))
	r.expect(k, "certificate", checks.OK, "wardroom.example.org until 2026-11-21 07:32 UTC: 7 h left")
	r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(3*time.Hour), 24*time.Hour))
	r.expect(k, "certificate", checks.Warning, "wardroom.example.org until 2026-11-21 03:32 UTC: 3 h left")
	r.file("certificates/wardroom.example.org", 0o600, 0, []byte("nothing of the kind"))
	r.expect(k, "certificate", checks.Failed, "the certificate for wardroom.example.org in DATA/certificates: there is no certificate in it")
}

func TestIssuer(t *testing.T) {
	r := newCheckRig(t)
	k := r.checker(somebody + "public: {host: wardroom.example.org}")
	r.expect(k, "issuer", checks.OK, "acme-v02.api.letsencrypt.org answers")

	// One of their own: its certificates are kept apart, so that none of another is served.
	k = r.checker(somebody + "public: {host: wardroom.example.org, issuer: 'https://ca.example.org:9000/acme/acme/directory'}")
	r.issuer = errors.New("dial tcp 192.0.2.1:9000: connect: connection refused")
	r.expect(k, "issuer", checks.Failed, "ca.example.org:9000: dial tcp 192.0.2.1:9000: connect: connection refused")
	if r.asked.Directory != "https://ca.example.org:9000/acme/acme/directory" {
		t.Errorf("asked %q", r.asked.Directory)
	}
	r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(80*24*time.Hour), 90*24*time.Hour))
	r.expect(k, "certificate", checks.Warning, "there is none for wardroom.example.org yet")
	r.file("certificates/ca.example.org_9000/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(20*time.Hour), 24*time.Hour))
	r.expect(k, "certificate", checks.OK, "wardroom.example.org until 2026-11-21 20:32 UTC: 20 h left")
}

// certificateFor is a file as autocert keeps it: the key, then the chain.
func certificateFor(t *testing.T, host string, end time.Time, life time.Duration) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: end.Add(-life), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("the key comes first")}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
}

func TestServer(t *testing.T) {
	port := freePort(t)
	r := newCheckRig(t)
	k := r.checker(somebody + fmt.Sprintf("listen: 127.0.0.1:%d", port))
	address := fmt.Sprintf("127.0.0.1:%d", port)
	r.expect(k, "server", checks.Warning, "none runs on DATA")

	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	other := &http.Server{Handler: http.NotFoundHandler()}
	go other.Serve(l)
	r.expect(k, "server", checks.Failed, "none runs on DATA, but something else answers at "+address)
	other.Close()

	p := startServe(t, r.data, port)
	r.expect(k, "server", checks.OK, "runs, and is ready at "+address)
	k.config.Listen.Port = freePort(t)
	r.expect(k, "server", checks.Warning, fmt.Sprintf("runs, but does not answer at 127.0.0.1:%d", k.config.Listen.Port))
	p.stop()
}

func TestConfigurationIsHeldToWhatItsPartsKnow(t *testing.T) {
	r := newCheckRig(t)
	r.expect(r.checker(somebody), "configuration", checks.OK, "wardroom.yaml, mode observe, time zone UTC")
	r.expect(r.checker(somebody+"listen: 0.0.0.0:8080\n"), "configuration", checks.Warning,
		"wardroom.yaml has 1 warning:\n  wardroom.yaml:2: listen: 0.0.0.0:8080 can be reached from other machines, and without public: tokens go over the wire unencrypted")
	k := r.checker(somebody + "intake: {generic: [{name: statping, map: {nonsense: x}}]}")
	results := checks.Run(t.Context(), []checks.Check{{Name: "configuration", Try: k.configuration}})
	if results[0].Level != checks.Failed || !strings.Contains(results[0].Sentence, "wardroom.yaml:2") {
		t.Errorf("a mapping that is wrong: %+v", results[0])
	}
}

// TestCheckOfABadNight shows a whole run as a person sees it.
func TestCheckOfABadNight(t *testing.T) {
	r := newCheckRig(t)
	good, bad := httptest.NewServer(&alertmanagerSim{alerts: 12, started: checkNow.Add(-time.Hour)}), httptest.NewServer(&alertmanagerSim{status: 502})
	defer good.Close()
	defer bad.Close()
	r.free, r.page = 60<<20, problem.New(problem.Forbidden, "Statuspage refuses the key").WithHint("make a new one under your account, API info")
	r.file(tokenFile, 0o644, 400*24*time.Hour, []byte("x"))
	r.file("certificates/wardroom.example.org", 0o600, 0, certificateFor(t, "wardroom.example.org", checkNow.Add(5*24*time.Hour+time.Hour), 90*24*time.Hour))
	port := freePort(t)
	k := r.checker(fmt.Sprintf("people: {joe: {roles: [lead]}, ann: {roles: [responder], uid: 1000}}\nlisten: 127.0.0.1:%d\npublic: {host: wardroom.example.org}\n"+
		"intake: {alertmanager: {urls: [%s, %s, %s]}, generic: [{name: statping}]}\nstatus_page: {statuspage: {page_id: x}}", port, good.URL, bad.URL, bad.URL))
	stable := strings.NewReplacer(r.data, "DATA", strings.TrimPrefix(good.URL, "http://"), "am-0:9093", strings.TrimPrefix(bad.URL, "http://"), "am-1:9093")
	results := checks.Run(t.Context(), k.all())
	for i := range results {
		results[i].Name, results[i].Sentence, results[i].Hint = stable.Replace(results[i].Name), stable.Replace(results[i].Sentence), stable.Replace(results[i].Hint)
	}
	var out bytes.Buffer
	if err := printResults(&out, style{}, results); err != nil {
		t.Fatal(err)
	}
	goldenText(t, "../check/night.txt", out.String())
}

func TestResultsAreAligned(t *testing.T) {
	var out bytes.Buffer
	err := printResults(&out, style{ansi: true}, []checks.Result{
		{Name: "data folder", Level: checks.OK, Sentence: "/var/lib/wardroom, 40.0 GiB of 100.0 GiB free"},
		{Name: "configuration", Level: checks.Warning, Sentence: "wardroom.yaml has 2 warnings:\n  one\n  two", Hint: "mend them"},
		{Name: "status page 統計", Level: checks.Failed, Sentence: "it said \x1b[2J\u202eevil", Hint: "two\nlines"},
		{Name: "quiet", Level: checks.OK},
	})
	if err != nil {
		t.Fatal(err)
	}
	goldenText(t, "../check/aligned.txt", out.String())
}

func TestCheckCommand(t *testing.T) {
	data := t.TempDir()
	free := fmt.Appendf(nil, "listen: 127.0.0.1:%d\n", freePort(t)) // the default may be in use
	if err := os.WriteFile(filepath.Join(data, configName), free, 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, err := wardroom(t, "check", "--json", "--data", data)
	var results []checks.Result
	if jsonErr := json.Unmarshal([]byte(out), &results); jsonErr != nil || err != nil || len(results) < 8 || results[0].Name != "configuration" {
		t.Errorf("--json: %v, %v, %s%s", jsonErr, err, out, errs)
	}
	if err := os.WriteFile(filepath.Join(data, configName), []byte("listne: x\nmode: maybe\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, err = wardroom(t, "check", "--data", data)
	if code := exitOf(err); code != exitUnavailable {
		t.Errorf("exit %d, want %d", code, exitUnavailable)
	}
	goldenText(t, "../check/unreadable.txt", strings.ReplaceAll(out+errs, data, "DATA"))
	if _, _, err := wardroom(t, "check", "everything"); exitOf(err) != exitInvalid {
		t.Errorf("a name: %v, want exit %d", err, exitInvalid)
	}
}

func exitOf(err error) int {
	if exited, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return exited.ExitCode()
	}
	return 0
}

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
