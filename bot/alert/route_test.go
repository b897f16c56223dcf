package alert_test

import (
	"errors"
	"strings"
	"testing"

	"wardroom/bot/alert"
)

func labels(kv ...string) alert.Alert {
	a := alert.Alert{Source: "alertmanager", Labels: map[string]string{}}
	for i := 0; i < len(kv); i += 2 {
		a.Labels[kv[i]] = kv[i+1]
	}
	return a
}

func TestDefaultRoutes(t *testing.T) {
	for severity, want := range map[string]string{"critical": "open SEV1", "page": "open SEV2", "warning": "open SEV3", "low": "notify", "none": "notify", "": "notify"} {
		if got := alert.DefaultRoutes().For(labels("severity", severity)).Outcome(); got != want {
			t.Errorf("severity %q: %s, want %s", severity, got, want)
		}
	}
}

func TestTheFirstRouteThatMatchesDecides(t *testing.T) {
	routes, err := alert.ParseRoutes([]alert.RouteText{
		{Match: `alertname="Watchdog"`, Action: "ignore"},
		{Match: `severity=~"page|critical", namespace!~"test-.*"`, Action: "open", Severity: "sev1"},
		{Match: `{"label with spaces"="ü/ö"}`, Action: "open", Severity: "4"},
		{Source: "kuma", Action: "open", Severity: "SEV2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	kuma := labels("alertname", "site")
	kuma.Source = "kuma"
	for name, c := range map[string]struct {
		alert alert.Alert
		want  string
	}{
		"by name":                         {labels("alertname", "Watchdog", "severity", "page"), "ignore"},
		"by expression":                   {labels("severity", "critical", "namespace", "default"), "open SEV1"},
		"a missing label is empty":        {labels("severity", "page"), "open SEV1"},
		"excluded":                        {labels("severity", "page", "namespace", "test-7"), "notify"},
		"an expression matches all of it": {labels("severity", "pages"), "notify"},
		"any name of a label":             {labels("label with spaces", "ü/ö"), "open SEV4"},
		"by source":                       {kuma, "open SEV2"},
		"none matches":                    {labels(), "notify"},
	} {
		if got := routes.For(c.alert).Outcome(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestRouteMistakesComeTogether(t *testing.T) {
	_, err := alert.ParseRoutes([]alert.RouteText{
		{Match: `severity=`, Action: "page"},
		{Match: `severity="page"`, Action: "open"},
		{Match: `severity="low"`, Action: "notify", Severity: "SEV1"},
		{Action: "ignore"},
		{Match: `team=~"("`, Action: "ignore"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"route 1: matchers", `action "page": want open, notify or ignore`, "route 2: action open needs a severity",
		"route 3: action notify has no severity", "route 5: matchers"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if one, ok := errors.AsType[*alert.RouteError](err); !ok || one.Index != 0 {
		t.Errorf("got %v", one)
	}
	_, err = alert.ParseRoutes([]alert.RouteText{{Action: "notify"}, {Match: `severity="page"`, Action: "ignore"}})
	if err == nil || !strings.Contains(err.Error(), "route 2: is never reached: route 1 matches every alert") {
		t.Errorf("got %v", err)
	}
	// Routes are counted as they are written, also those that are wrong.
	_, err = alert.ParseRoutes([]alert.RouteText{{Action: "page"}, {Action: "notify"}, {Match: `severity="page"`, Action: "ignore"}})
	if err == nil || !strings.Contains(err.Error(), "route 3: is never reached: route 2 matches every alert") {
		t.Errorf("got %v", err)
	}
}

func TestMatchersReadWhatTheyWrite(t *testing.T) {
	for _, text := range []string{"", `{}`, `severity="page"`, `{a="1",b!="2",c=~"x|y",d!~".*"}`, `{"a b"="c\"d"}`, `foo=bar`} {
		m, err := alert.ParseMatchers(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := alert.ParseMatchers(m.String())
		if err != nil || again.String() != m.String() {
			t.Errorf("%q became %q, then %q: %v", text, m, again, err)
		}
	}
}
