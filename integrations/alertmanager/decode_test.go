package alertmanager

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
)

var update = flag.Bool("update", false, "write golden files anew")

func newSource(log *slog.Logger) *Source {
	return New("", alert.Credential{}.Bearer("token"), log)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestDecodesEveryRelease reads what Alertmanager sends, today's and 2023's fields.
func TestDecodesEveryRelease(t *testing.T) {
	for _, release := range []string{"v0.34", "v0.25"} {
		t.Run(release, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join("testdata", release+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if m := (message{}); !m.decode(string(body)) {
				t.Error("the quick reader leaves an ordinary message to encoding/json")
			}
			var log bytes.Buffer
			alerts, err := newSource(slog.New(slog.NewTextHandler(&log, nil))).Decode(nil, body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(alerts, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", release+".golden.json")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
			if noted := strings.Contains(log.String(), "left_out=3"); noted != (release == "v0.25") {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

func TestRefusesWhatIsNoNotification(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"nothing":              {"", "is not JSON"},
		"no JSON":              {"status=firing", "is not JSON"},
		"cut off":              {`{"alerts":[{"status":"firing"`, "is not JSON"},
		"something after it":   {`{"alerts":[]} {}`, "is not JSON"},
		"a list":               {`[]`, "does not fit"},
		"no alerts":            {`{"status":"firing"}`, `no list "alerts"`},
		"alerts of null":       {`{"alerts":null}`, `no list "alerts"`},
		"alerts as a text":     {`{"alerts":"none"}`, `"alerts" is a JSON string`},
		"a label as a number":  {`{"alerts":[{"status":"firing","startsAt":"2021-07-11T00:31:00Z","labels":{"a":7}}]}`, "is a JSON number"},
		"no startsAt":          {`{"alerts":[{"status":"firing"}]}`, "alerts[0] has no startsAt"},
		"a zero startsAt":      {`{"alerts":[{"status":"firing","startsAt":"0001-01-01T00:00:00Z"}]}`, "alerts[0] has no startsAt"},
		"a broken time":        {`{"alerts":[{"status":"firing","startsAt":"yesterday"}]}`, "RFC 3339"},
		"an unknown status":    {`{"alerts":[{"status":"suppressed","startsAt":"2021-07-11T00:31:00Z"}]}`, `alerts[0] has the status "suppressed"`},
		"nested without bound": {`{"alerts":` + strings.Repeat("[", 100_000), "is not JSON"},
	} {
		_, err := newSource(discard()).Decode(nil, []byte(c.body))
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an Invalid problem with %q", name, err, c.want)
		}
	}
}

func TestWhatIsMissingIsDerived(t *testing.T) {
	alerts, err := newSource(discard()).Decode(nil, []byte(`{"status":"firing","alerts":[{"labels":{"alertname":"a"},"startsAt":"2021-07-11T00:31:00Z"}]}`))
	if err != nil || len(alerts) != 1 {
		t.Fatal(alerts, err)
	}
	if a := alerts[0]; a.Status != alert.Firing || a.Fingerprint != alert.Fingerprint(map[string]string{"alertname": "a"}) {
		t.Errorf("got %+v", a)
	}
}

// TestDecodedAlertsOutliveTheBody: the caller's buffer is used again.
func TestDecodedAlertsOutliveTheBody(t *testing.T) {
	body := []byte(`{"alerts":[{"status":"firing","labels":{"alertname":"a"},"startsAt":"2021-07-11T00:31:00Z","fingerprint":"f"}]}`)
	alerts, err := newSource(discard()).Decode(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = 'x'
	}
	if a := alerts[0]; a.Labels["alertname"] != "a" || a.Fingerprint != "f" || a.Status != alert.Firing {
		t.Errorf("got %+v", a)
	}
}

func TestVerify(t *testing.T) {
	s := newSource(discard())
	if err := s.Verify(http.Header{"Authorization": {"Bearer token"}}, nil); err != nil {
		t.Error(err)
	}
	if err := s.Verify(http.Header{}, nil); !problem.Is(err, problem.Unauthentic) {
		t.Errorf("got %v", err)
	}
}

// FuzzDecodeAlertmanager holds the quick reader to encoding/json, and what is
// decoded to what the intake asks for.
func FuzzDecodeAlertmanager(f *testing.F) {
	for _, name := range []string{"v0.34.json", "v0.25.json"} {
		body, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, seed := range []string{
		`{"alerts":[]}`, `{"Alerts":[{"STARTSAT":"2021-07-11T00:31:00Z"}]}`, `{"alerts":[null,{"labels":null,"startsAt":null}],"truncatedAlerts":-1}`,
		`{"alerts":[{"labels":{"a":"b"},"labels":{"c":"d"},"x":{"y":[1e9,{}]}}],"alerts":[]}`, "{\"alerts\":[{\"status\":\"\xff\\u00e4\\ud800\"}]}", `{"alerts":[{"startsAt":"2021-07-11t00:31:00,5z"}]}`,
	} {
		f.Add([]byte(seed))
	}
	s := newSource(discard())
	f.Fuzz(func(t *testing.T, body []byte) {
		var quick, slow message
		if quick.decode(string(body)) {
			if err := json.Unmarshal(body, &slow); err != nil {
				t.Fatalf("took what encoding/json refuses: %v", err)
			}
			if !reflect.DeepEqual(quick, slow) {
				t.Fatalf("got  %+v\nwant %+v", quick, slow)
			}
		}
		alerts, err := s.Decode(nil, body)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("no Invalid problem: %v", err)
			}
			return
		}
		for _, a := range alerts {
			if a.Source != DefaultName || a.Fingerprint == "" || a.StartsAt.IsZero() || (a.Status != alert.Firing && a.Status != alert.Resolved) {
				t.Fatalf("decoded %+v", a)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	body, err := os.ReadFile(filepath.Join("testdata", "v0.34.json"))
	if err != nil {
		b.Fatal(err)
	}
	s := newSource(discard())
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := s.Decode(nil, body); err != nil {
			b.Fatal(err)
		}
	}
}
