package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestVerdicts(t *testing.T) {
	ran := func(test, action string) string {
		return `{"Action":"run","Test":"` + test + `"}` + "\n" + `{"Action":"` + action + `","Test":"` + test + `"}` + "\n"
	}
	for _, c := range []struct {
		name, in string
		some     bool
		fine     bool
	}{
		{"all passed", ran("TestA", "pass") + ran("TestB", "pass"), false, true},
		{"one failed", ran("TestA", "pass") + ran("TestB", "fail"), false, false},
		{"one was skipped", ran("TestA", "pass") + ran("TestB", "skip"), false, false},
		{"a part of one was skipped", ran("TestA", "pass") + `{"Action":"skip","Test":"TestB/x"}` + "\n" + ran("TestB", "pass"), false, false},
		{"one did not run", ran("TestA", "pass"), false, false},
		{"only one was to run", ran("TestA", "pass"), true, true},
		{"one did not end", ran("TestA", "pass") + `{"Action":"run","Test":"TestB"}`, false, false},
		{"one is not listed", ran("TestA", "pass") + ran("TestB", "pass") + ran("TestC", "pass"), false, false},
		{"it does not build", ran("TestA", "pass") + ran("TestB", "pass") + `{"Action":"build-fail"}`, false, false},
		{"it is no report", "panic", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &report{out: io.Discard, began: map[string]bool{}, result: map[string]string{}, output: map[string][]string{}}
			r.read(strings.NewReader(c.in))
			if fine := r.verdict([]string{"TestA", "TestB"}, c.some, time.Second); fine != c.fine {
				t.Errorf("fine is %v", fine)
			}
		})
	}
}
