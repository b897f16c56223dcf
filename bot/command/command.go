// Package command holds what a person can ask for, as data: declared once,
// served everywhere (Discord, console, shell), behind stages that no handler can
// skip: parse, authorise, record, time out, handle.
package command

import (
	"context"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// Command is one thing that can be asked for. A chat platform fixes Visibility
// and Form before a handler runs, so both are data.
type Command struct {
	Path        string   // "incident ack": the group and the act
	Summary     string   // one line, no full stop
	Description string   // more, in Markdown; may be empty
	Examples    []string // as typed in a room: "/incident ack"
	Options     []Option
	Access      people.Role // the least role; "" lets anybody, linked or not
	// Records makes every request an entry, also a refused one: true for all that
	// asks for a change or shows logs. What only reads goes to the process log.
	Records bool
	// Dry names the Bool option that makes of a request a mere look: such a request is
	// not recorded, also where Records is true.
	Dry        string
	Visibility Visibility
	Form       *Form         // asked for when the command is tapped; nil: it needs nothing more
	Timeout    time.Duration // 0: DefaultTimeout
	Handle     func(context.Context, Request) (Reply, error)
}

// DefaultTimeout bounds a handler that declares nothing else.
const DefaultTimeout = 30 * time.Second

// Visibility says who sees the reply where people share a room.
type Visibility int

const (
	Room    Visibility = iota // everybody in the room
	Private                   // the person who asked
)

// Type of an option: how typed text becomes a value.
type Type int

const (
	String   Type = iota // any text
	Int                  // a whole number
	Bool                 // true or false, yes or no
	Time                 // "00:25", "10m ago", "2021-07-11 00:25" in the team's zone
	Duration             // "90m", "2h"
	Incident             // INC-7 or 7; empty: the room's, else the only open one
	Entry                // INC-7#12, or 12 within the incident asked about
	Person               // a person's name, @name, or a mention
	Choice               // one of Choices
)

// Option is one named argument.
type Option struct {
	Name       string // lower case, as in "at:00:25" and --at
	Help       string
	Type       Type
	Required   bool
	Positional bool // in the shell also without its name, in the order declared
	// Choices are the words that a Choice accepts. On an Incident they are the
	// words accepted beside an incident: "log" lets the team's own timeline be named.
	Choices []string
	// Default stands for what was left out. On an Incident that is not Required
	// the default is that of an entry which was named in full, else the room's
	// incident, else the only open one; "log" and "none" override that, and "none"
	// leaves it empty.
	Default string
	// Future makes a Time lie ahead: a bare "09:00" is the next one. Without it a
	// Time lies behind: the last one.
	Future bool
	Long   bool // a String of several lines, as a form asks for it
	// Many lets a form choose several of what is proposed; the value is the chosen
	// ones joined by commas.
	Many bool
	// Timeline tells to which incident a String belongs that names something of one, as
	// a run: a request is recorded there. "" where it names nothing; nil: to none.
	Timeline func(text string) timeline.ID
	// Complete proposes values for what has been typed so far, best first; nil when
	// there is nothing to propose. It must answer within a second.
	Complete func(ctx context.Context, v timeline.View, typed string) []string
}

// Caller is who asks, and from where. It is what the surface has proven, never
// what the caller claims.
type Caller struct {
	Person *people.Person // nil when the identity is linked to nobody
	Actor  people.Actor   // the person, or the unknown identity
	Via    string         // "shell", "discord", "console", "scenario"
	Room   timeline.ID    // the incident whose room was spoken in; empty elsewhere
}

// Ask is a request as it was typed or clicked, before any of it is checked.
type Ask struct {
	Path    string            `json:"path"`              // "incident ack"
	Options map[string]string `json:"options,omitempty"` // by name
	Args    []string          `json:"args,omitempty"`    // positional, in the shell
	// ID makes a repeated delivery of the same interaction count once; may be empty.
	ID string `json:"id,omitempty"`
}

// Request is what a handler gets: checked, authorised and recorded.
type Request struct {
	Command *Command
	Caller  Caller
	Cause   timeline.Ref   // the entry that recorded the request; zero when it was only a read
	Now     time.Time      // when it was asked
	Zone    *time.Location // the team's
	values  map[string]any // by option, of the types that the accessors return
	about   timeline.ID    // the incident that an option's text belongs to; may be empty
}
