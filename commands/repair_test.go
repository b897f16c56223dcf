package commands_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

func TestNodesReadLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.says("00:32", "vic", "/node list")
	n := &y.ground.s.Nodes[1]
	n.Ready, n.ReadySince, n.Unschedulable, n.Taints = fleet.Unknown, night("00:25"), true, []fleet.Taint{{Key: "node.kubernetes.io/unreachable", Effect: "NoExecute"}}
	y.ground.k8s = []fleet.Event{{At: night("00:25"), About: fleet.Object{Kind: "Node", Name: sickNode}, Type: "Normal", Reason: "NodeNotReady", Message: "Node *x* status is now: NodeNotReady"}}
	y.says("00:33", "vic", "/node list")
	y.says("00:33", "vic", "/node list page:2")
	y.says("00:33", "vic", "/node show node:"+sickNode)
	y.says("00:33", "vic", "/node show node:nosuch")
	y.heaven.down = true
	y.ground.s.Missing = []string{"pods"}
	y.says("00:34", "vic", "/node list")
	y.says("00:34", "vic", "/node show node:"+wellNode)
	y.golden("node")
}

func TestVolumesReadLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.says("00:32", "vic", "/volume list")
	y.limbo()
	y.says("00:33", "vic", "/volume list")
	y.says("00:33", "vic", "/volume show volume:"+redisPV)
	y.says("00:33", "vic", "/volume show volume:6001")
	y.says("00:33", "vic", "/volume show volume:nosuch")
	y.says("00:34", "joe", "/volume remount volume:redis-data dry-run:yes")
	y.heaven.down = true
	y.says("00:35", "vic", "/volume list")
	y.says("00:35", "vic", "/volume show volume:"+redisPV)
	y.golden("volume")
}

func TestRepairsReadLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.says("00:32", "joe", "/node recycle node:"+sickNode)
	y.open("Volumes do not attach", alert.SEV2)
	y.says("00:33", "joe", "/run list")
	y.says("00:33", "joe", "/node cordon node:"+sickNode)
	y.says("00:33", "joe", "/run approve run:INC-1/run-1")
	y.says("00:33", "joe", "/run reject")
	y.says("00:34", "joe", "/node drain node:"+sickNode+" dry-run:yes")
	y.says("00:34", "joe", "/node reboot node:"+sickNode+" dry-run:yes")
	y.says("00:35", "joe", "/node recycle node:"+sickNode)
	y.says("00:36", "joe", "/run show commands:yes")
	y.says("00:36", "chris", "/run approve")
	y.says("00:36", "chris", "/run list")
	y.golden("repair")
}

// began is a run whose first steps were carried out.
func began(done int) func(*remediation.Run) {
	return func(r *remediation.Run) {
		r.Status, r.StartedAt, r.Step = remediation.Running, night("00:40"), done
		r.Approvals = []remediation.Approval{{By: people.Human("chris"), At: night("00:39")}}
		r.Steps = make([]remediation.StepState, len(r.Plan.Steps))
		for i := range r.Steps {
			r.Steps[i].Mark = remediation.Pending
			if i < done {
				r.Steps[i] = remediation.StepState{Mark: remediation.So, Started: night("00:40"), Ended: night("00:41")}
			}
		}
		r.Steps[done] = remediation.StepState{Mark: remediation.Begun, Started: night("00:41")}
	}
}

func TestARunReadsLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV1)
	y.limbo()
	y.says("00:32", "joe", "/volume remount volume:"+redisPV)
	y.says("00:33", "joe", "/run approve plan:"+remediation.ShortHash(y.run("INC-1/run-1").Hash))
	y.says("00:33", "joe", "/run break-glass reason:nobody else answers")
	y.says("00:38", "joe", "/run break-glass reason:nobody *else* answers")
	y.says("00:39", "chris", "/run approve run:INC-1/run-1 plan:000000000000")
	y.says("00:39", "chris", "/run approve run:INC-1/run-1 plan:"+remediation.ShortHash(y.run("INC-1/run-1").Hash))
	y.place(began(1))
	y.says("00:42", "vic", "/run show")
	y.says("00:42", "vic", "/run show run:inc-1/RUN-1 commands:yes")
	y.place(func(r *remediation.Run) {
		r.Status, r.Steps[1].Mark = remediation.Asking, remediation.Unclear
		r.Ask = &remediation.Question{Code: "unsure", Sentence: "Nobody can tell whether the detach arrived", Answers: []remediation.Answer{remediation.Onward, remediation.GiveUp}}
	})
	y.says("00:43", "joe", "/run show")
	y.forms("00:43", "joe", "INC-1", "run resume")
	y.says("00:43", "joe", "/run resume answer:again")
	y.says("00:44", "joe", "/run take-over")
	y.place(func(r *remediation.Run) {
		r.Status, r.EndedAt, r.By, r.Why = remediation.Aborted, night("00:44"), "joe", "Linode is at it"
		r.Left = []remediation.Leftover{{Step: 5, Planned: r.Plan.Steps[5]}, {Step: 6, Planned: r.Plan.Steps[6], Unknown: true}}
	})
	y.says("00:45", "vic", "/run show run:INC-1/run-1")
	y.says("00:45", "vic", "/run list")
	y.says("00:45", "vic", "/run list all:yes")
	y.says("00:45", "vic", "/run list incident:INC-1")
	y.ground.s.Workloads[0].Replicas = 0
	y.says("00:46", "joe", "/run undo dry-run:yes")
	y.says("00:46", "joe", "/run undo")
	y.says("00:46", "joe", "/run abort reason:it is back")
	y.golden("run")
}

func TestRepairFormsAskWithOneTap(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	y.ground.s.Nodes[1].Ready = fleet.False
	y.limbo()
	for _, path := range []string{"node recycle", "node show", "volume remount", "volume show"} {
		y.forms("00:33", "joe", "INC-1", path)
	}
	y.forms("00:33", "vic", "INC-1", "node recycle")
	y.forms("00:34", "joe", "INC-1", "run approve")
	y.says("00:34", "joe", "/node recycle node:"+sickNode)
	for _, path := range []string{"run approve", "run reject", "run break-glass", "run abort", "run resume"} {
		y.forms("00:35", "chris", "INC-1", path, "run", "INC-1/run-1")
	}
	y.golden("repair_forms")
}

func TestWhatIsNotToBeHadIsSaid(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	y.ground.down = true
	for _, line := range []string{"/node list", "/node show node:x", "/node recycle node:x", "/node cordon node:x dry-run:yes", "/volume list", "/volume show volume:x", "/volume remount volume:x"} {
		_, err := y.ask("joe", line)
		p, ok := err.(*problem.Error)
		if !ok || p.Code != problem.Unavailable || !strings.Contains(p.Message, "knows no cluster") || p.Hint == "" {
			t.Errorf("%s: %v", line, err)
		}
	}
	joe := y.caller("joe", "")
	for _, o := range [][2]string{{"node show", "node"}, {"volume show", "volume"}} {
		if found, err := y.runner.Complete(t.Context(), joe, o[0], o[1], ""); err != nil || len(found) != 0 {
			t.Errorf("%v %v", found, err)
		}
		if view, err := y.runner.Form(t.Context(), joe, command.Ask{Path: o[0]}); err != nil || len(view.Fields) != 1 || !view.Fields[0].Typed() {
			t.Errorf("%+v %v", view, err)
		}
	}
}

// A dry run leaves nothing behind: no entry, no claim, no run.
func TestADryRunRecordsNothing(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	y.limbo()
	before := y.entries()
	lines := []string{"/volume remount volume:" + redisPV}
	for _, act := range []string{"cordon", "uncordon", "drain", "reboot", "recycle"} {
		lines = append(lines, "/node "+act+" node:"+sickNode)
	}
	for _, line := range lines {
		reply, err := y.ask("joe", line+" dry-run:yes")
		if err != nil || !strings.HasPrefix(reply.Text, "**Dry run**") {
			t.Errorf("%s: %q %v", line, reply.Text, err)
		}
	}
	if after := y.entries(); after != before {
		t.Errorf("%d entries were recorded", after-before)
	}
	if _, err := y.ask("joe", lines[0]); err != nil || y.entries() == before {
		t.Errorf("what is asked for is recorded: %v", err)
	}
}

func TestWhichIncidentARepairBelongsTo(t *testing.T) {
	y := newYard(t)
	line := "/node cordon node:" + sickNode
	if _, err := y.ask("joe", line); !problem.Is(err, problem.Conflict) {
		t.Errorf("none is open: %v", err)
	}
	y.open("Volumes *do not* attach", alert.SEV2)
	y.open("The forum is slow", alert.SEV3)
	reply, err := y.ask("joe", line)
	if err != nil || len(reply.Actions) != 2 || !reply.Confirm || !strings.Contains(reply.Text, "2 incidents are open") {
		t.Fatalf("%+v %v", reply, err)
	}
	if got := reply.Actions[1].Label; !strings.Contains(got, "The forum is slow") && !strings.Contains(reply.Actions[0].Label, "The forum is slow") {
		t.Errorf("%q", got)
	}
	for _, run := range []remediation.RunID{"INC-1/run-1", "INC-2/run-1"} {
		if _, err := y.desk.Get(t.Context(), run); !problem.Is(err, problem.NotFound) {
			t.Errorf("it was asked for before anybody said where: %v", err)
		}
	}
	pressed, err := y.press("joe", reply.Actions[1].Ask)
	if err != nil || pressed.Data.(remediation.Run).Incident != timeline.ID(reply.Actions[1].Ask.Options["incident"]) {
		t.Errorf("%v %v", pressed.Data, err)
	}
	room := y.caller("joe", "INC-2")
	reply, err = y.runner.Run(t.Context(), room, command.Ask{Path: "node uncordon", Options: map[string]string{"node": wellNode}})
	if err != nil || reply.Data.(remediation.Run).Incident != "INC-2" {
		t.Errorf("in a room it is the room's: %v %v", reply.Data, err)
	}
}

// What is refused says why and how, and is in the timeline.
func TestRefusedRepairs(t *testing.T) {
	tests := map[string]struct {
		change  func(*yard)
		by      string
		line    string
		code    problem.Code
		words   []string
		nothing bool // not even the refusal is recorded in the incident
	}{
		"a viewer":            {nil, "vic", "/node cordon node:" + sickNode, problem.Forbidden, []string{"needs a responder"}, true},
		"no such node":        {nil, "joe", "/node recycle node:nosuch", problem.NotFound, []string{"/node list"}, true},
		"unproven identity":   {func(y *yard) { y.heaven.down = true }, "joe", "/node recycle node:" + sickNode, problem.Conflict, []string{"503", "the whole plan: /node recycle node:" + sickNode + " dry-run:yes"}, false},
		"the cloud is at it":  {func(y *yard) { y.busy() }, "joe", "/node recycle node:" + sickNode, problem.Conflict, []string{"is at it already"}, false},
		"frozen":              {func(y *yard) { y.freeze() }, "joe", "/node recycle node:" + sickNode, problem.Conflict, []string{"frozen"}, false},
		"no such run":         {nil, "joe", "/run approve run:INC-1/run-9 plan:x", problem.NotFound, []string{"/run list"}, true},
		"no run at all":       {nil, "joe", "/run approve", problem.NotFound, []string{"no run is under way"}, true},
		"nothing left":        {nil, "joe", "/run undo", problem.NotFound, []string{"left anything"}, true},
		"not a run":           {nil, "joe", "/run abort run:x", problem.Invalid, []string{"INC-1/run-2"}, true},
		"no reason":           {nil, "joe", "/run break-glass run:INC-1/run-1", problem.Invalid, []string{"reason"}, true},
		"a page behind":       {nil, "joe", "/run list page:7", problem.Invalid, []string{"no page 7"}, true},
		"a page before":       {nil, "joe", "/volume list page:0", problem.Invalid, []string{"count from 1"}, true},
		"an answer of nobody": {nil, "joe", "/run resume answer:perhaps", problem.Invalid, []string{"onward"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.open("Volumes do not attach", alert.SEV2)
			if tt.change != nil {
				tt.change(y)
			}
			_, err := y.ask(tt.by, tt.line)
			p, ok := err.(*problem.Error)
			if !ok || p.Code != tt.code {
				t.Fatalf("%v", err)
			}
			for _, w := range tt.words {
				if !strings.Contains(p.Message+"\n"+p.Hint, w) {
					t.Errorf("%q does not say %q", p.Message+"\n"+p.Hint, w)
				}
			}
			if refused := y.kinds("INC-1")["run.refused"]; (refused == 0) != tt.nothing {
				t.Errorf("%d refusals are recorded", refused)
			}
		})
	}
}

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

// The sick node is replaced and Redis's volume freed by thumbs alone: what is typed
// are the last four characters of what is destroyed.
func TestANightIsRepairedByThumbs(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	typed := 0
	tap := func(by string, reply command.Reply, label string, answers map[string]string) command.Reply {
		t.Helper()
		i := slices.IndexFunc(reply.Actions, func(a command.Action) bool { return a.Label == label })
		if i < 0 {
			t.Fatalf("no button %q: %+v", label, reply.Actions)
		}
		ask := reply.Actions[i].Ask
		if reply.Actions[i].Form {
			view, err := y.runner.Form(t.Context(), y.caller(by, "INC-1"), ask)
			if err != nil {
				t.Fatal(err)
			}
			ask = view.Ask
			for _, f := range view.Fields {
				value := f.Value
				if answer, is := answers[f.Option.Name]; is {
					value = answer
					typed += len(answer)
				}
				ask.Options[f.Option.Name] = value
			}
		}
		got, err := y.runner.Run(t.Context(), y.caller(by, "INC-1"), ask)
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		return got
	}
	start := command.Reply{Actions: []command.Action{{Label: "What can I do?", Ask: command.Ask{Path: "incident acts"}}}}
	can := tap("joe", start, "What can I do?", nil)
	reply := tap("joe", can, "Nodes", nil)
	reply = tap("joe", reply, "Show "+sickNode, nil)
	tap("joe", reply, "Recycle", nil)
	reply = tap("chris", start, "What can I do?", nil) // in the room it is also below the plan
	reply = tap("chris", reply, "Approve", map[string]string{"confirm": "6DCF"})
	if run := y.run("INC-1/run-1"); run.Status != remediation.Approved || !strings.Contains(reply.Text, "is approved") {
		t.Errorf("%s %q", run.Status, reply.Text)
	}
	y.place(func(r *remediation.Run) { r.Status, r.EndedAt = remediation.Done, night("00:50") })
	y.limbo()
	reply = tap("joe", can, "Volumes", nil)
	reply = tap("joe", reply, "Show default/redis-data", nil)
	reply = tap("joe", reply, "Remount", nil)
	tap("chris", reply, "Approve", nil)
	if run := y.run("INC-1/run-2"); run.Status != remediation.Approved {
		t.Errorf("%s", run.Status)
	}
	if typed > 12-len("00:25") {
		t.Errorf("%d characters were typed", typed)
	}
}

// Whatever a repair's reply offers is a command that is there and has what it needs.
func TestOfferedRepairsExist(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV1)
	y.limbo()
	pressed := map[string]bool{}
	for _, line := range []string{"/node list", "/node show node:" + sickNode, "/volume list", "/volume show volume:6002", "/volume remount volume:6002 dry-run:yes", "/volume remount volume:6002", "/run list", "/run show", "/run approve"} {
		reply, err := y.ask("joe", line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		y.tappable("joe", line, reply, pressed)
	}
	for _, change := range []func(*remediation.Run){began(1), func(r *remediation.Run) {
		r.Status, r.Ask = remediation.Asking, &remediation.Question{Sentence: "?", Answers: []remediation.Answer{remediation.Onward, remediation.Again, remediation.DoneByMan, remediation.GiveUp}}
	}, func(r *remediation.Run) {
		r.Status, r.EndedAt, r.Left = remediation.Failed, night("00:50"), []remediation.Leftover{{Planned: r.Plan.Steps[5]}}
	}} {
		y.place(change)
		reply, err := y.ask("joe", "/run show run:INC-1/run-1")
		if err != nil {
			t.Fatal(err)
		}
		y.tappable("joe", "run show", reply, pressed)
	}
	for _, path := range []string{"node show", "node cordon", "node drain", "node reboot", "node recycle", "volume show", "volume remount", "run show", "run approve", "run reject", "run break-glass", "run abort", "run resume", "run take-over", "run undo"} {
		if !pressed[path] {
			t.Errorf("/%s is never offered", path)
		}
	}
}

// The help of each act says what it breaks and whether there is an undo, and tells a
// reboot from a recycle.
func TestHelpOfRepairs(t *testing.T) {
	y := newYard(t)
	for path, words := range map[string][]string{
		"node cordon": {"breaks nothing", "Undo", "/node uncordon"}, "node uncordon": {"Undo"}, "node drain": {"Breaks", "Undo"},
		"node reboot": {"not a recycle", "Breaks", "No undo", "SAME machine"}, "node recycle": {"not a reboot", "Breaks", "No undo", "DELETED"},
		"volume remount": {"Breaks", "Undo"}, "run undo": {"dry-run"},
	} {
		c, err := y.runner.Table.Lookup(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range append(words, "dry-run:yes") {
			if !strings.Contains(c.Summary+"\n"+c.Description, w) {
				t.Errorf("/help %s does not say %q", path, w)
			}
		}
	}
}

func TestWhatIsAskedOfWhom(t *testing.T) {
	stale := func(y *yard) { y.ground.s.Backups[0].LastSuccess = night("00:00").Add(-72 * time.Hour) }
	tests := map[string]struct {
		severity   alert.Severity
		change     func(*yard)
		line       string
		has, not   []string
		glass, now bool // the glass is offered; the shell may confirm in one go
	}{
		"a second person":         {alert.SEV1, nil, "/node recycle", []string{"for a second person: chris.", "types the last four characters of `" + sickNode + "`", "may break the glass from 02:37 CEST"}, nil, true, false},
		"too mild for the glass":  {alert.SEV3, nil, "/node drain", []string{"for a second person: chris.", "raise the severity"}, []string{"last four"}, false, false},
		"alone on the rota":       {alert.SEV2, func(y *yard) { y.alone() }, "/node drain", []string{"Nobody else may approve it: joe may break the glass at once"}, []string{"second person"}, true, false},
		"a confirmation":          {alert.SEV2, nil, "/node cordon", []string{"for a confirmation: joe"}, []string{"glass"}, false, true},
		"against a soft refusal":  {alert.SEV2, stale, "/node drain", []string{"**⚠ Refused, unless somebody breaks the glass", "is stale", "until somebody breaks the glass with a reason"}, nil, true, false},
		"what cannot be read":     {alert.SEV2, func(y *yard) { y.ground.s.Missing = []string{"poddisruptionbudgets"} }, "/node drain", []string{"destructive: not everything could be read", "UNKNOWN: poddisruptionbudgets could not be read", "last four"}, nil, true, false},
		"cordon, half unreadable": {alert.SEV2, func(y *yard) { y.heaven.down = true }, "/node cordon", []string{"UNKNOWN"}, []string{"Nothing: the pods"}, true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.open("Volumes do not attach", tt.severity)
			if tt.change != nil {
				tt.change(y)
			}
			reply, err := y.ask("joe", tt.line+" node:"+sickNode)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range tt.has {
				if !strings.Contains(reply.Text, w) {
					t.Errorf("without %q:\n%s", w, reply.Text)
				}
			}
			for _, w := range tt.not {
				if strings.Contains(reply.Text, w) {
					t.Errorf("with %q:\n%s", w, reply.Text)
				}
			}
			glass := slices.ContainsFunc(reply.Actions, func(a command.Action) bool { return a.Ask.Path == "run break-glass" })
			if glass != tt.glass || reply.Confirm != tt.now {
				t.Errorf("the glass is offered: %t, confirmed at once: %t", glass, reply.Confirm)
			}
			if hash := remediation.ShortHash(y.run("INC-1/run-1").Hash); reply.Actions[0].Ask.Options["plan"] != hash {
				t.Errorf("the button approves %v, not %s", reply.Actions[0].Ask.Options, hash)
			}
		})
	}
}

// A typed confirmation that came without the plan's number waits for the plan to be seen.
func TestAnApprovalIsForWhatWasSeen(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	if _, err := y.ask("joe", "/node recycle node:"+sickNode); err != nil {
		t.Fatal(err)
	}
	reply, err := y.ask("chris", "/run approve confirm:6dcf")
	if err != nil || !reply.Confirm || reply.Actions[0].Form || reply.Actions[0].Ask.Options["confirm"] != "6dcf" {
		t.Fatalf("%+v %v", reply.Actions, err)
	}
	if run := y.run("INC-1/run-1"); run.Status != remediation.Requested {
		t.Fatalf("it was approved unseen")
	}
	if _, err := y.ask("chris", "/run approve plan:"+reply.Actions[0].Ask.Options["plan"]); !problem.Is(err, problem.Invalid) {
		t.Errorf("without the typed confirmation: %v", err)
	}
	if _, err := y.press("chris", reply.Actions[0].Ask); err != nil || y.run("INC-1/run-1").Status != remediation.Approved {
		t.Errorf("%v", err)
	}
}
