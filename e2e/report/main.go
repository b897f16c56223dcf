// Command report reads the output of `go test -json` of the end-to-end tests as it
// comes, prints a line for each with its duration, and the whole output of one that
// failed. Its last line says how many passed of each kind.
//
// It fails when one failed or was skipped, when one that the file TESTS lists did not
// run, and when one ran that TESTS does not list. What a test has counted itself, in a
// log line that begins "counted:", is shown below its own.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// report is what was seen so far. Tests are known by their names, which are unique.
type report struct {
	out    io.Writer
	began  map[string]string   // the package by test
	result map[string]string   // by test: "pass", "fail", "skip"
	parts  map[string]int      // by test: how many tests inside it have passed
	output map[string][]string // by test; "" holds what belongs to none
	broken bool                // a package failed without a test to blame, or what was read is no report
}

func newReport(out io.Writer) *report {
	return &report{out: out, began: map[string]string{}, result: map[string]string{}, parts: map[string]int{}, output: map[string][]string{}}
}

func main() {
	list := flag.String("tests", "TESTS", "the `file` with the tests that have to run")
	parts := flag.String("parts", "", "the parts that are run, with commas")
	flag.Parse()
	all, err := read(*list)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	wanted := slices.DeleteFunc(all, func(l listed) bool {
		return !slices.Contains(strings.Split(*parts, ","), l.part) || flag.NArg() > 0 && !slices.Contains(flag.Args(), l.name)
	})
	r := newReport(os.Stdout)
	began := time.Now()
	r.read(os.Stdin)
	if !r.verdict(wanted, time.Since(began)) {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(r.out, lines.Text())
			r.broken = true
			continue
		}
		r.take(e)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(r.out, err)
		r.broken = true
	}
}

func (r *report) take(e event) {
	top, _, sub := strings.Cut(e.Test, "/")
	switch e.Action {
	case "build-output", "output":
		r.output[top] = append(r.output[top], e.Output)
	case "run":
		if in, twice := r.began[top]; twice && in != e.Package {
			fmt.Fprintf(r.out, "FAIL %s is a test of %s and of %s: give one another name\n", top, in, e.Package)
			r.broken = true
		}
		r.began[top] = e.Package
	case "build-fail":
		r.broken = true
	case "pass", "fail", "skip":
		switch {
		case sub && e.Action == "skip":
			r.result[top] = "skip"
		case sub && e.Action == "pass":
			r.parts[top]++
		case sub:
		case e.Test != "":
			r.end(e)
		case e.Action == "fail":
			r.broken = true
		}
	}
}

// end prints how a test has ended.
func (r *report) end(e event) {
	if r.result[e.Test] == "" {
		r.result[e.Test] = e.Action
	}
	fmt.Fprintf(r.out, "%-5s %6.1f s  %s\n", r.result[e.Test], e.Elapsed, e.Test)
	if r.result[e.Test] != "pass" {
		fmt.Fprintln(r.out, strings.Join(r.output[e.Test], ""))
	}
	for _, line := range r.output[e.Test] {
		if _, what, counted := strings.Cut(line, ": counted: "); counted && r.result[e.Test] == "pass" {
			fmt.Fprintf(r.out, "                %s\n", strings.TrimSpace(what))
		}
	}
	delete(r.output, e.Test)
}

// verdict prints what is amiss and the sum.
func (r *report) verdict(wanted []listed, took time.Duration) (fine bool) {
	fine = !r.broken
	amiss := func(format string, args ...any) {
		fine = false
		fmt.Fprintf(r.out, format+"\n", args...)
	}
	for _, test := range slices.Sorted(maps.Keys(r.began)) {
		switch r.result[test] {
		case "pass":
		case "":
			amiss("FAIL %s did not end:\n%s", test, strings.Join(r.output[test], ""))
		default:
			amiss("FAIL %s: %s", test, r.result[test])
		}
		if !slices.ContainsFunc(wanted, func(l listed) bool { return l.name == test }) {
			amiss("FAIL %s is not listed in TESTS: add it, or nobody will miss it", test)
		}
	}
	for _, l := range wanted {
		if r.began[l.name] == "" {
			amiss("FAIL %s did not run, and TESTS lists it", l.name)
		}
	}
	if len(wanted) == 0 {
		amiss("FAIL TESTS lists nothing of what was to run")
	}
	if r.broken {
		amiss("FAIL %s", strings.Join(r.output[""], ""))
	}
	r.sum(wanted, took)
	return fine
}

// sum counts what passed, by kind.
func (r *report) sum(wanted []listed, took time.Duration) {
	var kinds, counts []string
	passed, inside, total := map[string]int{}, map[string]int{}, 0
	for _, l := range wanted {
		if !slices.Contains(kinds, l.kind) {
			kinds = append(kinds, l.kind)
		}
		if r.result[l.name] == "pass" {
			passed[l.kind]++
			inside[l.kind] += r.parts[l.name]
			total++
		}
	}
	for _, kind := range kinds {
		one := fmt.Sprintf("%d %s", passed[kind], kind)
		if n := inside[kind]; n > 0 {
			one += fmt.Sprintf(" (with %d subtests)", n)
		}
		counts = append(counts, one)
	}
	fmt.Fprintf(r.out, "%d of %d passed in %s: %s\n", total, len(wanted), took.Round(time.Second), strings.Join(counts, ", "))
}
