package commands_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/commands"
	"wardroom/storage"
)

// oncallRig serves /oncall on a real store; pages reach joe and vera alone.
func oncallRig(t *testing.T, r *oncall.Rota) (say func(name, line string) (command.Reply, error), db *storage.DB) {
	t.Helper()
	codec, err := timeline.NewCodec(command.Kinds, alert.Kinds, incident.Kinds, oncall.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	clock := scenario.NewClock(time.Date(2021, 7, 14, 0, 42, 0, 0, time.UTC))
	if db, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Folds: []timeline.Fold{alert.Fold, incident.Fold}, Clock: clock, Log: slog.New(slog.DiscardHandler),
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	directory, err := people.NewDirectory([]people.Person{
		{Name: "joe", Roles: []people.Role{people.Lead}}, {Name: "chris", Roles: []people.Role{people.Responder}}, {Name: "vera", Roles: []people.Role{people.Viewer}},
	})
	if err != nil {
		t.Fatal(err)
	}
	table, err := commands.All(commands.OnCall(commands.OnCallOptions{Rota: r, Tests: oncall.NewDesk(db, nil, directory), View: db.View,
		Reached: func(person string) bool { return person != "chris" }}))
	if err != nil {
		t.Fatal(err)
	}
	runner := &command.Runner{Table: table, Store: db, Incidents: incident.Directory{}, People: directory, Clock: clock, Zone: time.UTC, Log: slog.New(slog.DiscardHandler)}
	return func(name, line string) (command.Reply, error) {
		ask, err := table.ParseLine(line)
		if err != nil {
			return command.Reply{}, err
		}
		p, _ := directory.ByName(name)
		return runner.Run(t.Context(), command.Caller{Person: &p, Actor: p.Actor(), Via: "shell"}, ask)
	}, db
}

func summerRota(t *testing.T, o ...oncall.Override) *oncall.Rota {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r, err := oncall.NewRota(oncall.RotaSpec{People: []string{"joe", "chris"}, Handover: oncall.Handover{Weekday: time.Monday, Hour: 9},
		Since: time.Date(2021, 7, 12, 0, 0, 0, 0, time.UTC), Zone: zone, Overrides: o})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOnCallSaysWhoIsWoken(t *testing.T) {
	say, db := oncallRig(t, summerRota(t))
	reply, err := say("vera", "/oncall show weeks:3")
	if err != nil {
		t.Fatal(err)
	}
	want := "**joe** is on call until Mon 2021-07-19 09:00 CEST, then chris.\nPages do not reach the phone of chris: there is no ntfy topic."
	if reply.Text != want {
		t.Errorf("got %q", reply.Text)
	}
	if rows := reply.Table.Rows; len(rows) != 3 || strings.Join(rows[1], " | ") != "Mon 2021-07-19 09:00 CEST | Mon 2021-07-26 09:00 CEST | chris" {
		t.Errorf("%v", rows)
	}
	// While people are being paged it says so.
	if _, err := incident.NewDesk(db).Declare(t.Context(), incident.Who{}, incident.Declaration{Title: "x", Severity: alert.SEV1}); err != nil {
		t.Fatal(err)
	}
	pager := &oncall.Pager{Rota: summerRota(t), Policy: oncall.DefaultPolicy()}
	if _, err := db.Update(context.Background(), func(v timeline.View) (timeline.Decision, error) {
		entries, err := v.Entries("INC-1", 0, 10)
		if err != nil {
			return timeline.Decision{}, err
		}
		return pager.Decide(v, entries)
	}); err != nil {
		t.Fatal(err)
	}
	reply, err = say("vera", "/oncall show")
	if err != nil || !strings.Contains(reply.Text, "\nNobody has acknowledged INC-1: joe was paged last, the next page is at 00:44 UTC.") {
		t.Error(reply.Text, err)
	}
	if _, err := say("vera", "/oncall show weeks:0"); !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
}

func TestOnCallSaysWhereThereIsAGap(t *testing.T) {
	say, _ := oncallRig(t, nil)
	if reply, err := say("vera", "/oncall show"); err != nil || !strings.HasPrefix(reply.Text, "Nobody is on call: there is no rota.") {
		t.Error(reply.Text, err)
	}
	later := time.Date(2021, 7, 20, 0, 0, 0, 0, time.UTC)
	r, err := oncall.NewRota(oncall.RotaSpec{Overrides: []oncall.Override{{From: later, To: later.Add(time.Hour), Person: "joe"}}})
	if err != nil {
		t.Fatal(err)
	}
	say, _ = oncallRig(t, r)
	if reply, err := say("vera", "/oncall show"); err != nil || reply.Text != "**Nobody is on call** until Tue 2021-07-20 00:00 UTC, and nobody would be paged, then joe." || reply.Table.Rows[0][2] != "nobody" {
		t.Error(reply.Text, err)
	}
}

func TestOnCallTestPagesAreEntries(t *testing.T) {
	say, db := oncallRig(t, summerRota(t))
	reply, err := say("chris", "/oncall test person:joe")
	if err != nil || !strings.Contains(reply.Text, "A test page for **joe** is on its way.") {
		t.Fatal(reply.Text, err)
	}
	if _, err := say("chris", "/oncall test me"); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "there is no ntfy topic") {
		t.Error(err)
	}
	if _, err := say("vera", "/oncall test me"); !problem.Is(err, problem.Forbidden) {
		t.Error(err)
	}
	var tests []timeline.Entry
	if err := db.View(t.Context(), func(v timeline.View) error {
		all, err := v.Entries(timeline.Log, 0, 100)
		for _, e := range all {
			if e.Kind == oncall.KindTest {
				tests = append(tests, e)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(tests) != 1 || tests[0].Actor != people.Human("chris") || tests[0].Cause.IsZero() || tests[0].Payload.Text() != "Test page for joe: nothing is wrong" {
		t.Errorf("%+v", tests)
	}
}
