package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write generated references anew")

func fresh(t *testing.T, path, got string) {
	t.Helper()
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

func TestCommandReferenceIsFresh(t *testing.T) {
	table, err := (&system{}).commandTable()
	if err != nil {
		t.Fatal(err)
	}
	fresh(t, "../../docs/reference/commands.md", table.Markdown())
}

const shellHead = `# The program

Generated from the program (` + "`make docs`" + `): what ` + "`wardroom`" + ` does beside [what people ask for](commands.md), which is
the same in the shell and in a chat.
`

// TestProgramReferenceIsFresh holds what is not in the command table.
func TestProgramReferenceIsFresh(t *testing.T) {
	p := &program{}
	root, err := p.root()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(shellHead)
	flagTable(&b, "\nEverywhere:\n\n", root.PersistentFlags())
	watch, _, err := root.Find([]string{"incident", "watch"})
	if err != nil {
		t.Fatal(err)
	}
	reference(&b, watch)
	for _, c := range root.Commands() {
		if c.GroupID == "run" {
			reference(&b, c)
		}
	}
	fresh(t, "../../docs/reference/program.md", b.String())
}

func reference(b *strings.Builder, c *cobra.Command) {
	if c.Hidden {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", c.CommandPath(), c.Short)
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(c.Long))
	}
	if c.Runnable() && !c.HasSubCommands() {
		fmt.Fprintf(b, "\n    %s\n", c.UseLine())
	}
	flagTable(b, "\n", c.LocalNonPersistentFlags())
	if c.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n\n    %s\n", strings.ReplaceAll(strings.TrimSpace(c.Example), "\n  ", "\n    "))
	}
	for _, sub := range c.Commands() {
		reference(b, sub)
	}
}

func flagTable(b *strings.Builder, head string, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		b.WriteString(head)
		if head != "" {
			b.WriteString("| flag | |\n|---|---|\n")
			head = ""
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "`--" + f.Name
		if value != "" {
			name += " " + strings.ToUpper(value)
		}
		if f.Value.Type() != "bool" && f.DefValue != "" && f.DefValue != "[]" && !strings.Contains(usage, "default") {
			usage += " (default: " + f.DefValue + ")"
		}
		fmt.Fprintf(b, "| %s` | %s |\n", name, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(usage))
	})
}
