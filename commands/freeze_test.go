package commands_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/commands"
	"wardroom/storage"
)

// freezeRig serves /freeze and /help on a real store.
type freezeRig struct {
	*testing.T
	runner *command.Runner
	store  *storage.DB
}

// noIncidents: neither command knows any.
type noIncidents struct{}

func (noIncidents) OpenIDs(timeline.View) ([]command.Named, error)  { return nil, nil }
func (noIncidents) Exists(timeline.View, timeline.ID) (bool, error) { return false, nil }

func newFreezeRig(t *testing.T) freezeRig {
	t.Helper()
	codec, err := timeline.NewCodec(command.Kinds, remediation.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	clock := scenario.NewClock(time.Date(2021, 7, 11, 0, 42, 0, 0, time.UTC))
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Folds: []timeline.Fold{remediation.FreezeFold}, Clock: clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	directory, err := people.NewDirectory([]people.Person{
		{Name: "joe", Roles: []people.Role{people.Lead}}, {Name: "chris", Roles: []people.Role{people.Responder}}, {Name: "vera", Roles: []people.Role{people.Viewer}},
	})
	if err != nil {
		t.Fatal(err)
	}
	table, err := commands.All(commands.Freeze(db))
	if err != nil {
		t.Fatal(err)
	}
	return freezeRig{t, &command.Runner{Table: table, Store: db, Incidents: noIncidents{}, People: directory, Clock: clock,
		Zone: time.UTC, Log: slog.New(slog.DiscardHandler)}, db}
}

func (r freezeRig) say(name, line string) (command.Reply, error) {
	r.Helper()
	ask, err := r.runner.Table.ParseLine(line)
	if err != nil {
		return command.Reply{}, err
	}
	p, _ := r.runner.People.ByName(name)
	return r.runner.Run(r.Context(), command.Caller{Person: &p, Actor: p.Actor(), Via: "shell"}, ask)
}

func (r freezeRig) mustSay(name, line string, words ...string) command.Reply {
	r.Helper()
	reply, err := r.say(name, line)
	if err != nil {
		r.Fatalf("%s: %v", line, err)
	}
	for _, w := range words {
		if !strings.Contains(reply.Text, w) {
			r.Errorf("%s answers %q, without %q", line, reply.Text, w)
		}
	}
	return reply
}

func TestAFreezeFromBeginningToEnd(t *testing.T) {
	r := newFreezeRig(t)
	r.mustSay("vera", "/freeze show", "Nothing is frozen")
	r.mustSay("chris", "/freeze on reason:the *restore* runs until:09:00", "**Repairs are frozen** until 09:00 UTC", `the \*restore\* runs`, "Since 00:42 UTC, by chris")
	reply := r.mustSay("vera", "/freeze show", "Repairs are frozen")
	if len(reply.Actions) != 1 || reply.Actions[0].Ask.Path != "freeze off" {
		t.Errorf("actions %+v", reply.Actions)
	}
	if _, err := r.say("chris", "/freeze on reason:shorter until:03:00"); !problem.Is(err, problem.Conflict) {
		t.Errorf("shortened: %v", err)
	}
	if _, err := r.say("chris", "/freeze off"); !problem.Is(err, problem.Forbidden) {
		t.Errorf("lifted by a responder: %v", err)
	}
	r.mustSay("joe", "/freeze off reason:the restore is done", "Nothing is frozen")

	var kinds []string
	err := r.store.View(t.Context(), func(v timeline.View) error {
		entries, err := v.Entries(timeline.Log, 0, 100)
		for _, e := range entries {
			kinds = append(kinds, string(e.Kind))
			if e.Kind == "freeze.set" && e.Cause.IsZero() {
				t.Error("the freeze does not say what caused it")
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "command.asked freeze.set command.asked command.refused command.asked freeze.lifted"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("recorded %s\nwant %s", got, want)
	}
}

func TestAViewerMayNotFreeze(t *testing.T) {
	r := newFreezeRig(t)
	if _, err := r.say("vera", "/freeze on reason:x"); !problem.Is(err, problem.Forbidden) {
		t.Errorf("%v", err)
	}
	r.mustSay("vera", "/freeze show", "Nothing is frozen")
}

func TestHelpGoesByWhoAsks(t *testing.T) {
	r := newFreezeRig(t)
	text := func(reply command.Reply) string {
		var b strings.Builder
		for _, e := range reply.Embeds {
			b.WriteString(e.Title + "\n" + e.Description + "\n")
			for _, f := range e.Fields {
				b.WriteString(f.Name + "\n" + f.Value + "\n")
			}
		}
		return b.String()
	}
	tests := map[string]struct {
		who, line string
		has, not  []string
	}{
		"a lead sees all":           {"joe", "/help", []string{"/freeze on", "/freeze off", "/freeze show", "/help"}, nil},
		"a responder lifts nothing": {"chris", "/help", []string{"/freeze on"}, []string{"/freeze off"}},
		"a viewer only looks":       {"vera", "/help", []string{"/freeze show"}, []string{"/freeze on", "/freeze off"}},
		"one group":                 {"joe", "/help freeze", []string{"/freeze on", "/freeze off"}, []string{"/help"}},
		"one command":               {"joe", "/help command:/freeze on", []string{"reason", "until", "A responder or above"}, []string{"/freeze off"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := text(r.mustSay(tt.who, tt.line))
			for _, w := range tt.has {
				if !strings.Contains(got, w) {
					t.Errorf("without %q:\n%s", w, got)
				}
			}
			for _, w := range tt.not {
				if strings.Contains(got, w) {
					t.Errorf("with %q:\n%s", w, got)
				}
			}
		})
	}
	if _, err := r.say("joe", "/help freze"); !problem.Is(err, problem.NotFound) {
		t.Errorf("help for what there is not: %v", err)
	}
}

func TestHelpCompletesPaths(t *testing.T) {
	r := newFreezeRig(t)
	joe, _ := r.runner.People.ByName("joe")
	found, err := r.runner.Complete(context.Background(), command.Caller{Person: &joe, Actor: joe.Actor()}, "help", "command", "o")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, p := range found {
		values = append(values, p.Value)
	}
	if got := strings.Join(values, ","); got != "freeze on,freeze off,freeze show" {
		t.Errorf("%s", got)
	}
}

func TestAllRefusesACollision(t *testing.T) {
	if _, err := commands.All(commands.Freeze(nil), commands.Freeze(nil)); err == nil || !strings.Contains(err.Error(), `"freeze on" is declared twice`) {
		t.Errorf("%v", err)
	}
}
