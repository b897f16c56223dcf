package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/ntfy/ntfytest"
	"wardroom/integrations/web"
)

// TestAPhoneRingsAndAcknowledges goes the whole way, wired as in production.
func TestAPhoneRingsAndAcknowledges(t *testing.T) {
	t.Parallel()
	address := ""
	phones, err := ntfytest.New(ntfytest.Options{Rewrite: func(link string) string {
		return strings.Replace(link, "https://wardroom.example.org", address, 1)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer phones.Close()
	cfg, err := config.Parse("wardroom.yaml", "", fmt.Appendf(nil, `
people: {joe: {roles: lead, ntfy: wardroom-joe-5f2c9a7e, discord: "165023948638126080"}}
oncall: {people: [joe], url: "https://wardroom.example.org", ntfy: {url: %q}}
`, phones.URL()))
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	sys, err := wire(t.Context(), settings{config: cfg, data: data, clock: timeline.RealClock{}, log: shellLog()})
	if err != nil {
		t.Fatal(err)
	}
	front, err := sys.front(web.Options{Listen: "127.0.0.1:0"}, config.NewSecret("any"))
	if err != nil {
		t.Fatal(err)
	}
	sys.app.Add(webService("web", front))
	if err := sys.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopping, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	defer func() {
		if err := sys.app.Stop(stopping); err != nil {
			t.Error(err)
		}
	}()
	address = "http://" + front.Addr()
	i, err := sys.incidents.Declare(t.Context(), incident.Who{}, incident.Declaration{Title: "Redis is slow", Severity: alert.SEV1})
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.app.Settle(stopping); err != nil {
		t.Fatal(err)
	}
	rang := phones.Messages("wardroom-joe-5f2c9a7e")
	if len(rang) != 1 || rang[0].Title != "SEV1 INC-1: Redis is slow" {
		t.Fatalf("%+v", rang)
	}
	if status, err := phones.Press(t.Context(), rang[0].ID, "Acknowledge"); status != http.StatusOK || err != nil {
		t.Fatal(status, err)
	}
	if i, err = sys.incidents.Get(t.Context(), i.ID); err != nil || i.AcknowledgedBy != "joe" {
		t.Error(i.AcknowledgedBy, err)
	}
	info, err := os.Stat(filepath.Join(data, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	again, err := signingKey(data)
	if err != nil || len(again) < 32 {
		t.Error(err)
	}
	for _, r := range checks.Run(t.Context(), newChecker(cfg, data).onCall()) {
		if r.Level != checks.OK {
			t.Errorf("%+v", r)
		}
	}
}

func TestNobodyIsWokenWithoutBeingConfigured(t *testing.T) {
	data := t.TempDir()
	sys, err := wire(t.Context(), settings{config: config.Default(), data: data, clock: timeline.RealClock{}, log: shellLog()})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.db.Close()
	if _, err := os.Stat(filepath.Join(data, keyFile)); err == nil || sys.waking.desk != nil {
		t.Error("a key was made for links that nobody gets")
	}
	if got := newChecker(config.Default(), data).onCall(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestCheckSaysWhomAPageWouldNotReach(t *testing.T) {
	for written, want := range map[string]string{
		"people: {joe: }\noncall: {people: [joe]}":                                                                             "FAIL pages reach joe nowhere",
		"people: {joe: {discord: \"165023948638126080\"}}\noncall: {people: [joe]}":                                            "warn pages do not reach the phone of joe",
		"people: {joe: {ntfy: wardroom-joe-5f2c9a7e}}\noncall: {people: [joe]}":                                                "warn pages carry no Acknowledge link",
		"people: {joe: {ntfy: wardroom-joe-5f2c9a7e}}\noncall: {people: [joe], url: \"https://wardroom.example.org\"}":         "warn a room cannot mention joe",
		"people: {joe: {ntfy: wardroom-joe-5f2c9a7e}}":                                                                         "warn no rota",
		"people: {joe: {ntfy: wardroom-joe-5f2c9a7e}}\noncall: {overrides: [{from: 2020-01-01, to: 2020-01-02, person: joe}]}": "warn a gap in the rota",
	} {
		cfg, err := config.Parse("f.yaml", "", []byte(written))
		if err != nil {
			t.Fatal(err)
		}
		k := newChecker(cfg, t.TempDir())
		f, err := k.rota(t.Context())
		level, words, _ := strings.Cut(want, " ")
		if err != nil || levelWords[f.Level] != level || !strings.Contains(f.Sentence, words) {
			t.Errorf("%s: want %s, got %+v, %v", written, want, f, err)
		}
	}
}
