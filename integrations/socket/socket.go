// Package socket is the shell's way in: HTTP with JSON on a Unix socket in the
// data folder. Who asks is the Unix user at the other end, told by the kernel.
//
//	POST /ask       an [AskBody]; a command.Reply
//	GET  /entries   ?timeline=INC-1&after=12&wait=30s; a [Page]
//	GET  /complete  ?path=incident+ack&option=incident&typed=IN; a list of command.Proposal
//
// A failure is a [Problem] under the HTTP status of its code.
package socket

import (
	"context"
	"errors"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// FileName is the socket's name in the data folder.
const FileName = "wardroom.sock"

// Limits.
const (
	// maxBody bounds a request: command.MaxLine with every byte escaped in JSON.
	maxBody = 8 * command.MaxLine
	// maxAnswer bounds what a client reads of an answer.
	maxAnswer = 64 << 20
	// PageSize is how many entries a page holds at the most.
	PageSize = 500
	// MaxWait is how long a page is waited for at the most.
	MaxWait = time.Minute
)

// AskBody is the body of POST /ask.
type AskBody struct {
	command.Ask
	Room timeline.ID `json:"room,omitempty"` // the incident whose room is spoken in
}

// Problem is a failure as it crosses the socket. The cause does not.
type Problem struct {
	Code    problem.Code `json:"code"`
	Message string       `json:"message"`
	Hint    string       `json:"hint,omitempty"`
	ID      string       `json:"id,omitempty"` // under which the log says more
}

// NewProblem is err as people may see it.
func NewProblem(err error) Problem {
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		return Problem{Code: problem.Internal, Message: "internal error"}
	}
	return Problem{Code: p.Code, Message: p.Message, Hint: p.Hint, ID: command.FaultID(err)}
}

// Err is the problem at the other end.
func (p Problem) Err() error {
	err := problem.New(p.Code, "%s", p.Message)
	if p.Hint != "" {
		err = err.WithHint("%s", p.Hint)
	}
	if p.ID != "" {
		err = err.Because(&command.Fault{ID: p.ID, Err: errors.New(p.Message)})
	}
	return err
}

// Entry is an entry as it is shown: its text, not its payload.
type Entry struct {
	Ref        timeline.Ref  `json:"entry"`
	Kind       timeline.Kind `json:"kind"`
	Key        bool          `json:"key"` // shown where only the main things are
	OccurredAt time.Time     `json:"occurred_at"`
	RecordedAt time.Time     `json:"recorded_at"`
	Actor      people.Actor  `json:"actor"`
	Text       string        `json:"text"` // plain; whoever shows it escapes it
	Cause      timeline.Ref  `json:"cause,omitzero"`
	Supersedes timeline.Ref  `json:"supersedes,omitzero"`
}

// Page is what a timeline holds after some entry, and its incident at that moment.
type Page struct {
	Timeline timeline.ID        `json:"timeline"`
	Incident *incident.Incident `json:"incident,omitempty"` // nil for the log
	Entries  []Entry            `json:"entries"`            // in order, at most PageSize
	Head     int64              `json:"head"`               // the newest entry there is; more than the last one here when the page is full
}

// Viewer is where pages are read from.
type Viewer interface {
	View(context.Context, func(timeline.View) error) error
}

// ReadPage reads the entries of a timeline after one, all from one snapshot. A
// timeline that does not exist is a NotFound problem.
func ReadPage(ctx context.Context, from Viewer, prominence func(timeline.Kind) timeline.Prominence, id timeline.ID, after int64) (Page, error) {
	page := Page{Timeline: id, Entries: []Entry{}}
	err := from.View(ctx, func(v timeline.View) error {
		head, known, err := v.Head(id)
		if err != nil {
			return err
		}
		if !known {
			return problem.New(problem.NotFound, "there is no incident %s", id).WithHint("`/incident list all:yes` shows those there are")
		}
		page.Head = head.Seq
		if id.IsIncident() {
			i, err := incident.Get(v, id)
			if err != nil && !problem.Is(err, problem.NotFound) {
				return err
			}
			if err == nil {
				page.Incident = &i
			}
		}
		entries, err := v.Entries(id, after, PageSize)
		for _, e := range entries {
			page.Entries = append(page.Entries, Entry{
				Ref: e.Ref, Kind: e.Kind, Key: prominence(e.Kind) == timeline.Key,
				OccurredAt: e.OccurredAt, RecordedAt: e.RecordedAt, Actor: e.Actor,
				Text: e.Payload.Text(), Cause: e.Cause, Supersedes: e.Supersedes,
			})
		}
		return err
	})
	return page, err
}
