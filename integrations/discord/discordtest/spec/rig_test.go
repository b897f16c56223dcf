package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

const prefix = "/api/v10"

// reports collects what a checker says.
type reports struct {
	mu   sync.Mutex
	said []string
}

func (r *reports) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *reports) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.said, "\n")
}

// sent is a request as the bot makes it; the zero fields are filled in.
type sent struct {
	Method, Path string // the path below the prefix
	Body         string
	Type         string
	Header       map[string]string
}

func (s sent) request() *http.Request {
	r := httptest.NewRequest(s.Method, prefix+s.Path, strings.NewReader(s.Body))
	r.Header.Set("User-Agent", "DiscordBot (https://wardroom.example, 1.0)")
	r.Header.Set("Authorization", "Bot x")
	if s.Body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.Type != "" {
		r.Header.Set("Content-Type", s.Type)
	}
	for name, value := range s.Header {
		if r.Header.Del(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	return r
}

// through sends a request through a new checker to a handler and returns what was
// reported and answered.
func through(t *testing.T, s sent, next http.HandlerFunc) (string, *httptest.ResponseRecorder) {
	t.Helper()
	var said reports
	h, err := Middleware(prefix, said.add, next)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, s.request())
	return said.all(), w
}

// outage answers what is never checked: for tests of requests alone.
func outage(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if body != "" {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// upload returns a multipart request; parts are name, file name, content.
func upload(t *testing.T, method, path string, parts ...[3]string) sent {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name=%q`, p[0])
		if p[1] != "" {
			disposition += fmt.Sprintf(`; filename=%q`, p[1])
		}
		h.Set("Content-Disposition", disposition)
		w, err := form.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, p[2])
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return sent{Method: method, Path: path, Body: body.String(), Type: form.FormDataContentType()}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// times repeats a piece of JSON n times with commas; %d in it is its number.
func times(n int, piece string) string {
	var all []string
	for i := range n {
		all = append(all, strings.ReplaceAll(piece, "%d", fmt.Sprint(i)))
	}
	return strings.Join(all, ",")
}

// Shorthands for bodies: am is what every text carries.
const am = `"allowed_mentions":{"parse":[]}`

func content(s string) string {
	b, _ := json.Marshal(s)
	return `{"content":` + string(b) + `,` + am + `}`
}

func embeds(list string) string { return `{"embeds":[` + list + `],` + am + `}` }

func row(components string) string { return `{"type":1,"components":[` + components + `]}` }

func components(list string) string { return `{"content":"x","components":[` + list + `],` + am + `}` }

func post(body string) sent { return sent{Method: "POST", Path: "/channels/1/messages", Body: body} }

func patch(body string) sent {
	return sent{Method: "PATCH", Path: "/channels/1/messages/2", Body: body}
}

func call(body string) sent {
	return sent{Method: "POST", Path: "/interactions/1/token/callback", Body: body, Header: map[string]string{"Authorization": ""}}
}

func register(list string) sent {
	return sent{Method: "PUT", Path: "/applications/1/guilds/2/commands", Body: `[` + list + `]`}
}

func command(options string) string {
	return `{"name":"status","description":"d","options":[` + options + `]}`
}

func modalOf(inputs string) sent {
	return call(`{"type":9,"data":{"custom_id":"c","title":"t","components":[` + inputs + `]}}`)
}

func input(id, more string) string {
	return row(`{"type":4,"custom_id":"` + id + `","label":"Text","style":2` + more + `}`)
}
