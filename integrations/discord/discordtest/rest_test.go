package discordtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"wardroom/integrations/discord/discordtest"
)

func general(s *discordtest.Server) string { return "/channels/" + s.Channel("general").ID }

func TestDiscordsErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2001)
	button := func(id string) obj { return obj{"type": 2, "style": 1, "label": "a", "custom_id": id} }
	for _, c := range []struct {
		name, method, path string
		body               any
		status, code       int
		inTree             string
	}{
		{"no such route", "GET", "/nonsense", nil, 404, 0, ""},
		{"wrong method", "PUT", "/users/@me", nil, 405, 0, ""},
		{"no such channel", "GET", "/channels/1", nil, 404, 10003, ""},
		{"no such message", "PATCH", "{general}/messages/1", obj{"content": "x"}, 404, 10008, ""},
		{"no such interaction", "POST", "/interactions/1/x/callback", obj{"type": 5}, 404, 10062, ""},
		{"no such webhook", "PATCH", "/webhooks/1/x/messages/@original", obj{"content": "x"}, 404, 10015, ""},
		{"nothing to say", "POST", "{general}/messages", obj{"content": " "}, 400, 50006, ""},
		{"no JSON", "POST", "{general}/messages", "text", 400, 50109, ""},
		{"content too long", "POST", "{general}/messages", obj{"content": long}, 400, 50035, `"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`},
		{"embed title too long", "POST", "{general}/messages", obj{"embeds": []obj{{"title": long[:257]}}}, 400, 50035, `"embeds":{"0":{"title":{"_errors"`},
		{"embeds too long in all", "POST", "{general}/messages", obj{"embeds": []obj{{"description": long + long[:2000]}, {"description": long}}}, 400, 50035, "MAX_EMBED_SIZE_EXCEEDED"},
		{"a custom id twice", "POST", "{general}/messages", obj{"components": []obj{{"type": 1, "components": []obj{button("a"), button("a")}}}}, 400, 50035, "COMPONENT_CUSTOM_ID_DUPLICATED"},
		{"a row too wide", "POST", "{general}/messages", obj{"components": []obj{{"type": 1, "components": []obj{button("a"), button("b"), button("c"), button("d"), button("e"), button("f")}}}}, 400, 50035, `"components":{"0":`},
		{"channel name too long", "POST", "/guilds/{guild}/channels", obj{"name": long[:101]}, 400, 50035, `"name":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"no such category", "POST", "/guilds/{guild}/channels", obj{"name": "x", "parent_id": "1"}, 400, 50035, "CHANNEL_PARENT_INVALID"},
		{"bad emoji", "PUT", "{general}/messages/{joes}/reactions/pin/@me", nil, 400, 10014, ""},
		{"another's message", "PATCH", "{general}/messages/{joes}", obj{"content": "x"}, 403, 50005, ""},
		{"a command in upper case", "PUT", "/applications/{app}/guilds/{guild}/commands", []obj{{"name": "Status", "description": "x"}}, 400, 50035, "APPLICATION_COMMAND_INVALID_NAME"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, discordtest.Options{})
			m, err := s.As("joe").Say(ctx(t), "general", "hello")
			if err != nil {
				t.Fatal(err)
			}
			path := strings.NewReplacer("{general}", general(s), "{guild}", s.GuildID(), "{app}", s.ApplicationID(), "{joes}", m.ID).Replace(c.path)
			r := api{t, s}.do(c.method, path, c.body)
			if r.status != c.status || r.code(t) != c.code || !strings.Contains(string(r.body), c.inTree) {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

func TestWrongTokenIs401(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.API()+"/users/@me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bot wrong")
	if r, err := (api{t, s}).send(req); err != nil || r.status != 401 {
		t.Errorf("%v %d", err, r.status)
	}
}

func TestPermissionsDecide(t *testing.T) {
	t.Parallel()
	all := discordtest.ViewChannel | discordtest.SendMessages | discordtest.EmbedLinks | discordtest.AttachFiles | discordtest.ReadMessageHistory |
		discordtest.ManageChannels | discordtest.PinMessages | discordtest.AddReactions | discordtest.CreatePublicThreads
	for _, c := range []struct {
		name         string
		without      discordtest.Permission
		method, path string
		body         any
		code         int
	}{
		{"seeing", discordtest.ViewChannel, "GET", "{room}", nil, 50001},
		{"writing", discordtest.SendMessages, "POST", "{room}/messages", obj{"content": "x"}, 50013},
		{"embeds", discordtest.EmbedLinks, "POST", "{room}/messages", obj{"embeds": []obj{{"title": "x"}}}, 50013},
		{"pinning", discordtest.PinMessages, "PUT", "{room}/messages/pins/{m}", nil, 50013},
		{"making channels", discordtest.ManageChannels, "POST", "/guilds/{guild}/channels", obj{"name": "x"}, 50013},
		{"editing channels", discordtest.ManageChannels, "PATCH", "{room}", obj{"topic": "x"}, 50013},
		{"threads", discordtest.CreatePublicThreads, "POST", "{room}/threads", obj{"name": "x", "type": 11}, 50013},
		{"others' messages", 0, "DELETE", "{room}/messages/{m}", nil, 50013},
		{"granting what it has not", 0, "POST", "/guilds/{guild}/channels", obj{"name": "x", "permission_overwrites": []obj{{"id": "{guild}", "type": 0, "allow": "8", "deny": "0"}}}, 50013},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, discordtest.Options{Everyone: discordtest.ViewChannel, Permissions: all})
			s.SetOverwrites("general", discordtest.Overwrite{ID: s.BotID(), Type: 1, Deny: c.without})
			s.SetPermissions(all &^ (c.without & discordtest.ManageChannels))
			role := s.AddRole("talker", discordtest.SendMessages, "joe")
			if role == "" {
				t.Fatal("no role")
			}
			m, err := s.As("joe").Say(ctx(t), "general", "hello")
			if err != nil {
				t.Fatal(err)
			}
			path := strings.NewReplacer("{room}", general(s), "{guild}", s.GuildID(), "{m}", m.ID).Replace(c.path)
			if r := (api{t, s}).do(c.method, path, c.body); r.status != 403 || r.code(t) != c.code {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

func TestAPrivateRoomIsSeenByThoseWhoMay(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	role := s.AddRole("responders", 0, "joe")
	s.AddChannel("inc-0007", discordtest.ChannelText, "", discordtest.Overwrite{ID: s.GuildID(), Deny: discordtest.ViewChannel}, discordtest.Overwrite{ID: role, Allow: discordtest.ViewChannel})
	if _, err := s.As("joe").Say(ctx(t), "inc-0007", "here"); err != nil {
		t.Error(err)
	}
	if _, err := s.As("chris").Say(ctx(t), "inc-0007", "here"); err == nil {
		t.Error("chris writes where he sees nothing")
	}
}

func TestRoomsRunOut(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{Limits: discordtest.NoLimits})
	category := s.AddChannel("Incidents", discordtest.ChannelCategory, "")
	for i := range 50 {
		s.AddChannel(fmt.Sprintf("inc-%d", i), discordtest.ChannelText, category)
	}
	a := api{t, s}
	path := "/guilds/" + s.GuildID() + "/channels"
	if r := a.do("POST", path, obj{"name": "x", "parent_id": category}); r.status != 400 || !strings.Contains(string(r.body), "CHANNEL_PARENT_MAX_CHANNELS") {
		t.Errorf("a full category: %s", r.body)
	}
	if r := a.do("PATCH", general(s), obj{"parent_id": category}); !strings.Contains(string(r.body), "CHANNEL_PARENT_MAX_CHANNELS") {
		t.Errorf("a move into a full category: %s", r.body)
	}
	for len(s.Channels()) < 500 {
		s.AddChannel("more", discordtest.ChannelText, "")
	}
	if r := a.do("POST", path, obj{"name": "x"}); r.code(t) != 30013 {
		t.Errorf("a full guild: %s", r.body)
	}
	if r := a.do("POST", general(s)+"/threads", obj{"name": "x", "type": 11}); r.status != 201 {
		t.Errorf("a thread still fits: %s", r.body)
	}
}

func TestMessagesAreListedAroundAnId(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{Intents: discordtest.IntentContent})
	ids := map[string]string{}
	for i := range 7 {
		m, err := s.As("joe").Say(ctx(t), "general", strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		ids[m.Content] = m.ID
	}
	for query, want := range map[string]string{
		"limit=3":                    "6 5 4",
		"limit=2&before=" + ids["3"]: "2 1",
		"limit=2&after=" + ids["3"]:  "5 4",
		"limit=3&around=" + ids["3"]: "4 3 2",
		"after=0":                    "6 5 4 3 2 1 0",
		"after=" + ids["6"]:          "",
	} {
		var list []struct{ Content string }
		if err := json.Unmarshal((api{t, s}).ok("GET", general(s)+"/messages?"+query, nil).body, &list); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range list {
			got = append(got, m.Content)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
}

func TestAttachmentsServeTheirBytesUntilTheMessageIsGone(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	m, err := s.As("joe").Say(ctx(t), "general", "see", discordtest.File{Name: "a b.txt", Body: []byte("hello")})
	if err != nil {
		t.Fatal(err)
	}
	get := func() reply {
		req, err := http.NewRequestWithContext(t.Context(), "GET", m.Attachments[0].URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := (api{t, s}).send(req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := get(); string(r.body) != "hello" || !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%+v", r)
	}
	if err := s.As("joe").DeleteMessage(ctx(t), m); err != nil {
		t.Fatal(err)
	}
	if r := get(); r.status != 404 {
		t.Errorf("after deletion: %d", r.status)
	}
}

func TestMentionsNotifyOnlyWhomTheyMay(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	joe, chris := s.UserID("joe"), s.UserID("chris")
	text := "@everyone <@" + joe + "> <@" + chris + ">"
	for _, c := range []struct {
		name     string
		allowed  any
		who      []string
		everyone bool
	}{
		{"nobody with an empty list", obj{"parse": []string{}}, nil, false},
		{"one by id", obj{"parse": []string{}, "users": []string{joe}}, []string{joe}, false},
		{"all without the field", nil, []string{joe, chris}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := api{t, s}.ok("POST", general(s)+"/messages", obj{"content": text, "allowed_mentions": c.allowed})
			var m discordtest.Message
			if err := json.Unmarshal(r.body, &m); err != nil {
				t.Fatal(err)
			}
			var who []string
			for _, u := range m.Mentions {
				who = append(who, u.ID)
			}
			if fmt.Sprint(who) != fmt.Sprint(c.who) || m.MentionEveryone != c.everyone {
				t.Errorf("notifies %v, everyone %v", who, m.MentionEveryone)
			}
		})
	}
}

func TestAnUnchangedCommandKeepsItsIdAndVersion(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	a := api{t, s}
	path := "/applications/" + s.ApplicationID() + "/guilds/" + s.GuildID() + "/commands"
	a.ok("PUT", path, commands)
	first := s.Commands()
	changed := append([]obj{{"name": "status", "description": "Another text"}}, commands[1:]...)
	a.ok("PUT", path, changed)
	second := s.Commands()
	if first[0].ID != second[0].ID || first[0].Version == second[0].Version || first[1].Version != second[1].Version {
		t.Errorf("%+v\n%+v", first, second)
	}
}

func TestIdsAndTimesAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	night := func() string {
		c := newClock()
		s := start(t, discordtest.Options{Now: c.now, People: []string{"joe", "chris"}})
		a := api{t, s}
		room := a.ok("POST", "/guilds/"+s.GuildID()+"/channels", obj{"name": "Inc 0007: redis!"}).id(t)
		c.pass(time.Minute)
		return string(a.ok("POST", "/channels/"+room+"/messages", obj{"content": "x"}).body)
	}
	if a, b := night(), night(); a != b || !strings.Contains(a, "2021-07-11T00:33:00.000000+00:00") {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestPinsAreShownByALineAndRunOut(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{Limits: discordtest.NoLimits, Now: hurried()})
	a := api{t, s}
	for i := range 251 {
		m, err := s.As("joe").Say(ctx(t), "general", "hello")
		if err != nil {
			t.Fatal(err)
		}
		r := a.do("PUT", general(s)+"/messages/pins/"+m.ID, nil)
		if i < 250 && r.status != 204 || i == 250 && r.code(t) != 30003 {
			t.Fatalf("pin %d: %d %s", i, r.status, r.body)
		}
	}
	if list := s.Messages("general"); list[1].Type != 6 || list[1].Reference.MessageID != list[0].ID {
		t.Errorf("no line about the pin: %+v", list[1])
	}
}
