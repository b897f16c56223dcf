package discord

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
)

// surfaces runs a test with interactions over the gateway, and over HTTP.
func surfaces(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Run("over the gateway", func(t *testing.T) {
		r := newRig(t, discordtest.Options{})
		r.connected()
		test(t, r)
	})
	t.Run("over HTTP", func(t *testing.T) {
		r := newRig(t, discordtest.Options{})
		r.connected()
		front := httptest.NewServer(r.bot.Interactions())
		t.Cleanup(front.Close)
		check(t, r.sim.SetInteractionsURL(r.soon(), front.URL))
		test(t, r)
	})
}

func TestACommandInARoomIsDoneAndAnsweredToItsAskerAlone(t *testing.T) {
	surfaces(t, func(t *testing.T, r *rig) {
		id := r.incident("inc-0001")
		seen, err := r.sim.As("joe").Slash(r.soon(), "inc-0001", "/incident ack")
		check(t, err)
		if seen.Answer == nil || seen.Failed != "" {
			t.Fatalf("no answer: %+v\n%s", seen, r.log)
		}
		if n := len(r.sim.Messages("inc-0001")); n != 0 {
			t.Errorf("the receipt is seen by everybody: %d messages", n)
		}
		r.tells(id, "incident.acknowledged | joe")
	})
}

// slowly asks for what takes long, and returns once the answer is promised. The
// function that comes back waits for the end of it.
func (r *rig) slowly(line string) func() discordtest.Seen {
	r.t.Helper()
	type result struct {
		seen discordtest.Seen
		err  error
	}
	done := make(chan result, 1)
	ctx := r.soon()
	go func() {
		seen, err := r.sim.As("joe").Slash(ctx, "general", line)
		done <- result{seen, err}
	}()
	r.eventually("promised", func() bool {
		seen, err := r.sim.As("joe").Sees(ctx, "general")
		return err == nil && len(seen) > 0 && seen[len(seen)-1].Thinking() && r.scratchKeys(pendingPrefix) == 1
	})
	return func() discordtest.Seen {
		o := <-done
		check(r.t, o.err)
		return o.seen
	}
}

func TestAWorkThatTakesAMinuteIsAnsweredInTimeAndLater(t *testing.T) {
	surfaces(t, func(t *testing.T, r *rig) {
		wait := r.slowly("/slow")
		r.clock.MoveTo(night.Add(time.Minute))
		close(r.slow)
		seen := wait()
		if seen.Answer == nil || !strings.Contains(seen.Answer.Content, "done") || seen.Failed != "" {
			t.Fatalf("not answered: %+v\n%s", seen, r.log)
		}
		r.eventually("nothing is owed", func() bool { return r.scratchKeys(pendingPrefix) == 0 })
	})
}

func TestAfterTheTokensEndTheAnswerIsAMessageOfItsOwn(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	r.slowly("/slow")
	r.clock.MoveTo(night.Add(16 * time.Minute))
	close(r.slow)
	_, err := r.sim.WaitMessage(r.soon(), "general", func(m *discordtest.Message) bool {
		return strings.Contains(m.Content, "done") && strings.Contains(m.Content, "To `/slow` by joe")
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, r.log)
	}
}

func TestAPrivateAnswerNeverEndsUpInTheRoom(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	r.slowly("/secret")
	r.clock.MoveTo(night.Add(16 * time.Minute))
	close(r.slow)
	r.eventually("delivered", func() bool { return r.bot.flight.n.Load() == 0 })
	for _, m := range r.sim.Messages("general") {
		if strings.Contains(m.Content, "done") {
			t.Errorf("everybody reads it: %q", m.Content)
		}
	}
}

func TestARestartBetweenClickAndAnswerTellsWhatCameOfIt(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	wait := r.slowly("/slow")
	r.stop()
	r.begin()
	if seen := wait(); seen.Answer == nil || !strings.Contains(seen.Answer.Content, "already taken up") {
		t.Fatalf("not answered after the restart: %+v\n%s", seen, r.log)
	}
	r.eventually("nothing is owed", func() bool { return r.scratchKeys(pendingPrefix) == 0 })
}

func TestAnInteractionThatIsDeliveredTwiceCountsOnce(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	raw := []byte(`{"id":"900","application_id":"` + r.sim.ApplicationID() + `","type":2,"token":"tok","version":1,"guild_id":"` + r.sim.GuildID() +
		`","channel_id":"` + r.sim.Channel("inc-0001").ID + `","member":{"user":{"id":"` + r.sim.UserID("joe") + `","username":"joe"}},
		"data":{"id":"1","type":1,"name":"incident","options":[{"type":1,"name":"note","options":[{"type":3,"name":"text","value":"once"}]}]}}`)
	for range 2 {
		i, err := decodeInteraction(raw)
		check(t, err)
		r.bot.patience.give = 0
		r.bot.interact(t.Context(), i, nil)
	}
	r.tells(id, "note | joe | once")
}

func TestAStrangerIsRefusedAndNamedByDiscord(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	r.sim.SetNick("stranger", "Jo\u202ee @everyone")
	seen, err := r.sim.As("stranger").Slash(r.soon(), "inc-0001", "/incident ack")
	check(t, err)
	if seen.Answer == nil || !strings.HasPrefix(seen.Answer.Content, "✗") {
		t.Errorf("want a refusal, got %+v", seen.Answer)
	}
	r.tells(id, "command.refused | discord:"+r.sim.UserID("stranger")+" Joe @everyone")
}

func TestAPanicIsAnswered(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	seen, err := r.sim.As("joe").Slash(r.soon(), "general", "/broken")
	check(t, err)
	if seen.Answer == nil || !strings.Contains(seen.Answer.Content, "nternal error") {
		t.Errorf("want an internal error, got %+v", seen)
	}
}

func TestAutocompleteProposes(t *testing.T) {
	surfaces(t, func(t *testing.T, r *rig) {
		id := r.incident("inc-0001")
		seen, err := r.sim.As("joe").Autocomplete(r.soon(), "general", "/incident show incident:I")
		check(t, err)
		if len(seen.Choices) != 1 || seen.Choices[0].Value != string(id) {
			t.Errorf("want %s, got %+v", id, seen.Choices)
		}
		seen, err = r.sim.As("stranger").Autocomplete(r.soon(), "general", "/incident show incident:I")
		check(t, err)
		if len(seen.Choices) != 0 || seen.Failed != "" {
			t.Errorf("a stranger is proposed %+v %s", seen.Choices, seen.Failed)
		}
	})
}

func TestTheFirstAnswerIsTriedAgainWithinItsThreeSeconds(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	r.sim.Fault(discordtest.Fault{Method: "POST", Path: "/interactions/*/*/callback", Status: 502, Times: 1})
	seen, err := r.sim.As("joe").Slash(r.soon(), "general", "/incident list")
	check(t, err)
	if seen.Failed != "" {
		t.Errorf("one 502, and the interaction failed: %s", seen.Failed)
	}
}

func TestWhatCannotBeAcknowledgedIsToldInTheChannel(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.incident("inc-0001")
	r.connected()
	r.bot.patience.ack = 200 * time.Millisecond
	r.sim.Fault(discordtest.Fault{Method: "POST", Path: "/interactions/*/*/callback", Slow: 4 * time.Second})
	_, err := r.sim.As("joe").Slash(r.soon(), "inc-0001", "/incident ack")
	check(t, err)
	_, err = r.sim.WaitMessage(r.soon(), "inc-0001", func(m *discordtest.Message) bool { return strings.Contains(m.Content, "/incident ack") })
	if err != nil {
		t.Fatalf("%v\n%s", err, r.log)
	}
}

func TestUnsignedStaleAndHugeRequestsAreRefused(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	for name, c := range map[string]struct {
		body, stamp string
		want        int
	}{
		"unsigned": {`{"type":1}`, "1625964120", 401},
		"huge":     {strings.Repeat(" ", maxInteraction+1), "1625964120", 413},
		"old":      {`{"type":1}`, "1", 401},
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequestWithContext(context.Background(), "POST", "/discord/interactions", strings.NewReader(c.body))
			req.Header.Set("X-Signature-Timestamp", c.stamp)
			req.Header.Set("X-Signature-Ed25519", strings.Repeat("0", 128))
			w := httptest.NewRecorder()
			r.bot.Interactions().ServeHTTP(w, req)
			if w.Code != c.want {
				t.Errorf("want %d, got %d", c.want, w.Code)
			}
		})
	}
}

func TestADeclarationSomewhereElseLeadsIntoTheRoom(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	seen, err := r.sim.As("joe").Slash(r.soon(), "general", "/incident declare title:The site is down")
	check(t, err)
	if seen.Answer == nil || !strings.Contains(seen.Answer.Content, "INC-1 is open") {
		t.Fatalf("not declared for everybody to see: %+v", seen)
	}
	channel := r.sim.AddChannel("inc-0001", discordtest.ChannelText, "")
	_, err = r.store.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: "INC-1", Payload: &room.Opened{Place: room.Place{Chat: chat, Channel: channel}}}}}, nil
	})
	check(t, err)
	_, err = r.sim.WaitMessage(r.soon(), "general", func(m *discordtest.Message) bool { return strings.Contains(m.Content, "<#"+channel+">") })
	check(t, err)
}

func TestAFormWithChoicesIsFilledAcrossARestart(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	id := r.incident("inc-0001")
	r.connected()
	joe := r.sim.As("joe")
	seen, err := joe.Click(r.soon(), r.button("form/incident/severity?incident=INC-1"), "Press")
	check(t, err)
	if seen.Answer == nil {
		t.Fatalf("no form: %+v\n%s", seen, r.log)
	}
	form := seen.Answer
	_, err = joe.Choose(r.soon(), form, "", "SEV1")
	check(t, err)
	r.stop()
	r.connected()
	for _, label := range []string{"Next", "Send"} {
		if seen, err = joe.Click(r.soon(), form, label); err == nil {
			break
		}
	}
	if seen.Modal != nil {
		seen, err = joe.Submit(r.soon(), seen.Modal, nil)
	}
	if err != nil || seen.Failed != "" {
		t.Fatalf("not sent: %v %+v\n%s", err, seen, r.log)
	}
	r.tells(id, "incident.severity | joe | Severity changed from SEV2 to SEV1")
}

func TestAnOutageBetweenClickAndAnswerOnlyDelaysTheAnswer(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.pace.first, r.pace.most = time.Second, time.Second
	r.connected()
	wait := r.slowly("/slow")
	r.sim.Down(true)
	close(r.slow)
	r.eventually("waits, and holds up nobody", func() bool {
		due, waits := r.bot.NextDue()
		return !waits || due.After(r.clock.Now())
	})
	check(t, r.sim.Up())
	r.eventually("answered", func() bool {
		r.clock.MoveTo(r.clock.Now().Add(time.Second))
		return r.scratchKeys(pendingPrefix) == 0
	})
	if seen := wait(); seen.Answer == nil || !strings.Contains(seen.Answer.Content, "done") {
		t.Errorf("not answered: %+v\n%s", seen, r.log)
	}
}
