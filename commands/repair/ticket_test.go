package repair_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// office is the world's support desk.
type office struct{ *world }

func (o office) Tickets(context.Context) ([]fleet.SupportTicket, error) {
	return slices.Clone(o.tickets), o.read("tickets")
}

func (o office) OpenTicket(_ context.Context, t fleet.Ticket) (int, error) {
	do, err := o.call("open-ticket", t.Volume, t.Summary, t.Body)
	if !do {
		return 0, err
	}
	o.tickets = append(o.tickets, fleet.SupportTicket{Number: 700 + len(o.tickets), Summary: t.Summary, Volume: t.Volume, Status: "new", Opened: o.clock.Now().Truncate(time.Second)})
	return 700 + len(o.tickets) - 1, err
}

func (o office) Replies(_ context.Context, number int) ([]fleet.TicketReply, error) {
	if err := o.read("replies"); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(o.tickets, func(t fleet.SupportTicket) bool { return t.Number == number }) {
		return nil, problem.New(problem.NotFound, "no ticket %d", number)
	}
	return o.replies[number], nil
}

var _ fleet.Support = office{}

// What is sent are the words of the plan, whatever has changed since: a plan that is
// made anew has the same, so its hash holds.
func TestTheApprovedWordsAreSent(t *testing.T) {
	w := newWorld()
	limbo(w)
	p := w.plan(t, repair.VolumeTicket, "volume", redisPV)
	golden(t, "volume-ticket", text(p))
	w.k8s = append(w.k8s, fleet.Event{At: night.Add(time.Minute), About: object("Pod", "redis-0"), Type: "Warning", Reason: "FailedMount", Message: "Unable to find device path out of attempted paths, once more"})
	w.pass(3 * time.Minute)
	again, err := w.remediation(t, repair.VolumeTicket).Plan(t.Context(), p.Params)
	if err != nil || again.Hash() != p.Hash() {
		words, _ := again.Diff(p)
		t.Fatalf("%v %q", err, words)
	}
	if fresh := w.plan(t, repair.VolumeTicket, "volume", redisPV); fresh.Hash() == p.Hash() {
		t.Error("other words have the same hash")
	}
	if _, why := w.carry(t, again); why != "" {
		t.Fatal(why)
	}
	if len(w.calls) != 1 || !strings.Contains(w.calls[0], p.Params["text"][:200]) || !strings.HasPrefix(w.calls[0], "open-ticket 6002 "+p.Params["subject"]) {
		t.Errorf("%q", w.calls)
	}
}

func TestTicketPlans(t *testing.T) {
	tests := map[string]struct {
		params []string
		before func(*world)
		code   string
		hard   bool
		says   string // among the facts
	}{
		"a volume in limbo":        {nil, func(*world) {}, "", false, "> Hello,"},
		"in one's own words":       {[]string{"subject", "Please look", "text", "It is stuck.\nAuthorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789"}, func(*world) {}, "", false, "> It is stuck."},
		"nothing is wrong":         {nil, func(w *world) { w.volumes[6002].Usable = true; w.k8s = nil }, repair.VolumeNotSick, true, ""},
		"the cloud is silent":      {nil, func(w *world) { w.fail["volume"] = problem.New(problem.Unavailable, "503") }, repair.VolumeUnclear, true, ""},
		"one is open":              {nil, func(w *world) { w.tickets = []fleet.SupportTicket{{Number: 9, Volume: 6002, Status: "open"}} }, repair.TicketOpen, false, ""},
		"one was closed":           {nil, func(w *world) { w.tickets = []fleet.SupportTicket{{Number: 9, Volume: 6002, Status: "closed"}} }, "", false, ""},
		"one of another volume":    {nil, func(w *world) { w.tickets = []fleet.SupportTicket{{Number: 9, Volume: 6001, Status: "open"}} }, "", false, ""},
		"tickets cannot be read":   {nil, func(w *world) { w.fail["tickets"] = problem.New(problem.Unavailable, "503") }, repair.TicketsUnread, true, ""},
		"there is no token for it": {nil, func(w *world) { _, w.fail["tickets"] = fleet.NoSupport{}.Tickets(t.Context()) }, repair.TicketTokenMissing, true, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			limbo(w)
			tt.before(w)
			p := w.plan(t, repair.VolumeTicket, slices.Concat([]string{"volume", redisPV}, tt.params)...)
			i := slices.IndexFunc(p.Findings, func(f remediation.Finding) bool { return f.Code == tt.code })
			if tt.code == "" && len(p.Findings) > 0 || tt.code != "" && (i < 0 || (p.Findings[i].Strength == remediation.Hard) != tt.hard) {
				t.Errorf("%+v", p.Findings)
			}
			facts := strings.Join(p.Facts, "\n")
			if !strings.Contains(facts, tt.says) || strings.Contains(facts, "abcdefghijklmnop") || strings.Contains(p.Params["text"], "abcdefghijklmnop") {
				t.Errorf("%s", facts)
			}
			if p.Tier != remediation.Disruptive {
				t.Errorf("%s: a second person has to read it", p.Tier)
			}
		})
	}
	w := newWorld()
	limbo(w)
	for _, params := range []map[string]string{{"volume": redisPV, "subject": strings.Repeat("x", 65)}, {"volume": redisPV, "text": strings.Repeat("x", 65001)}, {"volume": ""}, {"volume": "nosuch"}} {
		if _, err := w.remediation(t, repair.VolumeTicket).Plan(t.Context(), params); err == nil {
			t.Errorf("%.40q is taken", params)
		}
	}
}

// A lost answer is looked for before anything is asked again, and that only once.
func TestALostTicketIsLookedFor(t *testing.T) {
	for name, arrives := range map[string]bool{"it arrived": true, "it did not": false} {
		w := newWorld()
		limbo(w)
		p := w.plan(t, repair.VolumeTicket, "volume", redisPV)
		// One of the same words from long ago is not it.
		w.tickets = []fleet.SupportTicket{{Number: 5, Summary: p.Params["subject"], Volume: 6002, Status: "closed", Opened: night.Add(-90 * 24 * time.Hour)}}
		begin := w.clock.Now()
		c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: 0, broken: &breakage{err: &fleet.Maybe{Err: problem.New(problem.Unavailable, "no answer")}, arrives: arrives, times: 1}}
		if _, why := c.all(); why != "" {
			t.Fatalf("%s: %s", name, why)
		}
		if len(w.tickets) != 2 || c.learned[repair.LearnedTicket] != "701" || !strings.Contains(c.learned[remediation.LearnedTold], "tickets/701") {
			t.Errorf("%s: %+v %v", name, w.tickets, c.learned)
		}
		if asked := len(w.calls); arrives && asked != 1 || !arrives && asked != 2 {
			t.Errorf("%s: asked %d times", name, asked)
		}
		if waited := w.clock.Now().Sub(begin); !arrives && waited < 2*time.Minute {
			t.Errorf("%s: asked again after %v", name, waited)
		}
	}
}
