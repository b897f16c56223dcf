// Package render turns what the domain says into what Discord shows: messages,
// forms, commands and the custom ids of buttons; and reads back what people chose.
// It sends nothing and remembers nothing: the same state gives the same message.
//
// All text that comes from outside is escaped here, in one place, and nothing that
// leaves here breaks a limit of Discord's (limits.go). Nobody is notified but the
// one person of a page.
package render

import (
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// Options are what the renderer cannot know by itself. The zero Options work.
type Options struct {
	Zone *time.Location // the team's; nil is UTC
	// DiscordID returns the id of a person's account, "" when there is none.
	DiscordID func(person string) string
	// Room returns the id of the channel or thread that is an incident's room, ""
	// when it has none. It is shown as a link.
	Room func(timeline.ID) string
	// Table writes requests as they are typed, where a button cannot carry them.
	Table *command.Table
	// Keeper keeps what does not fit into a custom id; nil: such a button becomes the
	// command to type.
	Keeper Keeper
	Log    *slog.Logger // nil is silent
}

// Keeper keeps routes that are longer than a custom id may be, durably: the button
// is pressed after a restart too. Keys are made from what they stand for, so the
// same route is kept again under the same key.
type Keeper interface {
	// Keep returns when the route is stored, or the error that it is not.
	Keep(key, route string) error
	// Load returns a route that was kept, and whether it is known.
	Load(key string) (route string, known bool, err error)
}

// Renderer renders for one guild. It may be used by many at once.
type Renderer struct {
	Options
	clock room.Clock
}

// New makes a renderer.
func New(o Options) *Renderer {
	if o.DiscordID == nil {
		o.DiscordID = func(string) string { return "" }
	}
	if o.Room == nil {
		o.Room = func(timeline.ID) string { return "" }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Renderer{Options: o, clock: room.Clock{Zone: o.Zone}}
}

// keyOf names a route by what it is: 132 bits of its SHA-256, as 22 characters.
func keyOf(route string) string {
	sum := sha256.Sum256([]byte(route))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

func (r *Renderer) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}
