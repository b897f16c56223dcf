package alert_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestRulesReport(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	report, err := alert.CheckRules(f, alert.DefaultRoutes())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintln(&b, report.Summary())
	for _, v := range report.Rules {
		fmt.Fprintf(&b, "%-10s %-28s for %-8v severity %-10.10s line %2d", v.Route.Outcome(), v.Alert, v.For, v.Severity, v.Line)
		if len(v.Unsure) > 0 {
			fmt.Fprintf(&b, " unsure: %s", strings.Join(v.Unsure, ", "))
		}
		fmt.Fprintln(&b)
	}
	golden := filepath.Join("testdata", "rules.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if got := report.RuleFor()["kubernetes/pod-not-healthy"]; got != 90*time.Minute {
		t.Errorf("for: %v", got)
	}
	if report.Recording != 1 {
		t.Errorf("recording rules: %d", report.Recording)
	}
}

func TestRuleMistakesComeTogetherWithLines(t *testing.T) {
	_, err := alert.CheckRules(strings.NewReader(`groups:
  - name: g
    rules:
      - alert: a
        expr: up == 0
        for: five minutes
      - expr: up
      - alert: b
      - alert: [c]
        expr: up
`), alert.DefaultRoutes())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`line 4: the rule "a": for:`, `line 7: a rule in group "g" has neither alert nor record`, `line 8: the rule "b" has no expr`, "line 9:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	for name, text := range map[string]string{"no groups": "route: {}", "no YAML": "groups: [", "another shape": "groups: 7"} {
		if _, err := alert.CheckRules(strings.NewReader(text), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
