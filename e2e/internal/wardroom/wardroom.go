// Package wardroom runs the program as it is shipped, for the end-to-end tests, and asks
// it what a person would: by its commands.
package wardroom

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/timeline"
	"wardroom/e2e/internal/process"
	"wardroom/integrations/socket"
)

// Env names the program.
const Env = "E2E_WARDROOM"

// Program is a Wardroom with its configuration and its data, as joe reaches it.
type Program struct {
	Config, Data string         // its file, its folder
	Listen       string         // the address of its webhooks and pages
	Child        *process.Child // nil before it was served

	t       *testing.T
	program string
}

// New writes a configuration, to which the address to listen on is added, below dir. A
// socket lies there as well: its path has to be short.
func New(t *testing.T, dir, config string) *Program {
	t.Helper()
	p := &Program{t: t, program: process.FromEnv(t, Env), Data: filepath.Join(dir, "data"),
		Config: filepath.Join(dir, "wardroom.yaml"), Listen: process.FreeAddress(t)}
	for _, err := range []error{os.MkdirAll(p.Data, 0o700), os.WriteFile(p.Config, []byte("listen: "+p.Listen+"\n"+config), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// Serve starts it, with more flags, and waits until it is ready. It may be served again
// when it has ended.
func (p *Program) Serve(flags ...string) {
	p.t.Helper()
	p.Child = process.Launch(p.t, p.program, nil, append([]string{"serve", "--config", p.Config, "--data", p.Data}, flags...)...)
	process.Await(p.t, "Wardroom is ready", process.Patience, func() (bool, string) {
		if p.Child.Ended() {
			p.t.Fatalf("serve ended: %v\n%s", p.Child.Err(), p.Child.Log)
		}
		res, err := http.Get("http://" + p.Listen + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK, res.Status
	})
}

// Ask runs a command of the shell. The error is what it wrote to standard error.
func (p *Program) Ask(args ...string) (said string, err error) {
	p.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(process.Soon(p.t), p.program, append(args, "--config", p.Config, "--data", p.Data)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("wardroom %s: %w\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String(), nil
}

// Do is Ask that has to succeed.
func (p *Program) Do(args ...string) string {
	p.t.Helper()
	said, err := p.Ask(args...)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.LastLines())
	}
	return said
}

// Decode is what a command says with --json.
func Decode[T any](p *Program, args ...string) (into T) {
	p.t.Helper()
	said := p.Do(append(args, "--json")...)
	if err := json.Unmarshal([]byte(said), &into); err != nil {
		p.t.Fatalf("wardroom %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return into
}

// Check is `wardroom check`: its text, and whether it has no complaint.
func (p *Program) Check(ctx context.Context) (said string, clean bool) {
	cmd := exec.CommandContext(ctx, p.program, "check", "--config", p.Config, "--data", p.Data)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// LastLines is the end of its log, for whoever reads a failure.
func (p *Program) LastLines() string {
	if p.Child == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(p.Child.Log.String()), "\n")
	return "its log ends with\n" + strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// Timeline is what an incident's says, an entry a line, without what nobody asked it for.
func (p *Program) Timeline(incident timeline.ID) (all []string) {
	p.t.Helper()
	c, err := socket.Dial(filepath.Join(p.Data, socket.FileName))
	if err != nil {
		p.t.Log(err)
		return nil
	}
	defer c.Close()
	for after := int64(0); ; {
		page, err := c.Entries(process.Soon(p.t), incident, after, 0)
		if err != nil {
			p.t.Log(err)
			return all
		}
		if len(page.Entries) == 0 {
			return all
		}
		for _, e := range page.Entries {
			after = e.Ref.Seq
			if !strings.HasPrefix(string(e.Kind), "delivery.") && e.Kind != "command.asked" {
				all = append(all, fmt.Sprintf("%s %s: %s", e.OccurredAt.Format(time.TimeOnly), e.Kind, e.Text))
			}
		}
	}
}

// Tells fails unless the timeline has entries with these words, in this order.
func (p *Program) Tells(incident timeline.ID, words ...string) {
	p.t.Helper()
	all := p.Timeline(incident)
	rest := all
	for _, w := range words {
		at := slices.IndexFunc(rest, func(line string) bool { return strings.Contains(line, w) })
		if at < 0 {
			p.t.Errorf("the timeline does not tell %q, or not in this order:\n%s", w, strings.Join(all, "\n"))
			return
		}
		rest = rest[at+1:]
	}
}
