package discordtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Intents by which events are chosen;
// https://discord.com/developers/docs/events/gateway#list-of-intents
const (
	intentGuilds    = 1 << 0
	intentMessages  = 1 << 9
	intentReactions = 1 << 10
	intentsKnown    = 1<<26 - 1
	privileged      = IntentMembers | IntentPresences | IntentContent
)

// Opcodes; https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway
const (
	opDispatch  = 0
	opHeartbeat = 1
	opIdentify  = 2
	opResume    = 6
	opReconnect = 7
	opInvalid   = 9
	opHello     = 10
	opAck       = 11
)

// gateway is what the gateway knows. The Server's lock guards it.
type gateway struct {
	sessions   map[string]*session
	order      []*session // as they were made
	conns      []*conn
	identifies int
	resumes    int
	muted      bool
	first      []opening
	refused    []int // close codes for the next handshakes
	delivered  any   // the newest interaction
}

// opening is a packet that comes before READY or RESUMED.
type opening struct {
	op        int
	resumable bool
}

// session outlives its connection, for RESUME.
type session struct {
	id      string
	intents int
	seq     int64
	sent    []event
	conn    *conn // nil while it is away
}

// maxReplay is how many events a session keeps; one that missed more cannot be resumed.
const maxReplay = 5000

type event struct {
	Op   int             `json:"op"`
	Seq  *int64          `json:"s"`
	Type *string         `json:"t"`
	Data json.RawMessage `json:"d"`
}

// conn is one WebSocket. Writes are queued, so that nobody waits for a slow reader.
type conn struct {
	ws      *websocket.Conn
	session *session
	muted   bool
	out     chan outgoing
	done    chan struct{}
	window  window
}

type outgoing struct {
	frame []byte
	code  int // close with it after the frame
	text  string
	cut   bool
}

func (c *conn) send(v any) {
	frame, err := json.Marshal(v)
	if err != nil || c.muted {
		return
	}
	c.put(outgoing{frame: frame})
}

func (c *conn) put(o outgoing) {
	select {
	case c.out <- o:
	case <-c.done:
	default:
		c.ws.Close() // it reads nothing any more
	}
}

func (c *conn) write() {
	defer c.ws.Close()
	for {
		select {
		case <-c.done:
			return
		case o := <-c.out:
			if o.frame != nil && c.ws.WriteMessage(websocket.TextMessage, o.frame) != nil {
				return
			}
			if o.code != 0 {
				c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(o.code, o.text), time.Now().Add(time.Second))
			}
			if o.code != 0 || o.cut {
				return
			}
		}
	}
}

func (c *conn) shut(code int, text string) { c.put(outgoing{code: code, text: text}) }

func (g *gateway) cutAll() {
	for _, c := range g.conns {
		g.detach(c)
		c.ws.Close()
	}
	g.conns = nil
}

// detach leaves the session to be resumed.
func (g *gateway) detach(c *conn) {
	if c.session != nil && c.session.conn == c {
		c.session.conn = nil
	}
}

func (g *gateway) forget(s *session) {
	if s == nil {
		return
	}
	delete(g.sessions, s.id)
	for i, x := range g.order {
		if x == s {
			g.order = append(g.order[:i:i], g.order[i+1:]...)
			break
		}
	}
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// serveGateway is one connection from hello to close.
func (s *Server) serveGateway(w http.ResponseWriter, r *http.Request) {
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer s.listen.forget(ws.UnderlyingConn())
	c := &conn{ws: ws, out: make(chan outgoing, 2*maxReplay), done: make(chan struct{})}
	defer close(c.done)
	go c.write()
	s.mu.Lock()
	s.gateway.conns = append(s.gateway.conns, c)
	s.mu.Unlock()
	defer s.gone(c)
	if v := r.URL.Query().Get("v"); v != "9" && v != "10" {
		c.shut(4012, "Invalid API version.")
	}
	hello, err := json.Marshal(map[string]any{"heartbeat_interval": s.opt.Heartbeat.Milliseconds()})
	if err != nil {
		return
	}
	c.send(event{Op: opHello, Data: hello})
	ws.SetReadLimit(1 << 16)
	for {
		_, raw, err := ws.ReadMessage()
		if err != nil {
			return
		}
		s.receive(c, raw)
	}
}

func (s *Server) gone(c *conn) {
	c.ws.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway.detach(c)
	for i, x := range s.gateway.conns {
		if x == c {
			s.gateway.conns = append(s.gateway.conns[:i:i], s.gateway.conns[i+1:]...)
			break
		}
	}
	s.touch()
}

// receive handles one payload of the client.
func (s *Server) receive(c *conn, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	var p struct {
		Op   int             `json:"op"`
		Data json.RawMessage `json:"d"`
	}
	switch {
	case s.gateway.muted:
		return
	case len(raw) > 4096 || json.Unmarshal(raw, &p) != nil:
		c.shut(4002, "Error while decoding payload.")
		return
	case c.window.take(time.Now(), 120, time.Minute) > 0: // real time: heartbeats are
		c.shut(4008, "Rate limited.")
		return
	}
	switch p.Op {
	case opHeartbeat:
		c.send(event{Op: opAck, Data: json.RawMessage("null")})
	case opIdentify:
		s.identify(c, p.Data)
	case opResume:
		s.resume(c, p.Data)
	case 3, 4, 8:
		if c.session == nil {
			c.shut(4003, "Not authenticated.")
		}
	default:
		c.shut(4001, "Unknown opcode.")
	}
}

// disturbed carries out what was scripted for the next handshake.
func (s *Server) disturbed(c *conn) bool {
	g := &s.gateway
	if len(g.refused) > 0 {
		c.shut(g.refused[0], "")
		g.refused = g.refused[1:]
		return true
	}
	if len(g.first) > 0 {
		o := g.first[0]
		g.first = g.first[1:]
		c.send(event{Op: o.op, Data: resumable(o.op, o.resumable)})
		return o.op != opAck
	}
	return false
}

func resumable(op int, yes bool) json.RawMessage {
	if op == opInvalid {
		return json.RawMessage(fmt.Sprint(yes))
	}
	return json.RawMessage("null")
}

func (s *Server) identify(c *conn, data json.RawMessage) {
	var d struct {
		Token      string          `json:"token"`
		Intents    *int            `json:"intents"`
		Properties json.RawMessage `json:"properties"`
		Shard      *[2]int         `json:"shard"`
	}
	if json.Unmarshal(data, &d) != nil || d.Properties == nil || d.Intents == nil {
		c.shut(4002, "Error while decoding payload.")
		return
	}
	g := &s.gateway
	g.identifies++
	switch intents := *d.Intents; {
	case c.session != nil:
		c.shut(4005, "Already authenticated.")
	case strings.TrimPrefix(d.Token, "Bot ") != s.opt.Token:
		c.shut(4004, "Authentication failed.")
	case d.Shard != nil && (d.Shard[1] < 1 || d.Shard[0] >= d.Shard[1]):
		c.shut(4010, "Invalid shard.")
	case intents&^intentsKnown != 0:
		c.shut(4013, "Invalid intent(s).")
	case intents&privileged&^s.opt.Intents != 0:
		c.shut(4014, "Disallowed intent(s).")
	case s.disturbed(c):
	default:
		ses := &session{id: fmt.Sprintf("%032x", g.identifies), intents: intents, conn: c}
		c.session = ses
		g.sessions[ses.id] = ses
		g.order = append(g.order, ses)
		s.ready(ses)
	}
}

func (s *Server) ready(ses *session) {
	s.emit(ses, "READY", map[string]any{
		"v": 9, "user": s.state.users[botID], "guilds": []any{map[string]any{"id": guildID, "unavailable": true}},
		"session_id": ses.id, "session_type": "normal", "resume_gateway_url": s.GatewayURL(), "shard": []int{0, 1},
		"application": map[string]any{"id": applicationID, "flags": 0}, "private_channels": []any{}, "relationships": []any{},
	})
	if ses.intents&intentGuilds == 0 {
		return
	}
	g := s.guildObject()
	members := []*Member{s.state.members[botID]}
	if ses.intents&IntentMembers != 0 {
		members = s.members()
	}
	for k, v := range map[string]any{
		"joined_at": s.state.members[botID].JoinedAt, "large": false, "unavailable": false, "member_count": len(s.state.members),
		"members": members, "channels": s.state.listed(false), "threads": s.threadList(false, "")["threads"],
		"voice_states": []any{}, "presences": []any{}, "stage_instances": []any{}, "guild_scheduled_events": []any{}, "soundboard_sounds": []any{},
	} {
		g[k] = v
	}
	s.emit(ses, "GUILD_CREATE", g)
}

func (s *Server) resume(c *conn, data json.RawMessage) {
	var d struct {
		Token     string `json:"token"`
		SessionID string `json:"session_id"`
		Seq       int64  `json:"seq"`
	}
	if json.Unmarshal(data, &d) != nil {
		c.shut(4002, "Error while decoding payload.")
		return
	}
	if strings.TrimPrefix(d.Token, "Bot ") != s.opt.Token {
		c.shut(4004, "Authentication failed.")
		return
	}
	if s.disturbed(c) {
		return
	}
	ses := s.gateway.sessions[d.SessionID]
	if ses == nil || ses.seq-d.Seq > int64(len(ses.sent)) {
		s.gateway.forget(ses)
		c.send(event{Op: opInvalid, Data: resumable(opInvalid, false)})
		return
	}
	if d.Seq > ses.seq {
		c.shut(4007, "Invalid seq.")
		return
	}
	s.gateway.resumes++
	if ses.conn != nil {
		ses.conn.ws.Close()
	}
	ses.conn, c.session = c, ses
	for _, e := range ses.sent[int64(len(ses.sent))-(ses.seq-d.Seq):] {
		c.send(e)
	}
	s.emit(ses, "RESUMED", map[string]any{"_trace": []string{}})
}
