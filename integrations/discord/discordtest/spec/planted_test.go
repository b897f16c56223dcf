package spec

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const okButton = `{"type":2,"style":1,"label":"Ack","custom_id":"do/%d"}`

// TestPlantedViolationsAreCaught has one request for every rule and more; each must be
// refused by exactly the rule that it was made for.
func TestPlantedViolationsAreCaught(t *testing.T) {
	x := strings.Repeat
	sel := `{"type":3,"custom_id":"s","options":[{"label":"a","value":"a"}]`
	for _, c := range []struct {
		name string
		sent sent
		rule string // in brackets
		at   string // what the report must hold besides
	}{
		// Paths, parameters and headers.
		{"unknown path", sent{Method: "GET", Path: "/chanels/1"}, "path", "no such path"},
		{"unknown method", sent{Method: "PUT", Path: "/channels/1"}, "path", "no method PUT"},
		{"bad snowflake", sent{Method: "GET", Path: "/channels/abc"}, "document", "channel_id"},
		{"snowflake of more than 64 bits", sent{Method: "GET", Path: "/channels/" + x("9", 30)}, "document", "64 bits"},
		{"limit above 100", sent{Method: "GET", Path: "/channels/1/messages?limit=101"}, "document", "limit"},
		{"misspelt query", sent{Method: "GET", Path: "/channels/1/messages?befor=1"}, "query", "befor"},
		{"old pins", sent{Method: "PUT", Path: "/channels/1/pins/2"}, "deprecated", "messages/pins"},
		{"no user agent", sent{Method: "GET", Path: "/channels/1", Header: map[string]string{"User-Agent": "Go-http-client/1.1"}}, "user-agent", "DiscordBot"},
		{"no token", sent{Method: "GET", Path: "/channels/1", Header: map[string]string{"Authorization": ""}}, "authorization", "Bot"},
		{"what only a person may call", sent{Method: "GET", Path: "/users/@me/guilds/1/member"}, "authorization", "a person granted"},
		{"raw reason", sent{Method: "DELETE", Path: "/channels/1", Header: map[string]string{auditReason: "INC-7 closed by Jörg"}}, "audit-reason", "URL-encoded"},
		{"broken escape in a reason", sent{Method: "DELETE", Path: "/channels/1", Header: map[string]string{auditReason: "50%"}}, "audit-reason", "URL-encoded"},
		{"long reason", sent{Method: "DELETE", Path: "/channels/1", Header: map[string]string{auditReason: x("%C3%B6", 513)}}, "audit-reason", "513"},

		// Bodies.
		{"no body", sent{Method: "POST", Path: "/channels/1/messages"}, "body", "missing"},
		{"no JSON", post(`{"content":`), "body", "not JSON"},
		{"two values", post(content("a") + "{}"), "body", "follows"},
		{"invalid UTF-8", post("{\"content\":\"a\xff\"," + am + "}"), "body", "not UTF-8"},
		{"form", sent{Method: "POST", Path: "/channels/1/messages", Body: "content=x", Type: "application/x-www-form-urlencoded"}, "body", "multipart"},
		{"a body where none belongs", sent{Method: "PUT", Path: "/channels/1/messages/pins/2", Body: `{"a":1}`}, "body", "takes none"},
		{"wrong type", post(`{"content":7,` + am + `}`), "document", "content"},
		{"misspelt field", post(`{"content":"x","allowed_mention":{"parse":[]},` + am + `}`), "document", "allowed_mention"},
		{"misspelt field inside", post(embeds(`{"title":"x","colour":7}`)), "document", "embeds[0].colour"},
		{"part of another name", upload(t, "POST", "/channels/1/messages", [3]string{"json", "", content("x")}), "body", "payload_json"},
		{"content in a multipart body", upload(t, "POST", "/channels/1/messages", [3]string{"payload_json", "", content(x("a", 2001))}, [3]string{"files[0]", "a.txt", "a"}), "content-length", "2001"},
		{"file without a name", upload(t, "POST", "/channels/1/messages", [3]string{"payload_json", "", content("a")}, [3]string{"files[0]", "", "a"}), "body", "filename"},
		{"26 MiB", upload(t, "POST", "/channels/1/messages", [3]string{"payload_json", "", content("a")}, [3]string{"files[0]", "a.txt", x("a", 26<<20)}), "request-size", "25 MiB"},
		{"11 files", upload(t, "POST", "/channels/1/messages", elevenFiles()...), "files", "10 files"},
		{"attachment without its file", post(`{"content":"x","attachments":[{"id":0,"filename":"a.txt"}],` + am + `}`), "files", "no such file"},

		// Messages.
		{"2001 characters", post(content(x("é", 2001))), "content-length", "2001"},
		{"4001 characters", post(content(x("é", 4001))), "document", "4,000"},
		{"2001 characters in an edit", patch(content(x("a", 2001))), "content-length", "content"},
		{"2001 characters in a follow-up", sent{Method: "POST", Path: "/webhooks/1/token", Body: content(x("a", 2001))}, "document", "2,000"},
		{"26 characters of nonce", post(`{"content":"x","nonce":"` + x("a", 26) + `",` + am + `}`), "nonce", "26"},
		{"enforced nonce without one", post(`{"content":"x","enforce_nonce":true,` + am + `}`), "nonce", "does nothing"},
		{"empty message", post(`{}`), "empty-message", "50006"},
		{"nonce in an edit", patch(`{"content":"x","nonce":"a",` + am + `}`), "document", "no such field"},
		{"blank message", post(content(" \n")), "empty-message", "50006"},
		{"empty lists", post(`{"content":"","embeds":[],"components":[]}`), "empty-message", "50006"},
		{"edit to nothing", patch(`{"content":"","embeds":[],"components":[]}`), "empty-message", "50006"},
		{"empty follow-up", sent{Method: "POST", Path: "/webhooks/1/token", Body: `{"flags":64}`}, "empty-message", "50006"},
		{"open code block", post(content("```go\nfunc")), "open-code-block", "content"},
		{"open code block in an embed", post(embeds(`{"description":"a` + "```" + `b"}`)), "open-code-block", "description"},
		{"open code block in a field", post(embeds(`{"fields":[{"name":"a","value":"` + "``` ``` ```" + `"}]}`)), "open-code-block", "value"},
		{"right to left", post(content("a\u202eb")), "direction", "U+202E"},
		{"right to left in a field's name", post(embeds(`{"fields":[{"name":"` + "\u2067" + `a","value":"b"}]}`)), "direction", "embeds[0].fields[0].name"},
		{"zalgo", post(content("a\u0301\u0301\u0301\u0301")), "combining-marks", "content"},
		{"escape character", post(content("\x1b[31mred")), "control-character", "U+001B"},
		{"NUL", post(content("a\x00")), "control-character", "U+0000"},
		{"ephemeral in a channel", post(`{"content":"x","flags":64,` + am + `}`), "flags", "0x40"},
		{"no allowed mentions", post(`{"content":"x"}`), "allowed-mentions", "parse"},
		{"no allowed mentions with an embed", post(`{"embeds":[{"title":"x"}]}`), "allowed-mentions", "parse"},
		{"no allowed mentions in an edit", patch(`{"content":"x"}`), "allowed-mentions", "parse"},
		{"no allowed mentions in an answer", call(`{"type":4,"data":{"content":"x"}}`), "allowed-mentions", "data.allowed_mentions"},
		{"no allowed mentions in an update", call(`{"type":7,"data":{"content":"x"}}`), "allowed-mentions", "data.allowed_mentions"},
		{"null allowed mentions", post(`{"content":"x","allowed_mentions":null}`), "allowed-mentions", "parse"},
		{"allowed mentions without parse", post(`{"content":"x","allowed_mentions":{}}`), "allowed-mentions", "parse"},
		{"everyone allowed", post(`{"content":"x","allowed_mentions":{"parse":["everyone"]}}`), "allowed-mentions", "empty"},
		{"users allowed by text", post(`{"content":"<@1>","allowed_mentions":{"parse":["users"]}}`), "allowed-mentions", "empty"},
		{"roles allowed", post(`{"content":"<@&1>","allowed_mentions":{"parse":[],"roles":["1"]}}`), "allowed-mentions", "roles"},
		{"replied user", post(`{"content":"x","allowed_mentions":{"parse":[],"replied_user":true}}`), "allowed-mentions", "replied_user"},
		{"mention of somebody not named", post(`{"content":"x","allowed_mentions":{"parse":[],"users":["1"]}}`), "allowed-mentions", "not name"},

		// Embeds.
		{"11 embeds", post(embeds(times(11, `{"title":"x"}`))), "embed-count", "11"},
		{"257 of title", post(embeds(`{"title":"` + x("a", 257) + `"}`)), "document", "title"},
		{"4097 of description", post(embeds(`{"description":"` + x("a", 4097) + `"}`)), "embed-length", "4097"},
		{"2049 of footer", post(embeds(`{"footer":{"text":"` + x("a", 2049) + `"}}`)), "embed-length", "footer.text"},
		{"257 of author", post(embeds(`{"author":{"name":"` + x("a", 257) + `"}}`)), "embed-length", "author.name"},
		{"26 fields", post(embeds(`{"fields":[` + times(26, `{"name":"a","value":"b"}`) + `]}`)), "embed-fields", "26"},
		{"257 of a field's name", post(embeds(`{"fields":[{"name":"` + x("a", 257) + `","value":"b"}]}`)), "embed-length", "name"},
		{"1025 of a field's value", post(embeds(`{"fields":[{"name":"a","value":"` + x("a", 1025) + `"}]}`)), "embed-length", "value"},
		{"empty field value", post(embeds(`{"fields":[{"name":"a","value":""}]}`)), "embed-length", "value"},
		{"blank field name", post(embeds(`{"fields":[{"name":" ","value":"b"}]}`)), "embed-blank", "name"},
		{"empty embed", post(embeds(`{"color":1}`)), "embed-blank", "embeds[0]"},
		{"6001 in all", post(embeds(`{"description":"` + x("a", 3001) + `"},{"description":"` + x("a", 3000) + `"}`)), "embed-total", "6001"},
		{"6001 in an answer", call(`{"type":4,"data":` + embeds(`{"description":"`+x("a", 3001)+`"},{"description":"`+x("a", 3000)+`"}`) + `}`), "embed-total", "data.embeds"},

		// Components.
		{"6 rows", post(components(times(6, row(okButton)))), "component-rows", "6"},
		{"6 buttons in a row", post(components(row(times(6, okButton)))), "action-row", "6"},
		{"empty row", post(components(row(""))), "action-row", "0"},
		{"button beside a select", post(components(row(okButton + `,` + sel + `}`))), "action-row", "alone"},
		{"text input in a message", post(components(row(`{"type":4,"custom_id":"a","label":"l","style":1}`))), "action-row", "buttons or a select"},
		{"custom id twice", post(components(row(`{"type":2,"style":1,"label":"a","custom_id":"a"},{"type":2,"style":1,"label":"b","custom_id":"a"}`))), "custom-id", "more than once"},
		{"custom id twice in two rows", patch(components(row(`{"type":2,"style":1,"label":"a","custom_id":"a"}`) + "," + row(`{"type":2,"style":1,"label":"b","custom_id":"a"}`))), "custom-id", "more than once"},
		{"component number twice", post(components(row(`{"type":2,"id":7,"style":1,"label":"a","custom_id":"a"},{"type":2,"id":7,"style":1,"label":"b","custom_id":"b"}`))), "component-id", "more than once"},
		{"custom id of 101", post(components(row(`{"type":2,"style":1,"label":"a","custom_id":"` + x("a", 101) + `"}`))), "custom-id", "101"},
		{"no custom id", post(components(row(`{"type":2,"style":1,"label":"a"}`))), "custom-id", "custom_id"},
		{"label of 81", post(components(row(`{"type":2,"style":1,"custom_id":"a","label":"` + x("a", 81) + `"}`))), "button", "81"},
		{"no label", post(components(row(`{"type":2,"style":1,"custom_id":"a"}`))), "button", "emoji"},
		{"link with a custom id", post(components(row(`{"type":2,"style":5,"custom_id":"a","label":"a","url":"https://a.example"}`))), "button", "no custom_id"},
		{"url of 513", post(components(row(`{"type":2,"style":5,"label":"a","url":"https://a.example/` + x("a", 500) + `"}`))), "button", "512"},
		{"26 options", post(components(row(`{"type":3,"custom_id":"s","options":[` + times(26, `{"label":"a","value":"%d"}`) + `]}`))), "select", "26"},
		{"no options", post(components(row(`{"type":3,"custom_id":"s","options":[]}`))), "select", "0"},
		{"option value twice", post(components(row(`{"type":3,"custom_id":"s","options":[` + times(2, `{"label":"a%d","value":"a"}`) + `]}`))), "select", "more than once"},
		{"option label of 101", post(components(row(`{"type":3,"custom_id":"s","options":[{"label":"` + x("a", 101) + `","value":"a"}]}`))), "select", "101"},
		{"placeholder of 151", post(components(row(sel + `,"placeholder":"` + x("a", 151) + `"}`))), "select", "151"},
		{"more values than options", post(components(row(sel + `,"max_values":2}`))), "select", "1 options"},
		{"two chosen of one", post(components(row(`{"type":3,"custom_id":"s","options":[` + times(2, `{"label":"a","value":"%d","default":true}`) + `]}`))), "select", "2 options are chosen"},
		{"text display without the flag", post(`{"components":[{"type":10,"content":"x"}]}`), "components-v2", "action rows only"},
		{"v2 with content", post(`{"content":"x","flags":32768,"components":[{"type":10,"content":"x"}],` + am + `}`), "components-v2", "has none"},
		{"v2 with embeds", post(`{"embeds":[{"title":"x"}],"flags":32768,"components":[{"type":10,"content":"x"}],` + am + `}`), "components-v2", "embeds"},
		{"v2 text without allowed mentions", post(`{"flags":32768,"components":[{"type":10,"content":"@everyone"}]}`), "allowed-mentions", "parse"},
		{"v2 text in all", post(`{"flags":32768,"components":[` + times(2, `{"type":10,"content":"`+x("a", 2001)+`"}`) + `],` + am + `}`), "components-v2", "4002"},
		{"v2 text without content", post(`{"flags":32768,"components":[{"type":10}],` + am + `}`), "document", "content"},

		// Answers to interactions.
		{"unknown type", call(`{"type":3}`), "callback", "types that we answer"},
		{"message without data", call(`{"type":4}`), "callback", "carries a message"},
		{"empty answer", call(`{"type":4,"data":{"flags":64}}`), "empty-message", "50006"},
		{"deferred with content", call(`{"type":5,"data":{"content":"x"}}`), "callback", "content"},
		{"11 embeds in an answer", call(`{"type":4,"data":` + embeds(times(11, `{"title":"x"}`)) + `}`), "document", "data.embeds"},
		{"label of 81 in an answer", call(`{"type":4,"data":` + components(row(`{"type":2,"style":1,"custom_id":"a","label":"`+x("a", 81)+`"}`)) + `}`), "document", "data.components[0].components[0].label"},
		{"26 choices", call(`{"type":8,"data":{"choices":[` + times(26, `{"name":"%d","value":"%d"}`) + `]}}`), "choices", "26"},
		{"choice name of 101", call(`{"type":8,"data":{"choices":[{"name":"` + x("a", 101) + `","value":"a"}]}}`), "choices", "101"},
		{"empty choice name", call(`{"type":8,"data":{"choices":[{"name":"","value":"a"}]}}`), "choices", "name"},
		{"empty choice value", call(`{"type":8,"data":{"choices":[{"name":"a","value":""}]}}`), "choices", "picked nothing"},
		{"choice value of 101", call(`{"type":8,"data":{"choices":[{"name":"a","value":"` + x("a", 101) + `"}]}}`), "choices", "101"},
		{"right to left in a choice", call(`{"type":8,"data":{"choices":[{"name":"a` + "\u202e" + `","value":"a"}]}}`), "direction", "data.choices[0].name"},
		{"modal without a title", call(`{"type":9,"data":{"custom_id":"a","components":[` + input("a", "") + `]}}`), "modal", "data.title"},
		{"modal title of 46", call(`{"type":9,"data":{"title":"` + x("a", 46) + `","custom_id":"a","components":[` + input("a", "") + `]}}`), "document", "title"},
		{"modal custom id of 101", call(`{"type":9,"data":{"title":"a","custom_id":"` + x("a", 101) + `","components":[` + input("a", "") + `]}}`), "custom-id", "101"},
		{"6 rows in a modal", modalOf(times(6, input("a%d", ""))), "modal", "6"},
		{"no rows in a modal", modalOf(""), "modal", "0"},
		{"two inputs in a row", modalOf(row(times(2, `{"type":4,"custom_id":"a%d","label":"l","style":1}`))), "modal", "one text input"},
		{"button in a modal", modalOf(row(okButton)), "modal", "text input"},
		{"input id twice", modalOf(times(2, input("a", ""))), "custom-id", "more than once"},
		{"input without a label", modalOf(row(`{"type":4,"custom_id":"a","style":1}`)), "modal", "label"},
		{"input label of 46", modalOf(row(`{"type":4,"custom_id":"a","style":1,"label":"` + x("a", 46) + `"}`)), "modal", "46"},
		{"input placeholder of 101", modalOf(input("a", `,"placeholder":"`+x("a", 101)+`"`)), "modal", "101"},
		{"input value of 4001", modalOf(input("a", `,"value":"`+x("a", 4001)+`"`)), "modal", "4001"},
		{"value longer than it may be", modalOf(input("a", `,"max_length":2,"value":"abc"`)), "modal", "value"},
		{"least above most", modalOf(input("a", `,"max_length":2,"min_length":3`)), "modal", "min_length"},

		// Commands.
		{"no name", register(`{"description":"d"}`), "document", "name"},
		{"upper case", register(`{"name":"Status","description":"d"}`), "command-name", "Status"},
		{"space in a name", register(`{"name":"status post","description":"d"}`), "command-name", "status post"},
		{"33 characters", register(`{"name":"` + x("a", 33) + `","description":"d"}`), "command-name", "name"},
		{"no description", register(`{"name":"a"}`), "command-description", "description"},
		{"description of 101", register(`{"name":"a","description":"` + x("a", 101) + `"}`), "command-description", "101"},
		{"menu with a description", register(`{"name":"Add to timeline","type":3,"description":"d"}`), "command-menu", "description"},
		{"twice", register(times(2, `{"name":"a","description":"%d"}`)), "command-name", "more than once"},
		{"101 commands", register(times(101, `{"name":"a%d","description":"d"}`)), "command-count", "101"},
		{"16 menus", register(times(16, `{"name":"a%d","type":3}`)), "command-count", "16"},
		{"26 command options", register(command(times(26, `{"type":3,"name":"o%d","description":"d"}`))), "command-options", "26"},
		{"option in upper case", register(command(`{"type":3,"name":"Text","description":"d"}`)), "command-name", "Text"},
		{"unknown option type", register(command(`{"type":12,"name":"a","description":"d"}`)), "document", "options[0]"},
		{"option twice", register(command(times(2, `{"type":3,"name":"a","description":"%d"}`))), "command-options", "more than once"},
		{"required after optional", register(command(`{"type":3,"name":"a","description":"d"},{"type":3,"name":"b","description":"d","required":true}`)), "command-options", "required"},
		{"26 fixed choices", register(command(`{"type":3,"name":"a","description":"d","choices":[` + times(26, `{"name":"%d","value":"%d"}`) + `]}`)), "choices", "26"},
		{"choices and autocomplete", register(command(`{"type":3,"name":"a","description":"d","autocomplete":true,"choices":[{"name":"a","value":"a"}]}`)), "command-options", "not both"},
		{"subcommand beside an option", register(command(`{"type":1,"name":"a","description":"d"},{"type":3,"name":"b","description":"d"}`)), "command-options", "beside"},
		{"group in a group", register(command(`{"type":2,"name":"a","description":"d","options":[{"type":2,"name":"b","description":"d"}]}`)), "command-options", "subcommands only"},
		{"subcommand in a subcommand", register(command(`{"type":1,"name":"a","description":"d","options":[{"type":1,"name":"b","description":"d"}]}`)), "command-options", "no subcommands"},
		{"8001 characters", register(command(times(4, `{"type":3,"name":"a%d","description":"d","choices":[`+times(25, `{"name":"%d","value":"`+x("v", 79)+`"}`)+`]}`))), "command-size", "8"},
		{"bad permissions", register(`{"name":"a","description":"d","default_member_permissions":"admin"}`), "document", "default_member_permissions"},
		{"upper case in a single one", sent{Method: "POST", Path: "/applications/1/guilds/2/commands", Body: `{"name":"Ack","description":"d"}`}, "command-name", "Ack"},

		// Channels.
		{"channel without a name", sent{Method: "POST", Path: "/guilds/1/channels", Body: `{"type":0}`}, "channel-name", "name"},
		{"channel name of 101", sent{Method: "POST", Path: "/guilds/1/channels", Body: `{"name":"` + x("a", 101) + `"}`}, "channel-name", "101"},
		{"channel type", sent{Method: "POST", Path: "/guilds/1/channels", Body: `{"name":"a","type":99}`}, "document", "type"},
		{"channel with a space", sent{Method: "POST", Path: "/guilds/1/channels", Body: `{"name":"INC 7","type":0}`}, "channel-name", "small letters"},
		{"topic of 1025", sent{Method: "PATCH", Path: "/channels/1", Body: `{"topic":"` + x("a", 1025) + `"}`}, "channel-topic", "1025"},
		{"rename to nothing", sent{Method: "PATCH", Path: "/channels/1", Body: `{"name":""}`}, "channel-name", "name"},
		{"no change", sent{Method: "PATCH", Path: "/channels/1", Body: `{}`}, "body", "changes nothing"},
		{"bad parent", sent{Method: "PATCH", Path: "/channels/1", Body: `{"parent_id":7}`}, "document", "parent_id"},
		{"archived in words", sent{Method: "PATCH", Path: "/channels/1", Body: `{"archived":"yes"}`}, "document", "archived"},
		{"thread name of 101", sent{Method: "POST", Path: "/channels/1/threads", Body: `{"type":11,"name":"` + x("a", 101) + `"}`}, "channel-name", "101"},
		{"thread without a name", sent{Method: "POST", Path: "/channels/1/messages/2/threads", Body: `{}`}, "channel-name", "name"},
		{"overwrite in words", sent{Method: "PUT", Path: "/channels/1/permissions/2", Body: `{"type":0,"allow":"VIEW_CHANNEL"}`}, "document", "allow"},
		{"thread length", sent{Method: "POST", Path: "/channels/1/threads", Body: `{"type":11,"name":"a","auto_archive_duration":61}`}, "document", "auto_archive_duration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, w := through(t, c.sent, func(http.ResponseWriter, *http.Request) { t.Error("the request went through") })
			if !strings.Contains(said, "["+c.rule+"]") || !strings.Contains(said, c.at) {
				t.Errorf("want rule [%s] and %q, got:\n%s", c.rule, c.at, said)
			}
			if w.Code != 400 && w.Code != 404 {
				t.Errorf("answered %d", w.Code)
			}
			if !strings.Contains(said, c.sent.Method+" "+prefix) {
				t.Errorf("the report does not name the request:\n%s", said)
			}
		})
	}
}

func elevenFiles() [][3]string {
	parts := [][3]string{{"payload_json", "", content("a")}}
	for i := range 11 {
		parts = append(parts, [3]string{fmt.Sprintf("files[%d]", i), "a.txt", "a"})
	}
	return parts
}
