package discord

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

var withContent = discordtest.Options{Intents: discordtest.IntentContent}

func TestTheMenuRecordsAMessageWithItsFiles(t *testing.T) {
	surfaces(t, func(t *testing.T, r *rig) { // without Message Content: the menu brings the text along
		id := r.incident("inc-0001")
		joe := r.sim.As("joe")
		m, err := r.sim.As("stranger").Say(r.soon(), "inc-0001", "Python is offline", discordtest.File{Name: "top.txt", ContentType: "text/plain", Body: []byte("load 99")})
		check(t, err)
		seen, err := joe.Menu(r.soon(), m, render.MenuAdd)
		check(t, err)
		if seen.Answer == nil || !strings.Contains(seen.Answer.Content, "Recorded as INC-1#") {
			t.Fatalf("no receipt: %+v\n%s", seen, r.log)
		}
		sum := sha256.Sum256([]byte("load 99"))
		sha := hex.EncodeToString(sum[:])
		r.tells(id, "room.message | discord:"+r.sim.UserID("stranger")+" stranger | Python is offline", sha)
		f, err := r.vault.Open(sha)
		check(t, err)
		defer f.Close()
		if body, err := io.ReadAll(f); err != nil || string(body) != "load 99" {
			t.Errorf("the copy holds %q, %v", body, err)
		}
		if seen, err = joe.Menu(r.soon(), m, render.MenuAdd); err != nil || !strings.Contains(seen.Answer.Content, "already") {
			t.Errorf("twice: %+v, %v", seen.Answer, err)
		}
		r.tells(id, "room.message | ")
	})
}

func TestOutsideARoomTheIncidentIsAskedForAndFoundAfterARestart(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	first, second := r.incident("inc-0001"), r.incident("inc-0002")
	r.connected()
	m, err := r.sim.As("vera").Say(r.soon(), "general", "the forum is slow, too")
	check(t, err)
	seen, err := r.sim.As("joe").Menu(r.soon(), m, render.MenuAdd)
	check(t, err)
	r.stop()
	r.connected()
	seen, err = r.sim.As("joe").Choose(r.soon(), seen.Answer, "", string(second))
	check(t, err)
	if seen.Answer == nil || !strings.Contains(seen.Answer.Content, "Recorded as "+string(second)) {
		t.Fatalf("not recorded: %+v\n%s", seen, r.log)
	}
	r.tells(second, "room.message | vera | the forum is slow, too")
	if strings.Contains(r.story(first), "room.message") {
		t.Error("it stands in both")
	}
}

func TestAViewerMayNotRecord(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	m, err := r.sim.As("vera").Say(r.soon(), "inc-0001", "hello")
	check(t, err)
	seen, err := r.sim.As("vera").Menu(r.soon(), m, render.MenuAdd)
	check(t, err)
	if seen.Answer == nil || !strings.HasPrefix(seen.Answer.Content, "✗") {
		t.Errorf("want a refusal: %+v", seen.Answer)
	}
	r.tells("log", "command.refused | vera")
	if strings.Contains(r.story(id), "room.message") {
		t.Error("recorded all the same")
	}
}

func TestThePinRecordsAndEditsAndDeletionsFollow(t *testing.T) {
	r := newRig(t, withContent)
	id := r.incident("inc-0001")
	r.connected()
	joe := r.sim.As("joe")
	m, err := joe.Say(r.soon(), "inc-0001", "volumes do not attach")
	check(t, err)
	check(t, r.sim.As("vera").React(r.soon(), m, pin)) // a viewer's mark records nothing
	check(t, joe.React(r.soon(), m, pin))
	r.eventually("recorded", func() bool { return strings.Contains(r.story(id), "room.message | joe | volumes do not attach") })
	_, err = joe.EditMessage(r.soon(), m, "volumes do not detach")
	check(t, err)
	r.eventually("edited", func() bool { return strings.Contains(r.story(id), "was edited: volumes do not detach") })
	check(t, joe.DeleteMessage(r.soon(), m))
	r.eventually("deleted", func() bool { return strings.Contains(r.story(id), "room.message-deleted") })
	r.tells(id, "room.message | ", "room.message-edited | ", "room.message-deleted | ")
}

func TestWithoutMessageContentThePinPointsToTheMenuOnce(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	joe := r.sim.As("joe")
	for _, text := range []string{"one", "two"} {
		m, err := joe.Say(r.soon(), "inc-0001", text)
		check(t, err)
		check(t, joe.React(r.soon(), m, pin))
	}
	_, err := r.sim.WaitMessage(r.soon(), "inc-0001", func(m *discordtest.Message) bool { return strings.Contains(m.Content, render.MenuAdd) })
	check(t, err)
	r.eventually("quiet", func() bool { return !r.bot.messages.busy() })
	if n := len(r.sim.Messages("inc-0001")); n != 3 {
		t.Errorf("want two messages and one hint, got %d", n)
	}
	if strings.Contains(r.story(id), "room.message") {
		t.Error("an empty message was recorded")
	}
}

func TestWhatHappenedInAnOutageIsFound(t *testing.T) {
	r := newRig(t, withContent)
	id := r.incident("inc-0001")
	r.connected()
	joe := r.sim.As("joe")
	say := func(text string) *discordtest.Message {
		m, err := joe.Say(r.soon(), "inc-0001", text)
		check(t, err)
		return m
	}
	edited, deleted, late := say("will be edited"), say("will be deleted"), say("said before, marked in the outage")
	check(t, joe.React(r.soon(), edited, pin))
	check(t, joe.React(r.soon(), deleted, pin))
	r.eventually("recorded", func() bool { return strings.Count(r.story(id), "room.message | ") == 2 })
	r.stop()
	r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayForget})
	for range 120 {
		say("chatter")
	}
	check(t, joe.React(r.soon(), late, pin))
	check(t, joe.React(r.soon(), say("said and marked in the outage"), pin))
	_, err := joe.EditMessage(r.soon(), edited, "was edited")
	check(t, err)
	check(t, joe.DeleteMessage(r.soon(), deleted))
	r.connected()
	r.tells(id, "said before, marked in the outage", "said and marked in the outage", "room.message-edited | ", "room.message-deleted | ")
	r.stop()
	r.connected() // looked at again, nothing new
	r.tells(id, "room.message-edited | ", "room.message-deleted | ")
}

func TestStaleButtonsAnswerAndRefresh(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	for name, custom := range map[string]string{
		"one of another version": "approve/run/7", "a kept one that is gone": "kept/AAAAAAAAAAAAAAAAAAAAAA", "a command that is gone": "do/node/recycle?incident=INC-1",
	} {
		t.Run(name, func(t *testing.T) {
			m := r.button(custom)
			seen, err := r.sim.As("joe").Click(r.soon(), m, "Press")
			check(t, err)
			if seen.Failed != "" || seen.Answer == nil || !strings.HasPrefix(seen.Answer.Content, "✗") {
				t.Fatalf("want a polite answer: %+v\n%s", seen, r.log)
			}
			select {
			case got := <-r.refreshed:
				if got != id {
					t.Errorf("want %s refreshed, got %s", id, got)
				}
			case <-r.soon().Done():
				t.Error("nothing was refreshed")
			}
		})
	}
}

// button posts a message with one button into the first room.
func (r *rig) button(custom string) *discordtest.Message {
	r.t.Helper()
	_, err := r.bot.rest.CreateMessage(r.soon(), r.sim.Channel("inc-0001").ID, rest.Message{Content: "old", Components: []discordgo.MessageComponent{
		discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.Button{Label: "Press", Style: discordgo.PrimaryButton, CustomID: custom}}}}})
	check(r.t, err)
	all := r.sim.Messages("inc-0001")
	return all[len(all)-1]
}

func TestAButtonAndAFormWorkAfterARestart(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	press, form := r.button("do/incident/ack?incident=INC-1"), r.button("form/incident/note?incident=INC-1")
	r.stop()
	r.connected() // between the message and the click
	joe := r.sim.As("joe")
	seen, err := joe.Click(r.soon(), press, "Press")
	check(t, err)
	if seen.Failed != "" {
		t.Errorf("the button failed: %s", seen.Failed)
	}
	r.tells(id, "incident.acknowledged | joe")
	seen, err = joe.Click(r.soon(), form, "Press")
	check(t, err)
	if seen.Modal == nil {
		t.Fatalf("no form: %+v\n%s", seen, r.log)
	}
	r.stop()
	r.connected() // between the modal and its submit
	seen, err = joe.Submit(r.soon(), seen.Modal, map[string]string{"text": "ticket opened"})
	check(t, err)
	if seen.Failed != "" {
		t.Errorf("the form failed: %s\n%s", seen.Failed, r.log)
	}
	r.tells(id, "note | joe | ticket opened")
}

func TestErasingAMessageDropsItsFiles(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	m, err := r.sim.As("joe").Say(r.soon(), "inc-0001", "the password is in the file", discordtest.File{Name: "dump.txt", Body: []byte("hunter2")})
	check(t, err)
	_, err = r.sim.As("joe").Menu(r.soon(), m, render.MenuAdd)
	check(t, err)
	standing, _, err := r.bot.said(t.Context(), m.ID)
	check(t, err)
	sum := sha256.Sum256([]byte("hunter2"))
	if n, err := room.DropErased(t.Context(), r.store, r.vault); n != 0 || err != nil {
		t.Errorf("dropped before it was erased: %d, %v", n, err)
	}
	_, err = r.desk.Erase(t.Context(), incident.Who{Actor: people.Human("joe")}, []timeline.Ref{standing.Ref}, "held a secret")
	check(t, err)
	if n, err := room.DropErased(t.Context(), r.store, r.vault); n != 1 || err != nil {
		t.Errorf("want one copy dropped, got %d, %v", n, err)
	}
	if _, err := r.vault.Open(hex.EncodeToString(sum[:])); err == nil {
		t.Error("the copy is still there")
	}
	r.tells(id, "out of reach: the message itself at https://discord.com/channels/")
	if story := r.story(id); strings.Contains(story, "password is in") {
		t.Errorf("the text is still there:\n%s", story)
	}
}

func TestAFileThatCannotBeFetchedCostsTheFileAndNotTheText(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	r.bot.hosts = []string{"cdn.discordapp.com"} // as if the link led somewhere else
	m, err := r.sim.As("joe").Say(r.soon(), "inc-0001", "see the graph", discordtest.File{Name: "graph.png", ContentType: "image/png", Body: []byte("PNG")})
	check(t, err)
	seen, err := r.sim.As("joe").Menu(r.soon(), m, render.MenuAdd)
	check(t, err)
	if seen.Answer == nil || !strings.Contains(seen.Answer.Content, "1 of 1 attachments could not be kept") {
		t.Errorf("it does not say so: %+v", seen.Answer)
	}
	r.tells(id, "see the graph", "Attachment graph.png is not kept: its address is not one of Discord's")
}
