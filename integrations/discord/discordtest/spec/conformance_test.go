package spec_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/discordtest/spec"
)

// TestSimulatedDiscordIsLikeTheRealOne drives every endpoint that the simulator
// serves, with everything that its answers can hold, and holds requests and answers
// to Discord's document. It fails when the simulator serves what was not driven.
func TestSimulatedDiscordIsLikeTheRealOne(t *testing.T) {
	b := newBot(t)
	gateway := listen(b)
	guild(b)
	channel := channels(b)
	messages(b, channel)
	threads(b, channel)
	interactions(b, channel)
	errors(b, channel)
	gateway.hold(t)

	served := simulated(t)
	missing := spec.Missing(b.checker.Covered(), served)
	if len(missing) > 0 {
		t.Errorf("the simulator serves these, and none of their answers was right: %s", strings.Join(missing, ", "))
	}
	if missing := spec.Missing(served, spec.Used); len(missing) > 0 {
		t.Errorf("the product uses these, and the simulator does not serve them: %s", strings.Join(missing, ", "))
	}
	const least = 45
	if n := len(b.checker.Covered()); n < least {
		t.Errorf("only %d operations were covered, at least %d are expected: were the checks in the way of the requests at all?", n, least)
	}
	requests := 0
	for _, n := range b.checker.Counts() {
		requests += n.Requests
	}
	t.Logf("%d operations covered with %d requests", len(b.checker.Covered()), requests)
}

// simulated asks a simulator without checks for every operation of the document, and
// returns those that it knows. Deprecated ones do not count.
func simulated(t *testing.T) []string {
	t.Helper()
	sim, err := discordtest.New(discordtest.Options{Limits: discordtest.NoLimits})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	var served []string
	for _, op := range spec.Paths() {
		path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(op.Path, "1")
		r, err := http.NewRequestWithContext(t.Context(), op.Method, sim.API()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r) // without a token: known paths answer 401
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		none := strings.Contains(string(body), "404: Not Found") || strings.Contains(string(body), "405: Method Not Allowed")
		if !none && !strings.HasPrefix(op.ID, "deprecated_") {
			served = append(served, op.ID)
		}
	}
	return served
}

func guild(b *bot) {
	g := "/guilds/" + b.sim.GuildID()
	ada := b.sim.UserID("Ada")
	b.sim.AddRole("on call", discordtest.ManageMessages, "Ada")
	for _, path := range []string{
		"/gateway", "/gateway/bot", "/users/@me", "/users/" + ada, "/applications/@me", "/oauth2/applications/@me", g, g + "?with_counts=true", g + "/roles",
		g + "/members?limit=10", g + "/members/search?query=Ad&limit=5", g + "/members/" + ada, g + "/channels", g + "/threads/active",
	} {
		b.do(200, "GET", path, nil)
	}
	app := "/applications/" + b.sim.ApplicationID()
	b.do(200, "PUT", app+g+"/commands", []m{
		{"name": "status", "description": "The page", "default_member_permissions": "0", "options": []m{
			{"type": 1, "name": "post", "description": "Says something", "options": []m{
				{"type": 3, "name": "text", "description": "What", "required": true, "max_length": 1000},
				{"type": 3, "name": "service", "description": "Which", "autocomplete": true},
				{"type": 4, "name": "minutes", "description": "How long", "min_value": 1, "max_value": 60},
				{"type": 3, "name": "state", "description": "How", "choices": []m{{"name": "Down", "value": "down"}}},
				{"type": 6, "name": "who", "description": "Who"},
			}},
			{"type": 2, "name": "page", "description": "Pages", "options": []m{{"type": 1, "name": "list", "description": "Lists"}}},
		}},
		{"name": "ack", "description": "Acknowledges", "name_localizations": m{"de": "annehmen"}},
		{"name": "Add to timeline", "type": 3},
		{"name": "Page", "type": 2},
	})
	list := b.do(200, "GET", app+g+"/commands?with_localizations=true", nil)
	var commands []struct{ ID, Name string }
	if err := json.Unmarshal(list, &commands); err != nil || len(commands) != 4 {
		b.t.Fatalf("commands: %s", list)
	}
	b.do(204, "DELETE", app+g+"/commands/"+commands[3].ID, nil)
	b.do(200, "PUT", app+"/commands", []m{})
	b.do(200, "GET", app+"/commands", nil)
}

func channels(b *bot) string {
	g := "/guilds/" + b.sim.GuildID()
	ada := b.sim.UserID("Ada")
	category := b.create(201, "POST", g+"/channels", m{"name": "Incidents", "type": 4})
	hidden := []m{{"id": b.sim.GuildID(), "type": 0, "deny": "1024", "allow": "0"}, {"id": b.sim.BotID(), "type": 1, "allow": "1024", "deny": "0"}}
	channel := b.create(201, "POST", g+"/channels", m{"name": "inc-0007-checkout-fails", "type": 0, "topic": "INC-7", "parent_id": category, "permission_overwrites": hidden})
	other := b.create(201, "POST", g+"/channels", m{"name": "other"})
	b.create(201, "POST", g+"/channels", m{"name": "calls", "type": 2})
	b.do(200, "GET", "/channels/"+channel, nil)
	b.do(200, "PATCH", "/channels/"+channel, m{"topic": "INC-7 · SEV1", "position": 3})
	b.do(200, "PATCH", "/channels/"+channel, m{"parent_id": nil, "permission_overwrites": hidden})
	b.do(204, "PUT", "/channels/"+channel+"/permissions/"+ada, m{"type": 1, "allow": "3072", "deny": "0"})
	b.do(200, "GET", g+"/channels", nil)
	b.do(204, "DELETE", "/channels/"+channel+"/permissions/"+b.sim.GuildID(), nil)
	b.do(204, "POST", "/channels/"+channel+"/typing", nil)
	b.do(200, "DELETE", "/channels/"+other, nil)
	return channel
}

func buttons() []m {
	return []m{
		{"type": 1, "components": []m{
			{"type": 2, "style": 1, "label": "Acknowledge", "custom_id": "do/incident/ack", "emoji": m{"name": "✅"}},
			{"type": 2, "style": 5, "label": "Open", "url": "https://wardroom.example/INC-7"}, {"type": 2, "style": 4, "label": "Off", "custom_id": "off", "disabled": true},
		}},
		{"type": 1, "components": []m{{"type": 3, "custom_id": "pick/severity", "placeholder": "Severity", "min_values": 1, "max_values": 2, "options": []m{
			{"label": "SEV1", "value": "1", "default": true, "description": "all is down"}, {"label": "SEV2", "value": "2"},
		}}}},
		{"type": 1, "components": []m{{"type": 5, "custom_id": "pick/lead", "placeholder": "Lead"}}},
	}
}

func full(b *bot) m {
	return m{
		"content": fmt.Sprintf("<@%s> SEV1 @everyone", b.sim.UserID("Ada")), "components": buttons(),
		"embeds": []m{{
			"title": "INC-7", "description": "```\nraw\n```", "url": "https://wardroom.example/INC-7", "color": 0xcc0000, "timestamp": "2026-11-20T00:30:00Z",
			"footer": m{"text": "INC-1#17"}, "author": m{"name": "wardroom", "url": "https://wardroom.example"}, "fields": []m{{"name": "Leads", "value": "nobody", "inline": true}},
			"image": m{"url": "https://wardroom.example/graph.png"}, "thumbnail": m{"url": "https://wardroom.example/t.png"},
		}},
		"allowed_mentions": m{"parse": []string{}, "users": []string{b.sim.UserID("Ada")}, "replied_user": false},
	}
}

func messages(b *bot, channel string) {
	at := "/channels/" + channel + "/messages"
	once := full(b)
	once["nonce"], once["enforce_nonce"] = "INC-7#17", true
	first := b.create(200, "POST", at, once)
	if again := b.create(200, "POST", at, once); again != first {
		b.t.Errorf("the nonce made a second message")
	}
	reply := text("a reply")
	reply["message_reference"] = m{"message_id": first, "fail_if_not_exists": true}
	second := b.create(200, "POST", at, reply)
	third := b.create(200, "POST", at, text("a third"))
	file := upload(b, 200, "POST", at, m{"content": "", "allowed_mentions": nobody, "attachments": []m{{"id": 0, "filename": "log.txt", "description": "the log"}}}, "log.txt", "one\ntwo")
	v2 := b.create(200, "POST", at, m{"flags": 1 << 15, "allowed_mentions": nobody, "components": []m{
		{"type": 17, "accent_color": 0xcc0000, "components": []m{{"type": 10, "content": "# INC-7"}, {"type": 14}, buttons()[0]}},
	}})
	b.do(200, "PATCH", at+"/"+first, full(b))
	b.do(200, "PATCH", at+"/"+first, m{"components": []m{}})
	if _, err := b.sim.As("Ada").Say(b.t.Context(), channel, "hello <@"+b.sim.BotID()+">", discordtest.File{Name: "a.png", ContentType: "image/png", Body: []byte("x")}); err != nil {
		b.t.Fatal(err)
	}
	b.do(200, "GET", at+"/"+first, nil)
	b.do(204, "PUT", at+"/pins/"+first, nil)
	b.do(204, "PUT", at+"/"+first+"/reactions/%F0%9F%93%8C/@me", nil)
	if err := b.sim.As("Bo").React(b.t.Context(), &discordtest.Message{ID: second}, "📌"); err != nil {
		b.t.Fatal(err)
	}
	b.do(200, "GET", at+"?limit=100", nil)
	b.do(200, "GET", at+"?limit=2&after="+first, nil)
	b.do(200, "GET", at+"?around="+second, nil)
	b.do(200, "GET", at+"/pins?limit=50", nil)
	b.do(200, "GET", at+"/"+second+"/reactions/%F0%9F%93%8C?limit=10", nil)
	b.do(204, "DELETE", at+"/"+first+"/reactions/%F0%9F%93%8C/@me", nil)
	b.do(204, "DELETE", at+"/"+second+"/reactions/%F0%9F%93%8C/"+b.sim.UserID("Bo"), nil)
	b.do(204, "DELETE", at+"/"+second+"/reactions", nil)
	b.do(204, "DELETE", at+"/pins/"+first, nil)
	b.do(204, "DELETE", at+"/"+file, nil)
	b.do(204, "POST", at+"/bulk-delete", m{"messages": []string{third, v2}})
}

func upload(b *bot, want int, method, path string, payload any, name, content string) string {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	field, err := form.CreateFormField("payload_json")
	if err == nil {
		err = json.NewEncoder(field).Encode(payload)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	file, err := form.CreateFormFile("files[0]", name)
	if err == nil {
		_, err = io.WriteString(file, content)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	var made struct{ ID string }
	if answer := b.send(want, method, path, form.FormDataContentType(), body.Bytes()); len(answer) > 0 {
		if err := json.Unmarshal(answer, &made); err != nil {
			b.t.Error(err)
		}
	}
	return made.ID
}

func threads(b *bot, channel string) {
	at := "/channels/" + channel
	first := b.create(200, "POST", at+"/messages", text("starts a thread"))
	b.create(201, "POST", at+"/messages/"+first+"/threads", m{"name": "below a message"})
	thread := b.create(201, "POST", at+"/threads", m{"name": "inc-0008", "type": 11, "auto_archive_duration": 10080})
	b.create(200, "POST", "/channels/"+thread+"/messages", text("in it"))
	b.do(200, "GET", "/channels/"+thread, nil)
	b.do(200, "GET", "/channels/"+thread+"/messages?limit=5", nil)
	b.do(204, "PUT", "/channels/"+thread+"/thread-members/"+b.sim.UserID("Ada"), nil)
	b.do(200, "GET", "/channels/"+thread+"/thread-members", nil)
	b.do(200, "GET", "/channels/"+thread+"/thread-members?with_member=true", nil)
	b.do(200, "GET", "/channels/"+thread+"/thread-members/"+b.sim.UserID("Ada"), nil)
	b.do(204, "DELETE", "/channels/"+thread+"/thread-members/"+b.sim.UserID("Ada"), nil)
	b.do(204, "DELETE", "/channels/"+thread+"/thread-members/@me", nil)
	b.do(204, "PUT", "/channels/"+thread+"/thread-members/@me", nil)
	b.do(200, "GET", "/guilds/"+b.sim.GuildID()+"/threads/active", nil)
	b.do(200, "PATCH", "/channels/"+thread, m{"archived": true, "locked": true, "name": "inc-0008-closed"})
	b.do(200, "GET", at+"/threads/archived/public?limit=50", nil)
	b.do(200, "GET", at+"/messages?limit=100", nil)
	b.do(200, "DELETE", "/channels/"+thread, nil)
}

func interactions(b *bot, channel string) {
	ctx, ada := b.t.Context(), b.sim.As("Ada")
	b.sim.AddRole("administrators", discordtest.Administrator, "Ada")
	callback := func(i interaction, body m) {
		b.do(200, "POST", "/interactions/"+i.ID+"/"+i.Token+"/callback?with_response=true", body)
	}
	original := func(i interaction) string {
		return "/webhooks/" + b.sim.ApplicationID() + "/" + i.Token + "/messages/@original"
	}
	must := func(seen discordtest.Seen, err error) discordtest.Seen {
		b.t.Helper()
		b.busy.Wait() // the first answer ends the act, the bot goes on
		if err != nil || seen.Failed != "" {
			b.t.Fatalf("%v %s", err, seen.Failed)
		}
		return seen
	}

	b.whenAsked(func(i interaction) {
		answer := full(b)
		answer["flags"] = 64
		callback(i, m{"type": 4, "data": answer})
		b.do(200, "GET", original(i), nil)
		b.do(200, "PATCH", original(i), text("changed"))
		hook := "/webhooks/" + b.sim.ApplicationID() + "/" + i.Token
		more := b.create(200, "POST", hook+"?wait=true", m{"content": "more", "allowed_mentions": nobody, "flags": 64})
		b.create(200, "POST", hook+"?wait=true", text("for all"))
		b.do(200, "GET", hook+"/messages/"+more, nil)
		b.do(200, "PATCH", hook+"/messages/"+more, text("more again"))
		b.do(204, "DELETE", hook+"/messages/"+more, nil)
		b.do(204, "DELETE", original(i), nil)
	})
	must(ada.Slash(ctx, channel, "/status post text:down minutes:5 state:Down who:Bo"))

	b.whenAsked(func(i interaction) {
		callback(i, m{"type": 5, "data": m{"flags": 64}})
		upload(b, 200, "PATCH", original(i), m{"content": "done", "allowed_mentions": nobody, "attachments": []m{{"id": 0, "filename": "a.txt"}}}, "a.txt", "a")
	})
	must(ada.Slash(ctx, channel, "/ack"))

	b.whenAsked(func(i interaction) {
		callback(i, m{"type": 8, "data": m{"choices": []m{{"name": "Checkout", "value": "checkout"}}}})
	})
	must(ada.Autocomplete(ctx, channel, "/status post text:x service:ch"))

	post := b.create(200, "POST", "/channels/"+channel+"/messages", full(b))
	on := &discordtest.Message{ID: post}
	b.whenAsked(func(i interaction) { callback(i, m{"type": 6}); b.do(200, "GET", original(i), nil) })
	must(ada.Click(ctx, on, "Acknowledge"))
	b.whenAsked(func(i interaction) {
		b.do(204, "POST", "/interactions/"+i.ID+"/"+i.Token+"/callback", m{"type": 7, "data": full(b)})
	})
	must(ada.Click(ctx, on, "Acknowledge"))
	b.whenAsked(func(i interaction) { callback(i, m{"type": 7, "data": full(b)}) })
	must(ada.Choose(ctx, on, "Severity", "SEV2"))
	must(ada.Choose(ctx, on, "Lead", "Bo"))
	b.whenAsked(func(i interaction) {
		upload(b, 200, "POST", "/interactions/"+i.ID+"/"+i.Token+"/callback?with_response=true",
			m{"type": 4, "data": m{"content": "a file", "allowed_mentions": nobody, "attachments": []m{{"id": 0, "filename": "a.txt"}}}}, "a.txt", "a")
	})
	must(ada.Menu(ctx, on, "Add to timeline"))
	b.whenAsked(func(i interaction) {
		callback(i, m{"type": 9, "data": m{"title": "Post status", "custom_id": "send/status/post", "components": []m{
			{"type": 1, "components": []m{{"type": 4, "custom_id": "text", "label": "Text", "style": 2, "value": "down"}}},
		}}})
	})
	form := must(ada.Click(ctx, on, "Acknowledge")).Modal
	if form == nil {
		b.t.Fatal("no form opened")
	}
	b.whenAsked(func(i interaction) { callback(i, m{"type": 4, "data": text("posted")}) })
	must(ada.Submit(ctx, form, map[string]string{"Text": "up"}))
}

// errors are answers, too: of every kind that a bot meets.
func errors(b *bot, channel string) {
	at := "/channels/" + channel + "/messages"
	b.do(404, "GET", "/channels/1", nil)
	b.do(404, "GET", at+"/1", nil)
	b.do(404, "GET", "/users/1", nil)
	b.do(404, "GET", "/guilds/1", nil)
	b.do(404, "PATCH", "/webhooks/"+b.sim.ApplicationID()+"/nothing/messages/@original", text("x"))
	b.do(404, "POST", "/interactions/1/nothing/callback", m{"type": 6})
	parent := m{"name": "a", "parent_id": "1"}
	b.do(400, "POST", "/guilds/"+b.sim.GuildID()+"/channels", parent)
	b.do(204, "PUT", "/channels/"+channel+"/permissions/"+b.sim.GuildID(), m{"type": 0, "allow": "0", "deny": "2048"})
	b.sim.SetPermissions(discordtest.ViewChannel)
	b.do(403, "POST", "/guilds/"+b.sim.GuildID()+"/channels", m{"name": "a"})
	b.do(403, "POST", at, text("x"))
	b.sim.SetPermissions(discordtest.Administrator)
	limits := []int{}
	for range 8 { // one second passes with each: 5 in 5 s are free
		b.mu.Lock()
		b.now = b.now.Add(-900 * 1e6)
		b.mu.Unlock()
		limits = append(limits, status(b, at))
	}
	if !slices.Contains(limits, 429) {
		b.t.Errorf("no rate limit struck: %v", limits)
	}
}

func status(b *bot, at string) int {
	b.t.Helper()
	raw, err := json.Marshal(text("again"))
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), "POST", b.sim.API()+at, bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("User-Agent", "DiscordBot (https://wardroom.example, 1.0)")
	r.Header.Set("Authorization", "Bot "+b.sim.Token())
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// stream is a gateway connection whose events are held to the document.
type stream struct {
	b      *bot
	ws     *websocket.Conn
	done   chan struct{}
	events map[string]int
}

// payloads of events that are objects of the API.
// https://discord.com/developers/docs/events/gateway-events
var payloads = map[string]string{
	"MESSAGE_CREATE": "MessageResponse",
	"MESSAGE_UPDATE": "MessageResponse",
	"CHANNEL_CREATE": "GuildChannelResponse",
	"CHANNEL_UPDATE": "GuildChannelResponse",
	"CHANNEL_DELETE": "GuildChannelResponse",
	"THREAD_CREATE":  "ThreadResponse",
	"THREAD_UPDATE":  "ThreadResponse",
}

func listen(b *bot) *stream {
	ws, res, err := websocket.DefaultDialer.DialContext(b.t.Context(), b.sim.GatewayURL()+"?v=10&encoding=json", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res.Body.Close()
	b.t.Cleanup(func() { ws.Close() })
	s := &stream{b: b, ws: ws, done: make(chan struct{}), events: map[string]int{}}
	if err := ws.WriteJSON(m{"op": 2, "d": m{"token": b.sim.Token(), "intents": 1 | 1<<9 | 1<<10 | 1<<15, "properties": m{"os": "linux", "browser": "test", "device": "test"}}}); err != nil {
		b.t.Fatal(err)
	}
	go s.read()
	if err := b.sim.WaitSession(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (s *stream) read() {
	defer close(s.done)
	for {
		var e struct {
			T string          `json:"t"`
			D json.RawMessage `json:"d"`
		}
		if err := s.ws.ReadJSON(&e); err != nil {
			return // closed at the end
		}
		s.events[e.T]++
		if name := payloads[e.T]; name != "" {
			if err := s.b.checker.Component(name, e.D); err != nil {
				s.b.t.Errorf("%s: %v", e.T, err)
			}
		}
	}
}

// hold ends the connection and wants to have seen every event that is checked.
func (s *stream) hold(t *testing.T) {
	s.ws.Close()
	<-s.done
	for name := range payloads {
		if s.events[name] == 0 {
			t.Errorf("no %s came over the gateway", name)
		}
	}
}

// TestNothingIsSkipped: everything that these tests need is committed.
func TestNothingIsSkipped(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		raw, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`\bt\.Skip(f|Now)?\(`).Match(raw) {
			t.Errorf("%s skips a test", f.Name())
		}
	}
}
