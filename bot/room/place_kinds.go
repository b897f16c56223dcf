package room

import (
	"fmt"

	"wardroom/bot/timeline"
)

// PlaceKinds tell where the rooms of an incident are. They are details: a
// post-mortem is about the incident, not about the channel people met in.
var PlaceKinds = []timeline.KindSpec{
	timeline.KindOf[Opened](timeline.Detail),
	timeline.KindOf[Archived](timeline.Detail),
}

// Opened says that a chat holds the room of the incident in whose timeline it
// stands. A later one replaces it: the channel was deleted, and made anew.
type Opened struct {
	Place Place `json:"place"`
	// Again says what became of the room before; "" for the first one.
	Again string `json:"again,omitempty"`
}

func (*Opened) Kind() timeline.Kind { return "room.opened" }
func (o *Opened) Text() string {
	what := "channel"
	if o.Place.Thread {
		what = "thread"
	}
	text := fmt.Sprintf("Room opened: %s %s %s", o.Place.Chat, what, o.Place.Name)
	if o.Again != "" {
		text += "; " + o.Again
	}
	return text
}

// Archived says that the room in a chat was put away, or taken out again.
type Archived struct {
	Chat string `json:"chat"`
	// Back: the room stands again where those in use are.
	Back bool `json:"back,omitempty"`
}

func (*Archived) Kind() timeline.Kind { return "room.archived" }
func (a *Archived) Text() string {
	if a.Back {
		return "Room taken out of the archive of " + a.Chat
	}
	return "Room put into the archive of " + a.Chat
}

// Fold keeps [Places]. It depends on no other fold.
var Fold = timeline.Fold{Name: "rooms", Tables: []timeline.Schema{Places.Schema}, Apply: apply}

func apply(w timeline.Writer, e timeline.Entry) error {
	switch p := e.Payload.(type) {
	case *Opened:
		place := p.Place
		// The timeline says whose room it is, the recording when it was opened: what
		// stands in the payload is the same, or wrong.
		place.ID, place.OpenedAt, place.Archived, place.Again = e.Timeline, e.RecordedAt, false, p.Again
		return Places.Put(w, place)
	case *Archived:
		place, is, err := PlaceOf(w, p.Chat, e.Timeline)
		if err != nil || !is {
			return err
		}
		place.Archived = !p.Back
		return Places.Put(w, place)
	}
	return nil
}

// PlacesIn returns the rooms of a chat, by the incident's number.
func PlacesIn(r timeline.Reader, chat string) ([]Place, error) {
	return Places.Select(r, timeline.Query{OrderBy: "number", Where: []timeline.Where{
		{Column: "external", Op: ">=", Value: chat + "/"},
		{Column: "external", Op: "<", Value: chat + "0"}, // "0" follows "/"
	}})
}
