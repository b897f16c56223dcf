package discordtest

import (
	"strconv"
	"time"
)

// Types of interactions and of the answers to them;
// https://discord.com/developers/docs/interactions/receiving-and-responding
const (
	kindCommand   = 2
	kindComponent = 3
	kindComplete  = 4
	kindModal     = 5

	answerMessage        = 4
	answerDeferred       = 5
	answerDeferredUpdate = 6
	answerUpdate         = 7
	answerChoices        = 8
	answerModal          = 9
)

// interaction is one act of a person until its token dies.
type interaction struct {
	id, token, user, channel string
	kind                     int
	data                     any
	source                   *Message // on which a component or a menu command was used
	made                     time.Time
	answered                 int // the type of the answer; 0 is none yet
	failed                   bool
	original                 string // the id of the message that answers, or is updated
	modal                    *Modal
	choices                  []Choice
	trigger                  *Metadata // what opened the form that is submitted
}

func (s *Server) interactionRoutes() map[string]handler {
	return map[string]handler{
		"POST /interactions/{interaction}/{token}/callback":         s.callback,
		"POST /webhooks/{application}/{token}":                      s.followUp,
		"GET /webhooks/{application}/{token}/messages/{message}":    s.getAnswer,
		"PATCH /webhooks/{application}/{token}/messages/{message}":  s.editAnswer,
		"DELETE /webhooks/{application}/{token}/messages/{message}": s.deleteAnswer,
	}
}

// callback is the first answer. It must come in time, and only once.
func (s *Server) callback(c *call) (any, error) {
	it := s.state.interactions[c.path("token")]
	if it == nil || it.id != c.path("interaction") {
		return nil, errUnknownInteraction
	}
	var b callbackBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := s.acknowledge(it, b, c.files); err != nil {
		return nil, err
	}
	if c.query.Get("with_response") != "true" {
		return nil, nil
	}
	i := map[string]any{"id": it.id, "type": it.kind, "guild_id": guildID, "channel_id": it.channel}
	result := map[string]any{"interaction": i}
	if m := s.state.byID[it.original]; m != nil {
		i["response_message_id"], i["response_message_loading"], i["response_message_ephemeral"] = m.ID, m.Thinking(), m.Ephemeral()
		if b.Type == answerMessage || b.Type == answerUpdate {
			result["resource"] = map[string]any{"type": b.Type, "message": s.viewREST(m)}
		}
	}
	return result, nil
}

type callbackBody struct {
	Type int `json:"type"`
	Data struct {
		messageBody
		Choices  []Choice `json:"choices"`
		CustomID string   `json:"custom_id"`
		Title    string   `json:"title"`
	} `json:"data"`
}

// fits reports whether an interaction may be answered so.
func (it *interaction) fits(answer int) bool {
	switch answer {
	case answerChoices:
		return it.kind == kindComplete
	case answerMessage, answerDeferred:
		return it.kind != kindComplete
	case answerModal:
		return it.kind == kindCommand || it.kind == kindComponent
	case answerDeferredUpdate, answerUpdate:
		return it.source != nil && (it.kind == kindComponent || it.kind == kindModal)
	}
	return false
}

// acknowledge carries out the first answer, of either way that it comes.
func (s *Server) acknowledge(it *interaction, b callbackBody, files map[string]upload) error {
	if it.answered != 0 {
		return errAnswered
	}
	if it.failed || s.now().Sub(it.made) > s.opt.Deadline {
		it.failed = true
		return errUnknownInteraction
	}
	var f form
	if !it.fits(b.Type) {
		f.add("type", "BASE_TYPE_CHOICES", "Value must be one of the types that answer an interaction of type "+strconv.Itoa(it.kind))
		return f.err()
	}
	var modal *Modal
	switch b.Type {
	case answerChoices:
		f.count("data.choices", len(b.Data.Choices), maxChoices)
		checkChoices(&f, "data.choices", b.Data.Choices)
	case answerModal:
		modal = &Modal{Interaction: it.id, Title: b.Data.Title, CustomID: b.Data.CustomID}
		modal.Components = components(b.Data.Components.value)
		checkModal(&f, modal)
	case answerDeferredUpdate:
		it.original = it.source.ID
	case answerUpdate:
		it.original = it.source.ID
		if m := s.state.byID[it.source.ID]; m != nil {
			if err := s.fillMessage(m, b.Data.messageBody, files); err != nil {
				return err
			}
			s.edited(m)
		}
	case answerMessage, answerDeferred:
		m, err := s.answerTo(it, b.Data.messageBody, files, b.Type == answerDeferred)
		if err != nil {
			return err
		}
		it.original = m.ID
	}
	if err := f.err(); err != nil {
		return err
	}
	it.answered, it.modal, it.choices = b.Type, modal, b.Data.Choices
	s.touch()
	return nil
}

// answerTo makes a message that answers, or stands for the answer to come.
func (s *Server) answerTo(it *interaction, b messageBody, files map[string]upload, deferred bool) (*Message, error) {
	if s.state.channels[it.channel] == nil {
		return nil, errUnknownChannel // deleted meanwhile
	}
	m := s.newMessage(it.channel, s.state.users[botID])
	m.WebhookID, m.ApplicationID = applicationID, applicationID
	m.InteractionMetadata = &Metadata{ID: it.id, Type: it.kind, User: s.state.users[it.user], Owners: map[string]string{"0": guildID}}
	if it.kind == kindCommand {
		m.Type = 20
		if it.source != nil {
			m.Type, m.InteractionMetadata.TargetMessageID = 23, it.source.ID
		}
	}
	if it.kind == kindComponent {
		m.Type, m.InteractionMetadata.InteractedMessageID = 19, it.source.ID
		m.Reference = &Reference{ChannelID: it.channel, MessageID: it.source.ID, GuildID: guildID}
	}
	if it.kind == kindModal {
		m.InteractionMetadata.Triggering = it.trigger
	}
	if b.Flags&FlagEphemeral != 0 {
		m.only = it.user
		m.Flags |= FlagEphemeral
	}
	if deferred {
		m.Flags |= FlagLoading
	} else if err := s.fillMessage(m, b, files); err != nil {
		return nil, err
	}
	if m.only != "" {
		s.state.addMessage(m)
		s.touch()
	} else {
		s.post(m)
	}
	return m, nil
}

// answering is the interaction of a call, whose token must still live.
func (s *Server) answering(c *call) (*interaction, error) {
	it := s.state.interactions[c.path("token")]
	switch {
	case c.path("application") != applicationID || it == nil:
		return nil, errUnknownWebhook
	case s.now().Sub(it.made) > s.opt.TokenLife:
		return nil, errInvalidToken
	case it.answered == 0 || it.answered == answerChoices || it.answered == answerModal:
		return nil, errUnknownWebhook
	}
	return it, nil
}

// followUp makes another message; while the first is still a placeholder it becomes
// that one.
func (s *Server) followUp(c *call) (any, error) {
	it, err := s.answering(c)
	if err != nil {
		return nil, err
	}
	var b messageBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if m := s.state.byID[it.original]; m != nil && m.Thinking() {
		return s.resolve(m, b, c.files)
	}
	m, err := s.answerTo(it, b, c.files, false)
	if err != nil {
		return nil, err
	}
	return s.viewREST(m), nil
}

// resolve writes into an answer that is there.
func (s *Server) resolve(m *Message, b messageBody, files map[string]upload) (any, error) {
	was := m.Thinking()
	if err := s.fillMessage(m, b, files); err != nil {
		return nil, err
	}
	m.Flags &^= FlagLoading
	s.edited(m)
	if was {
		m.EditedTimestamp = nil
	}
	s.touch()
	return s.viewREST(m), nil
}

func (s *Server) answerFor(c *call) (*Message, error) {
	it, err := s.answering(c)
	if err != nil {
		return nil, err
	}
	id := c.path("message")
	if id == "@original" {
		id = it.original
	}
	m := s.state.byID[id]
	if m == nil || m.Author.ID != botID || m.WebhookID == "" && id != it.original {
		return nil, errUnknownMessage
	}
	return m, nil
}

func (s *Server) getAnswer(c *call) (any, error) {
	m, err := s.answerFor(c)
	if err != nil {
		return nil, err
	}
	return s.viewREST(m), nil
}

func (s *Server) editAnswer(c *call) (any, error) {
	m, err := s.answerFor(c)
	if err != nil {
		return nil, err
	}
	var b messageBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	return s.resolve(m, b, c.files)
}

func (s *Server) deleteAnswer(c *call) (any, error) {
	m, err := s.answerFor(c)
	if err != nil {
		return nil, err
	}
	s.remove(m)
	s.touch()
	return nil, nil
}
