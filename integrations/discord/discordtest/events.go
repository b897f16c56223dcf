package discordtest

import (
	"encoding/json"
	"slices"
)

// emit gives an event to a session: at once, or when it is resumed.
func (s *Server) emit(ses *session, name string, payload any) {
	data, err := json.Marshal(payload)
	if err != nil {
		s.opt.Log.Error("an event of the simulated Discord", "event", name, "error", err)
		return
	}
	ses.seq++
	seq := ses.seq
	e := event{Op: opDispatch, Seq: &seq, Type: &name, Data: data}
	if ses.sent = append(ses.sent, e); len(ses.sent) > maxReplay {
		ses.sent = slices.Clone(ses.sent[len(ses.sent)-maxReplay:])
	}
	if ses.conn != nil && !s.gateway.muted {
		ses.conn.send(e)
	}
}

// dispatch gives an event to every session that asked for one of its intents.
func (s *Server) dispatch(name string, intent int, payload any) {
	for _, ses := range slices.Clone(s.gateway.order) {
		if ses.intents&intent != 0 {
			s.emit(ses, name, payload)
		}
	}
	s.touch()
}

// messageEvent is a MESSAGE_CREATE or MESSAGE_UPDATE; each session sees as much of the
// content as its intents allow.
func (s *Server) messageEvent(name string, m *Message) {
	for _, ses := range slices.Clone(s.gateway.order) {
		if ses.intents&intentMessages == 0 {
			continue
		}
		p := struct {
			*Message
			GuildID string  `json:"guild_id"`
			Member  *Member `json:"member,omitempty"`
		}{s.view(m, ses.intents&IntentContent != 0), guildID, nil}
		if member := s.state.members[m.Author.ID]; member != nil {
			bare := *member
			bare.User = nil
			p.Member = &bare
		}
		s.emit(ses, name, p)
	}
	s.touch()
}

func (s *Server) reactionEvent(name string, m *Message, e Emoji, user string) {
	p := map[string]any{
		"user_id": user, "channel_id": m.ChannelID, "message_id": m.ID, "guild_id": guildID, "emoji": e,
		"burst": false, "type": 0,
	}
	if name == "MESSAGE_REACTION_ADD" {
		p["member"], p["message_author_id"] = s.state.members[user], m.Author.ID
	}
	s.dispatch(name, intentReactions, p)
}

// deliver gives an interaction to one session: that which is connected and newest,
// else the newest that may come back. It reports whether there was any.
func (s *Server) deliver(payload any) bool {
	var to *session
	for _, ses := range s.gateway.order {
		if to == nil || ses.conn != nil || to.conn == nil {
			to = ses
		}
	}
	if to != nil {
		s.gateway.delivered = payload
		s.emit(to, "INTERACTION_CREATE", payload)
	}
	return to != nil
}

// GatewayFault is something that goes wrong with the gateway.
type GatewayFault struct {
	Do GatewayAct `json:"do"`
	// Code is the close code of GatewayClose and GatewayRefuse, and the opcode (7, 9
	// or 11) of GatewayFirst.
	Code int `json:"code,omitempty"`
	// Resumable is what an op 9 says.
	Resumable bool `json:"resumable,omitempty"`
	// Times is how many handshakes GatewayFirst and GatewayRefuse strike; 0 is one.
	Times int `json:"times,omitempty"`
}

// GatewayAct names what goes wrong.
type GatewayAct string

// What may go wrong with the gateway.
const (
	GatewayReconnect GatewayAct = "reconnect" // op 7 to every connection
	GatewayInvalid   GatewayAct = "invalid"   // op 9; the sessions are forgotten when not Resumable
	GatewayClose     GatewayAct = "close"     // every connection is closed with Code
	GatewayDrop      GatewayAct = "drop"      // every connection is cut without a word
	GatewayForget    GatewayAct = "forget"    // sessions cannot be resumed
	GatewayAgain     GatewayAct = "again"     // the newest interaction is delivered once more, as by a RESUME that replays too much
	GatewayMute      GatewayAct = "mute"      // silent death: connections stay and nothing comes, no ACK either
	GatewayUnmute    GatewayAct = "unmute"    // new connections work again; muted ones stay dead
	GatewayGarbage   GatewayAct = "garbage"   // a frame that is no JSON, one of an unknown event, one of a wrong type
	GatewayFirst     GatewayAct = "first"     // op Code comes first after IDENTIFY or RESUME, and with 7 or 9 nothing else
	GatewayRefuse    GatewayAct = "refuse"    // IDENTIFY or RESUME is answered by a close with Code
)

// Gateway makes something go wrong with the gateway.
func (s *Server) Gateway(f GatewayFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	g := &s.gateway
	if f.Do == GatewayForget || f.Do == GatewayInvalid && !f.Resumable {
		for _, ses := range slices.Clone(g.order) {
			g.forget(ses)
		}
	}
	for range max(1, f.Times) {
		switch f.Do {
		case GatewayAgain:
			if g.delivered != nil {
				s.deliver(g.delivered)
			}
		case GatewayFirst:
			g.first = append(g.first, opening{f.Code, f.Resumable})
		case GatewayRefuse:
			g.refused = append(g.refused, f.Code)
		}
	}
	g.muted = f.Do == GatewayMute || g.muted && f.Do != GatewayUnmute
	for _, c := range g.conns {
		switch f.Do {
		case GatewayReconnect:
			c.send(event{Op: opReconnect, Data: json.RawMessage("null")})
		case GatewayInvalid:
			c.send(event{Op: opInvalid, Data: resumable(opInvalid, f.Resumable)})
			c.session = nil
		case GatewayClose:
			c.shut(f.Code, "")
			g.detach(c)
		case GatewayDrop:
			c.put(outgoing{cut: true})
			g.detach(c)
		case GatewayMute:
			c.muted = true
			g.detach(c)
		case GatewayGarbage:
			for _, frame := range []string{"not JSON", `{"op":0,"s":null,"t":"EVENT_OF_TOMORROW","d":{"a":1}}`, `{"op":0,"s":null,"t":"MESSAGE_CREATE","d":{"id":7}}`, `{"op":99,"d":[]}`} {
				c.put(outgoing{frame: []byte(frame)})
			}
		}
	}
}

// SetIntents changes which privileged intents are granted, as a person does in the
// application's settings: with GatewayClose and 4014 it is what a running bot sees.
func (s *Server) SetIntents(granted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Intents = granted
}

// Sessions reports how often a bot identified and resumed, and how many connections
// with a session there are.
func (s *Server) Sessions() (identified, resumed, connected int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.gateway.order {
		if ses.conn != nil {
			connected++
		}
	}
	return s.gateway.identifies, s.gateway.resumes, connected
}
