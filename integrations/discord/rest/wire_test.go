package rest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/problem"
	"wardroom/integrations/discord/rest"
)

func TestMessageOnTheWire(t *testing.T) {
	for _, c := range []struct {
		name, want string
		body       any
	}{
		{"a new one leaves out what it has not", `{"content":"x","allowed_mentions":{"parse":[],"replied_user":false}}`, rest.Message{Content: "x"}},
		{"an edit clears what it has not", `{"content":"","embeds":[],"components":[],"allowed_mentions":{"parse":[],"replied_user":false},"attachments":[]}`,
			rest.Message{Flags: rest.Ephemeral, Nonce: "1", EnforceNonce: true}.Replacing()},
		{"one person is told", `{"content":"","allowed_mentions":{"parse":[],"users":["7"],"replied_user":false},"nonce":"1","enforce_nonce":true}`,
			rest.Message{AllowedMentions: rest.AllowedMentions{Users: []string{"7"}}, Nonce: "1", EnforceNonce: true}},
		{"an update of what was clicked", `{"type":7,"data":{"content":"x","embeds":[],"components":[],"allowed_mentions":{"parse":[],"replied_user":false},"attachments":[]}}`,
			rest.Response{Type: 7, Data: rest.Message{Content: "x"}.Replacing()}},
	} {
		got, err := json.Marshal(c.body)
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\nwant %s\n got %s (%v)", c.name, c.want, got, err)
		}
	}
}

const strange = `{"id":"1","content":"x","flags":9007199254740993,"components":[
	{"type":18,"label":"new","component":{"type":3}},
	{"type":1,"components":[{"type":2,"custom_id":"a","style":1},{"type":99}]},
	{"type":9,"components":[{"type":10,"content":"t"}],"accessory":{"type":77}},
	{"type":17,"components":[{"type":10,"content":"kept"},{"type":23}]}]}`

func TestUnknownComponentsAreDropped(t *testing.T) {
	if json.Unmarshal([]byte(strange), &discordgo.Message{}) == nil {
		t.Error("the library has learned: this is not needed any more")
	}
	c := inMemory(func(w http.ResponseWriter, r *http.Request) {
		body := strange
		if strings.HasSuffix(r.URL.Path, "/messages") {
			body = "[" + strange + `,{"id":"2"}]`
		}
		_, _ = io.WriteString(w, body)
	})
	m, err := c.Message(t.Context(), "1", "1")
	if err != nil {
		t.Fatal(err)
	}
	got := string(must(json.Marshal(m.Components)))
	if len(m.Components) != 2 || !strings.Contains(got, `"custom_id":"a"`) || !strings.Contains(got, "kept") || m.Flags != 9007199254740993 {
		t.Errorf("%s %d", got, m.Flags)
	}
	all, err := c.Messages(t.Context(), "1", rest.Page{})
	if err != nil || len(all) != 2 || all[1].ID != "2" {
		t.Errorf("%v %v", all, err)
	}
	if got := string(rest.KnownComponents([]byte("{broken"))); got != "{broken" {
		t.Error(got)
	}
}

func FuzzKnownComponents(f *testing.F) {
	f.Add([]byte(strange))
	f.Fuzz(func(t *testing.T, raw []byte) {
		once := rest.KnownComponents(raw)
		if twice := rest.KnownComponents(once); string(twice) != string(once) {
			t.Errorf("%s\n%s", once, twice)
		}
		var m discordgo.Message
		if err := json.Unmarshal(once, &m); err != nil && strings.Contains(err.Error(), "unknown component type") {
			t.Error(err)
		}
	})
}

func TestRefusalsForPeople(t *testing.T) {
	const form = `{"embeds":{"0":{"title":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 256 or fewer in length."}]},"fields":{"3":{"value":{"_errors":[{"code":"BASE_TYPE_REQUIRED","message":"This field is required"}]}}}}}}`
	for _, c := range []struct {
		name, method, path string
		status             int
		body               string
		code               problem.Code
		says, hint         string
	}{
		{"a wrong field", "POST", "/channels/1/messages", 400, `{"code":50035,"message":"Invalid Form Body","errors":` + form + `}`, problem.Invalid,
			"Discord cannot post the message: embeds[0].fields[3].value: This field is required; embeds[0].title: Must be 256 or fewer in length.", ""},
		{"a full category", "POST", "/guilds/1/channels", 400, `{"code":50035,"message":"Invalid Form Body","errors":{"parent_id":{"_errors":[{"code":"CHANNEL_PARENT_MAX_CHANNELS","message":"Maximum number of channels in category reached (50)"}]}}}`,
			problem.Unavailable, "Discord cannot create the channel: the category holds as many channels as Discord allows (50)", ""},
		{"a full server", "POST", "/guilds/1/channels", 400, `{"code":30013,"message":"Maximum number of guild channels reached (500)"}`,
			problem.Unavailable, "Discord cannot create the channel: the server holds as many channels as Discord allows (500)", ""},
		{"no permission", "PUT", "/channels/1/messages/pins/2", 403, `{"code":50013,"message":"Missing Permissions"}`, problem.Forbidden,
			"Discord cannot pin the message: the bot lacks a permission: View Channel, Read Message History, Pin Messages",
			"the bot needs View Channel, Read Message History, Pin Messages there, in its role or in the channel's permissions"},
		{"a channel that is not seen", "POST", "/channels/1/messages", 403, `{"code":50001,"message":"Missing Access"}`, problem.Forbidden,
			"Discord cannot post the message: the bot cannot see the channel", "the bot needs View Channel, Send Messages, Embed Links there, in its role or in the channel's permissions"},
		{"a channel that is gone", "GET", "/channels/1", 404, `{"code":10003,"message":"Unknown Channel"}`, problem.NotFound, "Discord cannot show the channel: the channel does not exist any more", ""},
		{"too late", "POST", "/interactions/1/t/callback", 404, `{"code":10062,"message":"Unknown interaction"}`, problem.NotFound, "Discord cannot show the answer: the answer came later than Discord waits (3 s)", ""},
		{"a proxy's page", "GET", "/channels/1", 403, `<html>blocked</html>`, problem.Unavailable, "Discord cannot show the channel: something in front of it answered 403", ""},
		{"a proxy's 404", "GET", "/channels/1", 404, `nginx`, problem.Unavailable, "Discord cannot show the channel: something in front of it answered 404", ""},
		{"its own words, tamed", "POST", "/strange", 400, "{\"code\":1,\"message\":\"a\\u202eb\\nc\"}", problem.Invalid, "Discord cannot do this: a b c", ""},
		{"a request that is too large", "POST", "/channels/1/messages", 413, `{"code":40005,"message":"Request entity too large"}`, problem.Invalid, "Discord cannot post the message: it is larger than Discord takes", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := inMemory(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			err := client.Do(t.Context(), rest.Call{Method: c.method, Path: c.path})
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || p.Code != c.code || p.Message != c.says || p.Hint != c.hint {
				t.Errorf("%+v", p)
			}
			if _, ok := errors.AsType[*rest.Error](err); !ok {
				t.Error("what Discord said is lost")
			}
			if rest.IsCategoryFull(err) != (c.name == "a full category") {
				t.Error("category")
			}
		})
	}
}

func TestDownloadsOnlyFromDiscord(t *testing.T) {
	var asked recorder
	serve := func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		if r.Header.Get("Authorization") != "" {
			t.Error("the token goes along")
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/gone"):
			w.WriteHeader(404)
		case strings.HasSuffix(r.URL.Path, "/moved"):
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		default:
			_, _ = io.WriteString(w, "0123456789")
		}
	}
	live := inMemory(serve, func(o *rest.Options) { o.Base = "" })
	for _, c := range []struct {
		url   string
		limit int64
		code  problem.Code
	}{
		{"https://cdn.discordapp.com/attachments/1/2/a.png?ex=1", 10, ""},
		{"https://media.discordapp.net/attachments/1/2/a.png", 10, ""},
		{"https://cdn.discordapp.com/a", 9, problem.TooLarge},
		{"https://cdn.discordapp.com/gone", 10, problem.NotFound},
		{"https://cdn.discordapp.com/moved", 10, problem.Unavailable},
		{"http://cdn.discordapp.com/a", 10, problem.Invalid},
		{"https://cdn.discordapp.com.evil.org/a", 10, problem.Invalid},
		{"https://cdn.discordapp.com:8443/a", 10, problem.Invalid},
		{"https://user@cdn.discordapp.com/a", 10, problem.Invalid},
		{"https://169.254.169.254/", 10, problem.Invalid},
		{"file:///etc/passwd", 10, problem.Invalid},
	} {
		body, err := live.Download(t.Context(), c.url, c.limit)
		if err == nil {
			var got []byte
			if got, err = io.ReadAll(body); err == nil && string(got) != "0123456789" {
				t.Errorf("%s: %s", c.url, got)
			}
			if int64(len(got)) > c.limit {
				t.Errorf("%s: %d bytes of %d", c.url, len(got), c.limit)
			}
			body.Close()
		}
		if problem.CodeOf(err) != c.code {
			t.Errorf("%s: %v", c.url, err)
		}
	}
	test := inMemory(serve)
	if _, err := test.Download(t.Context(), "http://discord.test/attachments/1", 10); err != nil {
		t.Error(err)
	}
	if _, err := test.Download(t.Context(), "https://cdn.discordapp.com/a", 10); !problem.Is(err, problem.Invalid) {
		t.Errorf("a test asks the real Discord: %v", err)
	}
}

func TestPermissionsHaveNames(t *testing.T) {
	have := rest.ViewChannel | rest.SendMessages
	if rest.PinMessages != 1<<51 || have.Has(rest.PinMessages) || !(have | rest.Administrator).Has(rest.PinMessages) {
		t.Error("bits")
	}
	if got := have.Missing(rest.ViewChannel | rest.PinMessages).String(); got != "Pin Messages" {
		t.Error(got)
	}
	for bit := range 64 {
		if names := rest.Permissions(1 << bit).Names(); len(names) > 1 {
			t.Error(names)
		}
	}
}
