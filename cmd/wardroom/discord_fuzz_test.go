package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"wardroom/bot/scenario"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/discordtest/spec"
)

// sent are the operations of Discord's document that the bot uses. All of them have to
// be exercised here: a test that is left out, or a way that is no longer gone, shows.
var sent = []string{
	"add_my_message_reaction", "bulk_set_guild_application_commands", "create_guild_channel", "create_interaction_response", "create_message",
	"create_pin", "create_thread", "delete_message", "execute_webhook", "get_active_guild_threads", "get_bot_gateway", "get_guild", "get_guild_member",
	"get_message", "get_my_application", "get_my_user", "list_guild_application_commands", "list_guild_channels",
	"list_message_reactions_by_emoji", "list_messages", "update_channel", "update_message", "update_original_webhook_message",
}

// TestHostileTextFromEverySide sends hostile texts into every field that somebody
// outside can reach, through the real doors, and looks at what Discord got of it.
// Together with the demo that is the real bot held to Discord's own document.
func TestHostileTextFromEverySide(t *testing.T) {
	t.Parallel()
	checker, err := spec.New("/api/v10", t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	playHeld(t, checker)
	b := besiege(t, siegeSeed, checker)
	total := func() (n int) {
		for _, c := range b.cases {
			n += c
		}
		return n
	}
	nights := 0
	for ; total() < leastCases && !t.Failed(); nights++ {
		if nights == threadsFrom {
			b.fill()
		}
		b.night()
	}
	b.last()
	b.pass(time.Hour)
	b.nothingLost()
	for _, where := range slices.Sorted(maps.Keys(b.cases)) {
		t.Logf("%6d in %s", b.cases[where], where)
	}
	if total() < leastCases || nights <= threadsFrom {
		b.fail("%d texts in %d nights", total(), nights)
	}
	if len(b.phones.All()) == 0 {
		b.fail("no phone rang")
	}
	requests := 0
	for _, c := range checker.Counts() {
		requests += c.Requests
	}
	t.Logf("counted: %d hostile texts in %d nights, seed %d; %d requests to Discord, each and its answer held to the document", total(), nights, uint64(siegeSeed), requests)
	covers(t, checker)
}

// playHeld plays the demo before a checker.
func playHeld(t *testing.T, checker *spec.Checker) {
	t.Helper()
	f, err := scenario.Read(bytes.NewReader(demoFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStage(t.Context(), f, t.TempDir(), io.Discard, discordtest.Options{Wrap: checker.Wrap})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.play(t.Context(), pace{}), s.close(context.Background())); err != nil {
		t.Error(err)
	}
}

// covers wants nothing but [sent] to have been sent and, where the siege is long, each
// of it to have been right at least once, with right answers.
func covers(t *testing.T, checker *spec.Checker) {
	t.Helper()
	counts, covered := checker.Counts(), checker.Covered()
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[id].Requests, id)
		if !slices.Contains(sent, id) {
			t.Errorf("%s is sent and does not stand in the list", id)
		}
	}
	t.Logf("counted: %d of the %d operations of Discord's document that the bot uses, of %d in the document", len(covered), len(sent), len(checker.Operations()))
	if !siegeIsLong {
		return
	}
	for _, id := range spec.Missing(covered, sent) {
		t.Errorf("%s was never sent rightly and answered rightly", id)
	}
}
