package room

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// SaidKinds are the kinds of recorded messages: what somebody wrote in a chat and
// somebody put into the timeline.
var SaidKinds = []timeline.KindSpec{
	timeline.KindOf[Said](timeline.Key),
	timeline.KindOf[SaidEdited](timeline.Key),
	timeline.KindOf[SaidDeleted](timeline.Key),
}

// MaxSaid is how many characters of a message are recorded; more than any chat
// allows today.
const MaxSaid = 6000

// Cutoff stands at the end of a recorded text that was longer.
const Cutoff = " … [cut here: the message is longer]"

// Said is a chat message that was put into the timeline. Its entry's OccurredAt is
// when the message was sent, its actor whoever wrote it.
type Said struct {
	Chat        string       `json:"chat"`    // "discord"
	Channel     string       `json:"channel"` // where it stands
	Message     string       `json:"message"` // its id there
	URL         string       `json:"url,omitempty"`
	Author      string       `json:"author"`              // a person's name, or a tamed one
	AuthorID    string       `json:"author_id,omitempty"` // the chat's id of the author
	Body        string       `json:"text"`                // outside text, at most MaxSaid characters
	By          string       `json:"by"`                  // who put it into the timeline
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Attachment is a file of a recorded message, copied into the [Vault].
type Attachment struct {
	Name        string `json:"name"` // outside text
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256,omitempty"` // of the copy; empty when there is none
	Missing     string `json:"missing,omitempty"`
}

func (*Said) Kind() timeline.Kind { return "room.message" }
func (s *Said) Text() string {
	text := s.Body
	if strings.TrimSpace(text) == "" {
		text = "(no text)"
	}
	for _, a := range s.Attachments {
		text += "\n" + a.text()
	}
	return text
}

func (a Attachment) text() string {
	if a.SHA256 == "" {
		return fmt.Sprintf("Attachment %s is not kept: %s", a.Name, a.Missing)
	}
	return fmt.Sprintf("Attachment %s, %d bytes, SHA-256 %s", a.Name, a.Size, a.SHA256)
}

// FreeTexts are what copies elsewhere may repeat: what an erasure looks for.
func (s *Said) FreeTexts() []string {
	texts := []string{s.Body}
	for _, a := range s.Attachments {
		texts = append(texts, a.Name)
	}
	return texts
}

// StandsAt is where the message itself is: an erasure does not reach it there, and
// says so.
func (s *Said) StandsAt() string {
	if s.URL == "" {
		return s.Chat
	}
	return s.URL
}

// SaidEdited tells that a recorded message was changed afterwards. Its cause is
// the entry that recorded the message, which keeps what it said.
type SaidEdited struct {
	Of   timeline.Ref `json:"of"`
	Body string       `json:"text"` // as it reads now
}

func (*SaidEdited) Kind() timeline.Kind { return "room.message-edited" }
func (s *SaidEdited) Text() string {
	return fmt.Sprintf("The message recorded as %s was edited: %s", s.Of, s.Body)
}

// FreeTexts are what copies elsewhere may repeat.
func (s *SaidEdited) FreeTexts() []string { return []string{s.Body} }

// SaidDeleted tells that a recorded message was deleted in its chat. The entry
// that recorded it, its cause, keeps what it said.
type SaidDeleted struct {
	Of timeline.Ref `json:"of"`
}

func (*SaidDeleted) Kind() timeline.Kind { return "room.message-deleted" }
func (s *SaidDeleted) Text() string {
	return fmt.Sprintf("The message recorded as %s was deleted where it stood", s.Of)
}

// SaidClaim is the claim that makes a message be recorded once, in whichever
// timeline.
func SaidClaim(chat, message string) string { return "message/" + chat + "/" + message }

// Quote is a message about to be recorded.
type Quote struct {
	Said
	Actor  people.Actor // who wrote it
	SentAt time.Time
	Cause  timeline.Ref // the request; may be zero
}
