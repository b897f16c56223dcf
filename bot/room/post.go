// Package room is what the room of an incident shows, whatever the chat: the
// posts that tell what happened, and the living message that tells how things
// stand. Adapters render both for one chat each; terminals and transcripts get
// lines of plain text.
//
// Everything in a post is outside text. Whoever shows it escapes it for the
// place where it is shown: [Plain] for a terminal.
package room

import (
	"time"

	"wardroom/bot/command"
	"wardroom/bot/timeline"
)

// Post is one entry as a room tells it.
type Post struct {
	Entry    timeline.Ref
	At       time.Time // when it happened
	Recorded time.Time // when it was written
	Actor    string    // for people: "joe", "alertmanager"
	Text     string    // one plain sentence; outside text
	More     []Detail  // what belongs to it, line by line
	Whole    string    // the command that shows all of it; "": the one that shows the entry
	Key      bool      // belongs into the room; the rest only into the full timeline
	Tone     Tone      // how it strikes the eye
	Mentions []string  // the names of those whom a chat notifies with it; mostly nobody
	Call     string    // what the notification says, short; "": Text. Outside text
	// Acts are what whoever is notified can do at once.
	Acts []command.Action
}

// Detail is a line below a post: what a plan would break, a step, a command. A room
// may leave out the last ones of many and says so.
type Detail struct {
	Text string // outside text, one line
	As   DetailKind
}

// DetailKind is how a detail is shown.
type DetailKind int

const (
	Item DetailKind = iota // one of several
	Head                   // what the items below are; or what people are asked for
	Code                   // a command to copy
	Step                   // one of several that bears its number or mark
)

// Mentioner is a payload that a chat notifies persons of, by their names. No other
// post notifies anybody.
type Mentioner interface{ Mentions() []string }

// Corrector is a payload that is told in other words when its entry corrects an
// earlier one.
type Corrector interface{ CorrectionText() string }

// PostOf makes the post of an entry from the entry alone. Without a codec every post
// is key. [PostIn] adds what the state tells.
func PostOf(codec *timeline.Codec, e timeline.Entry) Post {
	p := Post{Entry: e.Ref, At: e.OccurredAt, Recorded: e.RecordedAt, Actor: e.Actor.Display(), Key: true}
	if e.Payload != nil {
		p.Text, p.Tone = e.Payload.Text(), toneOf(e.Payload)
		p.tellRun(e.Payload)
	}
	if m, ok := e.Payload.(Mentioner); ok {
		if p.Mentions = m.Mentions(); e.Timeline.IsIncident() {
			p.Acts = []command.Action{{Label: "Acknowledge", Style: command.Primary,
				Ask: command.Ask{Path: "incident ack", Options: map[string]string{"incident": string(e.Timeline)}}}}
		}
	}
	if !e.Supersedes.IsZero() {
		if c, ok := e.Payload.(Corrector); ok {
			p.Text = c.CorrectionText()
		}
		p.Text += " (corrects " + e.Supersedes.String() + ")"
	}
	if codec != nil {
		p.Key = codec.Prominence(e.Kind) == timeline.Key
	}
	return p
}

// A backlog is stale when more than StaleCount posts are older than StaleAge:
// told one by one they would bury what happens now.
const (
	StaleCount = 20
	StaleAge   = 5 * time.Minute
)

// Message is one message to a room: one post, or a folded backlog.
type Message struct {
	Posts []Post
	Stale bool // the posts are a backlog; each is shown with its original time
}

// Messages parts posts, in the order of recording, into messages. A stale
// backlog becomes one message; what is newer follows post by post.
func Messages(posts []Post, now time.Time) []Message {
	old := 0
	for old < len(posts) && now.Sub(posts[old].Recorded) > StaleAge {
		old++
	}
	var out []Message
	if old > StaleCount {
		out = append(out, Message{Posts: posts[:old], Stale: true})
		posts = posts[old:]
	}
	for i := range posts {
		out = append(out, Message{Posts: posts[i : i+1]})
	}
	return out
}
