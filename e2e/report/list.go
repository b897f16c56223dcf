package main

import (
	"fmt"
	"os"
	"strings"
)

// listed is a test that has to run.
type listed struct {
	name string
	part string // of e2e/run
	kind string // as it is counted: "on a real cluster"
}

// read reads a list of tests from a file.
func read(file string) ([]listed, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// parse reads a name a line. A line "## PART: KIND" begins those of a part; what else
// follows a # is a remark.
func parse(text string) (all []listed, err error) {
	in, seen := listed{}, map[string]bool{}
	for line := range strings.Lines(text) {
		if head, is := strings.CutPrefix(line, "## "); is {
			part, kind, two := strings.Cut(strings.TrimSpace(head), ": ")
			if !two {
				return nil, fmt.Errorf("%q is to be ## PART: KIND", strings.TrimSpace(line))
			}
			in.part, in.kind = part, kind
			continue
		}
		line, _, _ = strings.Cut(line, "#")
		switch in.name = strings.TrimSpace(line); {
		case in.name == "":
			continue
		case in.part == "":
			return nil, fmt.Errorf("%s is of no part: a line ## PART: KIND comes first", in.name)
		case seen[in.name]:
			return nil, fmt.Errorf("%s is listed twice", in.name)
		}
		seen[in.name] = true
		all = append(all, in)
	}
	return all, nil
}
