package spec

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	user  = `{"id":"1","username":"bot","discriminator":"0","avatar":null,"public_flags":0,"flags":0,"global_name":null,"primary_guild":null}`
	stamp = `"timestamp":"2026-11-20T00:30:00.000000+00:00","edited_timestamp":null`
)

func messageOf(more string) string {
	return `{"id":"2","channel_id":"1","type":0,"content":"x","mentions":[],"mention_roles":[],"attachments":[],"embeds":[],"flags":0,"components":[],"author":` + user + `,"pinned":false,"mention_everyone":false,"tts":false,` + stamp + more + `}`
}

func TestAnswersAsDiscordGivesThemPass(t *testing.T) {
	get := sent{Method: "GET", Path: "/channels/1/messages/2"}
	for _, c := range []struct {
		name   string
		sent   sent
		answer http.HandlerFunc
	}{
		{"message", get, answers(200, messageOf(""))},
		{"message with a field of tomorrow", get, answers(200, messageOf(`,"tomorrow":1`))},
		{"list", sent{Method: "GET", Path: "/channels/1/messages"}, answers(200, "["+messageOf("")+"]")},
		{"error", get, answers(404, `{"message":"Unknown Message","code":10008}`)},
		{"form error", post(content("x")), answers(400, `{"code":50035,"message":"Invalid Form Body","errors":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 2000 or fewer in length."}]}}}`)},
		{"no content", sent{Method: "PUT", Path: "/channels/1/messages/pins/2"}, answers(204, "")},
		{"outage", get, answers(502, "bad gateway")},
		{"429", get, limited(`{"message":"You are being rate limited.","retry_after":0.5,"global":false}`, "user")},
		{"429 with a code", get, limited(`{"message":"x","retry_after":600,"global":false,"code":31001}`, "shared")},
		{"429 of the proxy", get, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>1015", 429) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if said, _ := through(t, c.sent, c.answer); said != "" {
				t.Error(said)
			}
		})
	}
}

func TestOtherPathsPassUntouched(t *testing.T) {
	var said reports
	h, err := Middleware(prefix, said.add, answers(http.StatusTeapot, "tea"))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/gateway", nil))
	if w.Code != http.StatusTeapot || said.all() != "" {
		t.Errorf("answered %d, said %s", w.Code, said.all())
	}
}

func limited(body, scope string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.Header().Set("X-RateLimit-Scope", scope)
		w.Header().Set("X-RateLimit-Reset-After", "0.5")
		answers(429, body)(w, r)
	}
}

func TestFaultyAnswersAreReportedAndSent(t *testing.T) {
	get := sent{Method: "GET", Path: "/channels/1/messages/2"}
	for _, c := range []struct {
		name   string
		sent   sent
		answer http.HandlerFunc
		rule   string
		at     string
	}{
		{"half a message", get, answers(200, `{"id":"2"}`), "document", "author"},
		{"id as a number", get, answers(200, strings.Replace(messageOf(""), `"id":"2"`, `"id":2`, 1)), "document", "id"},
		{"flags of a user as text", get, answers(200, strings.Replace(messageOf(""), `"public_flags":0`, `"public_flags":"0"`, 1)), "document", "author.public_flags"},
		{"bad time", get, answers(200, strings.Replace(messageOf(""), "T00:30", " 00:30", 1)), "document", "timestamp"},
		{"unknown component", get, answers(200, strings.Replace(messageOf(""), `"components":[]`, `"components":[{"type":99,"id":1}]`, 1)), "document", "components[0]"},
		{"one of a list is wrong", sent{Method: "GET", Path: "/channels/1/messages"}, answers(200, "["+messageOf("")+",{}]"), "document", "[1]"},
		{"unlisted status", get, answers(201, messageOf("")), "status", "201"},
		{"200 instead of 201", sent{Method: "POST", Path: "/guilds/1/channels", Body: `{"name":"a"}`}, answers(200, `{}`), "status", "200"},
		{"no JSON", get, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }, "content-type", "application/json"},
		{"broken JSON", get, answers(200, `{"id":`), "body", "not JSON"},
		{"error without a code", get, answers(404, `{"message":"x"}`), "document", "code"},
		{"429 without global", get, limited(`{"message":"x","retry_after":1}`, "user"), "rate-limit", "global"},
		{"429 without a scope", get, limited(`{"message":"x","retry_after":1,"global":false}`, ""), "rate-limit", "Scope"},
		{"429 without the header", get, answers(429, `{"message":"x","retry_after":1,"global":false}`), "rate-limit", "Retry-After"},
		{"negative 429", get, limited(`{"message":"x","retry_after":-1,"global":false}`, "user"), "rate-limit", "retry_after"},
		{"global 429 without its header", get, limited(`{"message":"x","retry_after":1,"global":true}`, "global"), "rate-limit", "X-RateLimit-Global"},
		{"limit in words", get, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-RateLimit-Remaining", "none")
			answers(200, messageOf(""))(w, r)
		}, "rate-limit", "Remaining"},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, w := through(t, c.sent, c.answer)
			if !strings.Contains(said, "["+c.rule+"]") || !strings.Contains(said, c.at) {
				t.Errorf("want rule [%s] and %q, got:\n%s", c.rule, c.at, said)
			}
			if w.Code == 400 {
				t.Error("the answer was replaced")
			}
		})
	}
}

func TestCountsTellRightFromWrong(t *testing.T) {
	var said reports
	c, err := New(prefix, said.add)
	if err != nil {
		t.Fatal(err)
	}
	answer := answers(200, messageOf(""))
	h := c.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	send := func(s sent) { h.ServeHTTP(discard{}, s.request()) }
	send(post(content("x")))
	send(post(`{}`))
	send(sent{Method: "GET", Path: "/nothing"})
	answer = answers(404, `{"message":"Unknown Message","code":10008}`)
	send(patch(content("x")))
	answer = answers(200, `{}`)
	send(sent{Method: "GET", Path: "/channels/1/messages/2"})

	n := c.Counts()
	if m := n["create_message"]; m.Requests != 2 || m.Refused != 1 || m.Answers[200] != 1 || m.Faulty != 0 {
		t.Errorf("create_message: %+v", m)
	}
	if m := n["get_message"]; m.Requests != 1 || m.Faulty != 1 {
		t.Errorf("get_message: %+v", m)
	}
	if n["no such operation"].Refused != 1 {
		t.Errorf("no such operation: %+v", n["no such operation"])
	}
	if got := strings.Join(c.Covered(), " "); got != "create_message" {
		t.Errorf("covered: %s (an error and a faulty answer show nothing)", got)
	}
	if len(said.said) != 3 {
		t.Errorf("want 3 reports, got %d:\n%s", len(said.said), said.all())
	}
}

// discard is a ResponseWriter that forgets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{"Content-Type": {"application/json"}} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestCallbackAndComponentNeedNoRequest(t *testing.T) {
	c, err := New(prefix, t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Callback([]byte(`{"type":4,"data":{"content":"x","flags":64,"allowed_mentions":{"parse":[]}}}`)); err != nil {
		t.Error(err)
	}
	if err := c.Callback([]byte(`{"type":4,"data":{"content":"x"}}`)); err == nil || !strings.Contains(err.Error(), "allowed-mentions") {
		t.Errorf("got %v", err)
	}
	if err := c.Component("MessageResponse", []byte(messageOf(""))); err != nil {
		t.Error(err)
	}
	if err := c.Component("MessageResponse", []byte(`{"id":"1"}`)); err == nil {
		t.Error("half a message passed")
	}
	if err := c.Component("NoSuchThing", []byte(`{}`)); err == nil {
		t.Error("an unknown schema passed")
	}
}
