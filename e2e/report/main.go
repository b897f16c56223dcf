// Command report reads the output of `go test -json` of the end-to-end tests as it
// comes, prints a line for each scenario with its duration, and the whole output of one
// that failed. It fails when one failed or was skipped, when one that the file TESTS
// lists did not run, and when one ran that TESTS does not list.
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

// report is what was seen so far.
type report struct {
	out    io.Writer
	began  map[string]bool     // tests
	result map[string]string   // by test: "pass", "fail", "skip"
	output map[string][]string // by test; "" holds what belongs to none
	broken bool                // a package failed without a test to blame, or what was read is no report
}

func main() {
	list := flag.String("tests", "TESTS", "the `file` with the tests that have to run")
	some := flag.Bool("some", false, "only some are run: those that are missing are left out")
	flag.Parse()
	wanted, err := names(*list)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	r := &report{out: os.Stdout, began: map[string]bool{}, result: map[string]string{}, output: map[string][]string{}}
	began := time.Now()
	r.read(os.Stdin)
	if !r.verdict(wanted, *some, time.Since(began)) {
		os.Exit(1)
	}
}

// names reads a list: a name a line, and what follows # is a remark.
func names(file string) (list []string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list, nil
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
		r.began[top] = true
	case "build-fail":
		r.broken = true
	case "pass", "fail", "skip":
		switch {
		case sub && e.Action == "skip":
			r.result[top] = "skip"
		case sub:
		case e.Test != "":
			if r.result[top] == "" {
				r.result[top] = e.Action
			}
			fmt.Fprintf(r.out, "%-5s %6.1f s  %s\n", r.result[top], e.Elapsed, e.Test)
			if r.result[top] != "pass" {
				fmt.Fprintln(r.out, strings.Join(r.output[top], ""))
			}
			delete(r.output, top)
		case e.Action == "fail":
			r.broken = true
		}
	}
}

// verdict prints what is amiss and the sum.
func (r *report) verdict(wanted []string, some bool, took time.Duration) (fine bool) {
	fine = true
	amiss := func(format string, args ...any) {
		fine = false
		fmt.Fprintf(r.out, format+"\n", args...)
	}
	passed := 0
	for _, test := range slices.Sorted(maps.Keys(r.began)) {
		switch r.result[test] {
		case "pass":
			passed++
		case "":
			amiss("FAIL %s did not end:\n%s", test, strings.Join(r.output[test], ""))
		default:
			amiss("FAIL %s: %s", test, r.result[test])
		}
		if !slices.Contains(wanted, test) {
			amiss("FAIL %s is not listed in TESTS: add it, or nobody will miss it", test)
		}
	}
	for _, test := range wanted {
		if !r.began[test] && !some {
			amiss("FAIL %s did not run, and TESTS lists it", test)
		}
	}
	if r.broken && fine {
		amiss("%s", strings.Join(r.output[""], ""))
	}
	fmt.Fprintf(r.out, "%d of %d on a real control plane passed in %s\n", passed, len(wanted), took.Round(time.Second))
	return fine
}
