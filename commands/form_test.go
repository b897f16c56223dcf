package commands_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

func (w *watch) caller(by string, in timeline.ID) command.Caller {
	p := w.persons[by]
	return command.Caller{Person: p, Actor: p.Actor(), Via: "discord", Room: in}
}

func (w *watch) declare(names ...string) {
	w.t.Helper()
	var all []statuspage.Declaration
	for _, n := range names {
		all = append(all, statuspage.Declaration{Name: n})
	}
	if err := statuspage.Declare(w.t.Context(), w.store, all); err != nil {
		w.t.Fatal(err)
	}
}

// forms opens a form in the room of an incident and writes down what is seen.
func (w *watch) forms(clock, by string, in timeline.ID, path string, options ...string) {
	w.t.Helper()
	w.clock.MoveTo(night(clock))
	ask := command.Ask{Path: path}
	for i := 0; i+1 < len(options); i += 2 {
		if ask.Options == nil {
			ask.Options = map[string]string{}
		}
		ask.Options[options[i]] = options[i+1]
	}
	fmt.Fprintf(&w.out, "\n── %s %s taps %s\n", clock, by, w.runner.Table.Line(ask))
	view, err := w.runner.Form(w.t.Context(), w.caller(by, in), ask)
	if p, ok := err.(*problem.Error); ok {
		fmt.Fprintf(&w.out, "%s: %s\n", p.Code, p.Message)
		return
	}
	if err != nil {
		w.t.Fatal(err)
	}
	fmt.Fprintf(&w.out, "%s → %s\n", view.Title, w.runner.Table.Line(view.Ask))
	for _, f := range view.Fields {
		how := ""
		if f.Long {
			how = " (lines)"
		}
		fmt.Fprintf(&w.out, "  %s%s: %q\n", f.Label, how, f.Value)
		for _, p := range f.Proposals {
			mark := " "
			if slices.Contains(f.Chosen(), p.Value) {
				mark = "x"
			}
			fmt.Fprintf(&w.out, "    (%s) %s", mark, p.Value)
			if p.Help != "" {
				fmt.Fprintf(&w.out, ": %s", p.Help)
			}
			w.out.WriteString("\n")
		}
	}
	fmt.Fprintf(&w.out, "  [%s]\n", view.Submit)
}

// What people see when they tap, all through a night.
func TestFormsProposeWhatAPersonWouldSend(t *testing.T) {
	w := newWatch(t)
	w.declare("Site", "Bot", "Hastebin")
	w.forms("00:30", "joe", "", "incident declare")
	w.forms("00:30", "joe", "", "freeze on")
	w.receive("00:33", page("postgres/connection-limit", "00:31", "PostgreSQL has saturated its 115 max connections limit"), page("postgres/locks", "00:33", "34 dangerous locks"))
	w.forms("00:33", "vic", "INC-1", "status post")
	w.forms("00:33", "joe", "INC-1", "status backdate")
	w.forms("00:33", "joe", "INC-1", "status resolve")
	w.forms("00:33", "joe", "INC-1", "status post")
	w.forms("00:33", "joe", "INC-1", "status post", "components", "Site=down,Bot=degraded")
	w.forms("00:34", "joe", "INC-1", "incident merge")
	w.forms("00:34", "joe", "INC-1", "alert silence")
	w.says("00:34", "joe", "/incident ack")
	w.forms("00:34", "joe", "INC-1", "alert silence", "alert", page("postgres/locks", "00:33", "").Key())
	w.forms("00:35", "chris", "INC-1", "incident assign")
	w.forms("00:35", "chris", "INC-1", "incident severity")
	w.forms("00:35", "chris", "INC-1", "incident title")
	w.forms("00:35", "chris", "INC-1", "incident status")
	w.forms("00:35", "chris", "INC-1", "incident start")
	w.forms("00:36", "chris", "INC-1", "timeline add")
	w.forms("00:36", "chris", "INC-1", "timeline add", "cause", "yes")
	w.says("00:39", "joe", "/timeline add cause:yes at:02:27 text:Django opens connections")
	w.forms("00:40", "joe", "INC-1", "incident start")
	w.forms("00:40", "joe", "INC-1", "timeline correct")
	w.forms("00:40", "joe", "INC-1", "timeline correct", "entry", "INC-1#8")
	w.forms("00:40", "lena", "INC-1", "timeline erase")
	w.forms("00:41", "joe", "INC-1", "incident park")
	w.forms("00:41", "joe", "INC-1", "incident link")
	w.forms("00:41", "joe", "INC-1", "incident split")
	w.forms("00:41", "joe", "INC-1", "freeze on")
	w.says("00:42", "joe", "/status post text:We are investigating components:Site=down, Bot=degraded")
	w.forms("00:42", "joe", "INC-1", "status backdate")
	w.forms("00:42", "joe", "INC-1", "status backdate", "at", "half past")
	w.forms("00:43", "joe", "INC-1", "status component")
	w.says("00:43", "joe", "/status backdate at:02:25")
	w.forms("00:44", "joe", "INC-1", "status backdate")
	w.forms("00:44", "joe", "INC-1", "status correct")
	w.says("00:44", "joe", "/timeline correct entry:INC-1#10 text:x")
	w.says("01:20", "joe", "/incident status status:identified")
	w.forms("01:20", "joe", "INC-1", "status post")
	w.says("01:21", "joe", "/incident title title:Volumes do not attach")
	w.says("01:21", "joe", "/status post text:We are working on it state:identified components:Bot=ok")
	w.forms("01:30", "joe", "INC-1", "status post")
	w.forms("01:30", "joe", "INC-1", "status correct", "update", "INC-1#10")
	w.says("01:40", "joe", "/incident declare title:The forum is slow")
	w.forms("01:40", "joe", "", "status post")
	w.forms("01:40", "lena", "INC-1", "incident merge")
	w.forms("01:40", "lena", "INC-1", "incident unmerge")
	w.says("01:40", "lena", "/incident merge from:INC-2 into:INC-1")
	w.forms("01:41", "lena", "INC-1", "incident unmerge")
	w.forms("07:00", "joe", "INC-1", "incident resolve")
	w.says("07:01", "joe", "/incident resolve at:09:00")
	w.forms("07:01", "joe", "INC-1", "status post")
	w.forms("07:01", "joe", "INC-1", "status resolve")
	w.says("07:02", "joe", "/status resolve incident:1")
	w.forms("07:02", "joe", "INC-1", "status resolve")
	w.forms("07:02", "joe", "INC-1", "incident status")
	w.golden("forms")
}

// Whatever is offered can be tapped by whoever it is offered to: its command is
// there, is allowed, and has what it needs, or asks for it.
func TestOfferedActsExist(t *testing.T) {
	w := newWatch(t)
	w.declare("Site")
	lines := []string{"/incident list", "/incident show", "/alert show alert:a", "/alert ack alert:a", "/incident ack", "/incident assign person:joe", "/status show incident:1", "/status post text:x",
		"/status show incident:1", "/incident start at:02:20", "/timeline add text:x cause:yes", "/incident status status:identified", "/status post text:x", "/incident resolve", "/status resolve incident:1",
		"/incident close incident:1", "/incident reopen incident:1", "/incident park until:alerts resolved", "/freeze on reason:x", "/incident declare title:y", "/incident merge from:INC-2 into:INC-1"}
	w.receive("00:33", page("a", "00:31", "x"))
	pressed := map[string]bool{}
	for _, line := range lines {
		by := "joe"
		if strings.Contains(line, "merge") {
			by = "lena"
		}
		reply, err := w.ask(by, line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		w.tappable(by, line, reply, pressed)
		for _, by := range []string{"vic", "joe", "lena"} {
			for _, id := range []string{"INC-1", "INC-2"} {
				all, err := w.ask(by, "/incident acts incident:"+id)
				if problem.Is(err, problem.NotFound) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(all.Actions) < 3 || len(all.Actions) > 25 {
					t.Errorf("after %s %s can do %d things", line, by, len(all.Actions))
				}
				w.tappable(by, line+", acts", all, pressed)
			}
			w.living(by, line)
		}
	}
	// The acts that a thumb needs, each at some moment of a night.
	for _, path := range []string{"incident ack", "incident assign", "incident severity", "incident title", "incident start", "incident status", "incident link", "incident park", "incident unpark",
		"incident resolve", "incident close", "incident reopen", "incident merge", "incident unmerge", "incident split", "incident show", "timeline add", "timeline correct", "timeline show",
		"alert silence", "alert list", "status post", "status backdate", "status component", "status correct", "status resolve", "status show", "freeze on", "freeze off", "node list", "volume list", "help"} {
		if !pressed[path] {
			t.Errorf("/%s is never offered", path)
		}
	}
}

func (w *watch) tappable(by, after string, reply command.Reply, pressed map[string]bool) {
	w.t.Helper()
	labels := map[string]bool{}
	for _, a := range reply.Actions {
		if labels[a.Label] {
			w.t.Errorf("%s offers %q twice", after, a.Label)
		}
		labels[a.Label] = true
		if n := utf8.RuneCountInString(a.Label); n == 0 || n > 80 {
			w.t.Errorf("%s offers a label of %d characters: %q", after, n, a.Label)
		}
		c, err := w.runner.Table.Lookup(a.Ask.Path)
		if err != nil {
			w.t.Errorf("%s offers %q: %v", after, a.Label, err)
			continue
		}
		pressed[c.Path] = true
		if strings.Contains(after, "acts") && !c.AllowedTo(w.persons[by]) {
			w.t.Errorf("%s offers %q to %s, who may not", after, a.Label, by)
		}
		if a.Form {
			if !c.AllowedTo(w.persons[by]) {
				continue
			}
			view, err := w.runner.Form(w.t.Context(), w.caller(by, ""), a.Ask)
			if err != nil || len(view.Fields) == 0 {
				w.t.Errorf("%s offers the form %q: %d fields, %v", after, a.Label, len(view.Fields), err)
			}
			continue
		}
		for _, o := range c.Options {
			if o.Required && a.Ask.Options[o.Name] == "" {
				w.t.Errorf("%s offers %q without %s", after, a.Label, o.Name)
			}
		}
	}
}

func (w *watch) living(by, after string) room.Living {
	w.t.Helper()
	var l room.Living
	err := w.store.View(w.t.Context(), func(v timeline.View) (err error) { l, err = room.LivingOf(v, "INC-1", v.Now()); return err })
	if err != nil {
		w.t.Fatal(err)
	}
	if len(l.Acts) > room.MaxActs {
		w.t.Errorf("after %s the room has %d buttons", after, len(l.Acts))
	}
	w.tappable(by, after+", living", command.Reply{Actions: l.Acts}, map[string]bool{})
	return l
}

func TestActsGoByRole(t *testing.T) {
	w := newWatch(t)
	w.receive("00:33", page("a", "00:31", "x"))
	for by, want := range map[string]string{"vic": "Nodes, Volumes, Workloads, Show, Timeline, Alerts, All commands", "joe": "Acknowledge, Lead, Identified, Monitoring, Resolve, Post status, Nodes, Volumes, "} {
		reply, err := w.ask(by, "/incident acts")
		if err != nil {
			t.Fatal(err)
		}
		var labels []string
		for _, a := range reply.Actions {
			labels = append(labels, a.Label)
		}
		if got := strings.Join(labels, ", "); !strings.HasPrefix(got, want) {
			t.Errorf("%s can %s", by, got)
		}
	}
	w.persons["vic"].Roles = []people.Role{}
	if _, err := w.ask("vic", "/incident acts"); !problem.Is(err, problem.Forbidden) {
		t.Errorf("somebody without a role: %v", err)
	}
}

func TestComponentsNamedTwiceAreRefused(t *testing.T) {
	w := newWatch(t)
	w.declare("Site")
	w.receive("00:33", page("a", "00:31", "x"))
	if _, err := w.ask("joe", "/status post text:x components:Site=down,site=degraded"); !problem.Is(err, problem.Invalid) {
		t.Errorf("%v", err)
	}
	if _, err := w.ask("joe", "/status post text:x components:Site=down,site=major"); err != nil {
		t.Errorf("%v", err)
	}
}

// With many components the likeliest changes are left, and never more than fit.
func TestComponentsCanBeChosenWhenThereAreMany(t *testing.T) {
	w := newWatch(t)
	var names []string
	for n := range 20 {
		names = append(names, fmt.Sprintf("Part %02d", n))
	}
	w.declare(names...)
	w.receive("00:33", page("a", "00:31", "x"))
	view, err := w.runner.Form(t.Context(), w.caller("joe", "INC-1"), command.Ask{Path: "status post"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(view.Fields, func(f command.FormField) bool { return f.Option.Name == "components" })
	f := view.Fields[i]
	if len(f.Proposals) != 25 || f.Proposals[19].Value != "Part 19=down" || f.Proposals[20].Value != "Part 00=degraded" || !f.Many {
		t.Errorf("%+v", f)
	}
}

// What the public would read when nobody changes a word, by what is recorded.
func TestThePublicTextSaysWhatIsRecorded(t *testing.T) {
	const first = "/status post text:x components:Site=down"
	a := func(w *watch, status alert.Status) {
		one := page("a", "00:31", "x")
		if one.Status = status; status == alert.Resolved {
			one.EndsAt = night("00:50")
			w.receive("00:50", one)
			return
		}
		w.receive("00:33", one)
	}
	tests := map[string]struct {
		lines []string
		clear bool // the alert resolves before the form is opened
		want  string
	}{
		"first":                        {nil, false, "investigating: We are investigating a problem."},
		"first, identified":            {[]string{"/incident status status:identified"}, false, "identified: We have found the cause and are working on a fix."},
		"first, resolved already":      {[]string{"/incident resolve"}, false, "monitoring: There was a problem, which is over by now. We are watching whether it comes back."},
		"still investigating":          {[]string{first}, false, "investigating: We are still investigating the problem. Site is down."},
		"identified":                   {[]string{first, "/incident status status:identified"}, false, "identified: We have found the cause and are working on a fix. Site is down."},
		"still identified":             {[]string{first, "/incident status status:identified", "/status post text:x state:identified"}, false, "identified: We are still working on a fix. Site is down."},
		"a person says it is repaired": {[]string{first, "/incident status status:monitoring"}, false, "monitoring: A fix is in place. We are watching whether it holds."},
		"still watching":               {[]string{first, "/incident status status:monitoring", "/status post text:x state:monitoring"}, false, "monitoring: We are still watching whether the problem comes back."},
		"it recovered by itself":       {[]string{first}, true, "monitoring: The problem seems to be over. We are watching whether it comes back."},
		"parked keeps what it was":     {[]string{first, "/incident status status:identified", "/incident park until:2h"}, false, "identified: We have found the cause and are working on a fix. Site is down."},
		"resolved":                     {[]string{first, "/incident resolve"}, false, "resolved: This incident has been resolved. Site is back to normal."},
		"it is back":                   {[]string{first, "/incident resolve", "/status resolve incident:1", "/incident reopen incident:1"}, false, "investigating: The problem seems to be back. We are investigating it."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t)
			w.declare("Site", "Bot")
			a(w, alert.Firing)
			for _, line := range tt.lines {
				if _, err := w.ask("joe", line); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
			}
			if tt.clear {
				a(w, alert.Resolved)
			}
			view, err := w.runner.Form(t.Context(), w.caller("joe", "INC-1"), command.Ask{Path: "status post"})
			if err != nil {
				t.Fatal(err)
			}
			value := map[string]string{}
			for _, f := range view.Fields {
				value[f.Option.Name] = f.Value
			}
			if got := value["state"] + ": " + value["text"]; got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
