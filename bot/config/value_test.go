package config

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wardroom/bot/alert"
)

func TestDurationsReadBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(10_000*time.Hour/time.Second)).Draw(t, "seconds")) * time.Second
		if got, err := ParseDuration(FormatDuration(d)); err != nil || got != d {
			t.Fatalf("%v is written %q and read back as %v, %v", d, FormatDuration(d), got, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for in, loopback := range map[string]bool{"127.0.0.1:8080": true, "[::1]:0": true, "localhost:1": true, ":8080": false, "10.0.0.1:80": false, "wardroom.example.org:80": false} {
		a, err := ParseAddr(in)
		if err != nil || a.String() != in || a.Loopback() != loopback {
			t.Errorf("%s: %v, %v, loopback %v", in, a, err, a.Loopback())
		}
	}
	for _, in := range []string{"", "8080", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000", "a b:80", "http://x:80", "999.1.1.1.:80:80"} {
		if a, err := ParseAddr(in); err == nil {
			t.Errorf("%q was taken as %v", in, a)
		}
	}
	if (Addr{}).String() != "" {
		t.Error("the zero address is none")
	}
}

func TestHosts(t *testing.T) {
	if h, err := ParseHost("Status.Example.org."); err != nil || h != "status.example.org" {
		t.Errorf("%q, %v", h, err)
	}
	for _, in := range []string{"", "10.0.0.1", "::1", "a..b", "-a.org", "a_b.org", "https://a.org", "a.org:80", strings.Repeat("a", 64) + ".org", strings.Repeat("a.", 140)} {
		if h, err := ParseHost(in); err == nil {
			t.Errorf("%q was taken as %q", in, h)
		}
	}
}

func TestURLsKeepPasswordsOutOfMessages(t *testing.T) {
	for _, in := range []string{"http://joe:hunter2@am:9093", "joe:hunter2@am:9093", "ftp://joe:hunter2@am", "http://joe:hunter2@"} {
		if u, err := ParseURL(in); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, %v", in, u, err)
		}
	}
}

func TestSectionsReadEveryKindOfValue(t *testing.T) {
	type inner struct {
		Pos
		Name Text `yaml:"name"`
	}
	type form struct {
		Text     string            `yaml:"text"`
		On       bool              `yaml:"on"`
		Count    int               `yaml:"count"`
		Ratio    float64           `yaml:"ratio"`
		Every    time.Duration     `yaml:"every"`
		Severity alert.Severity    `yaml:"severity"`
		Words    []string          `yaml:"words"`
		By       map[string]string `yaml:"by"`
		Maybe    *int              `yaml:"maybe"`
		Inner    inner             `yaml:"inner"`
		Left     string            `yaml:"left"`
	}
	read := func(data string) (form, error) {
		c, err := Parse("f.yaml", "", []byte("status_page: {statuspage: "+data+"}"))
		if err != nil {
			t.Fatal(err)
		}
		f := form{Left: "as it was"}
		return f, c.StatusPage.Statuspage.Decode(&f)
	}
	got, err := read(`{text: "yes", on: yes, count: -3, ratio: 0.5, every: 2d, severity: sev1, words: [a, b], by: {x: "1"}, maybe: 7, inner: {name: n}, left: }`)
	if err != nil {
		t.Fatal(err)
	}
	seven := 7
	want := form{Text: "yes", On: true, Count: -3, Ratio: 0.5, Every: 48 * time.Hour, Severity: alert.SEV1, Words: []string{"a", "b"},
		By: map[string]string{"x": "1"}, Maybe: &seven, Left: "as it was"}
	got.Inner = inner{}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Text{})); diff != "" {
		t.Error(diff)
	}
	_, err = read(`{text: [], on: maybe, count: 1.5, ratio: x, every: 5, severity: SEV9, words: {a: b}, by: [], maybe: x, inner: n}`)
	if err == nil {
		t.Fatal("wrong values were taken")
	}
	if n := strings.Count(err.Error(), "\n"); n != 10 {
		t.Errorf("want 10 mistakes, got %d:\n%v", n, err)
	}
}

func TestCredentialsAccept(t *testing.T) {
	if !(Credentials{}).IsZero() {
		t.Error("the zero value is none")
	}
	c := Credentials{Token: NewSecret("tok"), Username: "u", Password: NewSecret("p")}
	bearer := http.Header{"Authorization": {"Bearer tok"}}
	basic := http.Request{Header: http.Header{}}
	basic.SetBasicAuth("u", "p")
	wrong := http.Header{"Authorization": {"Bearer other"}}
	if c.Accept().Check(bearer) != nil || c.Accept().Check(basic.Header) != nil || c.Accept().Check(wrong) == nil {
		t.Error("accepts the wrong ones")
	}
	if (Credentials{}).Accept().Check(bearer) == nil {
		t.Error("no credentials must let nobody in")
	}
}
