// Package ntfytest is a simulated ntfy server with state, and the phones that
// listen to it, for tests and rehearsals: publishing as JSON and by path, cached
// messages, access, and faults that can be scripted. https://docs.ntfy.sh
package ntfytest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Options of a server.
type Options struct {
	Now func() time.Time // its time; nil: the machine's
	// Token, or Username and Password, are asked for when they are set.
	Token, Username, Password string
	// Rewrite changes the address that a button leads to before a phone asks it, as
	// https://wardroom.example.org to where a rehearsal listens; nil: as it stands.
	Rewrite func(address string) string
	// CacheFor is how long messages are kept; 0: 12 hours, as on ntfy.sh.
	CacheFor time.Duration
}

// Server is the simulated ntfy.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	phone    *http.Client

	mu       sync.Mutex
	messages []*Message
	faults   []*Fault
	requests []string
	sealed   map[string]bool // topics that nobody may use
}

// Message as ntfy holds it and phones show it.
type Message struct {
	ID       string   `json:"id"`
	Time     int64    `json:"time"`
	Expires  int64    `json:"expires,omitempty"`
	Event    string   `json:"event"`
	Topic    string   `json:"topic"`
	Title    string   `json:"title,omitempty"`
	Message  string   `json:"message"`
	Priority int      `json:"priority,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Click    string   `json:"click,omitempty"`
	Actions  []Action `json:"actions,omitempty"`

	Cleared bool `json:"-"` // gone from the phone, as a button had worked
}

// Action is a button of a message.
type Action struct {
	ID      string            `json:"id,omitempty"`
	Action  string            `json:"action"`
	Label   string            `json:"label"`
	URL     string            `json:"url,omitempty"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Clear   bool              `json:"clear,omitempty"`
}

// Limits of a real server: https://docs.ntfy.sh/publish/#limitations
const (
	messageLimit = 4096     // bytes; above it a message becomes an attachment
	bodyLimit    = 2 * 4096 // of a message as JSON, in older servers
	mostActions  = 3
)

var topicName = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// New starts a server on a free port of the loopback address.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CacheFor == 0 {
		o.CacheFor = 12 * time.Hour
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, listener: listener, phone: &http.Client{Timeout: 10 * time.Second}, sealed: map[string]bool{}}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// URL is the server's address, without a topic.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close ends the server.
func (s *Server) Close() error { return s.http.Close() }

// Messages are what the phones that listen to a topic hold, the oldest first.
func (s *Server) Messages(topic string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	for _, m := range s.messages {
		if m.Topic == topic {
			all = append(all, *m)
		}
	}
	return all
}

// All are the messages of every topic, the oldest first.
func (s *Server) All() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Message, len(s.messages))
	for n, m := range s.messages {
		all[n] = *m
	}
	return all
}

// Requests are what was asked so far: "POST /", "GET /topic/json?poll=1&since=12h".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Seal lets nobody use a topic any more: 403.
func (s *Server) Seal(topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed[topic] = true
}

// Forget empties the cache, as a restart of a server without a cache file does.
// Phones keep what they have.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		m.Expires = 1
	}
}

// Press taps a button of a message, as a phone does: "http" sends the request and
// clears the notification when it worked, "view" opens the address. It returns
// the answer's status.
func (s *Server) Press(ctx context.Context, id, label string) (status int, err error) {
	s.mu.Lock()
	var pressed *Action
	var on *Message
	for _, m := range s.messages {
		for n := range m.Actions {
			if m.ID == id && m.Actions[n].Label == label && !m.Cleared {
				pressed, on = &m.Actions[n], m
			}
		}
	}
	s.mu.Unlock()
	if pressed == nil {
		return 0, fmt.Errorf("ntfytest: no message %q with a button %q is on the phone", id, label)
	}
	method := pressed.Method
	if pressed.Action == "view" {
		method = http.MethodGet
	} else if method == "" {
		method = http.MethodPost // ntfy's default
	}
	address := pressed.URL
	if s.options.Rewrite != nil {
		address = s.options.Rewrite(address)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(pressed.Body))
	if err != nil {
		return 0, err
	}
	for k, v := range pressed.Headers {
		req.Header.Set(k, v)
	}
	res, err := s.phone.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode >= 200 && res.StatusCode < 300 && pressed.Clear {
		s.mu.Lock()
		on.Cleared = true
		s.mu.Unlock()
	}
	return res.StatusCode, err
}

// Transcript is what the phones show, message by message. Ids and addresses are
// left out: they differ from run to run.
func (s *Server) Transcript() string {
	var b strings.Builder
	for _, m := range s.All() {
		fmt.Fprintf(&b, "%s  %s  priority %d", time.Unix(m.Time, 0).UTC().Format("15:04 UTC"), m.Topic, m.Priority)
		if m.Cleared {
			b.WriteString("  (cleared)")
		}
		fmt.Fprintf(&b, "\n  %s\n", m.Title)
		for line := range strings.SplitSeq(m.Message, "\n") {
			fmt.Fprintf(&b, "  | %s\n", line)
		}
		for _, a := range m.Actions {
			fmt.Fprintf(&b, "  [%s]\n", a.Label)
		}
	}
	return b.String()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the client has gone
	}
	fault := s.begin(r)
	if fault.meet(w) {
		return
	}
	status, answer := s.answer(r, body)
	if fault != nil && fault.Lost {
		cut(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the client may have gone
}

func (s *Server) answer(r *http.Request, body []byte) (int, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	topic, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	publishes := r.Method == http.MethodPost || r.Method == http.MethodPut
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/health":
		return http.StatusOK, []byte(`{"healthy":true}` + "\n")
	case publishes && r.URL.Path == "/":
		return s.publishJSON(r, body)
	case publishes && rest == "" && topicName.MatchString(topic):
		return s.publishPath(r, topic, body)
	case r.Method == http.MethodGet && rest == "json" && topicName.MatchString(topic):
		return s.poll(r, topic)
	case r.Method == http.MethodGet && rest == "auth" && topicName.MatchString(topic):
		if code, refused := s.refused(r, topic); code != 0 {
			return code, refused
		}
		return http.StatusOK, []byte(`{"success":true}` + "\n")
	}
	return problem(http.StatusNotFound, 40401, "page not found")
}

func problem(status, code int, message string) (int, []byte) {
	return status, fmt.Appendf(nil, `{"code":%d,"http":%d,"error":%q}`+"\n", code, status, message)
}

// refused is why a request may not use a topic; 0 when it may.
func (s *Server) refused(r *http.Request, topic string) (int, []byte) {
	name, password, basic := r.BasicAuth()
	switch o := s.options; {
	case o.Token != "" && r.Header.Get("Authorization") != "Bearer "+o.Token,
		o.Username != "" && (!basic || name != o.Username || password != o.Password):
		return problem(http.StatusUnauthorized, 40101, "unauthorized")
	case s.sealed[topic]:
		return problem(http.StatusForbidden, 40301, "forbidden")
	}
	return 0, nil
}

func (s *Server) publishJSON(r *http.Request, body []byte) (int, []byte) {
	var m Message
	switch err := json.Unmarshal(body, &m); {
	case len(body) > bodyLimit:
		return problem(http.StatusRequestEntityTooLarge, 41303, "JSON body too large")
	case err != nil:
		return problem(http.StatusBadRequest, 40017, "invalid request: request body must be message JSON")
	case !topicName.MatchString(m.Topic):
		return problem(http.StatusBadRequest, 40009, "invalid request: topic invalid")
	}
	return s.publish(r, m)
}

func (s *Server) publishPath(r *http.Request, topic string, body []byte) (int, []byte) {
	m := Message{Topic: topic, Message: string(body), Title: r.Header.Get("Title"), Click: r.Header.Get("Click")}
	if tags := r.Header.Get("Tags"); tags != "" {
		m.Tags = strings.Split(tags, ",")
	}
	if p := r.Header.Get("Priority"); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil {
			return problem(http.StatusBadRequest, 40007, "invalid priority parameter")
		}
		m.Priority = n
	}
	return s.publish(r, m)
}

func (s *Server) publish(r *http.Request, m Message) (int, []byte) {
	if code, refused := s.refused(r, m.Topic); code != 0 {
		return code, refused
	}
	switch {
	case m.Priority < 0 || m.Priority > 5:
		return problem(http.StatusBadRequest, 40007, "invalid priority parameter")
	case !utf8.ValidString(m.Message) || !utf8.ValidString(m.Title):
		return problem(http.StatusBadRequest, 40011, "invalid message: message must be UTF-8 encoded")
	case len(m.Message) > messageLimit:
		return problem(http.StatusBadRequest, 40014, "invalid request: attachments not allowed")
	case len(m.Actions) > mostActions || slices.ContainsFunc(m.Actions, func(a Action) bool {
		return a.Label == "" || a.URL == "" || a.Action != "view" && a.Action != "http"
	}):
		return problem(http.StatusBadRequest, 40018, "invalid request: actions invalid")
	}
	now := s.options.Now()
	m.ID, m.Event, m.Time, m.Expires = fmt.Sprintf("ntfy%08d", len(s.messages)+1), "message", now.Unix(), now.Add(s.options.CacheFor).Unix()
	if m.Message == "" {
		m.Message = "triggered"
	}
	for n := range m.Actions {
		m.Actions[n].ID = fmt.Sprintf("action%04d", n)
	}
	s.messages = append(s.messages, &m)
	return encode(m)
}

func encode(m Message) (int, []byte) {
	line, err := json.Marshal(m)
	if err != nil {
		return problem(http.StatusInternalServerError, 50001, "internal server error")
	}
	return http.StatusOK, append(line, '\n')
}

// poll answers with the cached messages, one a line.
func (s *Server) poll(r *http.Request, topic string) (int, []byte) {
	if code, refused := s.refused(r, topic); code != 0 {
		return code, refused
	}
	q := r.URL.Query()
	if q.Get("poll") != "1" {
		return problem(http.StatusBadRequest, 40000, "streams are not simulated")
	}
	now := s.options.Now()
	var since int64
	switch told := q.Get("since"); told {
	case "", "all":
	default:
		if unix, err := strconv.ParseInt(told, 10, 64); err == nil {
			since = unix
		} else if d, err := time.ParseDuration(told); err == nil {
			since = now.Add(-d).Unix()
		} else {
			return problem(http.StatusBadRequest, 40008, "invalid since parameter")
		}
	}
	var lines []byte
	for _, m := range s.messages {
		if m.Topic != topic || m.Time < since || m.Expires < now.Unix() {
			continue
		}
		_, line := encode(*m)
		lines = append(lines, line...)
	}
	return http.StatusOK, lines
}
