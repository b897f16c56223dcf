package alerts

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"wardroom/e2e/internal/process"
	"wardroom/e2e/internal/wardroom"
)

// stack is the whole way of an alert.
type stack struct {
	*testing.T
	dir      string
	database *database
	replicas *replicas
	bot      *wardroom.Program
	team     *atomic.Int64 // messages that the team's own receiver has got
	routing  string        // alertmanager.yml as it is at the start
}

// newStack starts everything, Wardroom included, and waits until Prometheus sees the
// database. more is added to Wardroom's configuration.
func newStack(t *testing.T, more string) *stack {
	t.Helper()
	for _, program := range []string{"prometheus", "prometheus-alertmanager", "prometheus-postgres-exporter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is not installed: apt-get install %s", program, program)
		}
	}
	dir, err := os.MkdirTemp("", "alerts-") // not TempDir: a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL may be run as another user
		t.Fatal(err)
	}
	s := &stack{T: t, dir: dir, team: &atomic.Int64{}}
	s.database = newDatabase(t, filepath.Join(dir, "postgres"))
	s.copyOf("testdata/rules.yml", "rules.yml")
	s.copyOf("../../deploy/prometheus/wardroom.rules.yml", "wardroom.rules.yml")

	// Wardroom's configuration names the Alertmanagers, and theirs its address and token.
	exporter, prometheus := process.FreeAddress(t), process.FreeAddress(t)
	team := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.team.Add(1) }))
	t.Cleanup(team.Close)
	s.write("team.webhook", team.URL)
	s.bot = wardroom.New(t, dir, fmt.Sprintf(`people:
  joe: {roles: [responder, lead], uid: %d}
intake:
  alertmanager:
    urls: []
    rules: [rules.yml]
routes:
  - {match: 'alertname="WardroomDeadMan"', ignore: true}
  - {match: 'severity="critical"', open: SEV1}
  - {match: 'severity="page"', open: SEV2}
  - {match: 'severity="warning"', open: SEV3}
  - {notify: true}
`, os.Getuid())+more)
	s.routing = s.deployed()
	s.replicas = newReplicas(t, dir, s.routing)
	s.point("urls: []", "urls: ["+strings.Join(s.replicas.addresses, ", ")+"]")
	s.bot.Serve()

	process.Launch(t, "prometheus-postgres-exporter", []string{"DATA_SOURCE_NAME=" + s.database.URL}, "--web.listen-address", exporter)
	s.write("prometheus.yml", fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml, wardroom.rules.yml]
alerting:
  alertmanagers: [{static_configs: [{targets: [%s]}]}]
scrape_configs:
  - {job_name: postgres, static_configs: [{targets: [%q], labels: {service: postgres, namespace: default}}]}
  - {job_name: wardroom, static_configs: [{targets: [%q]}]}
`, strings.ReplaceAll(strings.Join(s.replicas.addresses, ", "), "http://", ""), exporter, s.bot.Listen))
	process.Launch(t, "prometheus", nil, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "prometheus"),
		"--web.listen-address", prometheus, "--rules.alert.resend-delay", "1s")
	process.Await(t, "Prometheus sees the database", process.Patience, func() (bool, string) {
		res, err := http.Get("http://" + prometheus + "/api/v1/query?query=pg_settings_max_connections")
		if err != nil {
			return false, err.Error()
		}
		defer res.Body.Close()
		said := new(strings.Builder)
		_ = res.Write(said)
		return strings.Contains(said.String(), fmt.Sprintf("%q", fmt.Sprint(maxConnections))), said.String()
	})
	return s
}

// deployed is deploy/alertmanager.yml with this stack's addresses and shorter times.
func (s *stack) deployed() string {
	s.Helper()
	text, err := os.ReadFile("../../deploy/alertmanager.yml")
	if err != nil {
		s.Fatal(err)
	}
	said := string(text)
	for _, change := range [][2]string{
		{"https://wardroom.example.org", "http://" + s.bot.Listen},
		{"/etc/alertmanager/wardroom.token", filepath.Join(s.bot.Data, "wardroom.token")},
		{"/etc/alertmanager/team.webhook", filepath.Join(s.dir, "team.webhook")},
		{"group_wait: 15s", "group_wait: 2s"},
		{"group_interval: 1m", "group_interval: 2s"},
	} {
		if !strings.Contains(said, change[0]) {
			s.Fatalf("deploy/alertmanager.yml has no %q", change[0])
		}
		said = strings.ReplaceAll(said, change[0], change[1])
	}
	return said
}

// point changes Wardroom's configuration, before it is served.
func (s *stack) point(from, to string) {
	s.Helper()
	text, err := os.ReadFile(s.bot.Config)
	if err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(s.bot.Config, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *stack) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
}

func (s *stack) copyOf(from, name string) {
	s.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		s.Fatal(err)
	}
	s.write(name, string(text))
}
