package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVerdicts(t *testing.T) {
	ran := func(test, action string) string {
		return `{"Action":"run","Package":"p","Test":"` + test + `"}` + "\n" + `{"Action":"` + action + `","Package":"p","Test":"` + test + `"}` + "\n"
	}
	wanted := []listed{{"TestA", "a", "for real"}, {"TestB", "b", "in the end"}}
	for _, c := range []struct {
		name, in string
		wanted   []listed
		fine     bool
	}{
		{"all passed", ran("TestA", "pass") + ran("TestB", "pass"), wanted, true},
		{"one failed", ran("TestA", "pass") + ran("TestB", "fail"), wanted, false},
		{"one was skipped", ran("TestA", "pass") + ran("TestB", "skip"), wanted, false},
		{"a part of one was skipped", ran("TestA", "pass") + `{"Action":"skip","Package":"p","Test":"TestB/x"}` + "\n" + ran("TestB", "pass"), wanted, false},
		{"one did not run", ran("TestA", "pass"), wanted, false},
		{"only one was to run", ran("TestA", "pass"), wanted[:1], true},
		{"nothing was to run", "", nil, false},
		{"one did not end", ran("TestA", "pass") + `{"Action":"run","Package":"p","Test":"TestB"}`, wanted, false},
		{"one is not listed", ran("TestA", "pass") + ran("TestB", "pass") + ran("TestC", "pass"), wanted, false},
		{"two have one name", ran("TestA", "pass") + ran("TestB", "pass") + strings.ReplaceAll(ran("TestB", "pass"), `"p"`, `"q"`), wanted, false},
		{"it does not build", ran("TestA", "pass") + ran("TestB", "pass") + `{"Action":"build-fail"}`, wanted, false},
		{"a package fails without a test", ran("TestA", "pass") + ran("TestB", "pass") + `{"Action":"fail","Package":"p"}`, wanted, false},
		{"it is no report", ran("TestA", "pass") + "panic", wanted[:1], false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReport(io.Discard)
			r.read(strings.NewReader(c.in))
			if fine := r.verdict(c.wanted, time.Second); fine != c.fine {
				t.Errorf("fine is %v", fine)
			}
		})
	}
}

func TestTheSumCountsByKind(t *testing.T) {
	var said strings.Builder
	r := newReport(&said)
	r.read(strings.NewReader(`{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/one","Elapsed":1}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: counted: 7 sheep\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":2}
{"Action":"run","Package":"q","Test":"TestB"}
{"Action":"pass","Package":"q","Test":"TestB","Elapsed":3}
`))
	r.verdict([]listed{{"TestA", "a", "for real"}, {"TestB", "b", "in the end"}}, 5*time.Second)
	want := `pass     2.0 s  TestA
                7 sheep
pass     3.0 s  TestB
2 of 2 passed in 5s: 1 for real (with 1 subtests), 1 in the end
`
	if said.String() != want {
		t.Errorf("it says\n%s\nand should say\n%s", &said, want)
	}
}

func TestLists(t *testing.T) {
	all, err := parse("# A remark.\n\n## a: for real\nTestA # why\n## b: in the end\nTestB\n")
	if want := []listed{{"TestA", "a", "for real"}, {"TestB", "b", "in the end"}}; err != nil || !slices.Equal(all, want) {
		t.Errorf("%v, %v", all, err)
	}
	for name, text := range map[string]string{
		"no part":       "TestA\n",
		"listed twice":  "## a: b\nTestA\n## c: d\nTestA\n",
		"half a header": "## a\nTestA\n",
	} {
		if _, err := parse(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
