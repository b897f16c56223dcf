package alert_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
)

func TestCredential(t *testing.T) {
	c := alert.Credential{}.Bearer("new-token").Bearer("old-token").Basic("am", "secret").Header("cf-webhook-auth", "cloud").Bearer("")
	basic := func(user, password string) string {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	for name, k := range map[string]struct {
		header, value string
		ok            bool
	}{
		"the token": {"Authorization", "Bearer new-token", true}, "the one before it": {"Authorization", "Bearer old-token", true},
		"a scheme in any case": {"Authorization", "bearer new-token", true}, "a wrong token": {"Authorization", "Bearer new-tokem", false},
		"a prefix of it": {"Authorization", "Bearer new", false}, "an empty token": {"Authorization", "Bearer ", false},
		"no scheme": {"Authorization", "new-token", false}, "another scheme": {"Authorization", "Digest new-token", false},
		"basic": {"Authorization", basic("am", "secret"), true}, "a wrong user": {"Authorization", basic("an", "secret"), false},
		"a wrong password": {"Authorization", basic("am", "secret2"), false}, "the token as a password": {"Authorization", basic("am", "new-token"), false},
		"broken base64": {"Authorization", "Basic !!!", false}, "a header of its own": {"Cf-Webhook-Auth", "cloud", true},
		"a wrong header": {"Cf-Webhook-Auth", "clouds", false}, "nothing": {"X-Other", "new-token", false},
	} {
		err := c.Check(http.Header{k.header: {k.value}})
		if k.ok != (err == nil) || (err != nil && !problem.Is(err, problem.Unauthentic)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (alert.Credential{}).Check(http.Header{"Authorization": {"Bearer "}}); !problem.Is(err, problem.Unauthentic) {
		t.Errorf("a zero credential lets people in: %v", err)
	}
}

func TestACredentialPrintsNoSecret(t *testing.T) {
	c := alert.Credential{}.Bearer("hunter2").Basic("am", "hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, c); got != "1 bearer, 1 basic, 0 header" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if err := c.Check(http.Header{"Authorization": {"Bearer hunter3"}}); strings.Contains(fmt.Sprint(err), "hunter") {
		t.Errorf("%v", err)
	}
}

func TestFingerprintIsPrometheusOwn(t *testing.T) {
	for _, labels := range []map[string]string{nil, {"alertname": "postgres/connection-limit", "severity": "page"}, {"a": "", "ü": "\u202e"}} {
		set := model.LabelSet{}
		for k, v := range labels {
			set[model.LabelName(k)] = model.LabelValue(v)
		}
		if got, want := alert.Fingerprint(labels), set.Fingerprint().String(); got != want {
			t.Errorf("%v: %s, want %s", labels, got, want)
		}
	}
}
