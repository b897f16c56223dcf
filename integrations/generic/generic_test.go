package generic

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/problem"
)

var update = flag.Bool("update", false, "write golden files anew")

func source(t testing.TB, mapping *Mapping) *Source {
	t.Helper()
	s, err := New("", alert.Credential{}, mapping, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func loadMapping(t testing.TB, text string) *Mapping {
	t.Helper()
	m := new(Mapping)
	if err := yaml.Load([]byte(text), m, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestExamples decodes recorded messages of each sender with its mapping, and
// the documented form without one.
func TestExamples(t *testing.T) {
	list, err := Examples()
	if err != nil || len(list) < 4 {
		t.Fatalf("%d examples, %v", len(list), err)
	}
	for _, e := range append(list, Example{Name: "native"}) {
		t.Run(e.Name, func(t *testing.T) {
			var mapping *Mapping
			if e.YAML != "" {
				mapping = loadMapping(t, e.YAML)
			}
			s := source(t, mapping)
			messages, err := filepath.Glob(filepath.Join("testdata", e.Name, "*.json"))
			if err != nil || len(messages) == 0 {
				t.Fatalf("no messages, %v", err)
			}
			for _, name := range messages {
				body, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				alerts, err := s.Decode(nil, body)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				golden(t, strings.TrimSuffix(name, ".json")+".golden", alerts)
			}
		})
	}
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	if strings.Contains(b.String(), "hunter2") {
		t.Errorf("%s holds a secret of the sender", name)
	}
}

// TestConfigurationReadsAMapping: the strict decoder of the configuration knows
// every key of it.
func TestConfigurationReadsAMapping(t *testing.T) {
	list, err := Examples()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		text := "intake:\n  generic:\n    - name: " + e.Name + "\n      map:\n        " + strings.ReplaceAll(e.YAML, "\n", "\n        ") + "\n"
		c, err := config.Parse("wardroom.yaml", ".", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		got := new(Mapping)
		if err := c.Intake.Generic[0].Map.Decode(got); err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		if diff := cmp.Diff(loadMapping(t, e.YAML), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e.Name, diff)
		}
	}
}

func TestFiringAndResolvedAreOneAlert(t *testing.T) {
	s := source(t, nil)
	a, err := s.Decode(nil, []byte(`{"status":"firing","title":"Website is down","severity":"page","labels":{"b":"2","a":"1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Decode(nil, []byte(`{"status":"resolved","title":"Website is down","labels":{"a":"1","b":"2"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if a[0].Key() != b[0].Key() || !a[0].StartsAt.IsZero() {
		t.Errorf("%+v\n%+v", a[0], b[0])
	}
}

func TestRefusesWhatCannotBeUnderstood(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"no JSON":               {"title=down", "the body is not JSON"},
		"nothing":               {"", "the body is not JSON"},
		"two documents":         {`{"status":"firing","title":"a"}{}`, "something after the JSON"},
		"a text":                {`"down"`, "is not an object"},
		"null":                  {`null`, "is not an object"},
		"a list of texts":       {`["down"]`, "body[0]: is not an object"},
		"no status":             {`{"title":"a"}`, "has no status"},
		"an unknown status":     {`{"status":"down","title":"a"}`, `has the status "down"`},
		"no title":              {`{"status":"firing"}`, "has no title"},
		"a broken time":         {`{"status":"firing","title":"a","starts_at":"yesterday"}`, `starts_at: "yesterday" is not a time`},
		"a time long ago":       {`{"status":"firing","title":"a","starts_at":17}`, `starts_at: "17" is not a time`},
		"a time out of bounds":  {`{"status":"firing","title":"a","starts_at":1e300}`, "is not a time"},
		"a time that is a list": {`{"status":"firing","title":"a","starts_at":[1]}`, `"[1]" is not a time`},
		"the second of two":     {`{"alerts":[{"status":"firing","title":"a"},{}]}`, "alerts[1]: has no status"},
		"alerts is no list":     {`{"alerts":{"status":"firing"}}`, `no list "alerts"`},
	} {
		_, err := source(t, nil).Decode(nil, []byte(c.body))
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an Invalid problem with %q", name, err, c.want)
		}
	}
}

func TestPathsAndTexts(t *testing.T) {
	var root any
	dec := json.NewDecoder(strings.NewReader(`{"a":{"b":[10,{"c":"deep"}]},"n":1.50,"t":true,"z":null,"o":{"k":"v"},"e":""}`))
	dec.UseNumber()
	if err := dec.Decode(&root); err != nil {
		t.Fatal(err)
	}
	item := root.(map[string]any)["a"]
	for text, want := range map[string]string{
		"plain": "plain", "{$.n}": "1.50", "{b.1.c}": "deep", "{b.0} of {$.t}": "10 of true", "{x|b.1.c}": "deep", `{x|"none"}`: "none",
		"{{b}} {b.0}": "{b} 10", "{$.o}": `{"k":"v"}`, "[{$.z}]": "[]", "{b.7}{b.x}{b.-1}": "", `{x|"a } b"}`: "a } b", `{"only"}`: "only",
	} {
		e, err := parseExpr(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got, _ := e.fill(root, item); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"{a": "not closed", "a}": `without a "{"`, "{}": "empty", "{a..b}": "empty part", "{a|}": "empty", `{"x"|a}`: "last", `{a "x"}`: "last", `{a|"x}`: "not closed"} {
		if _, err := parseExpr(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestMappingMistakesComeTogether(t *testing.T) {
	_, err := New("x", alert.Credential{}, &Mapping{Alerts: "{a}", Title: "{", Labels: map[string]string{"team": "}"}, Statuses: map[string]string{"down": "fire"}}, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"alerts: is a path", `title: a "{" is not closed`, "labels.team: ", `statuses.down: "fire": want firing, resolved or ignore`, "status: is missing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

func TestSeveritiesAreTranslated(t *testing.T) {
	s := source(t, loadMapping(t, `{status: firing, title: a, severity: '{prio}', severities: {P1: critical, '*': low}}`))
	for body, want := range map[string]string{`{"prio":"p1"}`: "critical", `{"prio":"P5"}`: "low", `{}`: ""} {
		alerts, err := s.Decode(nil, []byte(body))
		if err != nil || alerts[0].Labels["severity"] != want {
			t.Errorf("%s: %v, %v", body, alerts, err)
		}
	}
}

func TestLongFingerprintsAreHashed(t *testing.T) {
	alerts, err := source(t, nil).Decode(nil, []byte(`{"status":"firing","title":"a","fingerprint":"`+strings.Repeat("x", 5000)+`"}`))
	if err != nil || len(alerts[0].Fingerprint) != 32 {
		t.Errorf("%v, %v", alerts, err)
	}
}

// FuzzDecodeGeneric: whatever is sent, what comes out can be recorded.
func FuzzDecodeGeneric(f *testing.F) {
	messages, err := filepath.Glob(filepath.Join("testdata", "*", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range messages {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	sources := []*Source{source(f, nil)}
	list, err := Examples()
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range list {
		sources = append(sources, source(f, loadMapping(f, e.YAML)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range sources {
			alerts, err := s.Decode(nil, body)
			if err != nil {
				if !problem.Is(err, problem.Invalid) {
					t.Fatalf("no Invalid problem: %v", err)
				}
				continue
			}
			for _, a := range alerts {
				if a.Source == "" || a.Fingerprint == "" || len(a.Fingerprint) > maxFingerprint || (a.Status != alert.Firing && a.Status != alert.Resolved) {
					t.Fatalf("decoded %+v", a)
				}
				if y := a.StartsAt.Year(); !a.StartsAt.IsZero() && (y < 2000 || y > 2100) {
					t.Fatalf("began %v", a.StartsAt)
				}
			}
		}
	})
}
