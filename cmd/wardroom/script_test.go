package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"wardroom/integrations/socket"
)

const scriptFolder = "testdata/script"

// TestScripts runs testdata/script: what a person does in a shell, step by step.
// Besides testscript's own commands there is
//
//	await DATA       waits until a server answers on the socket of a data folder
//	expand FILE TO   copies a file with the variables in it replaced, as $WORK
//	as ROLE          makes whoever types a viewer, responder, lead, or an outsider
//	plan RUN         sets PLAN to the number of the plan of a run
//	fires FILE       has a server receive what Alertmanager sends
//	world            starts a cluster and its cloud, for the `as` that follow
//	eventually TEXT ARGUMENTS...
//	                 asks wardroom again and again until it says the text
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           scriptFolder,
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"await": await, "expand": expand, "as": as, "world": world, "eventually": eventually, "fires": fires, "plan": plan},
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
	})
}

func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: expand FILE TO")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await DATA")
	}
	path := filepath.Join(ts.MkAbs(args[0]), socket.FileName)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		if c, err := socket.Dial(path); err == nil {
			c.Close()
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("nobody listened on %s within a minute", path)
		case <-poll.C:
		}
	}
}

// TestEveryCommandIsTypedByEveryRole holds the scripts to the command table: each command
// is typed, after `as ROLE`, by a responder, by a lead, and by somebody whom nobody knows.
func TestEveryCommandIsTypedByEveryRole(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(scriptFolder, "roles_*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	typed := map[string]bool{} // "lead incident ack"
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		var role string
		for line := range strings.Lines(string(archive.Comment)) {
			words := strings.Fields(strings.TrimPrefix(line, "! "))
			switch {
			case len(words) == 2 && words[0] == "as":
				role = words[1]
			case len(words) > 2 && words[0] == "exec" && words[1] == "wardroom":
				typed[role+" "+words[2]] = true
				typed[role+" "+strings.Join(words[2:min(4, len(words))], " ")] = true
			}
		}
	}
	table, err := (&system{}).commandTable()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range table.Groups() {
		for _, c := range g.Commands {
			for _, role := range []string{"responder", "lead", "outsider"} {
				if !typed[role+" "+c.Path] {
					t.Errorf("no script has a %s type: wardroom %s", role, c.Path)
				}
			}
		}
	}
}
