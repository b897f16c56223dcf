package linode_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"wardroom/bot/config"
	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/linode"
	"wardroom/integrations/linode/linodetest"
)

func ticketRig(t *testing.T) *rig {
	return newRig(t, func(_ *linodetest.Options, o *linode.Options) { o.Ticket = config.NewSecret(linodetest.TicketToken) })
}

var aTicket = fleet.Ticket{Summary: "Volume 55501: in limbo", Body: "Hello,\n\nit has no device.\n", Volume: volRedis}

func TestATicketIsOpenedWordForWord(t *testing.T) {
	r := ticketRig(t)
	number, err := r.cloud.OpenTicket(r.ctx(), aTicket)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.sim.Tickets(); len(got) != 1 || got[0].ID != number || got[0].Summary != aTicket.Summary || got[0].Description != aTicket.Body || got[0].Volume != volRedis {
		t.Errorf("%+v", got)
	}
	all, err := r.cloud.Tickets(r.ctx())
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v %v", all, err)
	}
	if got := all[0]; got.Number != number || got.Volume != volRedis || got.Status != "new" || !got.Opened.Equal(r.clock.Now()) || !strings.HasPrefix(got.URL, "https://cloud.linode.com/support/tickets/") {
		t.Errorf("%+v", got)
	}
	for _, q := range r.sim.Requests() {
		if q.Token != linodetest.TicketToken {
			t.Errorf("%s %s with another token", q.Method, q.Path)
		}
	}
}

// A request whose answer is lost is not sent again by the adapter, and found by whoever
// looks.
func TestALostAnswerAboutATicketIsToldApart(t *testing.T) {
	tests := map[string]struct {
		fault linodetest.Fault
		maybe bool
		code  problem.Code
		open  int
	}{
		"lost":          {linodetest.Fault{Lost: true}, true, problem.Unavailable, 1},
		"half of it":    {linodetest.Fault{Broken: true}, true, problem.Unavailable, 1},
		"cut before":    {linodetest.Fault{Refused: true}, true, problem.Unavailable, 0},
		"a gateway's":   {linodetest.Fault{Status: http.StatusBadGateway}, true, problem.Unavailable, 0},
		"refused":       {linodetest.Fault{Status: http.StatusBadRequest}, false, problem.Invalid, 0},
		"may not":       {linodetest.Fault{Status: http.StatusForbidden}, false, problem.Forbidden, 0},
		"slow down":     {linodetest.Fault{Status: http.StatusTooManyRequests}, false, problem.Unavailable, 0},
		"accepted, but": {linodetest.Fault{Status: http.StatusOK, Body: `{}`}, true, problem.Unavailable, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := ticketRig(t)
			tt.fault.Method, tt.fault.Path = http.MethodPost, "/support/tickets"
			r.sim.Fault(tt.fault)
			_, err := r.cloud.OpenTicket(r.ctx(), aTicket)
			_, maybe := errors.AsType[*fleet.Maybe](err)
			if maybe != tt.maybe || problem.CodeOf(err) != tt.code {
				t.Errorf("%v, maybe %t", err, maybe)
			}
			if _, later := errors.AsType[*timeline.Later](err); later != (tt.fault.Status == http.StatusTooManyRequests) {
				t.Errorf("%v", err)
			}
			if n := len(r.sim.Writes()); n != 1 || len(r.sim.Tickets()) != tt.open {
				t.Errorf("%d requests, %d tickets", n, len(r.sim.Tickets()))
			}
		})
	}
}

func TestRepliesAreReadInOrder(t *testing.T) {
	r := ticketRig(t)
	number, err := r.cloud.OpenTicket(r.ctx(), aTicket)
	if err != nil {
		t.Fatal(err)
	}
	r.sim.Answer(number, "We are looking.", false)
	r.sim.Answer(number, "It is \x1b[31mreleased\n@everyone", true)
	all, err := r.cloud.Replies(r.ctx(), number)
	if err != nil || len(all) != 2 || all[0].Text != "We are looking." || !all[0].Support || all[1].ID <= all[0].ID || all[1].By != "Linode Support" || !all[1].At.Equal(r.clock.Now()) {
		t.Errorf("%+v %v", all, err)
	}
	if tickets, err := r.cloud.Tickets(r.ctx()); err != nil || !tickets[0].Closed() {
		t.Errorf("%+v %v", tickets, err)
	}
	if _, err := r.cloud.Replies(r.ctx(), number+1); !problem.Is(err, problem.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestWithoutItsTokenThereAreNoTickets(t *testing.T) {
	r := newRig(t)
	_, err := r.cloud.OpenTicket(r.ctx(), aTicket)
	_, err2 := r.cloud.Tickets(r.ctx())
	_, err3 := r.cloud.Replies(r.ctx(), 1)
	for _, err := range []error{err, err2, err3} {
		if !problem.Is(err, problem.Forbidden) {
			t.Errorf("%v", err)
		}
	}
	if n := len(r.sim.Requests()); n != 0 || r.cloud.CanOpenTickets() {
		t.Errorf("%d requests", n)
	}
	r = ticketRig(t)
	if _, err := r.cloud.OpenTicket(r.ctx(), fleet.Ticket{Summary: "x", Body: "y"}); !problem.Is(err, problem.Invalid) || len(r.sim.Writes()) > 0 {
		t.Errorf("about nothing: %v", err)
	}
}
