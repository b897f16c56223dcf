package discordtest_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/integrations/discord/discordtest"
)

var commands = []obj{
	{"name": "status", "description": "The status page", "type": 1, "default_member_permissions": nil, "options": []obj{
		{"type": 1, "name": "post", "description": "Post an update", "options": []obj{
			{"type": 3, "name": "text", "description": "What to say", "required": true},
			{"type": 3, "name": "severity", "description": "How bad", "choices": []obj{{"name": "SEV1", "value": "1"}}},
			{"type": 6, "name": "by", "description": "Who"},
			{"type": 4, "name": "minutes", "description": "How long", "min_value": 1},
		}},
		{"type": 1, "name": "resolve", "description": "It is over"},
	}},
	{"name": "node", "description": "A node", "options": []obj{{"type": 3, "name": "name", "description": "Which", "autocomplete": true}}},
	{"name": "Add to timeline", "type": 3},
}

// botOf answers every interaction that comes over discordgo with what the test says.
// wait waits until all of it is done.
func botOf(t *testing.T, s *discordtest.Server, handle func(*discordgo.Interaction)) (wait func()) {
	t.Helper()
	d := session(t, s, plain)
	var busy sync.WaitGroup
	d.AddHandler(func(_ *discordgo.Session, i *discordgo.InteractionCreate) { busy.Go(func() { handle(i.Interaction) }) })
	open(t, s, d)
	api{t, s}.ok("PUT", "/applications/"+s.ApplicationID()+"/guilds/"+s.GuildID()+"/commands", commands)
	return busy.Wait
}

func callback(a api, i *discordgo.Interaction, kind int, data any) reply {
	return a.do("POST", "/interactions/"+i.ID+"/"+i.Token+"/callback", obj{"type": kind, "data": data})
}

func hook(s *discordtest.Server, i *discordgo.Interaction) string {
	return "/webhooks/" + s.ApplicationID() + "/" + i.Token
}

// interactionsTour answers in each way that there is.
func interactionsTour(t *testing.T, s *discordtest.Server) {
	t.Helper()
	a := api{t, s}
	wait := botOf(t, s, func(i *discordgo.Interaction) {
		private := obj{"content": "only you", "flags": 64, "allowed_mentions": quiet}
		switch i.Type {
		case discordgo.InteractionApplicationCommandAutocomplete:
			callback(a, i, 8, obj{"choices": []obj{{"name": "lke-1", "value": "lke-1"}}})
		case discordgo.InteractionModalSubmit:
			a.do("POST", "/interactions/"+i.ID+"/"+i.Token+"/callback?with_response=true", obj{"type": 4, "data": private})
		case discordgo.InteractionMessageComponent:
			switch i.MessageComponentData().CustomID {
			case "do/ack":
				callback(a, i, 7, obj{"content": "acknowledged", "allowed_mentions": quiet})
			case "form":
				callback(a, i, 9, obj{"custom_id": "send", "title": "Post", "components": []obj{{"type": 1, "components": []obj{
					{"type": 4, "custom_id": "text", "label": "Text", "style": 2, "value": "We are looking", "max_length": 40}}}}})
			default:
				a.do("POST", "/interactions/"+i.ID+"/"+i.Token+"/callback?with_response=true", obj{"type": 6})
			}
		default:
			callback(a, i, 5, obj{"flags": 64})
			a.ok("PATCH", hook(s, i)+"/messages/@original", obj{"content": "done", "allowed_mentions": quiet})
			a.ok("GET", hook(s, i)+"/messages/@original", nil)
			more := a.ok("POST", hook(s, i)+"?wait=true", private).id(t)
			a.ok("DELETE", hook(s, i)+"/messages/"+more, nil)
		}
	})
	defer wait()
	joe := s.As("joe")
	seen, err := joe.Slash(ctx(t), "general", "/status post text:We look into it: really severity:SEV1 by:joe minutes:5")
	if err != nil || seen.Answer == nil || seen.Answer.Content != "done" || !seen.Answer.Ephemeral() {
		t.Fatalf("slash: %+v, %v", seen, err)
	}
	general := s.Channel("general").ID
	m := s.Messages(general)
	if len(m) != 0 {
		t.Errorf("everybody sees what was ephemeral: %v", m)
	}
	with := maps.Clone(board)
	with["components"] = append([]obj{{"type": 1, "components": []obj{{"type": 2, "style": 2, "label": "Post", "custom_id": "form"}}}}, board["components"].([]obj)...)
	a.ok("POST", "/channels/"+general+"/messages", with)
	post := s.Messages(general)[0]
	if seen, err = joe.Click(ctx(t), post, "Acknowledge"); err != nil || seen.Answer.ID != post.ID || seen.Answer.Content != "acknowledged" {
		t.Errorf("click: %+v, %v", seen, err)
	}
	if seen, err = joe.Choose(ctx(t), post, "Severity", "SEV1"); err != nil || seen.Failed != "" || seen.Answer.ID != post.ID {
		t.Errorf("choose: %+v, %v", seen, err)
	}
	if seen, err = joe.Choose(ctx(t), post, "Who leads", "joe"); err != nil || seen.Failed != "" {
		t.Errorf("choose a person: %+v, %v", seen, err)
	}
	if seen, err = joe.Click(ctx(t), post, "Post"); err != nil || seen.Modal == nil || seen.Modal.Title != "Post" {
		t.Fatalf("form: %+v, %v", seen, err)
	}
	before := s.Typed("joe")
	if seen, err = joe.Submit(ctx(t), seen.Modal, map[string]string{"Text": "We are still looking"}); err != nil || seen.Answer.Content != "only you" {
		t.Errorf("submit: %+v, %v", seen, err)
	}
	if n := s.Typed("joe") - before; n != len("still ") {
		t.Errorf("typed %d characters", n)
	}
	if seen, err = joe.Autocomplete(ctx(t), "general", "/node name:lk"); err != nil || len(seen.Choices) != 1 || seen.Choices[0].Name != "lke-1" {
		t.Errorf("autocomplete: %+v, %v", seen, err)
	}
	if seen, err = joe.Menu(ctx(t), post, "Add to timeline"); err != nil || seen.Answer == nil || seen.Answer.Content != "done" {
		t.Errorf("menu: %+v, %v", seen, err)
	}
	if others, err := s.As("chris").Sees(ctx(t), "general"); err != nil || len(others) != 1 {
		t.Errorf("chris sees %v, %v", others, err)
	}
}

func TestClientsRefuseWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	a := api{t, s}
	a.ok("PUT", "/applications/"+s.ApplicationID()+"/guilds/"+s.GuildID()+"/commands", commands)
	for line, want := range map[string]string{
		"/nothing":                          "no command",
		"/status post":                      "text is required",
		"/status post text:a severity:SEV9": "not among the choices",
		"/status post text:a minutes:0":     "no number",
		"/status post text:a by:nobody":     "cannot be found",
		"/status undo":                      "no subcommand",
	} {
		if _, err := s.As("joe").Slash(ctx(t), "general", line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, discordtest.Options{Now: c.now, Deadline: 50 * time.Millisecond})
	a := api{t, s}
	got := make(chan *discordgo.Interaction, 1)
	botOf(t, s, func(i *discordgo.Interaction) { got <- i })
	seen, err := s.As("joe").Slash(ctx(t), "general", "/status resolve")
	if err != nil || seen.Failed != discordtest.FailedCommand {
		t.Errorf("%+v, %v", seen, err)
	}
	if r := callback(a, <-got, 4, obj{"content": "late", "allowed_mentions": quiet}); r.status != 404 || r.code(t) != 10062 {
		t.Errorf("a late answer: %d %s", r.status, r.body)
	}
}

func TestThreeVirtualSecondsEndAnInteractionAndFifteenMinutesItsToken(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, discordtest.Options{Now: c.now, After: never})
	a := api{t, s}
	got := make(chan *discordgo.Interaction, 1)
	botOf(t, s, func(i *discordgo.Interaction) { got <- i })
	result := make(chan discordtest.Seen, 1)
	slash := func() {
		seen, err := s.As("joe").Slash(context.WithoutCancel(t.Context()), "general", "/status resolve")
		if err != nil {
			t.Error(err)
		}
		result <- seen
	}
	go slash()
	i := <-got
	c.pass(2900 * time.Millisecond)
	if r := callback(a, i, 5, nil); r.status != 204 {
		t.Fatalf("in time: %d %s", r.status, r.body)
	}
	if r := callback(a, i, 4, obj{"content": "again"}); r.code(t) != 40060 {
		t.Errorf("second answer: %s", r.body)
	}
	c.pass(14 * time.Minute)
	a.ok("POST", hook(s, i), obj{"content": "after a while"})
	if seen := <-result; seen.Answer == nil || seen.Answer.Content != "after a while" {
		t.Errorf("the first follow-up takes the placeholder's place: %+v", seen)
	}
	c.pass(time.Minute)
	if r := a.do("POST", hook(s, i), obj{"content": "too late"}); r.status != 401 || r.code(t) != 50027 {
		t.Errorf("after 15 minutes: %d %s", r.status, r.body)
	}
	go slash()
	i = <-got
	c.pass(3100 * time.Millisecond)
	if r := callback(a, i, 4, obj{"content": "late"}); r.code(t) != 10062 {
		t.Errorf("after 3 s: %s", r.body)
	}
	if seen := <-result; seen.Failed != discordtest.FailedCommand {
		t.Errorf("seen %+v", seen)
	}
}

// never is After of a clock that the test moves: only late answers end a wait.
func never(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

// endpoint is an HTTP interactions endpoint; careless ones verify nothing.
func endpoint(t *testing.T, s *discordtest.Server, careless bool) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sig, err := hex.DecodeString(r.Header.Get("X-Signature-Ed25519"))
		if err != nil || !careless && !ed25519.Verify(s.PublicKey(), append([]byte(r.Header.Get("X-Signature-Timestamp")), body...), sig) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var i struct{ Type int }
		if err := json.Unmarshal(body, &i); err != nil {
			t.Error(err)
		}
		answer := obj{"type": 1}
		if i.Type == 2 {
			answer = obj{"type": 4, "data": obj{"content": "over HTTP"}}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestInteractionsOverHTTP(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	api{t, s}.ok("PUT", "/applications/"+s.ApplicationID()+"/guilds/"+s.GuildID()+"/commands", commands)
	if err := s.SetInteractionsURL(ctx(t), endpoint(t, s, true)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a careless endpoint: %v", err)
	}
	if err := s.SetInteractionsURL(ctx(t), endpoint(t, s, false)); err != nil {
		t.Fatal(err)
	}
	seen, err := s.As("joe").Slash(ctx(t), "general", "/status resolve")
	if err != nil || seen.Answer == nil || seen.Answer.Content != "over HTTP" {
		t.Errorf("%+v, %v", seen, err)
	}
}

// The person sees a failure, and nothing of what was refused.
func TestAnswersThatDiscordRefuses(t *testing.T) {
	t.Parallel()
	many := make([]obj, 26)
	for i := range many {
		many[i] = obj{"name": "x", "value": "x"}
	}
	for _, c := range []struct {
		name string
		do   func(a api, i *discordgo.Interaction) reply
		code int
	}{
		{"in a room that is gone", func(a api, i *discordgo.Interaction) reply {
			a.ok("DELETE", "/channels/"+i.ChannelID, nil)
			return callback(a, i, 4, obj{"content": "x"})
		}, 10003},
		{"a form with a title too long", func(a api, i *discordgo.Interaction) reply {
			return callback(a, i, 9, obj{"custom_id": "x", "title": strings.Repeat("x", 46), "components": []obj{{"type": 1, "components": []obj{{"type": 4, "custom_id": "a", "label": "a", "style": 1}}}}})
		}, 50035},
		{"choices for what is no autocompletion", func(a api, i *discordgo.Interaction) reply {
			return callback(a, i, 8, obj{"choices": many})
		}, 50035},
		{"an update of no message", func(a api, i *discordgo.Interaction) reply { return callback(a, i, 7, obj{"content": "x"}) }, 50035},
		{"a follow-up before the answer", func(a api, i *discordgo.Interaction) reply {
			return a.do("POST", hook(a.s, i), obj{"content": "x"})
		}, 10015},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, discordtest.Options{Deadline: 200 * time.Millisecond})
			a := api{t, s}
			s.AddChannel("room", discordtest.ChannelText, "")
			wait := botOf(t, s, func(i *discordgo.Interaction) {
				if r := c.do(a, i); r.code(t) != c.code {
					t.Errorf("%d %s", r.status, r.body)
				}
			})
			seen, err := s.As("joe").Slash(ctx(t), "room", "/status resolve")
			if err != nil || seen.Failed != discordtest.FailedCommand || seen.Modal != nil || seen.Answer != nil {
				t.Errorf("%+v, %v", seen, err)
			}
			wait()
		})
	}
}

func TestNullEmptiesAndAbsenceKeeps(t *testing.T) {
	t.Parallel()
	s := start(t, discordtest.Options{})
	a := api{t, s}
	m := general(s) + "/messages/" + a.ok("POST", general(s)+"/messages", obj{"content": "text", "embeds": []obj{{"title": "title"}}}).id(t)
	a.ok("PATCH", m, obj{"content": nil})
	if got := s.Messages("general")[0].Text(); got != "title" {
		t.Errorf("after content: null it says %q", got)
	}
	a.ok("PATCH", m, obj{"content": "new", "embeds": nil, "flags": 64})
	if got := s.Messages("general")[0]; got.Text() != "new" || got.Ephemeral() {
		t.Errorf("after embeds: null it says %q", got.Text())
	}
}
