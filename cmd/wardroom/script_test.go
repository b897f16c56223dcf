package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"wardroom/integrations/socket"
)

// TestScripts runs testdata/script: what a person does in a shell, step by step.
// Besides testscript's own commands there is
//
//	await DATA       waits until a server answers on the socket of a data folder
//	expand FILE TO   copies a file with the variables in it replaced, as $WORK
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"await": await, "expand": expand},
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
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
