package command_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// tell is a command with a field of every way to answer.
func tell() command.Command {
	return command.Command{
		Path: "status tell", Summary: "Tell the public something that is longer than a title holds", Access: people.Responder, Records: true,
		Options: []command.Option{
			{Name: "text", Help: "What the public reads", Type: command.String, Required: true, Long: true},
			{Name: "incident", Help: "Which incident", Type: command.Incident},
			{Name: "state", Help: "How far it is; left out: as before", Type: command.Choice, Choices: []string{"investigating", "identified"}, Default: "investigating"},
			{Name: "parts", Help: "What is affected: Site=down", Type: command.String, Many: true},
			{Name: "quiet", Help: "Spare subscribers", Type: command.Bool},
			{Name: "lead", Help: "Who leads", Type: command.Person, Default: "me"},
			{Name: "at", Help: "When, as 00:25 or 10m ago", Type: command.Time},
		},
		Form: &command.Form{
			Fields: []string{"state", "parts", "lead", "text", "at"},
			Prefill: func(_ timeline.View, r command.Request) (map[string]string, error) {
				return map[string]string{"text": "About " + string(r.Incident("incident")) + " " + r.String("state"), "parts": "Bot=down, Nothing=down", "at": r.TypeTime(night)}, nil
			},
			Propose: func(timeline.View, command.Request) (map[string][]command.Proposal, error) {
				return map[string][]command.Proposal{"parts": {{Value: "Site=down"}, {Value: "Bot=down", Help: strings.Repeat("x", 200)}, {Value: strings.Repeat("y", 101)}}}, nil
			},
			Explain: func(timeline.View, command.Request) (map[string]string, error) {
				return map[string]string{"at": "When? alert postgres/connection-limit has fired since then,\nand for long"}, nil
			},
		},
	}
}

// seen is a form in short: "label=value" or "label=value of a|b".
func seen(v command.FormView) []string {
	var all []string
	for _, f := range v.Fields {
		s := f.Option.Name + "=" + f.Value
		if !f.Typed() {
			var values []string
			for _, p := range f.Proposals {
				values = append(values, p.Value)
			}
			s += " of " + strings.Join(values, "|")
		}
		all = append(all, s)
	}
	return all
}

func TestFormAsksWhatIsLeft(t *testing.T) {
	const states, parts, persons = " of investigating|identified", "parts=Bot=down of Site=down|Bot=down", " of Chris|joe|vera"
	tests := map[string]struct {
		incidents int
		room      timeline.ID
		ask       command.Ask
		fields    []string
		known     map[string]string
	}{
		"everything, for the only incident": {
			incidents: 1,
			fields:    []string{"state=investigating" + states, parts, "lead=Chris" + persons, "text=About INC-1 investigating", "at=00:42"},
			known:     map[string]string{"incident": "INC-1"},
		},
		"for the room's": {
			incidents: 2, room: "INC-1",
			fields: []string{"state=investigating" + states, parts, "lead=Chris" + persons, "text=About INC-1 investigating", "at=00:42"},
			known:  map[string]string{"incident": "INC-1"},
		},
		"for one of several, which is asked first": {
			incidents: 2,
			fields:    []string{"incident= of INC-2|INC-1", "state=investigating" + states, parts, "lead=Chris" + persons, "text=About  investigating", "at=00:42"},
		},
		"what was chosen is settled and shapes the text": {
			incidents: 1, ask: command.Ask{Options: map[string]string{"state": "identified", "parts": "Site=down", "lead": "joe"}},
			fields: []string{"text=About INC-1 identified", "at=00:42"},
			known:  map[string]string{"incident": "INC-1", "state": "identified", "parts": "Site=down", "lead": "joe"},
		},
		"what was left out is not asked again": {
			incidents: 1, ask: command.Ask{Options: map[string]string{"state": "", "parts": " ", "lead": ""}},
			fields: []string{"text=About INC-1 investigating", "at=00:42"},
			known:  map[string]string{"incident": "INC-1"},
		},
		"what was typed is shown, also when it is wrong": {
			incidents: 1, ask: command.Ask{Options: map[string]string{"text": "Mine", "at": "half past", "state": "fine", "lead": "nobody", "parts": "x", "quiet": "yes"}},
			fields: []string{"state=" + states, "lead=" + persons, "text=Mine", "at=half past"},
			known:  map[string]string{"incident": "INC-1", "quiet": "yes", "parts": "x"},
		},
		"an incident by its number": {
			incidents: 2, ask: command.Ask{Options: map[string]string{"incident": "2"}},
			fields: []string{"state=investigating" + states, parts, "lead=Chris" + persons, "text=About INC-2 investigating", "at=00:42"},
			known:  map[string]string{"incident": "INC-2"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tell())
			for n := range tt.incidents {
				r.declare(n+1, "x")
			}
			caller := as(chris)
			caller.Room = tt.room
			tt.ask.Path, tt.ask.ID = "/status tell", "once"
			view, err := r.runner.Form(t.Context(), caller, tt.ask)
			check(t, err)
			if diff := cmp.Diff(tt.fields, seen(view)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(command.Ask{Path: "status tell", Options: tt.known}, view.Ask); diff != "" {
				t.Errorf("known (-want +got):\n%s", diff)
			}
			if len(r.recorded(timeline.Log))+len(r.recorded("INC-1")) > 0 || len(r.got) > 0 {
				t.Error("a form records nothing and runs nothing")
			}
		})
	}
}

func TestFormSaysWhatASurfaceShows(t *testing.T) {
	r := newRig(t, tell())
	r.declare(1, "x")
	view, err := r.runner.Form(t.Context(), as(chris), command.Ask{Path: "status tell"})
	check(t, err)
	if view.Title != "Tell the public something that is longer tha…" || view.Submit != "Send" {
		t.Errorf("%q, %q", view.Title, view.Submit)
	}
	var labels []string
	for _, f := range view.Fields {
		labels = append(labels, f.Label)
	}
	want := []string{"How far it is", "What is affected", "Who leads", "What the public reads", "When? alert postgres/connection-limit has fi…"}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	parts, text, at := view.Fields[1], view.Fields[3], view.Fields[4]
	if !parts.Many || len([]rune(parts.Proposals[1].Help)) != 100 || !text.Long || !text.Option.Required {
		t.Errorf("%+v\n%+v", parts, text)
	}
	if diff := cmp.Diff([]string{"Bot=down"}, parts.Chosen()); diff != "" {
		t.Error(diff)
	}
	if at.Option.Help != "When? alert postgres/connection-limit has fired since then, and for long" {
		t.Errorf("%q", at.Option.Help)
	}
}

func TestFormRefuses(t *testing.T) {
	bare := command.Command{Path: "incident ack", Summary: "Acknowledge", Access: people.Responder, Records: true,
		Options: []command.Option{{Name: "incident", Help: "Which", Type: command.Incident}}}
	fails := func(err error) command.Command {
		return command.Command{Path: "status over", Summary: "Over", Options: []command.Option{{Name: "text", Help: "What", Type: command.String}},
			Form: &command.Form{Fields: []string{"text"}, Prefill: func(timeline.View, command.Request) (map[string]string, error) { return nil, err }}}
	}
	tests := map[string]struct {
		command command.Command
		caller  command.Caller
		ask     command.Ask
		code    problem.Code
		words   string
	}{
		"an unknown command":           {tell(), as(chris), command.Ask{Path: "status shout"}, problem.NotFound, "cannot"},
		"a viewer":                     {tell(), as(vera), command.Ask{Path: "status tell"}, problem.Forbidden, "vera is none"},
		"a stranger":                   {tell(), stranger, command.Ask{Path: "status tell"}, problem.Forbidden, "linked to nobody"},
		"no incident at all":           {tell(), as(chris), command.Ask{Path: "status tell"}, problem.NotFound, "no incident is open"},
		"an incident that is not":      {tell(), as(chris), command.Ask{Path: "status tell", Options: map[string]string{"incident": "INC-9"}}, problem.NotFound, "INC-9"},
		"a wrong option not asked for": {tell(), as(chris), command.Ask{Path: "status tell", Options: map[string]string{"quiet": "perhaps"}}, problem.Invalid, "perhaps"},
		"an option that is not":        {tell(), as(chris), command.Ask{Path: "status tell", Options: map[string]string{"loud": "yes"}}, problem.Invalid, "loud"},
		"nothing to ask about now":     {fails(problem.New(problem.Conflict, "it is over already")), as(vera), command.Ask{Path: "status over"}, problem.Conflict, "over already"},
		"a defect, without its words":  {fails(errors.New("secret detail")), as(vera), command.Ask{Path: "status over"}, problem.Internal, "c0ffee"},
		"what takes too long":          {fails(context.DeadlineExceeded), as(vera), command.Ask{Path: "status over"}, problem.Unavailable, "longer than 1s"},
		"a caller bound wrongly":       {bare, command.Caller{Person: &chris, Actor: joe.Actor()}, command.Ask{Path: "incident ack"}, problem.Internal, "c0ffee"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tt.command)
			view, err := r.runner.Form(t.Context(), tt.caller, tt.ask)
			wantProblem(t, err, tt.code, tt.words)
			if strings.Contains(err.Error(), "secret detail") && tt.code == problem.Internal {
				if p := err.(*problem.Error); strings.Contains(p.Message+p.Hint, "secret") {
					t.Errorf("%v", p)
				}
			}
			if len(view.Fields) > 0 || view.Title != "" {
				t.Errorf("a refused form is shown: %+v", view)
			}
			// As a request: who may not is recorded, whatever else is wrong is not.
			if lines := r.recorded(timeline.Log); (len(lines) == 1) != (tt.code == problem.Forbidden) || len(lines) > 1 {
				t.Errorf("recorded %q", lines)
			}
		})
	}
}

// A command without a form has nothing to ask.
func TestFormOfACommandWithoutOne(t *testing.T) {
	r := newRig(t, command.Command{Path: "incident ack", Summary: "Acknowledge", Options: []command.Option{{Name: "incident", Help: "Which", Type: command.Incident}}})
	r.declare(1, "x")
	view, err := r.runner.Form(t.Context(), as(chris), command.Ask{Path: "incident ack"})
	check(t, err)
	if len(view.Fields) != 0 || view.Ask.Options["incident"] != "INC-1" {
		t.Errorf("%+v", view)
	}
	r.declare(2, "y")
	view, err = r.runner.Form(t.Context(), as(chris), command.Ask{Path: "incident ack"})
	check(t, err)
	if got := seen(view); len(got) != 1 || got[0] != "incident= of INC-2|INC-1" {
		t.Errorf("%q", got)
	}
}

func TestTableRefusesFormsThatCannotBeShown(t *testing.T) {
	text := func(names ...string) (all []command.Option) {
		for _, n := range names {
			all = append(all, command.Option{Name: n, Help: "x", Type: command.String})
		}
		return all
	}
	choices := func(names ...string) (all []command.Option) {
		for _, n := range names {
			all = append(all, command.Option{Name: n, Help: "x", Type: command.Choice, Choices: []string{"a"}})
		}
		return all
	}
	tests := map[string]struct {
		options []command.Option
		form    command.Form
		fault   string // "": it is fine
	}{
		"five typed and four chosen":  {append(text("a", "b", "c", "d", "e"), choices("f", "g", "h", "i")...), command.Form{Fields: strings.Fields("a b c d e f g h i"), Title: strings.Repeat("é", 45)}, ""},
		"six typed":                   {text("a", "b", "c", "d", "e", "f"), command.Form{Fields: strings.Fields("a b c d e f")}, "6 answers may have to be typed"},
		"five chosen":                 {choices("a", "b", "c", "d", "e"), command.Form{Fields: strings.Fields("a b c d e")}, "5 answers can be chosen"},
		"four chosen and an incident": {append(choices("a", "b", "c", "d"), command.Option{Name: "i", Help: "x", Type: command.Incident}), command.Form{Fields: strings.Fields("a b c d")}, "5 answers can be chosen"},
		"a title of 46":               {text("a"), command.Form{Fields: []string{"a"}, Title: strings.Repeat("x", 46)}, "title has 46"},
		"a button of 81":              {text("a"), command.Form{Fields: []string{"a"}, Submit: strings.Repeat("x", 81)}, "button"},
		"an unknown option":           {text("a"), command.Form{Fields: []string{"b"}}, `no option "b"`},
		"one option twice":            {text("a"), command.Form{Fields: []string{"a", "a"}}, `"a" twice`},
		"nothing":                     {text("a"), command.Form{}, "asks for nothing"},
		"a required one left out":     {[]command.Option{{Name: "a", Help: "x", Required: true}, {Name: "b", Help: "x"}}, command.Form{Fields: []string{"b"}}, `"a" is required and not asked for`},
		"lines of a number":           {[]command.Option{{Name: "a", Help: "x", Type: command.Int, Long: true}}, command.Form{Fields: []string{"a"}}, "only a text"},
		"several of a choice":         {[]command.Option{{Name: "a", Help: "x", Type: command.Choice, Choices: []string{"a"}, Many: true}}, command.Form{Fields: []string{"a"}}, "only a text"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := command.NewTable([]command.Command{{Path: "x", Summary: "X", Options: tt.options, Form: &tt.form,
				Handle: func(context.Context, command.Request) (command.Reply, error) { return command.Reply{}, nil }}})
			switch {
			case tt.fault == "" && err != nil:
				t.Error(err)
			case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
				t.Errorf("%v, want %q", err, tt.fault)
			}
		})
	}
}

// What a form proposes reads back as the instant that was meant, also when it is
// sent a while later.
func TestTypeTimeReadsBack(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	check(t, err)
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, s)
		check(t, err)
		return parsed
	}
	tests := map[string]struct {
		now, t string
		zone   *time.Location
		want   string
	}{
		"earlier today":               {"2021-07-11T00:42:00Z", "2021-07-11T00:25:00Z", time.UTC, "00:25"},
		"without a zone":              {"2021-07-11T00:42:00Z", "2021-07-11T00:25:00Z", nil, "00:25"},
		"in the team's zone":          {"2021-07-11T00:42:00Z", "2021-07-11T00:25:00Z", berlin, "02:25"},
		"with seconds":                {"2021-07-11T00:42:00Z", "2021-07-11T00:25:10Z", time.UTC, "00:25:10"},
		"before midnight":             {"2021-07-11T00:42:00Z", "2021-07-10T23:50:00Z", time.UTC, "23:50"},
		"nearly a day ago":            {"2021-07-11T23:59:00Z", "2021-07-11T00:10:00Z", time.UTC, "2021-07-11 00:10"},
		"days ago":                    {"2021-07-11T00:42:00Z", "2021-07-01T00:25:00Z", time.UTC, "2021-07-01 00:25"},
		"to the microsecond":          {"2021-07-11T00:42:00Z", "2021-07-11T00:25:00.000001Z", time.UTC, "2021-07-11T00:25:00.000001Z"},
		"still to come":               {"2021-07-11T00:42:00Z", "2021-07-11T09:00:00Z", time.UTC, "09:00"},
		"the first of an hour's two":  {"2021-10-31T03:00:00Z", "2021-10-31T00:30:00Z", berlin, "2021-10-31T00:30:00Z"},
		"the second of an hour's two": {"2021-10-31T03:00:00Z", "2021-10-31T01:30:00Z", berlin, "02:30"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := command.NewRequest(nil, command.Caller{}, at(tt.now), tt.zone, nil)
			got := r.TypeTime(at(tt.t))
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			zone := tt.zone
			if zone == nil {
				zone = time.UTC
			}
			for _, later := range []time.Duration{0, time.Minute, 3 * time.Hour} {
				parse := command.ParseTime
				if at(tt.t).After(at(tt.now)) {
					parse = command.ParseFutureTime
				}
				if back, err := parse(got, at(tt.now).Add(later), zone); err != nil || !back.Equal(at(tt.t)) {
					t.Errorf("sent %s later %q means %v (%v)", later, got, back, err)
				}
			}
		})
	}
}
