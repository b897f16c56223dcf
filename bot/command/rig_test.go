package command_test

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var night = time.Date(2021, 7, 11, 0, 42, 0, 0, time.UTC)

var (
	joe   = people.Person{Name: "joe", Roles: []people.Role{people.Lead}, UIDs: []int{1000}, Discord: []string{"111"}}
	chris = people.Person{Name: "Chris", FullName: "Chris G", Roles: []people.Role{people.Responder}, Discord: []string{"222"}}
	vera  = people.Person{Name: "vera", Roles: []people.Role{people.Viewer}}
)

// rig is a runner on a real store under a clock that the test moves.
type rig struct {
	t      *testing.T
	store  *storage.DB
	clock  *scenario.Clock
	runner *command.Runner
	log    *bytes.Buffer
	got    []command.Request // what handlers were given
}

func newRig(t *testing.T, list ...command.Command) *rig {
	t.Helper()
	r := &rig{t: t, clock: scenario.NewClock(night), log: &bytes.Buffer{}}
	codec, err := timeline.NewCodec(command.Kinds, incident.Kinds, alert.Kinds)
	check(t, err)
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Folds: []timeline.Fold{alert.Fold, incident.Fold}, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
	})
	check(t, err)
	t.Cleanup(func() { r.store.Close() })
	for i, c := range list {
		if c.Handle == nil {
			list[i].Handle = func(_ context.Context, req command.Request) (command.Reply, error) {
				r.got = append(r.got, req)
				return command.Reply{Text: "done"}, nil
			}
		}
	}
	table, err := command.NewTable(list)
	check(t, err)
	directory, err := people.NewDirectory([]people.Person{joe, chris, vera})
	check(t, err)
	r.runner = &command.Runner{
		Table: table, Store: r.store, Incidents: openIncidents{}, People: directory, Clock: r.clock,
		Zone: time.UTC, Log: log, NewFaultID: func() string { return "c0ffee" },
	}
	return r
}

// openIncidents reads the real table.
type openIncidents struct{}

func (openIncidents) OpenIDs(v timeline.View) ([]command.Named, error) {
	open, err := incident.Open(v)
	var named []command.Named
	for _, i := range open {
		named = append(named, command.Named{ID: i.ID, Title: i.Title})
	}
	return named, err
}

func (openIncidents) Exists(v timeline.View, id timeline.ID) (bool, error) {
	_, exists, err := incident.Table.Get(v, string(id))
	return exists, err
}

// declare opens an incident and returns its first entry.
func (r *rig) declare(n int, title string) timeline.Ref {
	r.t.Helper()
	entries, err := r.store.Update(r.t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{
			Timeline: timeline.Incident(n), Payload: &incident.Declared{Title: title, Severity: 2, StartedAt: night},
		}}}, nil
	})
	check(r.t, err)
	for _, e := range entries {
		if e.Timeline == timeline.Incident(n) {
			return e.Ref
		}
	}
	r.t.Fatal("no entry of the incident")
	return timeline.Ref{}
}

func as(p people.Person) command.Caller {
	return command.Caller{Person: &p, Actor: p.Actor(), Via: "shell"}
}

var stranger = command.Caller{Actor: people.Actor{Kind: people.KindUnknown, Name: "uid 1001"}, Via: "shell"}

// say runs a typed line.
func (r *rig) say(c command.Caller, line string) (command.Reply, error) {
	r.t.Helper()
	ask, err := r.runner.Table.ParseLine(line)
	if err != nil {
		return command.Reply{}, err
	}
	return r.runner.Run(r.t.Context(), c, ask)
}

// recorded lists what the stages wrote to a timeline: "actor text".
func (r *rig) recorded(id timeline.ID) (lines []string) {
	r.t.Helper()
	check(r.t, r.store.View(r.t.Context(), func(v timeline.View) error {
		entries, err := v.Entries(id, 0, 1000)
		for _, e := range entries {
			if strings.HasPrefix(string(e.Kind), "command.") {
				lines = append(lines, e.Actor.String()+" "+e.Payload.Text())
			}
		}
		return err
	}))
	return lines
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantProblem holds err to a code and to words of its message and hint.
func wantProblem(t *testing.T, err error, code problem.Code, words ...string) {
	t.Helper()
	p, ok := err.(*problem.Error)
	if !ok {
		t.Fatalf("error %v (%T), want a problem", err, err)
	}
	if p.Code != code {
		t.Errorf("code %s, want %s (%v)", p.Code, code, p)
	}
	for _, w := range words {
		if text := p.Message + "\n" + p.Hint; !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	check(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites):\n%s", path, diff)
	}
}
