package oncall_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/oncall"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

func TestALinkAcknowledgesOnceInTheNameOfThePaged(t *testing.T) {
	n := newNight(t)
	id := n.declare(alert.SEV2)
	n.until(7)
	token := n.links.Token(n.page(id, 4)) // chris's
	if s, err := n.call.Look(t.Context(), token); err != nil || s.Outcome != oncall.CanAnswer || s.Person != "chris" || s.Incident.ID != id {
		t.Fatalf("%+v, %v", s, err)
	}
	before := len(n.entries(id))
	var done sync.WaitGroup
	var mu sync.Mutex
	now := 0
	for range 20 { // a thumb that trembles, and a phone that sends again
		done.Go(func() {
			s, err := n.call.Answer(t.Context(), token)
			if err != nil || s.Outcome != oncall.Acknowledged || s.By != "chris" || !s.At.Equal(n.clock.Now()) {
				t.Errorf("%+v, %v", s, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if s.Now {
				now++
			}
		})
	}
	done.Wait()
	n.settle()
	if now != 1 {
		t.Errorf("%d of them did it", now)
	}
	after := n.entries(id)[before:]
	if len(after) != 3 || after[0].Actor != people.Human("chris") || after[0].Cause != n.page(id, 4) ||
		after[1].Kind != "incident.acknowledged" || after[1].Actor != people.Human("chris") || after[1].Cause != after[0].Ref {
		t.Errorf("%+v", after)
	}
	// Joe's link, still on his phone, tells him.
	if s, err := n.call.Answer(t.Context(), n.links.Token(n.page(id, 1))); err != nil || s.Now || s.By != "chris" {
		t.Errorf("%+v, %v", s, err)
	}
	if got := len(n.entries(id)); got != before+3 {
		t.Errorf("%d entries more", got-before-3)
	}
}

func TestALinkEnds(t *testing.T) {
	n := newNight(t)
	id := n.declare(alert.SEV2)
	n.until(1)
	token := n.links.Token(n.page(id, 1))
	n.until(24*60 + 1)
	if s, err := n.call.Answer(t.Context(), token); err != nil || s.Outcome != oncall.Expired {
		t.Errorf("after a day: %+v, %v", s, err)
	}
	if _, err := n.desk.Resolve(t.Context(), by("joe"), id, time.Time{}, ""); err != nil {
		t.Fatal(err)
	}
	if s, err := n.call.Answer(t.Context(), token); err != nil || s.Outcome != oncall.Over {
		t.Errorf("resolved without an acknowledgement: %+v, %v", s, err)
	}
	if i, err := n.desk.Get(t.Context(), id); err != nil || !i.AcknowledgedAt.IsZero() {
		t.Error("it acknowledged")
	}
}

func TestATestPageStandsInTheLogAndIsAnsweredOnce(t *testing.T) {
	n := newNight(t)
	page, err := n.call.Test(t.Context(), by("joe"), "chris")
	if err != nil || page.Timeline != timeline.Log {
		t.Fatal(page, err)
	}
	token := n.links.Token(page)
	if s, err := n.call.Look(t.Context(), token); err != nil || s.Outcome != oncall.CanAnswer || !s.Test || s.Person != "chris" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := n.call.Answer(t.Context(), token); err != nil || s.Outcome != oncall.TestReceived || !s.Now || !s.At.Equal(n.clock.Now()) {
		t.Errorf("%+v, %v", s, err)
	}
	entries := len(n.entries(timeline.Log))
	n.until(3)
	if s, err := n.call.Answer(t.Context(), token); err != nil || s.Outcome != oncall.TestReceived || s.Now || !s.At.Equal(n.start) {
		t.Errorf("again: %+v, %v", s, err)
	}
	if len(n.entries(timeline.Log)) != entries {
		t.Error("answering again was recorded")
	}
	if _, err := n.call.Test(t.Context(), by("joe"), "zoe"); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
}

func TestOnlyOurOwnLinksLeadAnywhere(t *testing.T) {
	n := newNight(t)
	id := n.declare(alert.SEV2)
	n.until(1)
	page := n.page(id, 1)
	good := n.links.Token(page)
	if n.links.URL(page) != "https://wardroom.example.org/ack/"+good || !n.call.Known(good) {
		t.Error(n.links.URL(page))
	}
	other, err := oncall.NewLinks([]byte(strings.Repeat("x", oncall.LeastKey)), "")
	if err != nil {
		t.Fatal(err)
	}
	if other.URL(page) != "" {
		t.Error("a link without an address")
	}
	sign := good[strings.LastIndexByte(good, '.')+1:]
	for _, bad := range []string{"", ".", "..", "INC-1", good + "A", good[:len(good)-1], "INC-2.1." + sign, "inc-1#2." + sign,
		other.Token(page), strings.Repeat("a", 500), "INC-1.2.", strings.Replace(good, ".", "#", 1), good + "\n", "INC-1.99." + sign} {
		_, looked := n.call.Look(t.Context(), bad)
		_, answered := n.call.Answer(t.Context(), bad)
		if n.call.Known(bad) || !problem.Is(looked, problem.NotFound) || !problem.Is(answered, problem.NotFound) {
			t.Errorf("%q: %v, %v", bad, looked, answered)
		}
	}
	// A rightly signed entry that is no page: nothing to acknowledge by.
	if _, err := n.call.Answer(t.Context(), n.links.Token(timeline.Ref{Timeline: id, Seq: 1})); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
	if _, err := oncall.NewLinks([]byte("short"), ""); err == nil {
		t.Error("a short key was taken")
	}
	if i, err := n.desk.Get(t.Context(), id); err != nil || !i.NeedsAck() {
		t.Error("something of it acknowledged")
	}
	if _, err := oncall.NewDesk(n.db, nil, n.dir).Look(t.Context(), good); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
}
