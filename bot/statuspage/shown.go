package statuspage

import (
	"context"

	"wardroom/bot/timeline"
)

// Shown is how far one page has come with a notice.
type Shown struct {
	Page    string `json:"page"`
	URL     string `json:"url,omitempty"` // where the public reads it, once it is there
	Waiting int    `json:"waiting"`       // updates that are not there yet as they read now
}

// Shown returns how far each page has come with the notice of an incident.
func (d *Desk) Shown(ctx context.Context, id timeline.ID) ([]Shown, error) {
	var all []Shown
	err := d.store.View(ctx, func(v timeline.View) error {
		n, posted, err := Get(v, id)
		if err != nil || !posted {
			return err
		}
		for _, p := range d.pages {
			made, err := timeline.DeliveriesOf(v, followerName(p.Name), id)
			if err != nil {
				return err
			}
			s := Shown{Page: p.Name}
			there := map[timeline.Ref]bool{}
			for _, row := range made {
				there[row.Of] = true
				s.URL = row.URL
			}
			for _, u := range n.Updates {
				if !there[u.Entry] || !u.Correction.IsZero() && !there[u.Correction] {
					s.Waiting++
				}
			}
			all = append(all, s)
		}
		return nil
	})
	return all, err
}
