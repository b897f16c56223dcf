package main

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/integrations/discord/discordtest"
)

// act is what somebody did, and what came of it.
type act struct {
	at    time.Time
	who   string
	what  string // "/node list"
	where string // "Discord", "shell", "webhook"
	told  []string
	ok    bool
	again func() // how it is done again when it was refused
}

func (n *faultNight) did(a act) {
	a.at = n.clock.Now()
	n.acts = append(n.acts, a)
}

// asks types a command in the room; where Discord is away, in the shell. Who is left
// without an answer in Discord looks in the shell whether it was done, and asks there
// when it was not.
func (n *faultNight) asks(who, line string, words ...string) {
	n.t.Helper()
	name := strings.Join(strings.Fields(line)[:2], " ")
	inShell := func() {
		a := n.shell(who, words...)
		n.did(act{who: who, what: "wardroom " + strings.Join(words[:2], " "), where: "shell", told: lines(a.text), ok: !a.error})
	}
	if !n.chatWorks() {
		inShell()
		return
	}
	before := n.requests(who)
	a := act{who: who, what: name, where: "Discord"}
	seen := n.inChat(who, line)
	switch {
	case seen.Failed != "":
		a.told = []string{seen.Failed}
	case seen.Answer != nil:
		a.told = lines(n.chat.Shown(seen.Answer))
	}
	a.ok = seen.Failed == "" && !slices.ContainsFunc(a.told, func(l string) bool { return strings.HasPrefix(l, "✗") })
	a.again = func() { n.asks(who, line, words...) }
	n.did(a)
	n.pass(0)
	if seen.Failed != "" && n.requests(who) == before {
		inShell()
	}
}

// requests are how many commands of a person stand in the record.
func (n *faultNight) requests(who string) (count int) {
	for _, e := range n.entries("INC-1") {
		switch e.Payload.(type) {
		case *command.Asked, *command.Refused:
			if e.Actor.Name == who {
				count++
			}
		}
	}
	return count
}

// inChat types a command in the room.
func (n *faultNight) inChat(who, line string) discordtest.Seen {
	n.t.Helper()
	for len(n.waits) > 0 { // for what was typed before
		<-n.waits
	}
	var seen discordtest.Seen
	over := make(chan error, 1)
	ctx, chat, room := n.soon(), n.chat, n.room()
	n.heard.take()
	go func() {
		var err error
		seen, err = chat.As(who).Slash(ctx, room, line)
		over <- err
	}()
	var err error
	if n.mute {
		<-n.waits
		n.await("the bot hears of it", n.heard.any)
		n.pass(5 * time.Second) // Discord gives up after three
	}
	if err = <-over; err != nil {
		n.t.Fatalf("%s %s: %v", who, line, err)
	}
	return seen
}

// any reports whether a request was carried out that nobody has taken.
func (h *hearing) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done
}

// await waits, in real time, until something is so.
func (n *faultNight) await(what string, so func() bool) {
	n.t.Helper()
	ctx, tick := n.soon(), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			n.t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// alerts lets Alertmanager send an alert; it is sent again while it is not taken.
func (n *faultNight) alerts(name, summary string) {
	n.t.Helper()
	labels := map[string]string{"alertname": name, "severity": "page", "namespace": "default"}
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": "{}:{alertname=" + name + "}", "truncatedAlerts": 0, "status": "firing", "receiver": "wardroom",
		"externalURL": "http://alertmanager.example", "groupLabels": map[string]string{"alertname": name}, "commonLabels": labels,
		"commonAnnotations": map[string]string{},
		"alerts": []any{map[string]any{"status": "firing", "labels": labels, "annotations": map[string]string{"summary": summary}, "fingerprint": name,
			"startsAt": n.clock.Now().UTC().Format(time.RFC3339), "endsAt": "0001-01-01T00:00:00Z", "generatorURL": ""}},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.sends(name, body)
}

func (n *faultNight) sends(name string, body []byte) {
	ctx, cancel := context.WithTimeout(n.t.Context(), 20*time.Second)
	defer cancel()
	a := act{who: "Alertmanager", what: "sends " + name, where: "webhook", ok: true, again: func() { n.sends(name, body) }}
	if err := n.Webhook(ctx, "alertmanager", body); err != nil {
		a.ok, a.told = false, lines(err.Error())
	}
	n.did(a)
	n.pass(0)
}

var (
	marks    = regexp.MustCompile(`^[│•]|\*\*|^- `)
	inRoom   = regexp.MustCompile(`2021-07-1[01] (\d\d:\d\d):\d\d UTC`)
	numbered = regexp.MustCompile(`INC-1#\d+`)
)

// lines are the lines of a text as they read, without what makes them bold.
func lines(text string) (all []string) {
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(marks.ReplaceAllString(strings.TrimSpace(l), ""))
		l = numbered.ReplaceAllString(inRoom.ReplaceAllString(strings.ReplaceAll(l, "**", ""), "$1"), "INC-1#…")
		if l != "" && l != "(only you see this)" && !strings.HasPrefix(l, "[") {
			all = append(all, l)
		}
	}
	return all
}
