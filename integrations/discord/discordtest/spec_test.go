package discordtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/discordtest/spec"
)

// held is a simulator whose every request and answer is held to Discord's document.
func held(t *testing.T, opt discordtest.Options) (*discordtest.Server, *spec.Checker) {
	t.Helper()
	checker, err := spec.New("/api/v10", t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	opt.Wrap = checker.Wrap
	opt.Now = hurried()
	return start(t, opt), checker
}

// hurried is a clock on which a little passes at each look, so that no global rate
// limit is met.
func hurried() func() time.Time {
	c := newClock()
	return func() time.Time {
		c.pass(30 * time.Millisecond)
		return c.now()
	}
}

var quiet = obj{"parse": []string{}}

// multipartBody is a message with one file.
func multipartBody(t *testing.T, payload any, name, content string) (io.Reader, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	raw, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteField("payload_json", string(raw)); err != nil {
		t.Fatal(err)
	}
	f, err := w.CreateFormFile("files[0]", name)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, w.FormDataContentType()
}

var board = obj{
	"content": "the state", "allowed_mentions": quiet,
	"embeds": []obj{{"title": "INC-7", "description": "redis", "color": 15158332, "url": "https://example.org/7",
		"fields": []obj{{"name": "Lead", "value": "joe", "inline": true}}, "footer": obj{"text": "INC-7#17"}, "timestamp": "2021-07-11T00:32:00Z"}},
	"components": []obj{
		{"type": 1, "components": []obj{{"type": 2, "style": 1, "label": "Acknowledge", "custom_id": "do/ack"}, {"type": 2, "style": 5, "label": "Page", "url": "https://example.org"}}},
		{"type": 1, "components": []obj{{"type": 3, "custom_id": "pick/sev", "placeholder": "Severity", "options": []obj{{"label": "SEV1", "value": "1"}, {"label": "SEV2", "value": "2", "default": true}}}}},
		{"type": 1, "components": []obj{{"type": 5, "custom_id": "pick/lead", "placeholder": "Who leads"}}},
	},
}

// TestEveryAnswerIsAsDiscordsDocumentSays goes once through all that is used.
func TestEveryAnswerIsAsDiscordsDocumentSays(t *testing.T) {
	t.Parallel()
	s, checker := held(t, discordtest.Options{People: []string{"joe"}, Intents: discordtest.IntentContent | discordtest.IntentMembers})
	a := api{t, s}
	g := "/guilds/" + s.GuildID()
	for _, path := range []string{"/gateway", "/gateway/bot", "/users/@me", "/applications/@me", "/oauth2/applications/@me", g, g + "?with_counts=true",
		g + "/channels", g + "/roles", g + "/members/" + s.UserID("joe"), g + "/members/search?query=jo", g + "/members?limit=10", g + "/threads/active"} {
		a.ok("GET", path, nil)
	}
	if r := a.do("GET", g+"/members/1", nil); r.status != 404 || r.code(t) != 10013 {
		t.Errorf("unknown member: %d %s", r.status, r.body)
	}
	category := a.ok("POST", g+"/channels", obj{"name": "Incidents", "type": 4}).id(t)
	room := "/channels/" + a.ok("POST", g+"/channels", obj{"name": "inc-0007-redis", "topic": "t", "parent_id": category,
		"permission_overwrites": []obj{{"id": s.GuildID(), "type": 0, "deny": "1024", "allow": "0"}, {"id": s.BotID(), "type": 1, "allow": "1024", "deny": "0"}}}).id(t)
	a.ok("GET", room, nil)
	a.ok("PATCH", room, obj{"parent_id": nil})
	a.ok("PATCH", room, obj{"parent_id": category, "topic": "u"})
	first := a.ok("POST", room+"/messages", obj{"content": "first", "allowed_mentions": quiet, "nonce": "1", "enforce_nonce": true}).id(t)
	if again := a.ok("POST", room+"/messages", obj{"content": "first", "allowed_mentions": quiet, "nonce": "1", "enforce_nonce": true}).id(t); again != first {
		t.Errorf("the nonce made a second message")
	}
	m := a.ok("POST", room+"/messages", board).id(t)
	a.ok("GET", room+"/messages/"+m, nil)
	a.ok("PATCH", room+"/messages/"+m, obj{"content": "newer", "allowed_mentions": quiet})
	a.ok("PUT", room+"/messages/pins/"+m, nil)
	a.ok("GET", room+"/messages/pins", nil)
	a.ok("PUT", room+"/messages/"+m+"/reactions/"+url.PathEscape("📌")+"/@me", nil)
	a.ok("GET", room+"/messages/"+m+"/reactions/"+url.PathEscape("📌"), nil)
	body, kind := multipartBody(t, obj{"content": "a file", "allowed_mentions": quiet, "attachments": []obj{{"id": 0, "filename": "log.txt"}}}, "log.txt", "hello")
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.API()+room+"/messages", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bot "+s.Token())
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "DiscordBot (https://example.org, 1)")
	if r, err := a.send(req); err != nil || r.status != 200 {
		t.Fatalf("upload: %v %d %s", err, r.status, r.body)
	}
	a.ok("GET", room+"/messages?limit=100", nil)
	a.ok("GET", room+"/messages?after="+first, nil)
	a.ok("DELETE", room+"/messages/"+m+"/reactions/"+url.PathEscape("📌")+"/@me", nil)
	a.ok("DELETE", room+"/messages/pins/"+m, nil)
	thread := "/channels/" + a.ok("POST", room+"/threads", obj{"name": "inc-0008", "type": 11}).id(t)
	a.ok("GET", thread, nil)
	a.ok("POST", thread+"/messages", obj{"content": "in the thread", "allowed_mentions": quiet})
	a.ok("PUT", thread+"/thread-members/"+s.UserID("joe"), nil)
	a.ok("GET", thread+"/thread-members", nil)
	a.ok("GET", thread+"/messages", nil)
	a.ok("GET", g+"/threads/active", nil)
	a.ok("PATCH", thread, obj{"archived": true})
	a.ok("GET", room+"/threads/archived/public", nil)
	if r := a.do("PATCH", thread, obj{"name": "x"}); r.code(t) != 50083 {
		t.Errorf("edit of an archived thread: %s", r.body)
	}
	a.ok("PUT", "/applications/"+s.ApplicationID()+g+"/commands", commands)
	a.ok("GET", "/applications/"+s.ApplicationID()+g+"/commands", nil)
	interactionsTour(t, s)
	a.ok("DELETE", room+"/messages/"+m, nil)
	a.ok("DELETE", thread, nil)
	a.ok("DELETE", room, nil)
	if missing := spec.Missing(checker.Covered(), spec.Used); len(missing) > 0 {
		t.Errorf("not covered: %s", strings.Join(missing, ", "))
	}
}
