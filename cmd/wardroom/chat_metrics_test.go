package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/rest"
	"wardroom/integrations/web"
)

// TestDiscordIsMeasured asks a simulated Discord for something, is turned away by a
// limit, and reads what a scrape shows of it.
func TestDiscordIsMeasured(t *testing.T) {
	sim, err := discordtest.New(discordtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	info := sim.Info()
	m := newChatMetrics()
	client := rest.New(rest.Options{Token: info.Token, Base: info.URL + "/api/v10", Clock: timeline.RealClock{}, Log: shellLog(), Metrics: m})
	bot, err := discord.New(discord.Options{Token: info.Token, Guild: info.Guild, Rest: client, Clock: timeline.RealClock{}})
	if err != nil {
		t.Fatal(err)
	}
	on := web.NewMetrics("test")
	if err := m.register(on, client, bot); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	sim.Fault(discordtest.Fault{RetryAfter: 10 * time.Minute, Scope: "shared"})
	for range 2 { // the second is not even sent
		if _, err := client.GuildChannels(t.Context(), info.Guild); err == nil {
			t.Fatal("a limit of ten minutes is over at once")
		}
	}
	front, err := web.New(web.Options{Metrics: on})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	front.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	shown := rec.Body.String()
	for _, want := range []string{
		`wardroom_discord_requests_total{code="200",route="GET /users/@me"} 1`,
		`wardroom_discord_requests_total{code="429",route="GET /guilds/{id}/channels"} 1`,
		`wardroom_discord_limited_total{route="GET /guilds/{id}/channels",scope="shared"} 1`,
		`wardroom_discord_delayed_total{how="sent_away",route="GET /guilds/{id}/channels"} 1`,
		`wardroom_discord_request_seconds_count 2`,
		`wardroom_discord_connected 0`,
		`wardroom_discord_api_up 1`,
	} {
		if !strings.Contains(shown, want+"\n") {
			t.Errorf("%s is not shown:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, `how="waited"`) {
		t.Error("a request that nothing held up counts as one that waited")
	}
}
