package ntfy

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"wardroom/bot/config"
	"wardroom/bot/oncall"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

const (
	// In bytes. Above 4096 ntfy makes an attachment of a text; ours stay far below it,
	// since a push carries title, text and buttons in 4 KiB together.
	// https://docs.ntfy.sh/publish/#limitations
	maxText  = 1500
	maxTitle = 250
	maxNames = 300
	loudest  = 5 // https://docs.ntfy.sh/publish/#message-priority
)

// tagOf marks the message of a page so that it is found again. It is made of the
// entry's hash, which no other database has.
func tagOf(page timeline.Entry) string { return "page-" + page.Seal.Hash.Short() }

// message is a page as a phone shows it. What comes from outside is tamed: it
// cannot hide or reorder what stands beside it.
func (p *Pager) message(s scene, page timeline.Entry, folded []timeline.Entry, topic config.Secret) message {
	m := message{Topic: topic.Reveal(), Priority: loudest, Tags: []string{"rotating_light", tagOf(page)}, Click: s.room}
	link := p.Links.URL(page.Ref)
	var lines []string
	switch payload := page.Payload.(type) {
	case *oncall.TestPaged:
		m.Tags[0] = "test_tube"
		m.Title = "Test page: nothing is wrong"
		lines = append(lines, fmt.Sprintf("%s, this is what a page looks like.", payload.Person))
		if link != "" {
			lines = append(lines, "Press Received, so that everybody knows that it works.")
		}
		m.Actions = act(m.Actions, link, "Received")
	case *oncall.Paged:
		m.Title = fmt.Sprintf("%s %s: %s", s.incident.Severity, s.incident.ID, s.incident.Title)
		lines = p.lines(s, payload)
		m.Actions = act(m.Actions, link, "Acknowledge")
	case *oncall.Asked:
		// What it would break has to be read before anybody agrees: there is no button
		// that approves.
		link = ""
		r := s.runs[payload.Run]
		m.Tags[0] = "raised_hand"
		m.Title = fmt.Sprintf("%s: do you approve? %s", s.incident.ID, r.Title())
		lines = p.approval(s, payload, r)
	}
	if len(folded) > 0 {
		lines = append(lines, p.foldedLine(folded))
	}
	if s.room != "" {
		m.Actions = append(m.Actions, action{Action: "view", Label: "Open room", URL: s.room})
	} else if link != "" {
		m.Click = link
	}
	m.Title = cutBytes(room.Plain(m.Title), maxTitle)
	for n := range lines {
		lines[n] = room.Plain(lines[n]) // one at a time: what stands in one makes no others
	}
	m.Message = cutBytes(strings.Join(lines, "\n"), maxText)
	return m
}

// act adds the button that uses a link. The phone sends the request itself, so
// that nothing has to be opened.
func act(list []action, link, label string) []action {
	if link == "" {
		return list
	}
	return append(list, action{Action: "http", Label: label, URL: link, Method: "POST", Clear: true})
}

func (p *Pager) lines(s scene, payload *oncall.Paged) []string {
	clock := room.Clock{Zone: p.Zone}
	now := p.Clock.Now()
	i := s.incident
	lines := []string{fmt.Sprintf("%s, nobody is on it yet: %s.", payload.Person, payload.Why)}
	began := "Began " + clock.Beside(i.StartedAt, now)
	if i.Alerts.Firing > 0 {
		noun := "alerts fire"
		if i.Alerts.Firing == 1 {
			noun = "alert fires"
		}
		began += fmt.Sprintf(", %d %s", i.Alerts.Firing, noun)
		if len(i.AlertNames) > 0 {
			began += ": " + cutBytes(room.Plain(strings.Join(i.AlertNames, ", ")), maxNames)
		}
	}
	lines = append(lines, began+".")
	if payload.Then != "" && payload.ThenAt.After(now) {
		lines = append(lines, fmt.Sprintf("Without an answer %s is paged at %s.", payload.Then, clock.Beside(payload.ThenAt, now)))
	}
	return lines
}

// mostBreaks is how many lines of a blast radius a phone is told.
const mostBreaks = 4

// approval tells what is asked for, and the worst of what it would break.
func (p *Pager) approval(s scene, payload *oncall.Asked, r remediation.Run) []string {
	clock := room.Clock{Zone: p.Zone}
	lines := []string{fmt.Sprintf("%s, %s asks for a second person: %s is %s.", payload.Person, r.Requester.Display(), payload.Run, r.Plan.Tier)}
	breaks := room.Breaks(r.Plan.Blast)
	for n, l := range breaks {
		if n == mostBreaks {
			lines = append(lines, fmt.Sprintf("and %d more", len(breaks)-n))
			break
		}
		lines = append(lines, "• "+cutBytes(room.Plain(l), maxNames))
	}
	if !payload.Until.IsZero() {
		lines = append(lines, fmt.Sprintf("It waits until %s.", clock.Beside(payload.Until, p.Clock.Now())))
	}
	if s.room == "" {
		lines = append(lines, "wardroom run show "+string(payload.Run))
	}
	return lines
}

// foldedLine tells of pages that did not get out in time.
func (p *Pager) foldedLine(folded []timeline.Entry) string {
	const most = 10
	clock := room.Clock{Zone: p.Zone}
	var told []string
	for _, e := range folded[max(len(folded)-most, 0):] {
		told = append(told, fmt.Sprintf("%s to %s", clock.Beside(e.RecordedAt, p.Clock.Now()), orSomebody(personOf(e))))
	}
	text := "Did not get out in time: " + strings.Join(told, ", ")
	if more := len(folded) - most; more > 0 {
		text += fmt.Sprintf(", and %d before", more)
	}
	return text + "."
}

// cutBytes shortens s to at most n bytes, at a whole character, and shows that it
// did.
func cutBytes(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	cut := n - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}
