package command_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

func TestWhoMay(t *testing.T) {
	callers := map[string]command.Caller{"joe": as(joe), "chris": as(chris), "vera": as(vera), "stranger": stranger}
	tests := map[people.Role]map[string]bool{ // allowed
		"":               {"joe": true, "chris": true, "vera": true, "stranger": true},
		people.Viewer:    {"joe": true, "chris": true, "vera": true, "stranger": false},
		people.Responder: {"joe": true, "chris": true, "vera": false, "stranger": false},
		people.Lead:      {"joe": true, "chris": false, "vera": false, "stranger": false},
	}
	for role, want := range tests {
		for name, allowed := range want {
			t.Run(fmt.Sprintf("%s asks where %q is needed", name, role), func(t *testing.T) {
				r := newRig(t, command.Command{Path: "do", Summary: "Do", Access: role, Records: true})
				_, err := r.say(callers[name], "/do")
				if ran := len(r.got) == 1; ran != allowed || (err == nil) != allowed {
					t.Errorf("ran %t, error %v", ran, err)
				}
				if !allowed {
					wantProblem(t, err, problem.Forbidden, "/do needs a "+string(role))
				}
				if n := len(r.recorded(timeline.Log)); n != 1 {
					t.Errorf("%d entries", n)
				}
			})
		}
	}
}

func TestCallersThatAreNotWhoTheySay(t *testing.T) {
	wrong := map[string]command.Caller{
		"another's name":          {Person: &vera, Actor: joe.Actor()},
		"a person without proof":  {Actor: joe.Actor()},
		"a provider for a person": {Actor: people.Provider("linode")},
		"the zero caller":         {},
	}
	for name, c := range wrong {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, command.Command{Path: "do", Summary: "Do", Records: true})
			_, err := r.say(c, "/do")
			wantProblem(t, err, problem.Internal)
			if len(r.got) != 0 || len(r.recorded(timeline.Log)) != 0 {
				t.Error("it ran, or was recorded")
			}
		})
	}
}

func TestWhatIsRecordedAndWhere(t *testing.T) {
	list := func() []command.Command {
		return []command.Command{incidentCommand(),
			{Path: "incident list", Summary: "List", Access: people.Viewer},
			{Path: "freeze off", Summary: "Lift", Access: people.Lead, Records: true},
			{Path: "timeline erase", Summary: "Erase", Access: people.Lead, Records: true, Options: []command.Option{{Name: "entry", Help: "h", Type: command.Entry, Required: true}}},
		}
	}
	room := as(joe)
	room.Room = timeline.Incident(1)
	tests := map[string]struct {
		caller    command.Caller
		line      string
		log, inc1 []string
	}{
		"a change, in the incident it names":       {as(joe), "/incident ack INC-1", nil, []string{"person:joe Asked for /incident ack INC-1"}},
		"a change, in the incident it resolved to": {as(joe), "/incident ack", nil, []string{"person:joe Asked for /incident ack"}},
		"a change, in the entry's incident":        {as(joe), "/timeline erase entry:INC-1#1", nil, []string{"person:joe Asked for /timeline erase entry:INC-1#1"}},
		"a change of no incident, in the log":      {as(joe), "/freeze off", []string{"person:joe Asked for /freeze off"}, nil},
		"a change from a room, in its incident":    {room, "/freeze off", nil, []string{"person:joe Asked for /freeze off"}},
		"a refusal, in the incident it names":      {as(vera), "/incident ack INC-1", nil, []string{"person:vera Refused /incident ack INC-1: /incident ack needs a responder, and vera is none"}},
		"a stranger's refusal":                     {stranger, "/freeze off", []string{"unknown:uid 1001 Refused /freeze off: uid 1001 is linked to nobody Wardroom knows, and /freeze off needs a lead"}, nil},
		"a refusal that could not be read":         {stranger, "/incident ack INC-99", []string{"unknown:uid 1001 Refused /incident ack INC-99: uid 1001 is linked to nobody Wardroom knows, and /incident ack needs a responder"}, nil},
		"not what only reads":                      {as(joe), "/incident list", nil, nil},
		"not a refused read":                       {stranger, "/incident list", nil, nil},
		"not what could not be read":               {as(joe), "/incident ack INC-99", nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, list()...)
			r.declare(1, "a")
			_, _ = r.say(tt.caller, tt.line)
			if diff := cmp.Diff(tt.log, r.recorded(timeline.Log)); diff != "" {
				t.Errorf("log (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.inc1, r.recorded(timeline.Incident(1))); diff != "" {
				t.Errorf("INC-1 (-want +got)\n%s", diff)
			}
			if heads := 2; len(r.heads()) != heads { // nothing opened a timeline
				t.Errorf("timelines %v", r.heads())
			}
		})
	}
}

func (r *rig) heads() (heads []timeline.Head) {
	check(r.t, r.store.View(r.t.Context(), func(v timeline.View) (err error) {
		heads, err = v.Heads()
		return err
	}))
	return heads
}

func TestItIsRecordedBeforeTheHandlerRuns(t *testing.T) {
	var r *rig
	c := incidentCommand()
	c.Handle = func(ctx context.Context, q command.Request) (command.Reply, error) {
		if got := r.recorded(timeline.Incident(1)); len(got) != 1 {
			t.Errorf("recorded before the handler: %q", got)
		}
		_, err := r.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
			e, err := v.Entry(q.Cause)
			if err == nil && e.Payload.(*command.Asked).Via != "shell" {
				t.Errorf("recorded %+v", e.Payload)
			}
			return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Incident(1), Actor: q.Actor(), Cause: q.Cause, Payload: &incident.Acknowledged{}}}}, err
		})
		return command.Reply{Text: "Acknowledged"}, err
	}
	r = newRig(t, c)
	r.declare(1, "a")
	_, err := r.say(as(joe), "/incident ack")
	check(t, err)
}

func TestARefusalThatTheHandlerRecordedIsToldOnce(t *testing.T) {
	var r *rig
	r = newRig(t, command.Command{Path: "run approve", Summary: "Approve", Access: people.Responder, Records: true,
		Handle: func(ctx context.Context, q command.Request) (command.Reply, error) {
			_, err := r.store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
				return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Incident(1), Actor: q.Actor(), Cause: q.Cause, Payload: &incident.Acknowledged{}}}}, nil
			})
			return command.Reply{}, errors.Join(err, problem.New(problem.Forbidden, "nobody approves their own plan"))
		}})
	r.declare(1, "a")
	_, err := r.say(as(chris), "/run approve")
	wantProblem(t, err, problem.Forbidden, "nobody approves")
	if diff := cmp.Diff([]string{"person:Chris Asked for /run approve"}, r.recorded(timeline.Log)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What an option's text belongs to is where the request is recorded, when that is there.
func TestARequestIsRecordedWhereItsTextBelongs(t *testing.T) {
	run := command.Option{Name: "run", Help: "Which", Type: command.String, Positional: true, Timeline: func(text string) timeline.ID {
		id, err := timeline.ParseID(strings.TrimSuffix(text, "/run-1"))
		if err != nil {
			return ""
		}
		return id
	}}
	for text, inIncident := range map[string]bool{"INC-1/run-1": true, "INC-9/run-1": false, "nonsense": false} {
		t.Run(text, func(t *testing.T) {
			r := newRig(t, command.Command{Path: "run approve", Summary: "Approve", Access: people.Responder, Records: true, Options: []command.Option{run},
				Form: &command.Form{Fields: []string{"run"}}})
			r.declare(1, "a")
			_, err := r.say(as(chris), "/run approve run:"+text)
			check(t, err)
			_, err = r.say(as(vera), "/run approve run:"+text)
			wantProblem(t, err, problem.Forbidden, "vera is none")
			_, err = r.runner.Form(t.Context(), as(vera), command.Ask{Path: "run approve", Options: map[string]string{"run": text}})
			wantProblem(t, err, problem.Forbidden, "vera is none")
			here, there := r.recorded(timeline.Incident(1)), r.recorded(timeline.Log)
			if !inIncident {
				here, there = there, here
			}
			if len(here) != 3 || len(there) != 0 || len(r.heads()) > 2 {
				t.Errorf("recorded %q and %q in %v", here, there, r.heads())
			}
		})
	}
}

func TestARefusalByTheHandlerIsRecorded(t *testing.T) {
	r := newRig(t, command.Command{Path: "run approve", Summary: "Approve", Access: people.Responder, Records: true,
		Handle: func(context.Context, command.Request) (command.Reply, error) {
			return command.Reply{}, problem.New(problem.Forbidden, "nobody approves their own plan")
		}})
	_, err := r.say(as(chris), "/run approve")
	wantProblem(t, err, problem.Forbidden, "nobody approves")
	want := []string{"person:Chris Asked for /run approve", "person:Chris Refused /run approve: nobody approves their own plan"}
	if diff := cmp.Diff(want, r.recorded(timeline.Log)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTheSameInteractionCountsOnce(t *testing.T) {
	r := newRig(t, incidentCommand())
	r.declare(1, "a")
	ask := command.Ask{Path: "incident ack", ID: "883511"}
	first, err := r.runner.Run(t.Context(), as(joe), ask)
	check(t, err)
	again, err := r.runner.Run(t.Context(), as(joe), ask)
	check(t, err)
	if first.Text != "done" || !strings.Contains(again.Text, "already taken up (INC-1#2)") {
		t.Errorf("answers %q and %q", first.Text, again.Text)
	}
	if len(r.got) != 1 || len(r.recorded(timeline.Incident(1))) != 1 {
		t.Errorf("ran %d times, recorded %q", len(r.got), r.recorded(timeline.Incident(1)))
	}
	ask.ID = "883512"
	if _, err := r.runner.Run(t.Context(), as(joe), ask); err != nil || len(r.got) != 2 {
		t.Errorf("another interaction: ran %d times, %v", len(r.got), err)
	}
}

func TestARepeatedRefusalIsRecordedOnce(t *testing.T) {
	r := newRig(t, incidentCommand())
	r.declare(1, "a")
	for range 3 {
		_, err := r.runner.Run(t.Context(), stranger, command.Ask{Path: "incident ack", ID: "x"})
		wantProblem(t, err, problem.Forbidden)
	}
	if got := r.recorded(timeline.Incident(1)); len(got) != 1 {
		t.Errorf("recorded %q", got)
	}
}

func TestManyDeliveriesAtOnceCountOnce(t *testing.T) {
	r := newRig(t, command.Command{Path: "do", Summary: "Do", Records: true})
	ran := make(chan struct{}, 100)
	c, err := r.runner.Table.Lookup("do")
	check(t, err)
	c.Handle = func(context.Context, command.Request) (command.Reply, error) {
		ran <- struct{}{}
		return command.Reply{}, nil
	}
	done := make(chan error, 20)
	for range cap(done) {
		go func() {
			_, err := r.runner.Run(t.Context(), as(joe), command.Ask{Path: "do", ID: "x"})
			done <- err
		}()
	}
	for range cap(done) {
		check(t, <-done)
	}
	if len(ran) != 1 || len(r.recorded(timeline.Log)) != 1 {
		t.Errorf("ran %d times, recorded %q", len(ran), r.recorded(timeline.Log))
	}
}

func TestFaultsAreForTheLog(t *testing.T) {
	tests := map[string]func(context.Context, command.Request) (command.Reply, error){
		"an error nobody foresaw": func(context.Context, command.Request) (command.Reply, error) {
			return command.Reply{}, errors.New("token hunter2 refused")
		},
		"a panic": func(context.Context, command.Request) (command.Reply, error) { panic("token hunter2 refused") },
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, command.Command{Path: "do", Summary: "Do", Handle: h})
			_, err := r.say(as(joe), "/do")
			wantProblem(t, err, problem.Internal, "internal error c0ffee", "log")
			if p := err.(*problem.Error); strings.Contains(p.Message+p.Hint, "hunter2") {
				t.Errorf("the person is shown %q", p.Message)
			}
			if command.FaultID(err) != "c0ffee" {
				t.Errorf("fault %q", command.FaultID(err))
			}
			if log := r.log.String(); !strings.Contains(log, "fault=c0ffee") || !strings.Contains(log, "hunter2") {
				t.Errorf("the log says %q", log)
			}
		})
	}
}

func TestProblemsPassUnchanged(t *testing.T) {
	want := problem.New(problem.Conflict, "it is resolved already").WithHint("reopen it")
	r := newRig(t, command.Command{Path: "do", Summary: "Do", Handle: func(context.Context, command.Request) (command.Reply, error) {
		return command.Reply{}, fmt.Errorf("resolve: %w", want)
	}})
	_, err := r.say(as(joe), "/do")
	wantProblem(t, err, problem.Conflict, "it is resolved already", "reopen it")
}

func TestTimeouts(t *testing.T) {
	slow := map[string]func(context.Context, command.Request) (command.Reply, error){
		"a handler that heeds its context": func(ctx context.Context, _ command.Request) (command.Reply, error) {
			<-ctx.Done()
			return command.Reply{}, fmt.Errorf("gave up: %w", ctx.Err())
		},
		"a handler that does not": func(context.Context, command.Request) (command.Reply, error) {
			<-time.After(time.Hour)
			return command.Reply{}, nil
		},
	}
	for name, h := range slow {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, command.Command{Path: "do", Summary: "Do", Records: true, Timeout: 5 * time.Second, Handle: h})
				started := time.Now()
				_, err := r.say(as(joe), "/do")
				wantProblem(t, err, problem.Unavailable, "/do took longer than 5s", "log#1")
				if took := time.Since(started); took != 5*time.Second {
					t.Errorf("it took %s", took)
				}
				check(t, r.runner.Wait(t.Context()))
			})
		})
	}
}

// An outside system that did not answer within the client's own limit is no command that
// took too long.
func TestALimitOfSomebodyElseIsNotTheCommands(t *testing.T) {
	r := newRig(t, command.Command{Path: "do", Summary: "Do", Handle: func(context.Context, command.Request) (command.Reply, error) {
		return command.Reply{}, problem.New(problem.Unavailable, "the cluster does not answer in time").Because(context.DeadlineExceeded)
	}})
	_, err := r.runner.Run(t.Context(), as(joe), command.Ask{Path: "do"})
	wantProblem(t, err, problem.Unavailable, "the cluster does not answer in time")
}

func TestWhoGivesUpIsToldSo(t *testing.T) {
	r := newRig(t, command.Command{Path: "do", Summary: "Do", Handle: func(ctx context.Context, _ command.Request) (command.Reply, error) {
		<-ctx.Done()
		return command.Reply{}, ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := r.runner.Run(ctx, as(joe), command.Ask{Path: "do"})
	wantProblem(t, err, problem.Unavailable, "given up")
}

func TestIDsThatNoSurfaceSends(t *testing.T) {
	r := newRig(t, command.Command{Path: "do", Summary: "Do", Records: true})
	for _, id := range []string{strings.Repeat("x", 129), "a\x00b"} {
		_, err := r.runner.Run(t.Context(), as(joe), command.Ask{Path: "do", ID: id})
		wantProblem(t, err, problem.Invalid)
	}
}

func TestEscape(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"mark-up":           {"**bold** _it_ `code` ||x|| ~~y~~", `\*\*bold\*\* \_it\_ \` + "`code\\`" + ` \|\|x\|\| \~\~y\~\~`},
		"a crowd":           {"@everyone", "@\u200beveryone"},
		"a mention":         {"<@123> <#4>", "\\<@\u200b123\\> \\<\\#4\\>"},
		"a disguised link":  {"[ok](http://evil)", `\[ok\]\(http://evil\)`},
		"a heading, a list": {"# big\n- item\n  + more", "\\# big\n\\- item\n  \\+ more"},
		"control codes":     {"a\x1b[31mb\x07", `a\[31mb`},
		"a backslash":       {`\*`, `\\\*`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := command.Escape(tt.text)
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if name != "control codes" && command.Unescape(got) != tt.text {
				t.Errorf("Unescape gives %q, want %q", command.Unescape(got), tt.text)
			}
		})
	}
	if got := command.Code("a`b\nc"); got != "`aˋb c`" {
		t.Errorf("Code gives %q", got)
	}
}

// A request that only looks leaves no entry, also when it is refused; the same
// command without that option does.
func TestADryRequestIsNotRecorded(t *testing.T) {
	for line, want := range map[string]int{"/do dry-run:yes": 0, "/do dry-run:no": 1, "/do": 1} {
		for name, by := range map[string]command.Caller{"joe": as(joe), "vera": as(vera)} {
			t.Run(name+" "+line, func(t *testing.T) {
				r := newRig(t, command.Command{Path: "do", Summary: "Do", Access: people.Responder, Records: true, Dry: "dry-run",
					Options: []command.Option{{Name: "dry-run", Help: "Only look", Type: command.Bool}}})
				_, err := r.say(by, line)
				if (err == nil) != (name == "joe") {
					t.Errorf("%v", err)
				}
				if n := len(r.recorded(timeline.Log)); n != want {
					t.Errorf("%d entries", n)
				}
			})
		}
	}
}

func TestADryOptionIsTrueOrFalse(t *testing.T) {
	for name, o := range map[string][]command.Option{"none": nil, "a text": {{Name: "dry-run", Help: "Only look"}}} {
		_, err := command.NewTable([]command.Command{{Path: "do", Summary: "Do", Dry: "dry-run", Options: o,
			Handle: func(context.Context, command.Request) (command.Reply, error) { return command.Reply{}, nil }}})
		if err == nil || !strings.Contains(err.Error(), "dry option") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
