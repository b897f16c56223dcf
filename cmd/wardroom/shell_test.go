package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
	"wardroom/storage"
)

// echo answers with what the handler was given.
func echo(_ context.Context, r command.Request) (command.Reply, error) {
	given := map[string]string{}
	for _, o := range r.Command.Options {
		if r.Has(o.Name) && o.Type == command.String {
			given[o.Name] = r.String(o.Name)
		}
	}
	return command.Reply{Text: "**done**", Data: given}, nil
}

// shellCommands are small versions of commands that there are.
func shellCommands() []command.Command {
	anIncident := command.Option{Name: "incident", Help: "Which", Type: command.Incident, Positional: true}
	text := command.Option{Name: "text", Help: "What happened", Type: command.String, Required: true, Positional: true}
	return []command.Command{
		{Path: "incident ack", Summary: "Say that you are on it", Description: "Anybody on the **rota** may.", Examples: []string{"/incident ack incident:INC-7"},
			Access: people.Responder, Records: true, Options: []command.Option{anIncident}, Handle: echo},
		{Path: "timeline add", Summary: "Tell what happened", Access: people.Responder, Records: true, Handle: echo,
			Options: []command.Option{text, {Name: "incident", Help: "Which", Type: command.Incident, Default: "none"}, {Name: "severity", Help: "How bad", Type: command.Choice, Choices: []string{"SEV1", "SEV2"}}}},
		{Path: "timeline erase", Summary: "Erase an entry", Access: people.Lead, Records: true, Options: []command.Option{{Name: "confirm", Help: "Go on", Type: command.Bool}},
			Handle: func(_ context.Context, r command.Request) (command.Reply, error) {
				if r.Bool("confirm") {
					return command.Reply{Text: "Erased."}, nil
				}
				return command.Reply{Text: "This cannot be undone.", Confirm: true, Actions: []command.Action{
					{Label: "Erase it", Ask: command.Ask{Path: "timeline erase", Options: map[string]string{"confirm": "yes"}}}}}, nil
			}},
		{Path: "timeline export", Summary: "Export", Access: people.Viewer, Handle: func(context.Context, command.Request) (command.Reply, error) {
			return command.Reply{Text: "Exported.", Files: []command.File{{Name: "../../INC-0007.md", ContentType: "text/markdown", Body: []byte("# INC-7\n")}}}, nil
		}},
		{Path: "say", Summary: "Say", Handle: echo, Options: []command.Option{
			{Name: "word", Help: "A word", Type: command.String, Positional: true}, {Name: "text", Help: "A text", Type: command.String, Positional: true}}},
		{Path: "help", Summary: "Help", Handle: echo},
	}
}

func shellTable(t testing.TB) *command.Table {
	table, err := command.NewTable(shellCommands())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var shellNight = time.Date(2021, 7, 11, 0, 42, 0, 0, time.UTC)

// shellRig is a shell on a real store in this process.
type shellRig struct {
	*testing.T
	*shell
	out, errs bytes.Buffer
	store     *storage.DB
	clock     *scenario.Clock
	opened    int
}

func newShellRig(t *testing.T) *shellRig {
	t.Helper()
	r := &shellRig{T: t, clock: scenario.NewClock(shellNight)}
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, command.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), databaseFile), storage.Options{
		Codec: codec, Folds: []timeline.Fold{alert.Fold, incident.Fold}, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	joe := people.Person{Name: "joe", Roles: []people.Role{people.Lead}, UIDs: []int{os.Getuid()}}
	directory, err := people.NewDirectory([]people.Person{joe})
	if err != nil {
		t.Fatal(err)
	}
	table := shellTable(t)
	runner := &command.Runner{Table: table, Store: r.store, Incidents: incidents{}, People: directory, Clock: r.clock, Log: slog.New(slog.DiscardHandler)}
	open := func(context.Context) (Asker, error) {
		r.opened++
		return &local{runner: runner, store: r.store, prominence: codec.Prominence, caller: socket.Caller(directory, os.Getuid()),
			close: func() error { r.opened--; return nil }}, nil
	}
	r.shell = &shell{table: table, open: open, peek: open, now: r.clock.Now, retry: time.Millisecond, stdin: strings.NewReader(""), stdout: &r.out, stderr: &r.errs}
	return r
}

func (r *shellRig) record(drafts ...timeline.Payload) {
	r.Helper()
	_, err := r.store.Update(r.Context(), func(timeline.View) (timeline.Decision, error) {
		var d timeline.Decision
		for _, p := range drafts {
			d.Entries = append(d.Entries, timeline.Draft{Timeline: timeline.Incident(1), Actor: people.Human("joe"), Payload: p})
		}
		return d, nil
	})
	if err != nil {
		r.Fatal(err)
	}
}

// root is the program with nothing but what the table holds.
func (r *shellRig) root() *cobra.Command {
	r.Helper()
	root := &cobra.Command{Use: "wardroom", SilenceErrors: true, SilenceUsage: true}
	r.bind(root.PersistentFlags())
	list, err := r.commands(root.PersistentFlags())
	if err != nil {
		r.Fatal(err)
	}
	root.AddCommand(list...)
	root.SetOut(&r.out)
	root.SetErr(&r.errs)
	return root
}

// run types a command; the outputs hold only its own.
func (r *shellRig) run(args ...string) error {
	r.Helper()
	r.out.Reset()
	r.errs.Reset()
	r.json, r.yes, r.save = false, false, ""
	root := r.root()
	root.SetArgs(args)
	err := root.ExecuteContext(r.Context())
	if r.opened != 0 {
		r.Errorf("%d openings were not closed", r.opened)
	}
	return err
}

func TestWhatIsTypedArrives(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string // as JSON
	}{
		"by place, many words":       {[]string{"timeline", "add", "Python", "is", "offline"}, `{"text":"Python is offline"}`},
		"by flag":                    {[]string{"timeline", "add", "--text", "Python is offline"}, `{"text":"Python is offline"}`},
		"flags between":              {[]string{"timeline", "add", "Python", "--severity", "sev1", "is offline"}, `{"text":"Python is offline"}`},
		"what looks like a flag":     {[]string{"timeline", "add", "--", "--rm"}, `{"text":"--rm"}`},
		"a command of one word":      {[]string{"say", "a", "b", "c"}, `{"text":"b c","word":"a"}`},
		"a text like a slash option": {[]string{"timeline", "add", "severity:SEV1 incident:x"}, `{"text":"severity:SEV1 incident:x"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newShellRig(t)
			if err := r.run(append([]string{"--json"}, tt.args...)...); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := json.Compact(&b, r.out.Bytes()); err != nil || b.String() != tt.want {
				t.Errorf("%s (%v), want %s", b.String(), err, tt.want)
			}
		})
	}
}

func TestExitCodesAndErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"it worked":            {[]string{"say", "a"}, 0, ""},
		"something is missing": {[]string{"timeline", "add"}, exitInvalid, "wardroom: text is missing: What happened\n  wardroom timeline add TEXT [--incident …] [--severity …]"},
		"an unknown flag":      {[]string{"timeline", "add", "--colour", "red"}, exitInvalid, "unknown flag: --colour\n  wardroom timeline add --help says more"},
		"an unknown act":       {[]string{"timeline", "eat"}, exitNotFound, `wardroom timeline cannot "eat"` + "\n  one of: add, erase, export"},
		"what does not exist":  {[]string{"incident", "ack", "INC-9"}, exitNotFound, "there is no incident INC-9"},
		"not confirmed":        {[]string{"timeline", "erase"}, exitUnconfirmed, "nothing was carried out\n  --yes goes on"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newShellRig(t)
			err := r.run(tt.args...)
			if got := exitCode(err); got != tt.code {
				t.Errorf("exit code %d, want %d (%v)", got, tt.code, err)
			}
			var b bytes.Buffer
			printError(&b, err, r.table, false)
			if !strings.Contains(b.String(), tt.says) {
				t.Errorf("says %q, want %q", b.String(), tt.says)
			}
		})
	}
	reference := shellTable(t).Markdown()
	for _, said := range []string{"1 internal", "2 not understood", "3 not found", "4 not allowed", "5 the state", "6 not available", "7 too large", "10 not confirmed", "130 interrupted"} {
		if !strings.Contains(reference, said) {
			t.Errorf("the reference does not say %q", said)
		}
	}
	codes := map[problem.Code]int{problem.Internal: 1, problem.Forbidden: 4, problem.Unauthentic: 4, problem.Conflict: 5, problem.Unavailable: 6, problem.TooLarge: 7, problem.Unsupported: 7}
	for code, want := range codes {
		if got := exitCode(problem.New(code, "x")); got != want {
			t.Errorf("%s exits with %d, want %d", code, got, want)
		}
	}
	if exitCode(errors.New("x")) != exitInternal || exitCode(context.Canceled) != exitInterrupted {
		t.Error("other errors exit otherwise")
	}
}

func TestHintsAreWhatIsTypedHere(t *testing.T) {
	table := shellTable(t)
	for hint, want := range map[string]string{
		"name one, as incident:INC-3: INC-3 (Sentinel: it disagrees)":      "name one, as --incident INC-3: INC-3 (Sentinel: it disagrees)",
		"text:…, severity:SEV1, or both":                                   "--text …, --severity SEV1, or both",
		"post first: `/timeline add text:We are investigating`, then wait": "post first: `wardroom timeline add 'We are investigating'`, then wait",
		"/incident ack does it":                                            "wardroom incident ack does it",
		"see https://example.org/incident ack, at 12:30 or when:ever":      "see https://example.org/incident ack, at 12:30 or when:ever",
		"an open ` mark": "an open ` mark",
	} {
		var b bytes.Buffer
		printError(&b, problem.New(problem.Invalid, "no").WithHint("%s", hint), table, false)
		if got := b.String(); got != "wardroom: no\n  "+want+"\n" {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

func TestErrorsAsJSON(t *testing.T) {
	var b bytes.Buffer
	printError(&b, problem.New(problem.NotFound, "there is no %q", "x\x1b").WithHint("look").Because(errors.New("secret")), nil, true)
	var p socket.Problem
	if err := json.Unmarshal(b.Bytes(), &p); err != nil || p.Code != problem.NotFound || p.Hint != "look" || strings.Contains(b.String(), "secret") {
		t.Errorf("%s (%v)", b.String(), err)
	}
}

func TestConfirmation(t *testing.T) {
	t.Run("yes on the command line", func(t *testing.T) {
		r := newShellRig(t)
		if err := r.run("timeline", "erase", "--yes"); err != nil || r.out.String() != "Erased.\n" {
			t.Errorf("%q, %v", r.out.String(), err)
		}
	})
	for answer, done := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false, "": false} {
		t.Run("typed "+answer, func(t *testing.T) {
			r := newShellRig(t)
			r.interactive, r.stdin = true, strings.NewReader(answer)
			err := r.run("timeline", "erase")
			if got := strings.HasSuffix(r.out.String(), "Erase it? [y/N] Erased.\n"); got != done || errors.Is(err, errUnconfirmed) == done {
				t.Errorf("%q, %v", r.out.String(), err)
			}
		})
	}
	t.Run("nobody at the terminal", func(t *testing.T) {
		r := newShellRig(t)
		r.stdin = strings.NewReader("y\n")
		if err := r.run("timeline", "erase"); !errors.Is(err, errUnconfirmed) || !strings.Contains(r.out.String(), "This cannot be undone.") {
			t.Errorf("%q, %v", r.out.String(), err)
		}
	})
}

func TestAttachedFiles(t *testing.T) {
	r := newShellRig(t)
	if err := r.run("timeline", "export"); err != nil || r.out.String() != "# INC-7\n" || r.errs.String() != "Exported.\n" {
		t.Errorf("printed %q and %q, %v", r.out.String(), r.errs.String(), err)
	}
	folder := t.TempDir()
	if err := r.run("timeline", "export", "--save", folder); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(folder, "INC-0007.md")); err != nil || string(b) != "# INC-7\n" {
		t.Errorf("saved %q, %v", b, err)
	}
	if err := r.run("timeline", "export", "--save", folder); !problem.Is(err, problem.Conflict) {
		t.Errorf("overwrote: %v", err)
	}
}

func TestHelpOfACommand(t *testing.T) {
	r := newShellRig(t)
	if err := r.run("incident", "ack", "--help"); err != nil {
		t.Fatal(err)
	}
	goldenText(t, "help.txt", r.out.String())
}

func TestAnOptionThatIsAFlagOfTheShell(t *testing.T) {
	table, err := command.NewTable([]command.Command{{Path: "x", Summary: "X", Handle: echo, Options: []command.Option{{Name: "json", Help: "h"}}}})
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{table: table}
	root := &cobra.Command{}
	s.bind(root.PersistentFlags())
	if _, err := s.commands(root.PersistentFlags()); err == nil || !strings.Contains(err.Error(), `"json" is a flag`) {
		t.Errorf("%v", err)
	}
}

func TestCompletion(t *testing.T) {
	r := newShellRig(t)
	r.record(&incident.Declared{Title: "PostgreSQL is out of connections", Severity: 2, StartedAt: shellNight})
	tests := map[string]struct {
		args []string
		want []string
	}{
		"an incident by place":   {[]string{"incident", "ack", ""}, []string{"INC-1\tPostgreSQL is out of connections"}},
		"an incident by flag":    {[]string{"timeline", "add", "--incident", "I"}, []string{"INC-1\tPostgreSQL is out of connections"}},
		"an incident to watch":   {[]string{"incident", "watch", ""}, []string{"INC-1\tPostgreSQL is out of connections"}},
		"choices":                {[]string{"timeline", "add", "--severity", ""}, []string{"SEV1", "SEV2"}},
		"acts":                   {[]string{"timeline", "er"}, []string{"erase\tErase an entry"}},
		"nothing after the last": {[]string{"incident", "ack", "INC-1", ""}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := r.run(append([]string{cobra.ShellCompRequestCmd}, tt.args...)...); err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(r.out.String()) {
				if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, ":") {
					got = append(got, line)
				}
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	r.peek = func(context.Context) (Asker, error) { return nil, socket.ErrNobody }
	if err := r.run(cobra.ShellCompRequestCmd, "timeline", "add", "--severity", "sev1"); err != nil || !strings.HasPrefix(r.out.String(), "SEV1\n") {
		t.Errorf("without anybody to ask: %q, %v", r.out.String(), err)
	}
	for _, name := range []string{"bash", "zsh", "fish"} {
		if err := r.run("completion", name); err != nil || !strings.Contains(r.out.String(), "wardroom") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
