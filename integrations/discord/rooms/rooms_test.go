package rooms_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/rooms"
)

func TestANightInARoom(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("PostgreSQL is out of connections", alert.SEV2, "00:25"), note("first"))
	g.happen("00:42", "INC-1", &incident.Acknowledged{}, &incident.Retitled{Title: "a detail"})
	last := g.happen("02:00", "INC-1", resolve, closed)

	ch := g.discord.Channel("inc-0001-postgresql-is-out-of-connections")
	if ch.ID == "" || g.place("INC-1").Channel != ch.ID || ch.Topic == nil || !strings.HasPrefix(*ch.Topic, "INC-1 · wardroom ") {
		t.Fatalf("%+v\n%s", ch, g.picture())
	}
	if got, want := g.refs(ch.ID), "INC-1#1 INC-1#2 INC-1#6 INC-1#14 INC-1#15"; len(strings.Fields(got)) != len(strings.Fields(want)) {
		t.Errorf("posts of %s", got)
	}
	messages := g.discord.Messages(ch.ID)
	if !messages[0].Pinned || messages[0].EditedTimestamp == nil || !strings.Contains(messages[0].Embeds[0].Description, "Closed") {
		t.Error("the first message is not the living one, pinned and up to date\n", g.picture())
	}
	for _, m := range messages[1:] {
		if len(m.Embeds) > 0 && m.Nonce == nil {
			t.Errorf("Discord would not know this post again: %s", m.Text())
		}
	}
	posts := g.told(ch.ID)
	if want := "Head of INC-1: #" + strings.TrimPrefix(last[1].Ref.String(), "INC-1#") + " `" + last[1].Seal.Hash.String() + "`"; !strings.Contains(posts[len(posts)-1], want) {
		t.Errorf("the last post does not tell the head: %s", posts[len(posts)-1])
	}
	if archive := g.discord.Channel("Incidents archive"); ch.ParentID == nil || *ch.ParentID != archive.ID || !g.place("INC-1").Archived {
		t.Error("the room is not in the archive\n", g.picture())
	}
	if got := g.told("incidents"); len(got) != 1 || !strings.Contains(got[0], "No incident is open") {
		t.Errorf("overview: %q", got)
	}
	g.happen("03:00", "INC-1", reopen)
	if ch = g.discord.Channel(ch.ID); *ch.ParentID != g.discord.Channel("Incidents").ID || g.place("INC-1").Archived {
		t.Error("the room did not come back\n", g.picture())
	}
	if got := g.told("incidents"); len(got) != 1 || !strings.Contains(got[0], "<#"+ch.ID+">") {
		t.Errorf("overview: %q", got)
	}
	g.view(func(v timeline.View) error {
		made, err := timeline.DeliveriesOf(v, rooms.PosterName, "INC-1")
		if len(made) != 6 || made[0].External != ch.ID+"/"+messages[2].ID || !strings.HasSuffix(made[0].URL, "/"+made[0].External) {
			t.Errorf("%+v", made)
		}
		return err
	})
	if len(g.failures("INC-1")) > 0 {
		t.Error(g.failures("INC-1"))
	}
}

func TestWhichIncidentsGetARoom(t *testing.T) {
	ack := &incident.Acknowledged{}
	for _, c := range []struct {
		name     string
		payloads []timeline.Payload
		want     bool
	}{
		{"SEV1", []timeline.Payload{declared("x", alert.SEV1, "00:30")}, true},
		{"SEV2", []timeline.Payload{declared("x", alert.SEV2, "00:30")}, true},
		{"SEV3", []timeline.Payload{declared("x", alert.SEV3, "00:30")}, false},
		{"SEV3 acknowledged", []timeline.Payload{declared("x", alert.SEV3, "00:30"), ack}, true},
		{"SEV3 raised", []timeline.Payload{declared("x", alert.SEV3, "00:30"), &incident.SeverityChanged{From: alert.SEV3, To: alert.SEV2}}, true},
		{"SEV4", []timeline.Payload{declared("x", alert.SEV4, "00:30")}, false},
		{"SEV4 acknowledged", []timeline.Payload{declared("x", alert.SEV4, "00:30"), ack}, true},
		{"SEV1 resolved while Discord was away", []timeline.Payload{declared("x", alert.SEV1, "00:30"), resolve}, true},
		{"SEV1 closed before", []timeline.Payload{declared("x", alert.SEV1, "00:30"), resolve, closed}, false},
		{"merged before", []timeline.Payload{declared("x", alert.SEV1, "00:30"), &incident.MergedInto{Into: "INC-2"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, setup{unheld: true})
			g.happen("00:32", "INC-1", c.payloads...)
			if got := g.place("INC-1").Channel != ""; got != c.want {
				t.Errorf("room %t, want %t", got, c.want)
			}
		})
	}
}

func TestWhatHappenedBeforeTheRoomIsOnePost(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("disk fills", alert.SEV3, "00:32"))
	for i := range 5 {
		g.happen("00:33", "INC-1", note("note %d", i))
	}
	g.happen("01:00", "INC-1", &incident.Acknowledged{})
	told := g.told("inc-0001-disk-fills")
	if len(told) != 3 || !strings.Contains(told[1], "note 0") || !strings.Contains(told[1], "note 4") || !strings.Contains(told[2], "Acknowledged") {
		t.Errorf("%q", told)
	}
}

func TestAStaleBacklogIsFoldedAndNothingIsMissing(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("outage of the chat", alert.SEV2, "00:32"))
	g.discord.Down(true)
	for i := range 25 {
		g.record("00:40", "INC-1", note("while it was away %d", i))
	}
	g.settleFor(2 * time.Second)
	g.record("01:20", "INC-1", note("fresh"))
	if err := g.discord.Up(); err != nil {
		t.Fatal(err)
	}
	g.settle()
	told := g.told("inc-0001-outage-of-the-chat")
	if len(told) != 4 {
		t.Fatalf("%d messages: %q", len(told), told)
	}
	for i := range 25 {
		if !strings.Contains(told[2], "while it was away "+string(rune('0'+i%10))) {
			t.Errorf("note %d is missing", i)
		}
	}
	if !strings.Contains(told[3], "fresh") {
		t.Error(told[3])
	}
}

func TestAFullCategoryRollsOver(t *testing.T) {
	g := newRig(t, setup{unheld: true})
	incidents := g.discord.AddChannel("Incidents", discordtest.ChannelCategory, "")
	archive := g.discord.AddChannel("Incidents archive", discordtest.ChannelCategory, "")
	for range 50 {
		g.discord.AddChannel("x", discordtest.ChannelText, incidents)
		g.discord.AddChannel("y", discordtest.ChannelText, archive)
	}
	g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"))
	parent := func() string { return g.discord.Channel(*g.discord.Channel("inc-0001-x").ParentID).Name }
	if parent() != "Incidents 2" {
		t.Error(parent())
	}
	g.happen("00:40", "INC-1", resolve, closed)
	if parent() != "Incidents archive 2" {
		t.Error(parent())
	}
	g.happen("00:50", "INC-1", reopen)
	if parent() != "Incidents 2" {
		t.Error(parent())
	}
}

func TestAFullServerGetsThreads(t *testing.T) {
	g := newRig(t, setup{adjust: func(o *rooms.Options) { o.LockClosed = true }})
	for range 448 {
		g.discord.AddChannel("x", discordtest.ChannelText, "")
	}
	g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32")) // category and channel: 450
	g.happen("00:33", "INC-2", declared("y", alert.SEV2, "00:33"))
	if p := g.place("INC-1"); p.Thread {
		t.Error("a thread too early")
	}
	p := g.place("INC-2")
	if !p.Thread || p.Parent != g.discord.Channel("incidents").ID {
		t.Fatalf("%+v", p)
	}
	if got := g.refs(p.Channel); got != "INC-2#1" || !g.discord.Messages(p.Channel)[0].Pinned {
		t.Error(got)
	}
	g.happen("00:40", "INC-2", resolve, closed)
	if th := g.discord.Channel(p.Channel).Thread; th == nil || !th.Metadata.Archived || !th.Metadata.Locked {
		t.Errorf("%+v", th)
	}
	if !strings.Contains(g.told(p.Channel)[0], "Closed") {
		t.Error("the living message does not tell the end:", g.told(p.Channel)[0])
	}
	g.happen("00:45", "INC-2", note("a thought after the end"))
	if th := g.discord.Channel(p.Channel).Thread; !th.Metadata.Archived || !strings.Contains(g.picture(), "a thought after") {
		t.Errorf("%+v", th)
	}
	g.happen("00:50", "INC-2", reopen)
	if th := g.discord.Channel(p.Channel).Thread; th.Metadata.Archived || th.Metadata.Locked {
		t.Errorf("%+v", th)
	}
}

func TestAPrivateRoomShowsToThoseNamedAndAClosedOneTakesNoWords(t *testing.T) {
	var viewers string
	g := newRig(t, setup{adjust: func(o *rooms.Options) {
		o.Private, o.LockClosed, o.Viewers = true, true, []string{"7000000000000000007"}
	}})
	g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"))
	state := func() (hidden, quiet bool) {
		viewers = ""
		for _, o := range g.discord.Channel("inc-0001-x").PermissionOverwrites {
			switch {
			case o.ID == g.discord.GuildID():
				hidden, quiet = o.Deny&discordtest.ViewChannel != 0, o.Deny&discordtest.SendMessages != 0
			case o.Allow&discordtest.ViewChannel != 0:
				viewers += o.ID + " "
			}
		}
		return hidden, quiet
	}
	if hidden, quiet := state(); !hidden || quiet || viewers != "7000000000000000007 "+g.discord.BotID()+" " {
		t.Error(hidden, quiet, viewers)
	}
	g.happen("00:40", "INC-1", resolve, closed)
	if hidden, quiet := state(); !hidden || !quiet {
		t.Error("closed:", hidden, quiet, viewers)
	}
	g.happen("00:50", "INC-1", reopen)
	if hidden, quiet := state(); !hidden || quiet {
		t.Error("reopened:", hidden, quiet, viewers)
	}
}

func TestWhatIsErasedLeavesTheRoom(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("token hunter2 leaked", alert.SEV3, "00:32"))
	folded := g.happen("00:33", "INC-1", note("folded hunter2"), note("stays in the fold"))
	g.happen("00:50", "INC-1", &incident.Acknowledged{})
	single := g.happen("00:51", "INC-1", note("alone hunter2"))
	if room := g.discord.Channel("inc-0001-token-hunter2-leaked"); room.ID == "" {
		t.Fatal(g.picture())
	}
	refs := []timeline.Ref{{Timeline: "INC-1", Seq: 1}, folded[0].Ref, single[0].Ref}
	_, err := g.db.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: "INC-1", Payload: &timeline.Erasure{Refs: refs, Reason: "a token"},
			Effects: timeline.Effects{Erase: refs}}, {Timeline: "INC-1", Payload: &incident.Restated{Incident: incident.Incident{
			ID: "INC-1", Number: 1, Title: "[erased]", Severity: alert.SEV3, Status: incident.Investigating, StartedAt: at("00:32"), AcknowledgedAt: at("00:50"),
			Declared: refs[0]}}}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g.settle()
	if all := g.picture(); strings.Contains(all, "hunter2") || !strings.Contains(all, "stays in the fold") || !strings.Contains(all, "What stood here was erased") {
		t.Error(all)
	}
	if g.discord.Channel("inc-0001").ID != g.place("INC-1").Channel {
		t.Error("the title still stands in the channel's name")
	}
}

// The post that asks for an approval shows a plan that is an entry of its own.
func TestAnErasedPlanLeavesTheRoom(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("one", alert.SEV2, "00:32"))
	const run = remediation.RunID("INC-1/run-1")
	plan := remediation.Plan{Remediation: "node-recycle", Tier: remediation.Disruptive, Steps: []remediation.PlannedStep{{Name: "a", Words: "run it with hunter2"}}}
	about := timeline.Effects{Clear: []string{string(run) + "/about"}}
	draft := func(p timeline.Payload) timeline.Draft {
		return timeline.Draft{Timeline: "INC-1", Actor: people.Human("joe"), Payload: p, Effects: about}
	}
	made, err := g.db.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{draft(&remediation.RunPlanned{Run: run, Plan: plan, Hash: plan.Hash()}),
			draft(&remediation.RunRequested{Run: run, Title: plan.Title(), Tier: plan.Tier, Hash: plan.Hash()})}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g.settle()
	if all := g.picture(); strings.Count(all, "hunter2") != 1 || strings.Count(all, "node-recycle") != 2 {
		t.Fatalf("the plan is not told:\n%s", all)
	}
	refs := []timeline.Ref{made[0].Ref}
	_, err = g.db.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: "INC-1", Payload: &timeline.Erasure{Refs: refs, Reason: "a token"}, Effects: timeline.Effects{Erase: refs}}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g.settle()
	if all := g.picture(); strings.Contains(all, "hunter2") || !strings.Contains(all, "What stood here was erased") {
		t.Error(all)
	}
}

func TestAMergedRoomPointsOnward(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("one", alert.SEV2, "00:32"))
	g.happen("00:33", "INC-2", declared("two", alert.SEV2, "00:33"))
	g.happen("00:40", "INC-2", &incident.MergedInto{Into: "INC-1"})
	told := g.told("inc-0002-two")
	if want := "It goes on in INC-1: <#" + g.place("INC-1").Channel + ">"; !strings.Contains(told[len(told)-1], want) {
		t.Errorf("%q, want %s", told, want)
	}
	if !g.place("INC-2").Archived || g.place("INC-1").Archived {
		t.Error("not the merged room alone is put away")
	}
}

func TestADeletedRoomIsOpenedAnew(t *testing.T) {
	for _, c := range []struct {
		name string
		next timeline.Payload
		refs int
	}{
		{"by the next post", note("three"), 4},
		{"by the living message", &incident.Retitled{Title: "y"}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, setup{})
			g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"), note("one"), note("two"))
			old := g.place("INC-1").Channel
			g.discord.DeleteChannel("inc-0001-x")
			g.happen("00:40", "INC-1", c.next)
			p := g.place("INC-1")
			if p.Channel == old || p.Again == "" || p.Archived {
				t.Fatalf("%+v", p)
			}
			told := g.told(p.Channel)
			all := strings.Join(told, "\n")
			if !strings.HasPrefix(told[0], "📌") || !strings.Contains(told[1], "replaces one that was deleted") ||
				strings.Count(all, "Incident declared") != 1 || strings.Count(all, "two") != 1 {
				t.Errorf("%q", told)
			}
			g.happen("00:50", "INC-1", note("four"))
			if told = g.told(p.Channel); !strings.Contains(told[len(told)-1], "four") || strings.Count(strings.Join(told, "\n"), "replaces one") != 1 {
				t.Errorf("%q", told)
			}
		})
	}
}

func TestADeletedRoomThatNobodyNeedsStaysDeleted(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"))
	g.happen("00:40", "INC-1", resolve, closed)
	g.discord.DeleteChannel("inc-0001-x")
	g.happen("00:50", "INC-1", note("a thought"))
	if g.discord.Channel("inc-0001-x").ID != "" {
		t.Error("it was made again")
	}
	if f := g.failures("INC-1"); len(f) != 1 || !strings.Contains(f[0], "deleted") {
		t.Errorf("%q", f)
	}
}

func TestTheLivingMessageComesBack(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(g *rig, channel, message string)
	}{
		{"deleted", func(g *rig, channel, message string) {
			if err := g.rest.DeleteMessage(g.t.Context(), channel, message, ""); err != nil {
				g.t.Fatal(err)
			}
		}},
		{"too old to be edited", func(g *rig, _, message string) {
			g.discord.Fault(discordtest.Fault{Method: "PATCH", Path: "/channels/*/messages/" + message, Times: 1, Status: 400,
				Body: `{"code": 30046, "message": "Maximum number of edits to messages older than 1 hour reached."}`})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, setup{unheld: true})
			g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"))
			room := g.place("INC-1").Channel
			first := g.discord.Messages(room)[0].ID
			c.harm(g, room, first)
			g.happen("02:40", "INC-1", &incident.Acknowledged{})
			pinned := g.discord.Pinned(room)
			living := slices.DeleteFunc(g.told(room), func(s string) bool { return !strings.Contains(s, "began 2021") })
			if len(pinned) != 1 || len(living) != 1 || pinned[0].ID == first || !strings.Contains(living[0], "joe") {
				t.Errorf("%d pinned, living: %q\n%s", len(pinned), living, g.picture())
			}
		})
	}
}

func TestAMissingPermissionIsSaidOnceAndHealsWhenGiven(t *testing.T) {
	most := discordtest.ManageChannels | discordtest.ViewChannel | discordtest.SendMessages | discordtest.EmbedLinks |
		discordtest.ReadMessageHistory | discordtest.PinMessages | discordtest.SendMessagesInThreads
	g := newRig(t, setup{discord: discordtest.Options{Permissions: most &^ discordtest.ManageChannels}})
	g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"))
	g.happen("00:40", "INC-1", note("one"))
	if f := g.failures("INC-1"); len(f) != 1 || !strings.Contains(f[0], "Manage Channels") || !strings.Contains(f[0], "INC-1") || strings.Contains(f[0], "POST") {
		t.Errorf("%q", f)
	}
	g.discord.SetPermissions(most)
	g.settle()
	g.runtime.Retry(rooms.PosterName, rooms.LivingName, rooms.OverviewName)
	g.settle()
	if got := strings.Join(g.told("inc-0001-x"), "\n"); !strings.Contains(got, "one") || strings.Count(got, "Incident declared") != 1 {
		t.Errorf("%q", got)
	}
}

func TestTheLivingMessageIsPinnedOnceThatIsAllowed(t *testing.T) {
	most := discordtest.ManageChannels | discordtest.ViewChannel | discordtest.SendMessages | discordtest.EmbedLinks |
		discordtest.ReadMessageHistory | discordtest.PinMessages | discordtest.SendMessagesInThreads
	g := newRig(t, setup{discord: discordtest.Options{Permissions: most &^ discordtest.PinMessages}})
	g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"))
	g.happen("00:40", "INC-1", note("one"))
	room := g.place("INC-1").Channel
	if f := g.failures("INC-1"); len(f) != 1 || !strings.Contains(f[0], "Pin Messages") || len(g.discord.Pinned(room)) != 0 {
		t.Fatalf("%q\n%s", f, g.picture())
	}
	g.discord.SetPermissions(most)
	g.happen("00:50", "INC-1", &incident.Acknowledged{})
	if pinned := g.discord.Pinned(room); len(pinned) != 1 || !strings.Contains(pinned[0].Embeds[0].Description, "is on it") {
		t.Errorf("not pinned although it may be\n%s", g.picture())
	}
	pins := g.discord.Requests()["PUT 204"]
	g.happen("01:00", "INC-1", note("two"), &incident.Retitled{Title: "y"})
	if more := g.discord.Requests()["PUT 204"] - pins; more != 0 {
		t.Errorf("pinned %d times more", more)
	}
}

func TestRateLimitsDelayAndLoseNothing(t *testing.T) {
	g := newRig(t, setup{discord: discordtest.Options{Limits: discordtest.DefaultLimits()}})
	payloads := []timeline.Payload{declared("x", alert.SEV2, "00:32")}
	for i := range 18 {
		payloads = append(payloads, note("note %d", i))
	}
	g.happen("00:32", "INC-1", payloads...)
	if got := strings.Fields(g.refs("inc-0001-x")); len(got) != 19 || slices.Compact(got)[18] != got[18] {
		t.Errorf("%d posts: %v", len(got), got)
	}
	if limited := g.discord.Requests()["POST 429"]; limited > 3 {
		t.Errorf("ran into the limit %d times although the headers tell it", limited)
	}
}

func TestTenMinutesOnOneRouteDelayNoOther(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"))
	g.happen("00:50", "INC-2", declared("y", alert.SEV2, "00:50"))
	posts := "/channels/" + g.place("INC-1").Channel + "/messages"
	g.discord.Fault(discordtest.Fault{Method: "POST", Path: posts, Times: 1, RetryAfter: 10 * time.Minute, Scope: "user"})
	g.record("01:10", "INC-1", note("held up"), &incident.SeverityChanged{From: alert.SEV2, To: alert.SEV1})
	g.record("01:10", "INC-2", note("in time"))
	g.settleFor(time.Minute)
	told := func(text string) int { return strings.Count(g.picture(), text) }
	for what, n := range map[string]int{"post in another room": told("in time"), "living message of the same room": told("INC-1 SEV1"), "overview": told("**SEV1**")} {
		if n != 1 {
			t.Errorf("%s: there %d times\n%s", what, n, g.picture())
		}
	}
	if told("held up") != 0 {
		t.Error("it was posted although Discord said when")
	}
	g.record("01:15", "INC-1", note("behind it"))
	g.settleFor(4 * time.Minute)
	if n := g.discord.Requests()["POST 429"]; n != 1 || told("behind it") != 0 {
		t.Errorf("asked %d times before the ten minutes were over", n)
	}
	g.clock.MoveTo(at("01:20"))
	g.settleFor(time.Minute)
	if got := strings.Fields(g.refs(g.place("INC-1").Channel)); len(got) != 4 || told("held up") != 1 || told("behind it") != 1 {
		t.Errorf("after ten minutes: %v\n%s", got, g.picture())
	}
}

func TestUnchangedContentIsNotSentAgain(t *testing.T) {
	g := newRig(t, setup{})
	g.happen("00:32", "INC-1", declared("x", alert.SEV2, "00:32"))
	before := g.discord.Requests()["PATCH 200"]
	g.happen("00:40", "INC-1", note("changes nothing above"))
	g.stop()
	g.start()
	g.settle()
	if after := g.discord.Requests()["PATCH 200"]; after != before {
		t.Errorf("%d edits", after-before)
	}
}
