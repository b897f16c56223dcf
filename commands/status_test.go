package commands_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/commands"
	"wardroom/storage"
)

var updateStatus = flag.Bool("update-status", false, "write the golden files of the status commands anew")

// incidentsByTable is what the stages ask of incidents.
type incidentsByTable struct{}

func (incidentsByTable) OpenIDs(v timeline.View) ([]command.Named, error) {
	open, err := incident.Open(v)
	var named []command.Named
	for _, i := range open {
		named = append(named, command.Named{ID: i.ID, Title: i.Title})
	}
	return named, err
}

func (incidentsByTable) Exists(v timeline.View, id timeline.ID) (bool, error) {
	_, exists, err := incident.Table.Get(v, string(id))
	return exists, err
}

// statusNight asks the status commands through every stage, on a real store.
type statusNight struct {
	t      *testing.T
	clock  *scenario.Clock
	store  *storage.DB
	runner *command.Runner
	joe    people.Person
}

func newStatusNight(t *testing.T) *statusNight {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, command.Kinds, incident.Kinds, statuspage.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	n := &statusNight{t: t, clock: scenario.NewClock(night("00:32")), joe: people.Person{Name: "joe", Roles: []people.Role{people.Responder}}}
	n.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Clock: n.clock, Log: slog.New(slog.DiscardHandler),
		Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, timeline.DeliveriesFold},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.store.Close() })
	directory, err := people.NewDirectory([]people.Person{n.joe})
	if err != nil {
		t.Fatal(err)
	}
	desk := statuspage.NewDesk(n.store, nil, statuspage.Provider{Name: "ownpage", Capabilities: statuspage.Capabilities{BackdateIncident: true}})
	table, err := commands.All(commands.Status(desk))
	if err != nil {
		t.Fatal(err)
	}
	n.runner = &command.Runner{Table: table, Store: n.store, Incidents: incidentsByTable{}, People: directory, Clock: n.clock,
		Zone: time.FixedZone("CEST", 2*60*60), Log: slog.New(slog.DiscardHandler)}
	err = statuspage.Declare(t.Context(), n.store, []statuspage.Declaration{{Name: "Website"}, {Name: "Python bot"}})
	if err != nil {
		t.Fatal(err)
	}
	a := alert.Alert{Source: "alertmanager", Fingerprint: "f", Status: alert.Firing, StartsAt: night("00:31"), Labels: map[string]string{"alertname": "postgres/connection-limit"}}
	for _, d := range []timeline.Draft{
		{Timeline: timeline.Log, Payload: &alert.Received{Alert: a}},
		{Timeline: "INC-1", Payload: &incident.Declared{Title: "PostgreSQL is out of *connections*", Severity: alert.SEV2, StartedAt: night("00:31"), StartedWhy: "the earliest alert"}},
		{Timeline: "INC-1", Payload: &alert.Joined{Alerts: []alert.Brief{a.Brief()}}},
		{Timeline: "INC-1", OccurredAt: night("00:27"), Actor: people.Human("joe"), Payload: &incident.Noted{Body: "Django takes connections", IsCause: true}},
	} {
		_, err := n.store.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
			return timeline.Decision{Entries: []timeline.Draft{d}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func night(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// pairs are options as they are given to ask.
func pairs(options map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		all = append(all, name, options[name])
	}
	return all
}

func (n *statusNight) ask(path string, options ...string) (command.Reply, error) {
	ask := command.Ask{Path: path, Options: map[string]string{}}
	for i := 0; i+1 < len(options); i += 2 {
		ask.Options[options[i]] = options[i+1]
	}
	return n.runner.Run(n.t.Context(), command.Caller{Person: &n.joe, Actor: n.joe.Actor(), Via: "shell"}, ask)
}

// The whole life of a status incident, as the person who asks reads it.
func TestStatusCommandsReadLikeTheNight(t *testing.T) {
	n := newStatusNight(t)
	var out strings.Builder
	ask := func(clock, path string, options ...string) command.Reply {
		t.Helper()
		n.clock.MoveTo(night(clock))
		fmt.Fprintf(&out, "── %s /%s %q\n", clock, path, options)
		reply, err := n.ask(path, options...)
		if p, ok := err.(*problem.Error); ok {
			fmt.Fprintf(&out, "%s: %s\n(%s)\n", p.Code, p.Message, p.Hint)
			return reply
		}
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(reply.Text + "\n")
		if reply.Table != nil {
			fmt.Fprintf(&out, "%q\n%q\n", reply.Table.Headings, reply.Table.Rows)
		}
		for _, a := range reply.Actions {
			label := a.Label
			if a.Form {
				label += " …" // its form comes first
			}
			fmt.Fprintf(&out, "[%s] /%s %v\n", label, a.Ask.Path, a.Ask.Options)
		}
		return reply
	}
	ask("00:40", "status show", "incident", "INC-1")
	ask("00:40", "status backdate")
	ask("00:42", "status post", "text", "We are <b>investigating</b>", "components", "website=down, Python bot = degraded")
	proposal := ask("00:42", "status backdate")
	if !proposal.Confirm || len(proposal.Actions) != 3 {
		t.Errorf("the proposal does not ask: %+v", proposal)
	}
	ask("00:43", "status backdate", "at", "02:25")
	pressed := proposal.Actions[1].Ask
	ask("00:44", pressed.Path, "incident", pressed.Options["incident"], "at", pressed.Options["at"], "why", pressed.Options["why"])
	ask("00:45", "status backdate")
	ask("00:50", "status backdate", "at", "01:00")
	ask("00:50", "status backdate")
	ask("00:55", "status post", "text", "The database is full", "state", "identified", "components", "Shop=down")
	ask("00:55", "status post", "text", "The database is full", "state", "identified", "components", "Website")
	ask("00:55", "status post", "text", "The database is full", "state", "identified")
	wrong := ask("00:56", "status correct", "text", "The database is *out of connections*")
	if !wrong.Confirm || len(wrong.Actions) != 1 {
		t.Errorf("the correction does not ask: %+v", wrong)
	}
	ask("00:57", "status correct", "update", "INC-1#4", "text", "x")
	ask("00:57", "status correct", "text", "The database is full", "sure", "yes")
	ask("00:58", "status correct", pairs(wrong.Actions[0].Ask.Options)...)
	first := ask("00:59", "status correct", "update", "6", "text", "We are looking into it")
	ask("00:59", "status correct", pairs(first.Actions[0].Ask.Options)...)
	ask("01:00", "status component", "name", "python BOT", "level", "ok")
	ask("01:00", "status component", "name", "python BOT", "level", "ok")
	ask("01:01", "status show")
	ask("01:02", "status show", "incident", "1")
	ask("02:00", "status resolve")
	ask("02:01", "status resolve")
	ask("02:02", "status show")
	ask("02:03", "status correct", "update", "INC-1#6", "text", "We are looking")

	golden := filepath.Join("testdata", "status.golden")
	if *updateStatus {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("differs from %s (-update-status writes it anew):\n%s", golden, diff)
	}
}

func TestStatusDataIsJSON(t *testing.T) {
	n := newStatusNight(t)
	for _, path := range []string{"status show", "status post", "status resolve"} {
		options := []string{"text", "x"}
		if path == "status show" {
			options = nil
		}
		reply, err := n.ask(path, options...)
		if path == "status resolve" && err == nil || path != "status resolve" && err != nil && !problem.Is(err, problem.NotFound) {
			if path != "status resolve" {
				t.Fatalf("%s: %v", path, err)
			}
		}
		if _, err := json.Marshal(reply.Data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestStatusRefusesAViewer(t *testing.T) {
	n := newStatusNight(t)
	n.joe.Roles = []people.Role{people.Viewer}
	if _, err := n.ask("status post", "text", "x"); !problem.Is(err, problem.Forbidden) {
		t.Errorf("a viewer may post: %v", err)
	}
	if _, err := n.ask("status show"); err != nil {
		t.Errorf("a viewer may not look: %v", err)
	}
}
