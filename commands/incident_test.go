package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/commands"
	"wardroom/storage"
)

var updateIncident = flag.Bool("update-incident", false, "write the golden files of the incident, timeline and alert commands anew")

// watch asks the incident, timeline and alert commands through every stage, as
// people type them, on a real store with the correlator behind it.
type watch struct {
	t        *testing.T
	clock    *scenario.Clock
	store    *storage.DB
	runner   *command.Runner
	persons  map[string]*people.Person
	silencer *quiet
	lost     checks.Comparison // what is not back
	blind    error             // the cluster cannot be read
	seq      int64
	out      strings.Builder
}

// quiet is a source that holds silences.
type quiet struct {
	held map[timeline.Ref]string
	fail error
}

func (q *quiet) Silence(_ context.Context, _ alert.Alert, entry timeline.Ref, _ time.Time, _, _ string) (string, string, error) {
	if q.fail != nil {
		return "", "", q.fail
	}
	if q.held[entry] == "" {
		q.held[entry] = fmt.Sprintf("silence-%d", len(q.held)+1)
	}
	return "Alertmanager", q.held[entry], nil
}

type files struct{}

func (files) Export(_ context.Context, id timeline.ID, format string) (string, []byte, error) {
	return id.Padded() + "." + format, []byte("# " + string(id)), nil
}

func (w *watch) notBack(context.Context, timeline.ID) (checks.Comparison, error) {
	return w.lost, w.blind
}

func newWatch(t *testing.T) *watch {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, command.Kinds, incident.Kinds, statuspage.Kinds, remediation.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{t: t, clock: scenario.NewClock(night("00:32")), persons: map[string]*people.Person{}, silencer: &quiet{held: map[timeline.Ref]string{}}}
	w.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: codec, Clock: w.clock, Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, remediation.FreezeFold, remediation.RunFold, timeline.DeliveriesFold}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	crew := []people.Person{{Name: "joe", Roles: []people.Role{people.Responder}}, {Name: "chris", Roles: []people.Role{people.Responder}},
		{Name: "lena", Roles: []people.Role{people.Lead}}, {Name: "vic", Roles: []people.Role{people.Viewer}}}
	for n := range crew {
		w.persons[crew[n].Name] = &crew[n]
	}
	directory, err := people.NewDirectory(crew)
	if err != nil {
		t.Fatal(err)
	}
	desk := incident.NewDesk(w.store)
	public := statuspage.NewDesk(w.store, nil, statuspage.Provider{Name: "ownpage", Capabilities: statuspage.Capabilities{BackdateIncident: true}})
	o := commands.RepairOptions{Cluster: fleet.NoCluster{}, Cloud: fleet.NoCloud{}, View: w.store.View}
	table, err := commands.All(commands.Incident(desk, w.notBack, nil), commands.Timeline(desk, codec, files{}), commands.Alert(desk, w.silencer, nil),
		commands.Status(public), commands.Freeze(w.store), commands.Node(o), commands.Volume(o), commands.Workload(o), commands.Scale(o), commands.Redis(o), commands.Restart(o), commands.Pod(o), commands.Run(commands.RunOptions{View: w.store.View}))
	if err != nil {
		t.Fatal(err)
	}
	w.runner = &command.Runner{Table: table, Store: w.store, Incidents: incident.Directory{}, People: directory, Clock: w.clock,
		Zone: time.FixedZone("CEST", 2*60*60), Log: slog.New(slog.DiscardHandler)}
	return w
}

func (w *watch) ask(by, line string) (command.Reply, error) {
	w.t.Helper()
	ask, err := w.runner.Table.ParseLine(line)
	if err != nil {
		return command.Reply{}, err
	}
	return w.press(by, ask)
}

func (w *watch) press(by string, ask command.Ask) (command.Reply, error) {
	p := w.persons[by]
	return w.runner.Run(w.t.Context(), command.Caller{Person: p, Actor: p.Actor(), Via: "shell"}, ask)
}

// says asks, and writes down what the person reads.
func (w *watch) says(clock, by, line string) command.Reply {
	w.t.Helper()
	w.clock.MoveTo(night(clock))
	fmt.Fprintf(&w.out, "\n── %s %s: %s\n", clock, by, line)
	reply, err := w.ask(by, line)
	if p, ok := errors.AsType[*problem.Error](err); ok {
		fmt.Fprintf(&w.out, "%s: %s\n", p.Code, p.Message)
		if p.Hint != "" {
			fmt.Fprintf(&w.out, "    (%s)\n", p.Hint)
		}
		return reply
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(reply)
	return reply
}

func (w *watch) write(reply command.Reply) {
	if reply.Text != "" {
		w.out.WriteString(reply.Text + "\n")
	}
	for _, e := range reply.Embeds {
		fmt.Fprintf(&w.out, "┃ %s\n┃ %s\n", e.Title, strings.ReplaceAll(e.Description, "\n", "\n┃ "))
		for _, f := range e.Fields {
			fmt.Fprintf(&w.out, "┃ %s: %s\n", f.Name, strings.ReplaceAll(f.Value, "\n", "\n┃   "))
		}
		if e.Footer != "" {
			fmt.Fprintf(&w.out, "┃ %s\n", e.Footer)
		}
	}
	if reply.Table != nil {
		for _, row := range append([][]string{reply.Table.Headings}, reply.Table.Rows...) {
			w.out.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
	}
	for _, f := range reply.Files {
		fmt.Fprintf(&w.out, "file %s (%s), %d bytes\n", f.Name, f.ContentType, len(f.Body))
	}
	for _, a := range reply.Actions {
		label := a.Label
		if a.Form {
			label += " …" // its form comes first
		}
		fmt.Fprintf(&w.out, "[%s] %s\n", label, w.runner.Table.Line(a.Ask))
	}
	if _, err := json.Marshal(reply.Data); err != nil {
		w.t.Fatal(err)
	}
}

// receive records alerts at a time and lets the correlator see them.
func (w *watch) receive(clock string, alerts ...alert.Alert) {
	w.t.Helper()
	w.clock.MoveTo(night(clock))
	drafts := make([]timeline.Draft, len(alerts))
	for n, a := range alerts {
		drafts[n] = timeline.Draft{Timeline: timeline.Log, Payload: &alert.Received{Alert: a}, Actor: people.Source(a.Source)}
	}
	c := &incident.Correlator{Routes: alert.DefaultRoutes(), Rules: incident.DefaultRules()}
	for _, decide := range []func(timeline.View) (timeline.Decision, error){
		func(timeline.View) (timeline.Decision, error) { return timeline.Decision{Entries: drafts}, nil },
		func(v timeline.View) (timeline.Decision, error) {
			entries, err := v.Entries(timeline.Log, w.seq, 10000)
			if err != nil {
				return timeline.Decision{}, err
			}
			w.seq = entries[len(entries)-1].Seq
			return c.Decide(v, entries)
		},
	} {
		if _, err := w.store.Update(w.t.Context(), decide); err != nil {
			w.t.Fatal(err)
		}
	}
}

func page(name, clock, summary string, labels ...string) alert.Alert {
	a := alert.Alert{Source: "alertmanager", Fingerprint: fmt.Sprintf("%x", name), Status: alert.Firing, StartsAt: night(clock),
		Labels: map[string]string{"alertname": name, "severity": "page"}, Annotations: map[string]string{"summary": summary}}
	for n := 0; n+1 < len(labels); n += 2 {
		a.Labels[labels[n]] = labels[n+1]
	}
	return a
}

func (w *watch) golden(name string) {
	w.t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *updateIncident {
		if err := os.WriteFile(path, []byte(w.out.String()), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), w.out.String()); diff != "" {
		w.t.Errorf("differs from %s (-update-incident writes it anew):\n%s", path, diff)
	}
}

func TestIncidentCommandsReadLikeTheNight(t *testing.T) {
	w := newWatch(t)
	w.says("00:30", "joe", "/incident list")
	w.says("00:30", "joe", "/incident list all:yes")
	w.says("00:30", "joe", "/incident ack")
	w.receive("00:32", page("postgres/connection-limit", "00:31", "PostgreSQL has *115* of 115 <b>connections</b> @everyone", "namespace", "default"))
	w.says("00:32", "joe", "/incident show")
	w.says("00:32", "joe", "/incident ack")
	w.says("00:33", "joe", "/incident ack")
	w.says("00:33", "chris", "/incident ack")
	w.says("00:34", "vic", "/incident ack")
	w.says("00:34", "joe", "/incident assign")
	w.says("00:34", "joe", "/incident assign person:chris role:Scribe")
	w.says("00:34", "joe", "/incident assign role:scribe nobody:yes")
	w.says("00:35", "joe", "/incident severity severity:SEV1 reason:everything is down")
	w.says("00:36", "joe", "/incident start at:02:25 why:the first HTTP 524")
	w.says("00:36", "joe", "/incident start at:02:34")
	w.says("00:37", "joe", "/incident title title:Volumes do   not attach")
	w.says("00:38", "joe", "/incident link url:https://grafana.example.org/d/abc text:connections")
	w.says("00:38", "joe", "/incident link url:javascript:alert(1)")
	w.says("00:39", "joe", "/incident note at:02:27 cause:yes text:Django opens connections rapidly")
	w.says("00:55", "joe", "/incident status status:identified")
	w.says("00:56", "joe", "/incident park until:alerts resolved")
	w.says("00:56", "joe", "/incident park until:Linode answers")
	w.says("00:57", "joe", "/incident unpark")
	w.says("00:57", "joe", "/incident park until:25:99")
	w.says("00:57", "joe", "/incident park until:2h")
	w.says("00:58", "joe", "/incident unpark")
	w.says("01:13", "joe", "/incident show")
	w.says("01:14", "joe", "/incident list")
	w.says("07:10", "joe", "/incident resolve at:02:20")
	w.says("07:10", "joe", "/incident resolve at:09:05 reason:volumes are attached")
	w.says("07:11", "joe", "/incident status status:monitoring incident:INC-1")
	w.says("07:12", "joe", "/incident close incident:1")
	w.says("07:13", "joe", "/incident reopen incident:1 reason:redis is down again")
	w.says("07:14", "joe", "/incident close")
	w.golden("incident")
}

func TestMergingReadsLikeTheNight(t *testing.T) {
	w := newWatch(t)
	w.receive("00:32", page("node-down", "00:20", "a node is down", "cluster", "eu"))
	w.says("00:40", "joe", "/incident declare title:HTTP 524 on the site at:02:35")
	w.receive("00:41", page("redis/down", "00:40", "redis is down", "cluster", "us"))
	w.says("00:42", "joe", "/incident list")
	w.says("00:42", "joe", "/incident ack")
	w.says("00:43", "joe", "/incident merge from:INC-1 into:INC-2")
	w.says("00:43", "lena", "/incident merge from:INC-1 into:INC-2")
	w.says("00:44", "lena", "/incident ack incident:INC-1")
	w.says("00:44", "lena", "/incident show incident:INC-1")
	w.says("00:45", "lena", "/incident unmerge incident:INC-1")
	w.says("00:45", "lena", "/incident split alert:redis/down reason:another cluster")
	w.says("00:46", "lena", "/incident split alert:nosuch")
	w.says("00:47", "lena", "/incident list all:yes")
	w.golden("merge")
}

func TestEmptyListsAreArraysInJSON(t *testing.T) {
	w := newWatch(t)
	for _, line := range []string{"/incident list", "/incident list all:yes", "/alert list", "/timeline show incident:log page:9"} {
		reply, err := w.ask("vic", line)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := json.Marshal(reply.Data); string(body) != "[]" {
			t.Errorf("%s: %s", line, body)
		}
	}
}

func TestProposals(t *testing.T) {
	w := newWatch(t)
	w.receive("00:33", page("postgres/locks", "00:31", "x"), page("redis/down", "00:32", "x"))
	joe := command.Caller{Person: w.persons["joe"], Actor: w.persons["joe"].Actor(), Via: "shell"}
	got, err := w.runner.Complete(t.Context(), joe, "alert ack", "alert", "redis")
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	got, err = w.runner.Complete(t.Context(), joe, "incident park", "until", "al")
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}
