package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"wardroom/bot/problem"
)

func rulesOf(t *testing.T, stdin string, asJSON bool, files ...string) (string, error) {
	t.Helper()
	t.Setenv(configEnv, "")
	var out bytes.Buffer
	p := &program{dataFolder: t.TempDir(), shell: &shell{json: asJSON}}
	err := p.checkRules(files, strings.NewReader(stdin), &out)
	return out.String(), err
}

func TestRulesSayWhatWouldOpenRooms(t *testing.T) {
	files := []string{"testdata/check/kubernetes.rules.yml", "testdata/check/team.rules.yml"}
	text, err := rulesOf(t, "", false, files...)
	if err != nil {
		t.Fatal(err)
	}
	goldenText(t, "../check/rules.txt", text)
	body, err := rulesOf(t, "", true, files...)
	if err != nil {
		t.Fatal(err)
	}
	goldenText(t, "../check/rules.json", body)
	var got struct {
		Rules []struct{ Outcome string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Rules) != 17 {
		t.Errorf("%d rules, %v: want the 17 alerting rules of both files", len(got.Rules), err)
	}
}

func TestRulesFromStandardInput(t *testing.T) {
	text, err := rulesOf(t, `groups: [{name: a, rules: [{alert: "x\u001b[2Jy", expr: up, labels: {severity: page}}]}]`, false, "-")
	want := "1 alerting rules: 1 would open incidents (1 SEV2), 0 would notify, 0 would be ignored\n\nopen SEV2   1  x[2Jy\nnotify      0\nignore      0\n"
	if err != nil || text != want {
		t.Errorf("got %q, %v\nwant %q", text, err, want)
	}
}

func TestRulesThatCannotBeReadAreAllNamed(t *testing.T) {
	_, err := rulesOf(t, "", false, "testdata/check/broken.rules.yml", "testdata/check/missing.yml", "testdata/check/team.rules.yml")
	if !problem.Is(err, problem.Invalid) {
		t.Fatalf("got %v, want an Invalid problem", err)
	}
	goldenText(t, "../check/rules-broken.txt", err.Error()+"\n")
}
