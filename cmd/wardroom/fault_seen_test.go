package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	chats "wardroom/bot/room"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// living is what the room's message says now.
func (n *faultNight) living() []string {
	n.t.Helper()
	pinned := n.chat.Pinned(n.room())
	if len(pinned) != 1 {
		n.t.Fatalf("%d pinned messages", len(pinned))
	}
	return lines(n.chat.Shown(pinned[0]))
}

// looks notes what the room's message says of what fails.
func (n *faultNight) looks() {
	for _, l := range n.living() {
		if fails(l) && !slices.Contains(n.shown, l) {
			n.shown = append(n.shown, l)
		}
	}
}

func fails(line string) bool {
	return strings.Contains(line, "✗") || strings.Contains(line, "cannot")
}

// account notes what waits, just before it is back.
func (n *faultNight) account() {
	n.t.Helper()
	if r := n.run(); r.Status.Active() {
		n.waited = append(n.waited, fmt.Sprintf("the run, at step %d of %d", r.Step+1, len(r.Plan.Steps)))
	}
	for _, f := range followers {
		if lag := n.owes(f.follower); lag > 0 {
			n.waited = append(n.waited, fmt.Sprintf(f.waits, plural(lag, f.one, f.many)))
		}
	}
	for _, a := range n.refused() {
		n.waited = append(n.waited, a.who+" has to ask again: `"+a.what+"`")
	}
}

var followers = []struct{ follower, waits, one, many string }{
	{"discord/room", "%s to the room", "post", "posts"},
	{"statuspage/Statuspage", "%s to the status page", "update", "updates"},
}

// owes is how many entries a follower has not told yet that it will.
func (n *faultNight) owes(follower string) (count int) {
	n.t.Helper()
	all, told := n.entries("INC-1"), int64(0)
	for _, e := range all {
		if d, is := e.Payload.(*timeline.Delivered); is && d.Follower == follower && d.Of.Timeline == "INC-1" {
			told = max(told, d.Of.Seq)
		}
	}
	for _, e := range all {
		if e.Seq > told && n.tells(follower, e) {
			count++
		}
	}
	return count
}

func (n *faultNight) tells(follower string, e timeline.Entry) bool {
	if follower == "discord/room" {
		return chats.Tells(n.codec, e.Kind) && !e.Kind.IsDelivery()
	}
	_, posted := e.Payload.(*statuspage.Posted)
	return posted
}

// refused are the acts that were refused for what is broken, and not done again.
func (n *faultNight) refused() (all []act) {
	for _, a := range n.acts {
		if a.at.Before(n.broken) || n.broken.IsZero() || a.ok || a.where == "Discord" && len(a.told) == 1 {
			continue
		}
		if !slices.ContainsFunc(n.acts, func(b act) bool { return b.at.After(a.at) && b.who == a.who && b.what == a.what && b.ok }) {
			all = append(all, a)
		}
	}
	return all
}

// catchUp lets time go by after it is back, and notes when what was behind is as it
// should be: in whole minutes, for how soon a client tries again is left to chance.
func (n *faultNight) catchUp() {
	n.t.Helper()
	began := n.clock.Now()
	type due struct {
		what string
		so   func() bool
	}
	pending := slices.DeleteFunc([]due{
		{"all works again, says the room", func() bool { return !slices.ContainsFunc(n.living(), fails) }},
		{"the room has every post", func() bool { return n.owes("discord/room") == 0 }},
		{"the public sees it", func() bool { return n.owes("statuspage/Statuspage") == 0 }},
		{"the run is over", func() bool { return !n.run().Status.Active() }},
	}, func(d due) bool { return d.so() })
	for len(pending) > 0 && n.clock.Now().Sub(began) < 25*time.Minute {
		n.pass(5 * time.Second)
		for i := 0; i < len(pending); i++ {
			if pending[i].so() {
				n.back = append(n.back, fmt.Sprintf("within %d min %s", int((n.clock.Now().Sub(began)+time.Minute-1)/time.Minute), pending[i].what))
				pending = slices.Delete(pending, i, i+1)
				i--
			}
		}
	}
	for _, p := range pending {
		n.t.Errorf("not within 25 minutes: %s", p.what)
	}
	for _, a := range n.refused() {
		a.again()
		last := n.acts[len(n.acts)-1]
		n.back = append(n.back, fmt.Sprintf("`%s`, asked again: %s", a.what, answerOf(last)))
	}
}

func answerOf(a act) string {
	if !a.ok {
		return "refused: " + strings.Join(a.told, " ")
	}
	return "done"
}
