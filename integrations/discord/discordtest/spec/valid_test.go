package spec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"

	"wardroom/integrations/discord/rest"
)

// TestWhatDiscordTakesPasses holds the checks to requests that Discord takes: a false
// alarm would teach people to look away.
func TestWhatDiscordTakesPasses(t *testing.T) {
	x := strings.Repeat
	button := discordgo.Button{Label: "Acknowledge", Style: discordgo.PrimaryButton, CustomID: "do/incident/ack?incident=INC-7"}
	full := rest.Message{
		Content: "<@80351110224678912> **SEV1**",
		Embeds: []*discordgo.MessageEmbed{{
			Title: "INC-7 checkout fails", Description: "```\nraw\n```", URL: "https://wardroom.example/INC-7", Color: 0xcc0000, Timestamp: "2026-11-20T00:30:00Z",
			Footer: &discordgo.MessageEmbedFooter{Text: "INC-1#17"}, Author: &discordgo.MessageEmbedAuthor{Name: "wardroom"},
			Fields: []*discordgo.MessageEmbedField{{Name: "Leads", Value: "<t:1700000000:R>", Inline: true}},
		}},
		Components: []discordgo.MessageComponent{
			discordgo.ActionsRow{Components: []discordgo.MessageComponent{button, discordgo.Button{Label: "Open", Style: discordgo.LinkButton, URL: "https://wardroom.example/INC-7"}}},
			discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.SelectMenu{
				MenuType: discordgo.StringSelectMenu, CustomID: "pick/severity", Placeholder: "Severity",
				Options: []discordgo.SelectMenuOption{{Label: "SEV1", Value: "1", Default: true}, {Label: "SEV2", Value: "2"}},
			}}},
			discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.SelectMenu{MenuType: discordgo.UserSelectMenu, CustomID: "pick/lead"}}},
		},
		AllowedMentions: rest.AllowedMentions{Users: []string{"80351110224678912"}},
		Nonce:           "INC-7#17-0123456789abcdef", EnforceNonce: true,
	}
	edit := full
	edit.Nonce, edit.EnforceNonce = "", false
	manage := int64(discordgo.PermissionManageMessages)
	commands := []*discordgo.ApplicationCommand{
		{Name: "incident", Description: "Incidents", DefaultMemberPermissions: &manage, Options: []*discordgo.ApplicationCommandOption{
			{Type: discordgo.ApplicationCommandOptionSubCommand, Name: "declare", Description: "Opens one", Options: []*discordgo.ApplicationCommandOption{
				{Type: discordgo.ApplicationCommandOptionString, Name: "title", Description: "What is broken", Required: true, MaxLength: 200},
				{Type: discordgo.ApplicationCommandOptionString, Name: "severity", Description: "How bad", Choices: []*discordgo.ApplicationCommandOptionChoice{{Name: "SEV1", Value: "1"}}},
				{Type: discordgo.ApplicationCommandOptionString, Name: "service", Description: "Which", Autocomplete: true},
			}},
			{Type: discordgo.ApplicationCommandOptionSubCommandGroup, Name: "status-page", Description: "The page", Options: []*discordgo.ApplicationCommandOption{
				{Type: discordgo.ApplicationCommandOptionSubCommand, Name: "post", Description: "Says something"},
			}},
		}},
		{Name: "Add to timeline", Type: discordgo.MessageApplicationCommand},
	}
	modal := discordgo.InteractionResponse{Type: discordgo.InteractionResponseModal, Data: &discordgo.InteractionResponseData{
		Title: "Post status", CustomID: "send/status/post?incident=INC-7", Components: []discordgo.MessageComponent{
			discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.TextInput{CustomID: "text", Label: "Text", Style: discordgo.TextInputParagraph, Required: true, MaxLength: 1000, Value: "We look into it."}}},
		},
	}}
	answer := discordgo.InteractionResponse{Type: discordgo.InteractionResponseChannelMessageWithSource, Data: &discordgo.InteractionResponseData{
		Content: "Done", Flags: discordgo.MessageFlagsEphemeral, AllowedMentions: &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}},
	}}
	overwrites := []*discordgo.PermissionOverwrite{{ID: "1", Type: discordgo.PermissionOverwriteTypeRole, Deny: discordgo.PermissionViewChannel}}

	for _, c := range []struct {
		name string
		sent sent
	}{
		{"a full message", post(asJSON(t, full))},
		{"its edit", patch(asJSON(t, edit))},
		{"a full answer", call(`{"type":4,"data":` + asJSON(t, rest.Message{Content: full.Content, Embeds: full.Embeds, Components: full.Components, AllowedMentions: full.AllowedMentions, Flags: rest.Ephemeral}) + `}`)},
		{"a full update", call(`{"type":7,"data":` + asJSON(t, rest.Message{Content: full.Content, Embeds: full.Embeds, Components: full.Components, AllowedMentions: full.AllowedMentions}) + `}`)},
		{"a full follow-up", sent{Method: "POST", Path: "/webhooks/1/token?wait=true", Body: asJSON(t, rest.Message{Content: "x", Embeds: full.Embeds, Components: full.Components, AllowedMentions: rest.AllowedMentions{}, Flags: rest.Ephemeral}), Header: map[string]string{"Authorization": ""}}},
		{"the original's edit", sent{Method: "PATCH", Path: "/webhooks/1/token/messages/@original", Body: asJSON(t, rest.Message{Content: "x", AllowedMentions: rest.AllowedMentions{}}), Header: map[string]string{"Authorization": ""}}},
		{"the original's deletion", sent{Method: "DELETE", Path: "/webhooks/1/token/messages/@original", Header: map[string]string{"Authorization": ""}}},
		{"2000 characters of four bytes", post(content(x("💥", 2000)))},
		{"6000 characters in ten embeds", post(embeds(times(10, `{"description":"`+x("€", 600)+`"}`)))},
		{"everybody named and nobody notified", post(content("@everyone @here <@1> <@&2>"))},
		{"closed code blocks", post(content("a ```x``` b\n```go\ny\n``` \\``` \\`\\`\\`"))},
		{"three marks", post(content("a\u0301\u0302\u0303 שָׁ 1️⃣ ❤️‍🔥 👨‍👩‍👧‍👦"))},
		{"a message of buttons only", post(`{"components":[` + row(okButton) + `]}`)},
		{"25 buttons", post(components(fiveRows()))},
		{"a message of files", upload(t, "POST", "/channels/1/messages", [3]string{"payload_json", "", `{"content":"","allowed_mentions":{"parse":[]},"attachments":[{"id":0,"filename":"log.txt"},{"id":1,"filename":"b.txt"}]}`}, [3]string{"files[0]", "log.txt", "\xff\x00"}, [3]string{"files[1]", "b.txt", "b"})},
		{"an answer with a file", upload(t, "POST", "/interactions/1/token/callback", [3]string{"payload_json", "", `{"type":4,"data":{"content":"x",` + am + `,"attachments":[{"id":"0","filename":"log.txt"}]}}`}, [3]string{"files[0]", "log.txt", "a"})},
		{"an edit that keeps a file", patch(`{"content":"","embeds":[],"attachments":[{"id":"1111111111111111111"}]}`)},
		{"an edit of the buttons only", patch(`{"components":[]}`)},
		{"a forward", post(`{"message_reference":{"type":1,"message_id":"1","channel_id":"2"}}`)},
		{"a reply", post(`{"content":"x",` + am + `,"message_reference":{"message_id":"1","fail_if_not_exists":false}}`)},
		{"components v2", post(`{"flags":32768,` + am + `,"components":[{"type":17,"components":[{"type":10,"content":"a"},` + row(okButton) + `]},{"type":9,"components":[{"type":10,"content":"b"}],"accessory":{"type":2,"style":1,"label":"b","custom_id":"b"}}]}`)},
		{"pong", call(`{"type":1}`)},
		{"deferred", call(`{"type":5,"data":{"flags":64}}`)},
		{"deferred update", call(`{"type":6}`)},
		{"choices", call(`{"type":8,"data":{"choices":[` + times(25, `{"name":"n%d","value":"%d"}`) + `]}}`)},
		{"no choices", call(`{"type":8,"data":{"choices":[]}}`)},
		{"numbers to choose", call(`{"type":8,"data":{"choices":[{"name":"one","value":1},{"name":"half","value":0.5}]}}`)},
		{"a modal of discordgo's", call(asJSON(t, modal))},
		{"an answer of discordgo's", call(asJSON(t, answer))},
		{"a modal with labels", modalOf(`{"type":18,"label":"Text","description":"d","component":{"type":4,"custom_id":"a","style":2}}`)},
		{"commands of discordgo's", sent{Method: "PUT", Path: "/applications/1/guilds/2/commands", Body: asJSON(t, commands)}},
		{"no commands", register("")},
		{"100 commands and 15 menus of each type", register(times(100, `{"name":"a%d","description":"d"}`) + "," + times(15, `{"name":"A b%d","type":2}`) + "," + times(15, `{"name":"A b%d","type":3}`))},
		{"other letters", register(`{"name":"störung-ß","description":"d"},{"name":"実行","description":"d"},{"name":"สถานะ","description":"d"}`)},
		{"a channel of discordgo's", sent{Method: "POST", Path: "/guilds/1/channels", Body: asJSON(t, discordgo.GuildChannelCreateData{Name: "inc-0007-checkout-fails", Topic: "t", ParentID: "3", PermissionOverwrites: overwrites}), Header: map[string]string{auditReason: "INC-7%20opened%20by%20J%C3%B6rg"}}},
		{"a category", sent{Method: "POST", Path: "/guilds/1/channels", Body: `{"name":"Incident Archive 2","type":4}`}},
		{"out of its category", sent{Method: "PATCH", Path: "/channels/1", Body: `{"parent_id":null,"position":0}`}},
		{"overwrites", sent{Method: "PATCH", Path: "/channels/1", Body: `{"permission_overwrites":[{"id":"1","type":0,"allow":"2251799813685248","deny":"0"}]}`}},
		{"an archived thread", sent{Method: "PATCH", Path: "/channels/1", Body: `{"archived":true,"locked":true}`}},
		{"a thread", sent{Method: "POST", Path: "/channels/1/threads", Body: `{"name":"inc-0007","type":11,"auto_archive_duration":10080}`}},
		{"a thread below a message", sent{Method: "POST", Path: "/channels/1/messages/2/threads", Body: `{"name":"inc-0007"}`}},
		{"an overwrite", sent{Method: "PUT", Path: "/channels/1/permissions/2", Body: `{"type":1,"allow":"3072","deny":"0"}`}},
		{"messages after one", sent{Method: "GET", Path: "/channels/1/messages?after=2&limit=100"}},
		{"pins", sent{Method: "GET", Path: "/channels/1/messages/pins?limit=50"}},
		{"a pin", sent{Method: "PUT", Path: "/channels/1/messages/pins/2"}},
		{"a reaction", sent{Method: "PUT", Path: "/channels/1/messages/2/reactions/%F0%9F%93%8C/@me"}},
		{"commands with translations", sent{Method: "GET", Path: "/applications/1/guilds/2/commands?with_localizations=true"}},
		{"the bot", sent{Method: "GET", Path: "/users/@me"}},
		{"the gateway", sent{Method: "GET", Path: "/gateway/bot"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if said, _ := through(t, c.sent, outage); said != "" {
				t.Error(said)
			}
		})
	}
}

func fiveRows() string {
	var rows []string
	for i := range 5 {
		rows = append(rows, row(times(5, fmt.Sprintf(`{"type":2,"style":1,"label":"a","custom_id":"%d/%%d"}`, i))))
	}
	return strings.Join(rows, ",")
}
