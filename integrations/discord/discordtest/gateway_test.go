package discordtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/integrations/discord/discordtest"
)

const plain = discordgo.IntentsGuilds | discordgo.IntentsGuildMessages | discordgo.IntentsGuildMessageReactions

func TestDiscordgoOpensAndHearsWhatPeopleSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		granted int
		asked   discordgo.Intent
		want    string
	}{
		{"blank without the intent", 0, plain, ""},
		{"blank when granted and not asked for", discordtest.IntentContent, plain, ""},
		{"full with it", discordtest.IntentContent, plain | discordgo.IntentsMessageContent, "python is offline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, discordtest.Options{Intents: c.granted})
			d := session(t, s, c.asked)
			heard := make(chan *discordgo.Message, 1)
			d.AddHandler(func(_ *discordgo.Session, m *discordgo.MessageCreate) { heard <- m.Message })
			open(t, s, d)
			said, err := s.As("joe").Say(ctx(t), "general", "python is offline")
			if err != nil {
				t.Fatal(err)
			}
			m := <-heard
			if m.ID != said.ID || m.Content != c.want || m.Author.Username != "joe" || m.GuildID != s.GuildID() {
				t.Errorf("heard %+v", m)
			}
			if g, err := d.State.Guild(s.GuildID()); err != nil || len(g.Channels) != 1 || g.Name != "Simulated" {
				t.Errorf("guild %+v, %v", g, err)
			}
		})
	}
}

func TestMentionOfTheBotIsNeverBlank(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	if _, err := s.As("joe").Say(ctx(t), "general", "<@"+s.BotID()+"> help"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.As("joe").Say(ctx(t), "general", "secret"); err != nil {
		t.Fatal(err)
	}
	body := string(api{t, s}.ok("GET", "/channels/"+s.Channel("general").ID+"/messages", nil).body)
	if !strings.Contains(body, "help") || strings.Contains(body, "secret") {
		t.Errorf("listed: %s", body)
	}
}

func TestDiscordgoResumesAndGetsWhatItMissed(t *testing.T) {
	t.Parallel()
	for _, fault := range []discordtest.GatewayFault{
		{Do: discordtest.GatewayDrop}, {Do: discordtest.GatewayReconnect}, {Do: discordtest.GatewayClose, Code: 4000},
	} {
		t.Run(string(fault.Do), func(t *testing.T) {
			t.Parallel()
			s := start(t, discordtest.Options{Intents: discordtest.IntentContent})
			d := session(t, s, plain|discordgo.IntentsMessageContent)
			heard := make(chan string, 9)
			d.AddHandler(func(_ *discordgo.Session, m *discordgo.MessageCreate) { heard <- m.Content })
			open(t, s, d)
			s.Gateway(fault)
			if err := s.Wait(ctx(t), func() bool { _, _, n := s.Sessions(); return n == 0 }); err != nil && fault.Do != discordtest.GatewayReconnect {
				t.Fatal(err)
			}
			for _, text := range []string{"one", "two"} {
				if _, err := s.As("joe").Say(ctx(t), "general", text); err != nil {
					t.Fatal(err)
				}
			}
			if a, b := <-heard, <-heard; a != "one" || b != "two" {
				t.Errorf("heard %q, %q", a, b)
			}
			if err := s.Wait(ctx(t), func() bool { _, n, _ := s.Sessions(); return n == 1 }); err != nil {
				t.Error("no RESUME:", err)
			}
		})
	}
}

func TestSessionThatIsForgottenIdentifiesAnew(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	d := session(t, s, plain)
	open(t, s, d)
	s.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayForget})
	s.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayDrop})
	if err := s.Wait(ctx(t), func() bool { n, _, _ := s.Sessions(); return n == 2 }); err != nil {
		t.Fatal(err)
	}
}

func TestOpenIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		intent discordgo.Intent
		token  string
		code   string
		fault  int
	}{
		{"for an intent that is not granted", plain | discordgo.IntentsMessageContent, "", "4014", 0},
		{"for a wrong token", plain, "wrong", "4004", 0},
		{"for an intent that does not exist", 1 << 30, "", "4013", 0},
		{"as scripted", plain, "", "4011", 4011},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, discordtest.Options{})
			d := session(t, s, c.intent)
			if c.token != "" {
				d.Identify.Token = "Bot " + c.token
			}
			if c.fault != 0 {
				s.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayRefuse, Code: c.fault})
			}
			if err := d.Open(); err == nil || !strings.Contains(err.Error(), c.code) {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

func TestOpenHangsWhenOp7ComesFirst(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	s.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayFirst, Code: 7})
	d := session(t, s, plain)
	opened := make(chan error, 1)
	go func() { opened <- d.Open() }()
	if err := s.Wait(ctx(t), func() bool { n, _, _ := s.Sessions(); return n == 1 }); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-opened:
		t.Errorf("Open returned %v: this library is mended, the watchdog can go", err)
	case <-time.After(300 * time.Millisecond):
	}
}

func TestGarbageHurtsNoSession(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{Intents: discordtest.IntentContent})
	d := session(t, s, plain|discordgo.IntentsMessageContent)
	heard := make(chan string, 9)
	d.AddHandler(func(_ *discordgo.Session, m *discordgo.MessageCreate) { heard <- m.Content })
	open(t, s, d)
	s.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayGarbage})
	if _, err := s.As("joe").Say(ctx(t), "general", "still here"); err != nil {
		t.Fatal(err)
	}
	for text := range heard {
		if text == "still here" { // what could not be read comes as an empty message before it
			return
		}
	}
}

func TestSilentDeathSendsNothingMore(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{Heartbeat: 20 * time.Millisecond})
	d := session(t, s, plain)
	open(t, s, d)
	s.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayMute})
	if err := s.Wait(ctx(t), func() bool { _, _, n := s.Sessions(); return n == 0 }); err != nil {
		t.Fatal(err)
	}
	s.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayUnmute})
	// five missed ACKs later discordgo comes back by itself and resumes
	if err := s.Wait(ctx(t), func() bool { _, n, _ := s.Sessions(); return n == 1 }); err != nil {
		t.Error("no RESUME:", err)
	}
}

func TestWhatHappensIsDispatched(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{Intents: discordtest.IntentMembers})
	d := session(t, s, plain|discordgo.IntentsGuildMembers)
	got := make(chan string, 99)
	d.AddHandler(func(_ *discordgo.Session, e *discordgo.Event) {
		if e.Type != "" {
			got <- e.Type
		}
	})
	open(t, s, d)
	a, joe := api{t, s}, s.As("joe")
	m, err := joe.Say(ctx(t), "general", "hello")
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error { _, err := joe.EditMessage(ctx(t), m, "hello again"); return err },
		func() error { return joe.React(ctx(t), m, "📌") },
		func() error { return joe.Unreact(ctx(t), m, "📌") },
		func() error { return joe.DeleteMessage(ctx(t), m) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	room := "/channels/" + a.ok("POST", "/guilds/"+s.GuildID()+"/channels", obj{"name": "x"}).id(t)
	a.ok("PATCH", room, obj{"topic": "y"})
	thread := "/channels/" + a.ok("POST", room+"/threads", obj{"name": "z", "type": 12}).id(t)
	a.ok("PATCH", thread, obj{"archived": true})
	a.ok("POST", thread+"/messages", obj{"content": "opens it again"})
	a.ok("DELETE", thread, nil)
	a.ok("DELETE", room, nil)
	s.SetNick("joe", "Joe")
	for _, want := range strings.Fields(`READY GUILD_CREATE MESSAGE_CREATE MESSAGE_UPDATE MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE MESSAGE_DELETE
		CHANNEL_CREATE CHANNEL_UPDATE THREAD_CREATE THREAD_UPDATE THREAD_UPDATE MESSAGE_CREATE THREAD_DELETE CHANNEL_DELETE GUILD_MEMBER_UPDATE`) {
		if e := <-got; e != want {
			t.Fatalf("%s came, not %s", e, want)
		}
	}
}
