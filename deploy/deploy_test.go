// Package deploy_test holds what is shipped for operators to the code: every file
// parses, and rules and dashboards name only metrics that there are.
package deploy_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/probe"
)

func files(t *testing.T, endings ...string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains(endings, filepath.Ext(path)) {
			list = append(list, path)
		}
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatal("no files", endings, err)
	}
	return list
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFilesParse(t *testing.T) {
	for _, path := range files(t, ".yml", ".yaml") {
		var docs []any
		if err := yaml.Load(read(t, path), &docs, yaml.WithAllDocuments()); err != nil || len(docs) == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range files(t, ".json") {
		if !json.Valid(read(t, path)) {
			t.Errorf("%s is not JSON", path)
		}
	}
}

func TestMetricsExist(t *testing.T) {
	known := metrics(t)
	if len(known) < 5 {
		t.Fatalf("only %v found in the code", known)
	}
	name := regexp.MustCompile(`\bwardroom_[a-z_]+`)
	named := 0
	for _, path := range []string{"prometheus/wardroom.rules.yml", "grafana/wardroom.json"} {
		for _, m := range name.FindAllString(string(read(t, path)), -1) {
			base := m
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, part)
			}
			named++
			if !slices.Contains(known, m) && !slices.Contains(known, base) {
				t.Errorf("%s: there is no metric %s (there are %v)", path, m, known)
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d names found: the pattern is wrong", named)
	}
}

// metrics are the names in the code: literals that begin with wardroom_, and the
// first argument of Gauge, which adds that beginning.
func metrics(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, dir := range []string{"../integrations/web", "../cmd/wardroom"} {
		paths, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil && strings.HasPrefix(s, "wardroom_") && s != "wardroom_" {
						names = append(names, s)
					}
				}
				if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
					sel, isSel := call.Fun.(*ast.SelectorExpr)
					lit, isLit := call.Args[0].(*ast.BasicLit)
					if isSel && isLit && sel.Sel.Name == "Gauge" {
						if s, err := strconv.Unquote(lit.Value); err == nil {
							names = append(names, "wardroom_"+s)
						}
					}
				}
				return true
			})
		}
	}
	return names
}

// TestRulesLoad reads our own rules as `wardroom check --rules` does.
func TestRulesLoad(t *testing.T) {
	report, err := alert.CheckRules(strings.NewReader(string(read(t, "prometheus/wardroom.rules.yml"))), alert.DefaultRoutes())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Rules) != 12 || report.Count(alert.Open) != 11 {
		t.Errorf("%s", report.Summary())
	}
}

// TestAlertmanagerKeepsTheOldReceiver is the promise of deploy/alertmanager.yml.
func TestAlertmanagerKeepsTheOldReceiver(t *testing.T) {
	var c struct {
		Route struct {
			Receiver string
			Routes   []struct {
				Receiver string
				Matchers []string
				Continue bool
			}
		}
		Receivers []struct{ Name string }
	}
	if err := yaml.Load(read(t, "alertmanager.yml"), &c); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range c.Receivers {
		names = append(names, r.Name)
	}
	caught := false
	for i, r := range c.Route.Routes {
		if !slices.Contains(names, r.Receiver) {
			t.Errorf("there is no receiver %s", r.Receiver)
		}
		for _, m := range r.Matchers {
			if _, err := alert.ParseMatchers(m); err != nil {
				t.Error(err)
			}
		}
		if r.Receiver == "wardroom" && len(r.Matchers) == 0 {
			caught = r.Continue && i+1 < len(c.Route.Routes) && c.Route.Routes[i+1].Receiver == c.Route.Receiver
		}
	}
	if !caught {
		t.Error("what goes to Wardroom must go on to the old receiver")
	}
}

// TestUnitAndImageAreTight finds what was loosened by accident.
func TestUnitAndImageAreTight(t *testing.T) {
	unit := string(read(t, "systemd/wardroom.service"))
	for _, line := range []string{"User=wardroom", "StateDirectory=wardroom", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=",
		"SystemCallFilter=@system-service", "MemoryDenyWriteExecute=yes", "Restart=always"} {
		if !slices.Contains(strings.Split(unit, "\n"), line) {
			t.Errorf("the unit lacks %s", line)
		}
	}
	image := string(read(t, "Dockerfile"))
	for _, line := range []string{"FROM scratch", "USER 65532:65532"} {
		if !slices.Contains(strings.Split(image, "\n"), line) {
			t.Errorf("the image lacks %s", line)
		}
	}
}

// TestTheServerInTheClusterIsWhole reads what kustomize puts together: each file is
// there, the configuration loads, the pod is told which node it is on.
func TestTheServerInTheClusterIsWhole(t *testing.T) {
	folders := 0
	for _, path := range files(t, ".yaml") {
		if filepath.Base(path) != "kustomization.yaml" {
			continue
		}
		folders++
		var k struct {
			Resources          []string
			ConfigMapGenerator []struct{ Files []string } `yaml:"configMapGenerator"`
			Other              map[string]any             `yaml:",inline"`
		}
		if err := yaml.Load(read(t, path), &k); err != nil {
			t.Fatal(err)
		}
		for _, g := range k.ConfigMapGenerator {
			k.Resources = append(k.Resources, g.Files...)
		}
		for _, name := range k.Resources {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if folders != 6 {
		t.Errorf("%d folders for kustomize", folders)
	}
	c, err := config.Load("kubernetes/server/wardroom.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := kubernetes.Decode(c.Kubernetes)
	if err != nil || !s.Observe.InCluster {
		t.Fatalf("%+v %v", s, err)
	}
	pod := string(read(t, "kubernetes/server/deployment.yaml"))
	for _, part := range []string{"name: WARDROOM_NODE", "fieldRef: {fieldPath: spec.nodeName}", "{type: Recreate}", "readOnlyRootFilesystem: true", "drop: [ALL]", "serviceAccountName: observe",
		"mountPath: " + filepath.Dir(s.Act.Kubeconfig) + ",", "mountPath: " + c.Data + "}"} {
		if !strings.Contains(pod, part) {
			t.Errorf("the Deployment lacks %s", part)
		}
	}
	if way := string(read(t, "kubernetes/server/act.kubeconfig")); !strings.Contains(way, "/run/secrets/wardroom-act/token") || strings.Contains(way, "token: ") {
		t.Error("the kubeconfig must name the token's file, and hold none")
	}
}

// TestTheProbeInTheClusterIsWhole holds the DaemonSet and its Service to what probes
// and repairs take for granted.
func TestTheProbeInTheClusterIsWhole(t *testing.T) {
	port, label := strconv.Itoa(probe.DefaultPort), repair.ProbeLabel+": "+repair.ProbeName
	for file, parts := range map[string][]string{
		"daemonset.yaml": {"  name: " + probe.DefaultPeers + "\n  labels: {" + label, "matchLabels: {" + label, "    metadata:\n      labels: {" + label, `--listen, ":` + port + `"`, "containerPort: " + port,
			"fieldPath: spec.nodeName", "name: WARDROOM_POD_IP", "- {operator: Exists}", "automountServiceAccountToken: false", "path: /readyz", "path: /healthz", "runAsNonRoot: true",
			"allowPrivilegeEscalation: false", "readOnlyRootFilesystem: true", "drop: [ALL]", "seccompProfile: {type: RuntimeDefault}", "limits: {memory:"},
		"service.yaml": {"  name: " + probe.DefaultPeers + "\n", "clusterIP: None", "publishNotReadyAddresses: true", "selector: {" + label, "port: " + port},
	} {
		text := string(read(t, "kubernetes/probe/"+file))
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %s", file, part)
			}
		}
		for _, part := range []string{"serviceAccountName", "hostNetwork", "hostPath", "privileged"} {
			if strings.Contains(text, part) {
				t.Errorf("%s has %s", file, part)
			}
		}
	}
}
