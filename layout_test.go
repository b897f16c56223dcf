// Package wardroom_test holds the whole tree to the rules that keep it readable:
// who may import whom, and what nobody writes. It reads the source and compiles
// nothing, so it also speaks when the tree does not build. Each rule says why.
package wardroom_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// order is that of the packages under bot/: each may import those before it.
var order = []string{"problem", "people", "timeline", "alert", "command", "fleet", "suggest", "incident", "remediation",
	"statuspage", "room", "oncall", "postmortem", "watch", "scenario", "config"}

// folders are the six of the architecture.
var folders = []string{"cmd", "bot", "commands", "integrations", "storage", "deploy", "docs", "e2e"}

// neutral libraries know no outside system. The domain may use them; so may
// everybody else.
var neutral = []string{
	"go.yaml.in/yaml/v4",
	"github.com/prometheus/alertmanager/pkg/labels",    // the field's syntax of matchers
	"github.com/prometheus/alertmanager/matcher/parse", // and its parser
	"github.com/prometheus/common/model",               // and of durations in rules files
	"github.com/robfig/cron/v3",
	"github.com/yuin/goldmark",
	"golang.org/x/sync",
	"golang.org/x/text",
	"golang.org/x/time/rate",
}

// sdks are what an integration may use of its own outside system.
var sdks = map[string][]string{
	"alertmanager": {"github.com/prometheus/alertmanager"},
	"discord":      {"github.com/bwmarrin/discordgo", "github.com/gorilla/websocket"},
	"kubernetes":   {"github.com/go-logr/logr", "k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/kubectl/pkg/drain", "sigs.k8s.io/yaml"},
	"linode":       {"github.com/linode/linodego"},
	"probe":        {"github.com/prometheus/client_golang"},
	"redis":        {"github.com/redis/go-redis/v9"},
	"socket":       {"golang.org/x/sys"},
	"web":          {"github.com/prometheus/client_golang", "github.com/prometheus/client_model", "golang.org/x/crypto", "golang.org/x/net"},
}

var drivers = []string{"database/sql", "modernc.org", "github.com/jackc/pgx/v5", "github.com/pressly/goose/v3", "golang.org/x/sys"}

// testing libraries are free in test files and in simulators: packages in or below
// a folder that ends in "test", as storagetest.
var testingLibraries = []string{"github.com/google/go-cmp", "pgregory.net/rapid", "github.com/rogpeppe/go-internal", "github.com/getkin/kin-openapi", "github.com/santhosh-tekuri/jsonschema/v6"}

// reasons are printed with what breaks a rule.
const (
	whyCmd         = "cmd is the composition root: what others need of it belongs into the ring that owns the idea"
	whyOrder       = "bot's packages stand in one order (design §4), so that a reader can learn them one after another and no cycle can grow; move the idea down, or take an interface where it is needed"
	whyBotRing     = "the domain knows the rules of incident response and no vendor, database or command; give it an interface and let cmd pass the implementation"
	whyCommands    = "a command speaks to the domain alone, so that every surface and every test can run it"
	whyIntegration = "an integration knows the domain and its own outside system; two that knew each other could not be replaced or fail alone"
	whyStorage     = "storage sits behind the domain's ports; it knows drivers and nothing else"
	whySpec        = "an API's description is held against what tests send; the demo links the simulator, and nobody wants the description's validator in the product"
	whyLibrary     = "libraries are listed in layout_test.go with the ring that may use them, so that a new dependency is a decision somebody reads"
	whyInit        = "init() and blank registration hide what runs; registration is one explicit table, and a collision in it fails at start"
	whySleep       = "a sleep is either too short on a slow machine or wasted on a fast one; wait for the event, or use the injected clock or testing/synctest"
	whySkip        = "a skipped test is a promise nobody checks; only data that a clone cannot have may be missing, and the place is listed in layout_test.go"
	whyFolder      = "the six folders are the architecture (design §4): a new concept is a package in the ring where it belongs"
	whyName        = "a package is named for a concept; such a name collects whatever has no home"
)

// maySkip are the places that may skip a test: those that hold the code to
// ../shared/specs, which stays outside the repository.
var maySkip = []string{"integrations/statuspage/", "integrations/discord/", "integrations/linode/"}

type file struct {
	path string // slash-separated, from the root
	ast  *ast.File
	fset *token.FileSet
}

func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f file) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.path, f.fset.Position(pos).Line)
}

// isModule reports whether a folder is a module of its own.
func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// source parses every Go file of the module.
func source(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != "." && (base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
			return fs.SkipDir
		}
		if d.IsDir() && name != "." && isModule(name) { // as e2e: nothing of it is in the product
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(base, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file{filepath.ToSlash(name), parsed, fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files found: the test runs in the wrong folder", len(files))
	}
	return files
}

func TestImportRule(t *testing.T) {
	for _, f := range source(t) {
		for _, spec := range f.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := refused(f.path, imported); why != "" {
				t.Errorf("%s imports %s.\n\tWhy not: %s.", f.at(spec.Pos()), imported, why)
			}
		}
	}
}

// refused returns why the file may not import a package, "" when it may.
func refused(from, imported string) string {
	test := strings.HasSuffix(from, "_test.go")
	ring, rest, _ := strings.Cut(path.Dir(from), "/")
	own := from[:strings.LastIndexByte(from, '/')+1]
	switch local, inside := strings.CutPrefix(imported, "wardroom/"); {
	case imported == "wardroom" || inside && local+"/" == own:
		return "" // a test outside its package
	case inside && strings.HasPrefix(local, "cmd/") && ring != "cmd":
		return whyCmd
	case inside && path.Base(local) == "spec" && !test:
		return whySpec
	case ring == "cmd" || inside && test:
		return "" // tests may put the real parts together
	case inside:
		return refusedInside(ring, rest, local)
	case !strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, "database/"):
		return "" // the standard library
	case under(imported, neutral) || (test || inSimulator(from)) && under(imported, testingLibraries):
		return ""
	case ring == "storage":
		if under(imported, drivers) {
			return ""
		}
		return whyStorage + "; " + whyLibrary
	case ring == "integrations":
		system, _, _ := strings.Cut(rest, "/")
		if under(imported, sdks[system]) {
			return ""
		}
		return whyIntegration + "; " + whyLibrary
	case ring == "bot" && strings.HasPrefix(imported, "database/"):
		return whyBotRing
	case test && under(imported, drivers):
		return "" // a test may look into a database file
	}
	return whyLibrary
}

// inSimulator tells whether a file stands in or below a folder that ends in "test".
func inSimulator(from string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(from), "/"), func(step string) bool { return strings.HasSuffix(step, "test") })
}

func refusedInside(ring, rest, local string) string {
	target, sub, _ := strings.Cut(local, "/")
	switch ring {
	case "bot":
		if target != "bot" {
			return whyBotRing
		}
		if rest == "" {
			return "" // app.go puts the domain together
		}
		from, to := place(rest), place(sub)
		if from < 0 || to < 0 {
			return "bot/" + rest + " or " + local + " has no place in the order in layout_test.go; " + whyOrder
		}
		if to > from {
			return whyOrder
		}
	case "commands":
		if target != "bot" && target != "commands" {
			return whyCommands
		}
	case "integrations":
		own, _, _ := strings.Cut(rest, "/")
		other, _, _ := strings.Cut(sub, "/")
		// Simulators may meet: a cluster and the cloud below it must tell one truth.
		if target != "bot" && !(target == "integrations" && (own == other || inSimulator(path.Join(ring, rest, "x.go")) && inSimulator(path.Join(local, "x.go")))) {
			return whyIntegration
		}
	case "storage":
		if target != "bot" && target != "storage" {
			return whyStorage
		}
	}
	return ""
}

// place of a package under bot/ in the order; -1 when it has none.
func place(p string) int {
	name, _, _ := strings.Cut(p, "/")
	return slices.Index(order, name)
}

func under(imported string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return imported == p || strings.HasPrefix(imported, p+"/") })
}

// TestRefusedRefuses holds the rule itself to examples: a rule that lets all pass
// would never be noticed.
func TestRefusedRefuses(t *testing.T) {
	for _, c := range []struct{ from, imported, why string }{
		{"bot/people/person.go", "wardroom/bot/timeline", whyOrder},
		{"bot/timeline/entry.go", "wardroom/bot/people", ""},
		{"bot/config/load.go", "wardroom/bot/scenario", ""},
		{"bot/app.go", "wardroom/bot/room", ""},
		{"bot/incident/desk.go", "wardroom/storage", whyBotRing},
		{"bot/incident/desk_test.go", "wardroom/storage", ""},
		{"bot/incident/desk.go", "wardroom/commands", whyBotRing},
		{"bot/incident/desk.go", "database/sql", whyBotRing},
		{"bot/incident/desk.go", "github.com/bwmarrin/discordgo", whyLibrary},
		{"bot/incident/desk_test.go", "wardroom/cmd/wardroom", whyCmd},
		{"commands/ack.go", "wardroom/integrations/discord", whyCommands},
		{"commands/repair/recycle.go", "wardroom/commands", ""},
		{"integrations/discord/room.go", "wardroom/integrations/web", whyIntegration},
		{"integrations/discord/room.go", "wardroom/integrations/discord/wire", ""},
		{"integrations/discord/discordtest/spec/checker.go", "github.com/santhosh-tekuri/jsonschema/v6", ""},
		{"integrations/discord/discordtest/server.go", "wardroom/integrations/discord/discordtest/spec", whySpec},
		{"integrations/discord/discordtest/server_test.go", "wardroom/integrations/discord/discordtest/spec", ""},
		{"integrations/kubernetes/kubetest/linode.go", "wardroom/integrations/linode/linodetest", ""},
		{"integrations/kubernetes/kubetest/linode.go", "wardroom/integrations/linode", whyIntegration},
		{"integrations/kubernetes/node.go", "wardroom/integrations/linode/linodetest", whyIntegration},
		{"integrations/discord/room.go", "github.com/linode/linodego", whyIntegration + "; " + whyLibrary},
		{"integrations/web/metrics.go", "github.com/prometheus/client_golang/prometheus", ""},
		{"storage/open.go", "modernc.org/sqlite", ""},
		{"storage/open.go", "wardroom/commands", whyStorage},
		{"cmd/wardroom/wire.go", "wardroom/integrations/discord", ""},
		{"bot/problem/problem.go", "net/http", ""},
	} {
		if got := refused(c.from, c.imported); got != c.why {
			t.Errorf("%s importing %s: want %q, got %q", c.from, c.imported, c.why, got)
		}
	}
}

func TestFoldersAreTheArchitecture(t *testing.T) {
	for _, f := range source(t) {
		dir := path.Dir(f.path)
		top, _, nested := strings.Cut(dir, "/")
		if dir != "." && !slices.Contains(folders, top) {
			t.Errorf("%s: there is no folder %s.\n\tWhy not: %s.", f.path, top, whyFolder)
		}
		if nested && slices.Contains([]string{"util", "utils", "common", "models", "helpers", "manager", "misc", "base"}, path.Base(dir)) {
			t.Errorf("%s: the package is named %s.\n\tWhy not: %s.", f.path, path.Base(dir), whyName)
		}
	}
}

// TestNobodyWrites finds what reviewers would otherwise have to.
func TestNobodyWrites(t *testing.T) {
	for _, f := range source(t) {
		for _, d := range f.ast.Decls {
			fn, isFunc := d.(*ast.FuncDecl)
			if isFunc && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init.\n\tWhy not: %s.", f.at(fn.Pos()), whyInit)
			}
			benchmark := isFunc && strings.HasPrefix(fn.Name.Name, "Benchmark") // promises nothing
			for call, name := range methods(d) {
				switch {
				case name == "time.Sleep" && !strings.HasPrefix(f.path, "cmd/bench/"):
					t.Errorf("%s: time.Sleep.\n\tWhy not: %s.", f.at(call.Pos()), whySleep)
				case f.isTest() && !benchmark && skip.MatchString(name) && !underFolder(f.path, maySkip):
					t.Errorf("%s: %s.\n\tWhy not: %s.", f.at(call.Pos()), name, whySkip)
				}
			}
		}
	}
}

var skip = regexp.MustCompile(`^[a-z]+\.Skip(f|Now)?$`)

// methods are the calls below n that look like name.Method, by that text.
func methods(n ast.Node) iter.Seq2[*ast.CallExpr, string] {
	return func(yield func(*ast.CallExpr, string) bool) {
		on := true
		ast.Inspect(n, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && on {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok {
						on = yield(call, x.Name+"."+sel.Sel.Name)
					}
				}
			}
			return on
		})
	}
}

func underFolder(p string, list []string) bool {
	return slices.ContainsFunc(list, func(prefix string) bool { return strings.HasPrefix(p, prefix) })
}

// TestLongFiles only tells: a long file usually has grown a second subject.
func TestLongFiles(t *testing.T) {
	const most = 400
	for _, f := range source(t) {
		if lines := f.fset.Position(f.ast.FileEnd).Line; lines > most {
			t.Logf("%s has %d lines: has it grown a second subject?", f.path, lines)
		}
	}
}
