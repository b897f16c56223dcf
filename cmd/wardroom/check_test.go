package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
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
