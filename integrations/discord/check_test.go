package discord

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/timeline"
	"wardroom/bot/watch"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/rest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestChecksNameWhatIsInTheWay is what `wardroom check` says, in testdata/checks.txt.
func TestChecksNameWhatIsInTheWay(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct {
		name    string
		options discordtest.Options
		world   func(r *rig)
	}{
		{"all is well", discordtest.Options{Permissions: discordtest.Permission(Permissions), Intents: discordtest.IntentContent}, func(r *rig) {
			r.sim.AddChannel("Incidents", discordtest.ChannelCategory, "")
		}},
		{"nothing is given", discordtest.Options{Permissions: discordtest.ViewChannel}, func(*rig) {}},
		{"overwrites are in the way", discordtest.Options{Permissions: discordtest.Permission(Permissions)}, func(r *rig) {
			r.sim.AddChannel("Incidents", discordtest.ChannelCategory, "", discordtest.Overwrite{ID: r.sim.GuildID(), Deny: discordtest.Permission(rest.ViewChannel)})
			r.sim.AddChannel("overview", discordtest.ChannelText, "", discordtest.Overwrite{ID: r.sim.BotID(), Type: 1, Deny: discordtest.Permission(rest.PinMessages | rest.EmbedLinks)})
			r.sim.AddChannel("general-two", discordtest.ChannelText, "", discordtest.Overwrite{ID: r.sim.GuildID(), Deny: discordtest.Permission(rest.ViewChannel)})
		}},
		{"it is an administrator", discordtest.Options{Intents: discordtest.IntentContent}, func(*rig) {}},
	} {
		r := newRig(t, c.options)
		c.world(r)
		bot := r.make()
		fmt.Fprintf(&b, "== %s\n", c.name)
		for _, res := range watch.Run(t.Context(), bot.Checks()) {
			fmt.Fprintf(&b, "%-7s %s: %s\n", res.Level, res.Name, res.Sentence)
			if res.Hint != "" {
				fmt.Fprintf(&b, "        → %s\n", res.Hint)
			}
		}
	}
	golden(t, "checks.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	check(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s\nrun with -update when this is meant", name, diff)
	}
}

func TestKeptRoutesAreBoundedInAgeAndNumber(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	bot := r.make()
	routes := Routes{r.store, r.clock}
	check(t, routes.Keep("old", "do/help"))
	r.clock.MoveTo(night.Add(keptAge / 2).Add(time.Hour))
	check(t, routes.Keep("again", "do/help"))
	check(t, routes.Keep("old", "do/help")) // used again: lives on
	r.clock.MoveTo(night.Add(keptAge + 2*time.Hour))
	bot.sweep(t.Context())
	if n := r.scratchKeys(keptPrefix); n != 2 {
		t.Errorf("want both, got %d", n)
	}
	var many []timeline.ScratchPut
	for n := range keptMost + 10 {
		many = append(many, timeline.ScratchPut{Key: fmt.Sprintf("%s%d", keptPrefix, n), Doc: fmt.Appendf(nil, `{"route":"do/help","at":%q}`, r.clock.Now().Add(time.Second).Format(time.RFC3339))})
	}
	check(t, bot.scratch(t.Context(), many...))
	bot.sweep(t.Context())
	if n := r.scratchKeys(keptPrefix); n != keptMost {
		t.Errorf("want %d, got %d", keptMost, n)
	}
	if _, known, err := routes.Load("again"); known || err != nil {
		t.Errorf("the oldest were not the first to go: %v", err)
	}
	r.clock.MoveTo(r.clock.Now().Add(keptAge + time.Hour))
	bot.sweep(t.Context())
	if n := r.scratchKeys(keptPrefix); n != 0 {
		t.Errorf("want none, got %d", n)
	}
}

func TestInviteAsksForWhatIsUsedAndNoMore(t *testing.T) {
	want := "https://discord.com/oauth2/authorize?client_id=42&permissions=2252126499753040&scope=bot+applications.commands"
	if got := InviteURL("42"); got != want {
		t.Errorf("want %s\ngot  %s", want, got)
	}
}
