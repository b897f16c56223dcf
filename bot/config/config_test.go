package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
)

var update = flag.Bool("update", false, "write golden files and generated references anew")

// golden compares got with a file, or writes the file with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (`make docs` writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale; `make docs` writes it anew (-file +now):\n%s", path, diff)
	}
}

func write(t *testing.T, dir, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsHoldTogether(t *testing.T) {
	c := Default()
	if len(c.Warnings) > 0 {
		t.Fatal(c.Warnings)
	}
	if c.Mode != Observe || c.Listen.String() != "127.0.0.1:8080" || c.Timezone != time.UTC || c.Log.Level != slog.LevelInfo {
		t.Errorf("defaults: %+v", c)
	}
	for severity, want := range map[string]string{"page": "open SEV2", "critical": "open SEV1", "warning": "open SEV3", "low": "notify", "other": "notify"} {
		a := alert.Alert{Labels: map[string]string{"severity": severity}}
		if got := c.Routes.For(a).Outcome(); got != want {
			t.Errorf("severity %s: want %s, got %s", severity, want, got)
		}
	}
	if diff := cmp.Diff(incident.DefaultRules(), c.Correlation); diff != "" {
		t.Error(diff)
	}
	if c.People == nil || len(c.People.All()) != 0 {
		t.Error("people must be an empty directory")
	}
}

func TestEmptyFilesAreTheDefaults(t *testing.T) {
	for _, data := range []string{"", "# only a comment\n", "---\n", "people:\nintake:\n  alertmanager:\nroutes:\n"} {
		c, err := Parse("wardroom.yaml", "", []byte(data))
		if err != nil {
			t.Errorf("%q: %v", data, err)
			continue
		}
		if len(c.Routes) != len(Default().Routes) || c.Listen != Default().Listen {
			t.Errorf("%q: %+v", data, c)
		}
	}
}

func TestWhatIsWrittenArrives(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "token", "from-a-file\n", 0o600)
	write(t, dir, "rules.yml", "groups: []\n", 0o644)
	path := write(t, dir, "wardroom.yaml", `
timezone: Europe/Berlin
mode: act
listen: ":9000"
public: {host: Wardroom.Example.org, email: ops@example.org}
data: state
log: {level: warn, format: json}
people:
  joe:
    full_name: Joe Example
    roles: [responder, lead]
    uid: 1000
    discord: "165023948638126080"
  chris:
    roles: responder
    uid: [1001, 1002]
    discord: [80351110224678912, 165023948638126081]
  new:
intake:
  alertmanager:
    token_file: token
    urls: [http://alertmanager:9093, https://am.example.org/prefix]
    auth: {username: reader, password: open sesame}
    rules: [rules*.yml]
  generic:
    - name: statping
      token: inline
      map: {title: .message}
routes:
  - {match: 'team="db"', source: statping, ignore: true}
  - open: SEV3
correlation: {window: 0s, strong: zone, reopen_within: 1d12h, self_recovery: 5m, exporters: {service: kube-state-metrics}}
metrics: {token: scrape}
status_page:
  title: Example
  url: https://status.example.org
  listen: 127.0.0.1:8081
  components:
    - {name: Website, group: Public}
`, 0o600)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Timezone.String() != "Europe/Berlin" || c.Mode != Act || c.Listen.String() != ":9000" || c.Public.Host != "wardroom.example.org" ||
		c.Data != filepath.Join(dir, "state") || c.Log != (Log{slog.LevelWarn, LogJSON}) {
		t.Errorf("scalars: %+v", c)
	}
	wantPeople := []people.Person{
		{Name: "joe", FullName: "Joe Example", Roles: []people.Role{people.Responder, people.Lead}, UIDs: []int{1000}, Discord: []string{"165023948638126080"}},
		{Name: "chris", Roles: []people.Role{people.Responder}, UIDs: []int{1001, 1002}, Discord: []string{"80351110224678912", "165023948638126081"}},
		{Name: "new", Roles: []people.Role{people.Viewer}},
	}
	if diff := cmp.Diff(wantPeople, c.People.All()); diff != "" {
		t.Error(diff)
	}
	am := c.Intake.Alertmanager
	if am.Inbound.Token.Reveal() != "from-a-file" || am.Inbound.Token.File() != filepath.Join(dir, "token") ||
		am.Auth.Password.Reveal() != "open sesame" || len(am.URLs) != 2 || am.URLs[1].Path != "/prefix" ||
		len(am.Rules) != 1 || am.Rules[0] != filepath.Join(dir, "rules.yml") {
		t.Errorf("alertmanager: %+v", am)
	}
	if len(c.Routes) != 2 || c.Routes[0].Outcome() != "ignore" || c.Routes[0].Source != "statping" || c.Routes[1].Outcome() != "open SEV3" || len(c.Routes[1].Match) != 0 {
		t.Errorf("routes: %+v", c.Routes)
	}
	want := incident.DefaultRules()
	want.Window, want.Strong, want.ReopenWithin, want.SelfRecovery = 0, []string{"zone"}, 36*time.Hour, 5*time.Minute
	want.Exporters = map[string][]string{"service": {"kube-state-metrics"}}
	if diff := cmp.Diff(want, c.Correlation); diff != "" {
		t.Error(diff)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	var form struct {
		Title string `yaml:"title"`
	}
	if err := c.Intake.Generic[0].Map.Decode(&form); err != nil || form.Title != ".message" {
		t.Errorf("section: %+v, %v", form, err)
	}
}

// TestEveryMistakeIsNamed is what a person sees of a bad file: all of it at once.
func TestEveryMistakeIsNamed(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("wardroom.yaml", "/nowhere", data)
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("want an Invalid problem, got %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is in the message:\n%v", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	s := NewSecret("hunter2")
	holder := struct {
		S Secret
		P *Secret
		M map[string]Secret
	}{s, &s, map[string]Secret{"k": s}}
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Dump(s)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "holder", holder)
	for _, shown := range []string{string(asJSON), string(asYAML), log.String(), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %q %s", holder, holder, holder, s, s)} {
		if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "secret") && !strings.Contains(shown, "0x") {
			t.Errorf("shown as %s", shown)
		}
	}
	if s.Reveal() != "hunter2" || !s.Equal("hunter2") || s.Equal("hunter") || (Secret{}).Equal("") {
		t.Error("the value itself must work")
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "good", "tok\r\n", 0o600)
	write(t, dir, "open", "tok", 0o644)
	write(t, dir, "empty", "\n", 0o600)
	write(t, dir, "large", strings.Repeat("x", secretMax+1), 0o600)
	for name, want := range map[string]string{
		"good":    "",
		"open":    "warning: can be read by every user",
		"empty":   "is empty",
		"large":   "is larger than a secret may be",
		"missing": "cannot read the secret",
		".":       "is a folder",
	} {
		c, err := Parse("f.yaml", dir, []byte("intake: {alertmanager: {token_file: "+name+"}}"))
		switch wanted, warning := strings.CutPrefix(want, "warning: "); {
		case want == "" && (err != nil || c.Intake.Alertmanager.Inbound.Token.Reveal() != "tok" || len(c.Warnings) != 0):
			t.Errorf("%s: %v %+v", name, err, c)
		case warning && (err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Error(), wanted)):
			t.Errorf("%s: want a warning, got %v %+v", name, err, c)
		case want != "" && !warning && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: want %q, got %v", name, want, err)
		}
	}
}

func TestMissingFileIsNotFound(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !problem.Is(err, problem.NotFound) {
		t.Errorf("got %v", err)
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]time.Duration{"90s": 90 * time.Second, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "0s": 0, "1h30m": 90 * time.Minute} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "5", "-1m", "1d-1h", "d", "1w", "99999999d", "10 minutes"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("%q was taken as %v", in, got)
		}
	}
}

func TestSectionsAreStrictToo(t *testing.T) {
	c, err := Parse("f.yaml", "", []byte("status_page:\n  statuspage:\n    page_id: abc\n    api_key: k\n    every: 5x\n    colour: red\n    names:\n      a: b\n"))
	if err != nil {
		t.Fatal(err)
	}
	var form struct {
		PageID string            `yaml:"page_id"`
		Key    Secret            `yaml:"api_key"`
		Every  time.Duration     `yaml:"every"`
		Color  *string           `yaml:"color"`
		Level  alert.Severity    `yaml:"level"`
		Names  map[string]string `yaml:"names"`
	}
	err = c.StatusPage.Statuspage.Decode(&form)
	want := `f.yaml has 2 mistakes:
  f.yaml:5: status_page.statuspage.every: "5x" is not a duration: want a number and a unit, as 90s, 10m, 1h30m, 2d
  f.yaml:6: status_page.statuspage.colour: is not known (did you mean "color"?)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	for key, want := range map[string]string{
		"page_id": "f.yaml:3: status_page.statuspage.page_id: is no page",
		"names.a": "f.yaml:8: status_page.statuspage.names.a: is no page",
		"names.z": "f.yaml:7: status_page.statuspage.names.z: is no page",
		"":        "f.yaml:3: status_page.statuspage: is no page",
	} {
		if err := c.StatusPage.Statuspage.Fail(key, "is no page"); err == nil || err.Error() != "f.yaml has 1 mistake:\n  "+want {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

// FuzzParse holds Parse to two promises: it never fails other than by a problem,
// and a secret never comes back in a message.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../../docs/wardroom.example.yaml") {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("routes: [{match: x, open: SEV1}, {}]\npeople: {a: {uid: [1]}, a: {}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yaml", t.TempDir(), data)
		switch {
		case err == nil && (c.People == nil || c.Timezone == nil || c.Mode == ""):
			t.Errorf("accepted without its parts: %+v", c)
		case err != nil && problem.CodeOf(err) == problem.Internal:
			t.Errorf("not a problem: %v", err)
		}
	})
}
