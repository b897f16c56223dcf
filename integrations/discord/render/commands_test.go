package render

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"
	"github.com/google/go-cmp/cmp"

	"wardroom/bot/command"
	"wardroom/bot/timeline"
	"wardroom/commands"
	"wardroom/integrations/discord/discordtest/spec"
)

func smallTable(t *testing.T) *command.Table {
	t.Helper()
	handle := func(context.Context, command.Request) (command.Reply, error) { return command.Reply{}, nil }
	table, err := command.NewTable([]command.Command{
		{Path: "incident severity", Summary: "Regrade an incident", Handle: handle, Options: []command.Option{
			{Name: "severity", Help: "How bad", Type: command.Choice, Choices: []string{"SEV1", "SEV2"}, Required: true},
			{Name: "incident", Help: "Which", Type: command.Incident},
			{Name: "page", Help: "Which page", Type: command.Int},
			{Name: "quiet", Help: "Tell nobody", Type: command.Bool},
			{Name: "at", Help: "When", Type: command.Time},
			{Name: "who", Help: "Who", Type: command.Person},
			{Name: "node", Help: "Which node", Type: command.String, Complete: func(context.Context, timeline.View, string) []string { return nil }},
		}},
		{Path: "incident ack", Summary: "Say that you are on it", Handle: handle},
		{Path: "help", Summary: "Show what there is", Handle: handle, Options: []command.Option{{Name: "topic", Help: "What about", Type: command.String}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestCommandsAreDeclared(t *testing.T) {
	all, err := Commands(smallTable(t))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "commands", all)
	register(t, all)
}

func TestTheWholeTableIsTaken(t *testing.T) {
	codec, err := timeline.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	table, err := commands.All(commands.Incident(nil, nil, nil), commands.Timeline(nil, codec, noExport{}), commands.Status(nil), commands.Alert(nil, nil, nil), commands.Freeze(nil))
	if err != nil {
		t.Fatal(err)
	}
	all, err := Commands(table)
	if err != nil {
		t.Fatal(err)
	}
	register(t, all)
}

type noExport struct{ commands.Exporter }

// register holds the declaration to Discord's rules.
func register(t *testing.T, all []*discordgo.ApplicationCommand) {
	t.Helper()
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	took := false
	h, err := spec.Middleware("/api/v10", t.Errorf, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		took = true
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, "[]")
	}))
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPut, "/api/v10/applications/100000000000000001/guilds/100000000000000002/commands", bytes.NewReader(raw))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bot x")
	req.Header.Set("User-Agent", "DiscordBot (https://example.org, 1)")
	h.ServeHTTP(httptest.NewRecorder(), req)
	if !took {
		t.Error("the declaration was refused")
	}
}

func TestOnlyWhatMattersMakesCommandsDiffer(t *testing.T) {
	declare := func() []*discordgo.ApplicationCommand {
		all, err := Commands(smallTable(t))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	given := func() []*discordgo.ApplicationCommand { // as Discord gives them back
		raw, err := json.Marshal(declare())
		if err != nil {
			t.Fatal(err)
		}
		var all []*discordgo.ApplicationCommand
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		no := false
		for i, c := range all {
			c.ID, c.ApplicationID, c.Version, c.GuildID, c.NSFW = fmt.Sprint(i), "1", "2", "3", &no
		}
		all[0], all[1] = all[1], all[0]
		return all
	}
	if !Same(given(), declare()) {
		t.Error("the same commands are told apart")
	}
	zero := int64(0)
	for name, change := range map[string]func([]*discordgo.ApplicationCommand){
		"name":        func(c []*discordgo.ApplicationCommand) { c[0].Name = "x" },
		"description": func(c []*discordgo.ApplicationCommand) { c[0].Description = "x" },
		"permission":  func(c []*discordgo.ApplicationCommand) { c[0].DefaultMemberPermissions = &zero },
		"option":      func(c []*discordgo.ApplicationCommand) { c[1].Options[0].Options[1].Required = true },
		"choice":      func(c []*discordgo.ApplicationCommand) { c[1].Options[0].Options[0].Choices[0].Value = "SEV9" },
		"completion":  func(c []*discordgo.ApplicationCommand) { c[1].Options[0].Options[1].Autocomplete = false },
		"order":       func(c []*discordgo.ApplicationCommand) { o := c[1].Options; o[0], o[1] = o[1], o[0] },
		"kind":        func(c []*discordgo.ApplicationCommand) { c[2].Type = discordgo.UserApplicationCommand },
	} {
		have := given()
		change(have)
		if Same(have, declare()) {
			t.Errorf("another %s is not noticed", name)
		}
	}
	if Same(given()[:2], declare()) || Same(nil, declare()) {
		t.Error("a missing command is not noticed")
	}
}

func TestWhatWasAskedIsRead(t *testing.T) {
	var data discordgo.ApplicationCommandInteractionData
	raw := `{"id":"1","name":"incident","type":1,"options":[{"type":1,"name":"severity","options":[
		{"type":3,"name":"severity","value":"SEV1"},{"type":4,"name":"page","value":12},{"type":5,"name":"quiet","value":true},{"type":3,"name":"node","value":"lke","focused":true},{"type":3,"name":"at","value":""}]}]}`
	if err := json.Unmarshal([]byte(raw), &data); err != nil {
		t.Fatal(err)
	}
	want := command.Ask{Path: "incident severity", Options: map[string]string{"severity": "SEV1", "page": "12", "quiet": "yes", "node": "lke"}}
	if diff := cmp.Diff(want, AskOf(data)); diff != "" {
		t.Error(diff)
	}
	if path, option, typed, ok := Focused(data); path != "incident severity" || option != "node" || typed != "lke" || !ok {
		t.Error(path, option, typed, ok)
	}
	if got := AskOf(discordgo.ApplicationCommandInteractionData{Name: "help", Options: []*discordgo.ApplicationCommandInteractionDataOption{nil, {Name: "topic", Value: []any{"odd"}}}}); got.Path != "help" {
		t.Errorf("%+v", got)
	}
	if _, _, _, ok := Focused(discordgo.ApplicationCommandInteractionData{Name: "help"}); ok {
		t.Error("something is focused")
	}
}

func TestCompletionsFit(t *testing.T) {
	found := []command.Proposal{{Value: "INC-1", Help: strings.Repeat("PostgreSQL ", 20)}, {Value: strings.Repeat("x", 101)}, {Value: ""}, {Value: "a\u202eb"}}
	for n := range 40 {
		found = append(found, command.Proposal{Value: fmt.Sprint("INC-", n+2)})
	}
	got := Choices(found)
	callback(t, discordgo.InteractionApplicationCommandAutocompleteResult, got)
	if len(got.Choices) != maxChoices || Units(got.Choices[0].Name) > 100 {
		t.Errorf("%d: %s", len(got.Choices), got.Choices[0].Name)
	}
	callback(t, discordgo.InteractionApplicationCommandAutocompleteResult, Choices(nil))
}
