// Mutants plants defects, each in a copy of one file, and looks whether the test that
// is to find it does. The tree stays as it is: the copy goes to the compiler with
// -overlay. The table is .ci/mutants.txt; its head says how it is written.
//
// A defect is found when its test passes without it and fails with it, by what it
// asserts: a defect that does not compile, or that a whole package fails of, shows
// nothing.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// mutant is one planted defect.
type mutant struct {
	Name string // what is broken
	File string
	Old  string // stands exactly once in it
	New  string
	Pkg  string // whose test finds it: "./storage"
	Test string // its name
}

const (
	tablePath = ".ci/mutants.txt"
	listPath  = "docs/mutants.md"
)

func main() {
	update := flag.Bool("update", false, "write "+listPath+" and run nothing")
	only := flag.String("run", "", "only the mutants whose name fits this regular expression")
	jobs := flag.Int("jobs", 2, "so many at a time")
	flag.Parse()
	if err := run(*update, *only, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(update bool, only string, jobs int) error {
	raw, err := os.ReadFile(tablePath)
	if err != nil {
		return err
	}
	all, err := parse(string(raw))
	if err != nil {
		return err
	}
	if update {
		return os.WriteFile(listPath, []byte(list(all)), 0o644)
	}
	if have, err := os.ReadFile(listPath); err != nil || string(have) != list(all) {
		return fmt.Errorf("%s is stale; `make docs` writes it anew", listPath)
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(m mutant) bool { return !wanted.MatchString(m.Name) })
	begin, before := time.Now(), leftovers()
	if err := healthy(all); err != nil {
		return err
	}
	fmt.Printf("%5.1fs  without a defect the tests pass\n", time.Since(begin).Seconds())
	results := make([]error, len(all))
	var wg sync.WaitGroup
	var mu sync.Mutex
	turn := make(chan struct{}, max(jobs, 1))
	for i, m := range all {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			began := time.Now()
			results[i] = m.plant()
			mu.Lock()
			defer mu.Unlock()
			word := "found by " + m.Test
			if results[i] != nil {
				word = results[i].Error()
			}
			fmt.Printf("%5.1fs  %s: %s\n", time.Since(began).Seconds(), m.Name, word)
		})
	}
	wg.Wait()
	bad := 0
	for _, err := range results {
		if err != nil {
			bad++
		}
	}
	fmt.Printf("%d mutants, %d found, in %.0fs\n", len(all), len(all)-bad, time.Since(begin).Seconds())
	if after := leftovers(); after != before {
		return fmt.Errorf("a test that failed has left something in the tree: choose another, or a test inside it:\n%s", after)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d defects were not found", bad, len(all))
	}
	return nil
}

// leftovers are files that tests have made where they lie, as rapid does when one fails.
func leftovers() string {
	out, err := exec.Command("git", "status", "--porcelain", "--untracked-files=all", "--", "*testdata*").Output()
	if err != nil {
		return "" // there is no repository to look into
	}
	return string(out)
}

// healthy runs the tests on the tree as it is, each package once.
func healthy(all []mutant) error {
	type group struct{ pkg, alone string } // alone: a test inside another one
	tests := map[group][]string{}
	var order []group
	for _, m := range all {
		g := group{pkg: m.Pkg}
		if strings.Contains(m.Test, "/") {
			g.alone = m.Test
		}
		if len(tests[g]) == 0 {
			order = append(order, g)
		}
		if !slices.Contains(tests[g], m.Test) {
			tests[g] = append(tests[g], m.Test)
		}
	}
	var bad []error
	for _, g := range order {
		passed, _, out, err := goTest(g.pkg, tests[g], "")
		for _, name := range tests[g] {
			if !passed[name] {
				bad = append(bad, fmt.Errorf("%s in %s does not pass without a defect: %w\n%s", name, g.pkg, cmp.Or(err, errors.New("it did not run")), out))
			}
		}
	}
	return errors.Join(bad...)
}

// plant runs the test with the defect and returns nil when it is found.
func (m mutant) plant() error {
	have, err := os.ReadFile(m.File)
	if err != nil {
		return err
	}
	if n := bytes.Count(have, []byte(m.Old)); n != 1 {
		return fmt.Errorf("mutant no longer applies: its text stands %d times in %s", n, m.File)
	}
	dir, err := os.MkdirTemp("", "mutant-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, filepath.Base(m.File))
	if err := os.WriteFile(copied, bytes.Replace(have, []byte(m.Old), []byte(m.New), 1), 0o600); err != nil {
		return err
	}
	original, err := filepath.Abs(m.File)
	if err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: copied}})
	if err != nil {
		return err
	}
	into := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(into, overlay, 0o600); err != nil {
		return err
	}
	passed, failed, out, err := goTest(m.Pkg, []string{m.Test}, into)
	switch {
	case failed[m.Test]:
		return nil
	case passed[m.Test]:
		return fmt.Errorf("SURVIVES: %s in %s passes", m.Test, m.Pkg)
	}
	return fmt.Errorf("shows nothing: %s in %s neither passes nor fails: %v\n%s", m.Test, m.Pkg, err, out)
}

// goTest runs tests of a package, or one inside a test ("TestA/what_it_holds"), and
// reports which passed and which failed.
func goTest(pkg string, tests []string, overlay string) (passed, failed map[string]bool, out string, err error) {
	args := []string{"test", "-json", "-count=1", "-vet=off", "-ldflags=-w", "-timeout=5m", "-run", "^(" + strings.ReplaceAll(strings.Join(tests, "|"), "/", ")$/^(") + ")$"}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	c := exec.Command("go", append(args, pkg)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "CI=")
	raw, err := c.CombinedOutput()
	passed, failed = map[string]bool{}, map[string]bool{}
	var said strings.Builder
	for line := range bytes.Lines(raw) {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(line, &e) != nil {
			said.Write(line)
			continue
		}
		said.WriteString(e.Output)
		switch e.Action {
		case "pass":
			passed[e.Test] = true
		case "fail":
			failed[e.Test] = true
		}
	}
	text := said.String()
	if strings.Contains(text, "\npanic: ") {
		clear(failed) // it hung or broke down: nothing was asserted
	}
	return passed, failed, text[max(0, len(text)-3000):], err
}

// parse reads the table: blocks of "key: value" lines, with old and new as lines that
// begin with "- " and "+ ", parted by empty lines. Lines that begin with # are comments.
func parse(text string) (all []mutant, err error) {
	for i, block := range strings.Split(text, "\n\n") {
		var m mutant
		var was, is []string
		for line := range strings.Lines(block) {
			line = strings.TrimRight(line, "\n")
			key, value, _ := strings.Cut(line, ": ")
			switch {
			case strings.HasPrefix(line, "#") || line == "":
			case line == "-" || strings.HasPrefix(line, "- "):
				was = append(was, strings.TrimPrefix(line[1:], " "))
			case line == "+" || strings.HasPrefix(line, "+ "):
				is = append(is, strings.TrimPrefix(line[1:], " "))
			case key == "mutant":
				m.Name = value
			case key == "file":
				m.File = value
			case key == "found by":
				m.Pkg, m.Test, _ = strings.Cut(value, " ")
			default:
				return nil, fmt.Errorf("%s: block %d: cannot read %q", tablePath, i+1, line)
			}
		}
		if m == (mutant{}) && len(was) == 0 {
			continue
		}
		m.Old, m.New = strings.Join(was, "\n"), strings.Join(is, "\n")
		if m.Name == "" || m.File == "" || m.Old == "" || m.Pkg == "" || m.Test == "" || m.Old == m.New {
			return nil, fmt.Errorf("%s: block %d (%s) lacks something", tablePath, i+1, m.Name)
		}
		if slices.ContainsFunc(all, func(o mutant) bool { return o.Name == m.Name }) {
			return nil, fmt.Errorf("%s: two mutants are called %q", tablePath, m.Name)
		}
		all = append(all, m)
	}
	return all, nil
}

// list is docs/mutants.md.
func list(all []mutant) string {
	var b strings.Builder
	b.WriteString("# Planted defects, and the tests that find them\n\n<!-- Written by .ci/mutants.go from .ci/mutants.txt; make docs writes it anew. -->\n\n")
	b.WriteString("`make mutants` plants each of these defects in a copy and runs the one test that has to fail of it. The table of the exact\n" +
		"texts is [.ci/mutants.txt](../.ci/mutants.txt); [Contributing](../CONTRIBUTING.md) says when to add one.\n\n")
	fmt.Fprintf(&b, "%d defects:\n\n| what is broken | in | found by |\n|---|---|---|\n", len(all))
	for _, m := range all {
		fmt.Fprintf(&b, "| %s | `%s` | `%s` in `%s` |\n", m.Name, m.File, m.Test, strings.TrimPrefix(m.Pkg, "./"))
	}
	return b.String()
}
