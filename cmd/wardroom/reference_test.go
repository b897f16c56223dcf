package main

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write generated references anew")

func TestCommandReferenceIsFresh(t *testing.T) {
	const path = "../../docs/reference/commands.md"
	table, err := (&system{}).commandTable()
	if err != nil {
		t.Fatal(err)
	}
	got := table.Markdown()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale; `make docs` writes it anew (-file +now):\n%s", path, diff)
	}
}
