package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// hangUp ends the connection without an answer: the request has arrived.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	conn.Close()
}

func TestALostAnswerIsAmbiguousForWhatMayNotBeSentTwice(t *testing.T) {
	for name, lost := range map[string]func(w http.ResponseWriter){
		"hung up": hangUp,
		"502":     func(w http.ResponseWriter) { w.WriteHeader(502) },
		"broken off": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"id":`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked recorder
			c := overSocket(t, func(w http.ResponseWriter, r *http.Request) { asked.add(r); lost(w) })
			_, err := c.CreateMessage(t.Context(), "1", rest.Message{Content: "x"})
			if !errors.Is(err, rest.ErrAmbiguous) || !problem.Is(err, problem.Unavailable) {
				t.Errorf("%v", err)
			}
			if n := asked.count(); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func TestWhatMayBeRepeatedIsSentAgain(t *testing.T) {
	nonced := rest.Message{Content: "x", Nonce: "INC-1#17", EnforceNonce: true}
	for name, call := range map[string]func(context.Context, *rest.Client) error{
		"GET": func(ctx context.Context, c *rest.Client) error { _, err := c.Channel(ctx, "1"); return err },
		"PUT": func(ctx context.Context, c *rest.Client) error { return c.Pin(ctx, "1", "2", "") },
		"PATCH": func(ctx context.Context, c *rest.Client) error {
			_, err := c.EditMessage(ctx, "1", "2", rest.Message{})
			return err
		},
		"DELETE": func(ctx context.Context, c *rest.Client) error { return c.DeleteMessage(ctx, "1", "2", "") },
		"nonce": func(ctx context.Context, c *rest.Client) error {
			_, err := c.CreateMessage(ctx, "1", nonced)
			return err
		},
		"first answer": func(ctx context.Context, c *rest.Client) error {
			return c.InteractionCallback(ctx, "1", "token", rest.Response{Type: 5})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked recorder
			c := overSocket(t, func(w http.ResponseWriter, r *http.Request) {
				switch n := asked.add(r); {
				case n == 1:
					hangUp(w)
				case r.Method == http.MethodDelete:
					refuse(w, 404, rest.UnknownMessage, "Unknown Message")
				case strings.Contains(r.URL.Path, "/interactions/"):
					refuse(w, 400, rest.AlreadyAcknowledged, "Interaction has already been acknowledged.")
				default:
					answer(w, 200, map[string]any{"id": "7"})
				}
			})
			if err := call(t.Context(), c); err != nil {
				t.Error(err)
			}
			if n := asked.count(); n != 2 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// A page that something else sends in Discord's place is no sign of life.
func TestAnAnswerThatCannotBeReadIsNoHealth(t *testing.T) {
	garbage := true
	c := inMemory(func(w http.ResponseWriter, r *http.Request) {
		if garbage {
			fmt.Fprint(w, "<html>")
			return
		}
		answer(w, 200, map[string]any{"id": "7"})
	})
	if _, err := c.Channel(t.Context(), "1"); !problem.Is(err, problem.Unavailable) || c.Health().OK {
		t.Errorf("%v, health %+v", err, c.Health())
	}
	garbage = false
	if _, err := c.Channel(t.Context(), "1"); err != nil || !c.Health().OK {
		t.Errorf("%v, health %+v", err, c.Health())
	}
}

func TestTheFirstRefusalIsNoSuccess(t *testing.T) {
	c := inMemory(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			refuse(w, 404, rest.UnknownMessage, "Unknown Message")
			return
		}
		refuse(w, 400, rest.AlreadyAcknowledged, "Interaction has already been acknowledged.")
	})
	if err := c.DeleteMessage(t.Context(), "1", "2", ""); !problem.Is(err, problem.NotFound) || rest.CodeOf(err) != rest.UnknownMessage {
		t.Errorf("%v", err)
	}
	err := c.InteractionCallback(t.Context(), "1", "token", rest.Response{Type: 5})
	if !problem.Is(err, problem.Conflict) || rest.CodeOf(err) != rest.AlreadyAcknowledged {
		t.Errorf("%v", err)
	}
}

func TestNobodyThereIsNotAmbiguous(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := rest.New(rest.Options{Token: "t0k3n", Base: "http://" + l.Addr().String(), Clock: timeline.RealClock{}})
	_, err = c.CreateMessage(t.Context(), "1", rest.Message{})
	if errors.Is(err, rest.ErrAmbiguous) || !problem.Is(err, problem.Unavailable) {
		t.Errorf("%v", err)
	}
	if h := c.Health(); h.OK || !strings.Contains(h.Why, "refused") {
		t.Errorf("%+v", h)
	}
}

func TestSilenceEndsByTheDeadline(t *testing.T) {
	for _, c := range []struct {
		name      string
		message   rest.Message
		caller    time.Duration
		want      time.Duration
		attempts  int
		ambiguous bool
	}{
		{"its own", rest.Message{}, time.Hour, 15 * time.Second, 1, true},
		{"the caller's", rest.Message{}, 3 * time.Second, 3 * time.Second, 1, true},
		{"shared by attempts", rest.Message{Nonce: "1", EnforceNonce: true}, time.Hour, 15 * time.Second, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked recorder
				client := inMemory(func(w http.ResponseWriter, r *http.Request) { asked.add(r); <-r.Context().Done() })
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), c.caller)
				defer cancel()
				_, err := client.CreateMessage(ctx, "1", c.message)
				if errors.Is(err, rest.ErrAmbiguous) != c.ambiguous || !problem.Is(err, problem.Unavailable) {
					t.Errorf("%v", err)
				}
				if d := time.Since(begin); d != c.want || asked.count() != c.attempts {
					t.Errorf("%d attempts in %s", asked.count(), d)
				}
			})
		})
	}
}

func TestAWrongTokenStopsEverythingButInteractions(t *testing.T) {
	var asked recorder
	good := "n3w"
	c := inMemory(func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		if auth := r.Header.Get("Authorization"); auth != "Bot "+good && !strings.Contains(r.URL.Path, "/webhooks/") {
			refuse(w, 401, 0, "401: Unauthorized")
			return
		}
		answer(w, 200, map[string]any{"id": "7"})
	})
	for range 3 {
		_, err := c.Me(t.Context())
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Code != problem.Unauthentic || p.Hint == "" || strings.Contains(err.Error(), "t0k3n") {
			t.Fatalf("%v", err)
		}
	}
	if n := asked.count(); n != 1 || c.Stopped() == nil || c.Health().OK {
		t.Errorf("asked %d times, %v", n, c.Stopped())
	}
	if _, err := c.Followup(t.Context(), "1", "token", rest.Message{}); err != nil {
		t.Error(err)
	}
	if got := asked.head[1].Get("Authorization"); got != "" {
		t.Errorf("an interaction carries the bot's token: %q", got)
	}
	c.Trust(good)
	if _, err := c.Me(t.Context()); err != nil || c.Stopped() != nil || !c.Health().OK {
		t.Error(err, c.Stopped(), c.Health())
	}
}

func TestAnExpiredInteractionDoesNotStopTheBot(t *testing.T) {
	c := inMemory(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, 401, rest.InvalidWebhookToken, "Invalid Webhook Token")
	})
	_, err := c.EditOriginal(t.Context(), "1", "token", rest.Message{})
	if !problem.Is(err, problem.NotFound) || c.Stopped() != nil {
		t.Error(err, c.Stopped())
	}
}

func TestFilesTravelBesideTheMessage(t *testing.T) {
	var asked recorder
	c := overSocket(t, func(w http.ResponseWriter, r *http.Request) { asked.add(r); answer(w, 200, map[string]any{"id": "7"}) })
	files := []rest.File{{Name: "log \"1\".txt", ContentType: "text/plain", Body: []byte("it broke")}, {Name: "../é.png", Body: []byte{0x89}}}
	if _, err := c.CreateMessage(t.Context(), "1", rest.Message{Content: "see"}, files...); err != nil {
		t.Fatal(err)
	}
	if err := c.InteractionCallback(t.Context(), "1", "token", rest.Response{Type: 4, Data: rest.Message{Content: "see"}}, files...); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"content":"see","allowed_mentions":{"parse":[],"replied_user":false},"attachments":[{"id":0,"filename":"log _1_.txt"},{"id":1,"filename":".._é.png"}]}`,
		`{"type":4,"data":{"content":"see","allowed_mentions":{"parse":[],"replied_user":false},"attachments":[{"id":0,"filename":"log _1_.txt"},{"id":1,"filename":".._é.png"}]}}`,
	} {
		_, params, err := mime.ParseMediaType(asked.head[i].Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(strings.NewReader(asked.body[i]), params["boundary"])
		got := ""
		for part, err := parts.NextRawPart(); err == nil; part, err = parts.NextRawPart() {
			body, _ := io.ReadAll(part)
			got += fmt.Sprintf("%s %s %q %s\n", part.FormName(), part.Header.Get("Content-Type"), part.FileName(), body)
		}
		if got != "payload_json application/json \"\" "+want+"\nfiles[0] text/plain \"log _1_.txt\" it broke\nfiles[1] application/octet-stream \".._é.png\" \x89\n" {
			t.Errorf("%s", got)
		}
	}
	big := rest.File{Name: "big", Body: make([]byte, 26<<20)}
	if _, err := c.CreateMessage(t.Context(), "1", rest.Message{}, big); !problem.Is(err, problem.Invalid) {
		t.Errorf("%v", err)
	}
}

func TestRequestsAsDiscordWantsThem(t *testing.T) {
	var asked recorder
	c := inMemory(func(w http.ResponseWriter, r *http.Request) { asked.add(r); answer(w, 200, nil) })
	ctx := t.Context()
	_ = c.Pin(ctx, "1", "2", "two  words\nand é")
	_, _ = c.EditChannel(ctx, "1", map[string]any{"parent_id": nil}, "")
	_, _ = c.Messages(ctx, "1", rest.Page{After: "5", Limit: 500})
	_, _ = c.Reactions(ctx, "1", "2", "📌", rest.Page{})
	_, _ = c.Commands(ctx, "1", "2")
	_ = c.InteractionCallback(ctx, "1", "aW50/Zg==", rest.Response{Type: 8, Data: rest.Choices{}})
	want := []string{
		"PUT /channels/1/messages/pins/2 ",
		`PATCH /channels/1 {"parent_id":null}`,
		"GET /channels/1/messages?after=5&limit=100 ",
		"GET /channels/1/messages/2/reactions/%F0%9F%93%8C ",
		"GET /applications/1/guilds/2/commands ",
		`POST /interactions/1/aW50%2FZg==/callback {"type":8,"data":{"choices":[]}}`,
	}
	for i, w := range want {
		if got := asked.seen[i] + " " + asked.body[i]; got != w {
			t.Errorf("want %s\n got %s", w, got)
		}
	}
	if got := asked.head[0].Get("X-Audit-Log-Reason"); got != "two%20words%20and%20%C3%A9" {
		t.Error(got)
	}
	if asked.head[0].Get("Authorization") != "Bot t0k3n" || !strings.HasPrefix(asked.head[0].Get("User-Agent"), "DiscordBot (") {
		t.Error(asked.head[0])
	}
}

func TestWhatIsNoIDIsNotSent(t *testing.T) {
	c := inMemory(func(w http.ResponseWriter, r *http.Request) { t.Errorf("sent %s", r.URL) })
	for _, bad := range []string{"", "1/2", "..", "@me", "1 ", "123456789012345678901"} {
		if err := c.DeleteMessage(t.Context(), "1", bad, ""); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAnEndlessAnswerIsCut(t *testing.T) {
	c := overSocket(t, func(w http.ResponseWriter, r *http.Request) {
		page := bytes.Repeat([]byte(" "), 1<<20)
		for range 100 {
			if _, err := w.Write(page); err != nil {
				return
			}
		}
	})
	if _, err := c.Messages(within(t, 10*time.Second), "1", rest.Page{}); !problem.Is(err, problem.Unavailable) {
		t.Errorf("%v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere := 0
	c := overSocket(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/elsewhere") {
			elsewhere++
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	if _, err := c.Me(t.Context()); !problem.Is(err, problem.Unavailable) || elsewhere != 0 {
		t.Errorf("%v, %d", err, elsewhere)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/webhooks/") {
				<-r.Context().Done()
				return
			}
			tooMany(w, time.Hour, "user")
		}, func(o *rest.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		_, a := c.Followup(t.Context(), "1", "s3cret", rest.Message{})
		_, b := c.Me(t.Context())
		for _, s := range []string{log.String(), a.Error(), b.Error(), c.Health().Why} {
			if strings.Contains(s, "s3cret") || strings.Contains(s, "t0k3n") {
				t.Errorf("%s", s)
			}
		}
		if !strings.Contains(log.String(), "GET /users/@me") {
			t.Errorf("a limit is worth a line: %s", log.String())
		}
	})
}

type counted struct{ lines []string }

func (c *counted) Answered(route string, status int, _ time.Duration) {
	c.lines = append(c.lines, fmt.Sprintf("%s %d", route, status))
}
func (c *counted) Waited(route string, d time.Duration, away bool) {
	c.lines = append(c.lines, fmt.Sprintf("%s waited %s %t", route, d, away))
}
func (c *counted) Limited(route, scope string) {
	c.lines = append(c.lines, fmt.Sprintf("%s limited %s", route, scope))
}

func TestRequestsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked recorder
		var m counted
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			switch asked.add(r) {
			case 1:
				tooMany(w, time.Second, "shared")
			case 2:
				answer(w, 200, map[string]any{})
			default:
				tooMany(w, time.Hour, "user")
			}
		}, func(o *rest.Options) { o.Metrics = &m })
		for range 3 {
			_, _ = c.Channel(t.Context(), "123")
		}
		want := []string{
			"GET /channels/{id} 429", "GET /channels/{id} limited shared", "GET /channels/{id} waited 1s false", "GET /channels/{id} 200",
			"GET /channels/{id} 429", "GET /channels/{id} limited user", "GET /channels/{id} waited 0s true",
		}
		if got, _ := json.Marshal(m.lines); string(got) != string(must(json.Marshal(want))) {
			t.Errorf("%s", got)
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
