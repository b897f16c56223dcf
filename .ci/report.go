// Report reads the output of `go test -json`, shows what failed, counts what ran
// by its kind, and refuses a run in which something was skipped. Its last line is
// "N passed, N failed".
//
// A test is counted when it has no tests inside. CONTRIBUTING.md says what the
// kinds are. What a test has counted itself, in a log line that begins "counted:",
// is shown too. In a whole run (CI=true) some tests have to be among those that
// passed: nobody leaves them out unseen.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

type key struct{ pkg, test string }

// kinds in the order in which they are tried; the last takes the rest. A test is
// of a kind by its package, its name, or what its body calls.
var kinds = []struct {
	name  string
	pkg   *regexp.Regexp
	test  *regexp.Regexp
	calls *regexp.Regexp // over "name" or "package.Name" of what the test calls itself
}{
	{name: "e2e", pkg: regexp.MustCompile(`/e2e`)},
	{name: "fault and kill", test: regexp.MustCompile(`^Test\w*(Fault|Kill|Crash|Damage|Full|Corrupt|Tamper|Altered)`)},
	{name: "conformance", test: regexp.MustCompile(`Conform`), calls: regexp.MustCompile(`^storagetest\.`)},
	{name: "script", calls: regexp.MustCompile(`^testscript\.Run`)},
	{name: "fuzz seed", test: regexp.MustCompile(`^Fuzz`)},
	{name: "property", calls: regexp.MustCompile(`^rapid\.(Check|MakeCheck)$`)},
	{name: "golden", calls: regexp.MustCompile(`(?i)golden`)},
	{name: "layout", pkg: regexp.MustCompile(`^wardroom$`)},
	{name: "unit", test: regexp.MustCompile(``)},
}

// needed are the tests without which a whole run is none: they hold what is sent to
// Discord to its own document, everything to hostile text, and repairs to their record
// and their rights.
var needed = []key{
	{"wardroom/cmd/wardroom", "TestEveryRepairIsKilled"},
	{"wardroom/cmd/wardroom", "TestHostileTextFromEverySide"},
	{"wardroom/cmd/wardroom", "TestTheBotIsKilledAtEveryPoint"},
	{"wardroom/cmd/wardroom", "TestWithoutARuleExactlyItsRepairsCannotBeHad"},
	{"wardroom/integrations/discord/discordtest", "TestEveryAnswerIsAsDiscordsDocumentSays"},
	{"wardroom/integrations/discord/discordtest/spec", "TestSimulatedDiscordIsLikeTheRealOne"},
	{"wardroom/integrations/discord/discordtest/spec", "TestEveryRuleHasAPlantedViolation"},
	{"wardroom/integrations/discord/discordtest/spec", "TestWholeDocumentCompiles"},
	{"wardroom/integrations/discord/render", "TestHostileTextBreaksNoLimit"},
	{"wardroom/integrations/ntfy", "TestHostileTextOnAPhone"},
	{"wardroom/integrations/web", "TestHostileTextChangesNoAckPage"},
}

func main() {
	r := read()
	os.Exit(r.print())
}

type run struct {
	result  map[key]event
	output  map[key][]string
	build   []string // what the compiler said
	broken  map[string]bool
	passed  map[string]float64 // packages that passed, with their seconds
	strange []string           // lines that are no JSON
}

func read() run {
	r := run{result: map[key]event{}, output: map[key][]string{}, broken: map[string]bool{}, passed: map[string]float64{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			r.strange = append(r.strange, lines.Text())
			continue
		}
		r.take(e)
	}
	if err := lines.Err(); err != nil {
		r.strange = append(r.strange, "reading: "+err.Error())
	}
	return r
}

func (r *run) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		r.build = append(r.build, e.Output)
	case "output":
		r.output[k] = append(r.output[k], e.Output)
	case "pass", "fail", "skip":
		switch {
		case e.Test != "":
			r.result[k] = e
		case e.Action == "pass":
			r.passed[e.Package] = e.Elapsed
		case e.Action == "fail":
			r.broken[e.Package] = true
		}
	}
}

func (r *run) print() int {
	parents := map[key]bool{}
	for k := range r.result {
		for i := strings.LastIndexByte(k.test, '/'); i > 0; i = strings.LastIndexByte(k.test[:i], '/') {
			parents[key{k.pkg, k.test[:i]}] = true
		}
	}
	keys := slices.SortedFunc(maps.Keys(r.result), func(a, b key) int {
		return strings.Compare(a.pkg+" "+a.test, b.pkg+" "+b.test)
	})
	passed, failed := 0, 0
	var skipped []key
	count, src := map[string]int{}, source{}
	for _, k := range keys {
		switch e := r.result[k]; {
		case e.Action == "fail":
			fmt.Printf("\n--- FAIL %s %s\n%s", k.pkg, k.test, shown(r.output[k]))
			if !parents[k] {
				failed++
			}
		case e.Action == "skip":
			skipped = append(skipped, k)
		case !parents[k]:
			passed++
			count[src.kindOf(k)]++
		}
	}
	failed += r.printBroken() + r.printMissing()
	r.printCounted(keys)
	r.printSlow(keys, parents)
	for _, kind := range kinds {
		if n := count[kind.name]; n > 0 {
			fmt.Printf("%6d %s\n", n, kind.name)
		}
	}
	code := r.printSkipped(skipped)
	if passed == 0 && failed == 0 {
		fmt.Println("no test ran")
		code = 1
	}
	if failed > 0 {
		code = 1
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	return code
}

// shown bounds what one failure prints.
func shown(lines []string) string {
	const most = 150
	if len(lines) > most {
		lines = append(slices.Clone(lines[:most-20]), fmt.Sprintf("    … %d lines left out …\n", len(lines)-most), strings.Join(lines[len(lines)-20:], ""))
	}
	return strings.Join(lines, "")
}

// printBroken shows what failed without a test to blame: a package that does not
// build, a panic, a deadlock. Each counts as one failure.
func (r *run) printBroken() int {
	for _, line := range append(r.strange, r.build...) {
		fmt.Println(strings.TrimSuffix(line, "\n"))
	}
	blamed := map[string]bool{}
	for k, e := range r.result {
		if e.Action == "fail" {
			blamed[k.pkg] = true
		}
	}
	failed := 0
	for _, pkg := range slices.Sorted(maps.Keys(r.broken)) {
		if blamed[pkg] {
			continue
		}
		failed++
		fmt.Printf("\n--- FAIL %s\n", pkg)
		for k, lines := range r.output {
			if _, done := r.result[k]; k.pkg == pkg && !done {
				fmt.Print(strings.Join(lines, ""))
			}
		}
	}
	if len(r.strange) > 0 && failed == 0 {
		failed = 1
	}
	return failed
}

// printMissing names what a whole run must not leave out. Each counts as one failure.
func (r *run) printMissing() (missing int) {
	if os.Getenv("CI") != "true" {
		return 0
	}
	for _, k := range needed {
		if _, ran := r.result[k]; !ran && !r.broken[k.pkg] {
			fmt.Printf("\n--- FAIL %s %s: it did not run\n", k.pkg, k.test)
			missing++
		}
	}
	return missing
}

// printCounted shows what tests that passed counted themselves.
func (r *run) printCounted(keys []key) {
	for _, k := range keys {
		for _, line := range r.output[k] {
			if _, what, counted := strings.Cut(line, ": counted: "); counted && r.result[k].Action == "pass" {
				fmt.Printf("%s: %s\n", k.test, strings.TrimSpace(what))
			}
		}
	}
}

func (r *run) printSlow(keys []key, parents map[key]bool) {
	var slow []key
	for _, k := range keys {
		if !parents[k] && r.result[k].Elapsed >= 5 {
			slow = append(slow, k)
		}
	}
	slices.SortFunc(slow, func(a, b key) int { return int(r.result[b].Elapsed*1000 - r.result[a].Elapsed*1000) })
	for _, k := range slow[:min(len(slow), 8)] {
		d := time.Duration(r.result[k].Elapsed * float64(time.Second)).Round(100 * time.Millisecond)
		fmt.Printf("slow: %s %s took %s\n", k.pkg, k.test, d)
	}
	fmt.Printf("\n%d packages with tests passed\n", len(r.passed))
}

// printSkipped allows a skip only where the published interfaces of outside
// systems are not beside this clone.
func (r *run) printSkipped(skipped []key) int {
	if len(skipped) == 0 {
		return 0
	}
	_, err := os.Stat("../shared/specs")
	for _, k := range skipped {
		fmt.Printf("SKIPPED %s %s\n%s", k.pkg, k.test, strings.Join(r.output[k], ""))
	}
	if err != nil {
		fmt.Printf("\n*** %d tests were skipped: ../shared/specs is not here, so nothing was held to the published interfaces ***\n\n", len(skipped))
		return 0
	}
	fmt.Printf("\n%d tests were skipped although ../shared/specs is here: that counts as a failure\n", len(skipped))
	return 1
}

func (s source) kindOf(k key) string {
	name, _, _ := strings.Cut(k.test, "/")
	for _, kind := range kinds {
		if kind.pkg != nil && kind.pkg.MatchString(k.pkg) || kind.test != nil && kind.test.MatchString(name) ||
			kind.calls != nil && slices.ContainsFunc(s.calls(k.pkg)[name], kind.calls.MatchString) {
			return kind.name
		}
	}
	return "unit"
}

// source tells what the tests of a package call; it reads each package once.
type source map[string]map[string][]string

func (s source) calls(pkg string) map[string][]string {
	if found, read := s[pkg]; read {
		return found
	}
	s[pkg] = map[string][]string{}
	paths, err := filepath.Glob(filepath.Join(strings.TrimPrefix(strings.TrimPrefix(pkg, "wardroom"), "/"), "*_test.go"))
	if err != nil {
		return nil
	}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // the build has said so
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Body != nil {
				s[pkg][fn.Name.Name] = called(fn.Body)
			}
		}
	}
	return s[pkg]
}

func called(body ast.Node) []string {
	var names []string
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch fn := call.Fun.(type) {
			case *ast.Ident:
				names = append(names, fn.Name)
			case *ast.SelectorExpr:
				if on, ok := fn.X.(*ast.Ident); ok {
					names = append(names, on.Name+"."+fn.Sel.Name)
				}
			}
		}
		return true
	})
	return names
}
