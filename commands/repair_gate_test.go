package commands_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

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
		"unproven identity":   {func(y *yard) { y.heaven.down = true }, "joe", "/node recycle node:" + sickNode, problem.Conflict, []string{"503", "the whole plan: `/node recycle node:" + sickNode + " dry-run:yes`"}, false},
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
	for _, line := range []string{"/node list", "/node show node:" + sickNode, "/volume list", "/volume show volume:6002", "/volume remount volume:6002 dry-run:yes", "/volume remount volume:6002", "/workload list", "/workload show workload:redis", "/scale set workload:redis replicas:0 dry-run:yes", "/pod list", "/pod logs pod:redis-0", "/run list", "/run show", "/run approve"} {
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
