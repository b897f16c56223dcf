package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/integrations/linode/linodetest"
)

// scriptPeople are who types in a script, by what they may: the Unix user of the test is
// linked to whoever `as` names, and to nobody for an outsider.
const scriptPeople = `people:
  viv: {roles: [viewer]%s}
  rosa: {roles: [responder]%s}
  lena: {roles: [lead]%s}
`

// scriptRoles are the words that `as` takes, in the order of scriptPeople, and last
// somebody whom nobody knows.
var scriptRoles = []string{"viewer", "responder", "lead", "outsider"}

// as makes what follows be typed by somebody of a role: it writes a configuration and
// points WARDROOM_CONFIG at it. What team.yaml has, a file of the script, and the
// addresses of a world are in it, too.
func as(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || !slices.Contains(scriptRoles, args[0]) {
		ts.Fatalf("usage: as %s", strings.Join(scriptRoles, "|"))
	}
	var uids [3]any
	for i, role := range scriptRoles[:len(uids)] {
		uids[i] = ""
		if role == args[0] {
			uids[i] = fmt.Sprintf(", uid: %d", os.Getuid())
		}
	}
	text := "data: " + ts.MkAbs("data") + "\n" + fmt.Sprintf(scriptPeople, uids[:]...)
	for _, more := range []string{"team.yaml", worldFile} {
		switch b, err := os.ReadFile(ts.MkAbs(more)); {
		case err == nil:
			text += string(b)
		case !errors.Is(err, os.ErrNotExist):
			ts.Fatalf("%v", err)
		}
	}
	path := ts.MkAbs(args[0] + ".yaml")
	ts.Check(os.WriteFile(path, []byte(text), 0o600))
	ts.Setenv("WARDROOM_CONFIG", path)
}

// eventually runs wardroom until its standard output holds a text.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually TEXT ARGUMENTS...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		err := ts.Exec("wardroom", args[1:]...)
		said := ts.ReadFile("stdout")
		if err == nil && strings.Contains(said, args[0]) {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("wardroom %s did not say %q within a minute, but %s%s", strings.Join(args[1:], " "), args[0], said, ts.ReadFile("stderr"))
		case <-poll.C:
		}
	}
}

// plan sets PLAN to the number of the plan of a run, which an approval names.
func plan(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: plan RUN")
	}
	ts.Check(ts.Exec("wardroom", "run", "show", args[0], "--json"))
	var run remediation.Run
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &run))
	ts.Setenv("PLAN", remediation.ShortHash(run.Hash))
}

// fires has a server of the script's data folder receive what Alertmanager sends, and
// stops it.
func fires(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fires FILE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server := asProcess(ctx, "serve", "--listen", "127.0.0.1:0")
	server.Dir, server.Env = ts.Getenv("WORK"), append(server.Env, "WARDROOM_CONFIG="+ts.Getenv("WARDROOM_CONFIG"))
	said, err := server.StdoutPipe()
	ts.Check(err)
	ts.Check(server.Start())
	defer server.Wait()
	defer server.Process.Kill()
	var hook, token string
	for lines := bufio.NewScanner(said); token == "" && lines.Scan(); {
		switch words := strings.Fields(lines.Text()); {
		case len(words) > 2 && words[1] == "POST":
			hook = words[2]
		case len(words) == 2 && words[0] == "token":
			token = words[1]
		}
	}
	secret, err := os.ReadFile(token)
	ts.Check(err)
	status, err := post(http.DefaultClient, hook, strings.TrimSpace(string(secret)), []byte(ts.ReadFile(args[0])))
	ts.Check(err)
	if status != http.StatusOK {
		ts.Fatalf("the server answered %d", status)
	}
	ts.Check(server.Process.Signal(syscall.SIGTERM))
	_, err = io.Copy(io.Discard, said)
	ts.Check(errors.Join(err, server.Wait()))
}

// worldFile is what of a configuration leads to the world of a script.
const worldFile = "world.yaml"

// world starts the cluster, the cloud and the Redis of testdata/script/world.yaml, whose
// time passes as ours does. `as` has to follow: the configuration changes.
func world(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: world")
	}
	in, err := os.Open(filepath.Join(scriptFolder, worldFile))
	ts.Check(err)
	defer in.Close()
	file, err := scenario.Read(in)
	ts.Check(err)
	clock := scenario.NewClock(time.Now())
	w, err := newStageWorld(file, clock)
	ts.Check(err)
	over := make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() { pass(w, clock, over, func(now time.Time) time.Time { return now }) })
	ts.Defer(func() {
		close(over)
		passing.Wait()
		w.close()
	})
	ts.Check(os.WriteFile(ts.MkAbs(worldFile), []byte(w.configuration()), 0o600))
}

// pass lets the world's time pass: then is what its clock shows at a moment of ours.
func pass(w *stageWorld, clock *scenario.Clock, over <-chan struct{}, then func(time.Time) time.Time) {
	s := &stage{world: w, clock: clock}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case now := <-tick.C:
			clock.MoveTo(then(now))
			s.Advance()
		}
	}
}

// configuration is how a team would write what leads to the world.
func (w *stageWorld) configuration() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mode: act\nkubernetes: {kubeconfig: %s, act: {kubeconfig: %s}}\n", w.kubeconfig("observe"), w.kubeconfig("act"))
	fmt.Fprintf(&b, "linode: {cluster: 13311, url: %q, read_token: %s, act_token: %s}\n", w.linode.URL(), linodetest.ReadToken, linodetest.ActToken)
	b.WriteString("redis:\n")
	for _, set := range w.ponds.sets {
		doors := w.ponds.sims[set.Name].Doors()
		fmt.Fprintf(&b, "  - workload: %s\n    addresses:\n", set.Name)
		for _, pod := range slices.Sorted(maps.Keys(set.Addresses)) {
			fmt.Fprintf(&b, "      %s: %s\n", pod, doors[set.Addresses[pod]])
		}
	}
	return b.String()
}
