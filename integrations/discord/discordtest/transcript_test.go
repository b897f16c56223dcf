package discordtest_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"wardroom/integrations/discord/discordtest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestTranscriptShowsWhatDiscordHolds(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, discordtest.Options{Now: c.now, People: []string{"joe", "chris"}, Limits: discordtest.NoLimits})
	a := api{t, s}
	category := s.AddChannel("Incidents", discordtest.ChannelCategory, "")
	room := "/channels/" + s.AddChannel("inc-0007-redis", discordtest.ChannelText, category)
	a.ok("PATCH", room, obj{"topic": "Redis is offline, since <t:1625963400:t>"})
	m := a.ok("POST", room+"/messages", obj{"content": "<@" + s.UserID("joe") + "> you are on call", "allowed_mentions": obj{"users": []string{s.UserID("joe")}},
		"embeds": []obj{{"title": "INC-7", "description": "two\nlines", "fields": []obj{{"name": "Lead", "value": "nobody"}}, "footer": obj{"text": "INC-7#1"}}},
		"components": []obj{
			{"type": 1, "components": []obj{{"type": 2, "style": 1, "label": "Acknowledge", "custom_id": "a"}, {"type": 2, "style": 2, "label": "Lead", "custom_id": "l", "disabled": true}, {"type": 2, "style": 5, "label": "Page", "url": "https://example.org"}}},
			{"type": 1, "components": []obj{{"type": 3, "custom_id": "s", "placeholder": "Severity", "options": []obj{{"label": "SEV1", "value": "1"}, {"label": "SEV2", "value": "2", "default": true}}}}},
		}}).id(t)
	a.ok("PUT", room+"/messages/pins/"+m, nil)
	c.pass(90 * time.Second)
	said, err := s.As("joe").Say(ctx(t), "inc-0007-redis", "looking, see <#"+s.Channel("general").ID+">", discordtest.File{Name: "top.txt", Body: []byte("load 9")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.As("joe").EditMessage(ctx(t), said, "looking"); err != nil {
		t.Fatal(err)
	}
	if err := s.As("chris").React(ctx(t), said, "📌"); err != nil {
		t.Fatal(err)
	}
	c.pass(24 * time.Hour)
	th := a.ok("POST", room+"/threads", obj{"name": "inc-0008", "type": 11}).id(t)
	a.ok("POST", "/channels/"+th+"/messages", obj{"content": "in the thread"})
	a.ok("PATCH", "/channels/"+th, obj{"archived": true})
	const golden = "testdata/transcript.txt"
	got := s.Transcript()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
