package ownpage_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/integrations/ownpage"
)

func TestExportIsWholeAndTheSameEveryTime(t *testing.T) {
	r := newRig(t, ownpage.Options{Title: "Python Discord status"})
	r.night()
	first, second := t.TempDir(), filepath.Join(t.TempDir(), "deep", "status")
	if err := r.page.Export(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	r.clock.MoveTo(at("2022-01-01 00:00"))
	if err := r.page.Export(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if err := r.page.Export(t.Context(), second); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	files := []string{}
	err := filepath.WalkDir(first, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(first, path)
		files = append(files, name)
		a, _ := os.ReadFile(path)
		b, _ := os.ReadFile(filepath.Join(second, name))
		if string(a) != string(b) {
			t.Errorf("%s depends on when it was written", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"feed.atom", "history/2021-06.html", "history/2021-07.html", "incidents/INC-0001.html", "incidents/INC-0002.html", "incidents/INC-0003.html", "index.html", "status.json"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
	index, err := os.ReadFile(filepath.Join(first, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(index), "00:25 UTC") {
		t.Error("the page does not say 00:25 UTC")
	}
	checkLinks(t, first, files)
	var s ownpage.Status
	raw, _ := os.ReadFile(filepath.Join(first, "status.json"))
	if err := json.Unmarshal(raw, &s); err != nil || len(s.Incidents) != 3 || !s.Incidents[0].StartedAt.Equal(at("2021-07-11 00:25")) {
		t.Errorf("status.json: %v, %+v", err, s)
	}
}

var linkPattern = regexp.MustCompile(`href="([^"#]*)`)

// checkLinks follows every link of every page.
func checkLinks(t *testing.T, dir string, files []string) {
	t.Helper()
	for _, name := range files {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range linkPattern.FindAllStringSubmatch(string(page), -1) {
			if m[1] == "" || strings.HasPrefix(m[1], "data:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s leads to %q, which is not there", name, m[1])
			}
		}
	}
}

func TestLiveLinksLeadSomewhere(t *testing.T) {
	r := newRig(t, ownpage.Options{})
	r.night()
	mux := http.NewServeMux()
	mux.Handle("/status/", http.StripPrefix("/status", r.page))
	seen := map[string]bool{}
	var follow func(path string)
	follow = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		res := get(t, mux, path)
		if res.StatusCode != 200 {
			t.Errorf("%s: %s", path, res.Status)
			return
		}
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			return
		}
		for _, m := range linkPattern.FindAllStringSubmatch(body(t, res), -1) {
			if m[1] != "" && !strings.HasPrefix(m[1], "data:") {
				follow(resolve(t, path, m[1]))
			}
		}
	}
	follow("/status/")
	for _, want := range []string{"/status/incidents/INC-1", "/status/history/2021-06", "/status/feed.atom", "/status/status.json"} {
		if !seen[want] {
			t.Errorf("nothing leads to %s", want)
		}
	}
}

// resolve is a relative link as a browser follows it.
func resolve(t *testing.T, from, link string) string {
	t.Helper()
	base, err := url.Parse("http://status.example.org" + from)
	if err != nil {
		t.Fatal(err)
	}
	to, err := base.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return to.Path
}
