package room

import (
	"fmt"
	"time"

	"wardroom/bot/timeline"
)

// Place is where a chat keeps the room of an incident. One incident has at most
// one place in each chat.
type Place struct {
	ID       timeline.ID `json:"id"`
	Chat     string      `json:"chat"`               // "discord"
	Channel  string      `json:"channel"`            // the channel, or the thread
	Parent   string      `json:"parent,omitempty"`   // the channel that a thread hangs on
	Thread   bool        `json:"thread,omitempty"`   // it is a thread, because channels ran out
	Name     string      `json:"name"`               // "inc-0007": without the title that a chat adds, which may have to be erased
	URL      string      `json:"url,omitempty"`      // where a person opens it
	Archived bool        `json:"archived,omitempty"` // it was put away
	Again    string      `json:"again,omitempty"`    // what became of the room that this one replaces
	OpenedAt time.Time   `json:"opened_at,omitzero"`
}

// Places holds the rooms under "discord/INC-1".
var Places = timeline.Table[Place]{
	Schema: timeline.Schema{Name: "rooms", Columns: []string{"number", "external"}},
	Row: func(p Place) (string, []any) {
		return placeKey(p.Chat, p.ID), []any{p.ID.Number(), p.Chat + "/" + p.Channel}
	},
}

func placeKey(chat string, id timeline.ID) string { return fmt.Sprintf("%s/%s", chat, id) }

// PlaceOf returns the room of an incident in a chat, and whether there is one.
func PlaceOf(r timeline.Reader, chat string, id timeline.ID) (Place, bool, error) {
	return Places.Get(r, placeKey(chat, id))
}

// PlaceAt returns the room that a channel is, and whether it is one.
func PlaceAt(r timeline.Reader, chat, channel string) (Place, bool, error) {
	found, err := Places.Select(r, timeline.Query{Where: []timeline.Where{{Column: "external", Value: chat + "/" + channel}}})
	if err != nil || len(found) == 0 {
		return Place{}, false, err
	}
	return found[0], true, nil
}
