package incident

import (
	"wardroom/bot/command"
	"wardroom/bot/timeline"
)

// Directory tells the stages of bot/command which incidents there are.
type Directory struct{}

var _ command.Incidents = Directory{}

// OpenIDs returns the open incidents, the newest first.
func (Directory) OpenIDs(v timeline.View) ([]command.Named, error) {
	open, err := Open(v)
	named := make([]command.Named, len(open))
	for n, i := range open {
		named[n] = command.Named{ID: i.ID, Title: i.Title}
	}
	return named, err
}

// Exists reports whether there is, or was, an incident of this id.
func (Directory) Exists(v timeline.View, id timeline.ID) (bool, error) {
	_, known, err := Table.Get(v, string(id))
	return known, err
}
