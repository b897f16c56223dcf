package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
)

// Limits of a gateway connection. Sockets are watched in real time, whatever the
// clock of the rest: a peer that is gone is gone in seconds that pass for everybody.
const (
	gatewayVersion = "10"
	helloTimeout   = 10 * time.Second // from the dial to Hello
	readyTimeout   = 30 * time.Second // from Hello to READY or RESUMED
	writeTimeout   = 10 * time.Second
	ackGrace       = 10 * time.Second // how late the answer to a heartbeat may be
	maxFrame       = 64 << 20         // a GUILD_CREATE of a big guild has some megabytes
	maxBeat        = 10 * time.Minute // longest heartbeat interval that is believed
)

// Opcodes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway
const (
	opDispatch       = 0
	opHeartbeat      = 1
	opIdentify       = 2
	opResume         = 6
	opReconnect      = 7
	opInvalidSession = 9
	opHello          = 10
	opHeartbeatAck   = 11
)

// frame is one message of the gateway.
type frame struct {
	Op   int             `json:"op"`
	Data json.RawMessage `json:"d"`
	Seq  *int64          `json:"s,omitempty"`
	Type string          `json:"t,omitempty"`
}

// resumable is what is needed to go on with a session on another connection.
type resumable struct {
	session string
	url     string // resume_gateway_url
	seq     int64
}

func (r resumable) can() bool { return r.session != "" }

// line is one connection to the gateway, from the dial to its end. It is used by
// one goroutine, which reads; heartbeats are written by another.
//
// discordgo's own Session is not used for this: it deadlocks when the packet after
// IDENTIFY is a reconnect or a heartbeat's answer (bwmarrin/discordgo#513), hides
// the close code, and notices a dead connection after 206 s. See docs/adr.
type line struct {
	conn    *websocket.Conn
	log     *slog.Logger
	token   string
	intents discordgo.Intent
	event   func(name string, data json.RawMessage) // must not block
	up      func(resumed bool)                      // called once, before the first event of a new session

	resume resumable
	ready  bool

	mu      sync.Mutex // guards what the heartbeat shares
	seq     int64
	unacked time.Time // when the oldest heartbeat without an answer was sent
}

// errOver ends a connection that Discord asked to end; the session goes on.
var errOver = errors.New("Discord asked to connect again")

// errInvalidSession ends a connection whose session is gone.
var errInvalidSession = errors.New("Discord has forgotten the session")

// errSilent ends a connection whose heartbeats are not answered.
var errSilent = errors.New("Discord does not answer heartbeats")

// run dials address and serves the connection until it ends or ctx does. Every
// wait in it has a deadline, so that it always comes back: this is the watchdog.
func (l *line) run(ctx context.Context, address string) error {
	conn, err := dial(ctx, address)
	if err != nil {
		return err
	}
	l.conn = conn
	conn.SetReadLimit(maxFrame)
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() {
		// 1000 would end the session at Discord's side, and nobody would see the bot
		// leave; that is what a stop is.
		l.close(websocket.CloseNormalClosure)
		conn.Close()
	})
	defer stop()
	beat, err := l.hello()
	if err != nil {
		return err
	}
	beating, silence := context.WithCancelCause(ctx)
	defer silence(nil)
	go l.heartbeats(beating, silence, beat)
	if err := l.introduce(); err != nil {
		return err
	}
	readyBy := time.Now().Add(readyTimeout)
	for {
		deadline := time.Now().Add(beat + ackGrace) // an answer to a heartbeat comes at least that often
		if !l.ready && readyBy.Before(deadline) {
			deadline = readyBy
		}
		if err := conn.SetReadDeadline(deadline); err != nil {
			return err
		}
		if err := l.read(); err != nil {
			if cause := context.Cause(beating); cause != nil && ctx.Err() == nil {
				err = cause
			}
			return err
		}
	}
}

func dial(ctx context.Context, address string) (*websocket.Conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the gateway's address: %w", err)
	}
	u.RawQuery = url.Values{"v": {gatewayVersion}, "encoding": {"json"}}.Encode()
	if u.Path == "" {
		u.Path = "/"
	}
	d := websocket.Dialer{Proxy: websocket.DefaultDialer.Proxy, HandshakeTimeout: helloTimeout}
	conn, res, err := d.DialContext(ctx, u.String(), nil)
	if err != nil {
		if res != nil {
			return nil, fmt.Errorf("the gateway answered HTTP %d: %w", res.StatusCode, err)
		}
		return nil, err
	}
	return conn, nil
}

// hello waits for the first frame, which tells how often to beat.
func (l *line) hello() (time.Duration, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return 0, err
	}
	f, err := l.next()
	if err != nil {
		return 0, err
	}
	var h struct {
		Interval int64 `json:"heartbeat_interval"` // milliseconds
	}
	if f.Op != opHello || json.Unmarshal(f.Data, &h) != nil || h.Interval <= 0 {
		return 0, fmt.Errorf("the gateway began with opcode %d instead of a greeting", f.Op)
	}
	return min(time.Duration(h.Interval)*time.Millisecond, maxBeat), nil
}

// introduce goes on with the session, or begins one.
func (l *line) introduce() error {
	if l.resume.can() {
		l.setSeq(l.resume.seq)
		return l.send(opResume, map[string]any{"token": l.token, "session_id": l.resume.session, "seq": l.resume.seq})
	}
	return l.send(opIdentify, map[string]any{
		"token": l.token, "intents": int(l.intents),
		"properties": map[string]string{"os": runtime.GOOS, "browser": "wardroom", "device": "wardroom"},
	})
}

// read takes one frame. Whatever it is and whenever it comes, it never blocks: the
// packet after IDENTIFY may be any.
func (l *line) read() error {
	f, err := l.next()
	if err != nil {
		return err
	}
	switch f.Op {
	case opDispatch:
		return l.dispatch(f)
	case opHeartbeat:
		return l.beat()
	case opReconnect:
		l.close(closeAndResume)
		return errOver
	case opInvalidSession:
		var keeps bool
		if json.Unmarshal(f.Data, &keeps) != nil || !keeps {
			l.resume = resumable{}
		}
		l.close(closeAndResume)
		return errInvalidSession
	case opHeartbeatAck:
		l.mu.Lock()
		l.unacked = time.Time{}
		l.mu.Unlock()
	default:
		l.log.Debug("gateway: opcode passed over", "op", f.Op)
	}
	return nil
}

// closeAndResume is a close code other than 1000 and 1001, which would end the
// session: https://discord.com/developers/docs/events/gateway#initiating-a-disconnect
const closeAndResume = 4000

func (l *line) dispatch(f frame) error {
	if f.Seq != nil {
		l.setSeq(*f.Seq)
		l.resume.seq = *f.Seq
	}
	switch f.Type {
	case "READY":
		var r struct {
			Session string `json:"session_id"`
			URL     string `json:"resume_gateway_url"`
		}
		if err := json.Unmarshal(f.Data, &r); err != nil || r.Session == "" {
			return fmt.Errorf("READY cannot be read: %w", err)
		}
		l.resume.session, l.resume.url = r.Session, r.URL
		l.becomes(false)
	case "RESUMED":
		l.becomes(true)
	}
	l.event(f.Type, f.Data)
	return nil
}

func (l *line) becomes(resumed bool) {
	if !l.ready {
		l.ready = true
		l.up(resumed)
	}
}

// next reads a frame. One that is no JSON is an error of the connection.
func (l *line) next() (frame, error) {
	_, body, err := l.conn.ReadMessage()
	if err != nil {
		return frame{}, err
	}
	var f frame
	if err := json.Unmarshal(body, &f); err != nil {
		return frame{}, fmt.Errorf("the gateway sent what is no frame: %w", err)
	}
	return f, nil
}

func (l *line) setSeq(seq int64) {
	l.mu.Lock()
	l.seq = seq
	l.mu.Unlock()
}

// heartbeats beats until ctx ends, the first time after a part of the interval, as
// Discord asks: https://discord.com/developers/docs/events/gateway#heartbeat-interval
// A heartbeat that finds the one before without an answer ends the connection.
func (l *line) heartbeats(ctx context.Context, end context.CancelCauseFunc, every time.Duration) {
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(every) + 1)))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		l.mu.Lock()
		silent := !l.unacked.IsZero()
		l.mu.Unlock()
		if silent {
			end(errSilent)
			l.close(closeAndResume)
			l.conn.Close()
			return
		}
		if err := l.beat(); err != nil {
			end(err)
			l.conn.Close()
			return
		}
		timer.Reset(every)
	}
}

func (l *line) beat() error {
	l.mu.Lock()
	seq := l.seq
	if l.unacked.IsZero() {
		l.unacked = time.Now()
	}
	l.mu.Unlock()
	if seq == 0 {
		return l.send(opHeartbeat, nil)
	}
	return l.send(opHeartbeat, seq)
}

func (l *line) send(op int, data any) error {
	body, err := json.Marshal(map[string]any{"op": op, "d": data})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return l.conn.WriteMessage(websocket.TextMessage, body)
}

// close says goodbye; a peer that is gone does not hear it.
func (l *line) close(code int) {
	_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}
