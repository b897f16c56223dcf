package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
)

// bot is a Wardroom that runs, as joe reaches it: by its program's commands.
type bot struct {
	t       *testing.T
	program string
	data    string
	config  string
	listen  string
	*child
}

func newBot(t *testing.T, dir, config string) *bot {
	t.Helper()
	b := &bot{t: t, program: fromEnv(t, wardroomEnv), data: filepath.Join(dir, "data"), config: filepath.Join(dir, "wardroom.yaml"), listen: freeAddress(t)}
	for _, err := range []error{os.MkdirAll(b.data, 0o700), os.WriteFile(b.config, []byte("listen: "+b.listen+"\n"+config), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func freeAddress(t *testing.T) string {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	return in.Addr().String()
}

// serve starts it and waits until it is ready.
func (b *bot) serve() {
	b.t.Helper()
	b.child = launch(b.t, b.program, nil, "serve", "--config", b.config, "--data", b.data)
	await(b.t, "Wardroom is ready", patience, func() (bool, string) {
		if b.ended() {
			b.t.Fatalf("serve ended: %v\n%s", b.err, b.log)
		}
		res, err := http.Get("http://" + b.listen + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK, res.Status
	})
}

// ask runs a command of the shell. The error is what it wrote to standard error.
func (b *bot) ask(args ...string) (said string, err error) {
	b.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(soon(b.t), b.program, append(args, "--config", b.config, "--data", b.data)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("wardroom %s: %w\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String(), nil
}

// do is ask that has to succeed.
func (b *bot) do(args ...string) string {
	b.t.Helper()
	said, err := b.ask(args...)
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.lastLines())
	}
	return said
}

func (b *bot) lastLines() string {
	if b.child == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(b.log.String()), "\n")
	return "its log ends with\n" + strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// decode is what a command says with --json.
func decode[T any](b *bot, args ...string) (into T) {
	b.t.Helper()
	said := b.do(append(args, "--json")...)
	if err := json.Unmarshal([]byte(said), &into); err != nil {
		b.t.Fatalf("wardroom %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return into
}

// run is how a run stands.
func (b *bot) run(id string) remediation.Run {
	b.t.Helper()
	return decode[remediation.Run](b, "run", "show", id)
}

// plan asks for a repair and returns its run, which waits for an approval.
func (b *bot) plan(args ...string) remediation.Run {
	b.t.Helper()
	before := len(b.runs())
	said := b.do(args...)
	all := b.runs() // the newest first
	if len(all) != before+1 {
		b.t.Fatalf("wardroom %s made %d runs:\n%s", strings.Join(args, " "), len(all)-before, said)
	}
	return b.run(string(all[0].ID))
}

// confirmed asks for a repair that is routine, confirms it, and waits for its good end.
func (b *bot) confirmed(args ...string) remediation.Run {
	b.t.Helper()
	return b.finishes(b.plan(append(args, "--yes")...))
}

func (b *bot) runs() []remediation.Run {
	b.t.Helper()
	return decode[[]remediation.Run](b, "run", "list", "--all")
}

// finishes waits until a run is over, and fails unless it is done.
func (b *bot) finishes(r remediation.Run) remediation.Run {
	b.t.Helper()
	r = b.ends(r)
	if r.Status != remediation.Done {
		b.t.Fatalf("%s is %s: %s\n%s", r.ID, r.Status, r.Why, b.story(r))
	}
	return r
}

// ends waits until a run is over. One that stops and asks does not end.
func (b *bot) ends(r remediation.Run) remediation.Run {
	b.t.Helper()
	began := time.Now()
	for r.Status.Active() {
		r = b.run(string(r.ID))
		switch {
		case r.Status == remediation.Asking:
			b.t.Fatalf("%s asks: %s\n%s", r.ID, r.Ask.Sentence, b.story(r))
		case time.Since(began) > journey:
			b.t.Fatalf("%s is %s for %s\n%s", r.ID, r.Status, journey, b.story(r))
		}
		pause(b.t)
	}
	b.t.Logf("%s %s of %s: %s after %s", r.ID, r.Plan.Remediation, r.Plan.Target.Name, r.Status, r.EndedAt.Sub(r.StartedAt).Round(time.Second))
	return r
}

// story is a run's steps and its incident's timeline, for whoever reads a failure.
func (b *bot) story(r remediation.Run) string {
	show, err := b.ask("run", "show", string(r.ID))
	if err != nil {
		show += err.Error()
	}
	return fmt.Sprintf("%s\n%s\n%s", show, strings.Join(b.timeline(r.Incident), "\n"), b.lastLines())
}

// timeline is what an incident's says, an entry a line, without what nobody asked it for.
func (b *bot) timeline(incident timeline.ID) (all []string) {
	b.t.Helper()
	c, err := socket.Dial(filepath.Join(b.data, socket.FileName))
	if err != nil {
		b.t.Log(err)
		return nil
	}
	defer c.Close()
	for after := int64(0); ; {
		page, err := c.Entries(soon(b.t), incident, after, 0)
		if err != nil {
			b.t.Log(err)
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

// tells fails unless the timeline has entries with these words, in this order.
func (b *bot) tells(incident timeline.ID, words ...string) {
	b.t.Helper()
	all := b.timeline(incident)
	rest := all
	for _, w := range words {
		at := slices.IndexFunc(rest, func(line string) bool { return strings.Contains(line, w) })
		if at < 0 {
			b.t.Errorf("the timeline does not tell %q, or not in this order:\n%s", w, strings.Join(all, "\n"))
			return
		}
		rest = rest[at+1:]
	}
}

// check is `wardroom check`: its text, and whether it has no complaint.
func (b *bot) check(ctx context.Context) (said string, clean bool) {
	cmd := exec.CommandContext(ctx, b.program, "check", "--config", b.config, "--data", b.data)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}
