package commands_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// A name from outside is never mark-up, a mention or a button that cannot be shown.
func TestHostileNames(t *testing.T) {
	y := newYard(t)
	y.open("x", alert.SEV2)
	const evil = "**a** @everyone [x](http://evil) `b` <@1>"
	long := evil + strings.Repeat("n", 300)
	y.node(long, 9, "`slot`")
	y.workload(evil, long, 9, "pvc-"+long, 6003, evil)
	y.heaven.instances[9] = fleet.Instance{ID: 9, Label: evil, Status: evil, Cluster: 1}
	y.heaven.volumes[2].Status = evil
	y.ground.k8s = []fleet.Event{{About: fleet.Object{Kind: "Node", Name: long}, Reason: evil, Message: evil}}
	y.ground.s.Missing = []string{evil}
	asks := []command.Ask{{Path: "node list"}, {Path: "volume list"}, {Path: "node show", Options: map[string]string{"node": long}}, {Path: "volume show", Options: map[string]string{"volume": "6003"}},
		{Path: "node drain", Options: map[string]string{"node": long, "dry-run": "yes"}}, {Path: "volume remount", Options: map[string]string{"volume": "6003", "dry-run": "yes"}},
		{Path: "node cordon", Options: map[string]string{"node": long}}, {Path: "run show"}, {Path: "run list"}, {Path: "run approve"}, {Path: "run abort", Options: map[string]string{"reason": evil}}}
	for _, ask := range asks {
		reply, err := y.press("joe", ask)
		if err != nil {
			t.Errorf("%s: %v", ask.Path, err)
			continue
		}
		texts := []string{reply.Text}
		for _, e := range reply.Embeds {
			texts = append(texts, e.Title, e.Description)
			for _, f := range e.Fields {
				texts = append(texts, f.Name, f.Value)
			}
		}
		for _, text := range texts {
			outside := regexp.MustCompile("`[^`]*`").ReplaceAllString(strings.ReplaceAll(text, "\\`", ""), "")
			for _, mark := range []string{"**a**", "@everyone", "[x]", "<@1>"} {
				if strings.Contains(outside, mark) {
					t.Errorf("%s lets %s through: %s", ask.Path, mark, text)
				}
			}
		}
		for _, a := range reply.Actions {
			if n := utf8.RuneCountInString(a.Label); n == 0 || n > 80 {
				t.Errorf("%s: a label of %d characters", ask.Path, n)
			}
		}
	}
}

// A thousand nodes and volumes: pages, few requests, and all of them as data.
func TestAThousandNodes(t *testing.T) {
	y := newYard(t)
	for n := range 998 {
		name := fmt.Sprintf("lke13311-20304-%04d", n)
		y.node(name, 100000+n, fmt.Sprint("slot-", n))
		y.workload(fmt.Sprintf("w%04d", n), name, 100000+n, fmt.Sprintf("pvc-%04d", n), 7000+n)
	}
	y.ground.s.Nodes[500].Ready = fleet.False
	y.limbo()
	for path, first := range map[string]string{"node": y.ground.s.Nodes[500].Name, "volume": redisPV} {
		y.heaven.asked = 0
		reply, err := y.ask("vic", "/"+path+" list")
		if err != nil {
			t.Fatal(err)
		}
		if len(reply.Table.Rows) != 20 || reply.Table.Rows[0][0] != first || !strings.Contains(reply.Text, "Page 1 of 50.") || reply.Actions[0].Ask.Options["page"] != "2" {
			t.Errorf("%s: %d rows, first %v, %q, %+v", path, len(reply.Table.Rows), reply.Table.Rows[0], reply.Text, reply.Actions[0])
		}
		if y.heaven.asked > 3 {
			t.Errorf("/%s list asked the cloud %d times", path, y.heaven.asked)
		}
		body, err := json.Marshal(reply.Data)
		var rows []map[string]any
		if err != nil || json.Unmarshal(body, &rows) != nil || len(rows) != 1000 {
			t.Errorf("%s: %d rows as data, %v", path, len(rows), err)
		}
		last, err := y.ask("vic", "/"+path+" list page:50")
		if err != nil || len(last.Table.Rows) != 20 || last.Actions[0].Label != "Previous page" {
			t.Errorf("%s: %v", path, err)
		}
	}
	found, err := y.runner.Complete(t.Context(), y.caller("joe", ""), "node recycle", "node", "LKE13311-20304-049")
	if err != nil || len(found) != 10 || found[0].Value != y.ground.s.Nodes[500].Name {
		t.Errorf("%v %v", found, err)
	}
	found, err = y.runner.Complete(t.Context(), y.caller("joe", ""), "volume remount", "volume", "redis")
	if err != nil || len(found) != 1 || found[0].Value != redisPV {
		t.Errorf("%v %v", found, err)
	}
}

func TestRunsAreProposed(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	propose := func(path string) (ids []string) {
		found, err := y.runner.Complete(t.Context(), y.caller("joe", ""), path, "run", "INC-1/")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range found {
			ids = append(ids, p.Value)
		}
		return ids
	}
	if _, err := y.ask("joe", "/node cordon node:"+sickNode); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"run approve": 1, "run show": 1, "run undo": 0} {
		if got := propose(path); len(got) != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	y.place(func(r *remediation.Run) {
		r.Status, r.EndedAt, r.Left = remediation.Aborted, night("00:40"), []remediation.Leftover{{Planned: r.Plan.Steps[0]}}
	})
	for path, want := range map[string]int{"run approve": 0, "run show": 1, "run undo": 1} {
		if got := propose(path); len(got) != want {
			t.Errorf("when it is over %s: %v", path, got)
		}
	}
}

func TestEmptyListsOfRepairsAreArraysInJSON(t *testing.T) {
	y := newYard(t)
	y.ground.s = fleet.Snapshot{}
	for _, line := range []string{"/node list", "/volume list", "/run list", "/run list all:yes"} {
		reply, err := y.ask("vic", line)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := json.Marshal(reply.Data); string(body) != "[]" {
			t.Errorf("%s: %s", line, body)
		}
	}
}
