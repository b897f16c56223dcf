package discordtest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

func (s *Server) messageRoutes() map[string]handler {
	return map[string]handler{
		"POST /channels/{channel}/messages":                                      s.createMessage,
		"GET /channels/{channel}/messages":                                       s.listMessages,
		"GET /channels/{channel}/messages/{message}":                             s.getMessage,
		"PATCH /channels/{channel}/messages/{message}":                           s.editMessage,
		"DELETE /channels/{channel}/messages/{message}":                          s.deleteMessage,
		"POST /channels/{channel}/messages/bulk-delete":                          s.bulkDelete,
		"GET /channels/{channel}/messages/pins":                                  s.listPins,
		"PUT /channels/{channel}/messages/pins/{message}":                        s.pin,
		"DELETE /channels/{channel}/messages/pins/{message}":                     s.unpin,
		"GET /channels/{channel}/pins":                                           s.oldPins,
		"PUT /channels/{channel}/pins/{message}":                                 s.pin,
		"DELETE /channels/{channel}/pins/{message}":                              s.unpin,
		"PUT /channels/{channel}/messages/{message}/reactions/{emoji}/{user}":    s.react,
		"DELETE /channels/{channel}/messages/{message}/reactions/{emoji}/{user}": s.unreact,
		"GET /channels/{channel}/messages/{message}/reactions/{emoji}":           s.listReactions,
		"DELETE /channels/{channel}/messages/{message}/{what}":                   s.clearReactions,
	}
}

// sending are the permissions that a message with these parts needs.
func sending(ch *Channel, b messageBody, files map[string]upload) Permission {
	need := SendMessages
	if ch.Thread != nil {
		need = SendMessagesInThreads
	}
	if len(b.Embeds.value) > 0 {
		need |= EmbedLinks
	}
	if len(files) > 0 {
		need |= AttachFiles
	}
	return need
}

// sameNonce is how long a nonce is remembered: "the past few minutes".
const sameNonce = 5 * time.Minute

func (s *Server) createMessage(c *call) (any, error) {
	ch, err := s.channelFor(c, 0)
	if err != nil {
		return nil, err
	}
	var b messageBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if ch.Type == ChannelCategory {
		return nil, errNotText
	}
	if err := s.state.needs(ch.ID, sending(ch, b, c.files)); err != nil {
		return nil, err
	}
	if ch.Thread != nil && ch.Thread.Metadata.Archived {
		if ch.Thread.Metadata.Locked && s.state.needs(ch.ID, ManageThreads) != nil {
			return nil, errArchived
		}
		ch.Thread.Metadata.Archived = false // posting opens it again
		s.dispatch("THREAD_UPDATE", intentGuilds, ch)
	}
	if text, ok := b.Nonce.(string); ok && len(text) > 25 {
		var f form
		f.add("nonce", "NONCE_TYPE_TOO_LONG", "Nonce is longer than 25")
		return nil, f.err()
	}
	if b.Enforce && b.Nonce != nil {
		for _, old := range slices.Backward(s.state.messages[ch.ID]) {
			if old.enforced && old.Nonce == b.Nonce && !s.older(old, sameNonce) {
				return s.viewREST(old), nil
			}
		}
	}
	m := s.newMessage(ch.ID, s.state.users[botID])
	m.Nonce, m.enforced, m.TTS = b.Nonce, b.Enforce, b.TTS
	if b.Reference != nil {
		if s.state.message(ch.ID, b.Reference.MessageID) == nil {
			var f form
			f.add("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
			return nil, f.err()
		}
		m.Type, m.Reference = 19, &Reference{ChannelID: ch.ID, MessageID: b.Reference.MessageID, GuildID: guildID}
	}
	if err := s.fillMessage(m, b, c.files); err != nil {
		return nil, err
	}
	s.post(m)
	return s.viewREST(m), nil
}

func (s *Server) older(m *Message, d time.Duration) bool {
	at, err := time.Parse(time.RFC3339Nano, m.Timestamp)
	return err == nil && s.now().Sub(at) > d
}

// post puts a message into its channel and tells the gateway.
func (s *Server) post(m *Message) {
	s.state.addMessage(m)
	s.messageEvent("MESSAGE_CREATE", m)
}

// systemMessage is what Discord itself writes: 6 a pin, 18 a new thread.
func (s *Server) systemMessage(kind int, channel string, ref *Reference, text string) {
	m := s.newMessage(channel, s.state.users[botID])
	m.Type, m.Reference, m.Content = kind, ref, text
	s.post(m)
}

func (s *Server) listMessages(c *call) (any, error) {
	ch, err := s.channelFor(c, 0)
	if err != nil {
		return nil, err
	}
	list := []*Message{}
	if s.state.needs(ch.ID, ReadMessageHistory) != nil {
		return list, nil // as documented: no messages, no error
	}
	all := s.state.messages[ch.ID] // oldest first
	n := limit(c, 50, 100)
	index := func(id string, after bool) int {
		return len(all) - len(slices.Collect(func(yield func(*Message) bool) {
			for _, m := range all {
				if o := byAge(m.ID, id); (o > 0 || o == 0 && !after) && !yield(m) {
					return
				}
			}
		}))
	}
	from, to := max(0, len(all)-n), len(all)
	switch q := c.query; {
	case q.Get("around") != "":
		at := index(q.Get("around"), false)
		from, to = max(0, at-n/2), min(len(all), at+n-n/2)
	case q.Get("before") != "":
		to = index(q.Get("before"), false)
		from = max(0, to-n)
	case q.Get("after") != "":
		from = index(q.Get("after"), true)
		to = min(len(all), from+n)
	}
	for _, m := range slices.Backward(all[from:to]) {
		list = append(list, s.viewREST(m))
	}
	return list, nil
}

// byAge compares ids as the numbers they are.
func byAge(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// messageFor is the message of a call in a channel in which the bot may do want.
func (s *Server) messageFor(c *call, want Permission) (*Message, error) {
	ch, err := s.channelFor(c, want)
	if err != nil {
		return nil, err
	}
	if m := s.state.message(ch.ID, c.path("message")); m != nil {
		return m, nil
	}
	return nil, errUnknownMessage
}

func (s *Server) getMessage(c *call) (any, error) {
	m, err := s.messageFor(c, ReadMessageHistory)
	if err != nil {
		return nil, err
	}
	return s.viewREST(m), nil
}

func (s *Server) editMessage(c *call) (any, error) {
	m, err := s.messageFor(c, 0)
	if err != nil {
		return nil, err
	}
	if m.Author.ID != botID {
		return nil, errOtherAuthor
	}
	var b messageBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := s.writable(m); err != nil {
		return nil, err
	}
	if err := s.fillMessage(m, b, c.files); err != nil {
		return nil, err
	}
	s.edited(m)
	return s.viewREST(m), nil
}

// writable refuses changes in an archived thread.
func (s *Server) writable(m *Message) error {
	if ch := s.state.channels[m.ChannelID]; ch != nil && ch.Thread != nil && ch.Thread.Metadata.Archived {
		return errArchived
	}
	return nil
}

// edited notes the time and tells the gateway, unless only one person sees it.
func (s *Server) edited(m *Message) {
	now := stamp(s.now())
	m.EditedTimestamp = &now
	if m.only == "" {
		s.messageEvent("MESSAGE_UPDATE", m)
	}
}

func (s *Server) deleteMessage(c *call) (any, error) {
	m, err := s.messageFor(c, 0)
	if err != nil {
		return nil, err
	}
	if m.Author.ID != botID {
		if err := s.state.needs(m.ChannelID, ManageMessages); err != nil {
			return nil, err
		}
	}
	s.remove(m)
	return nil, nil
}

// remove deletes a message and tells the gateway, unless only one person saw it.
func (s *Server) remove(m *Message) {
	s.state.removeMessage(m)
	if m.only == "" {
		s.dispatch("MESSAGE_DELETE", intentMessages, map[string]string{"id": m.ID, "channel_id": m.ChannelID, "guild_id": guildID})
	}
}

func (s *Server) bulkDelete(c *call) (any, error) {
	ch, err := s.channelFor(c, ManageMessages)
	if err != nil {
		return nil, err
	}
	var b struct{ Messages []string }
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if len(b.Messages) < 2 || len(b.Messages) > 100 {
		return nil, bad(50016, "Provided too few or too many messages to delete. Must provide at least 2 and fewer than 100 messages to delete.")
	}
	gone := []string{}
	for _, id := range b.Messages {
		m := s.state.message(ch.ID, id)
		if m == nil {
			continue
		}
		if s.older(m, 14*24*time.Hour) {
			return nil, bad(50034, "You can only bulk delete messages that are under 14 days old.")
		}
		gone = append(gone, id)
	}
	for _, id := range gone {
		s.state.removeMessage(s.state.byID[id])
	}
	s.dispatch("MESSAGE_DELETE_BULK", intentMessages, map[string]any{"ids": gone, "channel_id": ch.ID, "guild_id": guildID})
	return nil, nil
}
