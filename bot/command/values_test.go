package command_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// everything takes one option of each type.
func everything() command.Command {
	return command.Command{Path: "try all", Summary: "Try all", Access: people.Viewer, Options: []command.Option{
		{Name: "string", Help: "h", Type: command.String},
		{Name: "int", Help: "h", Type: command.Int},
		{Name: "bool", Help: "h", Type: command.Bool},
		{Name: "time", Help: "h", Type: command.Time},
		{Name: "until", Help: "h", Type: command.Time, Future: true},
		{Name: "duration", Help: "h", Type: command.Duration, Default: "1h"},
		{Name: "incident", Help: "h", Type: command.Incident, Default: "none", Choices: []string{"log"}},
		{Name: "entry", Help: "h", Type: command.Entry},
		{Name: "person", Help: "h", Type: command.Person},
		{Name: "choice", Help: "h", Type: command.Choice, Choices: []string{"SEV1", "SEV2"}},
	}}
}

func TestValuesAreTyped(t *testing.T) {
	r := newRig(t, everything())
	first := r.declare(1, "PostgreSQL is out of connections")
	_, err := r.say(as(joe), "/try all string:a b int:7 bool:yes time:00:25 until:09:00 duration:90m incident:1 entry:#1 person:@chris choice:sev1")
	check(t, err)
	q := r.got[0]
	got := []any{q.String("string"), q.Int("int"), q.Bool("bool"), q.Time("time"), q.Time("until"), q.Duration("duration"),
		q.Incident("incident"), q.Entry("entry"), q.Person("person").Name, q.String("choice"), q.Now.UTC()}
	want := []any{"a b", 7, true, at("2021-07-11T00:25:00Z"), at("2021-07-11T09:00:00Z"), 90 * time.Minute,
		timeline.Incident(1), first, "Chris", "SEV1", night}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// "/status correct update:INC-1#1" says which incident it is about, also when that
// is over or another one is open.
func TestEntryNamedInFullNamesTheIncident(t *testing.T) {
	c := command.Command{Path: "try entry", Summary: "Try", Access: people.Viewer, Options: []command.Option{
		{Name: "entry", Help: "h", Type: command.Entry}, {Name: "incident", Help: "h", Type: command.Incident}}}
	r := newRig(t, c)
	first := r.declare(1, "One")
	r.declare(2, "Two")
	for line, want := range map[string]string{
		"/try entry entry:" + first.String():                "INC-1 INC-1#1",
		"/try entry entry:1 incident:INC-2":                 "INC-2 INC-2#1",
		"/try entry incident:INC-2 entry:" + first.String(): "INC-2 INC-1#1",
	} {
		_, err := r.say(as(joe), line)
		check(t, err)
		q := r.got[len(r.got)-1]
		if got := string(q.Incident("incident")) + " " + q.Entry("entry").String(); got != want {
			t.Errorf("%s is about %s, want %s", line, got, want)
		}
	}
	for _, line := range []string{"/try entry entry:1", "/try entry entry:INC-9#1", "/try entry"} {
		if _, err := r.say(as(joe), line); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestAbsentValuesAreZero(t *testing.T) {
	r := newRig(t, everything())
	_, err := r.say(as(joe), "/try all")
	check(t, err)
	q := r.got[0]
	for _, name := range []string{"string", "int", "bool", "time", "incident", "entry", "person", "choice"} {
		if q.Has(name) {
			t.Errorf("%s is there", name)
		}
	}
	if q.String("string") != "" || q.Int("int") != 0 || !q.Time("time").IsZero() || q.Incident("incident") != "" || !q.Entry("entry").IsZero() || q.Person("person").Name != "" {
		t.Error("an absent value is not zero")
	}
	if q.Duration("duration") != time.Hour {
		t.Errorf("the default is %s", q.Duration("duration"))
	}
	// An accessor of another type finds nothing rather than panicking.
	if q.Int("duration") != 0 {
		t.Error("a duration was read as a number")
	}
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	r := newRig(t, everything())
	ask := command.Ask{Path: "try all", Args: []string{"surplus"}, Options: opts{
		"int": "x", "bool": "maybe", "time": "25:00", "until": "10m ago", "duration": "5", "incident": "INC-9", "entry": "INC-1#99",
		"person": "nobody", "choice": "SEV9", "colour": "red",
	}}
	_, err := r.runner.Run(t.Context(), as(joe), ask)
	wantProblem(t, err, problem.Invalid,
		`int: "x" is not a whole number`, `bool: "maybe" is neither`, "time:", "until:", "duration:", "incident: there is no incident INC-9",
		"entry:", `person: nobody is called "nobody"`, "Chris, joe, vera", `choice: "SEV9"`, "SEV1, SEV2", `no option "colour"`, `"surplus" is one word too many`)
	if len(r.got) != 0 {
		t.Error("the handler ran")
	}
}

func TestPersonsAreFound(t *testing.T) {
	r := newRig(t, everything())
	for text, want := range map[string]string{"joe": "joe", "@joe": "joe", "JOE": "joe", "me": "vera", "<@222>": "Chris", "<@!222>": "Chris"} {
		_, err := r.runner.Run(t.Context(), as(vera), command.Ask{Path: "try all", Options: opts{"person": text}})
		check(t, err)
		if got := r.got[len(r.got)-1].Person("person").Name; got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	_, err := r.runner.Run(t.Context(), as(vera), command.Ask{Path: "try all", Options: opts{"person": "<@999>"}})
	wantProblem(t, err, problem.NotFound, "linked to nobody")
}

func incidentCommand() command.Command {
	return command.Command{Path: "incident ack", Summary: "Say that you are on it", Access: people.Responder, Records: true,
		Options: []command.Option{{Name: "incident", Help: "Which", Type: command.Incident, Positional: true}}}
}

func TestIncidentLeftOut(t *testing.T) {
	room := as(joe)
	room.Room = timeline.Incident(2)
	elsewhere := as(joe)
	elsewhere.Room = timeline.Incident(77)
	tests := map[string]struct {
		open   []string
		caller command.Caller
		want   timeline.ID
		code   problem.Code
		says   []string
	}{
		"the room's":                 {[]string{"a", "b"}, room, timeline.Incident(2), "", nil},
		"the only open one":          {[]string{"a"}, as(joe), timeline.Incident(1), "", nil},
		"none is open":               {nil, as(joe), "", problem.NotFound, []string{"no incident is open"}},
		"several: they are listed":   {[]string{"PostgreSQL", "the site"}, as(joe), "", problem.Invalid, []string{"2 incidents are open", "INC-2 (the site), INC-1 (PostgreSQL)"}},
		"a room that does not exist": {[]string{"a"}, elsewhere, "", problem.NotFound, []string{"INC-77"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, incidentCommand())
			for i, title := range tt.open {
				r.declare(i+1, title)
			}
			_, err := r.say(tt.caller, "/incident ack")
			if tt.code != "" {
				wantProblem(t, err, tt.code, tt.says...)
				return
			}
			check(t, err)
			if got := r.got[0].Incident("incident"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestPositionalArguments(t *testing.T) {
	say := samples()[3]
	say.Handle = nil
	tests := map[string]struct {
		ask  command.Ask
		want [3]string // incident, word, text
	}{
		"in their order":                        {command.Ask{Args: []string{"INC-1", "w", "some text"}}, [3]string{"INC-1", "w", "some text"}},
		"the last text takes the rest":          {command.Ask{Args: []string{"INC-1", "w", "some", "text"}}, [3]string{"INC-1", "w", "some text"}},
		"an incident may be left out":           {command.Ask{Args: []string{"w", "some", "text"}}, [3]string{"", "w", "some text"}},
		"a number before a text is no incident": {command.Ask{Args: []string{"3", "nodes", "are", "gone"}}, [3]string{"", "3", "nodes are gone"}},
		"what was named is passed over":         {command.Ask{Args: []string{"some", "text"}, Options: opts{"word": "w"}}, [3]string{"", "w", "some text"}},
		"in any case":                           {command.Ask{Args: []string{"inc-1", "w"}}, [3]string{"INC-1", "w", ""}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, say)
			r.declare(1, "a")
			tt.ask.Path = "say"
			_, err := r.runner.Run(t.Context(), as(joe), tt.ask)
			check(t, err)
			q := r.got[0]
			if got := [3]string{string(q.Incident("incident")), q.String("word"), q.String("text")}; got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestAnIncidentMayStandFirst(t *testing.T) {
	named := command.Option{Name: "incident", Help: "Which", Type: command.Incident, Default: "none"}
	last := named
	last.Positional = true
	text := command.Option{Name: "what", Help: "A text", Type: command.String, Required: true, Positional: true}
	when := command.Option{Name: "what", Help: "A time", Type: command.Time, Required: true, Positional: true}
	for name, tt := range map[string]struct {
		options  []command.Option
		ask      command.Ask
		incident timeline.ID
		what     any
	}{
		"before a choice that stands first":   {[]command.Option{{Name: "what", Help: "h", Type: command.Choice, Choices: []string{"SEV1"}, Required: true, Positional: true}, last}, command.Ask{Args: []string{"INC-1", "sev1"}}, "INC-1", "SEV1"},
		"before a text of one argument":       {[]command.Option{text, named}, command.Ask{Args: []string{"inc-1", "is worse"}}, "INC-1", "is worse"},
		"before a time of several words":      {[]command.Option{when, named}, command.Ask{Args: []string{"INC-1", "10m", "ago"}}, "INC-1", night.Add(-10 * time.Minute)},
		"several words are all of the text":   {[]command.Option{text, named}, command.Ask{Args: []string{"INC-1", "is", "worse"}}, "", "INC-1 is worse"},
		"one argument is the text":            {[]command.Option{text, named}, command.Ask{Args: []string{"INC-1"}}, "", "INC-1"},
		"what was named stays":                {[]command.Option{text, named}, command.Ask{Args: []string{"INC-1", "worse"}, Options: opts{"incident": "INC-2"}}, "INC-2", "INC-1 worse"},
		"where the text is named it is alone": {[]command.Option{text, last}, command.Ask{Args: []string{"INC-1"}, Options: opts{"what": "x"}}, "INC-1", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, command.Command{Path: "try it", Summary: "Try it", Access: people.Viewer, Options: tt.options})
			r.declare(1, "a")
			r.declare(2, "b")
			tt.ask.Path = "try it"
			_, err := r.runner.Run(t.Context(), as(joe), tt.ask)
			check(t, err)
			q := r.got[0]
			var what any = q.String("what")
			if tt.options[0].Type == command.Time {
				what = q.Time("what")
			}
			if q.Incident("incident") != tt.incident || what != tt.what {
				t.Errorf("%q, %v, want %q, %v", q.Incident("incident"), what, tt.incident, tt.what)
			}
		})
	}
}

func TestTheLogMayBeNamedWhereItIsAllowed(t *testing.T) {
	r := newRig(t, everything(), incidentCommand())
	_, err := r.say(as(joe), "/try all incident:log")
	check(t, err)
	if got := r.got[0].Incident("incident"); got != timeline.Log {
		t.Errorf("%q", got)
	}
	_, err = r.say(as(joe), "/incident ack log")
	wantProblem(t, err, problem.NotFound)
}

func TestComplete(t *testing.T) {
	r := newRig(t, everything(), incidentCommand())
	r.declare(1, "PostgreSQL is out of connections")
	r.declare(2, "the site is down")
	propose := func(c command.Caller, path, option, typed string) (values []string) {
		t.Helper()
		found, err := r.runner.Complete(t.Context(), c, path, option, typed)
		check(t, err)
		for _, p := range found {
			values = append(values, p.Value)
		}
		return values
	}
	tests := map[string]struct {
		got, want []string
	}{
		"open incidents, the newest first": {propose(as(joe), "incident ack", "incident", ""), []string{"INC-2", "INC-1"}},
		"an incident by its number":        {propose(as(joe), "incident ack", "incident", "1"), []string{"INC-1"}},
		"an incident by its title":         {propose(as(joe), "incident ack", "incident", "postgres"), []string{"INC-1"}},
		"choices":                          {propose(as(joe), "try all", "choice", "sev1"), []string{"SEV1"}},
		"persons":                          {propose(as(joe), "try all", "person", "c"), []string{"Chris"}},
		"nothing for who may not ask":      {propose(as(vera), "incident ack", "incident", ""), nil},
		"nothing for strangers":            {propose(stranger, "try all", "person", ""), nil},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	_, err := r.runner.Complete(t.Context(), as(joe), "try all", "colour", "")
	wantProblem(t, err, problem.NotFound)
}
