package linode_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/linode"
	"wardroom/integrations/linode/linodetest"
)

// Whatever the answer to a change, it is sent once.
func TestAChangeIsSentOnceWhateverIsAnswered(t *testing.T) {
	html := map[string]string{"Content-Type": "text/html", "Server": "nginx"}
	for name, c := range map[string]struct {
		fault linodetest.Fault
		maybe bool
		done  bool // the request was carried out
		code  problem.Code
		says  string
	}{
		"lost after it arrived":  {linodetest.Fault{Lost: true}, true, true, problem.Unavailable, "Linode gave no answer"},
		"lost on its way":        {linodetest.Fault{Refused: true}, true, false, problem.Unavailable, "Linode gave no answer"},
		"an answer cut in half":  {linodetest.Fault{Broken: true}, false, true, "", ""},
		"503":                    {linodetest.Fault{Status: 503}, true, false, problem.Unavailable, "out of order (503)"},
		"503 with Retry-After":   {linodetest.Fault{Status: 503, Header: map[string]string{"Retry-After": "1"}}, true, false, problem.Unavailable, "503"},
		"502 as a page":          {linodetest.Fault{Status: 502, Body: "<html>", Header: html}, true, false, problem.Unavailable, "502"},
		"500":                    {linodetest.Fault{Status: 500}, true, false, problem.Unavailable, "500"},
		"504 with nothing":       {linodetest.Fault{Status: 504, Body: " "}, true, false, problem.Unavailable, "504"},
		"408":                    {linodetest.Fault{Status: 408}, true, false, problem.Unavailable, "408"},
		"maintenance":            {linodetest.Fault{Status: 503, Header: map[string]string{"X-Maintenance-Mode": "1"}}, false, false, problem.Unavailable, "maintenance"},
		"429":                    {linodetest.Fault{Status: 429, Header: map[string]string{"Retry-After": "17"}}, false, false, problem.Unavailable, "wait until 00:50:17 UTC"},
		"busy":                   {linodetest.Busy("", 0), false, false, problem.Unavailable, "Linode is busy with node 16405-5fafd1b46dcf"},
		"a proxy's 400":          {linodetest.Fault{Status: 400, Body: "<html>", Header: html}, false, false, problem.Unavailable, "something in front of Linode answered 400"},
		"a proxy's 404":          {linodetest.Fault{Status: 404, Body: "<html>", Header: html}, false, false, problem.Unavailable, "something in front of Linode"},
		"404":                    {linodetest.Fault{Status: 404, Body: `{"errors":[{"reason":"Not found"}]}`}, false, false, problem.NotFound, "Linode has no node"},
		"404 with a charset":     {linodetest.Fault{Status: 404, Body: `{"errors":[{"reason":"Not found"}]}`, Header: map[string]string{"Content-Type": "application/json; charset=utf-8"}}, false, false, problem.NotFound, "Linode has no node"},
		"400 with a field":       {linodetest.Fault{Status: 400, Body: `{"errors":[{"reason":"is \u001b[31mbad","field":"node"}]}`}, false, false, problem.Invalid, "(400): node: is bad"},
		"a redirect":             {linodetest.Fault{Status: 302, Header: map[string]string{"Location": "http://127.0.0.1:1/"}}, false, false, problem.Invalid, "leads elsewhere"},
		"202 with warnings":      {linodetest.Fault{Status: 202, Body: `{"warnings":[]}`}, false, false, "", ""},
		"200 as text":            {linodetest.Fault{Status: 200, Body: `ok`, Header: map[string]string{"Content-Type": "text/plain"}}, false, false, "", ""},
		"a token without scopes": {linodetest.Fault{Status: 401, Header: map[string]string{"X-OAuth-Scopes": "lke:read_only", "X-Accepted-OAuth-Scopes": "lke:read_write"}}, false, false, problem.Forbidden, "lacks the scope lke:read_write"},
		"an expired token":       {linodetest.Fault{Status: 401, Body: `{"errors":[{"reason":"Invalid Token"}]}`}, false, false, problem.Unauthentic, "refuses the token (401): Invalid Token"},
		"a grant is missing":     {linodetest.Fault{Status: 403, Body: `{"errors":[{"reason":"Unauthorized"}]}`}, false, false, problem.Forbidden, "403"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c.fault.Method, c.fault.Path = "POST", "/recycle"
			r.sim.Fault(c.fault)
			err := r.cloud.Recycle(r.ctx(), slotA)
			if maybe(err) != c.maybe || problem.CodeOf(err) != c.code || c.says != "" && !strings.Contains(err.Error(), c.says) {
				t.Errorf("maybe %v, code %s: %v", maybe(err), problem.CodeOf(err), err)
			}
			if n := len(r.sim.Writes()); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
			if arrived := strings.Contains(string(r.sim.Dump()), "not_ready"); arrived != c.done {
				t.Errorf("arrived: %v", arrived)
			}
		})
	}
}

func TestEveryChangeIsAMaybeWhenItsAnswerIsLost(t *testing.T) {
	for name, change := range map[string]func(*rig) error{
		"recycle":  func(r *rig) error { return r.cloud.Recycle(r.ctx(), slotA) },
		"reboot":   func(r *rig) error { return r.cloud.Reboot(r.ctx(), lateA) },
		"shutdown": func(r *rig) error { return r.cloud.Shutdown(r.ctx(), lateA) },
		"detach":   func(r *rig) error { return r.cloud.Detach(r.ctx(), volRedis) },
		"boot":     func(r *rig) error { return r.cloud.Boot(r.ctx(), lateA) },
	} {
		r := newRig(t)
		r.sim.Fault(linodetest.Fault{Method: "POST", Lost: true})
		if err := change(r); !maybe(err) || len(r.sim.Writes()) != 1 {
			t.Errorf("%s: %v, sent %d times", name, err, len(r.sim.Writes()))
		}
	}
}

func TestAChangeThatTimesOutMayHaveArrived(t *testing.T) {
	r := newRig(t, func(_ *linodetest.Options, o *linode.Options) { o.Timeout = 50 * time.Millisecond })
	r.sim.Fault(linodetest.Fault{Method: "POST", Slow: time.Second})
	err := r.cloud.Recycle(r.ctx(), slotA)
	if !maybe(err) || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(r.ctx())
	cancel()
	if err := r.cloud.Recycle(ctx, slotA); err == nil || maybe(err) {
		t.Errorf("one that never had a connection did not arrive: %v", err)
	}
}

func TestWhatCannotBeReachedHasNotArrived(t *testing.T) {
	r := newRig(t)
	r.sim.Close()
	err := r.cloud.Recycle(r.ctx(), slotA)
	if !problem.Is(err, problem.Unavailable) || maybe(err) || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("%v", err)
	}
}

func TestReadsAreTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fault linodetest.Fault
		tries int
		ok    bool
	}{
		"cut twice":            {linodetest.Fault{Refused: true, Times: 2}, 3, true},
		"503 once":             {linodetest.Fault{Status: 503, Times: 1}, 2, true},
		"a page of HTML":       {linodetest.Fault{Status: 502, Body: "<html>", Header: map[string]string{"Content-Type": "text/html"}, Times: 1}, 2, true},
		"half an answer":       {linodetest.Fault{Broken: true, Times: 1}, 2, true},
		"503 for good":         {linodetest.Fault{Status: 503}, 3, false},
		"maintenance":          {linodetest.Fault{Status: 503, Header: map[string]string{"X-Maintenance-Mode": "1"}}, 1, false},
		"429":                  {linodetest.Fault{Status: 429}, 1, false},
		"404":                  {linodetest.Fault{Status: 404}, 1, false},
		"an endless answer":    {linodetest.Fault{Status: 200, Body: strings.Repeat(" ", 9<<20)}, 3, false},
		"200 without a list":   {linodetest.Fault{Status: 200, Body: `{}`}, 1, false},
		"200 that is not JSON": {linodetest.Fault{Status: 200, Body: `<html>sign in to the hotel's network`}, 1, false},
		"a million pages":      {linodetest.Fault{Status: 200, Body: `{"data":[],"page":1,"pages":1000000,"results":5}`}, 1, true},
		"JSON under a charset": {linodetest.Fault{Status: 200, Body: `{"data":[],"page":1,"pages":1,"results":0}`, Header: map[string]string{"Content-Type": "application/json; charset=utf-8"}}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.sim.Fault(c.fault)
			_, err := r.cloud.Volumes(r.ctx())
			if (err == nil) != c.ok || len(r.sim.Requests()) != c.tries {
				t.Errorf("%v after %d requests", err, len(r.sim.Requests()))
			}
			if err != nil && name != "404" && !problem.Is(err, problem.Unavailable) {
				t.Errorf("%s: %v", problem.CodeOf(err), err)
			}
		})
	}
}

// A machine is proven deleted by Linode's own 404 and by nothing else.
func TestOnlyLinodesOwn404ProvesADeletion(t *testing.T) {
	r := newRig(t)
	r.sim.Fault(linodetest.Fault{Path: "/instances/", Status: 404, Body: "<html>not found</html>", Header: map[string]string{"Content-Type": "text/html"}})
	if _, err := r.cloud.Instance(r.ctx(), lateA); !problem.Is(err, problem.Unavailable) {
		t.Errorf("%v", err)
	}
	r.sim.Clear()
	r.sim.Fault(linodetest.Fault{Path: "/instances/", Status: 200, Body: `{"id": 7, "status": "offline"}`})
	if _, err := r.cloud.Instance(r.ctx(), lateA); !problem.Is(err, problem.Unavailable) {
		t.Errorf("another machine's state: %v", err)
	}
}

func TestARateLimitIsKeptAndSaysWhenItEnds(t *testing.T) {
	r := newRig(t, func(s *linodetest.Options, _ *linode.Options) { s.Limits.Collections = 2 })
	r.slot(slotA)
	r.slot(slotA)
	r.pass(20 * time.Second)
	_, err := r.cloud.Slots(r.ctx())
	later, ok := errors.AsType[*timeline.Later](err)
	if !ok || !later.At.Equal(r.clock.Now().Add(41*time.Second)) || !problem.Is(err, problem.Unavailable) {
		t.Fatalf("%v", err)
	}
	n := len(r.sim.Requests())
	if _, again := r.cloud.Volumes(r.ctx()); again == nil || len(r.sim.Requests()) != n {
		t.Errorf("asked although Linode said not to: %v", again)
	}
	if err := r.cloud.Detach(r.ctx(), volRedis); err == nil || maybe(err) || len(r.sim.Requests()) != n {
		t.Errorf("%v", err)
	}
	r.pass(42 * time.Second)
	r.slot(slotA)
}

func TestWorkingSaysSinceWhenAndHeals(t *testing.T) {
	r := newRig(t)
	say := func() string {
		w := r.cloud.Working()
		mark := "✗"
		if w.OK {
			mark = "✓"
		}
		return strings.TrimSpace(mark + " " + w.Why + " since " + w.Since.Format("15:04") + ": " + w.Means)
	}
	if w := r.cloud.Working(); w.OK || w.Name != "Linode" || w.Why != "not asked yet" {
		t.Errorf("%+v", w)
	}
	r.slot(slotA)
	if w := r.cloud.Working(); !w.OK || w.Why != "" || w.Means != "" {
		t.Errorf("%+v", w)
	}
	r.sim.Fault(linodetest.Fault{Status: 503})
	r.cloud.Volumes(r.ctx())
	if got := say(); got != "✗ 503 since 00:50: no recycle, no detach" {
		t.Error(got)
	}
	r.pass(5 * time.Minute)
	r.sim.Clear()
	r.sim.Fault(linodetest.Fault{Refused: true})
	r.cloud.Volumes(r.ctx())
	if got := say(); got != "✗ gave no answer since 00:50: no recycle, no detach" {
		t.Error(got)
	}
	r.sim.Clear()
	r.sim.SetToken(linodetest.ReadToken, linodetest.Token{User: "wardroom", Scopes: linodetest.ReadScopes, Expired: true})
	if _, err := r.cloud.Volumes(r.ctx()); !problem.Is(err, problem.Unauthentic) {
		t.Errorf("%v", err)
	}
	if got := say(); got != "✗ the token is refused since 00:50: no recycle, no detach" {
		t.Error(got)
	}
	r.sim.SetToken(linodetest.ReadToken, linodetest.Token{User: "wardroom", Scopes: "lke:read_only"})
	if _, err := r.cloud.Volumes(r.ctx()); !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "volumes:read_only") {
		t.Errorf("%v", err)
	}
	r.pass(time.Minute)
	r.slot(slotA)
	if got := say(); got != "✓  since 00:56:" {
		t.Error(got)
	}
	r.sim.SetToken(linodetest.ReadToken, linodetest.Token{User: "wardroom", Scopes: "*"})
	if _, err := r.cloud.Instance(r.ctx(), 1); err == nil || !r.cloud.Working().OK {
		t.Error("that a machine is not there says nothing about Linode")
	}
}

// The three nights of a lost answer, told apart by events and the slot alone.
func TestALostRecycleCanBeReconciled(t *testing.T) {
	for name, c := range map[string]struct {
		fault   linodetest.Fault
		foreign bool
		by      []string // whose recycles the events hold
		kept    bool     // the slot still holds the old machine
	}{
		"it had arrived":                {linodetest.Fault{Lost: true}, false, []string{"wardroom"}, false},
		"it had not":                    {linodetest.Fault{Refused: true}, false, nil, true},
		"it had not, somebody else did": {linodetest.Fault{Refused: true}, true, []string{"chris"}, false},
	} {
		r := newRig(t)
		r.sim.Fault(c.fault)
		err := r.cloud.Recycle(r.ctx(), slotA)
		r.sim.Clear()
		if c.foreign {
			r.must(r.sim.Act("chris", linodetest.Act{Do: "recycle", Slot: slotA}))
		}
		r.pass(2 * time.Minute)
		var by []string
		for _, e := range r.events(1) {
			if e.Action == "lke_node_recycle" {
				by = append(by, e.By)
			}
		}
		if !maybe(err) || strings.Join(by, " ") != strings.Join(c.by, " ") || (r.slot(slotA).Instance == lateA) != c.kept {
			t.Errorf("%s: %v; by %v; %+v", name, err, by, r.slot(slotA))
		}
	}
}
