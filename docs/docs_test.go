// Package docs_test holds what is written for people to the code: links lead
// somewhere, and examples are accepted.
package docs_test

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wardroom/bot/config"
	"wardroom/bot/scenario"
	"wardroom/integrations/generic"
)

// pages are all Markdown files of the repository, by their path from its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "out" || d.Name() == "bin") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found[path] = string(b)
		}
		return nil
	})
	if err != nil || len(found) < 10 {
		t.Fatalf("%d pages, %v", len(found), err)
	}
	return found
}

var (
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	block = regexp.MustCompile("(?s)```yaml\n(.*?)```")
)

func TestLinksLeadSomewhere(t *testing.T) {
	for path, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}

// TestConfigurationsInGuidesLoad takes each YAML block that holds sections of the
// configuration.
func TestConfigurationsInGuidesLoad(t *testing.T) {
	loaded := 0
	for path, text := range pages(t) {
		if !strings.Contains(path, "guide") {
			continue
		}
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[1], "intake:") && !strings.HasPrefix(m[1], "routes:") && !strings.HasPrefix(m[1], "people:") {
				continue
			}
			loaded++
			c, err := config.Parse(path, "", []byte(m[1]))
			if err != nil {
				t.Error(err)
				continue
			}
			for _, g := range c.Intake.Generic {
				mappingHolds(t, path, g)
			}
		}
	}
	if loaded < 3 {
		t.Errorf("only %d blocks were found", loaded)
	}
}

func mappingHolds(t *testing.T, path string, g config.Generic) {
	t.Helper()
	if g.Map.IsZero() {
		return
	}
	var mapping generic.Mapping
	if err := g.Map.Decode(&mapping); err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	if _, err := generic.New(g.Name, g.Inbound.Accept(), &mapping, slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("%s: %s: %v", path, g.Name, err)
	}
}

func TestScenarioInItsFormatReads(t *testing.T) {
	text := pages(t)["../docs/scenario-format.md"]
	if text == "" {
		text = pages(t)["scenario-format.md"]
	}
	m := block.FindStringSubmatch(text)
	if m == nil {
		t.Fatal("the page has no example")
	}
	f, err := scenario.Read(strings.NewReader(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Events) != 9 || len(f.Expect) != 3 {
		t.Errorf("%d events, %d expectations", len(f.Events), len(f.Expect))
	}
}

// TestDecisionsAreListed fails for a decision that nobody finds.
func TestDecisionsAreListed(t *testing.T) {
	index, err := os.ReadFile("adr/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("adr/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no decisions", err)
	}
	slices.Sort(files)
	for _, f := range files {
		if !strings.Contains(string(index), "("+filepath.Base(f)+")") {
			t.Errorf("%s is not in adr/README.md", f)
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range []string{"Status: ", "## Context", "## Decision", "## Consequences"} {
			if !strings.Contains(string(b), section) {
				t.Errorf("%s has no %q", f, section)
			}
		}
	}
}
