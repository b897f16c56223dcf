package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/rooms"
)

// post sends a webhook; broken lets what JSON cannot say arrive as it is.
func (b *siege) post(sender string, body any, texts int) {
	b.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.r.IntN(2) == 0 {
		raw = bytes.ReplaceAll(raw, []byte(`\ufffd`), []byte("\xff"))
	}
	if err := b.Webhook(b.t.Context(), sender, raw); err != nil {
		b.fail("%s: %v", sender, err)
		return
	}
	b.cases["a webhook of "+sender] += texts
}

// alertmanager sends a group of alerts, hostile in every field.
func (b *siege) alertmanager(n int) {
	b.t.Helper()
	var all []any
	texts := 3
	for range n {
		b.alerts++
		labels := map[string]string{"alertname": b.text(), "severity": "page", "instance": b.text(), "n": strconv.Itoa(b.alerts)}
		notes := map[string]string{"summary": b.text(), "description": b.text(), "runbook_url": b.text()}
		for range 5 {
			labels[b.text()] = b.text()
			notes[b.text()] = b.text()
		}
		texts += 6 + 20
		all = append(all, map[string]any{"status": "firing", "labels": labels, "annotations": notes, "generatorURL": b.text(),
			"startsAt": b.clock.Now().UTC().Format(time.RFC3339), "endsAt": "0001-01-01T00:00:00Z", "fingerprint": fmt.Sprintf("%016x", b.alerts)})
	}
	b.post("alertmanager", map[string]any{"version": "4", "status": "firing", "alerts": all, "groupKey": b.text(), "externalURL": b.text(), "receiver": b.text()}, texts)
}

// generic sends one alert of the documented form.
func (b *siege) generic() {
	b.t.Helper()
	b.alerts++
	b.post("generic", map[string]any{"status": "firing", "title": b.text() + "x", "fingerprint": fmt.Sprintf("g%d", b.alerts), "url": b.text(),
		"description": b.text(), "labels": map[string]string{b.text(): b.text(), "severity": "page"}, "annotations": map[string]string{b.text(): b.text()}}, 7)
}

// providers tell of many events at once.
func (b *siege) providers(id timeline.ID, n int) {
	b.t.Helper()
	var d timeline.Decision
	for range n {
		d.Entries = append(d.Entries, timeline.Draft{Timeline: id, OccurredAt: b.clock.Now(), Actor: people.Provider("linode"),
			Payload: &fleet.Observed{What: b.text(), Object: b.text(), Status: b.text(), Message: b.text()}})
	}
	if _, err := b.Update(b.t.Context(), func(timeline.View) (timeline.Decision, error) { return d, nil }); err != nil {
		b.fail("events: %v", err)
	}
	b.cases["a provider's event"] += 4 * n
}

// typedCommands are those that take words, as people type them in a room.
var typedCommands = []string{
	"/incident note text:%s", "/timeline add text:%s", "/status post text:%s", "/incident title title:%s", "/incident status status:identified reason:%s",
	"/incident assign person:me role:%s", "/incident park until:%s", "/incident link url:%s text:%s", "/incident start at:00:10 why:%s",
	"/status component name:%s level:%s", "/status post text:%s title:%s", "/status post text:%s components:%s", "/alert show alert:%s", "/alert silence alert:%s reason:%s",
	"/freeze on reason:%s", "/freeze off reason:%s", "/help command:%s", "/incident merge from:%s", "/timeline correct entry:%s text:%s", "/status correct text:%s sure:yes", "/status backdate at:%s why:%s",
	"/incident severity severity:SEV2 reason:%s", "/incident unpark reason:%s", "/oncall test person:%s",
}

// types asks for one of them; some of those who do have no right to.
func (b *siege) types(channel, form string) {
	b.t.Helper()
	n := strings.Count(form, "%s")
	values := make([]any, n)
	for i := range values {
		values[i] = b.line(200 + b.r.IntN(1700)*(1-i))
	}
	if strings.HasPrefix(form, "/incident link") {
		values[0] = "https://example.org/" + values[0].(string)
	}
	by := "joe"
	if b.r.IntN(4) == 0 && len(b.crew) > 0 {
		by = b.crew[b.r.IntN(len(b.crew))]
	}
	seen, err := b.chat.As(by).Slash(b.soon(), channel, fmt.Sprintf(form, values...))
	where := "an option of a command"
	if strings.HasPrefix(form, "/status") {
		where = "a text of the status page"
	}
	b.saw(where, n, seen, err)
}

// completed are commands whose last option proposes values.
var completed = []string{"/incident show incident:%s", "/alert show alert:%s", "/status component name:%s", "/help command:%s", "/incident park until:%s",
	"/incident assign person:%s", "/status post text:x components:%s", "/oncall test person:%s"}

// complete asks for proposals: those hold hostile titles, names and components.
func (b *siege) complete(channel string) {
	b.t.Helper()
	words := ""
	if b.r.IntN(3) > 0 {
		words = b.line(300)
	}
	seen, err := b.chat.As("joe").Autocomplete(b.soon(), channel, fmt.Sprintf(completed[b.r.IntN(len(completed))], words))
	b.saw("autocompletion", 1, seen, err)
}

// form opens one of the forms that an incident offers now, chooses and fills in.
func (b *siege) form(channel string) {
	b.t.Helper()
	joe := b.chat.As("joe")
	seen, err := joe.Slash(b.soon(), channel, "/incident acts")
	b.saw("", 0, seen, err)
	forms := b.parts(seen.Answer, func(c discordtest.Component) bool { return strings.HasPrefix(c.CustomID, "form/") })
	if len(forms) == 0 {
		return
	}
	form, err := joe.Click(b.soon(), seen.Answer, forms[b.r.IntN(len(forms))].CustomID)
	b.saw("", 0, form, err)
	chosen := 0
	if form.Modal == nil && form.Answer != nil {
		for _, c := range b.parts(form.Answer, func(c discordtest.Component) bool { return len(c.Options) > 0 }) {
			picked, err := joe.Choose(b.soon(), form.Answer, c.CustomID, c.Options[b.r.IntN(len(c.Options))].Value)
			b.saw("", 0, picked, err)
			chosen++
		}
		buttons := b.parts(form.Answer, func(c discordtest.Component) bool { return c.Type == discordtest.Button })
		if len(buttons) == 0 {
			return
		}
		form, err = joe.Click(b.soon(), form.Answer, buttons[len(buttons)-1].CustomID)
		b.saw("a choice in a form", chosen, form, err)
	}
	if form.Modal == nil {
		return
	}
	inputs := map[string]string{}
	for _, row := range form.Modal.Components {
		for _, c := range row.Components {
			most := 400 + b.r.IntN(3600)
			if c.MaxLength != nil {
				most = min(most, *c.MaxLength)
			}
			inputs[c.CustomID] = b.line(most)
		}
	}
	done, err := joe.Submit(b.soon(), form.Modal, inputs)
	b.saw("an answer in a form", len(inputs), done, err)
}

// parts are the components of a message that a person could use so.
func (b *siege) parts(m *discordtest.Message, use func(discordtest.Component) bool) (found []discordtest.Component) {
	if m == nil {
		return nil
	}
	for _, row := range m.Components {
		for _, c := range row.Components {
			if use(c) && !c.Disabled {
				found = append(found, c)
			}
		}
	}
	return found
}

// said writes messages with files and puts them into the timeline; their authors have
// hostile names.
func (b *siege) said(room, elsewhere string) {
	b.t.Helper()
	nick := b.line(32)
	b.chat.SetNick("stranger", nick)
	var files []discordtest.File
	for range b.r.IntN(3) {
		files = append(files, discordtest.File{Name: b.line(200), ContentType: b.line(80), Body: []byte(b.text())})
	}
	for _, channel := range []string{room, elsewhere} {
		m, err := b.chat.As("stranger").Say(b.soon(), channel, b.line(2000), files...)
		if err != nil {
			continue
		}
		seen, err := b.chat.As("joe").Menu(b.soon(), m, "Add to timeline")
		b.saw("a recorded message", 1+2*len(files), seen, err)
		if b.r.IntN(2) == 0 {
			if _, err := b.chat.As("stranger").EditMessage(b.soon(), m, b.line(2000)); err == nil {
				b.cases["a recorded message"]++
			}
		}
	}
	seen, err := b.chat.As("stranger").Slash(b.soon(), room, "/incident ack")
	b.saw("a nickname", 1, seen, err)
}

// newIncident is declared by a person, and has a room.
func (b *siege) newIncident() (timeline.ID, string) {
	b.t.Helper()
	seen, err := b.chat.As("joe").Slash(b.soon(), townSquare, "/incident declare severity:SEV1 title:"+b.line(300)+" why:"+b.line(500))
	b.saw("an option of a command", 2, seen, err)
	b.pass(5 * time.Second)
	id, err := b.newestRoom(b.t.Context())
	if err != nil || id == "" {
		b.t.Fatal(id, err)
	}
	channel := b.channelOf(id)
	if channel == "" {
		b.t.Fatalf("seed %d: %s has no room", uint64(siegeSeed), id)
	}
	b.cases["the name of a room"]++
	return id, channel
}

// comeBack waits for the bot to try again, on the clock, and to arrive.
func (b *siege) comeBack() {
	b.t.Helper()
	for range 30 {
		b.pass(time.Minute)
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
		err := b.chat.WaitSession(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	b.t.Fatalf("seed %d: the bot does not come back", uint64(siegeSeed))
}

// night is one incident from its alerts to its end.
func (b *siege) night() {
	b.t.Helper()
	b.alertmanager(9)
	b.generic()
	b.generic()
	b.pass(time.Second)
	id, channel := b.newIncident()
	b.alertmanager(9)
	b.providers(id, 15)
	b.pass(time.Minute)
	for range 30 {
		b.complete(channel)
	}
	for range 20 {
		b.types(channel, typedCommands[b.r.IntN(len(typedCommands))])
	}
	for range 10 {
		b.form(channel)
	}
	for range 3 {
		b.said(channel, townSquare)
	}
	b.pass(2 * time.Minute)
	b.chat.Down(true) // what comes meanwhile is folded
	b.providers(id, 25)
	b.pass(10 * time.Minute)
	if err := b.chat.Up(); err != nil {
		b.t.Fatal(err)
	}
	b.comeBack()
	b.pass(6 * time.Minute)
	for _, line := range []string{"/incident ack", "/status resolve text:" + b.line(1500), "/incident resolve reason:" + b.line(900), "/incident close reason:" + b.line(900)} {
		seen, err := b.chat.As("joe").Slash(b.soon(), channel, line)
		b.saw("an option of a command", strings.Count(line, ":"), seen, err)
		b.pass(10 * time.Second)
	}
}

// fill makes channels with names that people gave them.
func (b *siege) fill() {
	b.t.Helper()
	for len(b.chat.Channels()) < rooms.ThreadsFrom {
		b.chat.AddChannel(b.line(100), discordtest.ChannelText, "")
		b.cases["the name of a channel"]++
	}
}

// mark records a message by its mark.
func (b *siege) mark(channel string) {
	b.t.Helper()
	m, err := b.chat.As("stranger").Say(b.soon(), channel, b.line(2000))
	if err == nil {
		err = b.chat.As("joe").React(b.soon(), m, "📌")
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.marked(channel, m.ID)
}

// marked waits for the bot's own mark beside joe's: the message is recorded then.
func (b *siege) marked(channel, message string) {
	b.t.Helper()
	_, err := b.chat.WaitMessage(b.soon(), channel, func(m *discordtest.Message) bool {
		return m.ID == message && slices.ContainsFunc(m.Reactions, func(r discordtest.Reaction) bool { return r.Count == 2 })
	})
	if err != nil {
		b.fail("a marked message: %v", err)
	}
	b.cases["a recorded message"]++
}

// last does what a night does not need: a thread whose making is not answered, marks,
// a living message that cannot be edited any more, an erasure, a bot that is looked at.
func (b *siege) last() {
	b.t.Helper()
	b.chat.Fault(discordtest.Fault{Method: "POST", Path: "/channels/*/threads", Times: 1, Lost: true})
	id, channel := b.newIncident()
	b.mark(channel)
	b.chat.Down(true)
	b.pass(time.Second)
	m, err := b.chat.As("stranger").Say(b.soon(), channel, b.line(2000))
	if err == nil {
		err = b.chat.As("joe").React(b.soon(), m, "📌")
	}
	if err == nil {
		b.chat.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayForget}) // what was missed is looked for
		err = b.chat.Up()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.comeBack()
	b.marked(channel, m.ID)
	b.chat.Fault(discordtest.Fault{Method: "PATCH", Path: "/channels/*/messages/*", Times: 1, Status: 400, Body: `{"code": 30046, "message": "Maximum number of edits to messages older than 1 hour reached"}`})
	b.providers(id, 3)
	seen, err := b.chat.As("joe").Slash(b.soon(), channel, "/incident ack")
	b.saw("", 0, seen, err)
	b.pass(time.Minute)
	for range 2 { // asks, and does
		seen, err := b.chat.As("joe").Slash(b.soon(), channel, fmt.Sprintf("/timeline erase entry:%s#1 reason:%s", id, b.line(300)))
		b.saw("an option of a command", 1, seen, err)
		if buttons := b.parts(seen.Answer, func(c discordtest.Component) bool { return c.Label == "Erase it" }); len(buttons) > 0 {
			seen, err = b.chat.As("joe").Click(b.soon(), seen.Answer, "Erase it")
			b.saw("", 0, seen, err)
		}
	}
	b.pass(time.Minute)
	for _, r := range checks.Run(b.soon(), b.guild.bot.Checks()) {
		if r.Level == checks.Failed {
			b.fail("check %s: %s", r.Name, r.Sentence)
		}
	}
}
